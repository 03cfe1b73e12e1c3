package jpeg

// Numbers of libjpeg's accurate transform for 12 bits: between the passes it keeps one bit more than
// the samples have. The factors are those for 8 bits, in package kernel.
const (
	factorBits = 13
	extraBits  = 1

	f0298 = 2446
	f0390 = 3196
	f0541 = 4433
	f0765 = 6270
	f0899 = 7373
	f1175 = 9633
	f1501 = 12299
	f1847 = 15137
	f1961 = 16069
	f2053 = 16819
	f2562 = 20995
	f3072 = 25172
)

// deepBits is the precision of the cosine transform's samples, if not 8.
const deepBits = 12

// coefficientBlock decodes a block of a sequential file whose samples are made later.
func (d *Decoder) coefficientBlock(c *component, x, y int) {
	block := c.block(x, y)
	size := uint(d.bits.symbol(&d.dc[c.dc])) & 15
	c.prediction += extend(d.bits.take(int(size)), size)
	block[0] = int16(c.prediction)
	d.band(&d.ac[c.ac], block, 1, 63, 0)
	d.endOfBand = 0 // runs of blocks are progressive files'
}

// deepSamples makes a block's samples of 12 bits of its dequantized coefficients, row by row.
func deepSamples(block *[64]int64, pix []uint16, stride int) {
	var out [8]int64
	for x := range 8 {
		b := block[x : x+57 : x+57]
		cosine(&out, [8]int64{b[0], b[8], b[16], b[24], b[32], b[40], b[48], b[56]}, factorBits-extraBits)
		for y, v := range out {
			b[8*y] = v
		}
	}
	for y := range 8 {
		cosine(&out, [8]int64(block[8*y:]), factorBits+extraBits+3)
		for x, v := range out {
			// libjpeg looks the sample up by 14 bits: what is far beyond all samples wraps around.
			v = v<<50>>50 + 1<<(deepBits-1)
			pix[y*stride+x] = uint16(max(0, min(v, 1<<deepBits-1)))
		}
	}
}

// cosine is one pass of the transform over a row or column; package kernel has the same for 8 bits.
func cosine(out *[8]int64, c [8]int64, shift uint) {
	z := (c[2] + c[6]) * f0541
	t2, t3 := z-c[6]*f1847, z+c[2]*f0765
	round := int64(1) << (shift - 1)
	t0, t1 := (c[0]+c[4])<<factorBits+round, (c[0]-c[4])<<factorBits+round
	e0, e1, e2, e3 := t0+t3, t1+t2, t1-t2, t0-t3

	z1, z2, z3, z4 := c[7]+c[1], c[5]+c[3], c[7]+c[3], c[5]+c[1]
	z5 := (z3 + z4) * f1175
	z1, z2 = -z1*f0899, -z2*f2562
	z3, z4 = z5-z3*f1961, z5-z4*f0390
	o0, o1, o2, o3 := c[7]*f0298+z1+z3, c[5]*f2053+z2+z4, c[3]*f3072+z2+z3, c[1]*f1501+z1+z4

	out[0], out[7] = (e0+o3)>>shift, (e0-o3)>>shift
	out[1], out[6] = (e1+o2)>>shift, (e1-o2)>>shift
	out[2], out[5] = (e2+o1)>>shift, (e2-o1)>>shift
	out[3], out[4] = (e3+o0)>>shift, (e3-o0)>>shift
}

// reconstructDeep is reconstruct for 12 bits.
func (d *Decoder) reconstructDeep(c *component) bool {
	quant, stride := &d.quant[c.quant], c.stride
	var block [64]int64
	for y := range ceil(c.height, 8) {
		if !d.spend(stride * 8) {
			return false
		}
		for x := range ceil(c.width, 8) {
			for k, coefficient := range c.block(x, y) {
				block[natural[k]] = int64(coefficient) * int64(quant[k])
			}
			deepSamples(&block, c.deep[(y*stride+x)*8:], stride)
		}
	}
	return true
}
