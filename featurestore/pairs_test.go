package featurestore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

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
	share := 12 // of all trials, one in so many
	if testing.Short() {
		share *= 5
	}
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
