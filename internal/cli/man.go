package cli

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
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
			header := &doc.GenManHeader{Section: "1", Source: root.Name() + " " + Version(), Manual: strings.ToUpper(root.Name()[:1]) + root.Name()[1:]}
			if err := os.MkdirAll(arguments[0], 0o755); err != nil {
				return err
			}
			if err := doc.GenManTree(root, header, arguments[0]); err != nil {
				return fmt.Errorf("write the manual pages: %w", err)
			}
			return nil
		},
	}
}
