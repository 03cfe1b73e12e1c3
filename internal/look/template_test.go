package look

import (
	"html/template"
	"strings"
	"testing"

	"fovea/internal/spelling"
)

type named string

// Texts are written as they are shown wherever they stand, but for what is real; numbers and code stay as they are.
func TestTemplate(t *testing.T) {
	const source = `{{$n := .Name}}<p title="{{.Name}}" data-name="{{real .Name}}">{{$n}} {{.Named}} {{.Stringer}} {{.Count}} {{printf "%s!" .Name}}</p>` +
		`{{range .Names}}<i>{{.}}</i>{{else}}none{{end}}{{with .Name}}<b>{{.}}</b>{{end}}{{if .Count}}{{.Name}}{{else}}{{.Name}}{{end}}{{block "x" .}}<u>{{.Name}}</u>{{end}}{{code}}{{policy}}`
	const name = "a\u202eb<"
	page, err := Template("test", source, template.FuncMap{"code": func() template.HTML { return "<hr>\n" }})
	if err != nil {
		t.Fatal(err)
	}
	var out, stringer strings.Builder
	stringer.WriteString(name)
	err = page.Execute(&out, map[string]any{"Name": name, "Named": named(name), "Stringer": &stringer, "Count": 3, "Names": []string{name}})
	if err != nil {
		t.Fatal(err)
	}
	const shown = `a\u202eb&lt;`
	want := `<p title="` + shown + `" data-name="&#34;a` + "\u202e" + `b\u003c&#34;">` + shown + " " + shown + " " + shown + " 3 " + shown + `!</p><i>` + shown + `</i><b>` + shown + `</b>` + shown + `<u>` + shown + "</u><hr>\n"
	if got := out.String(); !strings.HasPrefix(got, want) || !strings.Contains(got, "script-src") {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if _, err := Template("test", "{{", nil); err == nil {
		t.Error("half a template is taken")
	}
	if spelling.Line(name) == name {
		t.Error("nothing is hidden")
	}
}
