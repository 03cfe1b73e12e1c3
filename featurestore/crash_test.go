package featurestore

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

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
	return &crashData{status, makeRows(testRecipe(), from, to), makeFailures(from, from+(to-from)/10)}
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
	w, err := Create(out, testInfo(Float32), options)
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

// crashDo makes a case of a function that replaces the dataset in out as a whole.
func crashDo(name string, old, new *crashData, do func(dir string) error) crashCase {
	c := crashCase{name: name, out: "out", old: old, new: new}
	c.prepare = func(t *testing.T, dir string) {
		if old != nil {
			crashPut("out", testOptions(FormatParquet), old)(t, dir)
		}
		crashPut("a", testOptions(FormatParquet), crashItems(0, 30, StatusComplete))(t, dir)
		crashPut("b", testOptions(FormatParquet), crashItems(100, 130, StatusComplete))(t, dir)
	}
	c.run = func(t *testing.T, dir string) { must(t, do(dir)) }
	c.again = func(dir string, _ *crashData) error { return do(dir) }
	return c
}

// crashInSteps makes a case of one on a file system that cannot exchange names.
func crashInSteps(c crashCase) crashCase {
	run, able := c.run, exchangeDirs
	c.run = func(t *testing.T, dir string) {
		exchangeDirs = func(string, string) error { return unix.EINVAL }
		defer func() { exchangeDirs = able }()
		run(t, dir)
	}
	return c
}

func crashCases() []crashCase {
	ctx := context.Background()
	whole, other := crashItems(0, crashRows, StatusComplete), crashItems(300, 330, StatusComplete)
	begun := crashItems(0, testShard+3, StatusInterrupted)
	both := crashItems(0, 30, StatusComplete)
	more := crashItems(100, 130, StatusComplete)
	both.rows, both.failures = append(both.rows, more.rows...), append(both.failures, more.failures...)
	fewer := *other
	fewer.rows = other.rows[1:]
	parts := func(dir string) []string { return []string{filepath.Join(dir, "a"), filepath.Join(dir, "b")} }
	out := func(dir string) string { return filepath.Join(dir, "out") }
	cases := []crashCase{
		crashDo("merge", nil, both, func(dir string) error {
			return Merge(ctx, out(dir), parts(dir), MergeOptions{Overwrite: !crashtest.Gone(out(dir))})
		}),
		crashDo("merge over", other, both, func(dir string) error {
			return Merge(ctx, out(dir), parts(dir), MergeOptions{Overwrite: true, ShardBytes: 25 * 32 * 4})
		}),
		crashInSteps(crashDo("merge over in steps", other, both, func(dir string) error {
			return Merge(ctx, out(dir), parts(dir), MergeOptions{Overwrite: true})
		})),
		crashDo("assemble", nil, both, func(dir string) error { return Assemble(ctx, out(dir), parts(dir), AssembleOptions{}) }),
		crashDo("assemble over", other, both, func(dir string) error {
			return Assemble(ctx, out(dir), parts(dir), AssembleOptions{Overwrite: true})
		}),
		crashDo("compact", other, other, func(dir string) error { return Compact(ctx, out(dir), MergeOptions{}) }),
		crashDo("remove", other, &fewer, func(dir string) error {
			return Remove(ctx, out(dir), map[string]bool{other.rows[0].Path: true})
		}),
		{
			name: "killed and resumed", out: "out", new: whole, grows: true,
			prepare: func(*testing.T, string) {},
			run: func(t *testing.T, dir string) {
				_, err := crashWrite(dir, out(dir), testOptions(FormatParquet), whole, 2*testShard+12)
				must(t, err)
				for crashtest.Gone(filepath.Join(out(dir), dataDir, shardName(1, FormatParquet))) {
					time.Sleep(time.Millisecond) // it is being put on disk
				}
			},
			then:  crashPut("out", resuming(FormatParquet), whole),
			again: crashResume("out", FormatParquet, whole),
		},
		{
			name: "aborted", out: "new/out", grows: true,
			prepare: func(*testing.T, string) {},
			run: func(t *testing.T, dir string) {
				w, err := crashWrite(dir, filepath.Join(dir, "new/out"), testOptions(FormatParquet), whole, 15)
				must(t, err)
				must(t, w.Abort())
			},
			again: crashResume("new/out", FormatParquet, whole),
		},
		{
			name: "former resumed", out: "out", grows: true, keeps: true,
			old: &crashData{StatusInterrupted, makeRows(testRecipe(), 0, formerRows), makeFailures(0, 2)},
			new: &crashData{StatusComplete, whole.rows, makeFailures(0, 2)},
			prepare: func(t *testing.T, dir string) {
				must(t, os.CopyFS(out(dir), os.DirFS("testdata/former/parquet-float32")))
			},
		},
	}
	for i, c := range cases {
		cases[i].idle = strings.HasPrefix(c.name, "assemble")
	}
	last := &cases[len(cases)-1]
	last.run = crashPut("out", resuming(FormatParquet), last.new)
	last.again = crashResume("out", FormatParquet, last.new)
	for _, format := range formats {
		cases = append(cases, crashCase{
			name: "extract " + string(format), out: "new/deep/out", new: whole, grows: true,
			prepare: func(*testing.T, string) {},
			run:     crashPut("new/deep/out", testOptions(format), whole),
			again:   crashResume("new/deep/out", format, whole),
		}, crashCase{
			name: "resume " + string(format), out: "out", old: begun, new: whole, grows: true, keeps: true,
			prepare: crashPut("out", testOptions(format), begun),
			run:     crashPut("out", resuming(format), whole),
			again:   crashResume("out", format, whole),
		}, crashCase{
			name: "overwrite " + string(format), out: "out", old: other, new: whole, grows: true,
			prepare: crashPut("out", testOptions(FormatParquet), other),
			run:     crashPut("out", overwriting(format), whole),
			again: func(dir string, found *crashData) error {
				if found != nil && found.status == StatusWriting {
					return crashMake("", out(dir), resuming(format), whole)
				}
				return crashMake("", out(dir), overwriting(format), whole)
			},
		})
	}
	return cases
}

// Whatever a loss of power leaves at any moment of anything that is done to datasets, in any order
// that POSIX allows, is the old dataset, the new one, or one that can be gone on with; and what a
// writer has said that it has kept is there.
func TestAnyCrash(t *testing.T) {
	if root := os.Getenv(crashVariable); root != "" {
		crashChild(t, root, os.Getenv(crashVariable+"_AGAIN") != "")
		return
	}
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
			count, failures := crashtest.Replay(t, history, crashtest.Options{Random: crashtest.Trials(4), Alike: crashAlike, Settled: true}, check.look, check.judge)
			t.Logf("%d states", count)
			if count < 10 {
				t.Errorf("there are %d states: that is not all", count)
			}
			for i, f := range failures {
				if i == 3 {
					break
				}
				t.Errorf("%d of %d states are wrong, such as this one: %v", len(failures), count, f)
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
			c.run(t, dir)
		} else if c.then != nil {
			c.then(t, dir)
		}
		if again || c.then == nil {
			crashtest.Mark(dir, "done")
		}
	}
}
