// Package start is read by a test, never built.
package start

import (
	"html/template"
	"regexp"
	"sync"
)

var table = []struct{ pattern *regexp.Regexp }{{regexp.MustCompile(`a`)}}

var page = template.Must(template.New("page").Parse(""))

var later = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`b`) })

func local() bool {
	var pattern = regexp.MustCompile(`c`)
	return pattern.MatchString("") && table[0].pattern == later() && page != nil
}
