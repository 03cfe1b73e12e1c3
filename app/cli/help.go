package cli

import (
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"fovea/internal/text"
)

// setUpHelp lets the help of all commands fit the terminal, and refuses commands that help does not know: cobra would show
// the help of another one.
func setUpHelp(root *cobra.Command) {
	show := root.HelpFunc()
	root.SetHelpFunc(func(c *cobra.Command, arguments []string) {
		width := text.Width(standardOutput())
		if out := c.OutOrStdout(); width == 0 || out != io.Writer(os.Stdout) {
			show(c, arguments)
			return
		}
		var help strings.Builder
		c.SetOut(&help)
		show(c, arguments)
		c.SetOut(nil)
		_, _ = io.WriteString(os.Stdout, text.Fold(help.String(), width)) // nobody is left to tell
	})
	root.InitDefaultHelpCmd()
	for _, c := range root.Commands() {
		if c.Name() == "help" {
			c.Args = knownCommand
		}
	}
}

// knownCommand is the check of help.
func knownCommand(c *cobra.Command, names []string) error {
	found, rest, err := c.Root().Find(names)
	switch {
	case err != nil || len(rest) == 0:
		return nil
	case found.HasAvailableSubCommands():
		return unknownCommand(found, rest[0])
	}
	return Usagef("unexpected argument %q: %s holds no commands", rest[0], found.CommandPath())
}
