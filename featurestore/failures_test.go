package featurestore

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Names that are no UTF-8, and whatever else may be in them, come back.
func TestFailuresRoundTrip(t *testing.T) {
	failures := []Failure{
		{Path: "caf\xe9/a b.jpg", Label: "100%", Split: "\u2028", Stage: "decode", Reason: "<tag> & \"quotes\"\nand a line"},
		{Path: "%E9.jpg", Label: "\xff"},
	}
	var text bytes.Buffer
	must(t, encodeFailures(&text, failures))
	if n := bytes.Count(text.Bytes(), []byte("\n")); n != len(failures) || !json.Valid(bytes.SplitN(text.Bytes(), []byte("\n"), 2)[0]) {
		t.Errorf("%d lines: %s", n, text.Bytes())
	}
	got, err := parseFailures(&text)
	must(t, err)
	if diff := cmp.Diff(failures, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestParseFailuresRefuses(t *testing.T) {
	good := `{"path":"a.jpg","label":null,"split":null,"stage":"decode","reason":"x"}`
	for _, c := range []struct{ name, text, want string }{
		{"cut off", good + "\n" + good[:20], "line 2 is truncated"},
		{"without its end", good, "line 1 is truncated"},
		{"no JSON", good + "\nPAR1\n", "line 2: invalid character"},
		{"empty line", "\n", "line 1: unexpected end"},
		{"array", "[1]\n", "line 1: json: cannot unmarshal array"},
		{"no path", `{"stage":"decode","reason":"x"}` + "\n", "line 1: it lacks a path"},
		{"number", `{"path":1,"stage":"decode","reason":"x"}` + "\n", "line 1: json: cannot unmarshal number"},
	} {
		if _, err := parseFailures(strings.NewReader(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

func FuzzParseFailures(f *testing.F) {
	f.Add([]byte(`{"path":"a%E9.jpg","label":null,"split":"test","stage":"decode","reason":"x"}` + "\n"))
	f.Add([]byte("{}\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		failures, err := parseFailures(bytes.NewReader(text))
		if err != nil {
			return
		}
		var again bytes.Buffer
		must(t, encodeFailures(&again, failures))
		got, err := parseFailures(&again)
		must(t, err)
		if diff := cmp.Diff(failures, got); diff != "" {
			t.Errorf("written and read again (-want +got):\n%s", diff)
		}
	})
}
