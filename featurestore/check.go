package featurestore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"

	"github.com/apache/arrow/go/v15/arrow/memory"

	"fovea/featurestore/internal/guard"
	"fovea/internal/budget"
)

// Problem is a defect of a dataset.
type Problem struct {
	// File is the damaged file below the dataset's directory, or one that would take more memory to read
	// than it may (budget.ErrMemory), which was not checked.
	File string `json:"file"`
	// Row is the row's index in File, from 0, or -1 if the problem does not concern a single row.
	// Path and Layer are the row's, or "".
	Row   int    `json:"row"`
	Path  string `json:"path,omitempty"`
	Layer string `json:"layer,omitempty"`
	Err   error  `json:"-"`
}

func (p Problem) Error() string {
	where := p.File
	if p.Row >= 0 {
		where += fmt.Sprintf(": row %d", p.Row)
	}
	if p.Path != "" {
		where += fmt.Sprintf(" %q", p.Path)
	}
	if p.Layer != "" {
		where += fmt.Sprintf(", layer %q", p.Layer)
	}
	return where + ": " + p.Err.Error()
}

func (p Problem) Unwrap() error { return p.Err }

// maxProblems bounds what a report lists.
const maxProblems = 1000

// Report is what Check found.
type Report struct {
	// Problems are the first 1000 at most; More counts the others.
	Problems []Problem
	More     int
	// Shards, Rows and Bytes (of the shards) count what was found; Failures counts the list of
	// failures.
	Shards, Rows, Failures int
	Bytes                  int64
}

// Err joins all problems, or is nil.
func (r Report) Err() error {
	var errs []error
	for _, p := range r.Problems {
		errs = append(errs, p)
	}
	if r.More > 0 {
		errs = append(errs, fmt.Errorf("%w: %d more problems", ErrCorrupt, r.More))
	}
	return errors.Join(errs...)
}

// Verify reads the dataset in dir and returns all its problems as one error; see Check.
func Verify(dir string) error {
	report, err := Check(context.Background(), dir)
	if err == nil {
		err = report.Err()
	}
	if err != nil {
		return fmt.Errorf("featurestore: verify %q: %w", dir, err)
	}
	return nil
}

// Check reads a whole dataset and reports every problem: files that are missing, foreign, truncated
// or changed, a manifest that does not match them, vectors of a wrong length or with nulls, NaNs or
// infinities, duplicate paths, wrong counts. Damage in one place does not hide damage in another.
//
// A directory without a dataset is ErrNotDataset. What a writer replaces meanwhile is checked again;
// ErrReplaced means that this did not end.
func Check(ctx context.Context, dir string) (Report, error) { return ReadOptions{}.Check(ctx, dir) }

// Check is the function Check, with options.
func (o ReadOptions) Check(ctx context.Context, dir string) (Report, error) {
	return steady(dir, longAttempts, func(now edition) (Report, error) { return checkOnce(ctx, now.root, o.memory()) })
}

func checkOnce(ctx context.Context, dir string, mem memory.Allocator) (Report, error) {
	c := &checker{
		ctx: ctx, dir: dir, mem: mem,
		paths: map[string]string{}, labels: map[string]int{}, splits: map[string]int{},
	}
	if err := c.readManifest(); err != nil {
		return Report{}, err
	}
	for _, name := range c.shardNames() {
		if ctx.Err() != nil {
			return Report{}, context.Cause(ctx)
		}
		c.shard(name)
	}
	c.failures()
	if c.manifest != nil && c.manifest.Status != StatusWriting {
		c.counts()
	}
	if ctx.Err() != nil {
		return Report{}, context.Cause(ctx)
	}
	return c.report, nil
}

type checker struct {
	ctx      context.Context
	dir      string
	mem      memory.Allocator
	layout   layout
	manifest *Manifest // nil if it cannot be read
	report   Report
	// paths maps each path to the file that contains it.
	paths          map[string]string
	labels, splits map[string]int
	// incomplete means that rows could not be read, so that counts are meaningless.
	incomplete bool
}

func (c *checker) problem(p Problem) {
	if len(c.report.Problems) == maxProblems {
		c.report.More++
		return
	}
	if !errors.Is(p.Err, ErrCorrupt) && !errors.Is(p.Err, budget.ErrMemory) {
		p.Err = fmt.Errorf("%w: %w", ErrCorrupt, p.Err)
	}
	c.report.Problems = append(c.report.Problems, p)
}

// wrong reports a problem of a whole file.
func (c *checker) wrong(file, format string, args ...any) {
	c.problem(Problem{File: file, Row: -1, Err: fmt.Errorf(format, args...)})
}

func (c *checker) readManifest() error {
	c.layout = layoutOf(c.dir)
	raw, err := os.ReadFile(inDir(c.dir, c.layout.manifest))
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(filepath.Join(c.dir, dataDir)); err != nil {
			if _, err := os.Stat(c.dir); errors.Is(err, fs.ErrNotExist) {
				return noManifest(c.dir)
			}
			return fmt.Errorf("%w of features: it has neither %s nor %s", ErrNotDataset, ManifestFile, dataDir)
		}
		c.wrong(c.layout.manifest, "it is missing")
		return nil
	}
	var m Manifest
	if err == nil {
		m, err = parseManifest(raw, guard.Budget(c.mem, int64(len(raw))))
	}
	if errors.Is(err, budget.ErrMemory) {
		return err
	}
	switch {
	case raw == nil && err != nil:
		return err
	case err != nil && m.Kind == "": // of another kind or version, or not JSON
		c.wrong(c.layout.manifest, "%w", err)
		return nil
	}
	for _, err := range inspectManifest(raw, m) {
		c.wrong(c.layout.manifest, "%w", err)
	}
	if err == nil || validateLayers(m.Recipe.Layers, m.ExtraColumns) == nil {
		c.manifest = &m
	}
	if last := len(m.Shards) - 1; err == nil && m.Status == StatusWriting && last >= 0 && m.Shards[last].Rows < m.RowsPerShard {
		m.Shards = m.Shards[:last] // a longer one may have replaced it by now
	}
	return nil
}

func (c *checker) failures() {
	m := c.manifest
	if m == nil {
		m = &Manifest{Status: StatusWriting} // which says nothing about the list
	}
	failures, err := readFailures(c.ctx, c.dir, c.layout, m.failuresSum(c.layout), c.mem)
	missing := c.manifest != nil && m.Status == StatusWriting && errors.Is(err, fs.ErrNotExist)
	if err != nil {
		if !missing && c.ctx.Err() == nil {
			c.wrong(c.layout.failures, "%w", err)
		}
		return
	}
	if err := m.statFailures(c.dir, c.layout); err != nil {
		c.wrong(c.layout.failures, "%w", err)
	}
	c.report.Failures = len(failures)
	for i, f := range failures {
		c.path(c.layout.failures, i, f.Path)
	}
	if m.Status != StatusWriting && len(failures) != m.Failures {
		c.wrong(c.layout.failures, "it has %d rows, but %s says %d", len(failures), manifestName, m.Failures)
	}
}

func (c *checker) counts() {
	if c.incomplete {
		return
	}
	m := c.manifest
	if c.report.Rows != m.Rows {
		c.wrong(c.layout.manifest, "it says %d rows, but the shards have %d", m.Rows, c.report.Rows)
	}
	if !maps.Equal(c.labels, m.Labels) {
		c.wrong(c.layout.manifest, "it says the labels are %v, but the rows have %v", m.Labels, c.labels)
	}
	if !maps.Equal(c.splits, m.Splits) {
		c.wrong(c.layout.manifest, "it says the splits are %v, but the rows have %v", m.Splits, c.splits)
	}
}

// count counts a label or split, spelled as in the manifest.
func count(counts map[string]int, value string) {
	if value != "" {
		counts[EscapeText(value)]++
	}
}

// HashFile computes the SHA-256 of a file, in hex as in Shard.
func HashFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close() // read-only
	return hashReader(context.Background(), f)
}
