package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"

	"fovea/internal/budget"
	"fovea/internal/labeltable"
	"fovea/internal/spelling"
	"fovea/picture"
)

// CSVLabels takes labels from a table of text: rows path,label or path,label,split, or others whose first row names the
// columns, separated by commas, semicolons, tabs or pipes. Paths that differ in the same way from those of all items,
// such as by a folder before them, are found nevertheless. What is not clear is refused; see the package labeltable.
// An empty label or split means that the image has none.
type CSVLabels struct {
	File string
	// Written declares how the table is written, where that is not clear.
	Written labeltable.Options
	// MaxMemory is how many bytes of memory reading it may take. By default its size decides: 256 MiB and 16 times
	// the size, but not more than the machine has. A file that needs more is refused with budget.ErrMemory.
	MaxMemory int64
	// Understood, if set, is told how the table was understood.
	Understood func(how string)
}

// parseCSVLabels reads csv:FILE or csv,KEY=VALUE,...:FILE. found is false for other values.
func parseCSVLabels(value string) (c CSVLabels, found bool, err error) {
	kind, file, _ := strings.Cut(value, ":")
	kind, options, declared := strings.Cut(kind, ",")
	if kind != "csv" || file == "" {
		return c, false, nil
	}
	c.File = file
	if declared && strings.HasPrefix(file, "//") {
		return c, true, errors.New("pipeline: an option of a table of labels has a colon: it ends the options, as in csv,KEY=VALUE:FILE")
	}
	if declared {
		if c.Written, err = labeltable.ParseOptions(options); err != nil {
			return c, true, fmt.Errorf("pipeline: %w", err)
		}
	}
	return c, true, nil
}

// Label implements Labeler. An image that the file does not list is an error, a *labeltable.Missing; a row without an
// image is not.
func (c CSVLabels) Label(items []Item) error { return c.label(items, nil) }

// label is Label, where only items for which demanded is true must be in the file.
func (c CSVLabels) label(items []Item, demanded func(i int) bool) error {
	table, err := c.read()
	if err != nil {
		return fmt.Errorf("pipeline: %w", err)
	}
	paths := make([]string, len(items))
	for i, item := range items {
		if paths[i] = item.Path; item.isPart() { // people label files
			paths[i] = item.name()
		}
	}
	matching, err := table.Match(paths, demanded)
	if err != nil {
		return fmt.Errorf("pipeline: %w", err)
	}
	for i, label := range matching.Labels { // of an item without a row not even that of its archive
		items[i].Label, items[i].Split = label.Label, label.Split
	}
	rows, first := table.Unused(matching)
	c.tell(table, matching, rows, first)
	return nil
}

// tell says how the table was understood, and how many rows are of no image.
func (c CSVLabels) tell(table *labeltable.Table, matching labeltable.Matching, unused int, first string) {
	if c.Understood == nil {
		return
	}
	how := table.String()
	if matching.How != "" {
		how += "; paths " + matching.How
	}
	if unused > 0 {
		how += fmt.Sprintf("; %d of the rows are of no image that was found, such as %s", unused, spelling.Spell(first))
	}
	c.Understood(how)
}

func (c CSVLabels) read() (*labeltable.Table, error) {
	f, err := os.Open(c.File)
	if err != nil {
		return nil, fmt.Errorf("cannot open the labels in %s: %w", c.File, cause(err))
	}
	defer f.Close() // read-only
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("cannot open the labels in %s: %w", c.File, cause(err))
	}
	if info.IsDir() {
		return nil, fmt.Errorf("cannot read the labels in %s: it is a directory: name the table in it", c.File)
	}
	size := info.Size()
	if !info.Mode().IsRegular() { // a pipe, whose size is not known
		size = math.MaxInt64
	}
	return c.Written.Read(f, c.File, hasPictureExtension, budget.For(size, budget.Packed, c.MaxMemory))
}

// readable tells whether an image can be decoded. One that can be is wanted in a table of labels; of others, people
// who made the table need not have known.
func (i Item) readable(ctx context.Context) bool {
	var data []byte
	var err error
	if i.Source == nil {
		data, _, err = i.readSeen(ctx)
	} else {
		var sources sequence
		defer sources.close()
		err = sources.read(ctx, i, func(r io.Reader, size int64) (err error) {
			data, err = readContent(r, size)
			return err
		})
	}
	if err == nil {
		_, err = picture.Decode(data, picture.Options{Width: 8, Height: 8})
	}
	return err == nil || ofStore(err) != nil || ctx.Err() != nil // else nobody knows
}
