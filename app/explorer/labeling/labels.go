package labeling

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"fovea/featurestore"
	"fovea/internal/lockfile"
	"fovea/internal/text"
)

// Options say whose labels are changed. Dir and State must be set.
type Options struct {
	// Dir is the dataset, State the directory of the log, which is made when it is needed.
	Dir, State string
	// Write, if set, is called to write to the dataset of a version: it calls relabel, and returns its error, between what
	// it has to do before and after.
	Write func(ctx context.Context, version string, relabel func(context.Context) error) error
	// Changed, if set, is called after every change of State, from any goroutine.
	Changed func()
	// Delay is how long changes are collected before they are written (default 1 s), Patience how long Close tries
	// to write them (default 10 s).
	Delay, Patience time.Duration
	// MaxMemory is for reading the dataset; see featurestore.ReadOptions.
	MaxMemory int64
}

// Rows are those of a dataset, with names as raw bytes. They must not be changed.
type Rows struct {
	// Version names the edition of the dataset that they are of.
	Version               string
	Paths, SHA256, Labels []string
}

// State is how things stand.
type State struct {
	// Version is that of the rows.
	Version string
	// Pending rows have another label in the dataset than here. Undo and Redo count the changes that can be undone and done
	// again.
	Pending, Undo, Redo int
	// Writable says whether labels can be changed; if not, Why has the reason and the remedy.
	Writable bool
	Why      string
	// Note says why pending changes are not in the dataset, or which of them cannot be, "" while nothing is wrong.
	Note string
}

// Errors of changes.
var (
	// ErrStale: the dataset was replaced since the version that a change is of.
	ErrStale = errors.New("the dataset was replaced meanwhile: load the page again; no change of labels is lost")
	// ErrReadOnly: labels cannot be changed; the reason is in the error's text.
	ErrReadOnly = errors.New("labels cannot be changed")
	// ErrLabel: no class can have that name. ErrRow: there is no such row.
	ErrLabel, ErrRow = errors.New("not a label"), errors.New("not a row")
	// ErrNothing: there is nothing to undo, or to do again.
	ErrNothing = errors.New("there is nothing to undo or to do again")
	// ErrLog: the change could not be put into the log, and was not made.
	ErrLog = errors.New("the change was not made, because it cannot be saved")
)

// Labels are the labels of a dataset's rows as people want them. Its methods may be called by several goroutines.
type Labels struct {
	o    Options
	wake chan struct{} // tells Run that there is something to write

	mutex sync.Mutex
	log   *journal // nil if labels cannot be changed
	why   string
	// changes are those of the log that are made or can be made again; the first done of them are made.
	changes []*change
	done    int
	// last is the number of the last record that changes labels; undoing says that it takes something back.
	last    int
	undoing bool
	// pending are labels that are not known to be in the dataset, by spelled path.
	pending map[string]want
	// current are the labels of rows; other are the rows in whose place the dataset has other ones. Unfound counts
	// pending labels of images that the dataset does not have.
	rows    Rows
	at      map[string]int32 // by path
	images  map[string]int32 // by SHA-256, several if there are copies
	current []string
	other   map[int32]bool
	unfound int
	// writing are the rows that are being written, perhaps with a label that has changed back since.
	writing []int32
	note    string
	// revision counts what changed about current.
	revision int
}

// several is the place of an image that several rows have.
const several = -1

// change is a record that gives rows a label.
type change struct {
	n     int
	label string // raw, like all names below
	rows  []entry
}

// want is what an image is to be labelled.
type want struct {
	sha256, label string
	n             int
}

// Open reads the log and takes its lock. If that is impossible, because another explorer has it or the place cannot be
// written to, labels cannot be changed and State says why. A damaged log is such a reason, too.
func Open(o Options) *Labels {
	o.Delay, o.Patience = cmp.Or(o.Delay, time.Second), cmp.Or(o.Patience, 10*time.Second)
	l := &Labels{o: o, wake: make(chan struct{}, 1)}
	log, records, err := openLog(o.State)
	if l.log = log; err != nil {
		l.log = nil
	}
	switch {
	case errors.Is(err, lockfile.ErrHeld):
		l.why = "another explorer has this dataset open: change labels there, or end it and start this one again"
	case errors.Is(err, errBadLog):
		l.why = err.Error()
	case err != nil:
		l.why = fmt.Sprintf("the log of labels cannot be written: %v: make %s a directory that can be written to, or work on a copy of the dataset", err, o.State)
	}
	l.replay(records)
	return l
}

// Attach takes the rows of the dataset, at the start and whenever it was replaced, and gives them the labels that
// are not in it yet.
func (l *Labels) Attach(rows Rows) {
	l.mutex.Lock()
	if l.log == nil { // whoever has the lock has gone on
		if records, _, err := readLog(l.o.State); err == nil {
			l.replay(records)
		}
	}
	l.attach(rows)
	l.mutex.Unlock()
	l.tell()
	l.poke()
}

func (l *Labels) attach(rows Rows) {
	rows.Labels = slices.Clone(rows.Labels) // of what is written
	l.rows, l.current, l.other, l.writing = rows, slices.Clone(rows.Labels), map[int32]bool{}, nil
	l.at, l.images = make(map[string]int32, len(rows.Paths)), make(map[string]int32, len(rows.Paths))
	for i, path := range rows.Paths {
		l.at[path] = int32(i)
		if _, found := l.images[rows.SHA256[i]]; found {
			l.images[rows.SHA256[i]] = several
		} else {
			l.images[rows.SHA256[i]] = int32(i)
		}
	}
	l.revision++
	l.unfound = 0
	type wanted struct {
		path string
		want
	}
	all := make([]wanted, 0, len(l.pending))
	for path, w := range l.pending {
		all = append(all, wanted{path, w})
	}
	slices.SortFunc(all, func(a, b wanted) int { return a.n - b.n }) // the newest wins
	for _, w := range all {
		if i, found := l.find(w.path, w.sha256); found {
			l.set(i, w.label)
		} else {
			l.unfound++
		}
	}
}

// find is the row of an image: by its path if that still has the image, else by its SHA-256 if a single row has it.
func (l *Labels) find(path, sha256 string) (int32, bool) {
	i, found := l.at[featurestore.UnescapeText(path)]
	if found && (sha256 == "" || l.rows.SHA256[i] == "" || l.rows.SHA256[i] == sha256) {
		return i, true
	}
	if sha256 == "" {
		return 0, false
	}
	i, found = l.images[sha256]
	return i, found && i != several
}

// set gives a row its label.
func (l *Labels) set(i int32, label string) {
	l.revision++
	l.current[i] = label
	if label == l.rows.Labels[i] {
		delete(l.other, i)
	} else {
		l.other[i] = true
	}
}

// Current are the labels of all rows, raw, and the version of the dataset that the rows are of. It returns no labels
// if they are still those of revision, which it returned before.
func (l *Labels) Current(revision int) (labels []string, version string, now int) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if revision == l.revision {
		return nil, l.rows.Version, revision
	}
	return slices.Clone(l.current), l.rows.Version, l.revision
}

// State is how things stand.
func (l *Labels) State() State {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	s := State{Version: l.rows.Version, Pending: len(l.other), Undo: l.done, Redo: len(l.changes) - l.done, Writable: l.log != nil, Why: l.why, Note: l.note}
	for _, i := range l.writing {
		if !l.other[i] {
			s.Pending++
		}
	}
	if s.Writable && l.log.broken != nil {
		s.Writable, s.Why = false, l.log.broken.Error()
	}
	if s.Note == "" && l.unfound > 0 {
		s.Note = fmt.Sprintf("%s not in the dataset (any more): what was changed is kept in the log, and set if the images come back", text.Count(l.unfound, "changed label is of an image that is", "changed labels are of images that are"))
	}
	return s
}

// tell calls Changed.
func (l *Labels) tell() {
	if l.o.Changed != nil {
		l.o.Changed()
	}
}

// poke tells Run that there is something to write.
func (l *Labels) poke() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}
