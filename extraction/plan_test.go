package extraction

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"fovea/featurestore"
	"fovea/pipeline"
)

// pictured is an image of a test: what it holds, as a text, its label and split.
type pictured struct{ holds, label, split string }

// scene is a dataset and what there is by now.
type scene struct {
	rows     []string // the paths, in order
	was, now map[string]pictured
	// failed are failures of the dataset, with what they held; lost are images that are there, but not to be read.
	failed, lost map[string]string
	unlisted     []string
	retry        bool
}

// broken marks content that cannot be decoded.
const broken = "broken"

func seenAs(path, holds string) pipeline.Seen {
	return pipeline.Seen(sum32(path + "\x00" + holds)[:16])
}

func sum32(text string) []byte { s := sha256.Sum256([]byte(text)); return s[:] }

// plan compares the scene as pipeline.Comparison does.
func (s scene) plan() (Plan, []pipeline.Item) {
	old := standing{rows: &featurestore.Table{Rows: len(s.rows)}, rowAt: func(path string) (int, bool) {
		i := slices.Index(s.rows, path)
		return i, i >= 0
	}}
	for _, path := range s.rows {
		p := s.was[path]
		old.rows.Paths, old.rows.Labels, old.rows.Splits = append(old.rows.Paths, path), append(old.rows.Labels, p.label), append(old.rows.Splits, p.split)
		old.rows.SHA256 = append(old.rows.SHA256, hex.EncodeToString(sum32(p.holds)))
		old.seen = append(old.seen, seenAs(path, p.holds))
	}
	for _, path := range slices.Sorted(maps.Keys(s.failed)) {
		f := featurestore.Failure{Path: path, Stage: "decode", Reason: "broken", SHA256: hex.EncodeToString(sum32(s.failed[path])), Seen: seenAs(path, s.failed[path])}
		if strings.HasSuffix(path, ".tar") {
			f.Stage = "list"
		}
		old.failures = append(old.failures, f)
	}
	c := &pipeline.Comparison{Sums: map[int]pipeline.Content{}}
	for i, path := range slices.Sorted(maps.Keys(s.now)) {
		now := s.now[path]
		c.Items = append(c.Items, pipeline.Item{Path: path, Label: now.label, Split: now.split})
		was, row := s.was[path]
		failed, failure := s.failed[path]
		switch _, lost := s.lost[path]; {
		case lost:
			c.Lost = append(c.Lost, i)
		case row && was.holds == now.holds || failure && failed == now.holds:
		default:
			c.Changed = append(c.Changed, i)
			c.Sums[i] = pipeline.Content{SHA256: [32]byte(sum32(now.holds)), Seen: seenAs(path, now.holds)}
		}
	}
	var unlisted []pipeline.Failure
	for _, path := range s.unlisted {
		unlisted = append(unlisted, pipeline.Failure{Item: pipeline.Item{Path: path}, Stage: pipeline.StageList, Reason: "broken"})
	}
	return newPlan(c.Items, old, unlisted, c, s.retry, false), c.Items
}

// outcome applies the plan: the rows in their order, as path=content:label, and the paths of the failures.
func (s scene) outcome(p Plan, items []pipeline.Item) (rows, failures, extracted []string) {
	row := func(item pipeline.Item, holds string) string { return item.Path + "=" + holds + ":" + item.Label }
	for i, f := range p.rows {
		was := s.was[s.rows[i]]
		switch f.item {
		case goes:
		case stays:
			rows = append(rows, row(pipeline.Item{Path: s.rows[i], Label: was.label}, was.holds))
		default:
			rows = append(rows, row(items[f.item], was.holds))
		}
	}
	for _, c := range p.copies {
		rows = append(rows, row(items[c.item], s.was[s.rows[c.row]].holds))
	}
	for _, f := range p.failures {
		failures = append(failures, f.Path)
	}
	for _, item := range p.extract {
		extracted = append(extracted, item.Path)
		_, lost := s.lost[item.Path]
		if holds := s.now[item.Path].holds; lost || holds == broken {
			failures = append(failures, item.Path)
		} else {
			rows = append(rows, row(item, holds))
		}
	}
	slices.Sort(failures)
	return rows, failures, extracted
}

// labelled makes images of a text: path=content:label, and a space.
func labelled(text string) map[string]pictured {
	images := map[string]pictured{}
	for word := range strings.FieldsSeq(text) {
		path, rest, _ := strings.Cut(word, "=")
		holds, label, _ := strings.Cut(rest, ":")
		label, split, _ := strings.Cut(label, "/")
		images[path] = pictured{holds, label, split}
	}
	return images
}

func TestPlan(t *testing.T) {
	for _, test := range []struct {
		name, was, now string
		failed, lost   map[string]string
		unlisted       []string
		retry          bool
		// what becomes of it, and the rows in the end
		steps, rows, failures string
	}{
		{name: "nothing", was: "a=1:x b=2:x", now: "a=1:x b=2:x", rows: "a=1:x b=2:x"},
		{name: "renamed", was: "a=1:x b=2:x", now: "c=1:x b=2:x", steps: "moved c<a", rows: "c=1:x b=2:x"},
		{name: "moved across classes", was: "x/a=1:x x/b=2:x", now: "y/a=1:y x/b=2:x", steps: "moved y/a<x/a", rows: "y/a=1:y x/b=2:x"},
		{name: "a folder renamed", was: "x/a=1:x x/b=2:x c=3:c", now: "y/a=1:y y/b=2:y c=3:c", steps: "moved y/a<x/a, moved y/b<x/b", rows: "c=3:c y/a=1:y y/b=2:y"},
		{name: "names swapped", was: "a=1:x b=2:y", now: "a=2:x b=1:y", steps: "moved a<b, moved b<a", rows: "b=1:y a=2:x"},
		{name: "three names in turn", was: "a=1 b=2 c=3", now: "a=2 b=3 c=1", steps: "moved a<b, moved b<c, moved c<a", rows: "c=1: a=2: b=3:"},
		{name: "only the case", was: "a=1:x", now: "A=1:x", steps: "moved A<a", rows: "A=1:x"},
		{name: "changed in place", was: "a=1:x b=2:x", now: "a=3:x b=2:x", steps: "changed a", rows: "b=2:x a=3:x"},
		{name: "deleted", was: "a=1:x b=2:x", now: "b=2:x", steps: "removed a", rows: "b=2:x"},
		{name: "all deleted", was: "a=1:x b=2:x", now: "", steps: "removed a, removed b", rows: ""},
		{name: "new", was: "a=1:x", now: "a=1:x b=2:y", steps: "new b", rows: "a=1:x b=2:y"},
		{name: "copied", was: "a=1:x", now: "a=1:x b=1:y", steps: "copied b<a", rows: "a=1:x b=1:y"},
		{name: "moved and copied", was: "a=1:x", now: "b=1:x c=1:y", steps: "moved b<a, copied c<a", rows: "b=1:x c=1:y"},
		{name: "two equal ones moved", was: "a=1:x b=1:x", now: "c=1:y d=1:y", steps: "moved c<a, moved d<b", rows: "c=1:y d=1:y"},
		{name: "one of two equal ones deleted", was: "a=1:x b=1:x", now: "b=1:x", steps: "removed a", rows: "b=1:x"},
		{name: "one of two equal ones moved", was: "a=1:x b=1:x", now: "b=1:x c=1:x", steps: "moved c<a", rows: "c=1:x b=1:x"},
		{name: "moved, and another in its place", was: "a=1:x", now: "a=2:x b=1:x", steps: "changed a, moved b<a", rows: "b=1:x a=2:x"},
		{name: "overwritten by a copy", was: "a=1:x b=2:y", now: "a=2:x b=2:y", steps: "copied a<b", rows: "b=2:y a=2:x"},
		{name: "overwritten by a move", was: "a=1:x b=2:y", now: "a=2:x", steps: "moved a<b", rows: "a=2:x"},
		{name: "relabelled", was: "a=1:x b=2:x", now: "a=1:y b=2:x", steps: "relabelled a x>y", rows: "a=1:y b=2:x"},
		{name: "another split", was: "a=1:x/train", now: "a=1:x/test", steps: "relabelled a train>test", rows: "a=1:x"},
		{name: "labels taken away", was: "a=1:x", now: "a=1", steps: "relabelled a x>", rows: "a=1:"},
		{name: "broken by now", was: "a=1:x", now: "a=broken:x", steps: "changed a", failures: "a"},
		{name: "unreadable by now", was: "a=1:x", now: "a=1:x", lost: map[string]string{"a": ""}, steps: "changed a", failures: "a"},
		{name: "a broken one stays", now: "a=broken:x b=1:x", was: "b=1:x", failed: map[string]string{"a": broken}, rows: "b=1:x", failures: "a", steps: "relabelled a >x"},
		{name: "a broken one is mended", was: "b=1", now: "a=2 b=1", failed: map[string]string{"a": broken}, steps: "retried a", rows: "b=1: a=2:"},
		{name: "a broken one becomes a moved one", was: "b=1", now: "a=1", failed: map[string]string{"a": broken}, steps: "moved a<b", rows: "a=1:"},
		{name: "a broken one is gone", was: "b=1", now: "b=1", failed: map[string]string{"a": broken}, steps: "dropped a", rows: "b=1:"},
		{name: "a broken one is tried again", was: "b=1", now: "a=broken b=1", failed: map[string]string{"a": broken}, retry: true, steps: "retried a", rows: "b=1:", failures: "a"},
		{name: "an archive that cannot be listed", was: "x.tar/a=1 x.tar/b=2 x.tarry=3", now: "x.tar/b=2", unlisted: []string{"x.tar"}, steps: "removed x.tarry, unlisted x.tar", rows: "x.tar/a=1: x.tar/b=2:", failures: "x.tar"},
		{name: "part of an archive that cannot be read", was: "x.tar/a=1 x.tar/b=2", now: "x.tar/a=1", lost: map[string]string{"x.tar/a": ""}, unlisted: []string{"x.tar"}, steps: "unlisted x.tar", rows: "x.tar/a=1: x.tar/b=2:", failures: "x.tar"},
		{name: "one that still cannot", was: "x.tar/a=1", now: "", failed: map[string]string{"x.tar": ""}, unlisted: []string{"x.tar"}, rows: "x.tar/a=1:", failures: "x.tar"},
		{name: "one that can again", was: "x.tar/a=1", now: "x.tar/a=1", failed: map[string]string{"x.tar": ""}, steps: "dropped x.tar", rows: "x.tar/a=1:"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := scene{was: labelled(test.was), now: labelled(test.now), failed: test.failed, lost: test.lost, unlisted: test.unlisted, retry: test.retry}
			s.rows = slices.Sorted(maps.Keys(s.was))
			p, items := s.plan()
			var steps []string
			for _, step := range p.Steps {
				said := step.What + " " + step.Path
				if step.From != "" {
					said += "<" + step.From
				}
				if step.What == "relabelled" {
					said += " " + step.Before + ">" + step.Now
				}
				steps = append(steps, said)
			}
			if p.Kept+p.Relabelled+p.Held > p.Rows {
				t.Errorf("%d kept, %d relabelled and %d held of %d rows", p.Kept, p.Relabelled, p.Held, p.Rows)
			}
			rows, failures, _ := s.outcome(p, items)
			if got := strings.Join(steps, ", "); got != test.steps || p.Unchanged() != (test.steps == "") {
				t.Errorf("steps %q, want %q", got, test.steps)
			}
			slices.Sort(rows)
			want := strings.Fields(test.rows)
			slices.Sort(want)
			if !slices.Equal(rows, want) {
				t.Errorf("rows %q, want %q", rows, want)
			}
			if got := strings.Join(failures, " "); got != test.failures {
				t.Errorf("failures %q, want %q", got, test.failures)
			}
		})
	}
}

// Whatever happens to the images, the rows are in the end those of what is there, and only what no row had is extracted.
func TestPlanOfAnything(t *testing.T) {
	random := rand.New(rand.NewPCG(22, 2))
	some := func(failing map[string]string) map[string]pictured {
		images := map[string]pictured{}
		for range random.IntN(12) {
			path, p := fmt.Sprint("p", random.IntN(12)), pictured{fmt.Sprint(random.IntN(8)), fmt.Sprint("l", random.IntN(3)), ""}
			if random.IntN(8) == 0 {
				p.holds = broken
			}
			if p.holds == broken && failing != nil {
				failing[path] = broken
				delete(images, path)
				continue
			}
			delete(failing, path)
			images[path] = p
		}
		return images
	}
	for n := range 20_000 {
		s := scene{failed: map[string]string{}, lost: map[string]string{}, retry: random.IntN(4) == 0}
		s.was = some(s.failed)
		s.now = some(nil)
		s.rows = slices.Sorted(maps.Keys(s.was))
		random.Shuffle(len(s.rows), func(i, j int) { s.rows[i], s.rows[j] = s.rows[j], s.rows[i] })
		p, items := s.plan()
		rows, failures, extracted := s.outcome(p, items)
		var want, wantFailures []string
		had := map[string]bool{broken: false}
		for _, was := range s.was {
			had[was.holds] = true
		}
		for path, now := range s.now {
			if now.holds == broken {
				wantFailures = append(wantFailures, path)
			} else {
				want = append(want, path+"="+now.holds+":"+now.label)
			}
			if had[now.holds] && slices.Contains(extracted, path) {
				t.Fatalf("%d: %q is extracted, though a row has it: %+v", n, path, s)
			}
		}
		slices.Sort(rows)
		slices.Sort(want)
		slices.Sort(wantFailures)
		if !slices.Equal(rows, want) || !slices.Equal(failures, wantFailures) {
			t.Fatalf("%d: rows %q and failures %q, want %q and %q: %+v", n, rows, failures, want, wantFailures, s)
		}
		if sum := p.Kept + p.Relabelled + p.Moved + p.Copied + len(extracted); sum < len(rows) {
			t.Fatalf("%d: the counts %+v are of %d rows", n, p, len(rows))
		}
	}
}

// So many rows do not go without being told to.
func TestRefusal(t *testing.T) {
	for _, test := range []struct {
		removed, rows int
		bare          []string
		want          string
	}{
		{0, 10, []string{"empty"}, ""},
		{1, 10, []string{"empty"}, "not one image in empty, and 1 row would go"},
		{5, 10, nil, ""},
		{6, 10, nil, "6 of 10 rows are gone, more than half:"},
		{1, 1, nil, "1 of 1 rows are gone"},
	} {
		p := Plan{Rows: test.rows, Removed: test.removed}
		if got := p.refuse(test.bare); !strings.Contains(got, test.want) || (got == "") != (test.want == "") {
			t.Errorf("%+v: %q", test, got)
		}
	}
}

// A fingerprint finds a row only where it can be of one image.
func TestElsewhere(t *testing.T) {
	rows := &featurestore.Table{Paths: []string{"a", "b", "x.tar/c", "d", "e", "x.tgz/deep/f"}}
	seen := [][16]byte{{1}, {1}, {2}, {3}, {3}, {4}}
	for _, holds := range []string{"1", "1", "2", "3", "4", "5"} {
		rows.SHA256 = append(rows.SHA256, hex.EncodeToString(sum32(holds)))
	}
	find := elsewhere(rows, seen)
	if sums := find(map[pipeline.Seen]bool{{9}: true}); len(sums) > 0 {
		t.Errorf("%v are found for another file", sums)
	}
	sums := find(map[pipeline.Seen]bool{{1}: true, {2}: true, {3}: true, {4}: true, {9}: true})
	for _, test := range []struct {
		seen  pipeline.Seen
		holds string
	}{{pipeline.Seen{1}, "1"}, {pipeline.Seen{2}, ""}, {pipeline.Seen{3}, ""}, {pipeline.Seen{4}, ""}, {pipeline.Seen{9}, ""}} {
		sum, found := sums[test.seen]
		if found != (test.holds != "") || found && sum != [32]byte(sum32(test.holds)) {
			t.Errorf("%v: %x, %t", test.seen, sum, found)
		}
	}
}
