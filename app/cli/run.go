package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"fovea/internal/redact"
	"fovea/internal/spelling"
)

// Run executes the command and returns the exit status. The first interrupt or termination
// signal cancels the command's context; the second ends the process at once.
func Run(root *cobra.Command, arguments []string) int {
	putOffCollections()
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	signal.Ignore(syscall.SIGXFSZ) // a file beyond ulimit -f is an error of whoever writes it, like a full disk, and not the end
	go func() {
		select {
		case s := <-signals:
			signal.Stop(signals) // the next one ends the process
			logrus.Warnf("%s: finishing what has begun; send it again to stop at once", signalName(s))
			cancel(Interruption{s})
		case <-ctx.Done():
		}
	}()

	g := guard{redact.Known(os.Environ(), arguments...)}
	defer g.install()()
	defer takeLibraryLog()()
	root.AddCommand(newManCommand())
	command, err := execute(ctx, root, arguments)
	status := Status(err)
	switch {
	case status == ExitUsage:
		said := g.secrets.Text(fmt.Sprintf("%v%s", err, meantCommand(command, arguments)))
		fmt.Fprintf(os.Stderr, "%s: %s\nTry '%[1]s --help'.\n", command.CommandPath(), spelling.Lines(said))
	case err != nil && !errors.Is(err, ErrPartly):
		logrus.Error(message(err))
	}
	return status
}

// execute runs the command that the arguments name. What is wrong with flags and the number of arguments
// comes back as a UsageError.
func execute(ctx context.Context, root *cobra.Command, arguments []string) (*cobra.Command, error) {
	setUpHelp(root)
	root.InitDefaultCompletionCmd(arguments...)
	checkArguments(root)
	root.SilenceErrors, root.SilenceUsage = true, true
	root.SetArgs(arguments)
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return flagError(c, err, arguments) })
	return root.ExecuteContextC(ctx)
}
