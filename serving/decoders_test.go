package serving

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/png"
	"math"
	"net/http"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fovea/picture"
)

// lanes are decoders for large pictures of 1,000 pixels and 100 bytes, two at a time, in memory for three.
func lanes(places int) *decoders {
	d := newDecoders(ServerOptions{Decoders: 2, Requests: places, Memory: 480}, 1000)
	d.places = places
	return d
}

// Large pictures, however many, leave small ones their turns, and none exceeds the memory.
func TestDecodersLanes(t *testing.T) {
	d := lanes(50)
	gate := make(chan struct{})
	var memory, most, decoded atomic.Int64
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() {
			err := d.run(t.Context(), picture.Cost{Pixels: 1000, Bytes: 200}, func() { // 200 of 300 bytes: one at a time
				most.Store(max(most.Load(), memory.Add(200)))
				<-gate
				memory.Add(-200)
				decoded.Add(1)
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	for range 10 {
		done := false
		if err := d.run(t.Context(), picture.Cost{Pixels: 250, Bytes: 30}, func() { done = true }); err != nil || !done {
			t.Errorf("a small picture beside large ones: %v", err)
		}
	}
	close(gate)
	group.Wait()
	if most.Load() != 200 || decoded.Load() != 50 {
		t.Errorf("%d large pictures were decoded in %d bytes", decoded.Load(), most.Load())
	}
}

// queued waits until so many large pictures wait for their turn.
func queued(t *testing.T, d *decoders, want int) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		d.mutex.Lock()
		n := d.waiting.Len()
		d.mutex.Unlock()
		if n == want {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d large pictures wait, not %d", n, want)
		}
	}
}

// Large pictures beyond the places are refused, and so are those whose turn would come too late, once
// that is known; the first in the queue never is.
func TestDecodersRefuse(t *testing.T) {
	d := lanes(5)
	gate := make(chan struct{})
	results := make(chan error, 5)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for range 5 {
		go func() { results <- d.run(ctx, picture.Cost{Pixels: 1000, Bytes: 100}, func() { <-gate }) }()
	}
	queued(t, d, 3)
	if err := d.run(ctx, picture.Cost{Pixels: 1000, Bytes: 100}, func() {}); !errors.Is(err, errBusy) {
		t.Errorf("a picture without a place: %v", err)
	}
	d.keepPace(1) // 200 s a picture
	for range 2 {
		if err := <-results; !errors.Is(err, errBusy) {
			t.Errorf("a picture that waits in vain: %v", err)
		}
	}
	queued(t, d, 1)
	if err := d.run(ctx, picture.Cost{Pixels: 1000, Bytes: 100}, func() {}); !errors.Is(err, errBusy) {
		t.Errorf("a picture whose turn comes too late: %v", err)
	}
	if wait := d.wait(); wait <= 0 {
		t.Errorf("the others take %s", wait)
	}
	close(gate)
	for range 3 {
		if err := <-results; err != nil {
			t.Errorf("a picture in time: %v", err)
		}
	}
	if d.large != 0 || d.waiting.Len() != 0 {
		t.Errorf("%d places are taken, %d wait", d.large, d.waiting.Len())
	}
	short, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := d.largeMemory.Acquire(t.Context(), d.capacity); err != nil {
		t.Fatal(err)
	}
	if err := d.run(short, picture.Cost{Pixels: 1000, Bytes: 100}, func() {}); !errors.Is(err, context.DeadlineExceeded) || d.large != 0 {
		t.Errorf("a picture that finds no memory: %v", err)
	}
}

// Sixty pictures of 39.7 megapixels that come together are answered or sent away at once, keep small ones
// from nothing, and stay within the memory.
func TestServerFloodOfLargePictures(t *testing.T) {
	if testing.Short() {
		t.Skip("decodes some 40 pictures of 39.7 megapixels")
	}
	const flood, timeout, decoders = 60, 30 * time.Second, 2
	var large bytes.Buffer
	if err := png.Encode(&large, image.NewGray(image.Rect(0, 0, 7000, 5671))); err != nil {
		t.Fatal(err)
	}
	p := redPredictor(&redness{})
	p.config.Picture.MaxPixels = 40_000_000
	s := redServer(t, p, ServerOptions{MaxBytes: 1 << 20, Timeout: timeout, Decoders: decoders})
	url, _ := start(t, s)
	small := coloured(t, 220)
	debug.FreeOSMemory()
	ctx, cancel := context.WithCancel(t.Context())
	peak := watchHeap(ctx)
	var statuses [600]atomic.Int64
	var group sync.WaitGroup
	for range flood {
		group.Go(func() {
			r, err := http.Post(url+"/predict", "image/png", bytes.NewReader(large.Bytes()))
			if err != nil {
				t.Error(err)
				return
			}
			r.Body.Close()
			if statuses[r.StatusCode].Add(1); r.StatusCode == 503 && r.Header.Get("Retry-After") == "" {
				t.Error("a refused picture is not told when to come again")
			}
		})
	}
	slowest, answered := time.Duration(0), 0
	flooded := make(chan struct{})
	go func() { group.Wait(); close(flooded) }()
	for over := false; !over; answered++ {
		begin := time.Now()
		if status, answer := post(t, url, small); status != 200 {
			t.Fatalf("a small picture beside large ones is answered with %d %s", status, answer)
		}
		slowest = max(slowest, time.Since(begin))
		select {
		case <-flooded:
			over = true
		case <-time.After(20 * time.Millisecond):
		}
	}
	cancel()
	most := <-peak
	t.Logf("%d large pictures are answered, %d refused; %d small ones meanwhile within %s; the heap had %d MB at most", statuses[200].Load(), statuses[503].Load(), answered, slowest, most>>20)
	// On a machine so busy that a picture takes half a minute, those being decoded may be too late.
	if late := statuses[504].Load(); statuses[200].Load() == 0 || statuses[200].Load()+statuses[503].Load()+late != flood || late > 2*decoders {
		t.Errorf("%d large pictures are answered, %d refused, %d too late, of %d", statuses[200].Load(), statuses[503].Load(), late, flood)
	}
	if slowest > timeout/3 {
		t.Errorf("a small picture took %s", slowest)
	}
	if most > uint64(s.options.Memory) {
		t.Errorf("they took %d bytes, more than %d", most, s.options.Memory)
	}
}

// watchHeap gives the most bytes of objects on the heap until ctx ends.
func watchHeap(ctx context.Context) <-chan uint64 {
	peak := make(chan uint64, 1)
	go func() {
		most, sample := uint64(0), []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		for ticks := time.NewTicker(5 * time.Millisecond); ; {
			select {
			case <-ticks.C:
				metrics.Read(sample)
				most = max(most, sample[0].Value.Uint64())
			case <-ctx.Done():
				ticks.Stop()
				peak <- most
				return
			}
		}
	}()
	return peak
}

// Memory that the largest image does not fit into is refused when the server is made.
func TestServerMemoryOptions(t *testing.T) {
	for _, test := range []struct {
		options   ServerOptions
		pixels    int
		want      string // "" if it fits
		memory    int64
		bodyLimit int64
	}{
		{ServerOptions{}, 1_000_000, "", 1 << 30, 1 << 28},
		{ServerOptions{}, 40_000_000, "", 1_216_000_008, 304_000_002},
		{ServerOptions{MaxBytes: 1 << 30}, 1, "", 1 << 33, 1 << 31},
		{ServerOptions{Memory: 1_216_000_008}, 40_000_000, "", 1_216_000_008, 304_000_002},
		{ServerOptions{Memory: 1_216_000_007}, 40_000_000, "1.22 GB, where files of 21.0 MB and images of 40000000 pixels may take 1.22 GB: allow more (--memory)", 0, 0},
		{ServerOptions{Memory: 1 << 20}, 100, "files of 21.0 MB", 0, 0},
		{ServerOptions{}, math.MaxInt, "in this machine, where files of 21.0 MB", 0, 0},
	} {
		err := test.options.Validate(test.pixels)
		if test.want != "" {
			if !errors.Is(err, ErrMemory) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%+v: %v", test.options, err)
			}
			continue
		}
		o := test.options.withDefaults(test.pixels)
		if err != nil || o.Memory != test.memory || o.fileMemory() != test.bodyLimit {
			t.Errorf("%+v: %d bytes, %d of them for files, %v", test.options, o.Memory, o.fileMemory(), err)
		}
		if o.largeMemory() < bytesPerPixel*int64(test.pixels) {
			t.Errorf("%+v: the largest image does not fit", test.options)
		}
	}
	if _, err := NewServer(redPredictor(&redness{}), ServerOptions{Memory: 1}); !errors.Is(err, ErrMemory) {
		t.Errorf("a byte of memory: %v", err)
	}
}
