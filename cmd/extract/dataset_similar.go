package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"fovea/app/cli"
	"fovea/contactsheet"
	"fovea/featurestore"
	"fovea/internal/output"
	"fovea/vectors"
)

// sheetFlags say where a contact sheet goes and where its pictures come from.
type sheetFlags struct{ html, images string }

func (s *sheetFlags) add(command *cobra.Command) {
	cli.PathVar(command.Flags(), &s.html, "html", "", "write a contact sheet to `FILE`, a web page of its own")
	cli.PathVar(command.Flags(), &s.images, "images", "", "the directory `DIR` that the paths of rows begin at, for --html")
}

func (s *sheetFlags) validate() error {
	if (s.html == "") != (s.images == "") {
		return cli.Usagef("give --html FILE and --images DIR together: the dataset does not hold the images")
	}
	return nil
}

func (s *sheetFlags) picture(path, note string) contactsheet.Picture {
	return contactsheet.Picture{File: filepath.Join(s.images, filepath.FromSlash(path)), Name: featurestore.EscapeText(path), Note: note}
}

func (s *sheetFlags) write(ctx context.Context, sheet contactsheet.Sheet) error {
	if s.html == "" {
		return nil
	}
	err := output.Write(s.html, func(w io.Writer) error { return contactsheet.Write(ctx, w, sheet) })
	if err == nil {
		logrus.Infof("contact sheet written to %s", s.html)
	}
	return err
}

type similarOptions struct {
	rows   rowFlags
	format formatFlag
	sheet  sheetFlags
	query  string
	k      int
}

func newDatasetSimilar() *cobra.Command {
	var o similarOptions
	command := &cobra.Command{
		Use:   "similar --query ROW|PATH|FILE DIR",
		Short: "Find the rows that are most like one of them, or like an image",
		Long: `Similar prints the rows with the highest cosine similarity to a query: a row, by its number from
0 or its path, or another image's file, whose features are computed as the dataset's were.
Every row is compared; the dataset is streamed.`,
		Example: "  extract dataset similar --query cat/1.jpg --k 20 --html similar.html --images photos features",
		Args:    datasetArgument,
		RunE:    onDataset(o.run),
	}
	command.Flags().StringVar(&o.query, "query", "", "a row's number or path, or an image's file (`WHAT`; required)")
	command.Flags().IntVar(&o.k, "k", 10, "print `N` rows")
	o.rows.add(command)
	o.format.add(command)
	o.sheet.add(command)
	return command
}

// similarRow is a row of the result. Path and Label are the system's bytes, from which the picture
// can be found, until they are spelled.
type similarRow struct {
	Row        int     `json:"row"`
	Path       string  `json:"path"`
	Label      string  `json:"label,omitempty"`
	Similarity float64 `json:"similarity"`
}

// spelledRows are rows as they are printed.
func spelledRows(rows []similarRow) []similarRow {
	out := slices.Clone(rows)
	for i := range out {
		out[i].Path, out[i].Label = featurestore.EscapeText(out[i].Path), featurestore.EscapeText(out[i].Label)
	}
	return out
}

func (o *similarOptions) validate() error {
	switch {
	case o.query == "":
		return cli.Usagef("--query is required: a row's number or path, or an image's file")
	case o.k < 1:
		return cli.Usagef("--k %d: give a positive number", o.k)
	}
	if err := o.format.validate(); err != nil {
		return err
	}
	return o.sheet.validate()
}

func (o *similarOptions) run(ctx context.Context, dir string) error {
	if err := o.validate(); err != nil {
		return err
	}
	d, err := openDataset(dir)
	if err != nil {
		return err
	}
	layer, scan, err := o.rows.choose(ctx, d)
	if err != nil {
		return err
	}
	q, err := findQuery(ctx, d, layer, o.query)
	if err != nil {
		return err
	}
	var rows []similarRow // all rows that were scanned, in the order of the scan
	source := vectorsOf(d, layer, scan, func(b *featurestore.Batch) {
		for i, r := range b.Rows {
			rows = append(rows, similarRow{Row: b.Index[i], Path: r.Path, Label: r.Label})
		}
	})
	// One more, because a row is most like itself.
	nearest, err := vectors.Nearest(ctx, source, vectors.Block{Rows: 1, Cols: layer.Size(), Data: q.vector}, o.k+1)
	if err != nil {
		return fmt.Errorf("--query %s: %w", o.query, err)
	}
	found := make([]similarRow, 0, o.k)
	for _, n := range nearest[0] {
		if r := rows[n.Row]; r.Row != q.row && len(found) < o.k {
			r.Similarity = n.Similarity
			found = append(found, r)
		}
	}
	shown := spelledRows(found)
	err = o.format.print(shown, func(w io.Writer) error {
		table := newTable(w)
		fmt.Fprintln(table, "SIMILARITY\tROW\tPATH\tLABEL")
		for _, r := range shown {
			fmt.Fprintf(table, "%.6f\t%d\t%s\t%s\n", r.Similarity, r.Row, r.Path, r.Label)
		}
		return table.Flush()
	})
	if err != nil {
		return err
	}
	return o.sheet.write(ctx, o.page(q, layer.Name, found))
}

func (o *similarOptions) page(q query, layer string, found []similarRow) contactsheet.Sheet {
	asked := o.sheet.picture(q.name, "")
	if q.file != "" {
		asked.File = q.file
	}
	like := contactsheet.Group{Title: "most like it"}
	for _, r := range found {
		like.Pictures = append(like.Pictures, o.sheet.picture(r.Path, fmt.Sprintf("%.4f %s", r.Similarity, featurestore.EscapeText(r.Label))))
	}
	return contactsheet.Sheet{
		Title:  "Images like " + featurestore.EscapeText(q.name),
		Notes:  []string{"By the cosine similarity of their features, layer " + layer + "."},
		Groups: []contactsheet.Group{{Title: "the query", Pictures: []contactsheet.Picture{asked}}, like},
	}
}
