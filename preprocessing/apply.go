package preprocessing

import "sync"

// table holds the number for each byte, per channel of the model's input.
type table struct {
	values [maxDepth][256]float32
}

// tables are cached: one is needed per model but used for every image.
var tables sync.Map // of Spec to *table

func (s Spec) table() *table {
	s.Layout = "" // numbers do not depend on it
	if t, found := tables.Load(s); found {
		return t.(*table)
	}
	t := &table{}
	for c := range s.Depth() {
		for v := range t.values[c] {
			t.values[c][v] = float32(s.value(c, float64(v)))
		}
	}
	made, _ := tables.LoadOrStore(s, t)
	return made.(*table)
}

// Apply writes the numbers of RGB pixels, three bytes each, to dst, which must have Depth numbers
// for each pixel. The Spec must be valid. Each number is computed in float64 and rounded to float32
// once.
func (s Spec) Apply(dst []float32, pix []uint8) {
	t := s.table()
	switch s.Channels {
	case Gray:
		applyGray(dst, pix, t)
	case RGBA:
		applyRGBA(dst, pix, t)
	case BGR:
		applyThree(dst, pix, t, 2, 1, 0)
	default:
		applyThree(dst, pix, t, 0, 1, 2)
	}
}

func applyThree(dst []float32, pix []uint8, t *table, a, b, c int) {
	for i := 0; i+3 <= len(pix); i += 3 {
		pixel, out := pix[i:i+3:i+3], dst[i:i+3:i+3]
		out[0] = t.values[0][pixel[a]]
		out[1] = t.values[1][pixel[b]]
		out[2] = t.values[2][pixel[c]]
	}
}

func applyGray(dst []float32, pix []uint8, t *table) {
	for i, out := 0, 0; i+3 <= len(pix); i, out = i+3, out+1 {
		dst[out] = t.values[0][luma(pix[i], pix[i+1], pix[i+2])]
	}
}

func applyRGBA(dst []float32, pix []uint8, t *table) {
	for i, out := 0, 0; i+3 <= len(pix); i, out = i+3, out+4 {
		for c := range 3 {
			dst[out+c] = t.values[c][pix[i+c]]
		}
		dst[out+3] = t.values[3][255]
	}
}

// luma is the grey of a pixel by ITU-R BT.601, in Pillow's 16-bit fixed-point arithmetic.
func luma(r, g, b uint8) uint8 {
	return uint8((uint32(r)*19595 + uint32(g)*38470 + uint32(b)*7471 + 0x8000) >> 16)
}
