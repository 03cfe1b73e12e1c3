package inference

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	"golang.org/x/sync/errgroup"
)

// Two sessions share a queue of batches, and each batch's features are its own.
func TestGroup(t *testing.T) {
	options := ExtractorOptions{Layers: []string{"dense"}, Batch: 2}
	alone := extractor(t, tinyModel(t), options)
	group, err := NewGroup(extractor(t, tinyModel(t), options), extractor(t, tinyModel(t), options))
	if err != nil {
		t.Fatal(err)
	}
	if group.Parallel() != 2 || group.BatchSize() != 2 || group.Device() != "cpu,cpu" {
		t.Errorf("the group is of %d, with batches of %d, on %s", group.Parallel(), group.BatchSize(), group.Device())
	}
	var wait sync.WaitGroup
	for i := range 40 {
		wait.Go(func() {
			pixels := pictures(2)
			for p := range pixels {
				pixels[p] += float32(i)
			}
			want, err := alone.Extract(pixels, 2)
			if err != nil {
				t.Error(err)
				return
			}
			got, err := group.Extract(pixels, 2)
			if err != nil || !slices.Equal(got[0], want[0]) {
				t.Errorf("batch %d: the features differ from those of one session (%v)", i, err)
			}
		})
	}
	wait.Wait()
	if _, err := NewGroup(); err == nil {
		t.Error("a group of none is accepted")
	}
}

// Where cores take shares of a batch, two calls of Extract are computed at a time, each with
// memory of its own.
func TestExtractTwoBatchesAtATime(t *testing.T) {
	options := ExtractorOptions{Layers: []string{"conv", "dense"}, Batch: 3}
	alone := extractor(t, tinyModel(t), options)
	model := tinyModel(t)
	model.Convolutions.Count = 1
	both := extractor(t, model, options)
	if want := min(2, runtime.NumCPU()); alone.Parallel() != 1 || both.Parallel() != want {
		t.Errorf("%d and %d calls at a time, want 1 and %d", alone.Parallel(), both.Parallel(), want)
	}
	var calls errgroup.Group
	for i := range 40 {
		calls.Go(func() error {
			n := 1 + i%3
			pixels := pictures(n)
			for p := range pixels {
				pixels[p] += float32(i)
			}
			want, err := alone.Extract(pixels, n)
			if err != nil {
				return err
			}
			got, err := both.Extract(pixels, n)
			if err == nil && (!slices.Equal(got[0], want[0]) || !slices.Equal(got[1], want[1])) {
				err = fmt.Errorf("call %d: the features differ from those of one call at a time", i)
			}
			return err
		})
	}
	if err := calls.Wait(); err != nil {
		t.Error(err)
	}
}

// A device whose memory takes fewer images than a batch has: the batch is computed in
// parts, and the caller sees no difference.
func TestExtractHalvesBatches(t *testing.T) {
	const batch, fit = 8, 2
	whole := extractor(t, tinyModel(t), ExtractorOptions{Layers: []string{"conv", "dense"}, Batch: batch})
	var halved, runs []int
	small := extractor(t, tinyModel(t), ExtractorOptions{
		Layers: []string{"conv", "dense"}, Batch: batch, Halved: func(batch int) { halved = append(halved, batch) },
	})
	small.run = func(input *tf.Tensor) ([]*tf.Tensor, error) {
		size := int(input.Shape()[0])
		runs = append(runs, size)
		if size > fit {
			return nil, fmt.Errorf("%w: %w", ErrMemory, errors.New("OOM when allocating tensor with shape[8,224,224,64]"))
		}
		return small.runSession(input)
	}
	pixels := pictures(batch)
	for _, n := range []int{batch, 5, 1} {
		got, err := small.Extract(pixels[:n*small.picture], n)
		if err != nil {
			t.Fatal(err)
		}
		want, err := whole.Extract(pixels[:n*small.picture], n)
		if err != nil {
			t.Fatal(err)
		}
		for l := range want {
			if len(got[l]) != len(want[l]) {
				t.Fatalf("layer %d: %d values for %d images, want %d", l, len(got[l]), n, len(want[l]))
			}
			for i := range want[l] {
				if d := got[l][i] - want[l][i]; d > 1e-2 || d < -1e-2 { // values of thousands, summed in another order
					t.Fatalf("layer %d, value %d: %v in parts, %v whole", l, i, got[l][i], want[l][i])
				}
			}
		}
	}
	if !slices.Equal(halved, []int{4, 2}) {
		t.Errorf("the batch was halved to %v, want 4 and 2", halved)
	}
	if want := []int{8, 4, 2, 2, 2, 2, 2, 2, 2, 2}; !slices.Equal(runs, want) {
		t.Errorf("Runs of %v images, want %v", runs, want)
	}
	if small.BatchSize() != batch {
		t.Errorf("the batch size is %d, want %d", small.BatchSize(), batch)
	}
}

// When not even one image fits, or something else is wrong, the error comes out.
func TestExtractGivesUp(t *testing.T) {
	for _, cause := range []error{ErrMemory, errors.New("the device is gone")} {
		e := extractor(t, tinyModel(t), ExtractorOptions{Layers: []string{"dense"}, Batch: 4})
		runs := 0
		e.run = func(*tf.Tensor) ([]*tf.Tensor, error) { runs++; return nil, cause }
		if _, err := e.Extract(pictures(4), 4); !errors.Is(err, cause) {
			t.Errorf("%v becomes %v", cause, err)
		}
		if want := map[bool]int{true: 3, false: 1}[cause == ErrMemory]; runs != want {
			t.Errorf("%v: %d Runs, want %d", cause, runs, want)
		}
	}
}

func TestOutOfMemory(t *testing.T) {
	for text, want := range map[string]bool{
		"OOM when allocating tensor with shape[64,224,224,64] and type float on /job:localhost/replica:0/task:0/device:GPU:0 by allocator GPU_0_bfc": true,
		"RESOURCE_EXHAUSTED: Out of memory while trying to allocate 8589934592 bytes":                                                                true,
		"No algorithm worked!  Error messages: CUDNN_STATUS_EXECUTION_FAILED":                                                                        false,
		"Matrix size-incompatible: In[0]: [1,3], In[1]: [4,5]":                                                                                       false,
	} {
		if got := outOfMemory(errors.New(text)); got != want {
			t.Errorf("%q is out of memory: %v, want %v", text, got, want)
		}
	}
}
