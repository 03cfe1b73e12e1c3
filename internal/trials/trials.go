package trials

import (
	"bufio"
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// files is how many changed files of a format are read; the variable multiplies it.
	files    = 2000
	variable = "FOVEA_TRIALS"
	// dataLimit is how much memory the process may map for data. The kernel counts what is mapped, whether it is
	// used or not, as with a limit of the address space, which cannot be used: Go reserves more addresses than that
	// and never maps them.
	dataLimit = 1_500_000_000
	// patience is how many seconds reading one file may take, on a machine that is busy with others: only those in which
	// this process goes on count.
	patience = 60
	child    = "FOVEA_TRIAL_CHILD"
)

// Seed is a sound file, with others beside it that belong to it.
type Seed struct {
	File   string
	Beside []string
	// Fix repairs checksums after half of the changes, so that the reader goes on. It may be nil.
	Fix func([]byte) []byte
	// Aims are places in the file where numbers that matter begin, such as headers; a third of the changes are
	// numbers near one.
	Aims []int
}

// Texts writes files of text to a temporary directory, as seeds.
func Texts(t *testing.T, texts map[string]string) []Seed {
	t.Helper()
	dir := t.TempDir()
	var seeds []Seed
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(texts[name]), 0o644); err != nil {
			t.Fatal(err)
		}
		seeds = append(seeds, Seed{File: file})
	}
	return seeds
}

// Run changes the seeds of a format at random and reads them, in a process of its own that may map 1.5 GB. No change
// may end or stall it, and every error must name the file. The test must call it once, before anything else.
func Run(t *testing.T, seeds []Seed, read func(file string) error) {
	t.Helper()
	n := files
	if times, err := strconv.Atoi(os.Getenv(variable)); err == nil && times > 0 {
		n *= times
	}
	if testing.Short() {
		n = files / 10
	}
	if os.Getenv(child) == t.Name() {
		trial(t, seeds, n, read)
		return
	}
	if len(seeds) == 0 {
		t.Fatal("there are no files to change")
	}
	parts := strings.Split(t.Name(), "/")
	for i, part := range parts {
		parts[i] = "^" + part + "$"
	}
	command := exec.Command(os.Args[0], "-test.run", strings.Join(parts, "/"), "-test.v", "-test.timeout", "30m")
	command.Env = append(os.Environ(), child+"="+t.Name())
	if testing.Short() {
		command.Args = append(command.Args, "-test.short")
	}
	output, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, tail(output))
	}
	for line := range strings.Lines(string(output)) {
		if _, result, found := strings.Cut(line, "trials: "); found {
			t.Log(strings.TrimSpace(result))
		}
	}
}

func tail(output []byte) []byte {
	const most = 6000
	if len(output) <= most {
		return output
	}
	return append(append(bytes.Clone(output[:most/2]), "\n...\n"...), output[len(output)-most/2:]...)
}

// trial is what the other process does.
func trial(t *testing.T, seeds []Seed, n int, read func(file string) error) {
	limit := unix.Rlimit{Cur: dataLimit, Max: dataLimit}
	if err := unix.Setrlimit(unix.RLIMIT_DATA, &limit); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	contents := load(t, seeds)
	var current, seconds atomic.Int64
	go func() {
		for ; ; time.Sleep(time.Second) {
			if taken := seconds.Add(1); taken > patience {
				fmt.Printf("change %d is read for %d s\n", current.Load(), taken)
				_ = pprof.Lookup("goroutine").WriteTo(os.Stdout, 2)
				os.Exit(3)
			}
		}
	}()
	refused, slowest := 0, time.Duration(0)
	for i := range n {
		current.Store(int64(i))
		r := rand.New(rand.NewPCG(uint64(i), 15))
		seed := i % len(seeds)
		file := writeChanged(t, r, dir, seeds[seed], contents)
		start := time.Now()
		seconds.Store(0)
		err := protected(read, file)
		slowest = max(slowest, time.Since(start))
		if err == nil {
			continue
		}
		if refused++; !strings.Contains(err.Error(), filepath.Base(file)) {
			t.Errorf("change %d of %s: the error does not name the file: %v", i, filepath.Base(seeds[seed].File), err)
		}
		if p, panicked := err.(panicked); panicked {
			t.Errorf("change %d of %s: %v", i, filepath.Base(seeds[seed].File), p)
		}
	}
	fmt.Printf("trials: %d changes of %d files, %d refused; the slowest took %s; at most %s of memory were resident\n", n, len(seeds), refused, slowest.Round(time.Millisecond), peak())
}

type panicked struct{ what string }

func (p panicked) Error() string { return p.what }

func protected(read func(string) error, file string) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = panicked{fmt.Sprintf("%s: a panic leaves the package: %v", file, p)}
		}
	}()
	return read(file)
}

func load(t *testing.T, seeds []Seed) map[string][]byte {
	contents := map[string][]byte{}
	for _, s := range seeds {
		for _, file := range append([]string{s.File}, s.Beside...) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			contents[file] = data
		}
	}
	return contents
}

// writeChanged writes a changed seed and what lies beside it, and returns its name.
func writeChanged(t *testing.T, r *rand.Rand, dir string, seed Seed, contents map[string][]byte) string {
	others := slices.Sorted(maps.Keys(contents))
	all := append([]string{seed.File}, seed.Beside...)
	changed := all[0]
	if r.IntN(4) == 0 {
		changed = all[r.IntN(len(all))]
	}
	for _, file := range all {
		data := contents[file]
		switch {
		case file != changed:
		case file == seed.File && len(seed.Aims) > 0 && r.IntN(3) == 0:
			data = aim(r, data, seed.Aims[r.IntN(len(seed.Aims))])
		default:
			data = mutate(r, data, contents[others[r.IntN(len(others))]])
			if seed.Fix != nil && r.IntN(2) == 0 {
				data = seed.Fix(data)
			}
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(file)), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, filepath.Base(seed.File))
}

// peak is the largest memory that the process had.
func peak() string {
	status, err := os.Open("/proc/self/status")
	if err != nil {
		return "an unknown amount"
	}
	defer status.Close()
	for lines := bufio.NewScanner(status); lines.Scan(); {
		if text, ok := strings.CutPrefix(lines.Text(), "VmHWM:"); ok {
			return strings.TrimSpace(text)
		}
	}
	return "an unknown amount"
}
