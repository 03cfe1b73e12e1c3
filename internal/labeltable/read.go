package labeltable

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
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
	encoding  string
	decoder   encoding.Encoding
	layout    layout
	classes   *Classes
	isPicture func(path string) bool
	memory    *budget.Budget
}

// Read reads a table. isPicture tells whether a path ends as pictures' names do. A table that would take more than
// memory is budget.ErrMemory. The errors name the table.
func (o Options) Read(r io.Reader, name string, isPicture func(path string) bool, memory *budget.Budget) (*Table, error) {
	t := &Table{name: name, rows: map[string]row{}, isPicture: isPicture, memory: memory}
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

func declaredDecoder(name string) encoding.Encoding {
	e, _ := decoderOf(name) // validated before
	return e
}

// findOut finds the separator and the columns.
func (t *Table) findOut(r *bufio.Reader, o Options) error {
	declared := skipSeparatorLine(r)
	if o.Separator != "" {
		declared = separators[o.Separator]
	}
	head := peek(r)
	switch {
	case bytes.IndexByte(head, '\r') >= 0 && bytes.IndexByte(head, '\n') < 0 && len(bytes.TrimRight(head, "\r")) > bytes.IndexByte(head, '\r'):
		return errors.New(": its lines end with CR only, as on old Macs: save it with LF, for example with tr '\\r' '\\n'")
	case len(bytes.TrimSpace(head)) == 0:
		return errors.New(": it is empty: write a row path,label for each picture")
	case head[0] == '{' || head[0] == '[':
		return errors.New(": it is JSON: give a table of paths and labels; a file of classes' numbers goes with one, as csv,classes=FILE:TABLE")
	}
	candidates := []rune{',', ';', '\t', '|'}
	if declared != 0 {
		candidates = []rune{declared}
	}
	var fits []fit
	for _, separator := range candidates {
		if f, some := o.try(head, declared != 0, separator, t.isPicture); some {
			fits = append(fits, f)
		}
	}
	best, err := choose(fits)
	if err != nil {
		return err
	}
	t.separator, t.layout = best.separator, best.layout
	return nil
}

// fit is how a table reads with a separator.
type fit struct {
	separator rune
	layout    layout
	// rank is 3 if a first row names the columns, 2 if pictures' names show them, 1 if the rows have two or three fields,
	// and 0 with err.
	rank int
	// line is where err is.
	line int
	err  error
}

// try reads the first lines with a separator; some is false if that is not in them.
func (o Options) try(head []byte, declared bool, separator rune, isPicture func(string) bool) (f fit, some bool) {
	f = fit{separator: separator, line: 1}
	reader := csv.NewReader(bytes.NewReader(head))
	reader.Comma, reader.FieldsPerRecord = separator, -1
	var rows [][]string
	for {
		row, err := reader.Read()
		if err != nil {
			if len(rows) == 0 {
				f.err = err
			}
			break // what is wrong in a later row, or cut off, is found when all is read
		}
		if len(rows) == 0 {
			f.line, _ = reader.FieldPos(0)
		}
		rows = append(rows, row)
	}
	if len(rows) == 0 {
		return f, separator == ',' || declared || bytes.ContainsRune(head, separator)
	}
	if len(rows[0]) < 2 {
		f.err = fmt.Errorf("has %d field: a row is path,label or path,label,split", len(rows[0]))
		return f, separator == ',' || declared
	}
	named := false
	f.layout, named, f.err = o.named(rows[0])
	switch {
	case f.err != nil:
	case named:
		f.rank = 3
		if f.layout.numbered && !isHeader(rows, f.layout, isPicture) {
			f.layout.header = nil
		}
	default:
		var evident bool
		f.layout, evident, f.err = unnamedLayout(rows, isPicture)
		ragged := slices.ContainsFunc(rows, func(row []string) bool { return len(row) < 2 })
		switch {
		case f.err != nil:
		case evident:
			f.rank = 2
		case !ragged:
			f.rank = 1
		}
	}
	return f, true
}

// choose finds the separator that fits. More than one that fits equally well is an error.
func choose(fits []fit) (fit, error) {
	best := fits[0]
	for _, f := range fits[1:] {
		if f.rank > best.rank || f.rank == 0 && best.rank == 0 && f.layout.columns > best.layout.columns {
			best = f
		}
	}
	if best.rank == 0 {
		err := best.err
		var parse *csv.ParseError
		if errors.As(err, &parse) {
			return best, fmt.Errorf(": read the table: %w", err)
		}
		if err == nil {
			err = errors.New("is followed by rows of one field: a row is path,label or path,label,split")
		}
		return best, fmt.Errorf(", line %d %w", best.line, err)
	}
	for _, f := range fits {
		if f.rank == best.rank && f.separator != best.separator {
			return best, fmt.Errorf(": its fields could be separated by %s or by %s: say which, as in csv,separator=%s:FILE", plurals[best.separator], plurals[f.separator], nameOf(best.separator))
		}
	}
	return best, nil
}

func nameOf(separator rune) string {
	for name, s := range separators {
		if s == separator {
			return name
		}
	}
	return string(separator)
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
	reader := csv.NewReader(rows)
	reader.Comma, reader.FieldsPerRecord = t.separator, -1 // checked below, with a better message
	for first := true; ; first = false {
		record, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf(": read the table: %w", err)
		}
		line, _ := reader.FieldPos(0)
		length := reader.InputOffset() - rows.begun
		rows.begun, rows.line = reader.InputOffset(), line
		if err := t.memory.Take(perRow+length, "what it labels"); err != nil {
			return fmt.Errorf(", line %d: %w", line, err)
		}
		if first && t.layout.header != nil && !t.layout.guessed || strings.Join(record, "") == "" {
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
	if path == "" {
		return "", l, errors.New("has no path")
	}
	if l.Label, err = t.classes.name(spelling.Read(record[t.layout.label])); err != nil {
		return "", l, err
	}
	if t.layout.split >= 0 && t.layout.split < len(record) {
		l.Split = spelling.Read(record[t.layout.split])
	}
	return path, l, nil
}

// checkFields rejects rows with other fields than the columns, and texts in another encoding. Paths may hold any bytes.
func (t *Table) checkFields(record []string) error {
	n, most := len(record), t.layout.columns
	for n > most && record[n-1] == "" { // spreadsheets write empty fields at the end
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
