package explorer

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"mime"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/sirupsen/logrus"

	"fovea/featurestore"
)

// postExport answers with some rows as a file.
func (s *Server) postExport(w http.ResponseWriter, r *http.Request) {
	var request struct {
		Version string `json:"version"`
		Rows    []int  `json:"rows"`
		Format  string `json:"format"`
	}
	err := read(w, r, &request)
	t := s.shown.Load()
	if err == nil {
		err = t.exportable(request.Version, request.Rows, request.Format)
	}
	if err != nil {
		refuse(w, r, err)
		return
	}
	rows := slices.Compact(slices.Sorted(slices.Values(request.Rows)))
	switch request.Format {
	case "csv":
		attach(w, s.options.Dir, "csv", "text/csv; charset=utf-8")
		err = s.exportCSV(w, t, rows)
	case "paths":
		attach(w, s.options.Dir, "txt", "text/plain; charset=utf-8")
		err = t.exportPaths(w, rows)
	default:
		s.exportParquet(w, r, t, rows)
	}
	if err != nil && r.Context().Err() == nil { // the answer has begun
		logrus.Warnf("an export ended early: %v", err)
	}
}

// exportable refuses what cannot be exported, before the answer begins.
func (t *table) exportable(version string, rows []int, format string) error {
	if version != "" && version != t.version {
		return refusal(http.StatusConflict, "the dataset was replaced: reload the page")
	}
	if !slices.Contains([]string{"csv", "parquet", "paths"}, format) {
		return refusal(http.StatusBadRequest, "there is no format %q: there are csv, parquet and paths", format)
	}
	if len(rows) == 0 {
		return refusal(http.StatusBadRequest, "there are no rows to export: select some")
	}
	for _, row := range rows {
		switch {
		case row < 0 || row >= t.rows():
			return refusal(http.StatusBadRequest, "there is no row %d: the dataset has the rows 0 to %d", row, t.rows()-1)
		case format == "paths" && strings.ContainsAny(t.paths[row], "\n\r"):
			return refusal(http.StatusBadRequest, "the path of row %d, %q, has a line break, which a list of paths cannot hold: export CSV", row, featurestore.EscapeText(t.paths[row]))
		}
	}
	return nil
}

// attach says that the answer is a file to save.
func attach(w http.ResponseWriter, dir, extension, kind string) {
	name := featurestore.EscapeText(filepath.Base(filepath.Clean(dir))) + "-selection." + extension
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
}

// exportPaths writes a path in each line, spelled as datasets show it.
func (t *table) exportPaths(w io.Writer, rows []int) error {
	to := bufio.NewWriter(w)
	for _, row := range rows {
		if _, err := to.WriteString(featurestore.EscapeText(t.paths[row]) + "\n"); err != nil {
			return err
		}
	}
	return to.Flush()
}

// exportCSV writes what is known of rows but their vectors; what is not is empty.
func (s *Server) exportCSV(w io.Writer, t *table, rows []int) error {
	to := csv.NewWriter(w)
	header := []string{"path", "label", "split", "prediction", columnConfidence, columnNovelty, columnSuspect, "sha256", "width", "height"}
	if err := to.Write(append(header, t.extraHeader()...)); err != nil {
		return err
	}
	label := s.labels.column(t)
	prediction, _ := s.scores.column(t, columnPrediction).([]int32)
	numbers := make([][]float32, 3)
	for i, name := range []string{columnConfidence, columnNovelty, columnSuspect} {
		numbers[i], _ = s.scores.column(t, name).([]float32)
	}
	for _, row := range rows {
		split, predicted := "", ""
		if at := t.split[row]; at >= 0 {
			split = t.splits[at]
		}
		if prediction != nil {
			predicted = t.classes.name(prediction[row])
		}
		cells := []string{featurestore.EscapeText(t.paths[row]), t.classes.name(label[row]), split, predicted}
		for _, column := range numbers {
			cell := ""
			if column != nil && !math.IsNaN(float64(column[row])) {
				cell = strconv.FormatFloat(float64(column[row]), 'g', -1, 32)
			}
			cells = append(cells, cell)
		}
		cells = append(cells, t.sha256[row], strconv.Itoa(int(t.widths[row])), strconv.Itoa(int(t.heights[row])))
		if err := to.Write(append(cells, t.extraCells(row)...)); err != nil {
			return err
		}
	}
	to.Flush()
	return to.Error()
}

// extraHeader names the columns on request that the dataset has.
func (t *table) extraHeader() (names []string) {
	if t.groups != nil {
		names = append(names, "group")
	}
	if t.places != nil {
		names = append(names, "crs", "x_min", "y_min", "x_max", "y_max")
	}
	return names
}

// extraCells are the values of extraHeader's columns.
func (t *table) extraCells(row int) (cells []string) {
	if t.groups != nil {
		cells = append(cells, featurestore.EscapeText(t.groups[row]))
	}
	if t.places == nil {
		return cells
	}
	g := t.places[row]
	if g == nil {
		return append(cells, "", "", "", "", "")
	}
	cells = append(cells, featurestore.EscapeText(g.CRS))
	for _, bound := range []float64{g.XMin, g.YMin, g.XMax, g.YMax} {
		cells = append(cells, strconv.FormatFloat(bound, 'g', -1, 64))
	}
	return cells
}

// exportParquet writes rows with all of their vectors as one file, with the columns and the metadata of the dataset's
// own files.
func (s *Server) exportParquet(w http.ResponseWriter, r *http.Request, t *table, rows []int) {
	dir, err := os.MkdirTemp("", "fovea-export-")
	if err != nil {
		refuse(w, r, refusal(http.StatusInsufficientStorage, "there is no place for the file: %w: set TMPDIR to a directory with room", err))
		return
	}
	defer func() {
		if err := os.RemoveAll(dir); err != nil {
			logrus.Warnf("a temporary export is left over: %v", err)
		}
	}()
	file, err := s.writeParquet(r.Context(), filepath.Join(dir, "rows"), t, rows)
	if errors.Is(err, featurestore.ErrReplaced) {
		err = refusal(http.StatusConflict, "the dataset was replaced while it was exported: try again")
	}
	if err != nil {
		refuse(w, r, err)
		return
	}
	attach(w, s.options.Dir, "parquet", "application/vnd.apache.parquet")
	http.ServeFile(w, r, file)
}

// writeParquet makes a dataset of one shard, and returns the shard's name. Nothing is written to the dataset meanwhile.
func (s *Server) writeParquet(ctx context.Context, dir string, t *table, rows []int) (string, error) {
	s.turning.Lock()
	defer s.turning.Unlock()
	now := s.shown.Load() // relabelled, perhaps
	if now.version != t.version {
		return "", featurestore.ErrReplaced
	}
	t = now
	m := t.dataset.Manifest()
	out, err := featurestore.Create(dir, featurestore.Info{Recipe: m.Recipe, DType: m.DType, ToolVersion: m.ToolVersion, Device: m.Device, Extra: m.ExtraColumns, Grouping: m.Grouping},
		featurestore.Options{Format: featurestore.FormatParquet, ShardRows: len(rows), TensorExtension: m.TensorExtension})
	if err != nil {
		return "", err
	}
	if err := t.copyRows(ctx, out, rows, s.labels.column(t)); err != nil {
		return "", errors.Join(err, out.Abort())
	}
	if err := out.Close(featurestore.StatusComplete); err != nil {
		return "", err
	}
	d, err := featurestore.Open(dir)
	if err != nil {
		return "", err
	}
	if n := len(d.Shards()); n != 1 {
		return "", fmt.Errorf("the export has %d files", n)
	}
	return filepath.Join(dir, filepath.FromSlash(d.Shards()[0].File)), nil
}

// copyRows appends rows, whose indices are in ascending order, with the labels that they have now.
func (t *table) copyRows(ctx context.Context, out *featurestore.Writer, rows []int, label []int32) error {
	return t.dataset.Scan(ctx, featurestore.ScanOptions{}, func(b *featurestore.Batch) error {
		for i, row := range b.Rows {
			if _, wanted := slices.BinarySearch(rows, b.Index[i]); !wanted {
				continue
			}
			row.Label = featurestore.UnescapeText(t.classes.name(label[b.Index[i]]))
			row.Features = nil
			for _, v := range b.Vectors {
				size := len(v) / len(b.Rows)
				row.Features = append(row.Features, v[i*size:(i+1)*size])
			}
			if err := out.Append(row); err != nil {
				return err
			}
		}
		return nil
	})
}
