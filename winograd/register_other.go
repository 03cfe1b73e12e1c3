//go:build !amd64

package winograd

import "errors"

func register() error { return errors.New("winograd: only written for amd64") }
