package explore

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"fovea/internal/spelling"
	"fovea/internal/text"
	"fovea/recipe"
)

// maxListed bounds the shards and labels that a table lists; JSON has all.
const maxListed = 20

// WriteText writes the inspection of the dataset name for people.
func (i Inspection) WriteText(w io.Writer, name string) error {
	fmt.Fprintf(w, "dataset        %s (%s)\n", spelling.Line(name), i.Status)
	parts := i.Recipe.Parts()
	for n, part := range parts {
		if len(parts) > 1 {
			fmt.Fprintf(w, "columns        %s\n", columnsText(part.Layers))
		}
		writeRecipe(w, part, i.Device)
		if n < len(parts)-1 {
			fmt.Fprintln(w)
		}
	}
	if len(parts) > 1 {
		fmt.Fprintln(w)
	}
	fmt.Fprintf(w, "written        %s, by version %s\n", i.Created.Format(time.RFC3339), i.ToolVersion)
	fmt.Fprintf(w, "fingerprint    %s\n", i.Fingerprint)
	if i.Grouping != "" {
		fmt.Fprintf(w, "groups         by %s\n", spelling.Line(i.Grouping))
	}
	fmt.Fprintf(w, "rows           %d\n", i.Rows)
	fmt.Fprintf(w, "failures       %d%s\n", i.Failures, countsText(i.FailuresByStage))
	fmt.Fprintf(w, "size           %s in %s (%s) of at most %s\n\n", text.Size(i.Bytes), text.Plural(len(i.Shards), "shard"), i.Format, text.Plural(i.RowsPerShard, "row"))

	return i.writeTables(w)
}

// writeTables writes the columns, the labels and splits, and the shards.
func (i Inspection) writeTables(w io.Writer) error {
	table := text.NewTable(w)
	fmt.Fprintln(table, "COLUMN\tTYPE\tSHAPE\tLAYOUT")
	for _, c := range i.Columns {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", spelling.Line(c.Name), c.Type, text.Shape(c.Shape), c.Layout)
	}
	for _, counts := range []struct {
		head string
		of   map[string]int
	}{{"LABEL", i.Labels}, {"SPLIT", i.Splits}} {
		if len(counts.of) > 0 {
			fmt.Fprintf(table, "\n%s\tROWS\n", counts.head)
			writeCounts(table, counts.of, i.Rows)
		}
	}
	fmt.Fprintln(table, "\nSHARD\tROWS\tSIZE\tSHA-256")
	for n, s := range i.Shards {
		if n == maxListed {
			fmt.Fprintf(table, "... and %d more\n", len(i.Shards)-n)
			break
		}
		fmt.Fprintf(table, "%s\t%d\t%s\t%s\n", s.File, s.Rows, text.Size(s.Bytes), s.SHA256)
	}
	return table.Flush()
}

// writeRecipe says how vectors were made.
func writeRecipe(w io.Writer, r recipe.Recipe, device string) {
	fmt.Fprintf(w, "model          %s, SHA-256 %s\n", spelling.Line(r.Model), r.ModelSHA256)
	fmt.Fprintf(w, "input          %dx%d, %s, %s, %s\n", r.InputHeight, r.InputWidth, r.Resize, r.Interpolation, r.Preprocessing)
	if r.Background != "" {
		fmt.Fprintf(w, "background     %s, under transparent pixels\n", r.Background)
	}
	if r.Range != "" {
		fmt.Fprintf(w, "range          %s, of samples of more than 8 bits\n", r.Range)
	}
	if r.Bands != "" {
		fmt.Fprintf(w, "bands          %s\n", r.Bands)
	}
	if r.Tiles != "" {
		fmt.Fprintf(w, "tiles          %s pixels\n", r.Tiles)
	}
	if r.Views != "" {
		fmt.Fprintf(w, "views          %s, averaged\n", r.Views)
	}
	fmt.Fprintf(w, "pooling        %s\n", r.Pool)
	if r.Projection != "" {
		fmt.Fprintf(w, "projection     %s\n", r.Projection)
	}
	fmt.Fprintf(w, "computed       %s, %s, on %s\n", r.Arithmetic(), r.Library, device)
}

// columnsText names the columns of a model, with their layers where those have other names.
func columnsText(layers []recipe.Layer) string {
	names := make([]string, len(layers))
	for i, l := range layers {
		if names[i] = spelling.Line(l.Name); l.Of != "" {
			names[i] += " (layer " + spelling.Line(l.Of) + ")"
		}
	}
	return strings.Join(names, ", ")
}

// countsText writes counts in parentheses.
func countsText(counts map[string]int) string {
	list := ""
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		list += fmt.Sprintf(", %s: %d", spelling.Name(name), counts[name])
	}
	if list == "" {
		return ""
	}
	return " (" + list[2:] + ")"
}

// writeCounts lists values with their numbers of rows, and the rows without a value.
func writeCounts(w io.Writer, counts map[string]int, rows int) {
	listed := 0
	for n, name := range slices.Sorted(maps.Keys(counts)) {
		listed += counts[name]
		if n < maxListed {
			fmt.Fprintf(w, "%s\t%d\n", spelling.Name(name), counts[name])
		}
	}
	if len(counts) > maxListed {
		fmt.Fprintf(w, "... and %d more\n", len(counts)-maxListed)
	}
	if listed < rows {
		fmt.Fprintf(w, "(none)\t%d\n", rows-listed)
	}
}

// WriteText writes the statistics for people.
func (s Statistics) WriteText(w io.Writer) error {
	fmt.Fprintf(w, "rows      %d%s\n", s.Rows, countsText(s.Labels))
	if len(s.Splits) > 0 {
		fmt.Fprintf(w, "splits    %s\n", countsText(s.Splits)[1:])
	}
	fmt.Fprintf(w, "failures  %d\n", s.Failures)
	fmt.Fprintf(w, "size      %s in %s, %.1f %% of the %s of values\n\n", text.Size(s.Bytes), text.Plural(s.Shards, "shard"), 100*float64(s.Bytes)/float64(max(1, s.RawBytes)), text.Size(s.RawBytes))
	table := text.NewTable(w)
	fmt.Fprintln(table, "LAYER\tVALUES\tZEROS\tMEAN\tDEVIATION\tMIN\tMAX\tNORM MIN\tMEAN\tMAX\tROWS OF ZEROS\tCOLUMNS OF ZEROS")
	for _, l := range s.Layers {
		fmt.Fprintf(table, "%s\t%d\t%.1f %%\t%.4g\t%.4g\t%.4g\t%.4g\t%.4g\t%.4g\t%.4g\t%d\t%d\n", spelling.Line(l.Name), l.Cols, 100*l.Zeros,
			l.Values.Mean, l.Values.Deviation, l.Values.Min, l.Values.Max, l.Norms.Min, l.Norms.Mean, l.Norms.Max, l.ZeroRows, l.ZeroColumns)
	}
	return table.Flush()
}
