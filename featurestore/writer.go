package featurestore

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/apache/arrow/go/v15/arrow/memory"
)

// Options say how a dataset is written. The zero value writes Parquet into a new or empty
// directory.
type Options struct {
	// Format of the shards (default FormatParquet).
	Format Format
	// ShardBytes is about how much the vectors of a shard take, uncompressed (default
	// DefaultShardBytes). A shard is one row group.
	ShardBytes int
	// Resume goes on with a dataset that was not finished, if there is one.
	Resume bool
	// Overwrite removes a dataset that is there. Other files are never removed.
	Overwrite bool

	allocator memory.Allocator // of tests that look for leaks
}

// DefaultShardBytes is a size that readers handle well, and that a killed run loses at
// most. MaxShardRows bounds the loss for short vectors.
const (
	DefaultShardBytes = 64 << 20
	MaxShardRows      = 4096
)

// Writer writes a dataset. Its methods must be called from one goroutine. After an error of
// Append the only useful call is Abort.
type Writer struct {
	dir       string
	options   Options
	manifest  Manifest
	lock      *os.File
	current   *shard
	failures  []Failure
	paths     map[string]bool
	broken    error
	createdIn bool // the directory was made here
}

// Create makes the dataset in dir, or goes on with it. See Options for what may be there
// already; anything else is ErrExists or ErrForeign. A dataset that is resumed must have
// been made alike: otherwise the error lists what differs.
func Create(dir string, info Info, options Options) (*Writer, error) {
	if options.Format == "" {
		options.Format = FormatParquet
	}
	if options.Format != FormatParquet && options.Format != FormatArrow {
		return nil, fmt.Errorf("featurestore: unknown format %q: use parquet or arrow", options.Format)
	}
	if options.ShardBytes <= 0 {
		options.ShardBytes = DefaultShardBytes
	}
	if options.allocator == nil {
		options.allocator = memory.DefaultAllocator
	}
	if info.DType == "" {
		info.DType = Float32
	}
	if err := info.validate(); err != nil {
		return nil, err
	}
	_, statErr := os.Stat(dir)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("featurestore: cannot make the directory of the dataset: %w", err)
	}
	held, err := lock(dir)
	if err != nil {
		return nil, err
	}
	w := &Writer{
		dir: dir, options: options, lock: held, paths: map[string]bool{}, createdIn: statErr != nil,
		manifest: Manifest{
			Version: ManifestVersion, Status: StatusWriting, Format: options.Format,
			Fingerprint: info.Recipe.Fingerprint(), Info: info, Labels: map[string]int{},
			RowsPerShard: max(1, min(MaxShardRows, options.ShardBytes/rowBytes(info))),
		},
	}
	if err := w.begin(); err != nil {
		return nil, errors.Join(err, held.Close())
	}
	return w, nil
}

// begin deals with what is in the directory.
func (w *Writer) begin() error {
	found, err := inspect(w.dir)
	if err != nil {
		return err
	}
	switch {
	case found == stateForeign:
		return fmt.Errorf("featurestore: %s %w: choose an empty or new directory", w.dir, ErrForeign)
	case found == stateDataset && w.options.Overwrite:
		if err := clearDataset(w.dir); err != nil {
			return err
		}
	case found == stateDataset && !w.options.Resume:
		return fmt.Errorf("featurestore: %s %w: go on with it by --resume, replace it by --overwrite, or choose another directory", w.dir, ErrExists)
	}
	if err := os.RemoveAll(filepath.Join(w.dir, temporaryDir)); err != nil {
		return fmt.Errorf("featurestore: %w", err)
	}
	for _, name := range []string{dataDir, temporaryDir} {
		if err := os.MkdirAll(filepath.Join(w.dir, name), 0o755); err != nil {
			return fmt.Errorf("featurestore: %w", err)
		}
	}
	if found == stateDataset && w.options.Resume {
		if err := w.resume(); err != nil {
			return errors.Join(err, os.Remove(filepath.Join(w.dir, temporaryDir)))
		}
	}
	return w.writeManifest(StatusWriting)
}

// Has says whether the dataset holds a row or a failure of that path, from this run or an
// earlier one.
func (w *Writer) Has(path string) bool { return w.paths[storedText(path)] }

// Rows is the number of rows so far, those of a resumed dataset included.
func (w *Writer) Rows() int {
	if w.current == nil {
		return w.manifest.Rows
	}
	return w.manifest.Rows + w.current.rows
}

// Failures is the number of failures so far, those of a resumed dataset included.
func (w *Writer) Failures() int { return len(w.failures) }

// Append adds rows. They are on disk, under a final name, once their shard is full or the
// dataset is closed. A row that cannot be stored is an error that names it, and none of the
// rows after it is added.
func (w *Writer) Append(rows ...Row) error {
	if w.broken != nil {
		return w.broken
	}
	for _, row := range rows {
		row.Path, row.Label, row.Split = storedText(row.Path), storedText(row.Label), storedText(row.Split)
		if err := row.check(w.manifest.Info); err != nil {
			return err
		}
		if err := w.claim(row.Path); err != nil {
			return err
		}
		if err := w.add(row); err != nil {
			w.broken = err
			return err
		}
	}
	return nil
}

// claim refuses a path that is there already.
func (w *Writer) claim(path string) error {
	if w.paths[path] {
		return fmt.Errorf("featurestore: %s is in the dataset already: a path names one row", path)
	}
	w.paths[path] = true
	return nil
}

func (w *Writer) add(row Row) error {
	if w.current == nil {
		name := filepath.Join(w.dir, temporaryDir, shardName(len(w.manifest.Shards), w.options.Format))
		s, err := newShard(name, w.manifest.Info, w.options.Format, w.options.allocator)
		if err != nil {
			return err
		}
		w.current = s
	}
	if err := w.current.append(row); err != nil {
		return fmt.Errorf("featurestore: write %s: %w", w.current.file.Name(), err)
	}
	if row.Label != "" {
		w.manifest.Labels[row.Label]++
	}
	if w.current.rows < w.manifest.RowsPerShard {
		return nil
	}
	if err := w.finishShard(); err != nil {
		return err
	}
	return w.writeManifest(StatusWriting)
}

// AppendFailure notes pictures that gave no row.
func (w *Writer) AppendFailure(failures ...Failure) error {
	for _, f := range failures {
		f.Path, f.Label, f.Split = storedText(f.Path), storedText(f.Label), storedText(f.Split)
		f.Reason = storedText(f.Reason)
		if err := w.claim(f.Path); err != nil {
			return err
		}
		w.failures = append(w.failures, f)
	}
	return nil
}

// finishShard puts the current shard on disk under its final name.
func (w *Writer) finishShard() error {
	s := w.current
	if s == nil {
		return nil
	}
	w.current = nil
	temporary := s.file.Name()
	name := filepath.Base(temporary)
	if err := s.close(); err != nil {
		return fmt.Errorf("featurestore: write %s: %w", name, err)
	}
	if err := publish(temporary, filepath.Join(w.dir, dataDir, name)); err != nil {
		return fmt.Errorf("featurestore: write %s: %w", name, err)
	}
	w.manifest.Shards = append(w.manifest.Shards, ShardInfo{File: name, Rows: s.rows, Bytes: s.bytes, SHA256: s.sha256()})
	w.manifest.Rows += s.rows
	return nil
}

func (w *Writer) writeManifest(status Status) error {
	m := w.manifest
	m.Status, m.Failures, m.Updated = status, len(w.failures), time.Now().UTC().Truncate(time.Second)
	m.Labels = maps.Clone(m.Labels)
	return m.write(w.dir)
}

// Close finishes the dataset: the last shard, the table of failures, the manifest. An
// interrupted dataset can be resumed.
func (w *Writer) Close(status Status) error {
	if w.broken != nil {
		return errors.Join(w.broken, w.Abort())
	}
	err := w.finishShard()
	if err == nil {
		err = w.writeFailures()
	}
	if err == nil {
		err = w.writeManifest(status)
	}
	if err != nil {
		return errors.Join(err, w.Abort())
	}
	return w.release()
}

// Abort gives up what has no final name yet. The complete shards stay, and the dataset can
// be resumed; a dataset without any is removed.
func (w *Writer) Abort() error {
	if w.lock == nil {
		return nil
	}
	if w.current != nil {
		w.current.abandon()
		w.current = nil
	}
	shards, err := listShards(w.dir)
	if err == nil && len(shards) == 0 {
		err = clearDataset(w.dir)
	}
	return errors.Join(err, w.release())
}

// release removes the temporary files and gives the directory free.
func (w *Writer) release() error {
	err := os.RemoveAll(filepath.Join(w.dir, temporaryDir))
	if w.createdIn {
		_ = os.Remove(w.dir) // only if there is nothing in it
	}
	err = errors.Join(err, w.lock.Close())
	w.lock = nil
	if err != nil {
		return fmt.Errorf("featurestore: %w", err)
	}
	return nil
}

// resume takes over the rows and failures of the dataset that is there. Full shards stay
// as they are; the rows of a shorter last one are written once more, as the beginning of a
// shard that goes on.
func (w *Writer) resume() error {
	old, err := readManifest(w.dir)
	if err != nil {
		return err
	}
	if err := w.comparable(old); err != nil {
		return err
	}
	w.manifest.RowsPerShard = old.RowsPerShard
	dataset, err := open(w.dir, old, true)
	if err != nil {
		return err
	}
	if w.failures, err = dataset.Failures(); err != nil {
		return err
	}
	for _, f := range w.failures {
		w.paths[f.Path] = true
	}
	for i, s := range dataset.shards {
		rows, err := w.takeOver(s)
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			continue
		}
		if i != len(dataset.shards)-1 {
			return fmt.Errorf("featurestore: %s: %w: shard %s has %d rows, not %d", w.dir, ErrFormat, s.name, s.rows, old.RowsPerShard)
		}
		for _, row := range rows {
			if err := w.add(row); err != nil {
				return err
			}
		}
	}
	return nil
}

// takeOver notes a full shard, or returns the rows of a shorter one.
func (w *Writer) takeOver(s *shardReader) ([]Row, error) {
	full := s.rows == w.manifest.RowsPerShard
	rows, err := s.readRows(!full)
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		if err := w.claim(row.Path); err != nil {
			return nil, err
		}
	}
	if !full {
		return rows, nil
	}
	info, err := s.describe()
	if err != nil {
		return nil, err
	}
	w.manifest.Shards = append(w.manifest.Shards, info)
	w.manifest.Rows += s.rows
	for _, row := range rows {
		if row.Label != "" {
			w.manifest.Labels[row.Label]++
		}
	}
	return nil, nil
}

// comparable says why the rows of an older run must not be mixed with new ones.
func (w *Writer) comparable(old Manifest) error {
	var differences []string
	for _, d := range old.Recipe.CompareLayers(w.manifest.Recipe) {
		differences = append(differences, d.String())
	}
	if old.DType != w.manifest.DType {
		differences = append(differences, fmt.Sprintf("dtype: %s here, %s there", old.DType, w.manifest.DType))
	}
	if old.Format != w.manifest.Format {
		differences = append(differences, fmt.Sprintf("format: %s here, %s there", old.Format, w.manifest.Format))
	}
	if len(differences) == 0 {
		return nil
	}
	return fmt.Errorf("featurestore: %s was made differently (here: the dataset, there: this run): %s: use the same flags, --overwrite, or another directory", w.dir, strings.Join(differences, "; "))
}
