package pipeline

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"fovea/internal/budget"
	"fovea/internal/spelling"
)

// CSVLabels takes labels from a CSV file in UTF-8 with rows path,label or path,label,split. The
// paths are those of the items, or as they are displayed if they are not UTF-8. A first row that
// begins with "path" is a header. An empty label or split means that the image has none.
type CSVLabels struct {
	File string
	// MaxMemory is how many bytes of memory reading it may take. By default its size decides: 256 MiB and 16 times
	// the size, but not more than the machine has. A file that needs more is refused with budget.ErrMemory.
	MaxMemory int64
}

type csvLabel struct{ label, split string }

// Label implements Labeler. An image that the file does not list is an error; a row without an image
// is not.
func (c CSVLabels) Label(items []Item) error {
	labels, err := c.read()
	if err != nil {
		return err
	}
	taken := map[string]string{} // the file for each spelling that stands for another name
	missing := 0
	var first string
	for i := range items {
		path := items[i].Path
		label, found := labels[path]
		if shown := spelling.Spell(path); !found && shown != path {
			if label, found = labels[shown]; found {
				taken[shown] = items[i].File
			}
		}
		if !found {
			if missing == 0 {
				first = path
			}
			missing++
			continue
		}
		items[i].Label, items[i].Split = label.label, label.split
	}
	if missing > 0 {
		return fmt.Errorf("pipeline: %s lacks %d of %d images, the first is %s: %s", c.File, missing, len(items), spelling.Spell(first), hintMissing(labels, first))
	}
	for i := range items {
		if file, both := taken[items[i].Path]; both {
			return fmt.Errorf("pipeline: %s: the row of %s could mean %s or %q: rename one of them, or write the latter as %s", c.File, items[i].Path, items[i].File, file, spelling.Spell(items[i].Path))
		}
	}
	return nil
}

// hintMissing says why the rows may not include the path.
func hintMissing(labels map[string]csvLabel, path string) string {
	for _, listed := range slices.Sorted(maps.Keys(labels)) {
		switch {
		case strings.ReplaceAll(listed, "\\", "/") == path:
			return "write the paths in it with / instead of \\"
		case strings.HasSuffix(listed, "/"+path) || listed != "" && strings.HasSuffix(path, "/"+listed):
			return fmt.Sprintf("it has %s: write the paths as they are below the IMAGES argument, or give another argument", listed)
		case spelling.Alike([]string{listed, path}) != nil:
			return fmt.Sprintf("it has %+q, which looks alike", listed)
		}
	}
	return fmt.Sprintf("add a row %s,LABEL for each (an empty label is allowed)", spelling.Spell(path))
}

func (c CSVLabels) read() (map[string]csvLabel, error) {
	f, err := os.Open(c.File)
	if err != nil {
		return nil, fmt.Errorf("pipeline: cannot open the labels in %s: %w", c.File, cause(err))
	}
	defer f.Close() // read-only
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("pipeline: cannot open the labels in %s: %w", c.File, cause(err))
	}
	size := info.Size()
	if !info.Mode().IsRegular() { // a pipe, whose size is not known
		size = math.MaxInt64
	}
	return parseCSVLabels(f, c.File, budget.For(size, budget.Packed, c.MaxMemory))
}

func parseCSVLabels(r io.Reader, name string, memory *budget.Budget) (map[string]csvLabel, error) {
	text, err := plainText(r, name)
	if err != nil {
		return nil, err
	}
	rows := &csvRows{text: text}
	reader := csv.NewReader(rows)
	reader.FieldsPerRecord = -1 // checked below, with a better message
	labels := map[string]csvLabel{}
	for first := true; ; first = false {
		record, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return labels, nil
		}
		if err != nil {
			return nil, fmt.Errorf("pipeline: read the labels in %s: %w", name, err)
		}
		line, _ := reader.FieldPos(0)
		length := reader.InputOffset() - rows.begun
		rows.begun, rows.line = reader.InputOffset(), line
		if err := memory.Take(perCSVRow+length, "what it labels"); err != nil {
			return nil, fmt.Errorf("pipeline: %s, line %d: %w", name, line, err)
		}
		if err := checkRecord(record, first); err != nil {
			return nil, fmt.Errorf("pipeline: %s, line %d %w", name, line, err)
		}
		if first && isHeading(record[0]) {
			continue
		}
		label := csvLabel{label: spelling.Read(record[1])}
		if len(record) == 3 {
			label.split = spelling.Read(record[2])
		}
		path := strings.TrimPrefix(filepath.ToSlash(record[0]), "./")
		if earlier, found := labels[path]; found && earlier != label {
			return nil, fmt.Errorf("pipeline: %s, line %d labels %s as %q, an earlier line as %q: keep one of them", name, line, path, label.label, earlier.label)
		}
		labels[path] = label
	}
}

const (
	// maxCSVRow bounds a row, whose fields may take forty times their size while it is read.
	maxCSVRow = 1 << 20
	// perCSVRow is what a row takes besides its text, in a map that has just grown.
	perCSVRow = 192
)

// csvRows reads rows of at most maxCSVRow bytes.
type csvRows struct {
	text io.Reader
	// read is the number of bytes so far; the row that is read begins at begun, after a line.
	read, begun int64
	line        int
}

// Read implements io.Reader.
func (c *csvRows) Read(p []byte) (int, error) {
	if c.read-c.begun > maxCSVRow {
		return 0, fmt.Errorf("the row after line %d has more than %d bytes: it may lack the end of its line, or a second quote", c.line, maxCSVRow)
	}
	n, err := c.text.Read(p)
	c.read += int64(n)
	return n, err
}

func isHeading(field string) bool { return strings.EqualFold(strings.TrimSpace(field), "path") }

// plainText skips a byte order mark and rejects other encodings than UTF-8.
func plainText(r io.Reader, name string) (io.Reader, error) {
	text := bufio.NewReaderSize(r, 64<<10)
	head, _ := text.Peek(4096) // shorter files are complete; errors recur
	switch {
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		_, _ = text.Discard(3) // they are there
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		return nil, fmt.Errorf("pipeline: the labels in %s are a spreadsheet, not text: export them as \"CSV UTF-8\"", name)
	case bytes.HasPrefix(head, []byte("\xff\xfe")), bytes.HasPrefix(head, []byte("\xfe\xff")), bytes.IndexByte(head, 0) >= 0:
		return nil, fmt.Errorf("pipeline: the labels in %s are UTF-16, not UTF-8: save the table as \"CSV UTF-8\", or iconv -f UTF-16 -t UTF-8", name)
	case bytes.IndexByte(head, '\r') >= 0 && bytes.IndexByte(head, '\n') < 0:
		return nil, fmt.Errorf("pipeline: the lines in %s end with CR only, as on old Macs: save it with LF, for example with tr '\\r' '\\n'", name)
	}
	return text, nil
}

// checkRecord rejects rows that are not path,label[,split].
func checkRecord(record []string, first bool) error {
	if len(record) != 2 && len(record) != 3 {
		for separator, called := range map[string]string{";": "semicolons", "\t": "tabs"} {
			if len(record) == 1 && strings.Contains(record[0], separator) {
				return fmt.Errorf("has no comma, but %s: save it with commas between the fields", called)
			}
		}
		return fmt.Errorf("has %d fields: a row is path,label or path,label,split", len(record))
	}
	columns := make([]string, len(record))
	for i, field := range record {
		columns[i] = strings.ToLower(strings.TrimSpace(field))
	}
	if at := slices.Index(columns, "path"); first && (at > 0 || at == 0 && (columns[1] == "split" || len(columns) == 3 && columns[2] == "label")) {
		return fmt.Errorf("names the columns %s: put them in the order path,label[,split]", strings.Join(columns, ","))
	}
	for _, field := range record[1:] {
		if !utf8.ValidString(field) {
			return fmt.Errorf("has %q, which is not UTF-8: save the table as \"CSV UTF-8\", or iconv -f LATIN1 -t UTF-8 if that is its encoding", field)
		}
	}
	return nil
}
