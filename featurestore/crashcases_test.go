package featurestore

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"fovea/internal/crashtest"
	"fovea/recipe"
)

func crashCases() []crashCase {
	cases := slices.Concat(crashReplacing(), []crashCase{crashPartition(), crashKilled(), crashAborted(), crashFormer()})
	for _, format := range formats {
		cases = append(cases, crashWriting(format)...)
	}
	for i, c := range cases {
		if slices.Contains([]string{"merge over", "revise", "assemble", "extract parquet", "resume parquet"}, c.name) {
			cases[i].seen = true
		}
	}
	return cases
}

// crashDo makes a case of a function that makes or replaces the dataset in out as a whole.
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

// crashReplacing are the cases in which one dataset takes the place of another at once.
func crashReplacing() []crashCase {
	ctx := context.Background()
	other, two, others := crashItems(300, 330, StatusComplete), crashItems(0, 30, StatusComplete), crashItems(100, 130, StatusComplete)
	two.rows, two.failures = append(two.rows, others.rows...), append(two.failures, others.failures...)
	extra := crashExtra(300, 330, StatusComplete)
	fewer, revised, revisedExtra := *other, *other, *extra
	revisedExtra.rows = slices.Clone(extra.rows)
	revisedExtra.rows[2].Group, revisedExtra.rows[5].Label = "another", "owl"
	fewer.rows = other.rows[1:]
	revised.rows = slices.Clone(other.rows[:len(other.rows)-1])
	revised.rows[0].Label, revised.rows[3].Path = "owl", "moved.jpg"
	row := func(r Row) (Row, bool) {
		switch r.Path {
		case other.rows[0].Path:
			r.Label = "owl"
		case other.rows[3].Path:
			r.Path = "moved.jpg"
		}
		return r, r.Path != other.rows[len(other.rows)-1].Path
	}
	out := func(dir string) string { return filepath.Join(dir, "out") }
	parts := func(dir string) []string { return []string{filepath.Join(dir, "a"), filepath.Join(dir, "b")} }
	assemble := crashDo("assemble", nil, two, func(dir string) error { return Assemble(ctx, out(dir), parts(dir), AssembleOptions{}) })
	assemble.idle = true
	merge := crashDo("merge", nil, two, func(dir string) error {
		return Merge(ctx, out(dir), parts(dir), MergeOptions{Overwrite: !crashtest.Gone(out(dir))})
	})
	over := crashDo("merge over", other, two, func(dir string) error {
		return Merge(ctx, out(dir), parts(dir), MergeOptions{Overwrite: true, ShardBytes: 25 * 32 * 4}) // 32 values a row
	})
	revise := crashDo("revise", other, &revised, func(dir string) error {
		_, err := Revise(ctx, out(dir), ReviseOptions{Row: row})
		return err
	})
	extraRow := func(r Row) (Row, bool) {
		switch r.Path {
		case extra.rows[2].Path:
			r.Group = "another"
		case extra.rows[5].Path:
			r.Label = "owl"
		}
		return r, true
	}
	reviseExtra := crashDo("revise columns on request", extra, &revisedExtra, func(dir string) error {
		_, err := Revise(ctx, out(dir), ReviseOptions{Row: extraRow})
		return err
	})
	revise.idle, reviseExtra.idle = true, true
	updated := revised
	updated.rows = slices.Concat(revised.rows, others.rows[:2])
	update := crashDo("update", other, &updated, func(dir string) error { return updateAgain(out(dir), other.rows, others.rows[:2]) })
	more := moreRecipe()
	both, err := recipe.Join(testRecipe(), more)
	if err != nil {
		panic(err)
	}
	wider, narrower := *other, *other
	wider.rows = joinedRows(other.rows, more, both)
	narrower.rows = slices.Clone(other.rows)
	for i, r := range narrower.rows {
		narrower.rows[i].Features = r.Features[:1]
	}
	columns := crashDo("columns", other, &wider, func(dir string) error {
		return addColumns(out(dir), more, testOptions(FormatParquet), atOnce, other.rows)
	})
	drop := crashDo("drop", other, &narrower, func(dir string) error {
		_, err := Revise(ctx, out(dir), ReviseOptions{Drop: []string{"fc7", "model/top.dense:0"}})
		if d, opened := Open(out(dir)); errors.Is(err, ErrNoColumn) && opened == nil && len(d.Recipe().Layers) == 1 {
			_, err = Revise(ctx, out(dir), ReviseOptions{}) // it is done already
		}
		return err
	})
	columns.idle, drop.idle = true, true
	return []crashCase{
		columns, crashInSteps(columns), crashStopped(columns, "exchanged"), drop,
		update, crashInSteps(update), crashStopped(update, "exchanged"),
		reviseExtra, crashInSteps(reviseExtra),
		revise, crashInSteps(revise), crashStopped(revise, "exchanged"), crashStopped(crashInSteps(revise), "arriving"),
		over, crashStopped(over, "exchanged"),
		crashInSteps(over), crashInSteps(merge), crashStopped(crashInSteps(over), "arriving"), crashStopped(crashInSteps(over), "data left"),
		assemble,
		crashDo("assemble over", other, two, func(dir string) error {
			return Assemble(ctx, out(dir), parts(dir), AssembleOptions{Overwrite: true})
		}),
		merge,
		crashDo("compact", other, other, func(dir string) error { return Compact(ctx, out(dir), MergeOptions{}) }),
		crashDo("remove", other, &fewer, func(dir string) error {
			return Remove(ctx, out(dir), map[string]bool{other.rows[0].Path: true})
		}),
	}
}

// crashInSteps makes a case of one on a file system that cannot exchange names.
func crashInSteps(c crashCase) crashCase {
	c.name += " in steps"
	run := c.run
	c.run = func(t *testing.T, dir string) {
		exchangeDirs = func(string, string) error { return unix.EINVAL }
		run(t, dir)
	}
	return c
}

// crashStopped makes a case of one that is killed at a point, and then done again by another process.
func crashStopped(c crashCase, point string) crashCase {
	c.name += ", killed when " + point
	c.most = 50
	run := c.run
	c.then = func(t *testing.T, dir string) { must(t, c.again(dir, nil)) }
	c.run = func(t *testing.T, dir string) {
		reached := make(chan struct{})
		at = func(p string) {
			if p == point {
				close(reached)
				select {} // until the process ends
			}
		}
		go run(t, dir)
		<-reached
	}
	return c
}

// crashPartition divides a dataset.
func crashPartition() crashCase {
	c := crashDo("partition", nil, &crashData{status: StatusComplete}, func(dir string) error {
		out := filepath.Join(dir, "new", "out")
		if !crashtest.Gone(out) {
			return nil
		}
		return Partition(context.Background(), out, filepath.Join(dir, "a"), BySplit, MergeOptions{})
	})
	c.out, c.idle, c.table = "new/out", true, true
	return c
}

// crashKilled is a writer that is killed, and another one that goes on.
func crashKilled() crashCase {
	whole := crashItems(0, crashRows, StatusComplete)
	return crashCase{
		name: "killed and resumed", out: "out", new: whole, grows: true,
		prepare: func(*testing.T, string) {},
		run: func(t *testing.T, dir string) {
			out := filepath.Join(dir, "out")
			_, err := crashWrite(dir, out, testOptions(FormatParquet), whole, 2*testShard+12)
			must(t, err)
			for crashtest.Gone(filepath.Join(out, dataDir, shardName(1, FormatParquet))) {
				time.Sleep(time.Millisecond) // it is being put on disk
			}
		},
		then:  crashPut("out", resuming(FormatParquet), whole),
		again: crashResume("out", FormatParquet, whole),
	}
}

// crashAborted is a writer that gives up before its first shard, of which nothing stays.
func crashAborted() crashCase {
	whole := crashItems(0, crashRows, StatusComplete)
	return crashCase{
		name: "aborted", out: "new/out", grows: true,
		prepare: func(*testing.T, string) {},
		run: func(t *testing.T, dir string) {
			w, err := crashWrite(dir, filepath.Join(dir, "new", "out"), testOptions(FormatParquet), whole, 15)
			must(t, err)
			must(t, w.Abort())
		},
		again: crashResume("new/out", FormatParquet, whole),
	}
}

// crashFormer goes on with a dataset of an earlier version, which gets today's layout.
func crashFormer() crashCase {
	old := &crashData{StatusInterrupted, makeRows(testRecipe(), 0, formerRows), makeFailures(0, 2)}
	whole := &crashData{StatusComplete, seenRows(0, crashRows), old.failures}
	return crashCase{
		name: "former resumed", out: "out", old: old, new: whole, grows: true, keeps: true,
		prepare: func(t *testing.T, dir string) {
			must(t, os.CopyFS(filepath.Join(dir, "out"), os.DirFS("testdata/former/parquet-float32")))
		},
		run:   crashPut("out", resuming(FormatParquet), whole),
		again: crashResume("out", FormatParquet, whole),
	}
}

// crashWriting are the cases in which a dataset is written where it belongs.
func crashWriting(format Format) []crashCase {
	whole, other := crashItems(0, crashRows, StatusComplete), crashItems(300, 330, StatusComplete)
	begun := crashItems(0, testShard+3, StatusInterrupted)
	if format == FormatArrow {
		whole, begun = crashExtra(0, crashRows, StatusComplete), crashExtra(0, testShard+3, StatusInterrupted)
	}
	return []crashCase{{
		name: "extract " + string(format), out: "new/deep/out", new: whole, grows: true,
		prepare: func(*testing.T, string) {},
		run:     crashPut("new/deep/out", testOptions(format), whole),
		again:   crashResume("new/deep/out", format, whole),
	}, {
		name: "resume " + string(format), out: "out", old: begun, new: whole, grows: true, keeps: true,
		prepare: crashPut("out", testOptions(format), begun),
		run:     crashPut("out", resuming(format), whole),
		again:   crashResume("out", format, whole),
	}, {
		name: "overwrite " + string(format), out: "out", old: other, new: whole, grows: true,
		prepare: crashPut("out", testOptions(FormatParquet), other),
		run:     crashPut("out", overwriting(format), whole),
		again: func(dir string, found *crashData) error {
			options := overwriting(format)
			if found != nil && found.status == StatusWriting {
				options = resuming(format)
			}
			return crashMake("", filepath.Join(dir, "out"), options, whole)
		},
	}}
}
