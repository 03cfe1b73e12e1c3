// Package finite looks for values that are not numbers in what is read, computed and stored:
// one of them spoils whatever is computed from it. It knows numbers alone.
package finite

import "math"

// First is the index of the first NaN or infinite value, or -1.
func First(values []float32) int {
	// In eights, with one branch: all features pass through here, some of them several times.
	const step = 8
	i := 0
	for ; i+step <= len(values); i += step {
		v := values[i : i+step : i+step]
		if int32(raised(v[0])|raised(v[1])|raised(v[2])|raised(v[3])|raised(v[4])|raised(v[5])|raised(v[6])|raised(v[7])) < 0 {
			break
		}
	}
	for ; i < len(values); i++ {
		if int32(raised(values[i])) < 0 {
			return i
		}
	}
	return -1
}

// raised are the bits of |v| with one more in the exponent, which sets the sign of those that
// had all exponent bits set: NaN and the infinities.
func raised(v float32) uint32 { return math.Float32bits(v)&^(1<<31) + 1<<23 }
