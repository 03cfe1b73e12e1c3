package jpeg

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	"fovea/picture/internal/fault"
)

// abbreviated takes the segments of some kinds out of a file, up to its first scan.
func abbreviated(file []byte, kinds ...byte) (tables, rest []byte) {
	start := []byte{0xff, startOfImage}
	tables, rest = bytes.Clone(start), bytes.Clone(start)
	at := 2
	for file[at+1] != startOfScan {
		end := at + 2 + int(binary.BigEndian.Uint16(file[at+2:]))
		if bytes.IndexByte(kinds, file[at+1]) >= 0 {
			tables = append(tables, file[at:end]...)
		} else {
			rest = append(rest, file[at:end]...)
		}
		at = end
	}
	return append(tables, 0xff, endOfImage), append(rest, file[at:]...)
}

// Tables that stand apart count as if they stood in the file, which has the same samples.
func TestAbbreviated(t *testing.T) {
	d := new(Decoder)
	for name, file := range examples(t) {
		want := samplesOf(t, new(Decoder), file)
		tables, rest := abbreviated(file, defineQuant, defineHuff)
		for _, tables := range [][]byte{tables, tables[:len(tables)-2]} {
			got, err := d.DecodeAbbreviated(tables, rest)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if !bytes.Equal(samplesIn(got), want) {
				t.Errorf("%s has other samples", name)
			}
		}
		if _, err := d.Decode(rest); !errors.Is(err, fault.ErrCorrupt) {
			t.Errorf("%s without tables: %v", name, err)
		}
	}
}

// What is no stream of tables is refused.
func TestAbbreviatedErrors(t *testing.T) {
	file := examples(t)["jpeg-grey.jpg"]
	tables, rest := abbreviated(file, defineQuant, defineHuff)
	for name, test := range map[string]struct {
		tables []byte
		err    error
	}{
		"a whole file":         {file, fault.ErrCorrupt},
		"no start":             {tables[2:], fault.ErrCorrupt},
		"cut within a table":   {tables[:40], fault.ErrTruncated},
		"a table too long":     {append(tables[:2:2], 0xff, defineQuant, 0, 4, 0, 1), fault.ErrCorrupt},
		"arithmetic, lossless": {append(tables[:2:2], 0xff, 0xcb, 0, 2), fault.ErrUnsupported},
	} {
		if _, err := new(Decoder).DecodeAbbreviated(test.tables, rest); !errors.Is(err, test.err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
