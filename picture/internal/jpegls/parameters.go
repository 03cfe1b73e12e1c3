package jpegls

import (
	"math/bits"

	"fovea/picture/internal/fault"
)

// preset is what a file says of its coding: the largest sample, three thresholds of gradients, and when
// contexts are halved. 0 stands for the default.
type preset [5]int

// parameters are those of a scan (ITU-T T.87, A.2.1).
type parameters struct {
	maxval, near int32
	step         int32 // of quantized errors: 2 near + 1
	span         int32 // of errors, times step
	limit        int   // of a code, in bits
	errorBits    int   // of an error that is coded as it is
	reset        int32
	leastA       int32
	// gradients has the region, -4 to 4, of a difference; that of 0 is at maxval.
	gradients []int8
}

// parametersOf completes the presets (C.2.4.1.1).
func parametersOf(p preset, precision, near int) (parameters, error) {
	top := 1<<precision - 1
	maxval := p[0]
	if maxval == 0 {
		maxval = top
	}
	if maxval > top || near > min(255, maxval/2) {
		return parameters{}, fault.Corrupt("a largest sample of %d and differences of %d, with %d bits", maxval, near, precision)
	}
	t := thresholds(maxval, near)
	for i, least := range []int{near + 1, 0, 0} {
		if i > 0 {
			least = t[i-1]
		}
		if p[1+i] != 0 {
			t[i] = p[1+i]
		}
		if t[i] < least || t[i] > maxval {
			return parameters{}, fault.Corrupt("thresholds of %d, %d, %d", t[0], t[1], t[2])
		}
	}
	reset := p[4]
	if reset == 0 {
		reset = 64
	}
	if reset < 3 || reset > max(255, maxval) {
		return parameters{}, fault.Corrupt("contexts are halved after %d samples", reset)
	}
	step := 2*near + 1
	values := (maxval+2*near)/step + 1
	sampleBits := max(2, bits.Len(uint(maxval)))
	return parameters{
		maxval: int32(maxval), near: int32(near), step: int32(step), span: int32(values * step), reset: int32(reset),
		limit: 2 * (sampleBits + max(8, sampleBits)), errorBits: bits.Len(uint(values - 1)), leastA: int32(max(2, (values+32)/64)),
		gradients: regions(maxval, near, t),
	}, nil
}

// thresholds are the defaults, which are 3, 7 and 21 for 8 bits.
func thresholds(maxval, near int) [3]int {
	limited := func(v, least int) int {
		if v > maxval || v < least {
			return least
		}
		return v
	}
	if maxval >= 128 {
		factor := (min(maxval, 4095) + 128) / 256
		t1 := limited(factor+2+3*near, near+1)
		t2 := limited(4*factor+3+5*near, t1)
		return [3]int{t1, t2, limited(17*factor+4+7*near, t2)}
	}
	factor := 256 / (maxval + 1)
	t1 := limited(max(2, 3/factor+3*near), near+1)
	t2 := limited(max(3, 7/factor+5*near), t1)
	return [3]int{t1, t2, limited(max(4, 21/factor+7*near), t2)}
}

func regions(maxval, near int, t [3]int) []int8 {
	out := make([]int8, 2*maxval+1)
	for d := range maxval + 1 {
		region := int8(0)
		switch {
		case d >= t[2]:
			region = 4
		case d >= t[1]:
			region = 3
		case d >= t[0]:
			region = 2
		case d > near:
			region = 1
		}
		out[maxval+d], out[maxval-d] = region, -region
	}
	return out
}
