package featurestore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// dataset state as the operations below know it: its paths, and whether it was assembled. None is nil.
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
			case slices.Contains(s.paths, laterRows[0].Path):
				return s, true
			}
			return &state{slices.Concat(s.paths, pathsOf(laterRows)), false}, true
		}},
		{"merge", func(out string) error { return Merge(ctx, out, sourceOf(out, "a"), sizes) }, ifNone(aRows, false)},
		{"merge over", func(out string) error { return Merge(ctx, out, sourceOf(out, "b"), over) }, always(bRows, false)},
		{"compact", func(out string) error { return Compact(ctx, out, sizes) }, ifAny(func(paths []string) []string { return paths })},
		{"remove", func(out string) error { return Remove(ctx, out, removed) }, ifAny(func(paths []string) []string {
			return slices.DeleteFunc(slices.Clone(paths), func(path string) bool { return removed[path] })
		})},
		{"assemble", func(out string) error { return Assemble(ctx, out, sourceOf(out, "a"), AssembleOptions{}) }, func(s *state) (*state, bool) {
			if s == nil {
				return &state{pathsOf(aRows), true}, true
			}
			return s, s.assembled && slices.Equal(s.paths, pathsOf(aRows)) // again is no error
		}},
		{"assemble over", func(out string) error {
			return Assemble(ctx, out, sourceOf(out, "b"), AssembleOptions{Overwrite: true})
		}, always(bRows, true)},
	}
}

// ownSources makes the datasets that operations read, and returns the directory for trials.
func ownSources(t testing.TB) string {
	t.Helper()
	root := quickDir(t)
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
		if !sameRow(r, byPath[r.Path]) {
			return nil, fmt.Errorf("the row %q has not its own values", r.Path)
		}
		s.paths = append(s.paths, r.Path)
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

// legal says whether the directory may look as it does after two operations of which the first was
// stopped and the second was done meanwhile: as if those that ended well had been done one after the
// other.
func legal(out string, before *state, first, second operation, firstErr, secondErr error) error {
	for _, err := range []error{firstErr, secondErr} {
		known := []error{ErrLocked, ErrExists, ErrNotDataset, ErrMismatch, fs.ErrNotExist}
		if err != nil && !slices.ContainsFunc(known, func(k error) bool { return errors.Is(err, k) }) {
			return fmt.Errorf("refused for no good reason: %w", err)
		}
	}
	got, err := look(out)
	if err != nil {
		return err
	}
	if got != nil {
		if err := Verify(out); err != nil {
			return err
		}
	}
	if err := tidy(out); err != nil {
		return err
	}
	var may []*state
	orders := [][]operation{{first, second}, {second, first}}
	switch {
	case firstErr != nil && secondErr != nil:
		orders = [][]operation{{}}
	case firstErr != nil:
		orders = [][]operation{{second}}
	case secondErr != nil:
		orders = [][]operation{{first}}
	}
	for _, order := range orders {
		s, ok := before, true
		for _, o := range order {
			var done bool
			s, done = o.after(s)
			ok = ok && done
		}
		if may = append(may, s); ok && sameState(got, s) {
			return nil
		}
	}
	return fmt.Errorf("there is %v, want %v (%v and %v)", got, may, firstErr, secondErr)
}

// stopAt has the n-th point call stop, once; a negative n counts the points only.
func stopAt(n int, stop func(point string)) (count *int) {
	count = new(int)
	at = func(point string) {
		if *count++; *count-1 == n {
			at = func(string) {}
			stop(point)
		}
	}
	return count
}

// Whatever two writers do to one directory, and wherever the first is when the second comes, the
// result is as if one had followed the other, or one was refused; and nothing is left.
func TestPairsOfWriters(t *testing.T) {
	root := ownSources(t)
	defer func() { at = func(string) {} }()
	random := rand.New(rand.NewPCG(11, 12))
	ran, refused := 0, 0
	share := 6 // of all trials, one in so many
	if os.Getenv("FOVEA_TRIALS") != "" {
		share = 1
	}
	for _, steps := range exchanges() {
		setExchange(t, steps)
		for _, there := range []bool{false, true} {
			for _, first := range operations() {
				out, _ := begin(t, root, there)
				points := stopAt(-1, nil)
				_ = first.run(out)
				for n := range *points {
					for _, second := range operations() {
						if random.IntN(share) > 0 {
							continue
						}
						ran++
						if pair(t, root, there, first, second, n) {
							refused++
						}
					}
				}
			}
		}
	}
	t.Logf("%d trials, in %d of them the second writer was refused", ran, refused)
}

// pair stops the first operation at its n-th point and does the second meanwhile. It returns whether
// that was refused.
func pair(t *testing.T, root string, there bool, first, second operation, n int) bool {
	t.Helper()
	out, before := begin(t, root, there)
	var name string
	stopped, goOn, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	stopAt(n, func(point string) {
		name = point
		close(stopped)
		<-goOn
	})
	go func() { ended <- first.run(out) }()
	<-stopped
	if _, err := look(out); err != nil {
		t.Errorf("read beside %s, stopped at %q (%d), dataset before: %v: %v", first.name, name, n, there, err)
	}
	began := time.Now()
	untouched := listing(t, out)
	secondErr := second.run(out)
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("the second took %s", took)
	}
	if touched := listing(t, out); errors.Is(secondErr, ErrLocked) && !slices.Equal(untouched, touched) {
		t.Errorf("%s beside %s at %q: refused, it has changed %q to %q", second.name, first.name, name, untouched, touched)
	}
	close(goOn)
	firstErr := <-ended
	if err := legal(out, before, first, second, firstErr, secondErr); err != nil {
		t.Errorf("%s stopped at %q (%d), then %s, dataset before: %v: %v", first.name, name, n, second.name, there, err)
	}
	return errors.Is(secondErr, ErrLocked)
}

// listing is all that is in the directory that out is in, with inodes and times.
func listing(t testing.TB, out string) []string {
	t.Helper()
	var names []string
	must(t, filepath.WalkDir(filepath.Dir(out), func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		names = append(names, fmt.Sprint(path, " ", stampOf(info)))
		return err
	}))
	return names
}

// Of merges to one new directory at the same time, one makes its dataset, and the others are refused.
func TestMergesToOneDirectory(t *testing.T) {
	t.Parallel()
	root := ownSources(t)
	for range trials(10) {
		out, _ := begin(t, root, false)
		start, results := make(chan struct{}), make(chan error)
		for range 3 {
			go func() {
				<-start
				results <- Merge(context.Background(), out, sourceOf(out, "a"), MergeOptions{})
			}()
		}
		close(start)
		won := 0
		for range 3 {
			if err := <-results; err == nil {
				won++
			} else if !errors.Is(err, ErrLocked) && !errors.Is(err, ErrExists) {
				t.Error(err)
			}
		}
		if got, err := look(out); err != nil || won != 1 || !sameState(got, &state{paths: pathsOf(aRows)}) {
			t.Errorf("%d merges have ended well, there is %v, %v", won, got, err)
		}
		if err := tidy(out); err != nil {
			t.Error(err)
		}
	}
}

// An extraction that begins during a merge to the same directory is refused, or the merge is.
func TestExtractionDuringMerge(t *testing.T) {
	t.Parallel()
	root := ownSources(t)
	for range trials(10) {
		out, _ := begin(t, root, false)
		var began, wrote error
		err := Merge(context.Background(), out, sourceOf(out, "a"), MergeOptions{ShardBytes: 4 * 32 * 4, Progress: func(int) {
			began = write(out, ownOptions(), newRows)
			wrote = errors.Join(wrote, began)
		}})
		got, lookErr := look(out)
		if lookErr != nil || (err == nil) == (wrote == nil) || got == nil {
			t.Errorf("merge: %v, extraction: %v, there is %v, %v", err, wrote, got, lookErr)
		}
		if err := tidy(out); err != nil {
			t.Error(err)
		}
	}
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

const mountVariable = "FOVEA_TEST_MOUNT"

// At a mount point, which no directory can be exchanged with, writers do as well. The trials of
// TestPairsOfWriters and TestWritersKilled run there, in a space of mounts of their own.
func TestMountPoint(t *testing.T) {
	unshare, err := exec.LookPath("unshare")
	if err != nil {
		t.Skip("there is no unshare to mount a file system with")
	}
	if output, err := exec.Command(unshare, "-rm", "mount", "-t", "tmpfs", "none", t.TempDir()).CombinedOutput(); err != nil {
		t.Skipf("file systems cannot be mounted here: %v: %s", err, output)
	}
	command := exec.Command(unshare, "-rm", os.Args[0], "-test.v", "-test.run=^(TestPairsOfWriters|TestWritersKilled|TestLostAndFound)$")
	command.Env = append(os.Environ(), mountVariable+"=yes")
	output, err := command.CombinedOutput()
	if err != nil || strings.Count(string(output), "--- PASS") != 3 {
		t.Errorf("%v:\n%s", err, output)
	}
	for line := range strings.Lines(string(output)) {
		if strings.Contains(line, "_test.go") {
			t.Log(strings.TrimSpace(line))
		}
	}
}

// What file systems have at their top is no file of anybody's.
func TestLostAndFound(t *testing.T) {
	if os.Getenv(mountVariable) == "" {
		t.Skip("TestMountPoint runs it")
	}
	root := ownSources(t)
	out, _ := begin(t, root, false)
	must(t, os.Mkdir(filepath.Join(out, "lost+found"), 0o700))
	s := (*state)(nil)
	for _, o := range operations() {
		want, ok := o.after(s)
		if err := o.run(out); ok != (err == nil) && s != nil && o.name != "resume" && o.name != "create" && o.name != "merge" && o.name != "assemble" {
			t.Fatalf("%s: %v", o.name, err)
		}
		got, err := look(out)
		if must(t, err); ok && !sameState(got, want) {
			t.Errorf("%s: there is %v, want %v", o.name, got, want)
		}
		s = got
	}
	if _, err := os.Stat(filepath.Join(out, "lost+found")); err != nil {
		t.Error(err)
	}
}

const stopVariable = "FOVEA_TEST_KILL_AT"

// Killed by SIGKILL at any point, a writer leaves the old dataset or the new one, or the beginning of
// one that it writes in place; the next writer finds its way, and nothing is left.
func TestWritersKilled(t *testing.T) {
	if setting := os.Getenv(stopVariable); setting != "" {
		beKilled(t, setting)
		return
	}
	root := ownSources(t)
	defer func() { at = func(string) {} }()
	random := rand.New(rand.NewPCG(3, 4))
	share, kills := 8, 0
	if os.Getenv("FOVEA_TRIALS") != "" {
		share = 1
	}
	for _, steps := range exchanges() {
		for _, there := range []bool{false, true} {
			for i, o := range operations() {
				out, _ := begin(t, root, there)
				setExchange(t, steps)
				points := stopAt(-1, nil)
				_ = o.run(out)
				for n := range *points {
					if random.IntN(share) == 0 {
						kills++
						killed(t, root, i, n, there, steps, operations()[random.IntN(9)])
					}
				}
			}
		}
	}
	t.Logf("%d kills", kills)
}

func beKilled(t *testing.T, setting string) {
	var o, n int
	var steps bool
	var out string
	if _, err := fmt.Sscanf(setting, "%d %d %t %s", &o, &n, &steps, &out); err != nil {
		t.Fatal(err)
	}
	setExchange(t, steps)
	stopAt(n, func(string) { _ = syscall.Kill(os.Getpid(), syscall.SIGKILL); select {} })
	must(t, operations()[o].run(out))
}

func killed(t *testing.T, root string, o, n int, there, steps bool, next operation) {
	t.Helper()
	out, before := begin(t, root, there)
	name := fmt.Sprintf("%s killed at %d, dataset before: %v, in steps: %v", operations()[o].name, n, there, steps)
	command := exec.Command(os.Args[0], "-test.run=^TestWritersKilled$")
	command.Env = append(os.Environ(), fmt.Sprintf("%s=%d %d %v %s", stopVariable, o, n, steps, out))
	if output, err := command.CombinedOutput(); !strings.Contains(fmt.Sprint(err), "killed") {
		t.Fatalf("%s: %v\n%s", name, err, output)
	}
	after, _ := operations()[o].after(before)
	got, err := look(out)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	if got != nil {
		if err := Verify(out); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	partial := got != nil && after != nil && len(got.paths) <= len(after.paths) && slices.Equal(got.paths, after.paths[:len(got.paths)]) &&
		slices.Contains([]string{"create", "overwrite", "resume"}, operations()[o].name)
	if !sameState(got, before) && !sameState(got, after) && !partial {
		t.Errorf("%s: there is %v, want %v or %v", name, got, before, after)
	}
	want, ok := next.after(got)
	if err := next.run(out); (err == nil) != ok && !(next.name == "create" || next.name == "merge" || next.name == "assemble") {
		t.Errorf("%s, then %s: %v", name, next.name, err)
	} else if end, err := look(out); err != nil || ok && !sameState(end, want) {
		t.Errorf("%s, then %s: there is %v, want %v: %v", name, next.name, end, want, err)
	}
	// Whoever comes next tidies up.
	if err := write(out, func() Options { o := ownOptions(); o.Overwrite = true; return o }(), overRows); err != nil {
		t.Errorf("%s: %v", name, err)
	}
	if err := tidy(out); err != nil {
		t.Errorf("%s: %v", name, err)
	}
}
