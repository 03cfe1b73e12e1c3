package cli

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

func TestResultFlags(t *testing.T) {
	for _, test := range []struct {
		arguments []string
		want      string
	}{
		{nil, "text\n"},
		{[]string{"--json"}, "{\n  \"name\": \"<a>\"\n}\n"},
		{[]string{"--format", "json"}, "{\n  \"name\": \"<a>\"\n}\n"},
		{[]string{"--format", "table"}, "text\n"},
	} {
		var f pflag.FlagSet
		var r ResultFlags
		r.AddWithFormat(&f)
		if err := f.Parse(test.arguments); err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		result := struct {
			Name string `json:"name"`
		}{"<a>"}
		err := r.PrintTo(&out, result, func(w io.Writer) error { _, err := fmt.Fprintln(w, "text"); return err })
		if err != nil || out.String() != test.want {
			t.Errorf("%q: %q, %v; want %q", test.arguments, out.String(), err, test.want)
		}
		if help := f.FlagUsages(); strings.Contains(help, "--format") || !strings.Contains(help, "--json") {
			t.Errorf("help: %s", help)
		}
		if err := f.Parse([]string{"--format", "xml"}); err == nil || !strings.Contains(err.Error(), "use table or json") {
			t.Errorf("--format xml: %v", err)
		}
	}
}
