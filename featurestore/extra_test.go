package featurestore

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fovea/recipe"
)

// extraInfo is that of a dataset with all columns on request.
func extraInfo(dtype DType) Info {
	info := testInfo(dtype)
	info.Extra, info.Grouping = slices.Clone(allExtras), "directory"
	return info
}

// withExtra gives rows groups and georeferences, by their indices, some of them none.
func withExtra(rows []Row) []Row {
	out := slices.Clone(rows)
	for i := range out {
		n := int(out[i].Width)
		if n%4 != 0 {
			out[i].Group = fmt.Sprintf("patient \u00e9 %d", n/3)
		}
		if n%3 == 0 {
			continue
		}
		g := Georeference{CRS: []string{"EPSG:32633", "", "EPSG:4326"}[n%5%3], XMin: 499_980 + 2240*float64(n), YMin: -12.5}
		g.XMax, g.YMax = g.XMin+math.Pi, g.YMin+float64(n)/7
		out[i].Georeference = &g
	}
	return out
}

func extraRows(from, to int) []Row { return withExtra(seenRows(from, to)) }

// sameExtra compares what Scan and Index give with the rows.
func sameExtra(t *testing.T, dir string, want []Row) {
	t.Helper()
	d, err := Open(dir)
	must(t, err)
	index, err := d.Index(context.Background())
	must(t, err)
	at := 0
	must(t, d.Scan(context.Background(), ScanOptions{}, func(b *Batch) error {
		for _, r := range b.Rows {
			if diff := cmp.Diff([]any{want[at].Path, want[at].Group, want[at].Georeference}, []any{r.Path, r.Group, r.Georeference}); diff != "" {
				return fmt.Errorf("row %d (-want +got):\n%s", at, diff)
			}
			if index.Groups[at] != r.Group {
				return fmt.Errorf("the index has the group %q, the row %q", index.Groups[at], r.Group)
			}
			at++
		}
		return nil
	}))
	if at != len(want) {
		t.Errorf("%d rows, want %d", at, len(want))
	}
}

// Columns on request are read back as they were written, and the same rows give the same bytes however often interrupted.
func TestExtraColumns(t *testing.T) {
	if testing.Short() {
		t.Skip("writes many datasets, as other tests do few")
	}
	for _, format := range formats {
		for _, dtype := range dtypes {
			for _, extra := range [][]Extra{allExtras, {ExtraGroup}, {ExtraGeoreference}} {
				t.Run(fmt.Sprint(format, dtype, extra), func(t *testing.T) {
					dir, resumed, info := verified(t), verified(t), extraInfo(dtype)
					rows := extraRows(0, 2*testShard+5)
					if info.Extra = extra; !slices.Contains(extra, ExtraGroup) {
						info.Grouping = ""
					}
					for i := range rows {
						if !slices.Contains(extra, ExtraGroup) {
							rows[i].Group = ""
						}
						if !slices.Contains(extra, ExtraGeoreference) {
							rows[i].Georeference = nil
						}
					}
					writeAll(t, dir, info, testOptions(format), rows, seenFailures(0, 6))
					if info.Grouping != "" {
						sameExtra(t, dir, rows)
					}
					d, err := Open(dir)
					must(t, err)
					checkRows(t, d, rows, dtype)
					if m := d.Manifest(); m.Version != extraVersion || !slices.Equal(m.ExtraColumns, extra) || m.Grouping != info.Grouping {
						t.Errorf("the manifest is of version %d, with %q and %q", m.Version, m.ExtraColumns, m.Grouping)
					}
					writeInterrupted(t, resumed, info, testOptions(format), rows, seenFailures(0, 6), []int{3, testShard - 1, testShard + 2, 2 * testShard})
					sameContents(t, contents(t, resumed), contents(t, dir))
				})
			}
		}
	}
}

// A revised or updated dataset is byte for byte the one that would have been written so, and adding and dropping columns of
// vectors leaves these columns alone.
func TestExtraColumnsAreKept(t *testing.T) {
	ctx := context.Background()
	for _, format := range formats {
		info, options := extraInfo(Float32), Options{Format: format, hooks: hooks{shardRows: testShard}}
		rows, failures := extraRows(0, 3*testShard+5), seenFailures(0, 4)
		revised := slices.Clone(rows)
		for i := range revised {
			if i%5 == 1 {
				revised[i].Label = "owl"
			}
			if i == 7 {
				revised[i].Group, revised[i].Path = "another", "moved.jpg"
			}
		}
		for name, do := range map[string]struct {
			do   func(dir string) error
			rows []Row
			info Info
		}{
			"revise": {func(dir string) error {
				at := map[string]Row{}
				for i, r := range rows {
					at[r.Path] = revised[i]
				}
				_, err := Revise(ctx, dir, ReviseOptions{Row: func(r Row) (Row, bool) { return at[r.Path], true }})
				return err
			}, revised, info},
			"revise without the first": {func(dir string) error {
				_, err := Revise(ctx, dir, ReviseOptions{Row: func(r Row) (Row, bool) { return r, r.Path != rows[0].Path }})
				return err
			}, rows[1:], info},
			"remove": {func(dir string) error { return Remove(ctx, dir, map[string]bool{rows[30].Path: true}) },
				slices.Concat(rows[:30], rows[31:]), info},
			"add": {func(dir string) error { return addColumns(dir, moreRecipe(), options, atOnce, seenRows(0, len(rows))) }, nil, info},
			"drop": {func(dir string) error {
				_, err := Revise(ctx, dir, ReviseOptions{Drop: []string{"pool5"}})
				return err
			}, nil, info},
			"update": {func(dir string) error { return updateExtra(dir, info, options, revised, extraRows(500, 507), failures) },
				slices.Concat(revised[:4], revised[5:], extraRows(500, 507)), info},
		} {
			t.Run(string(format)+"/"+name, func(t *testing.T) {
				dir, fresh := verified(t), verified(t)
				want, info := do.rows, do.info
				switch name {
				case "add":
					info.Recipe = bothRecipes(t, moreRecipe())
					want = joinedRows(rows, moreRecipe(), info.Recipe)
				case "drop":
					info.Recipe.Layers = info.Recipe.Layers[1:]
					want = slices.Clone(rows)
					for i := range want {
						want[i].Features = want[i].Features[1:]
					}
				}
				writeAll(t, dir, do.info, options, rows, failures)
				must(t, do.do(dir))
				sameExtra(t, dir, want)
				writeAll(t, fresh, info, options, want, failures)
				sameContents(t, contents(t, dir), contents(t, fresh))
				same(t, dir, fresh)
			})
		}
	}
}

// updateExtra gives the dataset the revised rows but the fifth, and others after them.
func updateExtra(dir string, info Info, options Options, revised, more []Row, failures []Failure) error {
	u, err := BeginUpdate(dir, info, options)
	if err != nil {
		return err
	}
	if err = stageRows(u, info, options, more); err == nil {
		err = u.Commit(context.Background(), Revision{
			Row:      func(i int) (Row, bool) { return revised[i], i != 4 },
			Failures: failures,
			Take: func(staged Row) (Row, bool) {
				i := slices.IndexFunc(more, func(r Row) bool { return r.Path == staged.Path })
				return more[i], true
			},
		})
	}
	return errors.Join(err, u.Unstage(), u.Close())
}

func TestMergeExtraColumns(t *testing.T) {
	ctx, base := context.Background(), t.TempDir()
	write := func(name string, info Info, rows []Row) string {
		dir := filepath.Join(base, name)
		writeAll(t, dir, info, testOptions(FormatParquet), rows, nil)
		return dir
	}
	geo, key := extraInfo(Float32), extraInfo(Float32)
	geo.Extra, geo.Grouping = []Extra{ExtraGeoreference}, ""
	key.Grouping = "patient, key 0011223344556677"
	bare := seenRows(400, 403)
	a, b := write("a", extraInfo(Float32), extraRows(0, 30)), write("b", extraInfo(Float32), extraRows(100, 130))
	for name, dir := range map[string]string{
		`columns on request: group,georeference in the first, none in the second`:         write("none", testInfo(Float32), bare),
		`columns on request: group,georeference in the first, georeference in the second`: write("geo", geo, bare),
		`groups: directory in the first, patient, key 0011223344556677 in the second`:     write("key", key, bare),
		`columns on request: none in the first, group,georeference in the second`:         a,
	} {
		first := a
		if dir == a {
			first = filepath.Join(base, "none")
		}
		err := Merge(ctx, filepath.Join(base, "no"), []string{first, dir}, MergeOptions{})
		if !errors.Is(err, ErrMismatch) || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "--group-by") {
			t.Errorf("%s: %v", name, err)
		}
	}
	all := slices.Concat(extraRows(0, 30), extraRows(100, 130))
	merged, assembled := verified(t), verified(t)
	must(t, Merge(ctx, merged, []string{a, b}, MergeOptions{}))
	sameExtra(t, merged, all)
	must(t, Assemble(ctx, assembled, []string{a, b}, AssembleOptions{}))
	sameExtra(t, assembled, all)
	must(t, Compact(ctx, assembled, MergeOptions{Format: FormatArrow}))
	sameExtra(t, assembled, all)
}

// What is in such a dataset stays what it was asked for: other settings are refused with what to do.
func TestExtraColumnsResumedOtherwise(t *testing.T) {
	dir, options := verified(t), testOptions(FormatParquet)
	writeAll(t, dir, extraInfo(Float32), options, extraRows(0, 30), nil)
	before := contents(t, dir)
	options.Resume = true
	other := extraInfo(Float32)
	other.Grouping = "labels"
	for want, info := range map[string]Info{"columns on request": testInfo(Float32), "groups: directory in the dataset, labels now": other} {
		for _, do := range []func() error{
			func() error { _, err := Create(dir, info, options); return err },
			func() error { _, err := BeginUpdate(dir, info, options); return err },
		} {
			if err := do(); !errors.Is(err, ErrMismatch) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "give --group-by") {
				t.Errorf("%v, want %s", err, want)
			}
		}
	}
	changed := extraRows(1, 2)
	changed[0].Group = "another"
	options.Selected = slices.Values(changed)
	if _, err := Create(dir, extraInfo(Float32), options); !errors.Is(err, ErrLabels) || !strings.Contains(err.Error(), `"another" now`) {
		t.Errorf("another group: %v", err)
	}
	sameContents(t, contents(t, dir), before)
}

func TestExtraColumnsRefuse(t *testing.T) {
	rows := func(edit func(*Row)) []Row { r := extraRows(1, 2); edit(&r[0]); return r }
	w := mustCreate(t, filepath.Join(t.TempDir(), "a"), extraInfo(Float32), testOptions(FormatParquet))
	for name, r := range map[string][]Row{
		"not a number": rows(func(r *Row) { r.Georeference = &Georeference{XMin: math.NaN()} }),
		"infinite":     rows(func(r *Row) { r.Georeference = &Georeference{YMax: math.Inf(1)} }),
		"turned round": rows(func(r *Row) { r.Georeference = &Georeference{XMin: 1} }),
	} {
		if err := w.Append(r...); !errors.Is(err, ErrBounds) {
			t.Errorf("%s: %v", name, err)
		}
	}
	plain := mustCreate(t, filepath.Join(t.TempDir(), "b"), testInfo(Float32), testOptions(FormatParquet))
	for _, r := range [][]Row{rows(func(r *Row) { r.Georeference = nil }), rows(func(r *Row) { r.Group = "" })} {
		var row *RowError
		if err := plain.Append(r...); !errors.As(err, &row) || row.Path != r[0].Path {
			t.Errorf("a value without a column: %v", err)
		}
	}
	for _, edit := range []func(*Info){
		func(i *Info) { i.Extra = []Extra{"age"} },
		func(i *Info) { i.Extra = []Extra{ExtraGeoreference, ExtraGroup} },
		func(i *Info) { i.Extra = []Extra{ExtraGroup, ExtraGroup} },
		func(i *Info) { i.Grouping = "" },
		func(i *Info) { i.Extra = nil },
		func(i *Info) {
			i.Recipe.Layers = append(slices.Clone(i.Recipe.Layers), recipe.Layer{Name: "crs", Shape: []int{1}, Layout: "C"})
		},
	} {
		info := extraInfo(Float32)
		edit(&info)
		if _, err := Create(filepath.Join(t.TempDir(), "c"), info, testOptions(FormatParquet)); err == nil {
			t.Errorf("%v %q is taken", info.Extra, info.Grouping)
		}
	}
}

// A layer may be called like a column on request where there is none, as it always could.
func TestLayersCalledLikeExtraColumns(t *testing.T) {
	for _, format := range formats {
		dir, info := verified(t), testInfo(Float32)
		info.Recipe.Layers = []recipe.Layer{{Name: "group", Shape: []int{3}, Layout: "C"}, {Name: "crs", Shape: []int{2}, Layout: "C"}}
		rows := makeRows(info.Recipe, 0, 30)
		writeAll(t, dir, info, testOptions(format), rows, nil)
		d, err := Open(dir)
		must(t, err)
		checkRows(t, d, rows, Float32)
		_, err = Revise(context.Background(), dir, ReviseOptions{Row: func(r Row) (Row, bool) { r.Label = "owl"; return r, true }})
		must(t, err)
		d, err = Open(dir)
		must(t, err)
		must(t, d.Scan(context.Background(), ScanOptions{}, func(b *Batch) error {
			if r := b.Rows[0]; r.Label != "owl" || r.Group != "" || r.Georeference != nil {
				return fmt.Errorf("%+v", r)
			}
			return nil
		}))
	}
}

// Values that cannot have been written so are found.
func TestCheckFindsWrongExtraColumns(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dataset")
	writeAll(t, dir, extraInfo(Float32), testOptions(FormatParquet), extraRows(0, 30), nil)
	for field, value := range map[string]any{"extra_columns": []string{"group"}, "grouping": "", "version": 2} {
		raw, err := os.ReadFile(inDir(dir, ManifestFile))
		must(t, err)
		editManifest(t, dir, field, value)
		if err := Verify(dir); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s %v: %v", field, value, err)
		}
		must(t, os.WriteFile(inDir(dir, ManifestFile), raw, 0o644))
	}
	must(t, Verify(dir))
}
