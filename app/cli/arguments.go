package cli

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"
)

// NoArguments is the check of commands that take only flags.
func NoArguments(c *cobra.Command, arguments []string) error {
	if len(arguments) > 0 {
		return Usagef("unexpected argument %q: %s takes only flags", arguments[0], c.CommandPath())
	}
	return nil
}

// Arguments returns the check of commands that take exactly n arguments, described by what.
func Arguments(n int, what string) cobra.PositionalArgs {
	return func(_ *cobra.Command, arguments []string) error {
		if len(arguments) != n {
			return Usagef("give %s", what)
		}
		return nil
	}
}

// checkArguments marks the errors of all argument checks, including cobra's own, as wrong usage.
func checkArguments(command *cobra.Command) {
	if check := command.Args; check != nil {
		command.Args = func(c *cobra.Command, arguments []string) error {
			err := check(c, arguments)
			if err == nil || errors.As(err, new(UsageError)) {
				return err
			}
			if strings.HasPrefix(err.Error(), "unknown command") && !c.HasSubCommands() { // what cobra.NoArgs says
				return NoArguments(c, arguments)
			}
			return UsageError{err}
		}
	}
	for _, c := range command.Commands() {
		checkArguments(c)
	}
}
