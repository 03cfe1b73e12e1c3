package featurestore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"
)

// Update gives a dataset other rows in one step: it knows what the dataset holds, lets new rows be made in a dataset
// of their own, and puts both together into the dataset's place. From BeginUpdate to Close it holds the lock. It is
// for one goroutine at a time.
type Update struct {
	dir    string
	info   Info
	config Options
	lock   *dirLock // nil after ExamineUpdate
	before *Dataset
	// staging is where new rows are made.
	staging string
	// adds means that columns are added instead of rows; see BeginColumns.
	adds bool

	rows *Table
	sums [][sumSize]byte
	seen [][seenSize]byte
	// whole are the rows of each shard, without vectors.
	whole     [][]Row
	failures  []Failure
	rowAt     map[string]int
	failureAt map[string]int
}

// BeginUpdate begins to update the dataset in dir. Info and options are those of the new rows. Those that could not
// resume the dataset cannot update it: the errors are those of Create. Nothing that readers see changes before Commit.
// A directory without a dataset is ErrNotDataset; one with foreign files, which would be lost, is refused as by
// Revise. The caller must end it with Close.
func BeginUpdate(dir string, info Info, options Options) (*Update, error) {
	u, err := newUpdate(dir, info, options)
	if err != nil {
		return nil, err
	}
	return u, u.begin()
}

// begin takes the lock and reads what the dataset holds.
func (u *Update) begin() (err error) {
	if err = replaceable(u.dir, true); err == nil { // without the lock at first, as in replaceDataset
		u.lock, err = own(u.dir)
	}
	if err != nil {
		return fmt.Errorf("featurestore: update: %w", err)
	}
	u.dir = u.lock.dir
	if err = replaceable(u.dir, true); err == nil {
		err = u.open()
	}
	if err == nil {
		u.staging, err = u.lock.stage(u.suffix())
	}
	if err != nil {
		return errors.Join(fmt.Errorf("featurestore: update: %w", withValidate(err, u.dir)), u.lock.release())
	}
	return nil
}

// ExamineUpdate is BeginUpdate for those who only want to know what an update would find. It takes no lock and writes
// nothing; Commit and Recognize fail.
func ExamineUpdate(dir string, info Info, options Options) (*Update, error) {
	u, err := newUpdate(dir, info, options)
	if err == nil {
		if err = u.open(); err != nil {
			err = fmt.Errorf("featurestore: update: %w", withValidate(err, u.dir))
		}
	}
	return u, err
}

func newUpdate(dir string, info Info, options Options) (*Update, error) {
	info, options = withDefaults(info, options)
	options.Resume, options.Overwrite, options.Selected, options.Written = false, false, nil, nil
	if err := errors.Join(isThere(dir), info.validate(), options.validate()); err != nil {
		return nil, fmt.Errorf("featurestore: update: %w", err)
	}
	return &Update{dir: dir, info: info, config: options}, nil
}

// isThere fails if there is no dataset in dir.
func isThere(dir string) error {
	exists, err := steadyDataset(dir)
	if err == nil && !exists {
		err = fmt.Errorf("%q is %w of features: there is none", dir, ErrNotDataset)
	}
	return err
}

// open reads what the dataset holds.
func (u *Update) open() error {
	d, err := open(u.dir, u.config.hooks.mem)
	if err != nil {
		return err
	}
	if err := u.suits(d.manifest); err != nil {
		return err
	}
	u.before = d
	if err := u.readRows(); err != nil {
		return d.judge(err)
	}
	if u.seen, err = d.seen(); err != nil {
		return err
	}
	failures, err := d.failures()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	u.failureAt = map[string]int{}
	for _, f := range failures { // a killed run saves failures and shards at different times
		if _, row := u.rowAt[f.Path]; !row {
			u.failureAt[f.Path] = len(u.failures)
			u.failures = append(u.failures, f)
		}
	}
	return nil
}

// suits fails if the update is not one for the dataset.
func (u *Update) suits(m Manifest) error {
	if u.adds && m.Status != StatusComplete {
		return fmt.Errorf("%w: %q is %s, and its rows are not complete: --resume it first", ErrMismatch, u.dir, m.Status)
	}
	if u.adds {
		return nil
	}
	c := &writerConfig{dir: u.dir, info: u.info, options: u.config, sizes: chooseSizes(u.info.Recipe.Layers, u.info.DType, u.config)}
	return (&Writer{config: c, manifest: newManifest(c)}).comparable(m)
}

// readRows reads all of the rows but the vectors.
func (u *Update) readRows() error {
	d := u.before
	u.whole = make([][]Row, len(d.manifest.Shards))
	group, ctx := errgroup.WithContext(context.Background())
	group.SetLimit(min(maxReaders, runtime.GOMAXPROCS(0)))
	for i := range u.whole {
		group.Go(func() (err error) { u.whole[i], err = d.identities(ctx, i); return err })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	n := d.manifest.Rows
	u.rows = &Table{Rows: n, Paths: make([]string, 0, n), Labels: make([]string, 0, n), Splits: make([]string, 0, n), SHA256: make([]string, 0, n)}
	u.rowAt, u.sums = make(map[string]int, n), make([][sumSize]byte, 0, n)
	grouped := slices.Contains(d.manifest.ExtraColumns, ExtraGroup)
	if grouped {
		u.rows.Groups = make([]string, 0, n)
	}
	for _, rows := range u.whole {
		for _, r := range rows {
			u.rowAt[r.Path] = len(u.rows.Paths)
			u.rows.Paths, u.rows.Labels, u.rows.Splits = append(u.rows.Paths, r.Path), append(u.rows.Labels, r.Label), append(u.rows.Splits, r.Split)
			u.rows.SHA256, u.sums = append(u.rows.SHA256, r.SHA256), append(u.sums, parseSum(r.SHA256))
			if grouped {
				u.rows.Groups = append(u.rows.Groups, r.Group)
			}
		}
	}
	return nil
}

// Manifest is that of the dataset.
func (u *Update) Manifest() Manifest { return u.before.Manifest() }

// Rows are the dataset's rows, without vectors, and what each of them was read from; both are to be read only.
func (u *Update) Rows() (rows *Table, seen [][seenSize]byte) { return u.rows, u.seen }

// Row is the index of the row of a path.
func (u *Update) Row(path string) (int, bool) { i, ok := u.rowAt[path]; return i, ok }

// Failures are the dataset's failures.
func (u *Update) Failures() []Failure { return slices.Clone(u.failures) }

// Known returns what is recorded about an image.
func (u *Update) Known(path string) (Known, bool) {
	if at, ok := u.failureAt[path]; ok {
		f := u.failures[at]
		return Known{Failed: true, SHA256: parseSum(f.SHA256), Seen: f.Seen}, true
	}
	at, ok := u.rowAt[path]
	if !ok {
		return Known{}, false
	}
	return Known{SHA256: u.sums[at], Seen: u.seen[at]}, true
}

// Staging is the directory in which to make a dataset of new rows. It outlives an update that was not committed, so
// that the next one can resume it.
func (u *Update) Staging() string { return u.staging }

// StagingOptions are the options with which to make the dataset in Staging, given those for others. Inside the
// dataset's directory its shards are of the other format, so that patterns such as DIR/**/*.parquet do not match them
// besides the dataset's own.
func (u *Update) StagingOptions(o Options) Options {
	if u.staging != inDir(u.dir, HiddenDir+"/"+u.suffix()) {
		return o
	}
	o.Format, o.TensorExtension = FormatArrow, false
	if u.before.manifest.Format == FormatArrow {
		o.Format = FormatParquet
	}
	return o
}

// Unstage deletes what is in Staging, if anything, and what a process that was killed while it took rows out of it left
// beside.
func (u *Update) Unstage() error {
	err := onlyOurs(u.staging)
	if err == nil {
		err = removeBeside(u.staging)
	}
	if err == nil {
		err = deleteDataset(u.staging)
	}
	if err != nil {
		return fmt.Errorf("featurestore: update: %w", err)
	}
	return nil
}

// CopyRows appends the rows to w, with the vectors of the dataset's rows whose indices are in from.
func (u *Update) CopyRows(ctx context.Context, w *Writer, from []int, rows []Row) error {
	wanted := make(map[int][]int, len(from))
	for i, row := range from {
		wanted[row] = append(wanted[row], i)
	}
	found, layers := make([]Row, len(rows)), u.before.manifest.Recipe.Layers
	err := u.before.Scan(ctx, ScanOptions{}, func(b *Batch) error {
		for i, r := range b.Rows {
			for _, at := range wanted[b.Index[i]] {
				r.Path, r.Label, r.Split, r.Group, r.Seen, r.Features = rows[at].Path, rows[at].Label, rows[at].Split, rows[at].Group, rows[at].Seen, nil
				for n, l := range layers {
					r.Features = append(r.Features, slices.Clone(b.Vectors[n][i*l.Size():(i+1)*l.Size()]))
				}
				found[at] = r
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return w.Append(found...)
}

// Close gives up the lock. What is in Staging stays.
func (u *Update) Close() error {
	if u.lock == nil {
		return nil
	}
	l := u.lock
	u.lock = nil
	if err := l.release(); err != nil {
		return fmt.Errorf("featurestore: update: %w", err)
	}
	return nil
}

// HasDataset reports whether a directory holds a dataset. Anything else in it is ErrNotDataset.
func HasDataset(dir string) (bool, error) {
	exists, err := steadyDataset(dir)
	if err != nil {
		return false, fmt.Errorf("featurestore: open: %w", err)
	}
	return exists, nil
}
