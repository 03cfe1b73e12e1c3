package recipe

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Poolings of a convolutional layer's output over its positions, or of a transformer's over its tokens.
const (
	PoolNone    = "none"
	PoolAverage = "avg"
	PoolMax     = "max"
	// PoolClass takes the first token, which transformers such as ViT keep for the class.
	PoolClass = "cls"
	// PoolGeM is the generalized mean, "gem:P": of max(x, 1e-6) to the power P, the P-th root of the mean. P is 3 by
	// default, 1 is nearly the average, and a large one nearly the maximum.
	PoolGeM = "gem"
	// PoolRMAC is the regional maximum activation of convolutions: the sum of the maxima of the whole map and of the
	// square regions at three scales, each divided by its length.
	PoolRMAC = "rmac"
	// PoolSPP is the spatial pyramid, "spp:1,2,4": the maxima of the cells of a grid of 1x1, 2x2 and 4x4, level by level,
	// row by row.
	PoolSPP = "spp"
	// PoolGram is the Gram matrix of the channels, divided by the number of positions: the upper triangle with the
	// diagonal, row by row.
	PoolGram = "gram"
)

const (
	defaultPower = 3
	mostPower    = 100
	mostLevel    = 64
)

// ErrPool says that a pooling is unknown or that its numbers make no sense.
var ErrPool = errors.New("unknown pooling")

// Pooling is a pooling with its numbers.
type Pooling struct {
	// Kind is a constant, such as PoolGeM.
	Kind string
	// Power is P of PoolGeM.
	Power float64
	// Levels are the sides of PoolSPP's grids.
	Levels []int
}

// ParsePool reads a pooling: a constant, "gem:P", "spp:N,N,...", or the other names "mac" for max and "spoc" for avg.
// "" means none.
func ParsePool(text string) (Pooling, error) {
	kind, numbers, given := strings.Cut(text, ":")
	if given && kind != PoolGeM && kind != PoolSPP || given && numbers == "" {
		kind = ""
	}
	p := Pooling{Kind: kind}
	switch {
	case text == "":
		p.Kind = PoolNone
	case kind == "mac":
		p.Kind = PoolMax
	case kind == "spoc":
		p.Kind = PoolAverage
	case kind == PoolGeM:
		p.Power = defaultPower
		if power, err := strconv.ParseFloat(numbers, 64); given {
			if p.Power = power; err != nil || !(power > 0 && power <= mostPower) {
				return p, fmt.Errorf("%w %q: the power of gem is a number above 0, up to %d", ErrPool, text, mostPower)
			}
		}
	case kind == PoolSPP:
		if !given {
			return p, fmt.Errorf("%w %q: name the grids of spp, as in spp:1,2,4", ErrPool, text)
		}
		for level := range strings.SplitSeq(numbers, ",") {
			n, err := strconv.Atoi(level)
			if err != nil || n < 1 || n > mostLevel || len(p.Levels) > 0 && n <= p.Levels[len(p.Levels)-1] {
				return p, fmt.Errorf("%w %q: the grids of spp are whole numbers from 1 to %d that rise, as in spp:1,2,4", ErrPool, text, mostLevel)
			}
			p.Levels = append(p.Levels, n)
		}
	case kind == PoolNone, kind == PoolAverage, kind == PoolMax, kind == PoolClass, kind == PoolRMAC, kind == PoolGram:
	default:
		return p, fmt.Errorf("%w %q: use none, avg, max, cls, gem:P, rmac, spp:N,N,... or gram", ErrPool, text)
	}
	return p, nil
}

// String is the pooling as recipes have it.
func (p Pooling) String() string {
	switch p.Kind {
	case PoolGeM:
		return PoolGeM + ":" + strconv.FormatFloat(p.Power, 'g', -1, 64)
	case PoolSPP:
		levels := make([]string, len(p.Levels))
		for i, n := range p.Levels {
			levels[i] = strconv.Itoa(n)
		}
		return PoolSPP + ":" + strings.Join(levels, ",")
	}
	return p.Kind
}

// Values is the number of values that it makes of so many channels.
func (p Pooling) Values(channels int) int {
	switch p.Kind {
	case PoolSPP:
		cells := 0
		for _, n := range p.Levels {
			cells += n * n
		}
		return cells * channels
	case PoolGram:
		return channels * (channels + 1) / 2
	}
	return channels
}
