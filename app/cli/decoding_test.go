package cli

import (
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"fovea/picture"
)

func TestDecodingVars(t *testing.T) {
	for _, test := range []struct {
		arguments []string
		pixels    int
		limit     time.Duration
		wrong     string
	}{
		{nil, 40_000_000, 20 * time.Second, ""},
		{[]string{"--max-pixels", "7", "--max-decode-seconds", "0.25"}, 7, 250 * time.Millisecond, ""},
		{[]string{"--max-pixels", "0"}, 0, 0, "positive number"},
		{[]string{"--max-pixels", "-1"}, 0, 0, "positive number"},
		{[]string{"--max-pixels", "1e9"}, 0, 0, "positive number"},
		{[]string{"--max-decode-seconds", "0"}, 0, 0, "positive number of seconds"},
		{[]string{"--max-decode-seconds", "-1"}, 0, 0, "positive number of seconds"},
		{[]string{"--max-decode-seconds", "NaN"}, 0, 0, "positive number of seconds"},
		{[]string{"--max-decode-seconds", "1e12"}, 0, 0, "positive number of seconds"},
		{[]string{"--max-decode-seconds", "30s"}, 0, 0, "positive number of seconds"},
	} {
		f := pflag.NewFlagSet("", pflag.ContinueOnError)
		var pixels int
		var limit time.Duration
		DecodingVars(f, &pixels, &limit, 40_000_000)
		err := f.Parse(test.arguments)
		switch {
		case test.wrong != "":
			if err == nil || !strings.Contains(err.Error(), test.wrong) {
				t.Errorf("%v: %v", test.arguments, err)
			}
		case err != nil || pixels != test.pixels || limit != test.limit:
			t.Errorf("%v: %d pixels, %s, %v", test.arguments, pixels, limit, err)
		}
	}
	f := pflag.NewFlagSet("", pflag.ContinueOnError)
	DecodingVars(f, new(int), new(time.Duration), picture.DefaultMaxPixels)
	if help := f.FlagUsages(); !strings.Contains(help, "(default 120000000)") || !strings.Contains(help, "(default 60)") {
		t.Error(help)
	}
}
