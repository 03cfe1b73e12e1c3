package cli

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Exit statuses of all commands.
const (
	ExitDone        = 0
	ExitFailed      = 1
	ExitUsage       = 2
	ExitPartly      = 3
	ExitInterrupted = 130
	ExitTerminated  = 143
)

// ErrPartly says that the work is done except for images that could not be read.
var ErrPartly = errors.New("some images could not be read")

// UsageError is a wrong flag or argument.
type UsageError struct{ Err error }

func (e UsageError) Error() string { return e.Err.Error() }
func (e UsageError) Unwrap() error { return e.Err }

// Usagef makes a UsageError.
func Usagef(format string, arguments ...any) error {
	return UsageError{fmt.Errorf(format, arguments...)}
}

// UsageUnless marks an error as wrong usage unless it is fault, which flags did not cause, or is
// marked already.
func UsageUnless(fault, err error) error {
	var usage UsageError
	if errors.Is(err, fault) || errors.As(err, &usage) {
		return err
	}
	return UsageError{err}
}

// UsageWhen marks an error as wrong usage if flags or arguments caused it: if it is one of causes.
func UsageWhen(err error, causes ...error) error {
	for _, cause := range causes {
		if errors.Is(err, cause) {
			return UsageError{err}
		}
	}
	return err
}

// Interruption is the cause of a context that a signal cancelled.
type Interruption struct{ Signal os.Signal }

func (i Interruption) Error() string { return fmt.Sprintf("interrupted (%s)", signalName(i.Signal)) }

// signalName is SIGINT rather than "interrupt".
func signalName(s os.Signal) string {
	if number, ok := s.(syscall.Signal); ok {
		if name := unix.SignalName(number); name != "" {
			return name
		}
	}
	return s.String()
}

// message is the error on one line.
func message(err error) string {
	said := strings.Join(strings.FieldsFunc(err.Error(), func(r rune) bool { return r == '\n' || r == '\r' }), "; ")
	if errors.Is(err, syscall.EFBIG) || strings.Contains(said, "; File too large") { // the latter from TensorFlow
		said += ": raise the limit on the size of files (ulimit -f), or write to a file system that takes larger ones"
	}
	return said
}

// Status is the exit status for what a command returned.
func Status(err error) int {
	var usage UsageError
	var interruption Interruption
	switch {
	case err == nil:
		return ExitDone
	case errors.Is(err, ErrPartly):
		return ExitPartly
	case errors.As(err, &usage):
		return ExitUsage
	case errors.As(err, &interruption):
		if interruption.Signal == syscall.SIGTERM {
			return ExitTerminated
		}
		return ExitInterrupted
	}
	return ExitFailed
}
