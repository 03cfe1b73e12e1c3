package featurestore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fovea/internal/crashtest"
	"fovea/preprocessing"
	"fovea/recipe"
)

// moreRecipe is that of columns that are added to those of testRecipe.
func moreRecipe() recipe.Recipe {
	r := testRecipe()
	r.Model, r.ModelSHA256, r.Preprocessing, r.InputHeight, r.Pool = "vgg19", strings.Repeat("cd", 32), preprocessing.Torch, 320, recipe.PoolMax
	r.Layers = []recipe.Layer{
		{Name: "vgg19_pool5", Shape: []int{2, 3}, Layout: recipe.LayoutTC, Of: "pool5"},
		{Name: "fc8", Shape: []int{5}, Layout: recipe.LayoutC},
	}
	return r
}

func bothRecipes(t testing.TB, more recipe.Recipe) recipe.Recipe {
	t.Helper()
	r, err := recipe.Join(testRecipe(), more)
	must(t, err)
	return r
}

// joinedRows are rows with the vectors of both recipes, in the order of the columns of r.
func joinedRows(rows []Row, more, r recipe.Recipe) []Row {
	added, out := moreRows(rows, more), slices.Clone(rows)
	for i := range out {
		have := map[string][]float32{}
		for n, l := range testRecipe().Layers {
			have[l.Name] = rows[i].Features[n]
		}
		for n, l := range more.Layers {
			have[l.Name] = added[i].Features[n]
		}
		out[i].Features = nil
		for _, l := range r.Layers {
			out[i].Features = append(out[i].Features, have[l.Name])
		}
	}
	return out
}

// moreRows are the rows with other vectors.
func moreRows(rows []Row, more recipe.Recipe) []Row {
	made, out := makeRows(more, 1000, 1000+len(rows)), slices.Clone(rows)
	for i := range out {
		out[i].Label, out[i].Split, out[i].Features = "of then", "", made[i].Features
	}
	return out
}

// stageRows makes the staged dataset with those rows, in those parts, each by a writer of its own.
func stageRows(u *Update, info Info, options Options, parts ...[]Row) error {
	options = u.StagingOptions(options)
	options.Resume = true
	for _, rows := range parts {
		w, err := Create(u.Staging(), info, options)
		if err != nil {
			return err
		}
		done := w.Done()
		for _, r := range rows {
			if !done[r.Path] {
				err = errors.Join(err, w.Append(r))
			}
		}
		if err = errors.Join(err, w.Close(StatusInterrupted)); err != nil {
			return err
		}
	}
	return nil
}

// addColumns gives the dataset in dir the columns of more, unless it has them.
func addColumns(dir string, more recipe.Recipe, options Options, parts func(more []Row) [][]Row, rows []Row) error {
	u, err := BeginColumns(dir, options)
	if err != nil {
		return err
	}
	m := u.Manifest()
	options.Format = m.Format
	if _, there := m.Recipe.Layer(more.Layers[0].Name); !there {
		info := Info{Recipe: more, DType: m.DType, ToolVersion: m.ToolVersion, Device: m.Device}
		if err = stageRows(u, info, options, parts(moreRows(rows, more))...); err == nil {
			err = u.CommitColumns(context.Background())
		}
	}
	if err == nil {
		err = u.Unstage()
	}
	return errors.Join(err, u.Close())
}

func atOnce(rows []Row) [][]Row { return [][]Row{rows} }

// A dataset with more columns is byte for byte the one that would have been written with all of them, in whatever order,
// however often interrupted and from among whatever else the new ones were made.
func TestAddedColumnsGiveTheSameBytes(t *testing.T) {
	ways := map[string]func([]Row) [][]Row{
		"at once": atOnce,
		"interrupted": func(rows []Row) [][]Row {
			return [][]Row{rows[:1], rows[:testShard+3], rows[:2*testShard], rows}
		},
		"some later": func(rows []Row) [][]Row {
			first := slices.Concat(rows[1:4], rows[6:testShard], rows[testShard+1:40])
			return [][]Row{first, rows}
		},
		"backwards": func(rows []Row) [][]Row {
			back := slices.Clone(rows)
			slices.Reverse(back)
			return [][]Row{back}
		},
		"last first, and others": func(rows []Row) [][]Row {
			other, changed := moreRows(seenRows(700, 703), moreRecipe()), rows[3]
			other[2] = changed
			other[2].Path = "gone.jpg"
			return [][]Row{{rows[len(rows)-1], other[0]}, append(other, rows...)}
		},
	}
	for _, format := range formats {
		for _, dtype := range dtypes {
			for _, inside := range []bool{false, true} {
				for name, parts := range ways {
					if dtype == Float16 && name != "some later" || inside && name != "interrupted" && dtype == Float32 {
						continue
					}
					t.Run(fmt.Sprintf("%s/%s/%v/%s", format, dtype, inside, name), func(t *testing.T) {
						t.Parallel()
						dir, fresh, failures := verified(t), verified(t), seenFailures(0, 3)
						rows, info := seenRows(0, 3*testShard+5), testInfo(dtype)
						options := Options{Format: format, TensorExtension: name == "backwards", hooks: hooks{shardRows: testShard}}
						writeAll(t, dir, info, options, rows, failures)
						if inside {
							must(t, os.Mkdir(inDir(dir, columnsDir), 0o755))
						}
						must(t, addColumns(dir, moreRecipe(), options, parts, rows))
						info.Recipe = bothRecipes(t, moreRecipe())
						writeAll(t, fresh, info, options, joinedRows(rows, moreRecipe(), info.Recipe), failures)
						sameContents(t, contents(t, dir), contents(t, fresh))
						same(t, dir, fresh)
						for _, left := range []string{stagingOf(dir, addSuffix), besideOf(dir), inDir(dir, columnsDir), inDir(dir, lockFile)} {
							if !crashtest.Gone(left) {
								t.Errorf("%s is left", left)
							}
						}
					})
				}
			}
		}
	}
}

// Other layers of the model that is there stand beside its first ones, and dropping columns gives the bytes of before.
func TestAddAndDropColumns(t *testing.T) {
	for _, format := range formats {
		for _, dtype := range dtypes {
			dir, one := verified(t), moreRecipe()
			rows, same := seenRows(0, 2*testShard+5), testRecipe()
			same.Layers = []recipe.Layer{{Name: "fc6", Shape: []int{3}, Layout: recipe.LayoutC}}
			writeAll(t, dir, testInfo(dtype), testOptions(format), rows, seenFailures(0, 3))
			before := contents(t, dir)
			must(t, addColumns(dir, one, testOptions(format), atOnce, rows))
			must(t, addColumns(dir, same, testOptions(format), atOnce, rows))
			d, err := Open(dir)
			must(t, err)
			want := []string{"pool5", "fc7", "model/top.dense:0", "fc6", "vgg19_pool5", "fc8"}
			if got := d.Recipe(); !slices.Equal(got.LayerNames(), want) || len(got.Parts()) != 2 || d.Manifest().Version != columnsVersion {
				t.Errorf("the columns are %v of %s, version %d", got.LayerNames(), got.Models(), d.Manifest().Version)
			}
			for name, part := range map[string]recipe.Recipe{"fc6": same, "fc8": one} {
				table, err := d.Matrix(context.Background(), name)
				must(t, err)
				for i, r := range moreRows(rows, part) {
					at := slices.IndexFunc(part.Layers, func(l recipe.Layer) bool { return l.Name == name })
					for j, x := range r.Features[at] {
						if got := table.Data[i*table.Cols+j]; got != stored(x, dtype) {
							t.Fatalf("row %d of %s, value %d: %g, want %g", i, name, j, got, x)
						}
					}
				}
			}
			middle, err := Revise(context.Background(), dir, ReviseOptions{Drop: []string{"fc6", "vgg19_pool5"}})
			if must(t, err); middle.Copied != 3 || middle.Rewritten+middle.Linked > 0 || middle.Rows != len(rows) || middle.Failures != 3 {
				t.Errorf("dropped: %+v", middle)
			}
			must(t, Verify(dir))
			_, err = Revise(context.Background(), dir, ReviseOptions{Drop: []string{"fc8"}})
			must(t, err)
			sameContents(t, contents(t, dir), before)
			for _, drop := range [][]string{{"fc9"}, {"path"}, {"pool5", "fc7", "model/top.dense:0"}} {
				if _, err := Revise(context.Background(), dir, ReviseOptions{Drop: drop}); !errors.Is(err, ErrNoColumn) {
					t.Errorf("dropping %v: %v", drop, err)
				}
			}
			sameContents(t, contents(t, dir), before)
			_, err = Revise(context.Background(), dir, ReviseOptions{Drop: []string{"pool5"}, DryRun: true})
			must(t, err)
			sameContents(t, contents(t, dir), before)
		}
	}
}

// Where row groups would become too large, they become smaller: the vectors are the same.
func TestAddColumnsInSmallerGroups(t *testing.T) {
	before := mostGroupBytes
	defer func() { mostGroupBytes = before }()
	mostGroupBytes = 100
	dir, fresh, rows := verified(t), verified(t), seenRows(0, 2*testShard+5)
	options := Options{hooks: hooks{shardRows: testShard}}
	writeAll(t, dir, testInfo(Float32), options, rows, nil)
	must(t, addColumns(dir, moreRecipe(), options, atOnce, rows))
	info := testInfo(Float32)
	info.Recipe = bothRecipes(t, moreRecipe())
	writeAll(t, fresh, info, options, joinedRows(rows, moreRecipe(), info.Recipe), nil)
	sameContents(t, contents(t, dir), contents(t, fresh))
}

// The footer says of every column how it was made, and of the file as a whole nothing that is not true of all.
func TestFooterOfSeveralModels(t *testing.T) {
	info := testInfo(Float32)
	info.Recipe = bothRecipes(t, moreRecipe())
	md, err := footerMetadata(info)
	must(t, err)
	for key, want := range map[string]string{
		"features.pool5.model": "vgg16", "features.fc7.pool": "none", "features.vgg19_pool5.model": "vgg19", "features.vgg19_pool5.of": "pool5",
		"features.fc8.preprocessing": "torch", "features.fc8.pool": "max", "features.fc8.dtype": "float32", "features.fingerprint": info.Recipe.Fingerprint(),
	} {
		if got, ok := md.GetValue(key); !ok || got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
	for _, key := range []string{"features.model", "features.pool", "features.model_sha256"} {
		if got, ok := md.GetValue(key); ok {
			t.Errorf("%s is %q", key, got)
		}
	}
}

// Programs of earlier versions refuse such a dataset; this one knows a version that cannot be.
func TestVersionOfSeveralModels(t *testing.T) {
	renamed := testRecipe()
	renamed.Layers[0].Of = "pool4"
	for want, r := range map[int]recipe.Recipe{manifestVersion: testRecipe(), columnsVersion: bothRecipes(t, moreRecipe())} {
		for _, version := range []int{manifestVersion, columnsVersion} {
			if versionOf(renamed, nil) != columnsVersion {
				t.Error("a column of another name than its layer's is nothing new")
			}
			dir, info := t.TempDir(), testInfo(Float32)
			info.Recipe = r
			writeAll(t, dir, info, testOptions(FormatParquet), makeRows(r, 0, 3), nil)
			d, err := Open(dir)
			must(t, err)
			m := d.Manifest()
			if m.Version != want {
				t.Errorf("the version is %d, want %d", m.Version, want)
			}
			m.Version = version
			raw, err := m.Encode()
			must(t, err)
			if _, err := ParseManifest(raw); (err == nil) != (version == want) || err != nil && !errors.Is(err, ErrCorrupt) {
				t.Errorf("version %d where it should be %d: %v", version, want, err)
			}
		}
	}
	r := bothRecipes(t, moreRecipe())
	r.Layers = r.Layers[1:]
	r.Added[0].Layers = append(r.Added[0].Layers, r.Layers...)
	if err := (Info{Recipe: r, DType: Float32}).validate(); err == nil {
		t.Error("columns that are nobody's are taken")
	}
	encoded, err := json.Marshal(testRecipe())
	if must(t, err); strings.Contains(string(encoded), `"added"`) || strings.Contains(string(encoded), `"of"`) {
		t.Error("the recipe of one model has become another")
	}
}

// What does not fit is refused, and the dataset stays as it is.
func TestAddColumnsRefuses(t *testing.T) {
	dir, rows := verified(t), seenRows(0, testShard+5)
	options := testOptions(FormatParquet)
	writeAll(t, dir, testInfo(Float32), options, rows, nil)
	before := contents(t, dir)
	changed := func(more []Row) [][]Row {
		more[3].SHA256 = strings.Repeat("f", 64)
		return atOnce(more)
	}
	clash, halves := moreRecipe(), moreRecipe()
	clash.Layers[1].Name = "fc7"
	for name, c := range map[string]struct {
		more  recipe.Recipe
		parts func([]Row) [][]Row
		want  error
	}{
		"a row lacks":         {moreRecipe(), func(more []Row) [][]Row { return atOnce(more[:len(more)-1]) }, ErrRowsLacking},
		"an image is another": {moreRecipe(), changed, ErrRowsLacking},
		"a name twice":        {clash, atOnce, ErrMismatch},
	} {
		if err := addColumns(dir, c.more, options, c.parts, rows); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
		must(t, os.RemoveAll(stagingOf(dir, addSuffix)))
	}
	u, err := BeginColumns(dir, options)
	must(t, err)
	if _, err := BeginColumns(dir, options); !errors.Is(err, ErrLocked) {
		t.Errorf("twice at a time: %v", err)
	}
	must(t, stageRows(u, Info{Recipe: halves, DType: Float16}, options, moreRows(rows, halves)))
	if err := u.CommitColumns(context.Background()); !errors.Is(err, ErrMismatch) {
		t.Errorf("another dtype: %v", err)
	}
	must(t, errors.Join(u.Unstage(), u.Close()))
	u, err = ExamineColumns(dir, options)
	must(t, err)
	if err := u.CommitColumns(context.Background()); !errors.Is(err, ErrClosed) {
		t.Errorf("what was only examined is committed: %v", err)
	}
	sameContents(t, contents(t, dir), before)
	if _, err := BeginColumns(t.TempDir(), options); !errors.Is(err, ErrNotDataset) {
		t.Errorf("no dataset: %v", err)
	}
	bare := verified(t) // of images none of which could be read
	writeAll(t, bare, testInfo(Float32), options, nil, seenFailures(0, 2))
	must(t, addColumns(bare, moreRecipe(), options, atOnce, nil))
	begun := verified(t)
	w := mustCreate(t, begun, testInfo(Float32), options)
	must(t, errors.Join(w.Append(rows...), w.Close(StatusInterrupted)))
	if _, err := BeginColumns(begun, options); !errors.Is(err, ErrMismatch) || !strings.Contains(err.Error(), "--resume it first") {
		t.Errorf("rows are to follow: %v", err)
	}
}

// A run that computes one model cannot continue a dataset of several, which says so; they merge with their like.
func TestDatasetsOfSeveralModels(t *testing.T) {
	ctx, rows := context.Background(), seenRows(0, 40)
	options := testOptions(FormatParquet)
	a, b, out := verified(t), verified(t), verified(t)
	for dir, part := range map[string][]Row{a: rows[:25], b: rows[25:]} {
		writeAll(t, dir, testInfo(Float32), options, part, nil)
		must(t, addColumns(dir, moreRecipe(), options, atOnce, part))
	}
	resume := options
	resume.Resume = true
	_, resumed := Create(a, testInfo(Float32), resume)
	_, updated := BeginUpdate(a, testInfo(Float32), options)
	for _, err := range []error{resumed, updated} {
		if !errors.Is(err, ErrMismatch) || !strings.Contains(fmt.Sprint(err), "made in 2 ways (models vgg16, vgg19)") || !strings.Contains(err.Error(), "merge the two") {
			t.Errorf("going on: %v", err)
		}
	}
	must(t, Merge(ctx, out, []string{a, b}, MergeOptions{}))
	d, err := Open(out)
	must(t, err)
	if d.Rows() != 40 || len(d.Recipe().Parts()) != 2 {
		t.Errorf("%d rows of %s", d.Rows(), d.Recipe().Models())
	}
	must(t, Compact(ctx, out, MergeOptions{Format: FormatArrow}))
	must(t, Remove(ctx, out, map[string]bool{rows[3].Path: true}))
	parts := filepath.Join(t.TempDir(), "parts")
	must(t, Partition(ctx, parts, out, BySplit, MergeOptions{}))
	assembled := verified(t)
	must(t, Assemble(ctx, assembled, []string{a, b}, AssembleOptions{}))
	must(t, errors.Join(Verify(out), Verify(assembled)))
	must(t, addColumns(assembled, recipe.Recipe{Model: "third", Layers: []recipe.Layer{{Name: "x", Shape: []int{2}, Layout: recipe.LayoutC}}}, options, atOnce, rows))
	plain := verified(t)
	writeAll(t, plain, testInfo(Float32), options, seenRows(50, 55), nil)
	if err := Merge(ctx, verified(t), []string{out, plain}, MergeOptions{}); !errors.Is(err, ErrMismatch) || !strings.Contains(err.Error(), "models: vgg16, vgg19 in the first, vgg16 in the second") {
		t.Errorf("merging one model with two: %v", err)
	}
}

// pyarrow and DuckDB read all columns, as the vectors that they were.
func TestPythonReadsAddedColumns(t *testing.T) {
	python := startPythonReaders(t)
	for _, format := range formats {
		for _, dtype := range dtypes {
			t.Run(fmt.Sprintf("%s/%s", format, dtype), func(t *testing.T) {
				dir, expected := verified(t), t.TempDir()
				info, rows := testInfo(dtype), makeRows(testRecipe(), 0, 2*testShard+testGroup+3)
				writeAll(t, dir, info, testOptions(format), rows, makeFailures(0, 2))
				must(t, addColumns(dir, moreRecipe(), testOptions(format), atOnce, rows))
				info.Recipe = bothRecipes(t, moreRecipe())
				writeExpected(t, expected, info, format, joinedRows(rows, moreRecipe(), info.Recipe), makeFailures(0, 2))
				python.check(t, dir, expected)
			})
		}
	}
}

// Readers beside get the old columns or all.
func TestReadersBesideColumns(t *testing.T) {
	dir := filepath.Join(crashtest.Scratch(t), "out")
	rows := seenRows(0, 41)
	writeAll(t, dir, testInfo(Float32), testOptions(FormatParquet), rows, nil)
	stop, done := make(chan struct{}), make(chan error, 1)
	go func() {
		var err error
		for err == nil {
			select {
			case <-stop:
				done <- nil
				return
			default:
			}
			var d *Dataset
			if d, err = Open(dir); err == nil {
				n := len(d.Recipe().Layers)
				err = d.Scan(context.Background(), ScanOptions{}, func(b *Batch) error {
					if len(b.Vectors) != n || n != 3 && n != 5 {
						return fmt.Errorf("%d columns", n)
					}
					return nil
				})
			}
			if errors.Is(err, ErrReplaced) {
				err = nil
			}
		}
		done <- err
	}()
	for range trials(10) {
		must(t, addColumns(dir, moreRecipe(), testOptions(FormatParquet), atOnce, rows))
		_, err := Revise(context.Background(), dir, ReviseOptions{Drop: []string{"vgg19_pool5", "fc8"}})
		must(t, err)
	}
	close(stop)
	must(t, <-done)
}

// One of the longest increasing parts is found, without what has no row.
func TestIncreasing(t *testing.T) {
	for _, c := range []struct{ numbers, want []int }{
		{nil, nil}, {[]int{-1, -1}, nil}, {[]int{0, 1, 2}, []int{0, 1, 2}}, {[]int{5, 0, -1, 1, 2}, []int{0, 1, 2}},
		{[]int{0, 3, 4, 1, 5, 2}, []int{0, 3, 4, 5}}, {[]int{3, 2, 1, 0}, []int{0}},
	} {
		got := increasing(c.numbers)
		if len(got) != len(c.want) {
			t.Errorf("%v: %v", c.numbers, got)
		}
		for _, n := range c.want {
			if !got[n] {
				t.Errorf("%v: %d is not in %v", c.numbers, n, got)
			}
		}
	}
}
