package labeling

import "fovea/featurestore"

// replay begins with what a log says.
func (l *Labels) replay(records []record) {
	l.changes, l.done, l.last, l.undoing = nil, 0, 0, false
	l.pending = map[string]want{}
	for _, r := range records {
		switch r.Do {
		case doLabel:
			l.changes = append(l.changes[:l.done], readChange(r))
			l.redo(r.N, nil)
		case doUndo:
			l.undo(r.N, r.Except)
		case doRedo:
			l.redo(r.N, r.Except)
		case doWritten:
			l.written(r.Of, r.Except)
		}
	}
}

func readChange(r record) *change {
	c := &change{n: r.N, label: featurestore.UnescapeText(r.Label), rows: r.Rows}
	for i := range c.rows {
		c.rows[i].From = featurestore.UnescapeText(c.rows[i].From)
	}
	return c
}

// redo makes the next change, in record n.
func (l *Labels) redo(n int, except []string) {
	c := l.changes[l.done]
	kept := setOf(except)
	for _, e := range c.rows {
		if !kept[e.Path] {
			l.pending[e.Path] = want{e.SHA256, c.label, n}
		}
	}
	l.done++
	l.last, l.undoing = n, false
}

// undo takes the last change back, in record n.
func (l *Labels) undo(n int, except []string) {
	l.done--
	kept := setOf(except)
	for _, e := range l.changes[l.done].rows {
		if !kept[e.Path] {
			l.pending[e.Path] = want{e.SHA256, e.From, n}
		}
	}
	l.last, l.undoing = n, true
}

// written forgets what is in the dataset.
func (l *Labels) written(through int, except []string) {
	kept := setOf(except)
	for path, w := range l.pending {
		if w.n <= through && !kept[path] {
			delete(l.pending, path)
		}
	}
}

func setOf(names []string) map[string]bool {
	set := make(map[string]bool, len(names))
	for _, name := range names {
		set[name] = true
	}
	return set
}
