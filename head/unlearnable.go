package head

import "errors"

// ErrUnlearnable marks rows that no head can be learned from with the options given: too few, too many that stay together,
// all equal, or such that the fit comes to no end. Other rows of the same kind may do.
var ErrUnlearnable = errors.New("head: no head can be learned from these rows")

// unlearnable is an error that is ErrUnlearnable and says why.
type unlearnable struct{ error }

func (u unlearnable) Unwrap() error { return u.error }

func (u unlearnable) Is(target error) bool { return target == ErrUnlearnable }
