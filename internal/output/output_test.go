package output

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// expect checks a file's content, and that nothing else but others lies beside it.
func expect(t *testing.T, file, want string, others ...string) {
	t.Helper()
	content, err := os.ReadFile(file)
	must(t, err)
	if string(content) != want {
		t.Errorf("%s holds %q, want %q", file, content, want)
	}
	entries, err := os.ReadDir(filepath.Dir(file))
	must(t, err)
	var names []string
	for _, e := range entries {
		if e.Name() != filepath.Base(file) {
			names = append(names, e.Name())
		}
	}
	if fmt.Sprint(names) != fmt.Sprint(others) {
		t.Errorf("beside %s lie %q, want %q", file, names, others)
	}
}

func TestWriteReplaces(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "a.csv")
	must(t, WriteFile(file, []byte("one")))
	expect(t, file, "one")
	must(t, os.Chmod(file, 0o640))
	must(t, WriteFile(file, []byte("two")))
	expect(t, file, "two")
	if info, err := os.Stat(file); err != nil || info.Mode() != 0o640 {
		t.Errorf("the mode is %v, %v", info.Mode(), err)
	}
	failing := errors.New("no more rows")
	err := Write(file, func(w io.Writer) error {
		_, _ = w.Write([]byte("half"))
		expect(t, file, "two", ".a.csv.fovea-1")
		return failing
	})
	if !errors.Is(err, failing) {
		t.Errorf("the error is %v", err)
	}
	expect(t, file, "two")
}

func TestLinksAreFollowed(t *testing.T) {
	dir, elsewhere := t.TempDir(), t.TempDir()
	must(t, os.WriteFile(filepath.Join(elsewhere, "real"), []byte("old"), 0o600))
	for link, to := range map[string]string{"whole": "real", "dangling": "none yet"} {
		link = filepath.Join(dir, link)
		must(t, os.Symlink(filepath.Join(elsewhere, to), link))
		must(t, WriteFile(link, []byte("new")))
		if at, err := os.Readlink(link); err != nil || filepath.Base(at) != to {
			t.Errorf("%s leads to %q, %v", link, at, err)
		}
		content, err := os.ReadFile(filepath.Join(elsewhere, to))
		if err != nil || string(content) != "new" {
			t.Errorf("%s holds %q, %v", to, content, err)
		}
	}
	round := filepath.Join(dir, "round")
	must(t, os.Symlink(round, round))
	if err := WriteFile(round, nil); !errors.Is(err, unix.ELOOP) {
		t.Errorf("a link to itself gives %v", err)
	}
}

// What is no file is written as it is, and what is open already goes on where it is.
func TestStreams(t *testing.T) {
	dir := t.TempDir()
	// Not the machine's own devices, lest a fault replaces them for all.
	full := filepath.Join(dir, "full")
	if err := unix.Mknod(full, unix.S_IFCHR|0o600, int(unix.Mkdev(1, 7))); err != nil {
		t.Logf("no device can be made here: %v", err)
	} else if err := WriteFile(full, []byte("x")); !errors.Is(err, unix.ENOSPC) && !errors.Is(err, unix.EACCES) {
		t.Errorf("a full device gives %v", err)
	}
	_ = os.Remove(full) // where there is one
	log := filepath.Join(dir, "log")
	must(t, os.WriteFile(log, []byte("before,"), 0o600))
	open, err := os.OpenFile(log, os.O_APPEND|os.O_WRONLY, 0)
	must(t, err)
	must(t, os.Symlink(fmt.Sprintf("/proc/self/fd/%d", open.Fd()), filepath.Join(dir, "out")))
	must(t, WriteFile(filepath.Join(dir, "out"), []byte("after")))
	must(t, open.Close())
	expect(t, log, "before,after", "out")

	pipe := filepath.Join(dir, "pipe")
	must(t, unix.Mkfifo(pipe, 0o600))
	read := make(chan string)
	go func() {
		content, err := os.ReadFile(pipe)
		read <- fmt.Sprint(string(content), err)
	}()
	must(t, WriteFile(pipe, []byte("through")))
	if got := <-read; got != "through<nil>" {
		t.Errorf("through the pipe come %s", got)
	}
	if err := WriteFile(dir, nil); !errors.Is(err, unix.EISDIR) {
		t.Errorf("a directory's name gives %v", err)
	}
}

func TestFilesTogether(t *testing.T) {
	dir := t.TempDir()
	var files Files
	for _, name := range []string{"x", "y"} {
		must(t, files.Write(filepath.Join(dir, name), func(w io.Writer) error { _, err := io.WriteString(w, name); return err }))
	}
	if names, _ := filepath.Glob(filepath.Join(dir, "[xy]")); names != nil {
		t.Errorf("there are %q before both are whole", names)
	}
	must(t, files.Commit())
	files.Discard()
	expect(t, filepath.Join(dir, "x"), "x", "y")
}

// If one of several files cannot get its name, none does: old ones stay, and new ones go.
func TestFilesTogetherOrNone(t *testing.T) {
	dir := t.TempDir()
	names := []string{"made", "replaced", "blocked", "last"}
	must(t, os.WriteFile(filepath.Join(dir, "replaced"), []byte("old"), 0o640))
	var files Files
	for _, name := range names {
		must(t, files.WriteFile(filepath.Join(dir, name), []byte("new")))
	}
	must(t, os.Mkdir(filepath.Join(dir, "blocked"), 0o755)) // by another program, meanwhile
	if err := files.Commit(); err == nil || !strings.Contains(err.Error(), "write "+filepath.Join(dir, "blocked")+": ") {
		t.Errorf("the error is %v", err)
	}
	files.Discard()
	expect(t, filepath.Join(dir, "replaced"), "old", "blocked")
}

// So it is on file systems without links if they can exchange two names, and on others the error says what was replaced.
func TestFilesTogetherWithoutLinks(t *testing.T) {
	noLinks := func(old, _ string) error {
		if _, err := os.Lstat(old); err != nil {
			return err
		}
		return unix.EPERM
	}
	for name, test := range map[string]struct {
		exchange func(a, b string) error
		left     string
		says     bool
	}{
		"exchanges": {exchangeNames, "old", false},
		"neither":   {func(string, string) error { return unix.EINVAL }, "new", true},
		"replaces":  {os.Rename, "new", true},
	} {
		t.Run(name, func(t *testing.T) {
			replace(t, &link, noLinks)
			replace(t, &exchangeNames, test.exchange)
			dir := t.TempDir()
			must(t, os.WriteFile(filepath.Join(dir, "replaced"), []byte("old"), 0o640))
			write := func(names ...string) *Files {
				files := &Files{}
				for _, n := range names {
					must(t, files.WriteFile(filepath.Join(dir, n), []byte("new")))
				}
				return files
			}
			files := write("made", "replaced", "blocked")
			must(t, os.Mkdir(filepath.Join(dir, "blocked"), 0o755)) // by another program, meanwhile
			err := files.Commit()
			if err == nil || strings.Contains(err.Error(), "write "+filepath.Join(dir, "replaced")+": it has been replaced already") != test.says {
				t.Errorf("the error is %v", err)
			}
			files.Discard()
			expect(t, filepath.Join(dir, "replaced"), test.left, "blocked")
			must(t, os.Remove(filepath.Join(dir, "blocked")))
			files = write("replaced", "other")
			must(t, files.Commit())
			files.Discard()
			expect(t, filepath.Join(dir, "replaced"), "new", "other")
		})
	}
}

// replace gives a variable another value during a test.
func replace[T any](t *testing.T, variable *T, value T) {
	t.Helper()
	before := *variable
	*variable = value
	t.Cleanup(func() { *variable = before })
}

// A file system may keep a file that is open under another name until it is closed.
func TestNothingIsLeftWhereOpenFilesStay(t *testing.T) {
	const kept = ".nfs0001"
	replace(t, &removeOpen, func(name string) error { return os.Rename(name, filepath.Join(filepath.Dir(name), kept)) })
	replace(t, &closeFile, func(f *os.File) error {
		return errors.Join(f.Close(), os.Remove(filepath.Join(filepath.Dir(f.Name()), kept)))
	})
	dir := t.TempDir()
	must(t, WriteFile(filepath.Join(dir, "x"), []byte("new")))
	expect(t, filepath.Join(dir, "x"), "new")
}

// Names that the package uses in its places are free.
func TestNamesInPlaces(t *testing.T) {
	dir := t.TempDir()
	for _, content := range []string{"first", "second"} {
		var files Files
		for _, name := range []string{lockName, oldName, "new"} {
			must(t, files.WriteFile(filepath.Join(dir, name), []byte(content+name)))
		}
		must(t, files.Commit())
		files.Discard()
		for _, name := range []string{lockName, oldName, "new"} {
			got, err := os.ReadFile(filepath.Join(dir, name))
			must(t, err)
			if string(got) != content+name {
				t.Errorf("%s holds %q", name, got)
			}
		}
	}
}

func TestLongNames(t *testing.T) {
	dir := t.TempDir()
	for _, letter := range []string{"a", "b"} {
		must(t, WriteFile(filepath.Join(dir, strings.Repeat("x", 254)+letter), []byte(letter)))
	}
	expect(t, filepath.Join(dir, strings.Repeat("x", 254)+"a"), "a", strings.Repeat("x", 254)+"b")
}

// Whoever writes last wins, with a whole file, and nobody's place is removed by another.
func TestManyAtATime(t *testing.T) {
	file := filepath.Join(t.TempDir(), "out")
	long, err := Create(file)
	must(t, err)
	var group sync.WaitGroup
	for i := range 24 {
		group.Go(func() {
			content := bytes.Repeat([]byte{byte('a' + i)}, 3000)
			if err := WriteFile(file, content); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	content, err := os.ReadFile(file)
	must(t, err)
	if len(content) != 3000 || bytes.Count(content, content[:1]) != 3000 {
		t.Errorf("the file is a mixture of %d bytes", len(content))
	}
	_, err = long.WriteString("last")
	must(t, err)
	must(t, long.Commit())
	expect(t, file, "last")
}

func TestTempDir(t *testing.T) {
	root := t.TempDir()
	t.Setenv("TMPDIR", root)
	d, err := TempDir("fovea-test")
	must(t, err)
	must(t, os.WriteFile(filepath.Join(d.Path, "x"), nil, 0o600))
	other, err := TempDir("fovea-test")
	must(t, err)
	if other.Path == d.Path {
		t.Error("two programs have one directory")
	}
	other.Discard()
	if _, err := os.Stat(filepath.Join(d.Path, "x")); err != nil {
		t.Error(err)
	}
	d.Discard()
	entries, err := os.ReadDir(root)
	if err != nil || len(entries) != 0 {
		t.Errorf("left are %v, %v", entries, err)
	}
}

// A dataset's own files are nobody's output.
func TestInsideADataset(t *testing.T) {
	root := t.TempDir()
	manifest := filepath.Join(root, ".fovea", "manifest.json")
	must(t, errors.Join(os.Mkdir(filepath.Join(root, ".fovea"), 0o755), os.Mkdir(filepath.Join(root, "data"), 0o755), os.WriteFile(manifest, []byte("mine"), 0o644)))
	for _, name := range []string{manifest, filepath.Join(root, "data", "part-00000.parquet")} {
		if err := WriteFile(name, nil); err == nil || !strings.Contains(err.Error(), "a dataset's own file") {
			t.Errorf("%s: %v", name, err)
		}
	}
	expect(t, manifest, "mine")
	must(t, WriteFile(filepath.Join(root, "beside.csv"), nil))
}

// Of two programs that write files of the same names, one wins all of them.
func TestPairsAreNotMixed(t *testing.T) {
	dir := t.TempDir()
	names := []string{filepath.Join(dir, "x.npy"), filepath.Join(dir, "x.npy.csv")}
	for range 60 {
		var writers sync.WaitGroup
		for _, content := range []string{"first", "second"} {
			writers.Go(func() {
				var files Files
				defer files.Discard()
				for _, name := range names {
					must(t, files.Write(name, func(w io.Writer) error { _, err := io.WriteString(w, content); return err }))
				}
				must(t, files.Commit())
			})
		}
		writers.Wait()
		one, err := os.ReadFile(names[0])
		must(t, err)
		expect(t, names[1], string(one), filepath.Base(names[0]))
	}
}
