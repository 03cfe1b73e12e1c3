//go:build (linux || darwin) && (amd64 || arm64)

package codec

import (
	"bytes"
	"context"
	"errors"
	"os"
	"testing"
)

// animation has 36 frames; make_frames.py wrote it.
func animation(t testing.TB) []byte {
	t.Helper()
	file(t, "odd.avif") // or skips
	data, err := os.ReadFile("../../../testdata/picture/frames/long.avif")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func frameOf(t testing.TB, s *Sequence, i int) []byte {
	t.Helper()
	p, took, err := s.Frame(context.Background(), i, nil)
	if err != nil || took <= 0 || len(p.Pix) != p.Stride*p.Height || p.Width != 24 {
		t.Fatalf("frame %d: %+v, %v", i, p.Width, err)
	}
	return p.Pix
}

// Frames come from one process, which gets the file once; one that was killed is replaced.
func TestSequence(t *testing.T) {
	drop(t)
	data := animation(t)
	s := NewSequence(data, usual)
	var frames [][]byte
	for i := range 36 {
		frames = append(frames, frameOf(t, s, i))
		s.data = nil
	}
	if drop(t) != 0 {
		t.Error("a process was idle")
	}
	for _, i := range []int{35, 0, 20, 3} {
		if !bytes.Equal(frameOf(t, s, i), frames[i]) {
			t.Errorf("frame %d differs when it is sought", i)
		}
	}
	s.data = data
	if err := s.process.command.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(frameOf(t, s, 4), frames[4]) {
		t.Error("frame 4 differs by another process")
	}
	if _, _, err := s.Frame(context.Background(), 36, nil); err == nil {
		t.Error("a frame behind the last one")
	}
	if !bytes.Equal(frameOf(t, s, 5), frames[5]) {
		t.Error("frame 5 differs after one that is not there")
	}
	s.Close()
	if p := decodes(t, "odd.avif"); p.Width == 0 || drop(t) != 1 {
		t.Error("the process is not left to other files")
	}
	if !bytes.Equal(frameOf(t, s, 0), frames[0]) {
		t.Error("frame 0 differs after Close")
	}
	s.Close()
	drop(t)
}

// A context that is done ends the process, and limits are kept.
func TestSequenceEnds(t *testing.T) {
	data := animation(t)
	s := NewSequence(data, usual)
	frameOf(t, s, 0)
	ctx, cancel := context.WithCancelCause(context.Background())
	mine := errors.New("enough")
	cancel(mine)
	if _, _, err := s.Frame(ctx, 1, nil); !errors.Is(err, mine) {
		t.Error(err)
	}
	frameOf(t, s, 1)
	s.Close()
	small := usual
	small.Pixels = 100
	s = NewSequence(data, small)
	if _, _, err := s.Frame(context.Background(), 0, nil); err == nil {
		t.Error("a frame of more pixels than the limit was decoded")
	}
	s.Close()
	drop(t)
}
