package featurestore

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fovea/internal/crashtest"
)

// crashCase is something that is done to datasets, and what may be found when the power fails
// meanwhile.
type crashCase struct {
	name string
	// out is the dataset's directory below that of the case.
	out string
	// old and new are what is there before and after; nil: nothing.
	old, new *crashData
	// prepare makes what was there long before. Then comes run, in the same process, and, if not
	// nil, then, in another.
	prepare, run, then func(t *testing.T, dir string)
	// grows: meanwhile there may be the first rows of the new dataset, with the status writing; keeps:
	// these are those of the old one or more.
	grows, keeps bool
	// again is what one does when the power is back; it must make the new dataset of all that may be
	// found.
	again func(dir string, found *crashData) error
	// idle: again does nothing where the new dataset is found. What is left over waits for a writer.
	idle bool
	// table: the new one is no dataset, but files for other programs.
	table bool
	// most is Options.Most, unless 0.
	most int
	// seen: states that differ in what is known of pictures count as different ones.
	seen bool
}

// crashData is what is in a dataset.
type crashData struct {
	status   Status
	rows     []Row
	failures []Failure
}

const (
	crashVariable = "FOVEA_TEST_CRASH_DIR"
	crashRows     = 3*testShard + 5
)

// crashItems are rows and failures.
func crashItems(from, to int, status Status) *crashData {
	return &crashData{status, seenRows(from, to), seenFailures(from, from+(to-from)/10)}
}

// crashExtra is crashItems with values in all columns on request.
func crashExtra(from, to int, status Status) *crashData {
	d := crashItems(from, to, status)
	d.rows = withExtra(d.rows)
	return d
}

// info is that of a dataset of the rows.
func (d *crashData) info() Info {
	if slices.ContainsFunc(d.rows, func(r Row) bool { return r.Group != "" }) {
		return extraInfo(Float32)
	}
	return testInfo(Float32)
}

// crashWrite writes, or goes on to write, a dataset, a failure after every tenth row, up to a number
// of rows, and notes what it has put on disk.
func crashWrite(mark, out string, options Options, data *crashData, count int) (*Writer, error) {
	if mark != "" {
		options.Written = func(m Manifest) {
			rows := 0
			for _, s := range m.Shards {
				rows += s.Rows
			}
			crashtest.Mark(mark, fmt.Sprintf("kept %d %d", rows, m.Failures))
		}
	}
	w, err := Create(out, data.info(), options)
	if err != nil {
		return nil, err
	}
	done := w.Done()
	for i, r := range data.rows[:min(count, len(data.rows))] {
		if !done[r.Path] {
			err = w.Append(r)
		}
		if n := i / 10; err == nil && i%10 == 9 && n < len(data.failures) && !done[data.failures[n].Path] {
			err = w.AppendFailure(data.failures[n])
		}
		if err != nil {
			return nil, err
		}
	}
	return w, nil
}

func crashMake(mark, out string, options Options, data *crashData) error {
	w, err := crashWrite(mark, out, options, data, len(data.rows))
	if err != nil {
		return err
	}
	return w.Close(data.status)
}

func resuming(format Format) Options {
	options := testOptions(format)
	options.Resume = true
	return options
}

func overwriting(format Format) Options {
	options := testOptions(format)
	options.Overwrite = true
	return options
}

// crashPut makes a case's run, or its preparation, that writes a dataset.
func crashPut(out string, options Options, data *crashData) func(*testing.T, string) {
	return func(t *testing.T, dir string) { must(t, crashMake(dir, filepath.Join(dir, out), options, data)) }
}

func crashResume(out string, format Format, data *crashData) func(string, *crashData) error {
	return func(dir string, _ *crashData) error {
		return crashMake("", filepath.Join(dir, out), resuming(format), data)
	}
}

// Whatever a loss of power leaves at any moment of anything that is done to datasets, in any order
// that POSIX allows, is the old dataset, the new one, or one that can be gone on with; and what a
// writer has said that it has kept is there.
func TestAnyCrash(t *testing.T) {
	if root := os.Getenv(crashVariable); root != "" {
		crashChild(t, root, os.Getenv(crashVariable+"_AGAIN") != "")
		return
	}
	notShort(t, "tries thousands of states")
	recording := crashtest.Record(t)
	cases := crashCases()
	for _, c := range cases {
		must(t, os.Mkdir(filepath.Join(recording.Dir(), c.name), 0o755))
	}
	for _, process := range []string{"", "1"} {
		program := exec.Command(os.Args[0], "-test.run=^TestAnyCrash$")
		program.Env = append(os.Environ(), crashVariable+"="+recording.Dir(), crashVariable+"_AGAIN="+process)
		must(t, recording.Run(program))
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			history, err := recording.History(c.name)
			must(t, err)
			check := newCrashCheck(t, &c)
			alike := func(name string) bool { return crashAlike(name) || !c.seen && strings.Contains(name, seenDir) }
			if count := crashtest.Test(t, history, crashtest.Options{Random: crashtest.Trials(2), Alike: alike, Settled: true, Most: cmp.Or(c.most, 80)}, check.look, check.judge); count < 3 {
				t.Errorf("there are %d states: that is not all", count)
			}
		})
	}
}

func crashChild(t *testing.T, root string, again bool) {
	for _, c := range crashCases() {
		dir := filepath.Join(root, c.name)
		if !again {
			c.prepare(t, dir)
			crashtest.Settle(dir)
			point, exchange := at, exchangeDirs
			c.run(t, dir)
			at, exchangeDirs = point, exchange // which runs may change
		} else if c.then != nil {
			c.then(t, dir)
		}
		if again || c.then == nil {
			crashtest.Mark(dir, "done")
		}
	}
}
