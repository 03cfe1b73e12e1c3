package cli

import (
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"fovea/internal/output"
)

// newManCommand is hidden: packages are made with it.
func newManCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "man DIR",
		Short:  "Write the manual pages to a directory",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, arguments []string) error {
			root := command.Root()
			root.DisableAutoGenTag = true // without the day on which they were made
			header := doc.GenManHeader{Section: "1", Source: root.Name() + " " + Version(), Manual: strings.ToUpper(root.Name()[:1]) + root.Name()[1:]}
			if err := os.MkdirAll(arguments[0], 0o755); err != nil {
				return err
			}
			return writeManual(root, header, arguments[0])
		},
	}
}

// writeManual writes the pages of a command and of those below it.
func writeManual(command *cobra.Command, header doc.GenManHeader, dir string) error {
	for _, c := range command.Commands() {
		if !c.IsAvailableCommand() || c.IsAdditionalHelpTopicCommand() {
			continue
		}
		if err := writeManual(c, header, dir); err != nil {
			return err
		}
	}
	page := filepath.Join(dir, strings.ReplaceAll(command.CommandPath(), " ", "-")+"."+header.Section)
	return output.Write(page, func(w io.Writer) error { return doc.GenMan(command, &header, w) })
}
