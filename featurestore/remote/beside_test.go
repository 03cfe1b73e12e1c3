package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"fovea/featurestore"
)

// TestReadersBesideOverwrites has two datasets take each other's place again and again while others read:
// each reading is of one of them, or says that it was replaced, or is of one that says it is being written.
func TestReadersBesideOverwrites(t *testing.T) {
	server := serve(t)
	url, overwrites := server.URL("set"), 15
	if n, err := strconv.Atoi(os.Getenv("FOVEA_TRIALS")); err == nil {
		overwrites = n
	}
	options := Options{Staging: t.TempDir(), Overwrite: true}
	put := func(i int) error { return writeLabeled(url, options, "ab"[i%2:i%2+1], 8, featurestore.StatusComplete) }
	if err := put(0); err != nil {
		t.Fatal(err)
	}
	var whole, writing, replaced atomic.Int32
	var readers sync.WaitGroup
	ended := make(chan struct{})
	for range 3 {
		readers.Go(func() {
			for {
				select {
				case <-ended:
					return
				default:
				}
				c, err := contentOf(url)
				switch {
				case errors.Is(err, ErrReplaced):
					replaced.Add(1)
				case err != nil:
					t.Errorf("a reader gets %v", err)
					return
				case c.status == featurestore.StatusWriting:
					writing.Add(1)
				case c.rows != 8 || c.status != featurestore.StatusComplete:
					t.Errorf("a reader gets %+v", c)
				default:
					whole.Add(1)
				}
			}
		})
	}
	for i := range overwrites {
		if err := put(i + 1); err != nil {
			t.Error(err)
			break
		}
	}
	close(ended)
	readers.Wait()
	t.Logf("beside %d overwrites: %d read whole, %d while it was written, %d replaced", overwrites, whole.Load(), writing.Load(), replaced.Load())
	if whole.Load() == 0 || writing.Load()+replaced.Load() == 0 {
		t.Error("no reader was beside a writer")
	}
}

// TestReplacedAtEveryRequest has a dataset replaced by another one at each request of a reader's.
func TestReplacedAtEveryRequest(t *testing.T) {
	server := serve(t)
	for k := int32(1); ; k++ {
		url, options := server.URL(fmt.Sprintf("set%d", k)), Options{Staging: t.TempDir(), Overwrite: true}
		put := func(label string) error { return writeLabeled(url, options, label, 8, featurestore.StatusComplete) }
		if err := put("a"); err != nil {
			t.Fatal(err)
		}
		var requests atomic.Int32
		server.Break(func(http.ResponseWriter, *http.Request) bool {
			if requests.Add(1) == k {
				server.Break(nil)
				if err := put("b"); err != nil {
					t.Error(err)
				}
			}
			return false
		})
		c, err := contentOf(url)
		server.Break(nil)
		if requests.Load() < k {
			if k < 6 {
				t.Errorf("a reader makes %d requests only", k-1)
			}
			return
		}
		// The last one of its requests sees what has been read no more.
		if err != nil || c != (content{"b", 8, featurestore.StatusComplete}) {
			t.Errorf("replaced at request %d: %+v, %v", k, c, err)
		}
	}
}

// A reader that finds another dataset on its way, after it had found a whole one, is told.
func TestReplacedByHalf(t *testing.T) {
	server, ctx := serve(t), context.Background()
	if err := writeLabeled(server.URL("set"), Options{Staging: t.TempDir()}, "a", 8, featurestore.StatusComplete); err != nil {
		t.Fatal(err)
	}
	var requests atomic.Int32
	staging := t.TempDir()
	server.Break(func(http.ResponseWriter, *http.Request) bool {
		if requests.Add(1) == 4 {
			server.Break(nil)
			o, err := Create(ctx, server.URL("set"), Options{Staging: staging, Overwrite: true})
			if err != nil {
				t.Error(err)
				return false
			}
			w, err := featurestore.Create(o.Dir, info, featurestore.Options{ShardRows: 3, Written: unbrought(o)})
			if err == nil {
				err = errors.Join(fillLabeled(w, "b", 4), w.Close(featurestore.StatusInterrupted))
			}
			m := *o.manifest()
			m.Status = featurestore.StatusWriting
			if err := errors.Join(err, o.upload.push(ctx, m, nil)); err != nil {
				t.Error(err)
			}
		}
		return false
	})
	if c, err := contentOf(server.URL("set")); !errors.Is(err, ErrReplaced) || !strings.Contains(err.Error(), "s3://bucket/set was replaced while it was read: it is being rewritten") {
		t.Errorf("got %+v, %v", c, err)
	}
}

// Damage is told from replacement, and brought to those who look for it.
func TestDamaged(t *testing.T) {
	server, ctx := serve(t), context.Background()
	url := server.URL("set")
	if err := writeLabeled(url, Options{Staging: t.TempDir()}, "a", 8, featurestore.StatusComplete); err != nil {
		t.Fatal(err)
	}
	shard := server.Keys(t, "")["set/data/part-00001.parquet"]
	damaged := bytes.Clone(shard)
	damaged[len(damaged)/2] ^= 1
	putObject(t, openFolder(t, url), "data/part-00001.parquet", string(damaged))
	if _, _, err := Fetch(ctx, url); !errors.Is(err, featurestore.ErrCorrupt) || !strings.Contains(err.Error(), "set/data/part-00001.parquet") {
		t.Errorf("a damaged shard gives %v", err)
	}
	dir, done, err := FetchDamaged(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	if err := featurestore.Verify(dir); !errors.Is(err, featurestore.ErrCorrupt) {
		t.Errorf("what was brought gives %v", err)
	}
}
