package frames

import (
	"slices"
	"testing"
	"time"
)

func TestSelection(t *testing.T) {
	ms := time.Millisecond
	steady := Times{Starts: []time.Duration{0, 400 * ms, 800 * ms, 1200 * ms, 1600 * ms, 2000 * ms}, End: 2400 * ms}
	uneven := Times{Starts: []time.Duration{0, 0, 30 * ms, 3000 * ms}, End: 3010 * ms} // the first shows for no time
	scan := Times{Starts: make([]time.Duration, 4)}
	for _, test := range []struct {
		text string
		of   Times
		want []int
	}{
		{"", steady, []int{0}},
		{"first", scan, []int{0}},
		{"all", scan, []int{0, 1, 2, 3}},
		{"every:1", scan, []int{0, 1, 2, 3}},
		{"every:3", scan, []int{0, 3}},
		{"every:10", scan, []int{0}},
		{"every:1s", steady, []int{0, 2, 5}},
		{"every:400ms", steady, []int{0, 1, 2, 3, 4, 5}},
		{"every:100ms", steady, []int{0, 1, 2, 3, 4, 5}},
		{"every:1h", steady, []int{0}},
		{"every:1s", uneven, []int{1, 2, 3}}, // the third at 1 s and 2 s, once
		{"every:10ms", Times{Starts: []time.Duration{0}, End: 0}, nil},
		{"all", Times{}, nil},
	} {
		s, err := ParseSelection(test.text)
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.Of(test.of)
		if err != nil || !slices.Equal(got, test.want) {
			t.Errorf("%q of %v: %v (%v), want %v", test.text, test.of, got, err, test.want)
		}
		if again, err := ParseSelection(s.String()); err != nil || again != s {
			t.Errorf("%q is written %q: %v", test.text, s, err)
		}
	}
	if _, err := (Selection{interval: time.Second}).Of(scan); err == nil {
		t.Error("a scan has no times, and an interval is taken")
	}
	for _, wrong := range []string{"last", "every", "every:", "every:0", "every:-1", "every:0s", "every:1us", "ALL", "3"} {
		if _, err := ParseSelection(wrong); err == nil {
			t.Errorf("%q is taken", wrong)
		}
	}
}
