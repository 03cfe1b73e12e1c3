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
	// sum is that of the files.
	sum uint64
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

// Test fails for what Replay finds wrong, and returns the number of states.
func Test[T any](t testing.TB, h *History, options Options, look func(dir string) (T, error), judge func(found T, s *State) error) int {
	t.Helper()
	count, failures := Replay(t, h, options, look, judge)
	t.Logf("%d states", count)
	for _, f := range failures[:min(len(failures), 3)] {
		t.Errorf("%d of %d states are wrong, such as this one: %v", len(failures), count, f)
	}
	return count
}

// Replay makes every state in a directory, once, has look find out what it is good for, by several
// goroutines, and then judge say whether that may be so, in all states that have these files: what was
// right before a mark may be wrong after it. Look may change the directory. Replay returns the number
// of states and those in which look or judge saw an error, of which little is missing first.
func Replay[T any](t testing.TB, h *History, options Options, look func(dir string) (T, error), judge func(found T, s *State) error) (int, []Failure) {
	t.Helper()
	if err := h.Complete(); err != nil {
		t.Fatal(err)
	}
	r := &replay[T]{scratch: Scratch(t), look: look, looks: map[uint64]func() (T, error){}}
	states := make(chan *State)
	var failures []Failure
	var mutex sync.Mutex
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for s := range states {
				found, err := r.find(s)()
				if err == nil {
					err = judge(found, s)
				}
				if err != nil {
					mutex.Lock()
					failures = append(failures, Failure{s, err})
					mutex.Unlock()
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

// replay knows what was found for each sum of files.
type replay[T any] struct {
	scratch string
	look    func(dir string) (T, error)
	mutex   sync.Mutex
	looks   map[uint64]func() (T, error)
}

// find gives the function that looks at a state's files, once.
func (r *replay[T]) find(s *State) func() (T, error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	find, ok := r.looks[s.sum]
	if !ok {
		dir := filepath.Join(r.scratch, strconv.Itoa(len(r.looks)))
		find = sync.OnceValues(func() (found T, err error) {
			defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
			if err := s.Write(dir); err != nil {
				return found, err
			}
			return r.look(dir)
		})
		r.looks[s.sum] = find
	}
	return find
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
