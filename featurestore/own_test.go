package featurestore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"fovea/internal/crashtest"
)

// state is a dataset as the operations below know it: its paths, those of revised rows with a star, and whether
// it was assembled. None is nil.
type state struct {
	paths     []string
	assembled bool
}

func (s *state) String() string {
	if s == nil {
		return "nothing"
	}
	return fmt.Sprintf("%d rows from %q, assembled %v", len(s.paths), s.paths[0], s.assembled)
}

// operation is something that writes to the directory out, beside which there are sources.
type operation struct {
	name string
	run  func(out string) error
	// after is the state that it makes of another, false if it must refuse that.
	after func(*state) (*state, bool)
}

// The rows that operations write: those of the datasets a and b, and some of their own.
var (
	ownRows   = makeRows(testRecipe(), 0, 60)
	aRows     = ownRows[:12]
	bRows     = ownRows[12:19]
	newRows   = ownRows[20:23]
	oldRows   = ownRows[30:39]
	laterRows = ownRows[40:45]
	overRows  = ownRows[50:54]
)

func pathsOf(rows []Row) []string {
	var paths []string
	for _, r := range rows {
		paths = append(paths, r.Path)
	}
	return paths
}

func ownOptions() Options {
	return Options{hooks: hooks{shardRows: 5, groupRows: 5, recordRows: 3}}
}

// write is a run of extract.
func write(out string, options Options, rows []Row) error {
	w, err := Create(out, testInfo(Float32), options)
	if err != nil {
		return err
	}
	done := w.Done()
	for _, r := range rows {
		if done[r.Path] {
			continue
		}
		if err := w.Append(r); err != nil {
			return errors.Join(err, w.Abort())
		}
	}
	return w.Close(StatusComplete)
}

func sourceOf(out, name string) []string {
	return []string{filepath.Join(filepath.Dir(filepath.Dir(out)), "sources", name)}
}

func ifNone(rows []Row, assembled bool) func(*state) (*state, bool) {
	return func(s *state) (*state, bool) {
		if s != nil {
			return s, false
		}
		return &state{pathsOf(rows), assembled}, true
	}
}

func always(rows []Row, assembled bool) func(*state) (*state, bool) {
	return func(*state) (*state, bool) { return &state{pathsOf(rows), assembled}, true }
}

func ifAny(f func(paths []string) []string) func(*state) (*state, bool) {
	return func(s *state) (*state, bool) {
		if s == nil {
			return nil, false
		}
		return &state{f(s.paths), false}, true
	}
}

// plain is a path without its star.
func plain(path string) string { return strings.TrimSuffix(path, "*") }

// revisedSplit is the split of revised rows.
const revisedSplit = "revised"

func operations() []operation {
	ctx := context.Background()
	with := func(change func(*Options)) Options {
		options := ownOptions()
		change(&options)
		return options
	}
	removed := map[string]bool{oldRows[1].Path: true, aRows[0].Path: true}
	sizes := MergeOptions{ShardBytes: 4 * 32 * 4}
	over := sizes
	over.Overwrite = true
	return []operation{
		{"create", func(out string) error { return write(out, ownOptions(), newRows) }, ifNone(newRows, false)},
		{"overwrite", func(out string) error { return write(out, with(func(o *Options) { o.Overwrite = true }), overRows) }, always(overRows, false)},
		{"resume", func(out string) error { return write(out, with(func(o *Options) { o.Resume = true }), laterRows) }, func(s *state) (*state, bool) {
			switch {
			case s == nil:
				return &state{pathsOf(laterRows), false}, true
			case s.assembled:
				return s, false
			case slices.ContainsFunc(s.paths, func(path string) bool { return plain(path) == laterRows[0].Path }):
				return s, true
			}
			return &state{slices.Concat(s.paths, pathsOf(laterRows)), false}, true
		}},
		{"merge", func(out string) error { return Merge(ctx, out, sourceOf(out, "a"), sizes) }, ifNone(aRows, false)},
		{"merge over", func(out string) error { return Merge(ctx, out, sourceOf(out, "b"), over) }, always(bRows, false)},
		{"compact", func(out string) error { return Compact(ctx, out, sizes) }, ifAny(func(paths []string) []string { return paths })},
		{"remove", func(out string) error { return Remove(ctx, out, removed) }, ifAny(func(paths []string) []string {
			return slices.DeleteFunc(slices.Clone(paths), func(path string) bool { return removed[plain(path)] })
		})},
		{"revise", func(out string) error {
			_, err := Revise(ctx, out, ReviseOptions{Row: func(r Row) (Row, bool) { r.Split = revisedSplit; return r, true }})
			return err
		}, func(s *state) (*state, bool) {
			if s == nil {
				return nil, false
			}
			revised := &state{assembled: s.assembled}
			for _, path := range s.paths {
				revised.paths = append(revised.paths, plain(path)+"*")
			}
			return revised, true
		}},
		{"leave out", func(out string) error {
			_, err := Revise(ctx, out, ReviseOptions{Row: func(r Row) (Row, bool) { return r, !removed[r.Path] }})
			return err
		}, func(s *state) (*state, bool) {
			if s == nil {
				return nil, false
			}
			left := slices.DeleteFunc(slices.Clone(s.paths), func(path string) bool { return removed[plain(path)] })
			return &state{left, s.assembled && len(left) == len(s.paths)}, true
		}},
		{"assemble", func(out string) error { return Assemble(ctx, out, sourceOf(out, "a"), AssembleOptions{}) }, func(s *state) (*state, bool) {
			if s == nil {
				return &state{pathsOf(aRows), true}, true
			}
			// Again is no error, with the same shards.
			return s, s.assembled && slices.Equal(s.paths, pathsOf(aRows))
		}},
		{"assemble over", func(out string) error {
			return Assemble(ctx, out, sourceOf(out, "b"), AssembleOptions{Overwrite: true})
		}, always(bRows, true)},
	}
}

// ownSources makes the datasets that operations read, and returns the directory for trials.
func ownSources(t testing.TB) string {
	t.Helper()
	root := crashtest.Scratch(t)
	for name, rows := range map[string][]Row{"a": aRows, "b": bRows, "old": oldRows} {
		must(t, write(filepath.Join(root, "sources", name), ownOptions(), rows))
	}
	return root
}

// begin makes the directory of a trial, in which out is nothing or a dataset.
func begin(t testing.TB, root string, there bool) (out string, s *state) {
	t.Helper()
	parent, err := os.MkdirTemp(root, "trial-*")
	must(t, err)
	out = filepath.Join(parent, "out")
	if os.Getenv(mountVariable) != "" {
		must(t, os.Mkdir(out, 0o755))
		must(t, unix.Mount("none", out, "tmpfs", 0, ""))
		t.Cleanup(func() { _ = unix.Unmount(out, unix.MNT_DETACH) }) // it goes with the process in any case
	}
	if there {
		must(t, os.CopyFS(out, os.DirFS(filepath.Join(root, "sources", "old"))))
		s = &state{paths: pathsOf(oldRows)}
	}
	return out, s
}

// look reads the state of a directory, every value of it. Nothing there is no state.
func look(out string) (*state, error) {
	d, err := Open(out)
	if errors.Is(err, ErrNotDataset) || errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	rows, err := readByLayer(context.Background(), d)
	if err != nil {
		return nil, err
	}
	byPath := map[string]Row{}
	for _, r := range ownRows {
		byPath[r.Path] = r
	}
	s := &state{assembled: d.Manifest().Assembled}
	for _, r := range rows {
		star := ""
		if r.Split == revisedSplit {
			r.Split, star = byPath[r.Path].Split, "*"
		}
		if !sameRow(r, byPath[r.Path]) {
			return nil, fmt.Errorf("the row %q has not its own values", r.Path)
		}
		s.paths = append(s.paths, r.Path+star)
	}
	return s, nil
}

func sameState(a, b *state) bool {
	if a == nil || b == nil {
		return a == b
	}
	return slices.Equal(a.paths, b.paths) && a.assembled == b.assembled
}

// tidy fails if anything but a dataset is left.
func tidy(out string) error {
	entries, err := os.ReadDir(filepath.Dir(out))
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() != filepath.Base(out) {
			return fmt.Errorf("%s is left beside it", e.Name())
		}
	}
	for dir, names := range map[string][]string{".": {HiddenDir, dataDir}, HiddenDir: {"errors.jsonl", "manifest.json"}} {
		entries, _ := os.ReadDir(filepath.Join(out, dir))
		for _, e := range entries {
			if !slices.Contains(names, e.Name()) {
				return fmt.Errorf("%s/%s is left in it", dir, e.Name())
			}
		}
	}
	return nil
}

// exchanges are those to try: at a mount point, the system itself refuses them.
func exchanges() (inSteps []bool) {
	if os.Getenv(mountVariable) != "" {
		return []bool{false}
	}
	return []bool{false, true}
}

// setExchange has directories exchanged in one step or, as if the file system could not, in several.
func setExchange(t testing.TB, steps bool) {
	t.Helper()
	before := exchangeDirs
	t.Cleanup(func() { exchangeDirs = before })
	if steps {
		exchangeDirs = func(a, b string) error { return &os.LinkError{Op: "exchange", Old: a, New: b, Err: syscall.ENOSYS} }
	}
}

// Some file systems ignore that names are to be exchanged.
func TestReplaceWhereNamesAreNotExchanged(t *testing.T) {
	setExchange(t, true)
	exchangeDirs = os.Rename
	dir := filepath.Join(t.TempDir(), "out")
	must(t, write(dir, ownOptions(), newRows))
	must(t, Remove(context.Background(), dir, map[string]bool{newRows[0].Path: true}))
	must(t, Verify(dir))
	if d, err := Open(dir); err != nil || d.Rows() != len(newRows)-1 {
		t.Errorf("%v", err)
	}
}

// A dataset whose rows lie elsewhere, by a link, is not replaced: its rows would move.
func TestRowsInAnotherPlace(t *testing.T) {
	root := t.TempDir()
	dir, disk := filepath.Join(root, "out"), filepath.Join(root, "disk")
	must(t, write(dir, ownOptions(), newRows))
	must(t, errors.Join(os.Rename(inDir(dir, dataDir), disk), os.Symlink(disk, inDir(dir, dataDir))))
	before := top(t, disk)
	for name, replace := range map[string]func() error{
		"compact": func() error { return Compact(context.Background(), dir, MergeOptions{}) },
		"remove":  func() error { return Remove(context.Background(), dir, map[string]bool{newRows[0].Path: true}) },
		"revise": func() error {
			_, err := Revise(context.Background(), dir, ReviseOptions{Row: func(r Row) (Row, bool) { return r, r.Path != newRows[0].Path }})
			return err
		},
		"overwrite": func() error { options := ownOptions(); options.Overwrite = true; return write(dir, options, overRows) },
	} {
		if err := replace(); err == nil || !strings.Contains(err.Error(), "are elsewhere, because") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if after := top(t, disk); !slices.Equal(before, after) {
		t.Errorf("the disk has %v instead of %v", after, before)
	}
	must(t, Verify(dir))
}

// A refused writer leaves alone what lies beside, be it another's dataset of that name.
func TestRefusedLeavesWhatIsBeside(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	must(t, write(dir, ownOptions(), newRows))
	must(t, write(besideOf(dir), ownOptions(), overRows))
	if err := write(dir, ownOptions(), laterRows); !errors.Is(err, ErrExists) {
		t.Errorf("got %v", err)
	}
	if err := Merge(context.Background(), dir, []string{besideOf(dir)}, MergeOptions{}); !errors.Is(err, ErrExists) {
		t.Errorf("got %v", err)
	}
	must(t, Verify(besideOf(dir)))
}
