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
)

// PartitionBy is a column whose values rows are divided by.
type PartitionBy string

// The columns to divide by.
const (
	ByLabel PartitionBy = "label"
	BySplit PartitionBy = "split"
)

// nullPartition names the rows without a value. Hive has a name for them, which pyarrow reads
// as a null, and then cannot hand to pandas.
const nullPartition = "__none__"

// Partition writes the rows of the dataset in dir to files in a directory for each value of a
// column, as Hive has it: out/by_label=cat/part-00000.parquet. Rows keep their order and all of
// their columns; the directories' names give another one, by_label, because readers disagree
// about a column that is in the names and in the files. Rows without a value are in
// by_label=__none__; in others' names all but letters, digits, "-", "_", "."
// and "~" is percent-encoded.
//
// out must not exist, and appears whole or not at all. It is a table for other programs and no
// dataset: there is no manifest, and failures are left out. One file is open at a time, however
// many values there are; for each value the row groups that have it are read.
func Partition(ctx context.Context, out, dir string, by PartitionBy, options MergeOptions) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("featurestore: partition: %w", err)
		}
	}()
	if by != ByLabel && by != BySplit {
		return fmt.Errorf("unknown column %q: use label or split", by)
	}
	out, err = filepath.Abs(out)
	if err != nil {
		return err
	}
	if err := absent(out); err != nil {
		return err
	}
	d, err := Open(dir)
	if err != nil {
		return err
	}
	values, err := d.values(ctx, by)
	if err != nil {
		return err
	}
	if slices.Contains(values, nullPartition) {
		return fmt.Errorf("%q has a %s %s, which names the rows without one", dir, by, nullPartition)
	}
	l, temp, err := partitionPlace(out)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temp), l.release()) }()
	if err := absent(out); err != nil { // another one may just have ended
		return err
	}
	whole := filepath.Join(temp, "whole")
	if err := os.MkdirAll(whole, 0o755); err != nil {
		return err
	}
	rows := 0
	for _, value := range values {
		m := merge{out: out, dirs: []string{dir}, parts: []*Dataset{d}, options: options, rows: rows, only: ScanOptions{Labels: []string{value}}}
		if by == BySplit {
			m.only = ScanOptions{Splits: []string{value}}
		}
		part := filepath.Join(temp, "part")
		if err := m.write(ctx, part); err != nil {
			return err
		}
		name := "by_" + string(by) + "=" + nullPartition
		if value != "" {
			name = "by_" + string(by) + "=" + strings.ReplaceAll(url.QueryEscape(EscapeText(value)), "+", "%20")
		}
		if err := os.Rename(filepath.Join(part, dataDir), filepath.Join(whole, name)); err != nil {
			return err
		}
		if err := os.RemoveAll(part); err != nil {
			return err
		}
		rows = m.rows
	}
	if rows != d.Rows() {
		return fmt.Errorf("%w: %d of the %d rows of %q have come", ErrCorrupt, rows, d.Rows(), dir)
	}
	if err := errors.Join(disk.Sync(whole), os.Rename(whole, out)); err != nil {
		return err
	}
	return disk.Sync(filepath.Dir(out))
}

// absent fails if there is something where the partition is to appear.
func absent(out string) error {
	if _, err := os.Lstat(out); err == nil {
		return fmt.Errorf("%q %w: name a directory that does not", out, ErrExists)
	}
	return nil
}

// partitionPlace is an empty directory beside out, and the right to it.
func partitionPlace(out string) (l *dirLock, temp string, err error) {
	beside := filepath.Join(filepath.Dir(out), "."+filepath.Base(out)+".partition")
	if l, err = lock(beside); err != nil {
		return nil, "", err
	}
	l.made = true // for this alone, be it by one that was killed
	temp = inDir(beside, tempDir)
	if err := os.RemoveAll(temp); err != nil { // of one that was killed
		return nil, "", errors.Join(err, l.release())
	}
	return l, temp, nil
}

// values are those of a column, sorted, "" for rows without among them.
func (d *Dataset) values(ctx context.Context, by PartitionBy) ([]string, error) {
	index, err := d.Index(ctx)
	if err != nil {
		return nil, err
	}
	all := slices.Clone(index.Labels)
	if by == BySplit {
		all = slices.Clone(index.Splits)
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}
