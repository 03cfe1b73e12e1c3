package crashtest

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// State is what may be found after a loss of power.
type State struct {
	// Marks are those that the program had made, in order.
	Marks []string
	// At is the last call that had returned, Missing what was not on disk.
	At      string
	Missing []string
	files   []file
}

// file is one of a state; a directory has no content.
type file struct {
	path string
	*content
}

type content struct {
	data []byte
	sum  uint64
}

// Marked says whether the program had made a mark.
func (s *State) Marked(name string) bool { return slices.Contains(s.Marks, name) }

// Write makes the state in a directory.
func (s *State) Write(dir string) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	for _, f := range s.files {
		name := filepath.Join(dir, f.path)
		var err error
		if f.content == nil {
			err = os.Mkdir(name, 0o755)
		} else {
			err = os.WriteFile(name, f.data, 0o644)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *State) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "power was lost after: %s\n", s.At)
	for _, m := range s.Missing {
		fmt.Fprintf(&b, "\t%s\n", m)
	}
	b.WriteString("found:\n")
	for _, f := range s.files {
		if f.content == nil {
			fmt.Fprintf(&b, "\t%s/\n", f.path)
		} else {
			fmt.Fprintf(&b, "\t%s, %d bytes\n", f.path, len(f.data))
		}
	}
	return b.String()
}

// Failure is a state that a check did not accept.
type Failure struct {
	State *State
	Err   error
}

func (f Failure) String() string { return fmt.Sprintf("%v\n%v", f.Err, f.State) }

// Replay makes every state, each in a directory of its own, has check look at it, and returns how
// many there were and those that were not accepted, of which little is missing first. Check may
// change the directory; it is called by several goroutines.
func (h *History) Replay(t testing.TB, options Options, check func(dir string, s *State) error) (int, []Failure) {
	t.Helper()
	if err := h.Complete(); err != nil {
		t.Fatal(err)
	}
	scratch := Scratch(t)
	var failures []Failure
	var mutex sync.Mutex
	var workers sync.WaitGroup
	states := make(chan *State)
	for worker := range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			dir := filepath.Join(scratch, strconv.Itoa(worker))
			for s := range states {
				err := s.Write(dir)
				if err == nil {
					err = check(dir, s)
				}
				if err != nil {
					mutex.Lock()
					failures = append(failures, Failure{s, err})
					mutex.Unlock()
				}
				if err := os.RemoveAll(dir); err != nil {
					t.Error(err)
				}
			}
		})
	}
	count := 0
	for s := range h.States(options) {
		states <- s
		count++
	}
	close(states)
	workers.Wait()
	slices.SortFunc(failures, func(a, b Failure) int {
		return cmp.Or(cmp.Compare(len(a.State.Missing), len(b.State.Missing)), strings.Compare(a.String(), b.String()))
	})
	return count, failures
}

// Trials is the number of states by chance after every call: FOVEA_TRIALS, or else few.
func Trials(few int) int {
	if n, err := strconv.Atoi(os.Getenv("FOVEA_TRIALS")); err == nil {
		return n
	}
	return few
}

// Gone is a check's help: whether there is nothing of that name.
func Gone(name string) bool {
	_, err := os.Lstat(name)
	return errors.Is(err, fs.ErrNotExist)
}
