package labeltable

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/unicode"
)

// decoderOf returns the encoding with that name, nil for UTF-8.
func decoderOf(name string) (encoding.Encoding, error) {
	switch strings.ToLower(name) {
	case "", "utf-8", "utf8":
		return nil, nil
	}
	e, err := htmlindex.Get(name)
	if err != nil {
		return nil, fmt.Errorf("unknown encoding %q: use utf-8, utf-16le, cp1252 (Western Europe), cp1250, cp1251, macintosh, shift_jis, gbk, big5, euc-kr or another that the web knows", name)
	}
	return e, nil
}

// beginning is how much of a table is looked at to find out how it is written.
const beginning = 64 << 10

// plainText returns the text of a table as UTF-8, and the name of its encoding. A text that has none declared, and
// no mark, must be UTF-8, which is not checked here: paths may hold any bytes.
func (o Options) plainText(r io.Reader) (out *bufio.Reader, name string, err error) {
	raw := bufio.NewReaderSize(r, beginning)
	head, _ := raw.Peek(4096) // shorter files are complete; errors recur
	declared, err := decoderOf(o.Encoding)
	if err != nil {
		return nil, "", err
	}
	switch {
	case bytes.HasPrefix(head, []byte("PK\x03\x04")), bytes.HasPrefix(head, []byte("\xd0\xcf\x11\xe0")):
		return nil, "", fmt.Errorf("it is a spreadsheet, not text: export it as \"CSV UTF-8\"")
	case bytes.HasPrefix(head, []byte("PAR1")):
		return nil, "", fmt.Errorf("it is a Parquet file, not text: write it as CSV")
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")) && declared == nil:
		_, _ = raw.Discard(3) // they are there
		return raw, "UTF-8", nil
	case bytes.HasPrefix(head, []byte("\xff\xfe")), bytes.HasPrefix(head, []byte("\xfe\xff")):
		marked := unicode.UTF16(unicode.LittleEndian, unicode.ExpectBOM)
		return bufio.NewReaderSize(marked.NewDecoder().Reader(raw), beginning), "UTF-16", nil
	case declared != nil:
		name, _ = htmlindex.Name(declared) // known, since it was found
		return bufio.NewReaderSize(declared.NewDecoder().Reader(raw), beginning), name, nil
	case bytes.IndexByte(head, 0) >= 0:
		return nil, "", fmt.Errorf("it is UTF-16 without a mark, not UTF-8: declare encoding=utf-16le, or save the table as \"CSV UTF-8\"")
	}
	return raw, "UTF-8", nil
}

// peek returns the first lines, as many whole ones as beginning has room for.
func peek(r *bufio.Reader) []byte {
	head, err := r.Peek(beginning)
	if err != nil { // these are all
		return head
	}
	if end := bytes.LastIndexByte(head, '\n'); end >= 0 {
		head = head[:end+1]
	}
	return head
}

// skipSeparatorLine takes the line with which spreadsheets declare the separator, such as sep=;
func skipSeparatorLine(r *bufio.Reader) (separator rune) {
	head, _ := r.Peek(7) // shorter ones are complete
	if len(head) < 5 || !strings.EqualFold(string(head[:4]), "sep=") || plurals[rune(head[4])] == "" {
		return 0
	}
	rest := head[5:]
	length := 5
	switch {
	case len(rest) == 0 || rest[0] == '\n':
		length += min(1, len(rest))
	case bytes.HasPrefix(rest, []byte("\r\n")):
		length += 2
	default:
		return 0
	}
	_, _ = r.Discard(length) // they were peeked at
	return rune(head[4])
}
