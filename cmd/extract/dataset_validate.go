package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"fovea/app/cli"
	"fovea/featurestore"
	"fovea/internal/budget"
	"fovea/internal/spelling"
	"fovea/internal/text"
)

// validation is the result of validate.
type validation struct {
	Dataset  string `json:"dataset"`
	Valid    bool   `json:"valid"`
	Shards   int    `json:"shards"`
	Rows     int    `json:"rows"`
	Failures int    `json:"failures"`
	// Bytes is the size of the shards' files.
	Bytes    int64     `json:"bytes"`
	Problems []problem `json:"problems"`
	More     int       `json:"more_problems,omitempty"`
	// unread counts the problems that say nothing about the dataset: files that may not take the memory
	// they need.
	unread int
}

// problem is a featurestore.Problem for programs.
type problem struct {
	File string `json:"file"`
	// Row is the place in the file, from 0; without it no single row is damaged.
	Row     *int   `json:"row,omitempty"`
	Path    string `json:"path,omitempty"`
	Layer   string `json:"layer,omitempty"`
	Message string `json:"message"`
	text    string
}

func newDatasetValidate() *cobra.Command {
	var result cli.ResultFlags
	command := &cobra.Command{
		Use:   "validate DIR",
		Short: "Read a whole dataset and list everything that is wrong with it",
		Long: `Validate reads every byte of a dataset and lists all damage and where it is: files that are missing,
foreign, truncated or changed, a manifest that does not agree with them, vectors of the wrong length
or with NaN, paths that occur twice. The exit status is 1 if there is any.`,
		Args: datasetArgument,
		RunE: onAnyDataset(func(ctx context.Context, dir string) error {
			report, err := featurestore.ReadOptions{MaxMemory: cli.MaxMemory(ctx)}.Check(ctx, dir)
			if err != nil {
				return fmt.Errorf("%s: %w", dir, err)
			}
			v := newValidation(dir, report)
			err = result.Print(v, v.print)
			if err == nil && v.Valid {
				_, err = openDataset(ctx, dir) // warns of what is no damage
			}
			return errors.Join(err, v.err())
		}),
	}
	result.AddWithFormat(command.Flags())
	return command
}

// err is nil for a valid dataset.
func (v validation) err() error {
	switch all := len(v.Problems) + v.More; {
	case v.Valid:
		return nil
	case all == v.unread:
		return fmt.Errorf("%s: not checked: %s would take too much memory; --max-memory allows more", v.Dataset, text.Plural(v.unread, "file"))
	default:
		return fmt.Errorf("%s: %s; extract the images of lost rows again, with --overwrite or into a new directory", v.Dataset, text.Plural(all, "problem"))
	}
}

func newValidation(dir string, report featurestore.Report) validation {
	v := validation{
		Dataset: dir, Valid: len(report.Problems) == 0, Shards: report.Shards, Rows: report.Rows,
		Failures: report.Failures, Bytes: report.Bytes, Problems: []problem{}, More: report.More,
	}
	for _, p := range report.Problems {
		if errors.Is(p.Err, budget.ErrMemory) {
			v.unread++
		}
		shown := problem{
			File: p.File, Path: featurestore.EscapeText(p.Path), Layer: p.Layer, Message: featurestore.EscapeText(p.Err.Error()),
			text: spelling.Line(strings.ReplaceAll(p.Error(), "\n", "; ")),
		}
		if p.Row >= 0 {
			shown.Row = &p.Row
		}
		v.Problems = append(v.Problems, shown)
	}
	return v
}

func (v validation) print(w io.Writer) error {
	for _, p := range v.Problems {
		fmt.Fprintln(w, p.text)
	}
	if v.More > 0 {
		fmt.Fprintf(w, "... and %d more\n", v.More)
	}
	if v.Valid {
		fmt.Fprintf(w, "valid: %s and %s in %s, %s\n", text.Plural(v.Rows, "row"), text.Plural(v.Failures, "failure"), text.Plural(v.Shards, "shard"), text.Size(v.Bytes))
	}
	return nil
}
