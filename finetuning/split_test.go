package finetuning

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fovea/head"
)

func TestCrowded(t *testing.T) {
	labels := []string{"cat", "cat", "cat", "cat", "dog", "dog", "dog", "dog"}
	for want, groups := range map[string][]string{
		"":        {"a", "a", "b", "c", "d", "d", "e", "e"},
		"dog":     {"a", "b", "c", "e", "d", "d", "d", "d"},
		"cat":     {"a", "a", "a", "a", "b", "c", "d", "e"},
		"cat dog": {"a", "a", "a", "a", "b", "b", "b", "b"},
	} {
		if got := strings.Join(crowded(labels, groups), " "); got != want {
			t.Errorf("groups %v crowd %q, want %q", groups, got, want)
		}
	}
}

// Whatever the seed, a split has each row once, no group on both sides, and no more test rows of a
// class than its fraction; the same seed gives the same split.
func TestSplitByFraction(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 5))
	distinct := map[string]bool{}
	for seed := range uint64(40) {
		var f Features
		var groups []string
		for g := range 30 {
			label := []string{"cat", "dog", "emu"}[g%3]
			for range 1 + random.IntN(4) {
				f.Labels, f.Splits, groups = append(f.Labels, label), append(f.Splits, ""), append(groups, fmt.Sprint(g))
			}
		}
		fraction := 0.1 + 0.6*random.Float64()
		o := &TrainOptions{TestFraction: fraction, Seed: seed}
		split, err := o.Split(f, apart(groups))
		if err != nil {
			t.Fatal(err)
		}
		if again, err := o.Split(f, apart(groups)); err != nil || cmp.Diff(split, again) != "" {
			t.Errorf("seed %d gives two splits, %v", seed, err)
		}
		if d := cmp.Diff(allRows(len(groups)), slices.Sorted(slices.Values(slices.Concat(split.Train, split.Test)))); d != "" {
			t.Errorf("seed %d: rows are lost or doubled: %s", seed, d)
		}
		if left := withoutGroupsOf(split.Train, split.Test, groups); len(left) != len(split.Train) {
			t.Errorf("seed %d: %d training rows share a group with test rows", seed, len(split.Train)-len(left))
		}
		all, tested := map[string]int{}, map[string]int{}
		for i, l := range f.Labels {
			if all[l]++; slices.Contains(split.Test, i) {
				tested[l]++
			}
		}
		for l, n := range all {
			if most := max(1, int(math.Round(fraction*float64(n)))); tested[l] > most || tested[l] < most-3 {
				t.Errorf("seed %d: %d of %d rows of %s are test rows, want about %d", seed, tested[l], n, l, most)
			}
		}
		distinct[fmt.Sprint(split.Test)] = true
	}
	if len(distinct) < 39 {
		t.Errorf("40 seeds give %d splits", len(distinct))
	}
}

// Test marks yield to a fraction that the user asked for; a fraction of 0 is a training on all rows.
func TestSplitOverridesMarks(t *testing.T) {
	f := Features{Labels: slices.Repeat([]string{"a", "b"}, 10), Splits: slices.Repeat([]string{"test", "", "train", ""}, 5)}
	var groups []string
	for i := range f.Labels {
		groups = append(groups, fmt.Sprint(i))
	}
	warned := logged(t)
	marked, err := (&TrainOptions{TestFraction: 0.2}).Split(f, apart(groups))
	if err != nil || len(marked.Test) != 5 || len(marked.Train) != 15 || !warned("5 rows marked test") || warned("copies") {
		t.Errorf("by the marks: %+v, %v", marked, err)
	}
	own, err := (&TrainOptions{TestFraction: 0.2, OwnFraction: true}).Split(f, apart(groups))
	if err != nil || len(own.Test) != 4 || len(own.Train) != 16 || cmp.Diff(marked.Test, own.Test) == "" {
		t.Errorf("by an own fraction: %+v, %v", own, err)
	}
}

// Rows that cannot be split for being near duplicates say what may help, and only where it may: not where classes have two
// rows, whatever these are.
func TestSplitOfOneGroup(t *testing.T) {
	for _, test := range []struct {
		labels []string
		near   float64
		hint   bool
	}{
		{slices.Repeat([]string{"a", "b"}, 3), 0, false},
		{slices.Repeat([]string{"a", "b"}, 3), 0.9, true},
		{slices.Repeat([]string{"a", "b"}, 2), 0.9, false},
	} {
		n := len(test.labels)
		f := Features{Labels: test.labels, Splits: make([]string, n), Groups: slices.Repeat([]string{"patient"}, n)}
		_, err := (&TrainOptions{TestFraction: 0.5, NearDuplicates: test.near}).Split(f, apart(slices.Repeat([]string{"0"}, n)))
		if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%d rows cannot be split", n)) || !strings.Contains(err.Error(), "--test-fraction 0 trains on all") ||
			strings.Contains(err.Error(), "raise --near-duplicates") != test.hint || strings.Contains(err.Error(), "of 1 group") != (n > 4) {
			t.Errorf("%d rows, near duplicates from %g: %v", n, test.near, err)
		}
	}
}

func TestCheckLeak(t *testing.T) {
	groups := []string{"a", "b", "b", "c", "a", "d"}
	for want, s := range map[string]Split{
		"3 of the test images are copies": {Train: []int{0, 1}, Test: []int{2, 3, 4, 4}},
		"1 of the test images are copies": {Train: []int{0, 3}, Test: []int{1, 2, 4}},
		"":                                {Train: []int{0, 1, 2, 4}, Test: []int{3, 5}},
	} {
		warned := logged(t)
		if err := s.CheckLeak(groups); err != nil {
			t.Error(err)
		}
		if want == "" && warned("copies") || !warned(want) && want != "" {
			t.Errorf("%+v: the warning is not %q", s, want)
		}
	}
	if err := (Split{Test: []int{0, 1}}).CheckLeak(groups); err == nil || !strings.Contains(err.Error(), "nothing to train on") {
		t.Errorf("without a training set: %v", err)
	}
}

// Twins of other files get one group; from a cosine beyond theirs on, none are twins.
func TestGroupNearDuplicates(t *testing.T) {
	f := near(20)
	f.Hashes[6] = f.Hashes[0] // a copy of another file, whatever its features
	warned := logged(t)
	d, err := (&TrainOptions{NearDuplicates: 0.99999, OwnNear: true}).Group(t.Context(), f)
	if err != nil || d.Equal != 1 || d.Alike != 20 || len(d.Pairs) != 20 {
		t.Fatalf("%d equal, %d alike in %d pairs, %v", d.Equal, d.Alike, len(d.Pairs), err)
	}
	if !warned("1 image is a copy of others, 20 more are near duplicates (cosine 0.99999 or more)") {
		t.Error("no message says how many near duplicates there are")
	}
	for i := 0; i < len(d.Groups); i += 2 {
		if d.Groups[i] != d.Groups[i+1] {
			t.Errorf("the twins %d and %d are in two groups", i, i+1)
		}
	}
	if d.Groups[0] != d.Groups[7] || d.Groups[0] == d.Groups[2] {
		t.Errorf("the groups are %q", d.Groups[:8])
	}
	only, err := (&TrainOptions{}).Group(t.Context(), f)
	if err != nil || only.Equal != 1 || only.Alike != 0 || only.Groups[0] == only.Groups[1] {
		t.Errorf("of equal files alone: %d equal, %d alike, %v", only.Equal, only.Alike, err)
	}
	if _, err := (&TrainOptions{NearDuplicates: 1.5}).Group(t.Context(), f); err == nil {
		t.Error("a cosine of 1.5 is taken")
	}
}

// What holds for most images of a class does not make them duplicates, unless the user says so.
func TestGroupCrowdedClass(t *testing.T) {
	f := near(15)
	for i := range f.Labels {
		if f.Labels[i] == "dog" { // all on one line
			row := f.X.Row(i)
			clear(row)
			row[1] = float32(i)
		}
	}
	f.Hashes[2] = f.Hashes[6]
	cats := indexes(f.Labels, "cat")
	copy(f.X.Row(cats[1]), f.X.Row(cats[0]))
	warned := logged(t)
	d, err := (&TrainOptions{NearDuplicates: 0.999}).Group(t.Context(), f)
	if err != nil || d.Alike == 0 || d.Equal != 1 || !warned("more than half of the images of dog") || cmp.Diff([]string{"dog"}, d.Crowded) != "" || d.Groups[cats[0]] != d.Groups[cats[1]] {
		t.Errorf("a crowded class: %d equal, %d alike, %v", d.Equal, d.Alike, err)
	}
	apart := map[string]bool{}
	for _, i := range indexes(f.Labels, "dog") {
		apart[d.Groups[i]] = true
	}
	if len(apart) < len(indexes(f.Labels, "dog"))-1 { // two may be equal files
		t.Errorf("the dogs are in %d groups", len(apart))
	}
	own, err := (&TrainOptions{NearDuplicates: 0.999, OwnNear: true}).Group(t.Context(), f)
	dogs := map[string]bool{}
	for i, l := range f.Labels {
		if l == "dog" {
			dogs[own.Groups[i]] = true
		}
	}
	if err != nil || len(dogs) != 1 || own.Alike == 0 {
		t.Errorf("asked for: the dogs are in %d groups, %d alike, %v", len(dogs), own.Alike, err)
	}
}

// Equal files with different labels are named.
func TestConflicts(t *testing.T) {
	f := near(3)
	cat, dog := indexes(f.Labels, "cat")[0], indexes(f.Labels, "dog")[0]
	f.Hashes[dog] = f.Hashes[cat]
	warned := logged(t)
	if _, err := (&TrainOptions{}).Group(t.Context(), f); err != nil || !warned("equal files with different labels: ") || !warned(f.Paths[dog]+" (dog)") {
		t.Errorf("%v", err)
	}
}

func indexes(labels []string, label string) (all []int) {
	for i, l := range labels {
		if l == label {
			all = append(all, i)
		}
	}
	return all
}

// Without a test set all rows are trained on, and nothing is copied.
func TestDivide(t *testing.T) {
	f := near(3)
	groups := []string{"0", "1", "2", "3", "4", "5"}
	learn, test, err := f.divide(Split{})
	rest := Split{}.trained(groups)
	if err != nil || &learn.X.Data[0] != &f.X.Data[0] || test.X.Rows != 0 || cmp.Diff(groups, rest) != "" {
		t.Errorf("without a test set: %d and %d rows, groups %q, %v", learn.X.Rows, test.X.Rows, rest, err)
	}
	first := slices.Clone(f.X.Row(4))
	split := Split{Train: []int{4, 0}, Test: []int{3}}
	learn, test, err = f.divide(split)
	rest = split.trained(groups)
	if err != nil || cmp.Diff([]string{"4", "0"}, rest) != "" || cmp.Diff([]string{"4", "0"}, learn.Paths) != "" || cmp.Diff([]string{"3"}, test.Paths) != "" {
		t.Fatalf("the rows are %q and %q, groups %q, %v", learn.Paths, test.Paths, rest, err)
	}
	if d := cmp.Diff(head.Matrix{Rows: 1, Cols: 8, Data: first}.Row(0), learn.X.Row(0)); d != "" {
		t.Error(d)
	}
}

// TestNamesOfSplits: no row that is marked for a test, by whatever name, is trained on in silence.
func TestNamesOfSplits(t *testing.T) {
	for _, test := range []struct {
		marks       []string
		train, test []int
		err         string
	}{
		{[]string{"train", "test", "", "Test"}, []int{0, 2}, []int{1, 3}, ""},
		{[]string{"train", "val", "test", "validation"}, []int{0}, []int{2}, ""},
		{[]string{"Training", "val", "dev", "VALID"}, []int{0}, []int{1, 2, 3}, ""},
		{[]string{"", "", "train"}, []int{0, 1, 2}, nil, ""},
		{[]string{"train", "fold 3", "test", "fold 3"}, nil, nil, `2 rows are marked "fold 3"`},
		{[]string{"holdout", ""}, nil, nil, `1 row is marked "holdout"`},
	} {
		got, err := ownSplit(test.marks)
		if test.err != "" {
			if err == nil || !strings.Contains(err.Error(), test.err) {
				t.Errorf("%q: %v", test.marks, err)
			}
			continue
		}
		if err != nil || cmp.Diff(Split{test.train, test.test}, got) != "" {
			t.Errorf("%q: %+v, %v", test.marks, got, err)
		}
	}
}
