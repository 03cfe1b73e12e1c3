package featurestore

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/memory"

	"fovea/featurestore/internal/guard"
)

const (
	columnStage  = "stage"
	columnReason = "reason"
	// failureRows is the number of rows of errors.parquet read at a time.
	failureRows = 4096
)

// failureLine is a line of errors.jsonl: a JSON object. Label and split are null if there are none.
// Text that is not UTF-8 is escaped as in the shards, so that paths are spelled alike in both.
type failureLine struct {
	Path   *string `json:"path"`
	Label  *string `json:"label"`
	Split  *string `json:"split"`
	Stage  *string `json:"stage"`
	Reason *string `json:"reason"`
}

// writeFailures writes errors.jsonl, replacing an earlier one.
func writeFailures(c *writerConfig, failures []Failure) (*FileSum, error) {
	temp, err := createTemp(tempPath(c.dir, FailuresFile), c.options.hooks.wrap)
	if err != nil {
		return nil, fmt.Errorf("write %q: %w", FailuresFile, err)
	}
	if err := encodeFailures(temp, failures); err != nil {
		temp.discard()
		return nil, fmt.Errorf("write %q: %w", FailuresFile, err)
	}
	sum := temp.sum()
	if err := temp.commit(inDir(c.dir, FailuresFile)); err != nil {
		return nil, fmt.Errorf("write %q: %w", FailuresFile, err)
	}
	return &FileSum{Bytes: temp.size, SHA256: sum}, writeSeenFailures(c.dir, sum, failures)
}

func encodeFailures(w io.Writer, failures []Failure) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	optional := func(text string) *string {
		if text == "" {
			return nil
		}
		text = EscapeText(text)
		return &text
	}
	for _, f := range failures {
		path := EscapeText(f.Path)
		// Stage and reason are for people: the encoder replaces what is not UTF-8.
		if err := encoder.Encode(failureLine{&path, optional(f.Label), optional(f.Split), &f.Stage, &f.Reason}); err != nil {
			return err
		}
	}
	return nil
}

// failuresSum is what the list of failures should be, nil if that is unknown.
func (m Manifest) failuresSum(where layout) *FileSum {
	if where == layoutFormer || m.Status == StatusWriting {
		return nil
	}
	return m.FailuresFile
}

// statFailures checks that the list of failures exists.
func (m Manifest) statFailures(dir string, where layout) error {
	want := m.failuresSum(where)
	if want == nil {
		return nil
	}
	stat, err := os.Stat(inDir(dir, where.failures))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: %s is missing, which %s lists", ErrCorrupt, where.failures, manifestName)
	case err != nil:
		return err
	case stat.Size() != want.Bytes:
		return fmt.Errorf("%w: %s has %d bytes, but %s says %d", ErrCorrupt, where.failures, stat.Size(), manifestName, want.Bytes)
	}
	return nil
}

// readFailures reads the list of failures and compares it with the manifest.
func (m Manifest) readFailures(ctx context.Context, dir string, where layout, mem memory.Allocator) ([]Failure, error) {
	failures, err := readFailures(ctx, dir, where, m.failuresSum(where), mem)
	if err == nil && m.Status != StatusWriting && len(failures) != m.Failures {
		return nil, fmt.Errorf("read %q: %w: it has %d failures, but %s says %d", where.failures, ErrCorrupt, len(failures), manifestName, m.Failures)
	}
	return failures, err
}

// readFailures reads the list of failures of a dataset in the given layout, and compares it with
// want, if that is known.
func readFailures(ctx context.Context, dir string, where layout, want *FileSum, mem memory.Allocator) ([]Failure, error) {
	f, err := os.Open(inDir(dir, where.failures))
	if err != nil {
		return nil, fmt.Errorf("read %q: %w", where.failures, err)
	}
	defer f.Close() // read-only
	var failures []Failure
	sum := sha256.New()
	if where == layoutFormer {
		failures, err = readFormerFailures(ctx, f, mem)
	} else {
		failures, err = parseFailures(io.TeeReader(f, sum))
	}
	if got := hex.EncodeToString(sum.Sum(nil)); err == nil && want != nil && got != want.SHA256 {
		err = fmt.Errorf("its SHA-256 is %s, but %s says %s: restore the file from a copy, or recreate the dataset; if a run has resumed the dataset meanwhile, open it again", got, manifestName, want.SHA256)
	}
	if err != nil {
		return nil, fmt.Errorf("read %q: %w: %w", where.failures, ErrCorrupt, err)
	}
	return failures, nil
}

// parseFailures reads what encodeFailures wrote.
func parseFailures(r io.Reader) ([]Failure, error) {
	var failures []Failure
	lines := bufio.NewReader(r)
	for n := 1; ; n++ {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) && len(line) == 0 {
			return failures, nil
		}
		if errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("line %d is truncated", n)
		}
		if err != nil {
			return nil, err
		}
		f, err := parseFailure(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		failures = append(failures, f)
	}
}

func parseFailure(line []byte) (Failure, error) {
	var l failureLine
	if err := json.Unmarshal(bytes.TrimSpace(line), &l); err != nil {
		return Failure{}, err
	}
	if l.Path == nil || l.Stage == nil || l.Reason == nil {
		return Failure{}, errors.New("it lacks a path, a stage or a reason")
	}
	optional := func(text *string) string {
		if text == nil {
			return ""
		}
		return UnescapeText(*text)
	}
	return Failure{Path: UnescapeText(*l.Path), Label: optional(l.Label), Split: optional(l.Split), Stage: *l.Stage, Reason: *l.Reason}, nil
}

// failureColumns are the columns of errors.parquet, each with its field of a Failure.
var failureColumns = []struct {
	name string
	// prose is for people and was not escaped.
	prose bool
	of    func(*Failure) *string
}{
	{columnPath, false, func(f *Failure) *string { return &f.Path }},
	{columnLabel, false, func(f *Failure) *string { return &f.Label }},
	{columnSplit, false, func(f *Failure) *string { return &f.Split }},
	{columnStage, true, func(f *Failure) *string { return &f.Stage }},
	{columnReason, true, func(f *Failure) *string { return &f.Reason }},
}

// readFormerFailures reads errors.parquet, which datasets of the former layout have.
func readFormerFailures(ctx context.Context, f guard.ReadSeeker, mem memory.Allocator) (failures []Failure, err error) {
	err = guard.Call(func() error {
		src, err := openSource(f, FormatParquet, mem)
		if err != nil {
			return err
		}
		failures, err = decodeFailures(ctx, src)
		return err
	})
	return failures, err
}

func decodeFailures(ctx context.Context, src source) ([]Failure, error) {
	groups, err := src.groups()
	if err != nil {
		return nil, err
	}
	var failures []Failure
	visit := func(r arrow.Record) error {
		c := chunk{rows: int(r.NumRows()), record: r}
		part := make([]Failure, c.rows)
		for _, column := range failureColumns {
			keep := func(s string) string { return strings.Clone(UnescapeText(s)) }
			if column.prose {
				keep = strings.Clone
			}
			values, err := c.texts(nil, column.name, keep)
			if err != nil {
				return err
			}
			for i, v := range values {
				*column.of(&part[i]) = v
			}
		}
		failures = append(failures, part...)
		return nil
	}
	for group := range groups {
		if err := src.scan(ctx, group, failureSchemaNames(), failureRows, visit); err != nil {
			return nil, err
		}
	}
	return failures, nil
}

func failureSchemaNames() []string {
	names := make([]string, len(failureColumns))
	for i, c := range failureColumns {
		names[i] = c.name
	}
	return names
}
