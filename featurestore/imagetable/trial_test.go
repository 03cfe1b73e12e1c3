package imagetable

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"fovea/internal/trials"
)

// kinds are tables in the forms that Parquet has; see testdata/trials/make_tables.py.
func kinds(t *testing.T) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join("..", "..", "testdata", "trials", "tables", "*.parquet"))
	must(t, err)
	return append(names, filepath.Join("..", "..", "testdata", "tables", "pets.parquet"))
}

func readTable(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	p, err := Open(file, f, Options{})
	if err != nil {
		return err
	}
	defer p.Close() // read-only
	if err := p.List(context.Background(), func(Row) error { return nil }); err != nil {
		return err
	}
	for row := range p.Rows() {
		if _, err := p.Read(row); err != nil && errors.Is(err, ErrCorrupt) {
			return err
		}
	}
	return nil
}

// The tables of all kinds are read as they are.
func TestKinds(t *testing.T) {
	for _, name := range kinds(t) {
		must(t, readTable(name))
	}
}

// pageHeaders are where the first page of each column chunk begins, and the footer.
func pageHeaders(t *testing.T, name string) []int {
	t.Helper()
	p, err := openFile(t, name)
	must(t, err)
	defer p.Close() // read-only
	info, err := os.Stat(name)
	must(t, err)
	aims := []int{int(info.Size()) - 8, int(info.Size()) - 8 - p.reader.MetaData().Size()}
	for group := range p.reader.NumRowGroups() {
		for leaf := range p.reader.MetaData().Schema.NumColumns() {
			chunk, err := p.reader.MetaData().RowGroup(group).ColumnChunk(leaf)
			must(t, err)
			aims = append(aims, int(chunk.DataPageOffset()))
			if chunk.HasDictionaryPage() {
				aims = append(aims, int(chunk.DictionaryPageOffset()))
			}
		}
	}
	return aims
}

// No change of a table ends the program, stalls it or makes it take gigabytes.
func TestTrials(t *testing.T) {
	var seeds []trials.Seed
	for _, name := range kinds(t) {
		seeds = append(seeds, trials.Seed{File: name, Aims: pageHeaders(t, name)})
	}
	trials.Run(t, seeds, readTable)
}
