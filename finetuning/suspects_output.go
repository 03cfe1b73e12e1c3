package finetuning

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"fovea/featurestore"
	"fovea/internal/output"
	"fovea/internal/spelling"
	"fovea/internal/text"
	"fovea/report"
)

// TableFormats are those that Save writes, by the endings of files' names.
var TableFormats = []string{"csv", "json", "parquet"}

// CheckTable refuses names of files that Save cannot write a table to.
func CheckTable(name string) error {
	_, err := tableFormat(name)
	if err != nil {
		return err
	}
	return checkFile(name)
}

// CheckPage refuses names that no page can be written to.
func CheckPage(name string) error {
	if name == "" {
		return nil
	}
	if info, err := os.Stat(name); err == nil && info.IsDir() || filepath.Ext(name) == "" || os.IsPathSeparator(name[len(name)-1]) {
		return nil // a directory, made if need be
	}
	if ending := strings.ToLower(filepath.Ext(name)); ending != ".html" && ending != ".htm" { // it may be a photo or a head
		return fmt.Errorf("%s: the name must end in .html", name)
	}
	if info, err := os.Stat(filepath.Dir(name)); err != nil || !info.IsDir() {
		return fmt.Errorf("write the page to %s: there is no directory %s: make it first", name, filepath.Dir(name))
	}
	return nil
}

func tableFormat(name string) (string, error) {
	ending := strings.ToLower(strings.TrimPrefix(filepath.Ext(name), "."))
	for _, f := range TableFormats {
		if ending == f {
			return f, nil
		}
	}
	return "", fmt.Errorf("%s: the name must end in .%s, which says the format", name, strings.Join(TableFormats, ", ."))
}

// Save writes the table of all suspects, in the format that its name ends in, and the page to correct labels with. An
// empty name writes none. Both appear, or neither does. It returns the page's file.
func (s *Suspects) Save(table string, page PageOptions) (string, error) {
	var files output.Files
	defer files.Discard()
	if table != "" {
		format, err := tableFormat(table)
		if err != nil {
			return "", err
		}
		if err := files.Write(table, func(w io.Writer) error { return s.Write(w, format) }); err != nil {
			return "", fmt.Errorf("write the suspects: %w", err)
		}
	}
	name := ""
	if page.Out != "" {
		var err error
		if name, err = s.addPage(&files, page); err != nil {
			return "", err
		}
	}
	if err := files.Commit(); err != nil {
		return "", fmt.Errorf("write the suspects: %w", err)
	}
	return name, nil
}

// Write writes the table of all suspects: a row each, the most suspicious first.
func (s *Suspects) Write(w io.Writer, format string) error {
	switch format {
	case "csv":
		return s.writeCSV(w)
	case "json":
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		return encoder.Encode(s)
	case "parquet":
		return s.writeParquet(w)
	}
	return fmt.Errorf("unknown format %q: use %s", format, strings.Join(TableFormats, ", "))
}

// suspectColumns are those of CSV and Parquet.
var suspectColumns = []featurestore.TableColumn{
	{Name: "path", Required: true}, {Name: "label", Required: true}, {Name: "suggested", Required: true}, {Name: "split"},
	{Name: "rank", Type: featurestore.CountColumn, Required: true}, {Name: "likely", Type: featurestore.TruthColumn, Required: true},
	{Name: "self_confidence", Type: featurestore.NumberColumn, Required: true}, {Name: "suggested_probability", Type: featurestore.NumberColumn, Required: true},
	{Name: "neighbours", Type: featurestore.NumberColumn, Required: true}, {Name: "margin", Type: featurestore.NumberColumn, Required: true},
}

// values are those of suspectColumns.
func (s Suspect) values() []any {
	var split any = s.Split
	if s.Split == "" {
		split = nil
	}
	return []any{
		s.Path, s.Label, s.Suggested, split, int64(s.Rank), s.Likely, s.SelfConfidence, s.SuggestedProbability, s.Neighbours, s.Margin,
	}
}

func (s *Suspects) writeParquet(w io.Writer) error {
	table, err := featurestore.NewTableWriter(w, suspectColumns)
	if err != nil {
		return err
	}
	for _, row := range s.Suspects {
		if err := table.Append(row.values()...); err != nil {
			return errors.Join(err, table.Close())
		}
	}
	return table.Close()
}

func (s *Suspects) writeCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	record := make([]string, len(suspectColumns))
	for i, c := range suspectColumns {
		record[i] = c.Name
	}
	if err := out.Write(record); err != nil {
		return err
	}
	for _, row := range s.Suspects {
		for i, v := range row.values() {
			if record[i] = ""; v != nil {
				record[i] = fmt.Sprint(v)
			}
		}
		if err := out.Write(record); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// PageOptions say what a page shows.
type PageOptions struct {
	// Out is the file, or a directory for a file of a fixed name.
	Out string
	// Images is the directory that the dataset was extracted from, "" for no thumbnails.
	Images string
	// Most is the number of images shown, at most.
	Most int
}

// addPage writes a page to correct labels with: the images whose labels are most suspicious, with thumbnails, and a
// table of the corrections to download. It returns the file's name.
func (s *Suspects) addPage(files *output.Files, o PageOptions) (string, error) {
	page := report.LabelPage{
		Title: fmt.Sprintf("%s whose labels to check", text.Plural(min(o.Most, len(s.Suspects)), "image")), Classes: s.Classes,
		Facts: []report.Fact{
			{Name: "images", Value: strconv.Itoa(s.Images)},
			{Name: "wrong labels, estimated", Value: fmt.Sprintf("%.0f (%.1f %%)", s.EstimatedErrors, 100*s.EstimatedErrors/float64(max(1, s.Images)))},
		},
	}
	for _, m := range s.Largest(5) {
		page.Facts = append(page.Facts, report.Fact{Name: "labelled " + m.Label + ", really " + m.Class, Value: fmt.Sprintf("about %.0f", m.Images)})
	}
	shown := s.Suspects[:min(o.Most, len(s.Suspects))]
	page.Rows = make([]report.LabelRow, len(shown))
	paths := make([]string, len(shown))
	for i, r := range shown {
		paths[i] = r.Path
		page.Rows[i] = report.LabelRow{
			Path: r.Path, Label: r.Label, Split: r.Split, Suggested: r.Suggested, Likely: r.Likely,
			Note: fmt.Sprintf("%s %.1f\u00a0%%, %s %.1f\u00a0%%", r.Suggested, 100*r.SuggestedProbability, r.Label, 100*r.SelfConfidence),
		}
	}
	if o.Images != "" {
		for i, t := range thumbnails(o.Images, s.resize, paths) {
			page.Rows[i].Thumbnail = t
		}
	}
	return report.AddLabels(files, o.Out, page)
}

// thumbnails are small images of the paths, as datasets spell them, nil for those that cannot be read.
func thumbnails(dir, resize string, paths []string) [][]byte {
	all := make([][]byte, len(paths))
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, path := range paths {
		group.Go(func() error {
			all[i] = thumbnailOrWarning(filepath.Join(dir, filepath.FromSlash(featurestore.UnescapeText(path))), resize)
			return nil
		})
	}
	_ = group.Wait() // a missing image is a warning
	return all
}

// WriteText writes what was found for people, with the first suspects.
func (s *Suspects) WriteText(w io.Writer, top int) error {
	table := text.NewTable(w)
	fmt.Fprintf(table, "images\t%d of %s\n", s.Images, fmt.Sprint(len(s.Classes), " classes"))
	fmt.Fprintf(table, "wrong labels\tabout %.0f (%.1f %%), %d of them probable\n", s.EstimatedErrors, 100*s.EstimatedErrors/float64(max(1, s.Images)), s.Likely)
	for _, m := range s.Largest(5) {
		fmt.Fprintf(table, "\tabout %.0f labelled %s are %s\n", m.Images, spelling.Name(m.Label), spelling.Name(m.Class))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	shown := s.Suspects[:min(top, len(s.Suspects))]
	if len(shown) == 0 {
		return nil
	}
	fmt.Fprintln(w)
	table = text.NewTable(w)
	fmt.Fprintf(table, "rank\tlabel\tsuggested\tprobability\tneighbours with the label\tpath\n")
	for _, r := range shown {
		mark := ""
		if r.Likely {
			mark = "*"
		}
		fmt.Fprintf(table, "%d%s\t%s\t%s\t%.1f %%\t%.0f %%\t%s\n", r.Rank, mark, spelling.Name(r.Label), spelling.Name(r.Suggested), 100*r.SuggestedProbability, 100*r.Neighbours, spelling.Line(r.Path))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w, "\n* probably wrong")
	return err
}
