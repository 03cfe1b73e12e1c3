// Package lazy makes values when they are first used. What a package computes in its variables, every command pays for
// at its start, also those that never use it; regular expressions and templates are the most expensive of it.
//
// It knows when things are made. It must not know what they are for.
package lazy

import (
	"regexp"
	"sync"
)

// Regexp compiles an expression at the first call. The call panics if that is impossible, as regexp.MustCompile does.
func Regexp(expression string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })
}
