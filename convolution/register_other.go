//go:build !amd64

package convolution

import "errors"

var errProcessor = errors.New("convolution: only written for amd64")

func supported(engine) error { return errProcessor }

func trim() {}

func register() error { return errProcessor }
