package cli

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
	"github.com/spf13/pflag"

	"fovea/internal/output"
)

// newManCommand is hidden: it is for making packages.
func newManCommand() *cobra.Command {
	return ReadsNoFiles(&cobra.Command{
		Use:    "man DIR",
		Short:  "Write the manual pages to a directory",
		Hidden: true,
		Args:   Arguments(1, "the directory to write to"),
		RunE: func(command *cobra.Command, arguments []string) error {
			root := command.Root()
			root.DisableAutoGenTag = true // no date, so that the same source gives the same pages
			header := doc.GenManHeader{Section: "1", Source: root.Name() + " " + Version(), Manual: strings.ToUpper(root.Name()[:1]) + root.Name()[1:]}
			if err := os.MkdirAll(arguments[0], 0o755); err != nil {
				return err
			}
			return writeManual(root, header, arguments[0])
		},
	})
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
	return output.Write(page, func(w io.Writer) error { return writePage(w, command, header) })
}

// writePage writes one page as cobra does, but with flags as the help shows them and with indented blocks
// kept as they are. It changes the command's texts and flags, which are for nothing else afterwards.
func writePage(w io.Writer, command *cobra.Command, header doc.GenManHeader) error {
	command.Long = markdownBlocks(command.Long)
	command.InitDefaultHelpFlag()
	command.LocalFlags().VisitAll(manualFlag)
	command.InheritedFlags().VisitAll(manualFlag)
	var page bytes.Buffer
	if err := doc.GenMan(command, &header, &page); err != nil {
		return fmt.Errorf("manual page of %s: %w", command.CommandPath(), err)
	}
	// Switches have no value.
	_, err := w.Write(bytes.ReplaceAll(page.Bytes(), []byte("\\fP=\n"), []byte("\\fP\n")))
	return err
}

// markdownBlocks indents the blocks of a text, which begin with two spaces, by what Markdown takes for
// code.
func markdownBlocks(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, "  ") {
			lines[i] = "  " + line
		}
	}
	return strings.Join(lines, "\n")
}

// manualFlag lets cobra print a flag as --NAME=PLACEHOLDER with its default at the end of its usage.
// Zero defaults are not shown, as in the help.
func manualFlag(f *pflag.Flag) {
	if _, done := f.Value.(manualValue); done {
		return // inherited by a command whose page was written before
	}
	name, usage := pflag.UnquoteUsage(f)
	if !slices.Contains([]string{"", "0", "0s", "false", "[]"}, f.DefValue) {
		usage += fmt.Sprintf(" (default %s)", f.DefValue)
	}
	f.Usage, f.DefValue, f.NoOptDefVal = usage, name, ""
	f.Value = manualValue{f.Value}
}

// manualValue is a value whose default cobra prints without quotes.
type manualValue struct{ pflag.Value }

func (manualValue) Type() string { return "placeholder" }
