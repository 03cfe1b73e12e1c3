package picture

import (
	"cmp"
	"context"
	"fmt"
	"math/bits"
	"time"

	"fovea/picture/internal/codec"
	"fovea/picture/internal/heif"
)

// mostFrames bounds the list of a sequence's frames.
const mostFrames = 1 << 20

// IsAVIF says that a file begins as an AVIF does, with one image or several.
func IsAVIF(head []byte) bool { return isAVIF(head) }

// Sequence decodes the frames of an animated AVIF, by a process that keeps the decoder open until Close. It is for one
// goroutine.
type Sequence struct {
	file          heif.File
	data          []byte
	width, height int
	orientation   int
	decoder       *codec.Sequence
	pix           []uint8
}

// OpenSequence reads the structure of an AVIF of at most maxPixels (default DefaultMaxPixels); nothing is decoded yet, and
// data must stay as it is. Of a still image there are no frames. Errors are as Decode's.
func OpenSequence(data []byte, maxPixels int) (*Sequence, error) {
	w := workspaces.Get().(*workspace)
	defer w.release()
	w.clock.begin(0)
	defer w.clock.end()
	var head Picture
	p, err := w.plan(data, rasterJob(SceneOptions{MaxPixels: maxPixels}), &head)
	if err != nil {
		return nil, w.failure(StageHeader, head.Format, err)
	}
	f, err := heif.Read(data)
	if err == nil && f.Frames > mostFrames {
		err = fmt.Errorf("%w: more than %d frames", ErrTooLarge, mostFrames)
	}
	if err != nil {
		return nil, w.failure(StageHeader, head.Format, err)
	}
	limits := codecLimits(int64(cmp.Or(maxPixels, DefaultMaxPixels)), DefaultMaxTime)
	return &Sequence{file: f, data: data, width: p.width, height: p.height, orientation: p.orientation, decoder: codec.NewSequence(data, limits)}, nil
}

// Times are when the frames begin to show, and when the last one ends. All are 0 if the file does not say.
func (s *Sequence) Times() (starts []time.Duration, end time.Duration) {
	var ticks, scale, runs = uint64(0), uint64(s.file.Timescale), s.file.Durations
	at := func() time.Duration {
		if scale == 0 {
			return 0
		}
		high, low := bits.Mul64(ticks, uint64(time.Second))
		if high >= scale {
			return 1<<63 - 1
		}
		at, _ := bits.Div64(high, low, scale)
		return time.Duration(min(at, 1<<63-1))
	}
	left := uint32(0) // of the first of the runs
	if len(runs) > 0 {
		left = runs[0].Frames
	}
	for range s.file.Frames {
		starts = append(starts, at())
		for left == 0 && len(runs) > 1 {
			runs = runs[1:]
			left = runs[0].Frames
		}
		if len(runs) > 0 {
			ticks += uint64(runs[0].Duration)
		}
		if left > 0 {
			left--
		}
	}
	return starts, at()
}

// Frame decodes a frame, counted from 0. In their order, each is decoded once. Errors are as Decode's, or that of the
// context.
func (s *Sequence) Frame(ctx context.Context, i int) (Raster, error) {
	p, _, err := s.decoder.Frame(ctx, i, s.pix)
	if ctx.Err() != nil {
		return Raster{}, context.Cause(ctx)
	}
	if err == nil && (p.Width != s.width || p.Height != s.height) {
		err = fmt.Errorf("%w: frame %d has %dx%d pixels, not %dx%d", ErrCorrupt, i+1, p.Width, p.Height, s.width, s.height)
	} else if err != nil {
		err = fmt.Errorf("frame %d: %w", i+1, ofCodec(err))
	}
	if err != nil {
		return Raster{}, &Error{StageDecode, "avif", reason(err)}
	}
	s.pix = p.Pix
	return rasterOf(fromCodec(p), s.orientation), nil
}

// Close lets the decoder go.
func (s *Sequence) Close() { s.decoder.Close() }
