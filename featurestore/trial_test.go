package featurestore

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/apache/arrow/go/v15/arrow/memory"

	mutated "fovea/internal/trials"
)

// No change of a shard ends the program, stalls it or makes it take gigabytes. Shards are read without the manifest, whose
// checksums would stop most changes.
func TestTrials(t *testing.T) {
	for _, format := range []Format{FormatParquet, FormatArrow} {
		t.Run(string(format), func(t *testing.T) {
			mutated.Run(t, shardSeeds(t, format), readAll)
		})
	}
}

// readAll reads a shard without a manifest.
func readAll(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	r, err := readShard(f, memory.DefaultAllocator)
	if err != nil {
		return err
	}
	defer r.close()
	return scanAll(r)
}

func scanAll(r *shardReader) error {
	if err := r.countValues(); err != nil {
		return err
	}
	columns := []string{"path", "label"}
	for _, l := range r.meta.recipe.Layers {
		columns = append(columns, l.Name)
	}
	columns = append(columns, plainNames(r.meta.extra)[len(fixedColumns):]...)
	return r.scan(context.Background(), columns, func(c chunk) error {
		if slices.Contains(c.extra, ExtraGeoreference) {
			if _, err := c.georeferences(); err != nil {
				return err
			}
		}
		if _, err := c.texts(nil, "path", func(s string) string { return s }); err != nil {
			return err
		}
		for _, l := range r.meta.recipe.Layers {
			if _, err := c.vectors(l); err != nil {
				return err
			}
		}
		return nil
	})
}

// shardSeeds are a long shard and a short one of each kind of values.
func shardSeeds(t *testing.T, format Format) []mutated.Seed {
	t.Helper()
	var seeds []mutated.Seed
	for _, dtype := range []DType{Float32, Float16} {
		dir := filepath.Join(t.TempDir(), string(dtype))
		info, rows := testInfo(dtype), makeRows(testRecipe(), 0, testShard+3)
		if dtype == Float16 {
			info, rows = extraInfo(dtype), withExtra(rows)
		}
		writeAll(t, dir, info, testOptions(format), rows, nil)
		for i := range 2 {
			file := filepath.Join(dir, dataDir, shardName(i, format))
			seeds = append(seeds, mutated.Seed{File: file, Aims: pageHeaders(t, file)})
		}
	}
	if len(seeds) != 4 {
		t.Fatal(fmt.Sprint(seeds))
	}
	return seeds
}

// pageHeaders are where the first page of each column chunk of a Parquet file begins, and the footer.
func pageHeaders(t *testing.T, file string) []int {
	t.Helper()
	f, err := os.Open(file)
	must(t, err)
	r, err := readShard(f, memory.DefaultAllocator)
	must(t, err)
	defer r.close()
	p, ok := r.src.(*parquetSource)
	if !ok {
		return nil
	}
	end := int(r.stamp.size) - 8
	aims := []int{end, end - p.reader.MetaData().Size()}
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

// No change of a manifest or of the other files beside the shards does either.
func TestTrialsOfHiddenFiles(t *testing.T) {
	dir := dataset(t, FormatParquet)
	for _, hidden := range []string{ManifestFile, FailuresFile} {
		t.Run(filepath.Base(hidden), func(t *testing.T) {
			original, err := os.ReadFile(filepath.Join(dir, hidden))
			must(t, err)
			defer func() { must(t, os.WriteFile(filepath.Join(dir, hidden), original, 0o644)) }()
			mutated.Run(t, []mutated.Seed{{File: filepath.Join(dir, hidden)}}, func(file string) error {
				changed, err := os.ReadFile(file)
				must(t, err)
				must(t, os.WriteFile(filepath.Join(dir, hidden), changed, 0o644))
				d, err := Open(dir)
				if err == nil {
					_, err = d.Failures()
				}
				if err != nil {
					return fmt.Errorf("%s: %w", filepath.Base(file), err) // it is one of the dataset's
				}
				return nil
			})
		})
	}
}
