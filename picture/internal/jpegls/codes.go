package jpegls

// regularContexts is how many combinations of three gradients there are, but for signs.
const regularContexts = (9*9*9 + 1) / 2

// context is what was learnt about errors beside gradients of a kind: the sum of their sizes, their bias, its
// correction and how many they are (A.3 to A.6).
type context struct{ a, b, c, n int32 }

// runContext is what was learnt about errors of samples after runs: kind 0 for those with another neighbour
// above, 1 for those with the same.
type runContext struct{ kind, a, n, negative int32 }

// runBits has the length of a run, in bits, by how runs went so far (A.2.1).
var runBits = [32]uint8{0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 9, 10, 11, 12, 13, 14, 15}

// gradient is the combination of regions that a sample's neighbours are in: left, above, above left and
// above right.
func (c *coder) gradient(left, above, corner, right int32) int32 {
	g := c.gradients
	return 81*int32(g[right-above+c.maxval]) + 9*int32(g[above-corner+c.maxval]) + int32(g[corner-left+c.maxval])
}

// line decodes a line of one component.
func (c *coder) line(l *line, width int) {
	above, here := l.above[:width+2], l.here[:width+2]
	for x := 1; x <= width; {
		a, b, corner := here[x-1], above[x], above[x-1]
		if q := c.gradient(a, b, corner, above[x+1]); q != 0 {
			here[x] = c.regular(q, a, b, corner)
			x++
			continue
		}
		length := c.runLength(l, width-x+1)
		for i := range length {
			here[x+i] = a
		}
		if x += length; x <= width {
			here[x] = c.interruption(l, a, above[x])
			c.shorten(l)
			x++
		}
	}
}

// pixels decodes a line of several components, sample by sample. Runs are of all of them, and counted with
// the first.
func (c *coder) pixels(lines []line, width int) {
	first := &lines[0]
	for x := 1; x <= width; {
		var q [maxComponents]int32
		any := int32(0)
		for i := range lines {
			l := &lines[i]
			q[i] = c.gradient(l.here[x-1], l.above[x], l.above[x-1], l.above[x+1])
			any |= q[i]
		}
		if any != 0 {
			for i := range lines {
				l := &lines[i]
				l.here[x] = c.regular(q[i], l.here[x-1], l.above[x], l.above[x-1])
			}
			x++
			continue
		}
		length := c.runLength(first, width-x+1)
		for i := range lines {
			here := lines[i].here
			for at := x; at < x+length; at++ {
				here[at] = here[x-1]
			}
		}
		if x += length; x <= width {
			for i := range lines {
				l := &lines[i]
				l.here[x] = c.interruptionBeside(first, l.here[x-1], l.above[x], 0)
			}
			c.shorten(first)
			x++
		}
	}
}

// regular decodes a sample by its context.
func (c *coder) regular(q, left, above, corner int32) int32 {
	sign := int32(1)
	if q < 0 {
		sign, q = -1, -q
	}
	ctx := &c.contexts[q]
	guess := max(0, min(c.maxval, predicted(left, above, corner)+sign*ctx.c))
	k := 0
	for ctx.n<<k < ctx.a {
		k++
	}
	mapped := c.code(k, c.limit)
	value := mapped>>1 ^ -(mapped & 1)
	if k == 0 && c.near == 0 && 2*ctx.b <= -ctx.n {
		value = ^value // the mapping that suits a bias below 0
	}
	ctx.learn(value, c.step, c.reset)
	return c.sample(guess + sign*value*c.step)
}

// predicted is the middle one of the neighbours and what a plane through them has here.
func predicted(left, above, corner int32) int32 {
	low, high := min(left, above), max(left, above)
	switch {
	case corner >= high:
		return low
	case corner <= low:
		return high
	}
	return left + above - corner
}

func (ctx *context) learn(value, step, reset int32) {
	ctx.b += value * step
	ctx.a += max(value, -value)
	if ctx.n == reset {
		ctx.a, ctx.b, ctx.n = ctx.a>>1, ctx.b>>1, ctx.n>>1
	}
	ctx.n++
	switch {
	case ctx.b <= -ctx.n:
		ctx.b = max(ctx.b+ctx.n, 1-ctx.n)
		ctx.c = max(ctx.c-1, -128)
	case ctx.b > 0:
		ctx.b = min(ctx.b-ctx.n, 0)
		ctx.c = min(ctx.c+1, 127)
	}
}

// sample brings a reconstructed value into the range of samples.
func (c *coder) sample(v int32) int32 {
	switch {
	case v < -c.near:
		v += c.span
	case v > c.maxval+c.near:
		v -= c.span
	}
	return max(0, min(c.maxval, v))
}

// code decodes a number with k bits after its code of ones and zeros, or with errorBits after the longest
// one.
func (c *coder) code(k, limit int) int32 {
	most := limit - c.errorBits - 1
	high := c.bits.zeros(most)
	if high < most {
		return int32(high)<<k + c.bits.take(k)
	}
	if c.bits.take(1) == 0 {
		c.bits.bad = true
	}
	return c.bits.take(c.errorBits) + 1
}

// runLength decodes how long a run is, up to the rest of the line.
func (c *coder) runLength(l *line, rest int) int {
	length := 0
	for c.bits.take(1) == 1 {
		whole := 1 << runBits[l.runLength]
		if length+whole > rest {
			return rest
		}
		length += whole
		l.runLength = min(l.runLength+1, len(runBits)-1)
		if length == rest {
			return rest
		}
	}
	length += int(c.bits.take(int(runBits[l.runLength])))
	if length > rest {
		c.bits.bad = true
	}
	return min(length, rest)
}

func (c *coder) shorten(l *line) { l.runLength = max(0, l.runLength-1) }

// interruption decodes the sample after a run.
func (c *coder) interruption(l *line, left, above int32) int32 {
	if max(left-above, above-left) <= c.near {
		return c.interruptionBeside(l, left, left, 1)
	}
	return c.interruptionBeside(l, left, above, 0)
}

// interruptionBeside decodes a sample after a run by its guess.
func (c *coder) interruptionBeside(l *line, left, guess int32, kind int) int32 {
	ctx := &c.runs[kind]
	temp := ctx.a + ctx.kind*(ctx.n>>1)
	k := 0
	for ctx.n<<k < temp {
		k++
	}
	mapped := c.code(k, c.limit-int(runBits[l.runLength])-1)
	value := ctx.error(mapped, k)
	ctx.learn(value, mapped, c.reset)
	if guess < left {
		value = -value
	}
	return c.sample(guess + value*c.step)
}

// error is what a coded number stands for.
func (ctx *runContext) error(mapped int32, k int) int32 {
	odd := (mapped + ctx.kind) & 1
	value := (mapped + ctx.kind + odd) / 2
	if (k != 0 || 2*ctx.negative >= ctx.n) == (odd == 1) {
		return -value
	}
	return value
}

func (ctx *runContext) learn(value, mapped, reset int32) {
	if value < 0 {
		ctx.negative++
	}
	ctx.a += (mapped + 1 - ctx.kind) >> 1
	if ctx.n == reset {
		ctx.a, ctx.n, ctx.negative = ctx.a>>1, ctx.n>>1, ctx.negative>>1
	}
	ctx.n++
}
