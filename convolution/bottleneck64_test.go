package convolution_test

import (
	"math"
	"slices"
)

// want is the bottleneck in float64.
func (c bottleneckCase) want(w weights) []float64 {
	var all []float64
	size := c.height * c.width
	for p := range c.pictures {
		x := make([]float64, size*c.in)
		for i := range x {
			x[i] = float64(w.pixels[p*size*3+i/c.in*3+i%c.in%3])
		}
		y, mid := x, c.mid()
		if c.wide > 0 {
			y = c.activated(product64(y, w.expand, w.expandBias, c.wide))
		}
		y = c.activated(c.depth64(y, w))
		if c.squeezed > 0 {
			g := c.gates64(y, w)
			for i := range y {
				y[i] *= g[i%mid]
			}
		}
		y = product64(y, w.project, w.projectBias, c.out)
		for i := range y {
			if c.residual() {
				y[i] += x[i]
			}
		}
		all = append(all, y...)
	}
	return all
}

func (c bottleneckCase) activated(x []float64) []float64 {
	y := slices.Clone(x)
	for i, v := range x {
		if c.hard {
			y[i] = v * hard64(v)
		} else {
			y[i] = v * (1 / (1 + math.Exp(-v)))
		}
	}
	return y
}

func hard64(v float64) float64 { return math.Max(0, math.Min(6, v+3)) / 6 }

// product64 multiplies pixels with a matrix. The race detector, of no use to it, would make it take ten times as long.
//
//go:norace
func product64(x []float64, kernel, bias []float32, out int) []float64 {
	in := len(kernel) / out
	y := make([]float64, len(x)/in*out)
	for i := range y {
		y[i] = float64(bias[i%out])
		for k := range in {
			y[i] += x[i/out*in+k] * float64(kernel[k*out+i%out])
		}
	}
	return y
}

// depth64 filters each channel by itself, as product64 without the race detector.
//
//go:norace
func (c bottleneckCase) depth64(x []float64, w weights) []float64 {
	height, top := c.along(c.height)
	width, left := c.along(c.width)
	mid := c.mid()
	y := make([]float64, height*width*mid)
	for at := range y {
		i, j, k := at/mid/width, at/mid%width, at%mid
		y[at] = float64(w.depthBias[k])
		for tap := range c.side * c.side {
			r, q := i*c.stride+tap/c.side-top, j*c.stride+tap%c.side-left
			if r >= 0 && q >= 0 && r < c.height && q < c.width {
				y[at] += x[(r*c.width+q)*mid+k] * float64(w.depth[tap*mid+k])
			}
		}
	}
	return y
}

func (c bottleneckCase) gates64(x []float64, w weights) []float64 {
	mid := c.mid()
	mean := make([]float64, mid)
	for i, v := range x {
		mean[i%mid] += v / float64(len(x)/mid)
	}
	s := product64(mean, w.squeeze, w.squeezeBias, c.squeezed)
	for i, v := range s {
		if c.hard {
			s[i] = math.Max(0, v)
		} else {
			s[i] = v * (1 / (1 + math.Exp(-v)))
		}
	}
	g := product64(s, w.excite, w.exciteBias, mid)
	for i, v := range g {
		if c.hard {
			g[i] = hard64(v)
		} else {
			g[i] = 1 / (1 + math.Exp(-v))
		}
	}
	return g
}
