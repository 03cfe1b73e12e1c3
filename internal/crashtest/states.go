package crashtest

import (
	"iter"
	"math/rand/v2"
	"slices"
)

// choice is what has come of an operation that is not on disk.
type choice byte

const (
	lost    choice = iota
	applied        // all of it
	torn           // of a write, its first half
	hollow         // of a write, the file's size alone
)

func (c choice) String() string { return [...]string{"lost", "kept", "torn", "without content"}[c] }

// Options say which states are made. The zero value makes those that are not by chance.
type Options struct {
	// Random is the number of subsets by chance after every call.
	Random int
	// Most, if not 0, is about how many states are made, by chance, where there are more; it does not
	// count if FOVEA_TRIALS is set.
	Most int
	// Settled leaves out what comes before Settle.
	Settled bool
	// Alike, if not nil, names files and directories, by their paths, that programs delete unread:
	// of states that differ in these alone, one is made.
	Alike func(path string) bool
}

// pending is an operation, or a part of one, that is not on disk.
type pending struct {
	op      int
	entries []entry
}

// power is a history up to some moment, and what of it is on disk.
type power struct {
	*History
	// settled are the names on disk that each operation has set, and whether its content is there.
	settled [][]entry
	written []bool
	pending []pending
	marks   []string
	at      string
	done    int // operations
}

func newPower(h *History) *power {
	return &power{History: h, settled: make([][]entry, len(h.ops)), written: make([]bool, len(h.ops))}
}

// step goes on by one operation. It says whether there may be states that were not there before.
func (p *power) step() bool {
	i := p.done
	o := &p.ops[i]
	p.done++
	p.at = o.text
	switch o.kind {
	case opNames, opContent:
		p.pending = append(p.pending, pending{i, o.entries})
	case opSync:
		p.sync(func(at int) bool { return p.ops[at].call < o.began }, o.node)
		return false // there are but fewer
	case opMark:
		if o.mark == markSettled {
			p.sync(func(int) bool { return true }, nil)
		}
		p.marks = append(p.marks, o.mark)
	}
	return true
}

// sync puts on disk what was done to a node, or to all.
func (p *power) sync(covered func(op int) bool, n *node) {
	kept := p.pending[:0]
	for _, q := range p.pending {
		o := &p.ops[q.op]
		if !covered(q.op) {
			kept = append(kept, q)
			continue
		}
		if o.kind == opContent {
			if n == nil || o.node == n {
				p.written[q.op] = true
			} else {
				kept = append(kept, q)
			}
			continue
		}
		first, last := p.slots[q.entries[0].slot].dir, p.slots[q.entries[len(q.entries)-1].slot].dir
		switch {
		case n == nil || last == n || o.joint && first == n:
			p.settled[q.op] = append(p.settled[q.op], q.entries...)
		case first == n: // the new name; the old one may still be there
			p.settled[q.op] = append(p.settled[q.op], q.entries[0])
			kept = append(kept, pending{q.op, q.entries[1:]})
		default:
			kept = append(kept, q)
		}
	}
	p.pending = kept
}

func (p *power) all(c choice) []choice {
	choices := make([]choice, len(p.pending))
	for i := range choices {
		choices[i] = c
	}
	return choices
}

func (p *power) content(i int) bool { return p.ops[p.pending[i].op].kind == opContent }

// fewPending is the number of operations of which every subset is tried.
const fewPending = 5

// systematic gives the choices that do not depend on chance.
func (p *power) systematic(yield func([]choice) bool) bool {
	n := len(p.pending)
	if !yield(p.all(applied)) || !yield(p.all(lost)) {
		return false
	}
	for i := range n {
		for _, v := range p.around(i) {
			if !yield(v) {
				return false
			}
		}
	}
	for _, c := range []choice{lost, torn, hollow} { // names without their contents
		v := p.all(applied)
		for i := range v {
			if p.content(i) {
				v[i] = c
			}
		}
		if !yield(v) {
			return false
		}
	}
	if n <= fewPending {
		for bits := range 1 << n {
			v := p.all(lost)
			for i := range v {
				v[i] = choice(bits >> i & 1)
			}
			if !yield(v) {
				return false
			}
		}
	}
	return true
}

// around are the choices in which an operation is alone, is missing, or is where others end or begin.
func (p *power) around(i int) [][]choice {
	without, alone, last, first := p.all(applied), p.all(lost), p.all(applied), p.all(applied)
	without[i], alone[i] = lost, applied
	for j := range p.pending {
		if j < i {
			last[j] = lost
		} else {
			first[j] = lost
		}
	}
	variants := [][]choice{without, alone, last, first}
	if p.content(i) {
		for _, c := range []choice{torn, hollow} {
			v := p.all(applied)
			v[i] = c
			variants = append(variants, v)
		}
	}
	return variants
}

// random gives choices by chance, some with much lost and some with little.
func (p *power) random(random *rand.Rand, count int, yield func([]choice) bool) bool {
	for range count {
		v, keep := p.all(lost), random.Float64()
		for i := range v {
			switch {
			case random.Float64() < keep:
				v[i] = applied
			case p.content(i):
				v[i] = choice(random.IntN(4))
			}
		}
		if !yield(v) {
			return false
		}
	}
	return true
}

// moment is a state of which only so much is known: how many operations there were, and what has come of those
// that are not on disk.
type moment struct {
	done    int
	choices []choice
}

// States gives what may be found after a loss of power at any moment, each state once.
func (h *History) States(options Options) iter.Seq[*State] {
	return func(yield func(*State) bool) {
		moments := h.moments(options)
		if options.Most > 0 && Trials(-1) < 0 {
			moments = some(slices.Collect(moments), options.Most)
		}
		w := newWalker(newPower(h), options.Alike)
		for m := range moments {
			for w.done < m.done {
				w.step()
			}
			files, sum := w.walk(m.choices)
			if !yield(&State{Marks: slices.Clone(w.marks), At: w.at, Missing: w.describe(m.choices), files: files, sum: sum}) {
				return
			}
		}
	}
}

// some gives about so many by chance, or all where there are fewer.
func some(all []moment, most int) iter.Seq[moment] {
	return func(yield func(moment) bool) {
		random := rand.New(rand.NewPCG(3, 4))
		for _, m := range all {
			if random.IntN(len(all)) < most && !yield(m) {
				return
			}
		}
	}
}

// moments gives those of all states, in the order of the operations.
func (h *History) moments(options Options) iter.Seq[moment] {
	return func(yield func(moment) bool) {
		random := rand.New(rand.NewPCG(1, 2))
		p := newPower(h)
		w := newWalker(p, options.Alike)
		seen := map[uint64]bool{}
		phase := 0
		for p.done < len(h.ops) {
			if !p.step() || options.Settled && !slices.Contains(p.marks, markSettled) {
				continue
			}
			if len(p.marks) != phase { // what was right before may be wrong now
				phase = len(p.marks)
				clear(seen)
			}
			try := func(choices []choice) bool {
				sum := w.sumOf(choices)
				if seen[sum] {
					return true
				}
				seen[sum] = true
				return yield(moment{p.done, choices})
			}
			if !p.systematic(try) || !p.random(random, options.Random, try) {
				return
			}
		}
	}
}

// describe lists what a state lacks.
func (p *power) describe(choices []choice) []string {
	var missing []string
	for i, c := range choices {
		if c != applied {
			text := p.ops[p.pending[i].op].text
			if whole := p.ops[p.pending[i].op].entries; len(p.pending[i].entries) < len(whole) {
				text += " (the old name's end)"
			}
			missing = append(missing, c.String()+": "+text)
		}
	}
	return missing
}
