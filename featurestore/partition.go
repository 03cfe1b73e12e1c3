package featurestore

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"fovea/internal/disk"
	"fovea/internal/spelling"
)

// PartitionBy is the column by whose values Partition divides the rows.
type PartitionBy string

// The columns to divide by.
const (
	ByLabel PartitionBy = "label"
	BySplit PartitionBy = "split"
	ByGroup PartitionBy = "group"
)

// nullPartition names the rows without a value. Hive has its own name for them, but pyarrow reads
// that as a null which it then cannot convert for pandas.
const nullPartition = "__none__"

// Partition writes the rows of the dataset in dir to files in one directory per value of a column,
// in the layout of Hive: out/by_label=cat/part-00000.parquet. Rows keep their order and all of
// their columns. The directories' names give an additional column, by_label, because readers
// disagree about a column that is both in the names and in the files. Rows without a value are in
// by_label=__none__; a dataset without the column, which only that of groups may lack, is an error.
// In all other names, everything but letters, digits, "-", "_", "." and "~" is percent-encoded.
//
// out must not exist, and appears whole or not at all. It is a table for other programs, not a
// dataset: it has no manifest and no failures. However many values there are, only one file is open
// at a time; the row groups that hold a value are read once for each such value.
func Partition(ctx context.Context, out, dir string, by PartitionBy, options MergeOptions) error {
	if err := divide(ctx, out, dir, by, options); err != nil {
		return fmt.Errorf("featurestore: partition: %w", err)
	}
	return nil
}

func divide(ctx context.Context, out, dir string, by PartitionBy, options MergeOptions) (err error) {
	if by != ByLabel && by != BySplit && by != ByGroup {
		return fmt.Errorf("unknown column %q: use label, split or group", by)
	}
	if out, err = filepath.Abs(out); err != nil {
		return err
	}
	if err := absent(out); err != nil {
		return err
	}
	d, err := ReadOptions{MaxMemory: options.MaxMemory}.Open(dir)
	if err != nil {
		return err
	}
	values, err := d.values(ctx, by)
	if err != nil {
		return err
	}
	if err := checkNames(dir, by, values); err != nil {
		return err
	}
	l, temp, err := partitionPlace(out)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temp), l.release()) }()
	if err := absent(out); err != nil { // another Partition may just have finished
		return err
	}
	p := partition{dataset: d, dir: dir, by: by, options: options, out: out, temp: temp}
	if err := p.write(ctx, values); err != nil {
		return err
	}
	if err := errors.Join(disk.Sync(p.whole()), os.Rename(p.whole(), out)); err != nil {
		return err
	}
	return disk.Sync(filepath.Dir(out))
}

// partition is a Partition in progress.
type partition struct {
	dataset   *Dataset
	dir       string
	by        PartitionBy
	options   MergeOptions
	out, temp string
	rows      int // written so far
}

// whole is the directory that becomes out once it is complete.
func (p *partition) whole() string { return filepath.Join(p.temp, "whole") }

// write writes the files of all values.
func (p *partition) write(ctx context.Context, values []string) error {
	if err := os.MkdirAll(p.whole(), 0o755); err != nil {
		return err
	}
	for _, value := range values {
		if err := p.writeValue(ctx, value); err != nil {
			return err
		}
	}
	if p.rows != p.dataset.Rows() {
		return fmt.Errorf("%w: %d of the %d rows of %q were found", ErrCorrupt, p.rows, p.dataset.Rows(), p.dir)
	}
	return nil
}

// writeValue writes the rows that have the value, as a dataset whose data directory is then moved.
func (p *partition) writeValue(ctx context.Context, value string) error {
	m := merge{out: p.out, dirs: []string{p.dir}, parts: []*Dataset{p.dataset}, options: p.options, rows: p.rows}
	switch p.by {
	case ByLabel:
		m.only.Labels = []string{value}
	case BySplit:
		m.only.Splits = []string{value}
	case ByGroup:
		m.only.Groups = []string{value}
	}
	part := filepath.Join(p.temp, "part")
	if err := m.write(ctx, part); err != nil {
		return err
	}
	if err := os.Rename(filepath.Join(part, dataDir), filepath.Join(p.whole(), partitionName(p.by, value))); err != nil {
		return err
	}
	p.rows = m.rows
	return os.RemoveAll(part)
}

// partitionName is the directory of the rows that have a value.
func partitionName(by PartitionBy, value string) string {
	name := nullPartition
	if value != "" {
		name = strings.ReplaceAll(url.QueryEscape(EscapeText(value)), "+", "%20")
	}
	return "by_" + string(by) + "=" + name
}

// maxName is how many bytes the name of a directory may have, on most file systems.
const maxName = 255

// checkNames rejects the value that stands for none, and those that cannot be a part of a directory's name, since a
// name of another kind would be no partition to the programs that read it.
func checkNames(dir string, by PartitionBy, values []string) error {
	if slices.Contains(values, nullPartition) {
		return fmt.Errorf("%q has a %s %s, which names the rows without one", dir, by, nullPartition)
	}
	remedy := "extract dataset relabel"
	if by == ByGroup {
		remedy = "extract --resume with other --group-by"
	}
	for _, value := range values {
		if n := len(partitionName(by, value)); n > maxName {
			shown := []rune(value)
			return fmt.Errorf("the %s %q... in %q would make the name of a directory of %d bytes, of which %d are allowed (most letters but English ones take six or more): give its rows a shorter %s (%s)",
				by, spelling.Spell(string(shown[:min(len(shown), 40)])), dir, n, maxName, by, remedy)
		}
	}
	return nil
}

// absent fails if out exists.
func absent(out string) error {
	if _, err := os.Lstat(out); err == nil {
		return fmt.Errorf("%q %w: name a directory that does not", out, ErrExists)
	}
	return nil
}

// partitionPlace makes an empty temporary directory beside out and locks it.
func partitionPlace(out string) (l *dirLock, temp string, err error) {
	beside := filepath.Join(filepath.Dir(out), "."+filepath.Base(out)+".partition")
	if l, err = lock(beside); err != nil {
		return nil, "", err
	}
	l.made = true // it exists for this purpose only, even if a killed run made it
	temp = inDir(beside, tempDir)
	if err := os.RemoveAll(temp); err != nil { // left by a killed run
		return nil, "", errors.Join(err, l.release())
	}
	return l, temp, nil
}

// values are the distinct values of a column, sorted; "" stands for rows without one.
func (d *Dataset) values(ctx context.Context, by PartitionBy) ([]string, error) {
	index, err := d.Index(ctx)
	if err != nil {
		return nil, err
	}
	all := index.Labels
	switch by {
	case BySplit:
		all = index.Splits
	case ByGroup:
		if all = index.Groups; all == nil {
			return nil, fmt.Errorf("%q has no column group: extract it with --group-by", d.dir)
		}
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}
