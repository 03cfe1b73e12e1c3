package crashtest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

const programVariable = "FOVEA_TEST_CRASH_PROGRAM"

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// put writes a file; sync says whether its content is put on disk.
func put(name, content string, sync bool) {
	f, err := os.Create(name)
	must(err)
	_, err = f.WriteString(content)
	must(err)
	if sync {
		must(f.Sync())
	}
	must(f.Close())
}

func syncDir(dir string) {
	d, err := os.Open(dir)
	must(err)
	must(errors.Join(d.Sync(), d.Close()))
}

const (
	oldText = "the old content"
	newText = "new content, which is longer"
)

// The programs replace the content of dir/at/file and then say so. Most of them are wrong.
var programs = map[string]struct {
	run func(dir string)
	// wrong are parts of what the check says of the program's states; none: it is right.
	wrong []string
}{
	"right": {func(dir string) {
		put(dir+"/file.new", newText, true)
		must(os.Rename(dir+"/file.new", dir+"/file"))
		syncDir(dir)
	}, nil},
	"file not synced": {func(dir string) {
		put(dir+"/file.new", newText, false)
		must(os.Rename(dir+"/file.new", dir+"/file"))
		syncDir(dir)
	}, []string{`holds ""`, `holds "new content, w"`, `holds "\x00`}},
	"directory not synced": {func(dir string) {
		put(dir+"/file.new", newText, true)
		must(os.Rename(dir+"/file.new", dir+"/file"))
	}, []string{"after it was done: " + `"the old content"`}},
	"in place": {func(dir string) {
		put(dir+"/file", newText, true)
	}, []string{`holds ""`, `holds "\x00`}},
	"removed first": {func(dir string) {
		put(dir+"/file.new", newText, true)
		must(os.Remove(dir + "/file"))
		must(os.Rename(dir+"/file.new", dir+"/file"))
		syncDir(dir)
	}, []string{"no such file"}},
	"synced too early": {func(dir string) {
		put(dir+"/file.new", newText, true)
		syncDir(dir)
		must(os.Rename(dir+"/file.new", dir+"/file"))
	}, []string{"after it was done"}},
	"exchanged": {func(dir string) {
		next := filepath.Dir(dir) + "/next"
		must(os.Mkdir(next, 0o755))
		put(next+"/file", newText, true)
		syncDir(next)
		must(unix.Renameat2(unix.AT_FDCWD, next, unix.AT_FDCWD, dir, unix.RENAME_EXCHANGE))
		syncDir(filepath.Dir(dir))
		must(os.RemoveAll(next))
	}, nil},
	"exchanged, and the old one removed too early": {func(dir string) {
		next := filepath.Dir(dir) + "/next"
		must(os.Mkdir(next, 0o755))
		put(next+"/file", newText, true)
		syncDir(next)
		must(unix.Renameat2(unix.AT_FDCWD, next, unix.AT_FDCWD, dir, unix.RENAME_EXCHANGE))
		must(os.RemoveAll(next))
		syncDir(filepath.Dir(dir))
	}, []string{"no such file"}},
	"exchanged before its names were on disk": {func(dir string) {
		next := filepath.Dir(dir) + "/next"
		must(os.Mkdir(next, 0o755))
		put(next+"/file", newText, true)
		must(unix.Renameat2(unix.AT_FDCWD, next, unix.AT_FDCWD, dir, unix.RENAME_EXCHANGE))
		syncDir(filepath.Dir(dir))
	}, []string{"no such file"}},
	"linked, of several threads": {func(dir string) {
		made := make(chan struct{})
		go func() {
			put(dir+"/other", newText, true)
			close(made)
		}()
		<-made
		must(os.Link(dir+"/other", dir+"/file.new"))
		must(os.Rename(dir+"/file.new", dir+"/file"))
		must(os.Remove(dir + "/other"))
		syncDir(dir)
	}, nil},
	"written in parts": {func(dir string) {
		put(dir+"/file.new", newText[:7], true)
		f, err := os.OpenFile(dir+"/file.new", os.O_WRONLY|os.O_APPEND, 0)
		must(err)
		_, err = f.WriteString(newText[7:])
		must(errors.Join(err, f.Close()))
		must(os.Rename(dir+"/file.new", dir+"/file"))
		syncDir(dir)
	}, []string{`holds "new con"`, `holds "new content, whic"`}},
}

// TestProgram is a program that is recorded.
func TestProgram(t *testing.T) {
	root := os.Getenv(programVariable)
	if root == "" {
		t.Skip("it is run by others")
	}
	for name, p := range programs {
		dir := filepath.Join(root, name)
		must(os.Mkdir(dir+"/at", 0o755))
		put(dir+"/at/file", oldText, true)
		Settle(dir)
		p.run(dir + "/at")
		Mark(dir, "done")
	}
}

func TestFaultsAreFound(t *testing.T) {
	r := Record(t)
	for name := range programs {
		must(os.Mkdir(filepath.Join(r.Dir(), name), 0o755))
	}
	program := exec.Command(os.Args[0], "-test.run=^TestProgram$")
	program.Env = append(os.Environ(), programVariable+"="+r.Dir())
	if err := r.Run(program); err != nil {
		t.Fatal(err)
	}
	for name, p := range programs {
		t.Run(name, func(t *testing.T) {
			h, err := r.History(name)
			if err != nil {
				t.Fatal(err)
			}
			count, failures := Replay(t, h, Options{Random: Trials(4), Settled: true}, readFile, judgeText)
			t.Logf("%d of %d states are wrong", len(failures), count)
			if count < 5 {
				t.Errorf("there are %d states", count)
			}
			if p.wrong == nil && len(failures) > 0 {
				t.Errorf("it is wrong where it is right: %v", failures[0])
			}
			for _, want := range p.wrong {
				if !slices.ContainsFunc(failures, func(f Failure) bool { return strings.Contains(f.Err.Error(), want) }) {
					t.Errorf("no state was found that %s", want)
				}
			}
		})
	}
}

func readFile(dir string) (string, error) {
	data, err := os.ReadFile(dir + "/at/file")
	return string(data), err
}

func judgeText(text string, s *State) error {
	switch {
	case text != oldText && text != newText:
		return fmt.Errorf("it holds %q", text)
	case s.Marked("done") && text != newText:
		return fmt.Errorf("after it was done: %q", text)
	}
	return nil
}

func TestParseTrace(t *testing.T) {
	calls, err := parseTrace(strings.NewReader(`10 openat(AT_FDCWD, "\x2f\x61\x2c\x22", O_WRONLY|O_CREAT, 0644 <unfinished ...>
11 fsync(7 <unfinished ...>
12 close(5 <unfinished ...>
10 <... openat resumed>) = 5
11 <... fsync resumed>)              = 0
12 <... close resumed>)  = 0
10 renameat(AT_FDCWD, "\x61", AT_FDCWD, "\x62") = -1 ENOENT (No such file or directory)
10 fcntl(5, F_GETFL)                 = 0x8001 (flags O_WRONLY|O_LARGEFILE)
11 write(5, "\x28\x29", 2)   = ? ERESTARTSYS (To be restarted if SA_RESTART is set)
11 +++ exited with 0 +++
`))
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprint(calls)
	want := `[{close [5] 0 0} {openat [AT_FDCWD /a," O_WRONLY|O_CREAT 0644] 5 0} {fsync [7] 0 0} {fcntl [5 F_GETFL] 32769 3}]`
	if got != want {
		t.Errorf("the calls are\n%s, want\n%s", got, want)
	}
	for _, bad := range []string{
		"10 write(5, \"\\x61\"..., 2) = 2\n", "10 write(5, \"a\", 1) = 1\n", "10 rename(\"\\x61\", \"\\x62\") = ?\n", "words\n", "10 words\n",
	} {
		if calls, err := parseTrace(strings.NewReader(bad)); err == nil {
			t.Errorf("%q is read as %v", bad, calls)
		}
	}
}
