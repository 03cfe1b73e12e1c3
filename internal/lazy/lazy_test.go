package lazy_test

import (
	"sync"
	"testing"

	"fovea/internal/lazy"
)

// Every caller, also of those at the same time, gets the one expression.
func TestRegexp(t *testing.T) {
	digits := lazy.Regexp(`^[0-9]+$`)
	first := digits()
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			if e := digits(); e != first || !e.MatchString("12") || e.MatchString("1x") {
				t.Error("another expression, or one that matches something else")
			}
		})
	}
	wait.Wait()
}

func TestRegexpPanics(t *testing.T) {
	wrong := lazy.Regexp(`(`)
	defer func() {
		if recover() == nil {
			t.Error("an expression that cannot be compiled is accepted")
		}
	}()
	wrong()
}
