package pipeline

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// parallelExtractor computes several batches at a time, the earlier ones more slowly, so
// that they end out of order.
type parallelExtractor struct {
	devices     int
	calls, busy atomic.Int64
	most        atomic.Int64
	fail        int64 // the call that fails, from 1
	mu          sync.Mutex
}

func (e *parallelExtractor) BatchSize() int { return 2 }
func (e *parallelExtractor) Parallel() int  { return e.devices }

var errDevice = errors.New("the device is gone")

func (e *parallelExtractor) Extract(pixels []float32, n int) ([][]float32, error) {
	call := e.calls.Add(1)
	busy := e.busy.Add(1)
	defer e.busy.Add(-1)
	for most := e.most.Load(); busy > most && !e.most.CompareAndSwap(most, busy); most = e.most.Load() {
	}
	time.Sleep(time.Duration(5-call%5) * 3 * time.Millisecond)
	if call == e.fail {
		return nil, errDevice
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return (&meanExtractor{batch: 2}).Extract(pixels, n)
}

// Several devices compute at a time, and the rows come out in the order of the items.
func TestRunOnSeveralDevices(t *testing.T) {
	items := greyPictures(t, 40, 3, 17)
	var want memorySink
	if _, err := Run(context.Background(), items, &meanExtractor{batch: 2}, &want, config(2)); err != nil {
		t.Fatal(err)
	}
	extractor := &parallelExtractor{devices: 3}
	var got memorySink
	stats, err := Run(context.Background(), items, extractor, &got, config(2))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got.paths, want.paths) || stats.Rows != 38 || stats.Failures != 2 {
		t.Errorf("%d rows and %d failures in the order %v, want %v", stats.Rows, stats.Failures, got.paths, want.paths)
	}
	for i := range got.rows {
		if got.rows[i].Features[0][0] != want.rows[i].Features[0][0] {
			t.Errorf("%s has the features of another image", got.rows[i].Path)
		}
	}
	if most := extractor.most.Load(); most != 3 {
		t.Errorf("%d batches at a time on 3 devices", most)
	}
}

// A device that fails ends the run; what comes before its batch is stored, nothing after.
func TestRunEndsWithADevice(t *testing.T) {
	items := greyPictures(t, 40)
	extractor := &parallelExtractor{devices: 3, fail: 7}
	var sink memorySink
	_, err := Run(context.Background(), items, extractor, &sink, config(2))
	if !errors.Is(err, errDevice) {
		t.Fatalf("the error is %v", err)
	}
	for i, path := range sink.paths {
		if path != items[i].Path {
			t.Fatalf("row %d is %s, after a gap", i, path)
		}
	}
	if len(sink.rows) >= 14 {
		t.Errorf("%d rows: those of the failed batch or after it are among them", len(sink.rows))
	}
}

// slowExtractor computes one image slowly, and counts what other devices have begun by then.
type slowExtractor struct {
	others *parallelExtractor
	begun  int64
}

func (e *slowExtractor) BatchSize() int { return 1 }

func (e *slowExtractor) Extract(pixels []float32, n int) ([][]float32, error) {
	time.Sleep(50 * time.Millisecond)
	e.begun = e.others.calls.Load()
	return (&meanExtractor{batch: 1}).Extract(pixels, n)
}

// The first row does not wait for others: nothing else is computed before it.
func TestRunFirstAlone(t *testing.T) {
	others, sink, c := &parallelExtractor{devices: 3}, &memorySink{}, config(2)
	first := &slowExtractor{others: others}
	c.First = first
	if _, err := Run(context.Background(), greyPictures(t, 20, 0), others, sink, c); err != nil {
		t.Fatal(err)
	}
	if first.begun != 0 || others.calls.Load() != 9 || len(sink.rows) != 19 {
		t.Errorf("%d of %d batches were begun beside the first image; %d rows", first.begun, others.calls.Load(), len(sink.rows))
	}
}
