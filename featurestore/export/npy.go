package export

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"math"
	"strings"

	"github.com/x448/float16"

	"fovea/featurestore"
)

// npyEncoder writes the format of numpy.lib.format, version 1.0: magic, version, length of
// the header, the header padded so that the data is aligned to 64 bytes, the data.
type npyEncoder struct {
	w          *bufio.Writer
	rows, cols int
	dtype      featurestore.DType
	scratch    []byte
}

func (e *npyEncoder) begin() error {
	descr := "<f4"
	if e.dtype == featurestore.Float16 {
		descr = "<f2"
	}
	header := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%d, %d), }", descr, e.rows, e.cols)
	const before = 10
	header += strings.Repeat(" ", 63-(before+len(header))%64) + "\n"
	_, _ = e.w.WriteString("\x93NUMPY\x01\x00")
	_, _ = e.w.Write(binary.LittleEndian.AppendUint16(nil, uint16(len(header))))
	_, err := e.w.WriteString(header)
	return err
}

func (e *npyEncoder) row(_ *featurestore.Row, vector []float32) error {
	b := e.scratch[:0]
	for _, x := range vector {
		if e.dtype == featurestore.Float16 {
			b = binary.LittleEndian.AppendUint16(b, float16.Fromfloat32(x).Bits())
		} else {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
		}
	}
	e.scratch = b
	_, err := e.w.Write(b)
	return err
}
