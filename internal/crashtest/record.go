package crashtest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// changing are the calls that are recorded: those that change files, those that tell which file a
// number stands for, and some that would change files in ways that are not modelled. A question
// mark passes over calls that an architecture does not have.
var changing = []string{
	"?open", "openat", "?openat2", "?creat", "close", "dup", "?dup2", "dup3", "fcntl", "lseek",
	"write", "pwrite64", "writev", "pwritev", "?pwritev2", "truncate", "ftruncate", "fallocate",
	"copy_file_range", "sendfile", "splice", "mmap",
	"fsync", "fdatasync", "sync", "syncfs",
	"?rename", "?renameat", "renameat2", "?link", "linkat", "?symlink", "symlinkat",
	"?unlink", "unlinkat", "?rmdir", "?mkdir", "mkdirat", "?mknod", "mknodat", "chdir", "fchdir",
}

// Recording holds what programs did below a directory.
type Recording struct {
	dir   string
	calls []call
}

// Record makes a recording of nothing yet, in a directory that is empty. The test is skipped where
// there is no strace or where it may not be used.
func Record(t testing.TB) *Recording {
	t.Helper()
	if out, err := exec.Command("strace", "-f", "-o", os.DevNull, "true").CombinedOutput(); err != nil {
		t.Skipf("no program can be recorded here, so that nothing is known of power cuts: strace: %v %s", err, out)
	}
	return &Recording{dir: Scratch(t)}
}

// Dir is the directory that is watched.
func (r *Recording) Dir() string { return r.dir }

// Run runs a program to its end and adds what it does to the recording.
func (r *Recording) Run(program *exec.Cmd) error {
	trace, err := os.CreateTemp("", "crashtest-*.strace")
	if err != nil {
		return err
	}
	defer os.Remove(trace.Name()) // a temporary file
	defer trace.Close()           // read-only
	strace, err := exec.LookPath("strace")
	if err != nil {
		return err
	}
	arguments := []string{strace, "-f", "-xx", "-s", "16777216", "-e", "signal=none", "-e", "trace=" + strings.Join(changing, ","), "-o", trace.Name(), program.Path}
	dir, err := filepath.Abs(program.Dir)
	if err != nil {
		return err
	}
	traced := &exec.Cmd{Path: strace, Args: append(arguments, program.Args[1:]...), Env: append(program.Environ(), recorded+"=1"), Dir: dir}
	if out, err := traced.CombinedOutput(); err != nil {
		return fmt.Errorf("record %s: %w: %s", program.Path, err, bytes.TrimSpace(out))
	}
	calls, err := parseTrace(trace)
	if err != nil {
		return fmt.Errorf("record %s: %w", program.Path, err)
	}
	r.calls = append(r.calls, call{name: callStart, arguments: []string{dir}})
	before := len(r.calls)
	for _, c := range calls {
		c.began += before
		r.calls = append(r.calls, c)
	}
	return nil
}

const (
	markPrefix = "crashtest mark "
	// recorded is set for programs that are recorded.
	recorded = "FOVEA_CRASHTEST_RECORDED"
	// markSettled is the name of the mark of Settle.
	markSettled = "settled"
)

// Mark is for the recorded program: it notes in the history of a directory that something is so
// from now on. See State.Marks. In a program that is not recorded it does nothing.
func Mark(dir, name string) {
	if os.Getenv(recorded) == "" {
		return
	}
	// One call of the system, whose time is that of the mark.
	fmt.Fprintf(os.Stdout, "%s%q %q\n", markPrefix, filepath.Base(dir), name)
}

// Settle is for the recorded program: what it has done in a directory so far counts as being on
// disk, as if it had been done long ago.
func Settle(dir string) { Mark(dir, markSettled) }

// Scratch makes a directory, in memory if there is some, that goes with the test.
func Scratch(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "fovea-crashtest-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}
