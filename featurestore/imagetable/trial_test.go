package imagetable

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"fovea/internal/trials"
)

// kinds are tables in the forms that Parquet has; see make_kinds.py.
func kinds(t *testing.T) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join("..", "..", "testdata", "tables", "kinds", "*.parquet"))
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

// No change of a table ends the program, stalls it or makes it take gigabytes.
func TestTrials(t *testing.T) {
	var seeds []trials.Seed
	for _, name := range kinds(t) {
		seeds = append(seeds, trials.Seed{File: name})
	}
	trials.Run(t, seeds, readTable)
}
