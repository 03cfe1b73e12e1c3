package picture

import (
	"fmt"
	"io"
	"math"
	"runtime"
	"time"
)

// clock measures the processor time that an image takes, so that a machine with other work refuses
// no image for that. It is read only once in a while: whoever works says how much was done. Its
// owner is one goroutine, whose thread it holds from the first reading to the end.
type clock struct {
	most  time.Duration
	start time.Duration
	// elsewhere is what other processes took for the image.
	elsewhere time.Duration
	// left is the work until the next reading, in units of about a pixel.
	left    int64
	reading bool
	err     error
}

// Most images are done before the first reading. A unit takes 5 to 50 ns.
const (
	workBeforeFirst = 4 << 20
	workBetween     = 1 << 20
	// workOfByte is how much work a compressed byte is: it may stand for a thousand pixels, and for
	// three of them in photos.
	workOfByte = 64
)

func (c *clock) begin(most time.Duration) {
	if most == 0 {
		most = DefaultMaxTime
	}
	*c = clock{most: most, left: workBeforeFirst}
}

func (c *clock) end() {
	if c.reading {
		runtime.UnlockOSThread()
	}
	*c = clock{left: math.MaxInt64}
}

// spend counts work that was done, and reports whether there is time for more.
func (c *clock) spend(work int) bool {
	if c.left -= int64(work); c.left > 0 {
		return true
	}
	c.left = workBetween
	return c.look()
}

// look reads the clock.
func (c *clock) look() bool {
	switch {
	case c.err != nil:
	case !c.reading:
		runtime.LockOSThread()
		c.reading, c.start = true, threadTime()
	case threadTime()-c.start+c.elsewhere > c.most:
		c.err = tooSlow{c.most}
		c.left = 0 // so that whoever asks again hears it again
	}
	return c.err == nil
}

// charge counts time that another process took.
func (c *clock) charge(took time.Duration) {
	if c.elsewhere += took; c.elsewhere > c.most && c.err == nil {
		c.err, c.left = tooSlow{c.most}, 0
	}
}

// final is the error of an image that took too long, also where its decoder could not be stopped.
func (c *clock) final() error {
	if c.reading {
		c.look()
	}
	return c.err
}

// tooSlow is an ErrTooSlow.
type tooSlow struct{ most time.Duration }

func (e tooSlow) Error() string {
	return fmt.Sprintf("%v: it took longer than %g s of processor time", ErrTooSlow, e.most.Seconds())
}

func (e tooSlow) Is(target error) bool { return target == ErrTooSlow }

// timedReader is a file's bytes, for as long as there is time. It has no ReadByte, so that decoders
// read it in pieces.
type timedReader struct {
	data  []byte
	at    int
	clock *clock
}

func (r *timedReader) Read(p []byte) (int, error) {
	n, err := r.ReadAt(p, int64(r.at))
	r.at += n
	if n > 0 && err == io.EOF {
		err = nil
	}
	return n, err
}

// ReadAt implements io.ReaderAt, by which TIFFs are read.
func (r *timedReader) ReadAt(p []byte, at int64) (int, error) {
	if at < 0 || at >= int64(len(r.data)) {
		if len(p) == 0 && at == int64(len(r.data)) {
			return 0, nil
		}
		return 0, io.EOF
	}
	n := copy(p, r.data[at:])
	if !r.clock.spend(n * workOfByte) {
		return 0, r.clock.err
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}
