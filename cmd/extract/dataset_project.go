package main

import (
	"bufio"
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"strconv"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"fovea/app/cli"
	"fovea/featurestore"
	"fovea/internal/output"
	"fovea/scatterplot"
	"fovea/vectors"
)

// keptValues is the number of values up to which vectors are kept in memory (256 MiB), since
// principal components take reading them many times.
const keptValues = 64 << 20

func newDatasetProject() *cobra.Command {
	var rows rowFlags
	var out string
	command := &cobra.Command{
		Use:   "project --out NAME DIR",
		Short: "Draw a dataset's rows in the plane of its two principal components",
		Long: `Project finds the two directions in which a layer's vectors vary most (principal components)
and draws every row there, coloured by its label:

  NAME.png, NAME.svg   the drawing
  NAME.csv             path, label, split, x, y of every row`,
		Example: "  extract dataset project --out map features",
		Args:    datasetArgument,
		RunE: onDataset(func(ctx context.Context, dir string) error {
			if out == "" {
				return cli.Usagef("--out NAME is required")
			}
			return project(ctx, dir, rows, out)
		}),
	}
	cli.PathVar(command.Flags(), &out, "out", "", "the `NAME` of the files to write, without extension (required)")
	rows.add(command)
	return command
}

func project(ctx context.Context, dir string, flags rowFlags, out string) error {
	d, err := openDataset(dir)
	if err != nil {
		return err
	}
	layer, scan, err := flags.choose(ctx, d)
	if err != nil {
		return err
	}
	var rows []featurestore.Row
	without := scan
	without.Layers = []string{}
	err = d.Scan(ctx, without, func(b *featurestore.Batch) error { rows = append(rows, b.Rows...); return nil })
	if err != nil {
		return err
	}
	source := vectorsOf(d, layer, scan, nil).Kept(len(rows), layer.Size(), keptValues)
	p, err := vectors.PrincipalComponents(ctx, source, 2)
	if err != nil {
		return err
	}
	points := make([]scatterplot.Point, len(rows))
	for i, r := range rows {
		points[i] = scatterplot.Point{X: p.Scores.At(i, 0), Y: p.Scores.At(i, 1), Label: featurestore.EscapeText(r.Label)}
	}
	axis := func(i int) string {
		return fmt.Sprintf("component %d (%.1f %% of the variance)", i+1, 100*p.Ratios[i])
	}
	options := scatterplot.Options{Title: fmt.Sprintf("%s, layer %s, %s", dir, layer.Name, plural(len(rows), "row")), X: axis(0), Y: axis(1)}
	var files output.Files
	defer files.Discard()
	for _, format := range []string{"png", "svg"} {
		if err := files.Write(out+"."+format, func(w io.Writer) error { return scatterplot.Write(w, format, points, options) }); err != nil {
			return err
		}
	}
	if err := files.Write(out+".csv", func(w io.Writer) error { return writePoints(w, rows, points) }); err != nil {
		return err
	}
	if err := files.Commit(); err != nil {
		return err
	}
	logrus.Infof("%s.png, .svg and .csv written: the components, found in %d readings, explain %.1f and %.1f %% of the variance", out, p.Iterations, 100*p.Ratios[0], 100*p.Ratios[1])
	return nil
}

func writePoints(w io.Writer, rows []featurestore.Row, points []scatterplot.Point) error {
	buffer := bufio.NewWriter(w)
	table := csv.NewWriter(buffer)
	number := func(x float64) string { return strconv.FormatFloat(x, 'g', 9, 64) }
	if err := table.Write([]string{"path", "label", "split", "x", "y"}); err != nil {
		return err
	}
	for i, r := range rows {
		err := table.Write([]string{featurestore.EscapeText(r.Path), featurestore.EscapeText(r.Label), featurestore.EscapeText(r.Split), number(points[i].X), number(points[i].Y)})
		if err != nil {
			return err
		}
	}
	table.Flush()
	if err := table.Error(); err != nil {
		return err
	}
	return buffer.Flush()
}
