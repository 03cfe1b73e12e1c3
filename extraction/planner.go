package extraction

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"fovea/featurestore"
	"fovea/pipeline"
)

// standing is what a dataset holds.
type standing struct {
	rows     *featurestore.Table
	seen     [][16]byte
	failures []featurestore.Failure
	// rowAt finds the row of a path.
	rowAt func(path string) (int, bool)
}

// planner makes a Plan.
type planner struct {
	Plan
	items []pipeline.Item
	old   standing
	// unlisted are the failures of the listing.
	unlisted []pipeline.Failure
	// retry has all failures tried again, and groups says that those of rows are to be the images'.
	retry, groups bool

	failureAt map[string]int
	// itemAt has the items that do not keep their rows.
	itemAt        map[string]int
	sums          map[int]pipeline.Content
	lost, changed map[int]bool
	// bySum has the rows with each SHA-256: those without an image yet, and one that may be copied.
	free  map[[sha256.Size]byte][]int
	model map[[sha256.Size]byte]int
}

// newPlan decides what becomes of rows, failures and images, by the comparison of the images with the dataset.
func newPlan(items []pipeline.Item, old standing, unlisted []pipeline.Failure, c *pipeline.Comparison, retry, groups bool) Plan {
	p := &planner{items: items, old: old, unlisted: unlisted, retry: retry, sums: c.Sums, lost: setOf(c.Lost), changed: setOf(c.Changed), groups: groups}
	p.Rows, p.rows = old.rows.Rows, make([]fate, old.rows.Rows)
	p.index()
	for i := range p.rows {
		p.rows[i] = fate{goes, old.seen[i]}
	}
	var rest []int
	for i := range items {
		kept, row := p.keeps(i)
		if !kept || !row {
			p.itemAt[items[i].Path] = i
		}
		if !kept {
			rest = append(rest, i)
		}
	}
	p.hold()
	p.findRows(len(rest) > 0)
	for _, i := range rest {
		p.place(i)
	}
	p.count()
	p.keepFailures(c)
	for _, same := range c.Same {
		if row, ok := p.old.rowAt(items[same.Place].Path); ok && p.rows[row].item == int32(same.Place) {
			p.rows[row].seen = same.Seen
		}
	}
	return p.Plan
}

func setOf(indices []int) map[int]bool {
	set := make(map[int]bool, len(indices))
	for _, i := range indices {
		set[i] = true
	}
	return set
}

func (p *planner) index() {
	p.itemAt, p.failureAt = map[string]int{}, map[string]int{}
	for i := range p.old.failures {
		p.failureAt[p.old.failures[i].Path] = i
	}
}

// keeps gives an image its own row, if there is one and it is still of the same content. It also keeps images as failures.
func (p *planner) keeps(i int) (kept, hasRow bool) {
	item := &p.items[i]
	row, ok := p.old.rowAt(item.Path)
	if !ok {
		at, failed := p.failureAt[item.Path]
		return failed && !p.lost[i] && !p.changed[i] && !p.worthRetrying(p.old.failures[at]), false
	}
	if p.lost[i] {
		if p.isUnlisted(item.Path) { // part of a damaged archive
			p.rows[row].item = stays
			p.Held++
			return true, true
		}
		return false, true
	}
	if p.changed[i] {
		holds, known := p.sums[i]
		if !known || holds.SHA256 != sumOf(p.old.rows.SHA256[row]) {
			return false, true
		}
		p.rows[row].seen = holds.Seen
	}
	p.rows[row].item = int32(i)
	label, split := p.old.rows.Labels[row], p.old.rows.Splits[row]
	switch {
	case label != item.Label:
		p.Relabelled++
		p.Steps = append(p.Steps, Step{What: "relabelled", Path: item.Path, Before: label, Now: item.Label})
	case split != item.Split:
		p.Relabelled++
		p.Steps = append(p.Steps, Step{What: "relabelled", Path: item.Path, Before: split, Now: item.Split})
	case p.groups && groupAt(p.old.rows, row) != item.Group:
		p.Relabelled++
		p.Steps = append(p.Steps, Step{What: "relabelled", Path: item.Path, Before: groupAt(p.old.rows, row), Now: item.Group})
	default:
		p.Kept++
	}
	return true, true
}

// worthRetrying reports whether an image that is as it was is tried again.
func (p *planner) worthRetrying(f featurestore.Failure) bool {
	return p.retry || pipeline.Stage(f.Stage).Passes() || f.Stage == string(pipeline.StageList)
}

// hold keeps the rows of images in places that could not be listed.
func (p *planner) hold() {
	if len(p.unlisted) == 0 {
		return
	}
	for i, path := range p.old.rows.Paths {
		if _, listed := p.itemAt[path]; p.rows[i].item == goes && !listed && p.isUnlisted(path) {
			p.rows[i].item = stays
			p.Held++
		}
	}
}

func (p *planner) isUnlisted(path string) bool {
	for _, f := range p.unlisted {
		if strings.HasPrefix(path, f.Path+"/") {
			return true
		}
	}
	return false
}

// findRows indexes the rows by SHA-256.
func (p *planner) findRows(needed bool) {
	if !needed || len(p.sums) == 0 {
		return
	}
	wanted := make(map[[sha256.Size]byte]bool, len(p.sums))
	for _, holds := range p.sums {
		wanted[holds.SHA256] = true
	}
	p.free, p.model = map[[sha256.Size]byte][]int{}, map[[sha256.Size]byte]int{}
	for i, text := range p.old.rows.SHA256 {
		sum := sumOf(text)
		if !wanted[sum] {
			continue
		}
		if p.rows[i].item == goes {
			p.free[sum] = append(p.free[sum], i)
		}
		if _, found := p.model[sum]; !found {
			p.model[sum] = i
		}
	}
}

// place finds a row for an image that has none, or leaves it to be extracted.
func (p *planner) place(i int) {
	item := p.items[i]
	holds, known := p.sums[i]
	if known {
		if free := p.free[holds.SHA256]; len(free) > 0 {
			p.free[holds.SHA256] = free[1:]
			p.rows[free[0]] = fate{int32(i), holds.Seen}
			p.Moved++
			p.Steps = append(p.Steps, Step{What: "moved", Path: item.Path, From: p.old.rows.Paths[free[0]]})
			return
		}
		if row, found := p.model[holds.SHA256]; found {
			p.copies = append(p.copies, copied{i, row, holds.Seen})
			p.Copied++
			p.Steps = append(p.Steps, Step{What: "copied", Path: item.Path, From: p.old.rows.Paths[row]})
			return
		}
	}
	p.extract = append(p.extract, item)
	_, hadRow := p.old.rowAt(item.Path)
	_, failed := p.failureAt[item.Path]
	switch {
	case hadRow:
		p.Changed++
		p.Steps = append(p.Steps, Step{What: "changed", Path: item.Path})
	case failed:
		p.Retried++
		p.Steps = append(p.Steps, Step{What: "retried", Path: item.Path})
	default:
		p.New++
		p.Steps = append(p.Steps, Step{What: "new", Path: item.Path})
	}
}

// count counts the rows that go because their images are gone.
func (p *planner) count() {
	for i, f := range p.rows {
		if f.item != goes {
			continue
		}
		if _, listed := p.itemAt[p.old.rows.Paths[i]]; !listed {
			p.Removed++
			p.Steps = append(p.Steps, Step{What: "removed", Path: p.old.rows.Paths[i]})
		}
	}
}

// keepFailures keeps the failures of images that are as they were.
func (p *planner) keepFailures(c *pipeline.Comparison) {
	again := make(map[string]bool, len(p.extract))
	for _, item := range p.extract {
		again[item.Path] = true
	}
	seen := map[string]pipeline.Seen{}
	for _, same := range c.Same {
		seen[p.items[same.Place].Path] = same.Seen
	}
	p.addUnlisted()
	p.failuresSeen = map[int][16]byte{}
	for i, f := range p.old.failures {
		at, listed := p.itemAt[f.Path]
		switch {
		case again[f.Path] || listed && p.changed[at]: // it has a row by now, or a result of its own
			continue
		case listed:
			if f.Label != p.items[at].Label || f.Split != p.items[at].Split { // a step, but Relabelled counts rows
				p.Steps = append(p.Steps, Step{What: "relabelled", Path: f.Path, Before: f.Label, Now: p.items[at].Label})
			}
			f.Label, f.Split = p.items[at].Label, p.items[at].Split
			if now, ok := seen[f.Path]; ok && now != f.Seen {
				f.Seen, p.failuresSeen[i] = now, now
			}
		case p.stillUnlisted(f.Path): // which the listing says again
			continue
		case !p.isUnlisted(f.Path):
			p.Dropped++
			p.Steps = append(p.Steps, Step{What: "dropped", Path: f.Path})
			continue
		}
		p.failures = append(p.failures, f)
	}
}

// addUnlisted adds the failures that the listing found by itself.
func (p *planner) addUnlisted() {
	for _, f := range p.unlisted {
		now := stored(f)
		at, before := p.failureAt[f.Path]
		if !before || p.old.failures[at].Reason != now.Reason {
			p.Steps = append(p.Steps, Step{What: "unlisted", Path: f.Path})
		}
		p.failures = append(p.failures, now)
	}
}

func (p *planner) stillUnlisted(path string) bool {
	for _, f := range p.unlisted {
		if f.Path == path {
			return true
		}
	}
	return false
}

// sumOf parses a hex SHA-256. Anything else becomes zero, which no content has.
func sumOf(text string) (sum [sha256.Size]byte) {
	if len(text) != 2*sha256.Size {
		return sum
	}
	if _, err := hex.Decode(sum[:], []byte(text)); err != nil {
		return [sha256.Size]byte{}
	}
	return sum
}
