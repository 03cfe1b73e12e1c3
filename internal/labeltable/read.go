package labeltable

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"

	"fovea/internal/budget"
	"fovea/internal/spelling"
	"fovea/internal/text"
)

// Label is what a table says of a picture. What it leaves empty is "".
type Label struct{ Label, Split string }

// row is a label and where it is.
type row struct {
	Label
	line int
}

// Table is a table of labels in memory.
type Table struct {
	name string
	rows map[string]row
	// separator, encoding and layout are how it is written.
	separator rune
	spaced    bool
	encoding  string
	decoder   encoding.Encoding
	layout    layout
	classes   *Classes
	isPicture func(path string) bool
	memory    *budget.Budget
	// known is Options.Known.
	known func(label string) bool
}

// Read reads a table. isPicture tells whether a path ends as pictures' names do. A table that would take more than
// memory is budget.ErrMemory. The errors name the table.
func (o Options) Read(r io.Reader, name string, isPicture func(path string) bool, memory *budget.Budget) (*Table, error) {
	t := &Table{name: name, rows: map[string]row{}, isPicture: isPicture, memory: memory, known: o.Known}
	var err error
	if t.classes, err = o.classes(); err != nil {
		return nil, err
	}
	plain, encoding, err := o.plainText(r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	t.encoding, t.decoder = encoding, declaredDecoder(o.Encoding)
	if err := t.findOut(plain, o); err != nil {
		return nil, fmt.Errorf("%s%w", name, err)
	}
	if err := t.read(plain); err != nil {
		return nil, fmt.Errorf("%s%w", name, err)
	}
	return t, nil
}

const (
	// maxRow bounds a row, whose fields may take forty times their size while it is read.
	maxRow = 1 << 20
	// perRow is what a row takes besides its text, in a map that has just grown.
	perRow = 208
)

// boundedRows reads rows of at most maxRow bytes.
type boundedRows struct {
	text io.Reader
	// read is the number of bytes so far; the row that is read begins at begun, after a line.
	read, begun int64
	line        int
}

// Read implements io.Reader.
func (b *boundedRows) Read(p []byte) (int, error) {
	if b.read-b.begun > maxRow {
		return 0, fmt.Errorf("the row after line %d has more than %d bytes: it may lack the end of its line, or a second quote", b.line, maxRow)
	}
	n, err := b.text.Read(p)
	b.read += int64(n)
	return n, err
}

// read reads the rows.
func (t *Table) read(r io.Reader) error {
	rows := &boundedRows{text: r}
	reader := newReader(rows, t.separator, t.spaced)
	for first := true; ; first = false {
		record, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return readError(err)
		}
		line, _ := reader.FieldPos(0)
		length := reader.InputOffset() - rows.begun
		rows.begun, rows.line = reader.InputOffset(), line
		if err := t.memory.Take(perRow+length, "what it labels"); err != nil {
			return fmt.Errorf(", line %d: %w", line, err)
		}
		if first && t.layout.header != nil && !t.layout.guessed || strings.TrimSpace(strings.Join(record, "")) == "" {
			continue
		}
		path, label, err := t.parse(record)
		if err != nil && first && t.layout.guessed {
			continue
		}
		if err != nil {
			return fmt.Errorf(", line %d %w", line, err)
		}
		if earlier, found := t.rows[path]; found && earlier.Label != label {
			return fmt.Errorf(", line %d labels %s as %s, line %d as %s: keep one of them", line, spelling.Spell(path), label, earlier.line, earlier)
		}
		t.rows[path] = row{label, line}
	}
}

// newReader reads rows. spaced says that blanks follow the separators.
func newReader(r io.Reader, separator rune, spaced bool) *csv.Reader {
	reader := csv.NewReader(r)
	reader.Comma, reader.TrimLeadingSpace = separator, spaced
	reader.FieldsPerRecord = -1 // checked later, with a better message
	return reader
}

// readError says what to do about a text that is no table.
func readError(err error) error {
	if errors.Is(err, csv.ErrBareQuote) || errors.Is(err, csv.ErrQuote) {
		return fmt.Errorf(": read the table: %w: write a field with quotes in it in quotes, and each of its own twice, as in \"24\"\" pipe\", with no blanks between its quotes and the separators", err)
	}
	return fmt.Errorf(": read the table: %w", err)
}

// String is the label for a message.
func (l Label) String() string {
	if l.Split == "" {
		return fmt.Sprintf("%q", l.Label)
	}
	return fmt.Sprintf("%q (%s)", l.Label, l.Split)
}

// parse reads a row.
func (t *Table) parse(record []string) (path string, l Label, err error) {
	if err := t.checkFields(record); err != nil {
		return "", l, err
	}
	path = strings.TrimPrefix(record[t.layout.path], "./")
	if strings.TrimSpace(path) == "" {
		return "", l, errors.New("has no path")
	}
	if l.Label, err = t.label(record[t.layout.label]); err != nil {
		return "", l, err
	}
	if t.layout.split >= 0 && t.layout.split < len(record) {
		l.Split = bare(record[t.layout.split])
	}
	return path, l, nil
}

// label is the label of a field.
func (t *Table) label(field string) (string, error) {
	if written := spelling.Read(field); t.known != nil && t.classes == nil && strings.TrimSpace(field) != field && t.known(written) {
		return written, nil
	}
	return t.classes.name(bare(field))
}

// bare is a label or split without the blanks around it, which people write after separators or to align columns, and
// which would make two classes of one.
func bare(field string) string { return spelling.Read(strings.TrimSpace(field)) }

// checkFields rejects rows with other fields than the columns, and texts in another encoding. Paths may hold any bytes.
func (t *Table) checkFields(record []string) error {
	n, most := len(record), t.layout.columns
	for n > most && strings.TrimSpace(record[n-1]) == "" { // spreadsheets write empty fields at the end
		n--
	}
	if n > most || n <= max(t.layout.path, t.layout.label) {
		return fmt.Errorf("has %s, but the table %s: quote fields that contain the separator", text.Plural(n, "field"), text.Plural(most, "column"))
	}
	for i, field := range record {
		switch {
		case i == t.layout.label || i == t.layout.split:
			if !utf8.ValidString(field) {
				return fmt.Errorf("has %q, which is not UTF-8: declare the encoding of the table, as in csv,encoding=cp1252:FILE, or save it as \"CSV UTF-8\"", field)
			}
			fallthrough
		case i == t.layout.path:
			if t.encoding != "UTF-8" && strings.ContainsRune(field, utf8.RuneError) {
				return fmt.Errorf("has %q, which is not %s: declare the encoding that the table has", field, t.encoding)
			}
		}
	}
	return nil
}

// Len is the number of rows with different paths.
func (t *Table) Len() int { return len(t.rows) }

// String says how the table was understood.
func (t *Table) String() string {
	parts := []string{fmt.Sprintf("%s: %s", t.name, text.Plural(t.Len(), "row")), "separated by " + plurals[t.separator], t.encoding}
	column := func(what string, at int) {
		if t.layout.header == nil {
			parts = append(parts, fmt.Sprintf("%s in column %d", what, at+1))
		} else {
			parts = append(parts, fmt.Sprintf("%s in %s", what, listed(t.layout.header[at:at+1])))
		}
	}
	column("the path", t.layout.path)
	column("the label", t.layout.label)
	if t.layout.split >= 0 {
		column("the split", t.layout.split)
	}
	if t.classes != nil {
		parts = append(parts, "the classes' names in "+t.classes.file)
	}
	if ignored := t.layout.ignored(); len(ignored) > 0 {
		parts = append(parts, "not used for labels: "+listed(ignored))
	}
	return strings.Join(parts, ", ")
}

// ignored are the columns without a meaning here.
func (l layout) ignored() (names []string) {
	for i, name := range l.header {
		if i != l.path && i != l.label && i != l.split {
			names = append(names, name)
		}
	}
	return names
}
