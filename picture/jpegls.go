package picture

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"fovea/picture/internal/jpegls"
)

// isJPEGLS tells JPEG-LS by its frame, which may stand after other segments.
func isJPEGLS(data []byte) bool {
	const startOfImage, frameLS, start, last = "\xff\xd8", 0xf7, 0xc0, 0xe0
	rest, found := bytes.CutPrefix(data, []byte(startOfImage))
	for found && len(rest) >= 4 && rest[0] == 0xff {
		switch marker := rest[1]; {
		case marker == frameLS:
			return true
		case marker >= start && marker < last && marker != 0xdd: // JPEG's frames, tables and scans
			return false
		}
		rest = rest[min(len(rest), 2+int(binary.BigEndian.Uint16(rest[2:]))):]
	}
	return false
}

func jpegLSHeader(w *workspace, data []byte) (header, error) {
	got, err := (&jpegls.Decoder{Spend: w.clock.spend}).Header(data)
	if err == nil && got.Components != 1 && got.Components != 3 {
		err = fmt.Errorf("%w: JPEG-LS of %d components: %s", ErrUnsupported, got.Components, toPNG)
	}
	h := header{width: got.Width, height: got.Height, extent: extent{bytes: plus(got.Bytes, times(got.Width, 6)), least: got.Least}}
	h.deep = got.Precision > 8
	return h, err
}

func decodeJPEGLS(w *workspace, data []byte, j job) (source, error) {
	decoded, err := (&jpegls.Decoder{Spend: w.clock.spend}).Decode(data)
	if err != nil {
		return source{}, err
	}
	width, channels := decoded.Width, len(decoded.Planes)
	if decoded.Precision > 8 {
		return w.ranged(deep{width: width, height: decoded.Height, channels: channels, bits: decoded.Precision, words: func(y int, dst []uint16) {
			for c, plane := range decoded.Planes {
				for x, v := range plane[y*width:][:width] {
					dst[channels*x+c] = v
				}
			}
		}}, j.ranged)
	}
	table := stretched(decoded.Precision)
	return source{width: width, height: decoded.Height, row: func(y int, dst []uint8) {
		for c := range 3 {
			for x, v := range decoded.Planes[c%channels][y*width:][:width] {
				dst[3*x+c] = table[uint8(v)]
			}
		}
	}}, nil
}
