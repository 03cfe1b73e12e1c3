package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"fovea/app/cli"
	"fovea/contactsheet"
	"fovea/featurestore"
	"fovea/featurestore/explore"
	"fovea/internal/output"
	"fovea/internal/spelling"
	"fovea/internal/text"
	"fovea/serving"
)

// sheetFlags say where a contact sheet goes and where its images come from.
type sheetFlags struct{ html, images string }

func (s *sheetFlags) add(command *cobra.Command) {
	cli.PathVar(command.Flags(), &s.html, "html", "", "write a contact sheet to `FILE`, a self-contained web page")
	cli.PathVar(command.Flags(), &s.images, "images", "", "the directory `DIR` that the dataset was extracted from, for --html")
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
	result cli.ResultFlags
	sheet  sheetFlags
	query  string
	k      int
	trust  bool
}

func newDatasetSimilar() *cobra.Command {
	var o similarOptions
	command := &cobra.Command{
		Use:   "similar --query ROW|PATH|FILE DIR",
		Short: "Find the rows most similar to a row or to an image",
		Long: `Similar prints the rows with the highest cosine similarity to a query: a row, by its number from
0 or its path, or the file of another image, whose features are computed as the dataset's were.
Every row is compared; the dataset is streamed.`,
		Example: "  extract dataset similar --query cat/1.jpg --k 20 --html similar.html --images photos features",
		Args:    datasetArgument,
		RunE:    onDataset(o.run),
	}
	command.Flags().StringVar(&o.query, "query", "", "`WHAT` to search for: a row's number or path, or an image file (required)")
	command.Flags().IntVar(&o.k, "k", 10, "print `N` rows")
	cli.TrustVar(command.Flags(), &o.trust)
	o.rows.add(command)
	o.result.AddWithFormat(command.Flags())
	o.sheet.add(command)
	return command
}

// similar is the result of the command.
type similar struct {
	Dataset string        `json:"dataset"`
	Layer   string        `json:"layer"`
	Query   string        `json:"query"`
	Rows    []explore.Row `json:"rows"`
}

func (s similar) print(w io.Writer) error {
	table := text.NewTable(w)
	fmt.Fprintln(table, "SIMILARITY\tROW\tPATH\tLABEL")
	for _, r := range s.Rows {
		fmt.Fprintf(table, "%.6f\t%d\t%s\t%s\n", r.Similarity, r.Row, spelling.Line(r.Path), spelling.Name(r.Label))
	}
	return table.Flush()
}

func (o *similarOptions) validate() error {
	switch {
	case o.query == "":
		return cli.Usagef("--query is required: a row's number or path, or an image's file")
	case o.k < 1:
		return cli.Usagef("--k %d: give a positive number", o.k)
	}
	return o.sheet.validate()
}

func (o *similarOptions) run(ctx context.Context, dir string) error {
	if err := o.validate(); err != nil {
		return err
	}
	d, err := openDataset(ctx, dir)
	if err != nil {
		return err
	}
	layer, _, err := o.rows.Resolve(ctx, d)
	if err != nil {
		return err
	}
	q, err := findQuery(ctx, d, dir, layer.Name, o.query, o.trust)
	if err != nil {
		return fmt.Errorf("--query %s: %w", o.query, err)
	}
	found, err := explore.Nearest(ctx, d, o.rows.Selection, q.vector, o.k, q.row)
	if err != nil {
		return fmt.Errorf("--query %s: %w", o.query, err)
	}
	shown := similar{Dataset: dir, Layer: layer.Name, Query: featurestore.EscapeText(q.name), Rows: explore.Spelled(found)}
	if err := o.result.Print(shown, shown.print); err != nil {
		return err
	}
	return o.sheet.write(ctx, o.page(q, layer.Name, found))
}

// query is what similar rows are looked for.
type query struct {
	vector []float32
	// name is the row's path or the file's name; row is -1 for a file.
	name string
	row  int
	// file is the image's, if it is not in the dataset.
	file string
}

// findQuery finds a row of the dataset, or computes the features of an image file.
func findQuery(ctx context.Context, d *featurestore.Dataset, dir, layer, text string, trust bool) (query, error) {
	row, err := explore.Find(ctx, d, text)
	if err == nil {
		q := query{row: row}
		q.vector, q.name, err = explore.Vector(ctx, d, layer, row)
		return q, err
	}
	if !errors.Is(err, explore.ErrNoRow) {
		return query{}, err
	}
	file, pathErr := cli.LocalPath(text)
	if pathErr != nil {
		return query{}, pathErr
	}
	if _, statErr := os.Stat(file); statErr != nil {
		return query{}, fmt.Errorf("%w, and there is no such file", err)
	}
	model, _ := d.Recipe().Alone(layer)
	features, err := serving.Features(ctx, model, model.LayerNames(), file, serving.Options{Batch: 1, Trust: trust, Beside: filepath.Dir(dir)})
	if err != nil {
		return query{}, err
	}
	return query{vector: features[0], name: text, row: -1, file: file}, nil
}

func (o *similarOptions) page(q query, layer string, found []explore.Row) contactsheet.Sheet {
	requested := o.sheet.picture(q.name, "")
	if q.file != "" {
		requested.File = q.file
	}
	like := contactsheet.Group{Title: "most similar"}
	for _, r := range found {
		like.Pictures = append(like.Pictures, o.sheet.picture(r.Path, fmt.Sprintf("%.4f %s", r.Similarity, featurestore.EscapeText(r.Label))))
	}
	return contactsheet.Sheet{
		Title:  "Images like " + featurestore.EscapeText(q.name),
		Notes:  []string{"By the cosine similarity of their features, layer " + layer + "."},
		Groups: []contactsheet.Group{{Title: "the query", Pictures: []contactsheet.Picture{requested}}, like},
	}
}
