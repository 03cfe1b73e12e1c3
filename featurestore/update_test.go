package featurestore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fovea/internal/crashtest"
)

// updated begins an update of the dataset in dir.
func updated(dir string, format Format) (*Update, error) {
	return BeginUpdate(dir, testInfo(Float32), testOptions(format))
}

// change is what the tests make of a dataset of rows from 0 on: one row is moved, one relabelled, one left out unless all
// are kept, and more rows follow.
type change struct {
	all  bool
	more []Row
}

func (c change) of(rows []Row) (want []Row, row func(i int) (Row, bool)) {
	row = func(i int) (Row, bool) {
		r := rows[i]
		switch i {
		case 2:
			r.Path, r.Seen[3] = "moved/"+r.Path, 7
		case 3:
			r.Label = "owl"
		case 4:
			return r, c.all
		}
		return r, true
	}
	for i := range rows {
		if r, keep := row(i); keep {
			r.SHA256, r.Width, r.Height, r.Features = rows[i].SHA256, rows[i].Width, rows[i].Height, rows[i].Features
			want = append(want, r)
		}
	}
	return append(want, c.more...), row
}

// do updates the dataset in dir, of the rows, from staged ones among which others lie.
func (c change) do(dir string, format Format, rows []Row, failures []Failure) error {
	u, err := updated(dir, format)
	if err != nil {
		return err
	}
	_, row := c.of(rows)
	r := Revision{Row: row, Failures: failures}
	if len(c.more) > 0 {
		err = c.stage(u, format)
		r.Take = func(staged Row) (Row, bool) {
			i := slices.IndexFunc(c.more, func(r Row) bool { return r.Path == staged.Path })
			if i < 0 {
				return Row{}, false
			}
			return c.more[i], true
		}
	}
	if err == nil {
		err = u.Commit(context.Background(), r)
	}
	if err == nil {
		err = u.Unstage()
	}
	return errors.Join(err, u.Close())
}

func (c change) stage(u *Update, format Format) error {
	options := u.StagingOptions(testOptions(format))
	options.Resume = true
	w, err := Create(u.Staging(), testInfo(Float32), options)
	if err != nil {
		return err
	}
	for i, r := range append(slices.Clone(c.more), seenRows(900, 903)...) { // as an earlier run has left them
		if !w.Done()[r.Path] {
			if r.Label = "of then"; i == 0 {
				r.Split = "of then"
			}
			err = errors.Join(err, w.Append(r))
		}
	}
	return errors.Join(err, w.Close(StatusInterrupted))
}

// An updated dataset is byte for byte the one that would have been written with its rows in that order, as long as all
// rows have one arithmetic.
func TestUpdateGivesTheSameBytes(t *testing.T) {
	if testing.Short() {
		t.Skip("writes many datasets, as other tests do few")
	}
	for _, format := range formats {
		for _, inside := range []bool{false, true} {
			for name, c := range map[string]change{
				"moved": {all: true}, "left out": {}, "more": {all: true, more: seenRows(200, 200+testShard+7)}, "both": {more: seenRows(200, 205)},
			} {
				t.Run(fmt.Sprintf("%s/%v/%s", format, inside, name), func(t *testing.T) {
					if inside {
						setExchange(t, true)
					}
					dir, fresh, failures := verified(t), verified(t), seenFailures(0, 3)
					rows := seenRows(0, 3*testShard+5)
					info, options := testInfo(Float32), Options{Format: format, hooks: hooks{shardRows: testShard}}
					writeAll(t, dir, info, options, rows, failures)
					kept := append(failures[1:3:3], seenFailures(50, 52)...)
					kept[0].Label = "owl"
					must(t, c.do(dir, format, rows, kept))
					want, _ := c.of(rows)
					writeAll(t, fresh, info, options, want, kept)
					sameContents(t, contents(t, dir), contents(t, fresh))
					for _, left := range []string{stagingOf(dir, syncSuffix), besideOf(dir), inDir(dir, stagingDir), inDir(dir, lockFile)} {
						if !crashtest.Gone(left) {
							t.Errorf("%s is left", left)
						}
					}
				})
			}
		}
	}
}

// Where there is no place beside the directory, the new rows lie in it: readers of all files of the dataset's format do
// not find them, the next update goes on with them, and in the end they are gone.
func TestUpdateStagedInside(t *testing.T) {
	for _, format := range formats {
		for _, commit := range []bool{true, false} {
			dir, fresh := verified(t), verified(t)
			rows, c := seenRows(0, 2*testShard+5), change{more: seenRows(200, 205)}
			info, options := testInfo(Float32), Options{Format: format, hooks: hooks{shardRows: testShard}}
			writeAll(t, dir, info, options, rows, nil)
			before := contents(t, dir)
			must(t, os.Mkdir(inDir(dir, stagingDir), 0o755)) // which is where it goes on from then on
			u, err := updated(dir, format)
			must(t, err)
			if u.Staging() != inDir(dir, stagingDir) {
				t.Fatalf("rows are made in %s", u.Staging())
			}
			must(t, errors.Join(c.stage(u, format), u.Close()))                                    // is killed
			must(t, os.CopyFS(besideOf(inDir(dir, stagingDir)), os.DirFS(inDir(dir, stagingDir)))) // while it takes rows out
			staged := 0
			for name := range contents(t, dir) {
				if _, own := before[name]; !own && strings.Contains(name, "/data/") {
					staged++
					if filepath.Ext(name) == "."+string(format) {
						t.Errorf("%s is found", name)
					}
				}
			}
			if staged == 0 {
				t.Error("nothing is staged")
			}
			must(t, Verify(dir))
			want := rows
			if commit {
				want, _ = c.of(rows)
				must(t, c.do(dir, format, rows, nil))
			} else {
				u, err := updated(dir, format)
				must(t, err)
				must(t, errors.Join(u.Unstage(), u.Close()))
			}
			writeAll(t, fresh, info, options, want, nil)
			sameContents(t, contents(t, dir), contents(t, fresh))
		}
	}
}

// Rows are known, copied and recognized; and an update that is not committed changes nothing.
func TestUpdate(t *testing.T) {
	dir := verified(t)
	rows, failures := seenRows(0, testShard+5), seenFailures(0, 2)
	writeAll(t, dir, testInfo(Float32), testOptions(FormatParquet), rows, failures)
	before := contents(t, dir)
	u, err := updated(dir, FormatParquet)
	must(t, err)
	if _, err := updated(dir, FormatParquet); !errors.Is(err, ErrLocked) {
		t.Errorf("a second update: %v", err)
	}
	table, seen := u.Rows()
	for i, r := range rows {
		at, found := u.Row(r.Path)
		known, ok := u.Known(r.Path)
		if !found || !ok || at != i || table.Paths[i] != r.Path || seen[i] != r.Seen || known.Seen != r.Seen || known.SHA256 != parseSum(r.SHA256) || known.Failed {
			t.Errorf("row %d is known as %d, %+v", i, at, known)
		}
	}
	if known, ok := u.Known(failures[1].Path); !ok || !known.Failed || known.Seen != failures[1].Seen || len(u.Failures()) != len(failures) {
		t.Errorf("a failure is known as %+v", known)
	}
	if _, ok := u.Known("unknown"); ok {
		t.Error("what is not there is known")
	}
	w, err := Create(u.Staging(), testInfo(Float32), testOptions(FormatParquet))
	must(t, err)
	copies := []Row{{Path: "b", Label: "x", Seen: [16]byte{1}}, {Path: "a", Split: "y"}, {Path: "c"}}
	must(t, u.CopyRows(context.Background(), w, []int{testShard + 2, 0, testShard + 2}, copies))
	must(t, w.Close(StatusComplete))
	d, err := Open(u.Staging())
	must(t, err)
	for i, from := range []int{testShard + 2, 0, testShard + 2} {
		r := rows[from]
		copies[i].SHA256, copies[i].Width, copies[i].Height, copies[i].Features = r.SHA256, r.Width, r.Height, r.Features
	}
	checkRows(t, d, copies, Float32)
	must(t, u.Unstage())
	must(t, u.Recognize(map[int][16]byte{1: {9}, testShard: {8}}, map[int][16]byte{0: {7}}))
	must(t, u.Close())
	if _, err := os.Stat(stagingOf(dir, syncSuffix)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the staging directory: %v", err)
	}
	u, err = ExamineUpdate(dir, testInfo(Float32), testOptions(FormatParquet))
	must(t, err)
	if _, seen := u.Rows(); seen[1] != [16]byte{9} || seen[testShard] != [16]byte{8} || seen[2] != rows[2].Seen || u.Failures()[0].Seen != [16]byte{7} {
		t.Error("what was recognized is not known")
	}
	if err := errors.Join(u.Commit(context.Background(), Revision{})); !errors.Is(err, ErrClosed) {
		t.Errorf("what was only examined is committed: %v", err)
	}
	after := contents(t, dir)
	for name := range before {
		if !IsSeen(name) && before[name] != after[name] {
			t.Errorf("%s was changed", name)
		}
	}
}

// What cannot be resumed cannot be updated, and stays as it is.
func TestUpdateRefuses(t *testing.T) {
	dir := verified(t)
	writeAll(t, dir, testInfo(Float32), testOptions(FormatParquet), seenRows(0, 5), nil)
	before := contents(t, dir)
	other := testInfo(Float32)
	other.Recipe.Pool = "max"
	for name, begin := range map[string]func() (*Update, error){
		"another recipe": func() (*Update, error) { return BeginUpdate(dir, other, testOptions(FormatParquet)) },
		"another dtype":  func() (*Update, error) { return BeginUpdate(dir, testInfo(Float16), testOptions(FormatParquet)) },
		"another format": func() (*Update, error) { return ExamineUpdate(dir, testInfo(Float32), testOptions(FormatArrow)) },
	} {
		if _, err := begin(); !errors.Is(err, ErrMismatch) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := updated(t.TempDir(), FormatParquet); !errors.Is(err, ErrNotDataset) {
		t.Errorf("no dataset: %v", err)
	}
	u, err := updated(dir, FormatParquet)
	must(t, err)
	twice := func(int) (Row, bool) { return Row{Path: "one"}, true }
	if err := u.Commit(context.Background(), Revision{Row: twice}); !errors.Is(err, ErrDuplicatePath) {
		t.Errorf("one path twice: %v", err)
	}
	must(t, os.MkdirAll(u.Staging(), 0o755))
	must(t, os.WriteFile(filepath.Join(u.Staging(), "mine"), nil, 0o644))
	if err := u.Unstage(); err == nil {
		t.Error("another's file is deleted")
	}
	must(t, u.Close())
	must(t, os.RemoveAll(stagingOf(dir, syncSuffix)))
	sameContents(t, contents(t, dir), before)
}

// A foreign file in the dataset's directory would be lost when it is replaced: nothing is begun, and nothing committed.
func TestUpdateRefusesForeignFiles(t *testing.T) {
	for _, name := range []string{"README", ".fovea/mine", "data/.hidden"} {
		dir := verified(t)
		rows := seenRows(0, 5)
		writeAll(t, dir, testInfo(Float32), testOptions(FormatParquet), rows, nil)
		file, want := inDir(dir, name), fmt.Sprintf("contains %q, which is not one of the dataset's files", filepath.FromSlash(name))
		early := contents(t, dir)
		u, err := updated(dir, FormatParquet)
		must(t, err)
		must(t, os.WriteFile(file, []byte("mine"), 0o644))
		_, row := change{}.of(rows)
		if err := u.Commit(context.Background(), Revision{Row: row}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s, which came meanwhile: %v", name, err)
		}
		must(t, u.Close())
		before := contents(t, dir)
		if len(before) != len(early)+1 {
			t.Errorf("%s: there are %d files after %d", name, len(before), len(early))
		}
		if _, err := updated(dir, FormatParquet); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
		sameContents(t, contents(t, dir), before)
		for _, made := range []string{stagingOf(dir, syncSuffix), besideOf(dir), inDir(dir, lockFile)} {
			if !crashtest.Gone(made) {
				t.Errorf("%s: %s is left", name, made)
			}
		}
	}
}

// updateAgain relabels, moves and leaves out rows of a dataset, and adds two, unless that is done already.
func updateAgain(dir string, rows, more []Row) error {
	u, err := updated(dir, FormatParquet)
	if err != nil {
		return err
	}
	table, seen := u.Rows()
	r := Revision{Failures: u.Failures(), Row: func(i int) (Row, bool) {
		now := Row{Path: table.Paths[i], Label: table.Labels[i], Split: table.Splits[i], Seen: seen[i]}
		switch now.Path {
		case rows[0].Path:
			now.Label = "owl"
		case rows[3].Path:
			now.Path = "moved.jpg"
		}
		return now, table.Paths[i] != rows[len(rows)-1].Path
	}}
	if _, there := u.Row(more[0].Path); !there {
		err = change{more: more}.stage(u, FormatParquet)
		r.Take = func(staged Row) (Row, bool) {
			i := slices.IndexFunc(more, func(r Row) bool { return r.Path == staged.Path })
			return more[max(i, 0)], i >= 0
		}
	}
	if err == nil {
		err = u.Commit(context.Background(), r)
	}
	if err == nil {
		err = u.Unstage()
	}
	return errors.Join(err, u.Close())
}

// Readers beside updates get the old dataset or the new one.
func TestReadersBesideUpdates(t *testing.T) {
	dir := filepath.Join(crashtest.Scratch(t), "out")
	a, b := known{rows: makeRows(testRecipe(), 0, 41)}, known{}
	more := makeRows(testRecipe(), 100, 102)
	b.rows = append(slices.Clone(a.rows[:40]), more...)
	b.rows[0].Label, b.rows[3].Path = "owl", "moved.jpg"
	a.source(t, dir, FormatParquet)
	besideReaders(t, dir, []known{a, b}, func() {
		for range trials(10) {
			must(t, updateAgain(dir, a.rows, more))
			must(t, Merge(context.Background(), dir, []string{a.source(t, verified(t), FormatParquet)}, MergeOptions{ShardBytes: 10 * 32 * 4, Overwrite: true}))
		}
	})
}
