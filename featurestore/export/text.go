package export

import (
	"bufio"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"fovea/featurestore"
	"fovea/recipe"
)

const indexHeader = "path,label,split,sha256,width,height"

// plainColumns are the columns of a dataset but the vectors.
type plainColumns struct{ group, georeference bool }

func columnsOf(d *featurestore.Dataset) plainColumns {
	extra := d.Manifest().ExtraColumns
	return plainColumns{slices.Contains(extra, featurestore.ExtraGroup), slices.Contains(extra, featurestore.ExtraGeoreference)}
}

// boundNames are the columns of a georeference after crs.
var boundNames = [4]string{"x_min", "y_min", "x_max", "y_max"}

// bounds are their values, as text that reads as the same numbers; "" without a georeference.
func bounds(g *featurestore.Georeference) (texts [4]string) {
	if g == nil {
		return texts
	}
	for i, v := range []float64{g.XMin, g.YMin, g.XMax, g.YMax} {
		texts[i] = strconv.FormatFloat(v, 'g', -1, 64)
	}
	return texts
}

func (c plainColumns) header() string {
	header := indexHeader
	if c.group {
		header += ",group"
	}
	if c.georeference {
		header += ",crs," + strings.Join(boundNames[:], ",")
	}
	return header
}

// write writes the columns of the header. The buffer keeps the error.
func (c plainColumns) write(w *bufio.Writer, r *featurestore.Row) {
	for _, text := range []string{r.Path, r.Label, r.Split, r.SHA256} {
		_, _ = w.WriteString(quote(featurestore.EscapeText(text)))
		_ = w.WriteByte(',')
	}
	fmt.Fprintf(w, "%d,%d", r.Width, r.Height)
	if c.group {
		_, _ = w.WriteString("," + quote(featurestore.EscapeText(r.Group)))
	}
	if c.georeference {
		_, _ = w.WriteString("," + quote(featurestore.EscapeText(crsOf(r))))
		for _, bound := range bounds(r.Georeference) {
			_, _ = w.WriteString("," + bound)
		}
	}
}

func crsOf(r *featurestore.Row) string {
	if r.Georeference == nil {
		return ""
	}
	return r.Georeference.CRS
}

// quote writes a field of CSV (RFC 4180).
func quote(s string) string {
	if !strings.ContainsAny(s, ",\"\r\n") && strings.TrimSpace(s) == s {
		return s
	}
	return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
}

type csvEncoder struct {
	w       *bufio.Writer
	layer   recipe.Layer
	columns plainColumns
	scratch []byte
}

func (e *csvEncoder) begin() error {
	_, _ = e.w.WriteString(e.columns.header())
	for i := range e.layer.Size() {
		_, _ = e.w.WriteString("," + quote(e.layer.Name+"_"+strconv.Itoa(i)))
	}
	return e.w.WriteByte('\n')
}

func (e *csvEncoder) row(r *featurestore.Row, vector []float32) error {
	e.columns.write(e.w, r)
	b := e.scratch[:0]
	for _, x := range vector {
		b = append(b, ',')
		b = appendNumber(b, x)
	}
	b = append(b, '\n')
	e.scratch = b
	_, err := e.w.Write(b)
	return err
}

// appendNumber appends the shortest text that reads as x.
func appendNumber(b []byte, x float32) []byte {
	if x == 0 { // most values
		if math.Signbit(float64(x)) {
			return append(b, "-0.0"...) // "-0" reads as an integer, which has no such zero
		}
		return append(b, '0')
	}
	return strconv.AppendFloat(b, float64(x), 'g', -1, 32)
}

type libsvmEncoder struct {
	w       *bufio.Writer
	numbers map[string]int
	scratch []byte
}

func (e *libsvmEncoder) begin() error { return nil }

func (e *libsvmEncoder) row(r *featurestore.Row, vector []float32) error {
	if r.Label == "" {
		return errors.New("it has no label, which this format needs: choose labelled rows by --label, or another --format")
	}
	number, ok := e.numbers[featurestore.EscapeText(r.Label)]
	if !ok {
		return fmt.Errorf("the manifest does not know its label %q", r.Label)
	}
	b := strconv.AppendInt(e.scratch[:0], int64(number), 10)
	for i, x := range vector {
		if x == 0 {
			continue
		}
		b = append(b, ' ')
		b = strconv.AppendInt(b, int64(i+1), 10)
		b = append(b, ':')
		b = appendNumber(b, x)
	}
	b = append(b, '\n')
	e.scratch = b
	_, err := e.w.Write(b)
	return err
}
