package frames

import (
	"context"
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"fovea/picture"
)

func isAVI(head []byte) bool {
	return len(head) >= 12 && string(head[:4]) == "RIFF" && string(head[8:12]) == "AVI "
}

// aviReader reads the JPEGs of a video in Motion JPEG, which are images of their own.
type aviReader struct {
	file   file
	frames []aviFrame
	times  Times
	// each is how long a frame shows.
	each time.Duration
	// stream is the number of the first video, in two digits, as chunks have it; its coding is codec.
	stream, codec string
	streams       int
}

// aviFrame is where a frame's bytes are. A chunk without bytes repeats the frame before.
type aviFrame struct{ at, length int64 }

func openAVI(f file, _ Options) (Reader, error) {
	a := &aviReader{file: f}
	if err := a.chunks(0, f.size, 0); err != nil {
		return nil, err
	}
	switch {
	case a.stream == "":
		return nil, fmt.Errorf("%w: an AVI without a video", picture.ErrUnsupported)
	case a.codec != "MJPG" && a.codec != "JPEG" && a.codec != "AVRN" && a.codec != "ADJV":
		return nil, fmt.Errorf("%w, not %q", ErrVideo, a.codec)
	case a.each <= 0:
		return nil, fmt.Errorf("%w: a video without a rate of frames", picture.ErrCorrupt)
	}
	return a, nil
}

// depths of chunks within chunks that a video has.
const mostDepth = 4

// chunks reads the chunks from at to end. Those of a video that was cut off end it.
func (a *aviReader) chunks(at, end int64, depth int) error {
	for at+8 <= end {
		head, err := a.file.bytes(at, min(12, end-at))
		if err != nil {
			return err
		}
		name, length := string(head[:4]), int64(binary.LittleEndian.Uint32(head[4:]))
		body, after := at+8, min(at+8+length, end)
		switch {
		case (name == "RIFF" || name == "LIST") && len(head) == 12 && depth < mostDepth:
			if kind := string(head[8:12]); kind != "INFO" && kind != "odml" {
				err = a.chunks(body+4, after, depth+1)
			}
		case name == "strh":
			err = a.streamHeader(body, after)
		case name == "strf" && a.codec == "?":
			err = a.streamFormat(body, after)
		case a.stream != "" && (name == a.stream+"dc" || name == a.stream+"db"):
			if body+length > end {
				return nil // cut off
			}
			f := aviFrame{body, length}
			if length == 0 && len(a.frames) > 0 {
				f = a.frames[len(a.frames)-1]
			}
			a.frames = append(a.frames, f)
			a.times.add(a.each)
			err = tooMany(len(a.frames))
		}
		if err != nil {
			return err
		}
		at = after + length%2
	}
	return nil
}

// streamHeader reads what a stream is: kind, coding, and how many units of time a frame shows.
func (a *aviReader) streamHeader(at, end int64) error {
	number := a.streams
	a.streams++
	h, err := a.file.bytes(at, min(48, end-at))
	if err != nil || len(h) < 28 || string(h[:4]) != "vids" || a.stream != "" {
		return err
	}
	a.stream, a.codec = fmt.Sprintf("%02d", number), "?"
	scale, rate := binary.LittleEndian.Uint32(h[20:]), binary.LittleEndian.Uint32(h[24:])
	if rate > 0 {
		a.each = time.Duration(float64(time.Second) * float64(scale) / float64(rate))
	}
	return nil
}

// streamFormat reads the coding of the video.
func (a *aviReader) streamFormat(at, end int64) error {
	h, err := a.file.bytes(at, min(20, end-at))
	if err == nil && len(h) == 20 {
		a.codec = strings.ToUpper(string(h[16:20]))
	}
	return err
}

// Times implements Reader.
func (a *aviReader) Times() Times { return a.times }

// Frame implements Reader.
func (a *aviReader) Frame(ctx context.Context, i int) ([]byte, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	f := a.frames[i]
	if f.length > picture.MaxFileBytes {
		return nil, fmt.Errorf("%w: a frame of %d MB", picture.ErrTooLarge, f.length>>20)
	}
	return a.file.bytes(f.at, f.length)
}
