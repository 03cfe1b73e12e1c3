package frames

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"fovea/picture"
)

// ErrVideo marks a video that OpenVideo may read.
var ErrVideo = fmt.Errorf("%w: only videos in Motion JPEG are read without ffmpeg", picture.ErrUnsupported)

// isVideo recognizes videos by their first bytes: MP4 and its relatives, Matroska and WebM, MPEG streams, ASF, FLV, Ogg.
func isVideo(head []byte) bool {
	if len(head) >= 12 && string(head[4:8]) == "ftyp" {
		return true
	}
	return slices.ContainsFunc([]string{"\x1aE\xdf\xa3", "\x00\x00\x01\xba", "\x00\x00\x01\xb3", "G@", "\x30\x26\xb2\x75\x8e\x66\xcf\x11", "FLV\x01", "OggS"},
		func(start string) bool { return bytes.HasPrefix(head, []byte(start)) })
}

// video reads a file through ffmpeg, which decodes it twice: once for the times, and once for the pixels.
type video struct {
	program, file string
	width, height int
	times         Times
	command       *exec.Cmd
	pixels        *bufio.Reader
	complaints    bytes.Buffer
	stop          context.CancelFunc
	// next is the frame that the pixels go on with.
	next int
}

// OpenVideo lists the frames of a video in a file of the file system, through the ffmpeg that is installed, version 5.1
// or later. Its pixels are turned as the file says, and converted to RGB by ffmpeg. The Reader is an io.Closer.
func OpenVideo(ctx context.Context, name string, options Options) (Reader, error) {
	if options.MaxPixels == 0 {
		options.MaxPixels = picture.DefaultMaxPixels
	}
	program, err := exec.LookPath("ffmpeg")
	if err != nil {
		return nil, fmt.Errorf("%w, and there is no ffmpeg: install it, or convert the video to images", ErrVideo)
	}
	path, err := filepath.Abs(name)
	if err != nil {
		return nil, err
	}
	v := &video{program: program, file: path}
	if err := v.list(ctx); err != nil {
		return nil, err
	}
	if err := options.checkSize(v.width, v.height); err != nil {
		return nil, err
	}
	return v, nil
}

// run begins to decode the file to a format of ffmpeg's.
func (v *video) run(ctx context.Context, format string) (*bufio.Reader, error) {
	ctx, v.stop = context.WithCancel(ctx)
	v.complaints.Reset()
	v.command = exec.CommandContext(ctx, v.program, "-hide_banner", "-loglevel", "error", "-nostdin", "-protocol_whitelist", "file",
		"-i", "file:"+v.file, "-map", "0:v:0", "-fps_mode", "passthrough", "-pix_fmt", "rgb24", "-c:v", "rawvideo", "-f", format, "pipe:1")
	v.command.Stderr = &limited{buffer: &v.complaints, left: 4096}
	v.command.WaitDelay = time.Second
	out, err := v.command.StdoutPipe()
	if err == nil {
		err = v.command.Start()
	}
	if err != nil {
		v.stop()
		v.command = nil
		return nil, fmt.Errorf("ffmpeg: %w", err)
	}
	return bufio.NewReaderSize(out, 1<<20), nil
}

// limited keeps the beginning of what is written.
type limited struct {
	buffer *bytes.Buffer
	left   int
}

func (l *limited) Write(p []byte) (int, error) {
	kept := p[:min(len(p), l.left)]
	l.left -= len(kept)
	l.buffer.Write(kept)
	return len(p), nil
}

// list reads the size and the times of all frames.
func (v *video) list(ctx context.Context) error {
	out, err := v.run(ctx, "framecrc")
	if err != nil {
		return err
	}
	var l frameList
	lines := bufio.NewScanner(out)
	for err == nil && lines.Scan() {
		err = l.add(strings.ReplaceAll(lines.Text(), " ", ""))
	}
	if err = errors.Join(err, lines.Err()); err != nil {
		return errors.Join(fmt.Errorf("read the frames that ffmpeg lists: %w", err), v.Close())
	}
	if err := v.end(ctx); err != nil {
		return err
	}
	if len(l.shown) == 0 {
		return fmt.Errorf("%w: ffmpeg finds no frames in it", picture.ErrCorrupt)
	}
	v.width, v.height = l.width, l.height
	for _, at := range l.shown {
		v.times.Starts = append(v.times.Starts, max(0, at-l.shown[0]))
	}
	v.times.End = max(l.end-l.shown[0], v.times.Starts[len(l.shown)-1])
	return nil
}

// frameList is what ffmpeg's framecrc has listed: the unit of times as a fraction of a second, the size, when frames are
// shown, and when the last one ends.
type frameList struct {
	numerator, denominator int64
	width, height          int
	shown                  []time.Duration
	end                    time.Duration
}

func (l *frameList) add(line string) (err error) {
	switch {
	case strings.HasPrefix(line, "#tb0:"):
		_, err = fmt.Sscanf(line, "#tb0:%d/%d", &l.numerator, &l.denominator)
	case strings.HasPrefix(line, "#dimensions0:"):
		_, err = fmt.Sscanf(line, "#dimensions0:%dx%d", &l.width, &l.height)
	case line != "" && line[0] != '#':
		var stream, decoded, pts, duration int64
		if _, err = fmt.Sscanf(line, "%d,%d,%d,%d,", &stream, &decoded, &pts, &duration); err != nil || l.denominator <= 0 {
			return err
		}
		unit := float64(time.Second) * float64(l.numerator) / float64(l.denominator)
		l.shown = append(l.shown, time.Duration(float64(pts)*unit))
		l.end = time.Duration(float64(pts+duration) * unit)
		return tooMany(len(l.shown))
	}
	return err
}

// end waits for the end of ffmpeg, which must have decoded all.
func (v *video) end(ctx context.Context) error {
	err := v.command.Wait()
	v.stop()
	v.command = nil
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return fmt.Errorf("%w: ffmpeg cannot decode it (%w): %s", picture.ErrCorrupt, err, v.complaint())
	}
	return nil
}

// complaint is the first line of what ffmpeg says.
func (v *video) complaint() string {
	first, _, _ := strings.Cut(strings.TrimSpace(strings.ReplaceAll(v.complaints.String(), v.file, filepath.Base(v.file))), "\n")
	return first
}

// Times implements Reader.
func (v *video) Times() Times { return v.times }

// Frame implements Reader.
func (v *video) Frame(ctx context.Context, i int) ([]byte, error) {
	if v.command == nil || i < v.next {
		if err := v.Close(); err != nil {
			return nil, err
		}
		out, err := v.run(ctx, "rawvideo")
		if err != nil {
			return nil, err
		}
		v.pixels, v.next = out, 0
	}
	size := 3 * v.width * v.height
	for ; v.next < i; v.next++ {
		if _, err := io.CopyN(io.Discard, v.pixels, int64(size)); err != nil {
			return nil, v.cut(ctx, err)
		}
	}
	pix := make([]uint8, size)
	if _, err := io.ReadFull(v.pixels, pix); err != nil {
		return nil, v.cut(ctx, err)
	}
	v.next++
	return picture.Raster{Width: v.width, Height: v.height, Channels: 3, Pix: pix}.Encode()
}

// cut is the error where ffmpeg gives fewer frames than it listed.
func (v *video) cut(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return fmt.Errorf("%w: frame %d: ffmpeg gives %w: %s", picture.ErrCorrupt, v.next+1, err, v.complaint())
}

// Close ends ffmpeg.
func (v *video) Close() error {
	if v.command != nil {
		v.stop()
		_ = v.command.Wait() // it was killed
		v.command = nil
	}
	return nil
}
