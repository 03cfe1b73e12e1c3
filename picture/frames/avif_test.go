package frames

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"testing"
	"time"

	"fovea/picture"
)

// An AVIF that lies about its frames costs itself only; what it has is still read.
func TestLyingAVIF(t *testing.T) {
	data := read(t, "pillow.avif")
	at := bytes.Index(data, []byte("stsz")) + 12
	if binary.BigEndian.Uint32(data[at:]) != 5 {
		t.Fatal("the number of frames is not where it should be")
	}
	whole := open(t, data)
	lie := bytes.Clone(data)
	binary.BigEndian.PutUint32(lie[at:], 4)
	r := open(t, lie)
	if n := len(r.Times().Starts); n != 4 {
		t.Errorf("%d frames, want the 4 that it lists", n)
	}
	binary.BigEndian.PutUint32(lie[at:], 1<<30)
	if _, err := Open(bytes.NewReader(lie), int64(len(lie)), Options{}); !errors.Is(err, picture.ErrTooLarge) {
		t.Errorf("of a thousand million frames: %v", err)
	}
	copy(lie, data)
	media := bytes.Index(lie, []byte("mdat")) + 4
	for i := media + 600; i < len(lie); i++ {
		lie[i] = byte(i * 7)
	}
	r, failed := open(t, lie), 0
	for i := range 5 {
		if _, err := r.Frame(context.Background(), i); err != nil {
			failed++
			var e *picture.Error
			if !errors.As(err, &e) || e.Stage != picture.StageDecode {
				t.Errorf("frame %d: %v", i+1, err)
			}
		}
	}
	if failed == 0 || failed == 5 {
		t.Errorf("%d frames of 5 failed", failed)
	}
	if got, want := raster(t, whole, 4), raster(t, open(t, data), 4); !bytes.Equal(got.Pix, want.Pix) {
		t.Error("another file's frame differs")
	}
	short := data[:media+300]
	if _, err := Open(bytes.NewReader(short), int64(len(short)), Options{}); err != nil && !errors.Is(err, picture.ErrTruncated) && !errors.Is(err, picture.ErrCorrupt) {
		t.Error(err)
	}
}

// A context that is done ends the reading, which can go on with another one.
func TestAVIFEnds(t *testing.T) {
	r := open(t, read(t, "long.avif"))
	ctx, cancel := context.WithTimeout(context.Background(), time.Nanosecond)
	defer cancel()
	<-ctx.Done()
	if _, err := r.Frame(ctx, 3); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	raster(t, r, 3)
}

func BenchmarkAVIF(b *testing.B) {
	r := open(b, read(b, "long.avif"))
	for i := 0; b.Loop(); i++ {
		if _, err := r.Frame(context.Background(), i%36); err != nil {
			b.Fatal(err)
		}
	}
}
