package tiff

import "encoding/binary"

// undo turns differences back into samples, row by row.
func (f *File) undo(l *Layout, block []byte) error {
	if l.Predictor < 2 {
		return nil
	}
	row, channels := int(l.rowBytes()), l.channels()
	for ; len(block) >= row; block = block[row:] {
		if err := f.spend(row); err != nil {
			return err
		}
		line := block[:row]
		if l.Predictor == 3 {
			f.undoFloats(l, line)
			continue
		}
		switch l.Bits {
		case 8:
			for i := channels; i < row; i++ {
				line[i] += line[i-channels]
			}
		case 16:
			for i := 2 * channels; i+2 <= row; i += 2 {
				f.order.PutUint16(line[i:], f.order.Uint16(line[i:])+f.order.Uint16(line[i-2*channels:]))
			}
		case 32:
			for i := 4 * channels; i+4 <= row; i += 4 {
				f.order.PutUint32(line[i:], f.order.Uint32(line[i:])+f.order.Uint32(line[i-4*channels:]))
			}
		case 64:
			for i := 8 * channels; i+8 <= row; i += 8 {
				f.order.PutUint64(line[i:], f.order.Uint64(line[i:])+f.order.Uint64(line[i-8*channels:]))
			}
		}
	}
	return nil
}

// undoFloats: a row has the differences of the highest bytes of all numbers, then of the next.
func (f *File) undoFloats(l *Layout, line []byte) {
	channels := l.channels()
	for i := channels; i < len(line); i++ {
		line[i] += line[i-channels]
	}
	size := l.Bits / 8
	n := len(line) / size
	f.raw = grown(f.raw, int64(len(line)))
	planes := f.raw[:len(line)]
	copy(planes, line)
	for i := range n {
		for b := range size {
			to := b
			if f.order == binary.ByteOrder(binary.LittleEndian) {
				to = size - 1 - b
			}
			line[i*size+to] = planes[b*n+i]
		}
	}
}
