package frames

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	"fovea/picture"
	"fovea/picture/internal/dicom"
)

// ErrSingle marks a file that has not several frames.
var ErrSingle = errors.New("not a file with several frames")

// ErrNone marks a file that may be a video, by its name, and is not.
var ErrNone = errors.New("no video")

// MayHave says whether a file may have several frames, by its name.
func MayHave(name string) bool {
	return slices.Contains(extensions, strings.ToLower(path.Ext(name)))
}

// Unnamed says whether a file's name has no extension, so that it may be a scan: those of DICOM are often called by
// numbers, such as 1.2.840.113619.2.55.
func Unnamed(name string) bool {
	return strings.Trim(path.Ext(name), ".0123456789") == ""
}

var extensions = []string{
	".gif", ".webp", ".png", ".apng", ".avif", ".avifs", ".avi", ".dcm", ".dicom", ".ima",
	".mp4", ".m4v", ".mov", ".mkv", ".webm", ".mpg", ".mpeg", ".mts", ".m2ts", ".wmv", ".flv", ".3gp", ".ogv", // through ffmpeg
}

// Reader reads the frames of a file. It is for one goroutine.
type Reader interface {
	// Times are those of all frames.
	Times() Times
	// Frame returns the bytes of an image that shows frame i, counted from 0. Reading them in order is fastest: a
	// frame may depend on all before it. Errors are about the file, as those of picture.Decode.
	Frame(ctx context.Context, i int) ([]byte, error)
}

// Times are when the frames of a file show: frame i from Starts[i], which do not fall, until that of the next, and the
// last one until End. All are 0 where frames have no times, as in a scan.
type Times struct {
	Starts []time.Duration
	End    time.Duration
}

// add appends a frame that shows for some time.
func (t *Times) add(show time.Duration) {
	t.Starts = append(t.Starts, t.End)
	t.End = min(t.End+show, mostShown)
}

// mostShown bounds times, so that the sum of what a file says does not overflow: 73 years.
const mostShown = 1 << 61

// end is when frame i stops to show.
func (t Times) end(i int) time.Duration {
	if i+1 < len(t.Starts) {
		return t.Starts[i+1]
	}
	return t.End
}

// Options bound what a file may take.
type Options struct {
	// MaxPixels bounds width times height of a frame (default picture.DefaultMaxPixels).
	MaxPixels int
}

// headBytes is how much of a file's beginning tells its kind.
const headBytes = 256

// maxFrames bounds the list of a file's frames.
const maxFrames = 1 << 20

// kinds are the files that are read.
var kinds = []struct {
	is   func(head []byte) bool
	open func(file, Options) (Reader, error)
}{
	{isGIF, openGIF},
	{isWebP, openWebP},
	{isPNG, openPNG},
	{isAVI, openAVI},
	{dicom.Is, openDICOM},
	{picture.IsAVIF, openAVIF},
}

// file is what frames are read from.
type file struct {
	io.ReaderAt
	size int64
}

// Open lists the frames of a file of so many bytes. ErrSingle is one without several; other errors are about the file, or
// of reading it.
func Open(r io.ReaderAt, size int64, options Options) (Reader, error) {
	if options.MaxPixels == 0 {
		options.MaxPixels = picture.DefaultMaxPixels
	}
	f := file{r, size}
	head, err := f.bytes(0, min(size, headBytes))
	if err != nil {
		return nil, err
	}
	for _, k := range kinds {
		if !k.is(head) {
			continue
		}
		reader, err := k.open(f, options)
		if err == nil && len(reader.Times().Starts) < 2 {
			err = ErrSingle
		}
		return reader, err
	}
	switch {
	case picture.Recognized(head): // HEIC among them, which begins as an MP4 does
		return nil, ErrSingle
	case isVideo(head):
		return nil, ErrVideo
	}
	return nil, ErrNone
}

// bytes reads a part of the file.
func (f file) bytes(at, n int64) ([]byte, error) {
	if n < 0 || at < 0 || at+n > f.size {
		return nil, fmt.Errorf("%w: it ends before byte %d", picture.ErrTruncated, at+n)
	}
	data := make([]byte, n)
	_, err := f.ReadAt(data, at)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return data, err
}

// all reads the file as a whole.
func (f file) all() ([]byte, error) {
	if f.size > picture.MaxFileBytes {
		return nil, fmt.Errorf("%w: %d MB, the limit for an animation is %d MB", picture.ErrTooLarge, f.size>>20, picture.MaxFileBytes>>20)
	}
	return f.bytes(0, f.size)
}

// checkSize refuses a canvas over the limit.
func (o Options) checkSize(width, height int) error {
	if width < 1 || height < 1 {
		return fmt.Errorf("%w: the header says %dx%d pixels", picture.ErrCorrupt, width, height)
	}
	if width > o.MaxPixels/height {
		return fmt.Errorf("%w: %dx%d pixels, the limit is %d", picture.ErrTooLarge, width, height, o.MaxPixels)
	}
	return nil
}

// tooMany refuses a list without end.
func tooMany(frames int) error {
	if frames <= maxFrames {
		return nil
	}
	return fmt.Errorf("%w: more than %d frames", picture.ErrTooLarge, maxFrames)
}
