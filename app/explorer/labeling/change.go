package labeling

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"unicode"

	"fovea/featurestore"
)

// mostLabelBytes is the longest name of a class, as in pipeline.
const mostLabelBytes = 1024

// check refuses what can be no class's name, before it is in the log and can never be written.
func check(label string) error {
	switch {
	case len(label) > mostLabelBytes:
		return fmt.Errorf("%w: it has %d bytes, and at most %d are allowed: use a shorter name", ErrLabel, len(label), mostLabelBytes)
	case strings.ContainsFunc(label, unicode.IsControl):
		return fmt.Errorf("%w: %q contains control characters: use letters, digits and blanks", ErrLabel, label)
	case strings.TrimSpace(label) != label:
		return fmt.Errorf("%w: %q begins or ends with blanks: leave them out", ErrLabel, label)
	}
	return nil
}

// Set gives rows a label, raw, "" for none. It returns how many rows had another one; where none had, nothing is done.
// Rows are those of a version of the dataset; if it was replaced meanwhile, that is ErrStale.
func (l *Labels) Set(version string, rows []int, label string) (changed int, err error) {
	return l.change(version, func() (int, error) { return l.label(rows, label) })
}

// change changes something, and tells of it.
func (l *Labels) change(version string, do func() (int, error)) (changed int, err error) {
	l.mutex.Lock()
	if err = l.ready(version); err == nil {
		changed, err = do()
	}
	l.mutex.Unlock()
	if err == nil {
		l.poke()
		l.tell()
	}
	return changed, err
}

func (l *Labels) label(rows []int, label string) (changed int, err error) {
	known := false
	for _, was := range l.current {
		known = known || was == label
	}
	if !known {
		if err := check(label); err != nil {
			return 0, err
		}
	}
	c, taken := &change{label: label}, make(map[int]bool, len(rows))
	for _, row := range rows {
		if row < 0 || row >= len(l.current) {
			return 0, fmt.Errorf("%w: %d: the dataset has the rows 0 to %d", ErrRow, row, len(l.current)-1)
		}
		if !taken[row] && l.current[row] != label {
			c.rows = append(c.rows, entry{featurestore.EscapeText(l.rows.Paths[row]), l.rows.SHA256[row], l.current[row]})
		}
		taken[row] = true
	}
	if len(c.rows) == 0 {
		return 0, nil
	}
	if c.n, err = l.save(record{Do: doLabel, Label: featurestore.EscapeText(label), Rows: spelled(c.rows)}); err != nil {
		return 0, err
	}
	l.changes = append(l.changes[:l.done], c)
	l.redo(c.n, nil)
	return l.apply(c.rows, func(entry) string { return label }, nil), nil
}

// spelled are entries as the log has them.
func spelled(rows []entry) []entry {
	out := make([]entry, len(rows))
	for i, e := range rows {
		e.From = featurestore.EscapeText(e.From)
		out[i] = e
	}
	return out
}

// Undo takes the last change back that is not undone. Rows that others have changed since keep their label. It returns how
// many rows got another label.
func (l *Labels) Undo(version string) (changed int, err error) { return l.change(version, l.takeBack) }

func (l *Labels) takeBack() (changed int, err error) {
	if l.done == 0 {
		return 0, fmt.Errorf("%w: no change of the log is left", ErrNothing)
	}
	c := l.changes[l.done-1]
	except := l.changed(c, func(entry) string { return c.label })
	n, err := l.save(record{Do: doUndo, Of: c.n, Except: except})
	if err != nil {
		return 0, err
	}
	l.undo(n, except)
	return l.apply(c.rows, func(e entry) string { return e.From }, except), nil
}

// Redo makes the change again that was undone last.
func (l *Labels) Redo(version string) (changed int, err error) { return l.change(version, l.again) }

func (l *Labels) again() (changed int, err error) {
	if l.done == len(l.changes) {
		return 0, fmt.Errorf("%w: no change of the log is undone", ErrNothing)
	}
	c := l.changes[l.done]
	except := l.changed(c, func(e entry) string { return e.From })
	n, err := l.save(record{Do: doRedo, Of: c.n, Except: except})
	if err != nil {
		return 0, err
	}
	l.redo(n, except)
	return l.apply(c.rows, func(entry) string { return c.label }, except), nil
}

// changed are the rows of a change that do not have the label any more which it left, since others have changed it.
func (l *Labels) changed(c *change, left func(entry) string) (except []string) {
	for _, e := range c.rows {
		if i, found := l.find(e.Path, e.SHA256); found && l.current[i] != left(e) {
			except = append(except, e.Path)
		}
	}
	return except
}

// apply gives rows their labels and returns how many there were.
func (l *Labels) apply(rows []entry, label func(entry) string, except []string) (changed int) {
	kept := setOf(except)
	for _, e := range rows {
		if kept[e.Path] {
			continue
		}
		if i, found := l.find(e.Path, e.SHA256); found {
			l.set(i, label(e))
			changed++
		}
	}
	return changed
}

// ready says whether labels can be changed.
func (l *Labels) ready(version string) error {
	if l.log == nil {
		return fmt.Errorf("%w: %s", ErrReadOnly, l.why)
	}
	if version != l.rows.Version {
		return ErrStale
	}
	return nil
}

// save puts a record into the log.
func (l *Labels) save(r record) (n int, err error) {
	if n, err = l.log.append(r); err != nil {
		remedy := "make room or mend the disk, and try again"
		if errors.Is(err, syscall.EROFS) || errors.Is(err, syscall.EACCES) {
			remedy = "make " + l.o.State + " a directory that can be written to"
		}
		return 0, fmt.Errorf("%w: %w: %s", ErrLog, err, remedy)
	}
	return n, nil
}
