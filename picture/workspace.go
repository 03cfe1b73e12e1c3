package picture

import (
	"sync"

	"fovea/picture/internal/jpeg"
)

// workspace is the memory that decoding an image needs besides its result. It is reused for the
// next image.
type workspace struct {
	clock   clock
	jpeg    jpeg.Decoder
	chroma  [2]upsampler
	lines   []uint8 // as many rows of the source as a strip has
	strip   []uint8 // the same, interleaved
	narrow  []uint8 // the strip at the output's width
	middle  []uint8 // the picture between the two passes of a resize
	whole   []uint8 // the source, where the rows are scaled before the columns
	line    []uint8
	views   []uint8 // all views, on their way to numbers
	turned  []uint8 // a picture that EXIF turns by 90 degrees
	decoded []uint8 // the pixels of a picture that another process decoded
	samples []uint8 // of an image without much compression, as they are stored
	columns axis
	rows    axis
	bands   []Bands // that are wanted of the image, of each part of the job
}

// maxRetained bounds the memory of a kept workspace: one huge image among many small ones must not
// hold on to its memory.
const maxRetained = 64 << 20

var workspaces = sync.Pool{New: func() any { return new(workspace) }}

func (w *workspace) release() {
	w.bands = w.bands[:0]
	if w.jpeg.Retained()+cap(w.lines)+cap(w.strip)+cap(w.narrow)+cap(w.middle)+cap(w.whole)+cap(w.views)+cap(w.turned)+cap(w.samples)+cap(w.decoded) <= maxRetained {
		workspaces.Put(w)
	}
}

// grown returns a slice of n elements, reusing the old memory if it suffices.
func grown[T any](old []T, n int) []T {
	if cap(old) < n {
		return make([]T, n)
	}
	return old[:n]
}
