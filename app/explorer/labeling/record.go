package labeling

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"strings"
	"time"
)

// logVersion is the version of the log's format.
const logVersion = 1

// What a record says was done.
const (
	doBegin   = "begin"
	doLabel   = "label"
	doUndo    = "undo"
	doRedo    = "redo"
	doWritten = "written"
)

// record is a line of the log.
type record struct {
	// N numbers the records from 1.
	N    int       `json:"n"`
	Time time.Time `json:"time"`
	Do   string    `json:"do"`
	// Version is that of the format, in doBegin.
	Version int `json:"version,omitempty"`
	// Of is the record that is undone or done again, or up to which changes are in the dataset.
	Of int `json:"of,omitempty"`
	// Label is what Rows get, "" for none.
	Label string  `json:"label,omitempty"`
	Rows  []entry `json:"rows,omitempty"`
	// Except are paths of rows that keep their label in an undo or redo, because others have changed it since, or whose
	// images are not in the dataset and so were not written.
	Except []string `json:"except,omitempty"`
}

// entry is a row whose label changes. Names are spelled.
type entry struct {
	Path   string `json:"path"`
	SHA256 string `json:"sha256,omitempty"`
	From   string `json:"from,omitempty"`
}

// A line ends in its checksum: ,"sum":"01234567"}
const (
	sumStart = `,"sum":"`
	sumEnd   = `"}`
	sumBytes = len(sumStart) + 8 + len(sumEnd)
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// encode is the line of a record, with its newline.
func (r record) encode() ([]byte, error) {
	text, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(text[:len(text)-1], "%s%08x%s\n", sumStart, crc32.Checksum(text, castagnoli), sumEnd), nil
}

// errDamaged says that a line is not one that was written.
var errDamaged = errors.New("the line is damaged")

// decode reads a line without its newline.
func decode(line []byte) (r record, err error) {
	at := len(line) - sumBytes
	if at < 1 || !bytes.HasPrefix(line[at:], []byte(sumStart)) {
		return r, errDamaged
	}
	text := append(bytes.Clone(line[:at]), '}')
	if fmt.Sprintf("%s%08x%s", sumStart, crc32.Checksum(text, castagnoli), sumEnd) != string(line[at:]) {
		return r, errDamaged
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return r, fmt.Errorf("%w: %w", errDamaged, err)
	}
	return r, nil
}

// parse reads the records of a log. Good is the size of what they take; what comes after was cut off while it was
// written. A damaged line before a good one is an error, as are records that contradict each other.
func parse(log []byte) (records []record, good int, err error) {
	number, bad := 0, 0
	var h history
	for at := 0; at < len(log); {
		end := bytes.IndexByte(log[at:], '\n')
		if end < 0 {
			break // cut off
		}
		line := log[at : at+end]
		at += end + 1
		number++
		r, err := decode(line)
		switch {
		case err != nil && bad == 0:
			bad = number
			continue
		case err != nil:
			continue
		case bad > 0:
			return nil, 0, fmt.Errorf("line %d: %w", bad, errDamaged)
		}
		if err := errors.Join(r.follows(len(records)), h.add(r)); err != nil {
			return nil, 0, fmt.Errorf("line %d: %w", number, err)
		}
		records, good = append(records, r), at
	}
	if wholeWithin(log[good:]) {
		return nil, 0, fmt.Errorf("line %d: %w", len(records)+1, errDamaged)
	}
	return records, good, nil
}

// wholeWithin says whether what seems to be cut off has a whole record in it, with more after it: then something else
// has happened to it.
func wholeWithin(tail []byte) bool {
	sum, summed := uint32(0), 0 // of what comes before
	for at := 0; ; at++ {
		next := bytes.Index(tail[at:], []byte(sumStart))
		if next < 0 {
			return false
		}
		at += next
		end := at + sumBytes
		if end >= len(tail) {
			return false
		}
		sum, summed = crc32.Update(sum, castagnoli, tail[summed:at]), at
		if fmt.Sprintf("%08x", crc32.Update(sum, castagnoli, []byte("}"))) != string(tail[at+len(sumStart):][:8]) {
			continue
		}
		if _, err := decode(tail[:end]); err == nil {
			return true
		}
	}
}

// follows checks a record after so many others.
func (r record) follows(before int) error {
	switch {
	case r.N != before+1:
		return fmt.Errorf("record %d follows record %d: a line is missing, or was moved", r.N, before)
	case (r.Do == doBegin) != (before == 0):
		return fmt.Errorf("a record %q is record %d", r.Do, r.N)
	case r.Do == doBegin && r.Version != logVersion:
		return fmt.Errorf("the log has version %d, and this program knows version %d: use a newer one", r.Version, logVersion)
	case r.Do == doLabel && len(r.Rows) == 0:
		return fmt.Errorf("record %d changes no row", r.N)
	case r.Do == doWritten && (r.Of < 1 || r.Of >= r.N):
		return fmt.Errorf("record %d is of record %d", r.N, r.Of)
	}
	return nil
}

// history is which changes are made: the first done of them. The others can be made again.
type history struct {
	changes []int // their records
	done    int
}

// add follows a record.
func (h *history) add(r record) error {
	switch r.Do {
	case doBegin, doWritten:
	case doLabel:
		h.changes = append(h.changes[:h.done], r.N)
		h.done++
	case doUndo:
		if h.done == 0 || h.changes[h.done-1] != r.Of {
			return fmt.Errorf("record %d undoes record %d, which is not the last change", r.N, r.Of)
		}
		h.done--
	case doRedo:
		if h.done == len(h.changes) || h.changes[h.done] != r.Of {
			return fmt.Errorf("record %d does record %d again, which was not undone last", r.N, r.Of)
		}
		h.done++
	default:
		return fmt.Errorf("a record says %q, which this program does not know: use a newer one", strings.ToValidUTF8(r.Do, "?"))
	}
	return nil
}
