package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"fovea/app/cli"
	"fovea/featurestore/explore"
	"fovea/internal/text"
)

// projected is the result of project.
type projected struct {
	Dataset string `json:"dataset"`
	Layer   string `json:"layer"`
	Rows    int    `json:"rows"`
	// VarianceRatios are the components' shares of the variance, 0 to 1.
	VarianceRatios []float64 `json:"variance_ratios"`
	Files          []string  `json:"files"`
}

func newDatasetProject() *cobra.Command {
	var rows rowFlags
	var out string
	var result cli.ResultFlags
	command := &cobra.Command{
		Use:   "project --out NAME DIR",
		Short: "Draw a dataset's rows in the plane of its first two principal components",
		Long: `Project finds the two directions in which a layer's vectors vary most (principal components) and draws
every row there, coloured by its label:

  NAME.png, NAME.svg   the drawing
  NAME.csv             path, label, split, x, y of every row`,
		Example: "  extract dataset project --out map features",
		Args:    datasetArgument,
		RunE: onDataset(func(ctx context.Context, dir string) error {
			if out == "" {
				return cli.Usagef("--out NAME is required")
			}
			if err := checkParent("--out", out); err != nil {
				return err
			}
			return project(ctx, dir, rows.Selection, out, result)
		}),
	}
	cli.PathVar(command.Flags(), &out, "out", "", "the `NAME` of the files to write, without extension (required)")
	rows.add(command)
	result.Add(command.Flags())
	return command
}

func project(ctx context.Context, dir string, selection explore.Selection, out string, result cli.ResultFlags) error {
	d, err := openDataset(ctx, dir)
	if err != nil {
		return err
	}
	p, err := explore.Project(ctx, d, selection)
	if err != nil {
		return err
	}
	files, err := p.Write(out, fmt.Sprintf("%s, layer %s, %s", dir, p.Layer, text.Plural(len(p.Rows), "row")))
	if err != nil {
		return err
	}
	logrus.Infof("wrote %s.png, .svg and .csv: the components explain %.1f and %.1f %% of the variance", out, 100*p.Ratios[0], 100*p.Ratios[1])
	return result.Print(projected{Dataset: dir, Layer: p.Layer, Rows: len(p.Rows), VarianceRatios: p.Ratios, Files: files}, nothing)
}

// checkParent refuses an output whose directory does not exist before any work is done for it.
func checkParent(flag, name string) error {
	parent := filepath.Dir(name)
	switch info, err := os.Stat(parent); {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s %s: the directory %s does not exist", flag, name, parent)
	case err != nil:
		return fmt.Errorf("%s %s: %w", flag, name, err)
	case !info.IsDir():
		return fmt.Errorf("%s %s: %s is not a directory", flag, name, parent)
	}
	return nil
}
