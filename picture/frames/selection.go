package frames

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Selection says which frames of a file are wanted. The zero value is the first one: the file counts as one image.
type Selection struct {
	// step is the distance of the frames that are wanted, interval that of their times; at most one is set.
	step     int
	interval time.Duration
}

// Spellings of a Selection.
const (
	first = "first"
	all   = "all"
	every = "every:"
)

// ParseSelection reads "first" (or ""), "all", "every:N" (frames 1, 1+N, ...) or "every:DURATION", such as every:1s
// or every:500ms (the frames that show at 0, DURATION, ...).
func ParseSelection(text string) (Selection, error) {
	step, stepped := strings.CutPrefix(text, every)
	switch {
	case text == "" || text == first:
		return Selection{}, nil
	case text == all:
		return Selection{step: 1}, nil
	case stepped:
		if n, err := strconv.Atoi(step); err == nil && n > 0 {
			return Selection{step: n}, nil
		}
		if d, err := time.ParseDuration(step); err == nil && d >= time.Millisecond {
			return Selection{interval: d}, nil
		}
	}
	return Selection{}, fmt.Errorf("unknown frames %q: use first, all, every:N for each N-th frame, or every:DURATION, such as every:1s", text)
}

// First says that only the first frame is wanted.
func (s Selection) First() bool { return s == Selection{} }

// String is the selection as ParseSelection reads it.
func (s Selection) String() string {
	switch {
	case s.interval > 0:
		return every + s.interval.String()
	case s.step > 1:
		return every + strconv.Itoa(s.step)
	case s.step == 1:
		return all
	}
	return first
}

// Set and Type make a Selection the value of a flag.
func (s *Selection) Set(text string) (err error) {
	*s, err = ParseSelection(text)
	return err
}

// Type is that of the flag's value.
func (s *Selection) Type() string { return "frames" }

// Of returns the frames that are wanted, in order, each once. An interval of frames without times is an error.
func (s Selection) Of(t Times) ([]int, error) {
	if s.interval > 0 && len(t.Starts) > 1 && t.End == 0 {
		return nil, fmt.Errorf("its %d frames have no times: choose them by number, as in every:10", len(t.Starts))
	}
	var wanted []int
	for i, start := range t.Starts {
		if s.wants(i, start, t.end(i)) {
			wanted = append(wanted, i)
		}
	}
	return wanted, nil
}

// wants says whether frame i, which shows from start until end, is wanted.
func (s Selection) wants(i int, start, end time.Duration) bool {
	switch {
	case s.interval > 0:
		next := (start + s.interval - 1) / s.interval * s.interval
		return next < end
	case s.step > 0:
		return i%s.step == 0
	}
	return i == 0
}
