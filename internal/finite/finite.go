package finite

import "math"

// First is the index of the first NaN or infinite value, or -1.
func First(values []float32) int {
	i := 0
	if haveAVX2 {
		for i+lane <= len(values) {
			n := min(len(values)-i, block) / lane * lane
			var largest [8]uint32
			largestAVX2(&values[i], n, &largest)
			for _, bits := range largest {
				if bits >= infinity {
					return i + first(values[i:])
				}
			}
			i += n
		}
	}
	if at := first(values[i:]); at >= 0 {
		return i + at
	}
	return -1
}

const (
	// lane is the number of values that largestAVX2 takes at a time.
	lane = 32
	// block bounds what is looked through twice.
	block = 4096
	// infinity are the bits of both infinities without their sign, at the upper end. Those of NaN are larger.
	infinity = 0xff << 24
)

func first(values []float32) int {
	for i, v := range values {
		if math.Float32bits(v)<<1 >= infinity {
			return i
		}
	}
	return -1
}
