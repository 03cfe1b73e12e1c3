package explore

import (
	"bufio"
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"strconv"

	"fovea/featurestore"
	"fovea/internal/output"
	"fovea/scatterplot"
	"fovea/vectors"
)

// maxKeptValues is the number of values up to which vectors are kept in memory (256 MiB): principal components
// read them many times.
const maxKeptValues = 64 << 20

// Projection are rows in the plane of the first two principal components.
type Projection struct {
	Layer string
	// Rows are the selected rows without their vectors, Points their places; labels are spelled.
	Rows   []featurestore.Row
	Points []scatterplot.Point
	// Ratios are the components' shares of the variance, 0 to 1.
	Ratios []float64
	// Passes is how often the vectors were read.
	Passes int
}

// Project finds the two directions in which the selected rows' vectors vary most.
func Project(ctx context.Context, d *featurestore.Dataset, s Selection) (Projection, error) {
	layer, scan, err := s.Resolve(ctx, d)
	if err != nil {
		return Projection{}, err
	}
	if d.Rows() == 0 {
		return Projection{}, fmt.Errorf("the dataset has %w", featurestore.ErrEmpty)
	}
	var rows []featurestore.Row
	without := scan
	without.Layers = []string{}
	err = d.Scan(ctx, without, func(b *featurestore.Batch) error { rows = append(rows, b.Rows...); return nil })
	if err != nil {
		return Projection{}, fmt.Errorf("read the rows: %w", err)
	}
	source := streamed(d, layer, scan, nil).Kept(len(rows), layer.Size(), maxKeptValues)
	p, err := vectors.PrincipalComponents(ctx, source, 2)
	if err != nil {
		return Projection{}, fmt.Errorf("find the principal components: %w", err)
	}
	points := make([]scatterplot.Point, len(rows))
	for i, r := range rows {
		points[i] = scatterplot.Point{X: p.Scores.At(i, 0), Y: p.Scores.At(i, 1), Label: featurestore.EscapeText(r.Label)}
	}
	return Projection{Layer: layer.Name, Rows: rows, Points: points, Ratios: p.Ratios, Passes: p.Iterations}, nil
}

// Write writes NAME.png and NAME.svg, drawings with a title, and NAME.csv, the path, label, split, x and y of each
// row. All three appear, or none does. It returns their names.
func (p Projection) Write(name, title string) ([]string, error) {
	axis := func(i int) string {
		return fmt.Sprintf("component %d (%.1f %% of the variance)", i+1, 100*p.Ratios[i])
	}
	options := scatterplot.Options{Title: title, X: axis(0), Y: axis(1)}
	var files output.Files
	defer files.Discard()
	for _, format := range []string{"png", "svg"} {
		if err := files.Write(name+"."+format, func(w io.Writer) error { return scatterplot.Write(w, format, p.Points, options) }); err != nil {
			return nil, err
		}
	}
	if err := files.Write(name+".csv", p.writeTable); err != nil {
		return nil, err
	}
	if err := files.Commit(); err != nil {
		return nil, err
	}
	return []string{name + ".png", name + ".svg", name + ".csv"}, nil
}

func (p Projection) writeTable(w io.Writer) error {
	buffer := bufio.NewWriter(w)
	table := csv.NewWriter(buffer)
	number := func(x float64) string { return strconv.FormatFloat(x, 'g', 9, 64) }
	if err := table.Write([]string{"path", "label", "split", "x", "y"}); err != nil {
		return err
	}
	for i, r := range p.Rows {
		err := table.Write([]string{featurestore.EscapeText(r.Path), featurestore.EscapeText(r.Label), featurestore.EscapeText(r.Split), number(p.Points[i].X), number(p.Points[i].Y)})
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
