//go:build !amd64

package convolution

import "errors"

var errProcessor = errors.New("convolution: only written for amd64")

func supported(engine) error { return errProcessor }

func packReady(engine, int, int, []float32) int64 { return 0 }

func packedSize(engine, int, int) int { return 0 }

func keepReady([]byte) int64 { return 0 }

func lookReady(int64) []byte { return nil }

func dropReady(int64) {}

func trim() {}

func register() error { return errProcessor }
