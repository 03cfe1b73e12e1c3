package cli

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/sirupsen/logrus"
	"github.com/spf13/pflag"

	"fovea/internal/text"
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

// What a name hides is shown to people, and programs get the name.
func TestHiddenInResults(t *testing.T) {
	const name = "a\u202egpj.exe"
	for _, test := range []struct {
		json bool
		want string
	}{{false, "ID  NAME\n1   a\\u202egpj.exe\n"}, {true, "\"a\u202egpj.exe\"\n"}} {
		var out strings.Builder
		err := ResultFlags{JSON: test.json}.PrintTo(&out, name, func(w io.Writer) error {
			table := text.NewTable(w)
			fmt.Fprintf(table, "ID\tNAME\n1\t%s\n", name)
			return table.Flush()
		})
		if err != nil || out.String() != test.want {
			t.Errorf("JSON %v: %q, %v; want %q", test.json, out.String(), err, test.want)
		}
	}
}

// The log shows it on a terminal as elsewhere, where who unquotes a message gets the name.
func TestHiddenInLog(t *testing.T) {
	const name = "a\u202eb\u3164"
	entry := logrus.NewEntry(logrus.New())
	entry.Message, entry.Level = "read \x1b[31m"+name+"\nand c", logrus.WarnLevel
	for quotes, want := range map[bool]string{false: "read \\x1b[31ma\\u202eb\\u3164\nand c", true: `msg="read \x1b[31ma\u202eb\u3164\nand c"` + "\n"} {
		formatter := &logrus.TextFormatter{ForceColors: !quotes, DisableTimestamp: true}
		line, err := shownFormatter{formatter, quotes}.Format(entry)
		if got := string(line); err != nil || !strings.Contains(got, want) || strings.Contains(got, "\u202e") || strings.Contains(got, "\u3164") {
			t.Errorf("quotes %v: %q, %v; want %q", quotes, got, err, want)
		}
	}
	if entry.Message != "read \x1b[31m"+name+"\nand c" {
		t.Errorf("the entry is now %q", entry.Message)
	}
}
