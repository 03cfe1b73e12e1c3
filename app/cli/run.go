package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"
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

// ErrPartly says that the work is done but for pictures that could not be read.
var ErrPartly = errors.New("some images could not be read")

// UsageError is a wrong flag or argument.
type UsageError struct{ Err error }

func (e UsageError) Error() string { return e.Err.Error() }
func (e UsageError) Unwrap() error { return e.Err }

// Usagef makes a UsageError.
func Usagef(format string, arguments ...any) error {
	return UsageError{fmt.Errorf(format, arguments...)}
}

// Interruption is the cause of a context that a signal cancelled.
type Interruption struct{ Signal os.Signal }

func (i Interruption) Error() string { return "interrupted by " + i.Signal.String() }

// Run executes the command and returns the exit status. The first interrupt or termination
// signal cancels the command's context; the second ends the process at once.
func Run(root *cobra.Command, arguments []string) int {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	go func() {
		select {
		case s := <-signals:
			signal.Stop(signals) // from now on signals have their own way
			logrus.Warnf("%s: finishing what is under way; once more to stop at once", s)
			cancel(Interruption{s})
		case <-ctx.Done():
		}
	}()

	root.AddCommand(newManCommand())
	root.SilenceErrors, root.SilenceUsage = true, true
	root.SetArgs(arguments)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return UsageError{err} })
	command, err := root.ExecuteContextC(ctx)
	status := Status(err)
	switch {
	case status == ExitUsage:
		fmt.Fprintf(os.Stderr, "%s: %v\nTry '%s --help'.\n", command.CommandPath(), err, command.CommandPath())
	case err != nil && !errors.Is(err, ErrPartly):
		logrus.Error(message(err))
	}
	return status
}

// message is the error on one line.
func message(err error) string {
	return strings.Join(strings.FieldsFunc(err.Error(), func(r rune) bool { return r == '\n' || r == '\r' }), "; ")
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

// UsageUnless marks an error as wrong usage, unless it is the one that is no fault of the
// flags, or is marked already.
func UsageUnless(fault, err error) error {
	var usage UsageError
	if errors.Is(err, fault) || errors.As(err, &usage) {
		return err
	}
	return UsageError{err}
}

// UsageWhen marks an error as wrong usage if it is one of those that flags and arguments cause.
func UsageWhen(err error, causes ...error) error {
	for _, cause := range causes {
		if errors.Is(err, cause) {
			return UsageError{err}
		}
	}
	return err
}
