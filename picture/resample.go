package picture

import "math"

// Interpolation is a resampling filter, named as Pillow does.
type Interpolation string

// The filters. All but Nearest are antialiased: when a picture shrinks, the filter grows
// with the factor.
const (
	Bilinear Interpolation = "bilinear"
	Bicubic  Interpolation = "bicubic"
	Lanczos  Interpolation = "lanczos"
	Nearest  Interpolation = "nearest"
)

// filter is a kernel and the distance beyond which it is zero.
type filter struct {
	weight  func(float64) float64
	support float64
}

var filters = map[Interpolation]filter{
	"":       {triangle, 1},
	Bilinear: {triangle, 1},
	Bicubic:  {cubic, 2},
	Lanczos:  {lanczos, 3},
	Nearest:  {},
}

func triangle(x float64) float64 { return max(0, 1-math.Abs(x)) }

// cubic is Keys's kernel with a = -0.5.
func cubic(x float64) float64 {
	const a = -0.5
	x = math.Abs(x)
	switch {
	case x < 1:
		return ((a+2)*x-(a+3))*x*x + 1
	case x < 2:
		return (((x-5)*x+8)*x - 4) * a
	}
	return 0
}

func lanczos(x float64) float64 {
	if x < -3 || x >= 3 {
		return 0
	}
	return sinc(x) * sinc(x/3)
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	x *= math.Pi
	return math.Sin(x) / x
}

// weightBits is the precision of the fixed-point weights: 8 bits are taken by the pixel and
// 2 are left for the sum's sign and overshoot.
const weightBits = 32 - 8 - 2

// window is the range of source samples that make an output sample, and their weights.
type window struct {
	start   int
	weights []int32
}

// windows computes the windows of one dimension, from sizes in and out.
func (f filter) windows(in, out int) []window {
	scale := float64(in) / float64(out)
	stretch := max(scale, 1)
	support := f.support * stretch
	all := make([]window, out)
	for i := range all {
		centre := (float64(i) + 0.5) * scale
		start := max(0, int(centre-support+0.5))
		end := min(in, int(centre+support+0.5))
		weights := make([]float64, end-start)
		sum := 0.0
		for j := range weights {
			weights[j] = f.weight((float64(start+j) - centre + 0.5) / stretch)
			sum += weights[j]
		}
		fixed := make([]int32, len(weights))
		for j, w := range weights {
			if sum != 0 {
				w /= sum
			}
			fixed[j] = int32(math.Floor(math.Abs(w)*(1<<weightBits)+0.5)) * sign(w)
		}
		all[i] = window{start, fixed}
	}
	return all
}

func sign(x float64) int32 {
	if x < 0 {
		return -1
	}
	return 1
}

// resized scales the picture: columns first, then rows, rounding to bytes in between, as
// Pillow does.
func (p rgb) resized(width, height int, interpolation Interpolation) rgb {
	if p.width == width && p.height == height {
		return p
	}
	f := filters[interpolation]
	if f.weight == nil {
		return p.nearest(width, height)
	}
	if p.width != width {
		p = p.resizedColumns(f.windows(p.width, width))
	}
	if p.height != height {
		p = p.resizedRows(f.windows(p.height, height))
	}
	return p
}

func (p rgb) resizedColumns(windows []window) rgb {
	out := newRGB(len(windows), p.height)
	out.rows(func(y int, row []uint8) {
		source := p.pix[y*p.width*3 : (y+1)*p.width*3]
		for x, w := range windows {
			var r, g, b int32 = 1 << (weightBits - 1), 1 << (weightBits - 1), 1 << (weightBits - 1)
			pixels := source[3*w.start : 3*(w.start+len(w.weights))]
			for i, weight := range w.weights {
				three := pixels[3*i : 3*i+3 : 3*i+3]
				r += int32(three[0]) * weight
				g += int32(three[1]) * weight
				b += int32(three[2]) * weight
			}
			row[3*x] = clamp(r >> weightBits)
			row[3*x+1] = clamp(g >> weightBits)
			row[3*x+2] = clamp(b >> weightBits)
		}
	})
	return out
}

func (p rgb) resizedRows(windows []window) rgb {
	out := newRGB(p.width, len(windows))
	sums := make([]int32, p.width*3)
	out.rows(func(y int, row []uint8) {
		w := windows[y]
		for i := range sums {
			sums[i] = 1 << (weightBits - 1)
		}
		for i, weight := range w.weights {
			source := p.pix[(w.start+i)*p.width*3:][:len(sums)]
			for j, v := range source {
				sums[j] += int32(v) * weight
			}
		}
		for j, sum := range sums {
			row[j] = clamp(sum >> weightBits)
		}
	})
	return out
}

func (p rgb) nearest(width, height int) rgb {
	out := newRGB(width, height)
	xs := make([]int, width)
	for x := range xs {
		xs[x] = min(p.width-1, int((float64(x)+0.5)*float64(p.width)/float64(width)))
	}
	out.rows(func(y int, row []uint8) {
		sy := min(p.height-1, int((float64(y)+0.5)*float64(p.height)/float64(height)))
		for x, sx := range xs {
			copy(row[3*x:3*x+3], p.pix[(sy*p.width+sx)*3:])
		}
	})
	return out
}

// Sizes of the single-crop protocol.
const (
	cropFrom = 256
	cropTo   = 224
)

// centreCrop scales the shorter side in the proportion of 256 to 224 and takes the centre.
// Sides and offsets round as torchvision's do.
func (p rgb) centreCrop(size int, interpolation Interpolation) rgb {
	short := int(math.RoundToEven(float64(size) * cropFrom / cropTo))
	width, height := short, short
	if p.width < p.height {
		height = short * p.height / p.width
	} else {
		width = short * p.width / p.height
	}
	scaled := p.resized(width, height, interpolation)
	left := int(math.RoundToEven(float64(width-size) / 2))
	top := int(math.RoundToEven(float64(height-size) / 2))
	out := newRGB(size, size)
	out.rows(func(y int, row []uint8) {
		copy(row, scaled.pix[((top+y)*width+left)*3:])
	})
	return out
}
