//go:build !linux

package inference

// Verbose does nothing: on this system TensorFlow's messages are not held back.
func Verbose() {}
