package labeling

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	logs "github.com/sirupsen/logrus/hooks/test"

	"fovea/featurestore"
	"fovea/internal/lockfile"
	"fovea/preprocessing"
	"fovea/recipe"
)

// image is a row of a test's dataset.
type image struct{ path, sha256, label string }

// someImages are cats and dogs in turn, each with its own SHA-256.
func someImages(n int) (images []image) {
	for i := range n {
		images = append(images, image{fmt.Sprintf("%03d\xe9.jpg", i), fmt.Sprintf("%064x", i+1), []string{"cat", "dog"}[i%2]})
	}
	return images
}

// makeDataset writes a dataset of several shards.
func makeDataset(tb testing.TB, dir string, images []image) {
	tb.Helper()
	w, err := featurestore.Create(dir, featurestore.Info{
		Recipe: recipe.Recipe{
			Model: "m", ModelSHA256: strings.Repeat("ab", 32), Preprocessing: preprocessing.Caffe, Resize: "squash", InputHeight: 8, InputWidth: 8, Pool: "none", Library: "none",
			Layers: []recipe.Layer{{Name: "fc", Shape: []int{4}, Layout: recipe.LayoutC}},
		}, DType: featurestore.Float32, ToolVersion: "v0", Device: "cpu",
	}, featurestore.Options{Format: featurestore.FormatParquet, ShardRows: 16, Overwrite: true})
	must(tb, err)
	for i, m := range images {
		must(tb, w.Append(featurestore.Row{Path: m.path, Label: m.label, Split: []string{"train", "test"}[i/2%2], SHA256: m.sha256, Width: 1, Height: 2, Features: [][]float32{{float32(i), 1, 2, -1}}}))
	}
	must(tb, w.Close(featurestore.StatusComplete))
}

// rowsOf reads the rows of a dataset, with its edition as version.
func rowsOf(tb testing.TB, dir string) Rows {
	tb.Helper()
	d, err := featurestore.Open(dir)
	must(tb, err)
	index, err := d.Index(context.Background())
	must(tb, err)
	return Rows{Version: "v1", Paths: index.Paths, SHA256: index.SHA256, Labels: index.Labels}
}

// shards are the bytes of a dataset's files of rows.
func shards(tb testing.TB, dir string) []byte {
	tb.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "data", "*.parquet"))
	must(tb, err)
	var all []byte
	for _, name := range names {
		data, err := os.ReadFile(name)
		must(tb, err)
		all = append(all, data...)
	}
	return all
}

// opened are the labels of a dataset that write without delay, until the test ends.
type opened struct {
	*Labels
	tb   testing.TB
	dir  string
	stop func() error
}

func open(tb testing.TB, dir string) *opened {
	tb.Helper()
	l := Open(Options{Dir: dir, State: dir + ".explore", Delay: time.Millisecond, Patience: 100 * time.Millisecond})
	l.Attach(rowsOf(tb, dir))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.Run(ctx)
	}()
	stop := sync.OnceValue(func() error {
		cancel()
		<-done
		return l.Close()
	})
	tb.Cleanup(func() { _ = stop() })
	return &opened{l, tb, dir, stop}
}

// settled waits until nothing is pending.
func (o *opened) settled() {
	o.tb.Helper()
	o.waitFor(func(s State) bool { return s.Pending == 0 })
}

func (o *opened) waitFor(holds func(State) bool) State {
	o.tb.Helper()
	for by := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		if s := o.State(); holds(s) {
			return s
		} else if time.Now().After(by) {
			o.tb.Fatalf("%+v", s)
		}
	}
}

// current are the labels now.
func (o *opened) current() []string {
	labels, _, _ := o.Current(-1)
	return labels
}

// want compares the labels here, and in the dataset.
func (o *opened) want(labels map[int]string) {
	o.tb.Helper()
	now, written := o.current(), rowsOf(o.tb, o.dir).Labels
	for i := range now {
		want, found := labels[i]
		if !found {
			want = []string{"cat", "dog"}[i%2]
		}
		if now[i] != want || written[i] != want {
			o.tb.Errorf("row %d is %q here and %q in the dataset, want %q", i, now[i], written[i], want)
		}
	}
}

func (o *opened) set(rows []int, label string) {
	o.tb.Helper()
	_, err := o.Set("v1", rows, label)
	must(o.tb, err)
}

// A changed label is in the Parquet, an undo brings the files back bit for bit, also after a restart, and a redo the change.
func TestChangeUndoRedo(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "features")
	makeDataset(t, dir, someImages(50))
	before := shards(t, dir)
	o := open(t, dir)
	if n, err := o.Set("v1", []int{3, 4, 4, 40}, "cat"); err != nil || n != 1 { // 4 and 40 are cats
		t.Fatalf("%d rows changed, %v", n, err)
	}
	o.set([]int{7, 8}, "owl \u00e9\xff") // a new class, whose name is not UTF-8
	o.set([]int{9}, "")
	o.settled()
	o.want(map[int]string{3: "cat", 7: "owl \u00e9\xff", 8: "owl \u00e9\xff", 9: ""})
	changed := shards(t, dir)
	if s := o.State(); s.Undo != 3 || s.Redo != 0 || !s.Writable || s.Note != "" {
		t.Errorf("%+v", s)
	}
	must(t, o.stop())
	o = open(t, dir) // another day
	for i, want := range []int{1, 2, 1} {
		if n, err := o.Undo("v1"); err != nil || n != want {
			t.Fatalf("undo %d changes %d rows, %v", i, n, err)
		}
		o.settled()
	}
	o.want(nil)
	if !bytes.Equal(shards(t, dir), before) {
		t.Error("after all is undone, the files are not those from before")
	}
	if _, err := o.Undo("v1"); !errors.Is(err, ErrNothing) {
		t.Errorf("undo of nothing: %v", err)
	}
	must(t, o.stop())
	o = open(t, dir)
	for range 3 {
		_, err := o.Redo("v1")
		must(t, err)
	}
	o.settled()
	if !bytes.Equal(shards(t, dir), changed) {
		t.Error("after all is done again, the files are others than the first time")
	}
	_, err := o.Undo("v1")
	must(t, err)
	o.set([]int{0}, "dog")
	if _, err := o.Redo("v1"); !errors.Is(err, ErrNothing) {
		t.Errorf("redo after another change: %v", err)
	}
	o.settled()
	o.want(map[int]string{0: "dog", 3: "cat", 7: "owl \u00e9\xff", 8: "owl \u00e9\xff"})
}

// Changes of pages at once are made one after another: the last one wins by row, and undo takes back the last one of all.
func TestPagesAtOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "features")
	makeDataset(t, dir, someImages(40))
	o := open(t, dir)
	var group sync.WaitGroup
	for page := range 4 {
		group.Go(func() {
			for n := range 10 {
				if _, err := o.Set("v1", []int{page, 10 + n}, fmt.Sprintf("p%d-%d", page, n)); err != nil {
					t.Error(err)
				}
				if n == 5 {
					if _, err := o.Undo("v1"); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	group.Wait()
	o.settled()
	now := o.current()
	for i, label := range rowsOf(t, dir).Labels {
		if label != now[i] {
			t.Errorf("row %d is %q here and %q in the dataset", i, now[i], label)
		}
	}
	for o.State().Undo > 0 {
		_, err := o.Undo("v1")
		must(t, err)
	}
	o.settled()
	o.want(nil)
}

// Changes are of a version of the dataset; rows, labels and the place of the log are checked.
func TestRefusals(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "features")
	makeDataset(t, dir, someImages(10))
	o := open(t, dir)
	o.set([]int{1}, "cat")
	o.set([]int{3}, "cat")
	_, err := o.Undo("v1")
	must(t, err)
	set := func(rows []int, label string) func(string) (int, error) {
		return func(version string) (int, error) { return o.Set(version, rows, label) }
	}
	for name, test := range map[string]struct {
		version string
		change  func(version string) (int, error)
		want    error
	}{
		"a stale change":         {"v0", set([]int{2}, "dog"), ErrStale},
		"no version":             {"", set([]int{2}, "dog"), ErrStale},
		"a newer version":        {"v2", set([]int{2}, "dog"), ErrStale},
		"a stale undo":           {"v0", o.Undo, ErrStale},
		"a stale redo":           {"v0", o.Redo, ErrStale},
		"a row too many":         {"v1", set([]int{2, 10}, "dog"), ErrRow},
		"a negative row":         {"v1", set([]int{-1}, "dog"), ErrRow},
		"a line break":           {"v1", set([]int{2}, "do\ng"), ErrLabel},
		"a zero byte":            {"v1", set([]int{2}, "do\x00g"), ErrLabel},
		"a blank at the end":     {"v1", set([]int{2}, "dog "), ErrLabel},
		"a label of 1,025 bytes": {"v1", set([]int{2}, strings.Repeat("x", 1025)), ErrLabel},
	} {
		before := o.State()
		if n, err := test.change(test.version); !errors.Is(err, test.want) || n != 0 {
			t.Errorf("%s: %d, %v", name, n, err)
		}
		if now := o.State(); now.Undo != before.Undo || now.Redo != before.Redo {
			t.Errorf("%s: %+v, %+v before", name, now, before)
		}
	}
	if n, err := o.Set("v1", nil, "dog"); n != 0 || err != nil {
		t.Errorf("no rows: %d, %v", n, err)
	}
	o.settled()
	o.want(map[int]string{1: "cat"})
}

// After a dataset was replaced, what was not written finds its rows again: by the path, or a moved file by its SHA-256. An
// image that has changed does not get the label of the one before it.
func TestReplaced(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "features")
	all := someImages(10)
	makeDataset(t, dir, all)
	o := &opened{Open(Options{Dir: dir, State: dir + ".explore"}), t, dir, nil} // which does not write, as Run is not called
	o.Attach(rowsOf(t, dir))
	o.set([]int{1, 3, 5, 7}, "owl")
	o.set([]int{1}, "yak")
	if s := o.State(); s.Pending != 4 {
		t.Fatalf("%+v", s)
	}
	replaced := []image{all[9], all[8], all[7], {"moved.jpg", all[5].sha256, "dog"}, {all[3].path, strings.Repeat("c", 64), "dog"}, all[1], all[0]}
	makeDataset(t, dir, replaced)
	rows := rowsOf(t, dir)
	rows.Version = "v2"
	o.Attach(rows)
	if got := strings.Join(o.current(), " "); got != "dog cat owl owl dog yak cat" {
		t.Errorf("the labels are %s", got)
	}
	if _, err := o.Set("v1", []int{0}, "cat"); !errors.Is(err, ErrStale) {
		t.Errorf("a change of the version before: %v", err)
	}
	if s := o.State(); s.Pending != 3 || !strings.Contains(s.Note, "1 changed label") {
		t.Errorf("of the image that changed: %+v", s)
	}
	must(t, o.Close())
	if got := strings.Join(rowsOf(t, dir).Labels, " "); got != "dog cat owl owl dog yak cat" {
		t.Errorf("in the dataset: %s", got)
	}
	// The image comes back, and its label with it.
	makeDataset(t, dir, all[2:5])
	o = open(t, dir)
	o.settled()
	if got := strings.Join(rowsOf(t, dir).Labels, " "); got != "cat owl cat" {
		t.Errorf("the image is back, and the labels are %s", got)
	}
	// An undo leaves alone what others have changed since.
	all[2].label, all[3].label = "hen", "owl"
	makeDataset(t, dir, all[2:5])
	o.Attach(rowsOf(t, dir))
	o.set([]int{0, 1}, "pig")
	o.settled()
	all[2].label, all[3].label = "pig", "cow"
	makeDataset(t, dir, all[2:5])
	o.Attach(rowsOf(t, dir))
	if n, err := o.Undo("v1"); n != 1 || err != nil {
		t.Errorf("undo changes %d, %v", n, err)
	}
	o.settled()
	if got := strings.Join(rowsOf(t, dir).Labels, " "); got != "hen cow cat" {
		t.Errorf("after the undo: %s", got)
	}
}

// A second explorer reads, and says why it does not write; when the first has ended, a third can.
func TestTwoExplorers(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "features")
	makeDataset(t, dir, someImages(10))
	first, second := open(t, dir), open(t, dir)
	if s := second.State(); s.Writable || !strings.Contains(s.Why, "another explorer") {
		t.Errorf("%+v", s)
	}
	if _, err := second.Set("v1", []int{1}, "cat"); !errors.Is(err, ErrReadOnly) || !strings.Contains(err.Error(), "another explorer") {
		t.Errorf("%v", err)
	}
	first.set([]int{1}, "cat")
	first.settled()
	second.Attach(rowsOf(t, dir))
	second.want(map[int]string{1: "cat"})
	must(t, second.stop())
	must(t, first.stop())
	third := open(t, dir)
	third.set([]int{3}, "cat")
	third.settled()
	third.want(map[int]string{1: "cat", 3: "cat"})
}

// A change that is taken back while it is written is pending until the dataset has what there was before.
func TestUndoWhileWriting(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "features")
	makeDataset(t, dir, someImages(10))
	before := shards(t, dir)
	writing, goOn := make(chan bool), make(chan bool)
	l := Open(Options{Dir: dir, State: dir + ".explore", Write: func(ctx context.Context, _ string, relabel func(context.Context) error) error {
		writing <- true
		<-goOn
		return relabel(ctx)
	}})
	l.Attach(rowsOf(t, dir))
	write := func() error { return l.write(t.Context()) }
	_, err := l.Set("v1", []int{1}, "cat")
	must(t, err)
	done := make(chan error)
	go func() { done <- write() }()
	<-writing
	_, err = l.Undo("v1")
	must(t, err)
	if n := l.State().Pending; n != 1 {
		t.Errorf("%d rows are pending while one is written, want 1", n)
	}
	goOn <- true
	must(t, <-done)
	if n := l.State().Pending; n != 1 || bytes.Equal(before, shards(t, dir)) {
		t.Errorf("%d rows are pending once it is written, want 1", n)
	}
	go func() { done <- write() }()
	<-writing
	goOn <- true
	must(t, <-done)
	if n := l.State().Pending; n != 0 || !bytes.Equal(before, shards(t, dir)) {
		t.Errorf("%d rows are pending, or what is undone is not what there was", n)
	}
	must(t, l.Close())
}

// A log that has become large says so, when it is opened and whenever it has doubled, and loses nothing.
func TestLargeLog(t *testing.T) {
	defer func(usual int64) { largeLog = usual }(largeLog)
	largeLog = 2000
	hook := logs.NewGlobal()
	defer logrus.StandardLogger().ReplaceHooks(logrus.LevelHooks{})
	defer logrus.SetLevel(logrus.GetLevel())
	logrus.SetLevel(logrus.WarnLevel)
	said := func() (n int) {
		for _, e := range hook.AllEntries() {
			if strings.Contains(e.Message, "the log of labels, has ") && strings.Contains(e.Message, logFile) && e.Level == logrus.WarnLevel {
				n++
			}
		}
		return n
	}
	dir := filepath.Join(t.TempDir(), "features")
	makeDataset(t, dir, someImages(10))
	before := shards(t, dir)
	size := func() int64 {
		info, err := os.Stat(filepath.Join(dir+".explore", logFile))
		must(t, err)
		return info.Size()
	}
	o := open(t, dir)
	o.set([]int{1}, "cat")
	o.settled()
	if n := said(); n != 0 || size() >= largeLog {
		t.Errorf("of %d bytes it is said %d times that they are many", size(), n)
	}
	changes, doublings := 1, 0
	for large := largeLog; doublings < 3; changes++ {
		o.set([]int{1}, []string{"cat", "dog"}[changes%2])
		o.settled() // nothing is being written
		for ; size() >= large; large *= 2 {
			doublings++
		}
		if n := said(); n != doublings {
			t.Fatalf("of %d bytes it is said %d times that they are many, want %d", size(), n, doublings)
		}
	}
	must(t, o.stop())
	if o = open(t, dir); said() != doublings+1 {
		t.Errorf("after a new start, it is said %d times, want %d", said(), doublings+1)
	}
	if s := o.State(); s.Undo != changes {
		t.Errorf("%d changes can be undone, want %d", s.Undo, changes)
	}
	for range changes {
		_, err := o.Undo("v1")
		must(t, err)
	}
	o.settled()
	if !bytes.Equal(before, shards(t, dir)) {
		t.Error("what is undone is not what there was")
	}
}

// Without a change, nothing is left beside the dataset.
func TestOnlyLooking(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "features")
	makeDataset(t, dir, someImages(4))
	must(t, open(t, dir).stop())
	if _, err := os.Stat(dir + ".explore"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("there is %s.explore: %v", dir, err)
	}
}

// Where the log cannot be, labels cannot be changed.
func TestNoPlace(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "features")
	makeDataset(t, dir, someImages(4))
	must(t, os.WriteFile(dir+".explore", nil, 0o644))
	o := open(t, dir)
	if s := o.State(); s.Writable || !strings.Contains(s.Why, dir+".explore a directory") {
		t.Errorf("%+v", s)
	}
	if len(o.current()) != 4 {
		t.Errorf("labels are %v", o.current())
	}
}

// While another program writes to the dataset, changes wait; an end before that is an error that says where they are, and
// the next start writes them.
func TestLockedDataset(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "features")
	makeDataset(t, dir, someImages(10))
	lock, err := lockfile.Take(filepath.Join(dir, ".fovea", "lock"))
	must(t, err)
	o := open(t, dir)
	o.set([]int{1, 3}, "cat")
	if err := o.stop(); err == nil || !strings.Contains(err.Error(), "2 changed labels are not written") || !strings.Contains(err.Error(), dir+".explore") {
		t.Errorf("the end: %v", err)
	}
	must(t, lock.Release())
	o = open(t, dir)
	o.settled()
	o.want(map[int]string{1: "cat", 3: "cat"})
	// And it waits while it runs.
	lock, err = lockfile.Take(filepath.Join(dir, ".fovea", "lock"))
	must(t, err)
	o.set([]int{5}, "cat")
	o.waitFor(func(s State) bool { return s.Note != "" })
	must(t, lock.Release())
	o.settled()
	if s := o.State(); s.Note != "" {
		t.Errorf("%+v", s)
	}
	o.want(map[int]string{1: "cat", 3: "cat", 5: "cat"})
}

// A change that leaves one class waits for another, or for the undo. A dataset that had no more may go on so, and back.
func TestFewClasses(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "features")
	makeDataset(t, dir, someImages(4))
	before := shards(t, dir)
	o := open(t, dir)
	o.set([]int{0, 1, 2, 3}, "cat")
	s := o.waitFor(func(s State) bool { return s.Note != "" })
	if s.Pending != 2 || !strings.Contains(s.Note, "fewer than two classes") || !bytes.Equal(shards(t, dir), before) {
		t.Errorf("%+v", s)
	}
	o.set([]int{3}, "owl")
	o.settled()
	o.want(map[int]string{1: "cat", 3: "owl"})
	for range 2 {
		_, err := o.Undo("v1")
		must(t, err)
	}
	o.settled()
	o.want(nil)

	bare := someImages(3)
	for i := range bare {
		bare[i].label = ""
	}
	dir = filepath.Join(t.TempDir(), "bare")
	makeDataset(t, dir, bare)
	before = shards(t, dir)
	o = open(t, dir)
	o.set([]int{1}, "cat")
	o.settled()
	o.set([]int{2}, "dog")
	o.settled()
	o.want(map[int]string{0: "", 1: "cat", 2: "dog"})
	for range 2 {
		_, err := o.Undo("v1")
		must(t, err)
		o.settled()
	}
	if !bytes.Equal(shards(t, dir), before) {
		t.Error("the files are not those from before the first label")
	}
}
