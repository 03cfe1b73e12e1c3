package labeltable

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/text/encoding"
)

// declaredDecoder is nil where the encoding is to be found out.
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
	t.separator, t.spaced, t.layout = best.separator, best.spaced, best.layout
	return nil
}

// fit is how a table reads with a separator.
type fit struct {
	separator rune
	// spaced says that blanks follow the separators, also before quotes.
	spaced bool
	layout layout
	// rank is 3 if a first row names the columns, 2 if pictures' names show them, 1 if the rows have two or three fields,
	// and 0 with err.
	rank int
	// line is where err is.
	line int
	err  error
}

// try reads the first lines with a separator; some is false if that is not in them.
func (o Options) try(head []byte, declared bool, separator rune, isPicture func(string) bool) (f fit, some bool) {
	f = fit{separator: separator, spaced: isSpaced(head, separator), line: 1}
	rows := f.rows(head)
	if len(rows) == 0 {
		return f, separator == ',' || declared || bytes.ContainsRune(head, separator)
	}
	if len(rows[0]) < 2 {
		f.err = fmt.Errorf("has %d field: a row is path,label or path,label,split", len(rows[0]))
		return f, separator == ',' || declared
	}
	named := false
	if o.declaresColumns() || !slices.ContainsFunc(rows[0], func(name string) bool { return isPicture(strings.TrimSpace(name)) }) {
		f.layout, named, f.err = o.named(rows[0]) // a row with a picture's name names no columns, even if its label is "class"
	}
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

// isSpaced tells whether blanks stand between separators and quotes, which would be read as parts of the fields. (Among
// tabs they cannot be told from empty fields.)
func isSpaced(head []byte, separator rune) bool {
	for rest := head; separator != '\t'; {
		at := bytes.IndexRune(rest, separator)
		if at < 0 {
			break
		}
		rest = rest[at+1:]
		if field := bytes.TrimLeft(rest, " \t"); len(field) < len(rest) && len(field) > 0 && field[0] == '"' {
			return true
		}
	}
	return false
}

// rows reads the table's head, up to where it is cut off: what is wrong in a later row is found when all is read.
func (f *fit) rows(head []byte) (rows [][]string) {
	reader := newReader(bytes.NewReader(head), f.separator, f.spaced)
	for {
		row, err := reader.Read()
		if err != nil {
			if len(rows) == 0 {
				f.err = err
			}
			return rows
		}
		if len(rows) == 0 {
			f.line, _ = reader.FieldPos(0)
		}
		rows = append(rows, row)
	}
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
			return best, readError(err)
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
