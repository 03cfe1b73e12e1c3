package cli

import (
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"fovea/inference"
)

func TestParseSize(t *testing.T) {
	for text, want := range map[string]int64{
		"1": 1, "100B": 100, "2kB": 2000, "2KB": 2000, "2KiB": 2048, "64MB": 64e6, "64mb": 64e6, "64MiB": 64 << 20,
		"1.5GB": 1.5e9, "2GiB": 2 << 30, "1TB": 1e12, "1TiB": 1 << 40, "0.5kB": 500,
	} {
		got, ok := parseSize(text)
		if !ok || got != want {
			t.Errorf("%q: %d, %v; want %d", text, got, ok, want)
		}
		if again, ok := parseSize(exactSize(want)); !ok || again != want {
			t.Errorf("%d is written as %s", want, exactSize(want))
		}
	}
	for _, text := range []string{"", "0", "-1", "MB", "1XB", "1MBB", "1 MB", "1e3", "0x10", "1.2.3MB", "2TiB", "64M", "inf", "nan", "+1", "0.1B"} {
		if got, ok := parseSize(text); ok {
			t.Errorf("%q: %d; want wrong usage", text, got)
		}
	}
}

func TestSizeVar(t *testing.T) {
	var f pflag.FlagSet
	var bytes, none int64
	SizeVar(&f, &bytes, "bytes", 512e6, "`SIZE`")
	SizeVar(&f, &none, "none", 0, "`SIZE`")
	if help := f.FlagUsages(); bytes != 512e6 || !strings.Contains(help, "(default 512MB)") || strings.Count(help, "default") != 1 {
		t.Errorf("%d bytes by default; help: %s", bytes, help)
	}
	if err := f.Parse([]string{"--bytes", "64MiB"}); err != nil || bytes != 64<<20 {
		t.Errorf("%d bytes, %v", bytes, err)
	}
}

func TestIsAddress(t *testing.T) {
	for address, want := range map[string]bool{
		"localhost:8080": true, ":0": true, "[::1]:80": true, "host:http": true,
		"": false, "8080": false, "host": false, "host:": true, "host:x": false, "::1:80": false, "host:65536": false,
	} {
		if got := IsAddress(address); got != want {
			t.Errorf("%q: %v", address, got)
		}
	}
}

func TestNamesVar(t *testing.T) {
	for _, test := range []struct {
		arguments []string
		want      []string
	}{
		{nil, nil},
		{[]string{"--label", "a,b"}, []string{"a", "b"}},
		{[]string{"--label", "a", "--label", "b"}, []string{"a", "b"}},
		{[]string{"--label", ""}, []string{""}},
		{[]string{"--label", `"a,b",c`}, []string{"a,b", "c"}},
		{[]string{"--label", "a,"}, []string{"a", ""}},
	} {
		var f pflag.FlagSet
		var names []string
		NamesVar(&f, &names, "label", "")
		if err := f.Parse(test.arguments); err != nil || !slices.Equal(names, test.want) || (names == nil) != (test.want == nil) {
			t.Errorf("%q: %q, %v; want %q", test.arguments, names, err, test.want)
		}
	}
	var f pflag.FlagSet
	NamesVar(&f, new([]string), "label", "")
	if err := f.Parse([]string{"--label", `a"b`}); err == nil || !strings.Contains(err.Error(), "put quotes around") {
		t.Errorf("a quote within a name: %v", err)
	}
}

func TestPathVar(t *testing.T) {
	var f pflag.FlagSet
	var path string
	PathVar(&f, &path, "out", ".", "")
	if path != "." || !IsPath(f.Lookup("out")) {
		t.Errorf("%q by default", path)
	}
	if err := f.Parse([]string{"--out", "file:///a%20b"}); err != nil || path != "/a b" {
		t.Errorf("%q, %v", path, err)
	}
	if err := f.Parse([]string{"--out", "s3://bucket/x"}); err == nil || path != "/a b" {
		t.Errorf("%q, %v", path, err)
	}
	if got, err := LocalPaths([]string{"a", "file:///b", "s3://c/d"}); err != nil || !slices.Equal(got, []string{"a", "/b", "s3://c/d"}) {
		t.Errorf("%q, %v", got, err)
	}
}

func TestFormerNames(t *testing.T) {
	var f pflag.FlagSet
	FormerNames(&f, map[string]string{"validation-fraction": "test-fraction"})
	FormerNames(&f, map[string]string{"rate": "learning-rate"})
	fraction, rate := f.Float64("test-fraction", 0.2, ""), f.Float64("learning-rate", 1, "")
	if err := f.Parse([]string{"--validation-fraction", "0.5", "--rate=3"}); err != nil || *fraction != 0.5 || *rate != 3 {
		t.Errorf("%g, %g, %v", *fraction, *rate, err)
	}
	if help := f.FlagUsages(); strings.Contains(help, "validation") {
		t.Errorf("the help shows a former name: %s", help)
	}
	if !f.Changed("test-fraction") {
		t.Error("a flag that was given by its former name is not changed")
	}
}

func TestParseSides(t *testing.T) {
	for text, want := range map[string][2]int{"": {0, 0}, "256": {256, 256}, "320x240": {320, 240}, "320X240": {320, 240}} {
		if width, height, err := ParseSides(text); err != nil || [2]int{width, height} != want {
			t.Errorf("%q: %dx%d, %v", text, width, height, err)
		}
	}
	for _, text := range []string{"x", "0", "-1x3", "3x", "3x4x5", "many"} {
		if _, _, err := ParseSides(text); Status(err) != ExitUsage {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestOneOf(t *testing.T) {
	if err := OneOf("--pool", "avg", "none", "avg", "max"); err != nil {
		t.Error(err)
	}
	err := OneOf("--pool", "maxx", "none", "avg", "max")
	if want := `unknown --pool "maxx" (did you mean max?): use none, avg or max`; err == nil || err.Error() != want || Status(err) != ExitUsage {
		t.Errorf("%v, want %s", err, want)
	}
}

func TestSessionFlags(t *testing.T) {
	config, err := SessionFlags{Device: "cpu", Precision: "float32", Batch: 8}.Config()
	if err != nil || config.Device != "cpu" {
		t.Errorf("%+v, %v", config, err)
	}
	for _, wrong := range []SessionFlags{{Device: "tpu"}, {Device: "cpu", Precision: "float8"}, {Device: "cpu", Batch: -1}, {Device: "cpu", Precision: "float32", MaxDrift: 1e-4}} {
		if _, err := wrong.Config(); err == nil {
			t.Errorf("%+v is taken", wrong)
		}
	}
}

// --max-drift takes 1 - cosine: a cosine in its place would let everything pass.
func TestMaxDrift(t *testing.T) {
	parse := func(arguments ...string) (inference.SessionConfig, error) {
		var session SessionFlags
		f := pflag.NewFlagSet("", pflag.ContinueOnError)
		session.PrecisionVar(f, "float32", "")
		if err := f.Parse(arguments); err != nil {
			return inference.SessionConfig{}, err
		}
		return session.Config()
	}
	if c, err := parse("--precision", "auto", "--max-drift", "2e-6"); err != nil || c.Drift() != 2e-6 {
		t.Errorf("%+v, %v", c, err)
	}
	if c, err := parse("--precision", "auto"); err != nil || c.Drift() != 1e-4 {
		t.Errorf("%+v, %v", c, err)
	}
	for _, wrong := range []string{"0", "-1e-4", "0.9999", "1", "NaN", "Inf", "little"} {
		if _, err := parse("--precision", "auto", "--max-drift", wrong); err == nil || !strings.Contains(err.Error(), "give 1 - cosine") {
			t.Errorf("%s: the error is %v", wrong, err)
		}
	}
	if _, err := parse("--max-drift", "1e-4"); Status(err) != ExitUsage || !strings.Contains(err.Error(), "--max-drift requires --precision auto") {
		t.Errorf("without auto: %v", err)
	}
}

func TestParseLabels(t *testing.T) {
	if _, err := ParseLabels("prefix"); err != nil {
		t.Error(err)
	}
	for _, wrong := range []string{"magic", "csv:s3://b/x.csv", "csv,encoding=cp1252:s3://b/x.csv", "csv,encoding=x:labels.csv", "csv,classes=s3://b/x.json:labels.csv"} {
		if _, err := ParseLabels(wrong); Status(err) != ExitUsage {
			t.Errorf("%q: %v", wrong, err)
		}
	}
}
