package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"fovea/app/cli"
	"fovea/extraction"
	"fovea/featurestore"
	"fovea/internal/redact"
	"fovea/internal/spelling"
	"fovea/internal/text"
	"fovea/objects"
)

type relabelFlags struct {
	extraction.RelabelOptions
	labels, missing string
	result          cli.ResultFlags
}

func newDatasetRelabel() *cobra.Command {
	var o relabelFlags
	command := &cobra.Command{
		Use:   "relabel --labels SOURCE DIR",
		Short: "Give a dataset's rows other labels and splits without extracting again",
		Long: `Relabel gives the rows of the dataset DIR the labels that extract --labels SOURCE would give their images
today, and their splits if a table has any. Vectors are not read: a million rows take seconds. The old
rows stay until the new ones are complete and on disk, and then they are swapped in one step.

A table may list a few images only: --missing keep leaves the others as they are.`,
		Example: "  extract dataset relabel --labels csv:corrections.csv --missing keep --dry-run features",
		Args:    datasetArgument,
		RunE: func(command *cobra.Command, arguments []string) error {
			dir, err := o.parse(arguments[0])
			if err != nil {
				return err
			}
			return o.run(command.Context(), dir)
		},
	}
	f := command.Flags()
	f.StringVar(&o.labels, "labels", "", "`SOURCE` of the labels: csv:FILE, dir (the image's directory) or prefix (the file's name up to its first dot; required)")
	f.StringVar(&o.missing, "missing", string(extraction.MissingError), "`WHAT` becomes of rows that the source does not mention: error, keep (their labels stay) or clear (they have none)")
	f.BoolVar(&o.FewClasses, "allow-one-class", false, "allow that fewer than two classes remain")
	f.BoolVar(&o.DryRun, "dry-run", false, "only say what would change")
	o.result.Add(f)
	return command
}

// parse turns flags and the argument into options and the dataset's directory.
func (o *relabelFlags) parse(argument string) (dir string, err error) {
	if objects.IsURL(argument) {
		url := redact.URL(argument)
		return "", cli.Usagef("object stores cannot swap two directories: extract dataset merge --keep-shards DIR %s, relabel DIR, and merge --overwrite %s DIR", url, url)
	}
	o.Missing = extraction.Missing(o.missing)
	if err := cli.OneOf("--missing", o.Missing, extraction.MissingError, extraction.MissingKeep, extraction.MissingClear); err != nil {
		return "", err
	}
	if o.Labels, err = cli.ParseLabels(o.labels); err != nil {
		return "", err
	}
	if o.Labels == nil {
		return "", cli.Usagef("give --labels csv:FILE, dir or prefix")
	}
	return cli.LocalPath(argument)
}

func (o *relabelFlags) run(ctx context.Context, dir string) error {
	o.MaxMemory = cli.MaxMemory(ctx)
	if !o.result.JSON {
		o.MostChanges = shownChanges
	}
	done, err := extraction.Relabel(ctx, dir, o.RelabelOptions)
	switch {
	case errors.Is(err, featurestore.ErrLocked):
		return fmt.Errorf("%w: wait until it is done", err)
	case errors.Is(err, extraction.ErrFewClasses):
		return fmt.Errorf("%w; --allow-one-class allows it", err)
	case err != nil:
		return err
	}
	if done.Unused > 0 {
		logrus.Warnf("the table has %s for no image of the dataset, such as %s", text.Plural(done.Unused, "row"), spelling.Line(done.FirstUnused))
	}
	return o.result.Print(done, func(w io.Writer) error { return printRelabelled(w, done) })
}

// shownChanges is how many changed rows are listed.
const shownChanges = 20

func printRelabelled(w io.Writer, r extraction.Relabelled) error {
	for _, kind := range []struct {
		name  string
		those []extraction.Renaming
	}{{"label", r.Labels}, {"split", r.Splits}} {
		for _, c := range kind.those {
			fmt.Fprintf(w, "%s %s: %s\n", kind.name, renaming(c.From, c.To), text.Plural(c.Rows, "row"))
		}
	}
	for _, c := range r.Changes {
		line := "  " + spelling.Line(c.Path)
		if c.Label != nil {
			line += "  " + renaming(c.Label.From, c.Label.To)
		}
		if c.Split != nil {
			line += "  split " + renaming(c.Split.From, c.Split.To)
		}
		fmt.Fprintln(w, line)
	}
	if more := r.Changed - len(r.Changes); more > 0 {
		fmt.Fprintf(w, "  ... and %d more; --json lists all\n", more)
	}
	verb, kept := "changed", ""
	if r.DryRun {
		verb = "would change"
	}
	if r.Missing > 0 {
		kept = fmt.Sprintf("; the source says nothing of %d", r.Missing)
	}
	if r.Changed+r.ChangedFailures == 0 {
		_, err := fmt.Fprintf(w, "nothing changes: the %s of %s have these labels already%s\n", text.Plural(r.Rows, "row"), r.Dataset, kept)
		return err
	}
	_, err := fmt.Fprintf(w, "%s: %d of %s and %s %s%s\n", r.Dataset, r.Changed, text.Plural(r.Rows, "row"), text.Plural(r.ChangedFailures, "failure"), verb, kept)
	return err
}

// renaming shows a label or split before and after.
func renaming(from, to string) string {
	shown := func(name string) string {
		if name == "" {
			return "none"
		}
		return spelling.Name(name)
	}
	return shown(from) + " -> " + shown(to)
}
