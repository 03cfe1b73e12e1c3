package explorer

import (
	"context"
	"sync"

	"fovea/app/explorer/labeling"
	"fovea/featurestore"
)

// labels are those of the rows as pages see them: the dataset's, and changes that are not written yet.
type labels struct {
	server  *Server
	changes *labeling.Labels
	refit   *refitter
	closing bool // set when run has ended

	mutex sync.Mutex
	// numbers are the labels of a revision as places in the classes of an edition.
	numbers  []int32
	classes  *names
	version  string
	revision int
}

// labelState is what /api/dataset and the event "labels" say of labels.
type labelState struct {
	Version  string `json:"version"`
	Pending  int    `json:"pending"`
	Undo     int    `json:"undo"`
	Redo     int    `json:"redo"`
	Writable bool   `json:"writable"`
	// Why says why labels cannot be changed or, if they can, why changes are not in the dataset yet.
	Why string `json:"why,omitempty"`
}

// newLabels reads the log of changes.
func newLabels(s *Server) (*labels, error) {
	state, err := stateDir(s.options.Dir)
	if err != nil {
		return nil, err
	}
	l := &labels{server: s, refit: newRefitter(s)}
	l.changes = labeling.Open(labeling.Options{
		Dir: s.options.Dir, State: state, Changed: l.changed, MaxMemory: s.options.MaxMemory,
		Write: l.write,
	})
	l.attach(s.shown.Load())
	return l, nil
}

// attach takes the rows of an edition.
func (l *labels) attach(t *table) {
	raw := make([]string, len(t.label))
	for i, at := range t.label {
		raw[i] = featurestore.UnescapeText(t.classes.name(at))
	}
	l.changes.Attach(labeling.Rows{Version: t.version, Paths: t.paths, SHA256: t.sha256, Labels: raw})
}

// changed tells the pages how things stand, and has the head fitted again.
func (l *labels) changed() {
	if l.changes == nil || l.server.labels == nil { // not begun
		return
	}
	state, _ := l.state()
	l.server.events.send("labels", state)
	l.refit.poke()
}

// run writes changes to the dataset, and fits the head again, until ctx ends.
func (l *labels) run(ctx context.Context) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.refit.run(ctx)
	}()
	l.changes.Run(ctx)
	<-done
}

// close writes what is pending.
func (l *labels) close() error {
	l.closing = true
	return l.changes.Close()
}

// write writes to the dataset. In the end, nobody needs what becomes of it.
func (l *labels) write(ctx context.Context, version string, relabel func(context.Context) error) error {
	if !l.closing {
		return l.server.write(ctx, version, relabel)
	}
	if featurestore.EditionOf(l.server.options.Dir) != l.server.shown.Load().dataset.Edition() {
		return errReplaced
	}
	return relabel(ctx)
}

// state is for /api/dataset; accuracy is nil until it is known.
func (l *labels) state() (labelState, *accuracy) {
	s := l.changes.State()
	state := labelState{s.Version, s.Pending, s.Undo, s.Redo, s.Writable, s.Why}
	if s.Writable {
		state.Why = s.Note
	}
	return state, l.refit.accuracy()
}

// column are the labels of the rows now, as places in t.classes, -1 for none. It must not be changed.
func (l *labels) column(t *table) []int32 {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	known := -1
	if l.classes == t.classes && l.version == t.version {
		known = l.revision
	}
	raw, version, revision := l.changes.Current(known)
	switch {
	case version != t.version: // replaced meanwhile
		return t.label
	case raw == nil:
		return l.numbers
	}
	numbers, place := make([]int32, len(raw)), map[string]int32{}
	for i, label := range raw {
		at, found := place[label]
		if !found {
			at = t.classes.number(featurestore.EscapeText(label))
			place[label] = at
		}
		numbers[i] = at
	}
	l.numbers, l.classes, l.version, l.revision = numbers, t.classes, version, revision
	return numbers
}

// reloaded is called when another edition of the dataset is shown, before pages are told.
func (l *labels) reloaded(before, now *table) {
	if before.data != now.data {
		l.refit.drop()
	}
	l.attach(now)
}
