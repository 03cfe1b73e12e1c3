package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"fovea/featurestore"
	"fovea/internal/s3test"
)

// halt has the first request that is matched wait, before it has any effect, until let is called.
func halt(server *s3test.Server, method, suffix string) (reached chan struct{}, let func()) {
	reached, gate := make(chan struct{}), make(chan struct{})
	var first atomic.Bool
	server.Break(func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == method && strings.HasSuffix(r.URL.Path, suffix) && first.CompareAndSwap(false, true) {
			close(reached)
			<-gate
		}
		return false
	})
	return reached, func() { close(gate) }
}

// halted is a run that stands still in the middle of its work.
type halted struct {
	output *Output
	ended  chan error
	let    func()
}

// haltAt begins to write a dataset "old" and halts it at a request.
func haltAt(t *testing.T, server *s3test.Server, method, suffix string) halted {
	t.Helper()
	o, err := Create(context.Background(), server.URL("set"), Options{Staging: t.TempDir(), Overwrite: true})
	if err != nil {
		t.Fatal(err)
	}
	w, err := featurestore.Create(o.Dir, info, featurestore.Options{ShardRows: 3, Written: o.Written})
	if err != nil {
		t.Fatal(err)
	}
	h := halted{output: o, ended: make(chan error, 1)}
	reached, let := halt(server, method, suffix)
	h.let = let
	if err := errors.Join(fillLabeled(w, "old", 8), w.Close(featurestore.StatusComplete)); err != nil {
		t.Fatal(err)
	}
	go func() { h.ended <- o.Finish(context.Background()) }()
	<-reached
	return h
}

// lost lets the run go on, and sees that it stops and changes nothing any more.
func (h halted) lost(t *testing.T, server *s3test.Server) {
	t.Helper()
	before := server.Keys(t, "")
	h.let()
	err := <-h.ended
	var lost *LostError
	if !errors.As(err, &lost) || !errors.Is(err, featurestore.ErrLocked) || !strings.Contains(err.Error(), h.output.Dir) || !strings.Contains(err.Error(), "--resume") {
		t.Errorf("the old run ends with %v", err)
	}
	if after := server.Keys(t, ""); !maps.EqualFunc(before, after, func(a, b []byte) bool { return string(a) == string(b) }) {
		for name := range after {
			if string(before[name]) != string(after[name]) {
				t.Errorf("the old run wrote %s", name)
			}
		}
		t.Errorf("the old run left %d objects of %d", len(after), len(before))
	}
	if !hasManifest(h.output.Dir) || !exists(filepath.Join(h.output.Dir, "data", "part-00002.parquet")) {
		t.Error("its rows are gone")
	}
}

// unbrought is in the place of o.Written where the test itself brings the files away.
func unbrought(o *Output) func(featurestore.Manifest) {
	return func(m featurestore.Manifest) {
		o.mutex.Lock()
		defer o.mutex.Unlock()
		o.latest = &m
	}
}

// TestTakenOver halts a run at a request, has another one take its lock after the stale time, and lets it
// go on: while the other one works, and when that has ended.
func TestTakenOver(t *testing.T) {
	requests := map[string]string{
		"PUT /data/part-00001.parquet": "conditions", // the request itself comes too late
		"PUT /.fovea/manifest.json":    "conditions",
		"PUT /.fovea/errors.jsonl":     "conditions",
		"GET /.fovea/lock":             "",
	}
	for request, needs := range requests {
		for _, known := range []bool{true, false} {
			if needs != "" && !known {
				continue
			}
			for _, working := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s, conditions %v, working %v", request, known, working), func(t *testing.T) {
					server := serve(t)
					if !known {
						server.PassOverConditions()
					}
					method, suffix, _ := strings.Cut(request, " ")
					h := haltAt(t, server, method, suffix)
					server.Advance(lockStale + time.Second)
					next, err := Create(context.Background(), server.URL("set"), Options{Staging: t.TempDir(), Overwrite: true})
					if err != nil {
						t.Fatal(err)
					}
					w, err := featurestore.Create(next.Dir, info, featurestore.Options{ShardRows: 3, Written: unbrought(next)})
					if err != nil {
						t.Fatal(err)
					}
					if err := errors.Join(fillLabeled(w, "new", 8), w.Close(featurestore.StatusComplete)); err != nil {
						t.Fatal(err)
					}
					if working { // all but the end
						m := *next.manifest()
						if err := next.upload.push(context.Background(), m, nil); err != nil {
							t.Fatal(err)
						}
						h.lost(t, server)
					}
					if err := next.Finish(context.Background()); err != nil {
						t.Fatal(err)
					}
					if !working {
						h.lost(t, server)
					}
					if c, err := contentOf(server.URL("set")); err != nil || c != (content{"new", 8, featurestore.StatusComplete}) {
						t.Errorf("the store holds %+v, %v", c, err)
					}
				})
			}
		}
	}
}

// TestStoreClock has the store's clock go wrong by an hour: what counts is how old a lock is by it.
func TestStoreClock(t *testing.T) {
	for _, wrong := range []time.Duration{-time.Hour, 0, time.Hour} {
		server, ctx := serve(t), context.Background()
		server.Advance(wrong)
		first, err := Create(ctx, server.URL("set"), Options{Staging: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		for _, former := range []string{"", formerLock} {
			if former != "" {
				if err := first.folder.Create(ctx, former, newNote("earlier")); err != nil {
					t.Fatal(err)
				}
			}
			for _, age := range []time.Duration{0, lockStale - time.Minute} {
				server.Advance(age)
				if _, err := Create(ctx, server.URL("set"), Options{Staging: t.TempDir()}); !errors.Is(err, featurestore.ErrLocked) {
					t.Errorf("by a clock that is wrong by %s, a lock %s old gives %v", wrong, age, err)
				}
				server.Advance(-age)
			}
		}
		server.Advance(lockStale)
		second, err := Create(ctx, server.URL("set"), Options{Staging: t.TempDir()})
		if err != nil {
			t.Errorf("by a clock that is wrong by %s, a stale lock gives %v", wrong, err)
			continue
		}
		if err := errors.Join(first.Abandon(ctx), second.Abandon(ctx)); err != nil {
			t.Error(err)
		}
		if keys := server.Keys(t, ""); len(keys) > 0 {
			t.Errorf("%d objects are left", len(keys))
		}
	}
}

// TestStoreClockPutBack has the store's clock put back while there is a lock: waiting would not help.
func TestStoreClockPutBack(t *testing.T) {
	server, ctx := serve(t), context.Background()
	first, err := Create(ctx, server.URL("set"), Options{Staging: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	server.Advance(-time.Hour)
	if _, err := Create(ctx, server.URL("set"), Options{Staging: t.TempDir()}); !errors.Is(err, featurestore.ErrLocked) || !strings.Contains(err.Error(), "in the future by the store's clock") || !strings.Contains(err.Error(), "delete the object "+lockObject) {
		t.Errorf("a lock of the future gives %v", err)
	}
	if err := first.Abandon(ctx); err != nil {
		t.Error(err)
	}
}

// A lock whose age nobody knows is not taken for an old one.
func TestLockWithoutTime(t *testing.T) {
	server := serve(t)
	text := newNote("another's")
	if _, err := server.Backend.PutObject(s3test.Bucket, "set/"+lockObject, map[string]string{}, bytes.NewReader(text), int64(len(text)), nil); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(context.Background(), server.URL("set"), Options{Staging: t.TempDir()}); !errors.Is(err, featurestore.ErrLocked) || !strings.Contains(err.Error(), "does not say since when") {
		t.Errorf("got %v", err)
	}
}

// TestLease looks at a lock that is not taken: when it is written anew, and what of another's is left alone.
func TestLease(t *testing.T) {
	server, ctx := serve(t), context.Background()
	folder := openFolder(t, server.URL("set"))
	l, err := take(ctx, folder, "mine", "dir")
	if err != nil {
		t.Fatal(err)
	}
	text := func() string { return string(server.Keys(t, "")["set/"+lockObject]) }
	first := text()
	if err := l.check(ctx); err != nil || text() != first {
		t.Errorf("a new lock is written anew, or %v", err)
	}
	l.renewed = time.Now().Add(-lockRefresh) // as after a pause
	if err := l.check(ctx); err != nil || text() == first {
		t.Errorf("an old lock is not written anew, or %v", err)
	}
	// The answer is lost: what is there then is of another version than before, but ours.
	l.renewed = time.Now().Add(-lockRefresh)
	var cut atomic.Bool
	server.Break(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPut || !cut.CompareAndSwap(false, true) {
			return false
		}
		server.Serve(discard{http.Header{}}, r)
		s3test.Answer(w, http.StatusPreconditionFailed, "PreconditionFailed") // of the library's second attempt
		return true
	})
	if err := l.check(ctx); err != nil {
		t.Errorf("one's own writing is taken for another's: %v", err)
	}
	server.Break(nil)

	putObject(t, folder, lockObject, string(newNote("another's")))
	theirs := text()
	l.renewed = time.Now().Add(-lockRefresh)
	var lost *LostError
	if err := l.check(ctx); !errors.As(err, &lost) || !strings.Contains(err.Error(), "process ") {
		t.Errorf("another's lock gives %v", err)
	}
	if err := l.release(ctx); err != nil || text() != theirs {
		t.Errorf("another's lock was deleted or written over, %v", err)
	}
	second := &lease{folder: folder, token: "mine", ended: make(chan struct{})} // has not noticed
	if err := second.release(ctx); err != nil || text() != theirs {
		t.Errorf("another's lock was deleted, %v", err)
	}
}

// A run that is still making rows when it loses its lock is told to stop.
func TestLostAtWork(t *testing.T) {
	server, ctx := serve(t), context.Background()
	o, err := Create(ctx, server.URL("set"), Options{Staging: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	working, cancel := o.Context(ctx)
	defer cancel()
	if working.Err() != nil {
		t.Error("it is told so before")
	}
	putObject(t, o.folder, lockObject, string(newNote("another's")))
	w, err := featurestore.Create(o.Dir, info, featurestore.Options{ShardRows: 3, Written: o.Written})
	if err != nil {
		t.Fatal(err)
	}
	if err := fillLabeled(w, "a", 4); err != nil { // a shard that the run tries to bring away
		t.Fatal(err)
	}
	<-working.Done()
	var lost *LostError
	if !errors.As(context.Cause(working), &lost) {
		t.Errorf("the cause is %v", context.Cause(working))
	}
	if err := errors.Join(w.Close(featurestore.StatusInterrupted), o.Abandon(ctx)); err != nil {
		t.Error(err)
	}
	if keys := server.Keys(t, ""); len(keys) != 1 {
		t.Errorf("%d objects are there, want the other's lock", len(keys))
	}
	var none *Output
	if never, cancel := none.Context(ctx); never.Err() != nil {
		t.Error("a dataset in a directory has a lock in a store")
	} else {
		cancel()
	}
}

type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(p []byte) (int, error) { return len(p), nil }
func (d discard) WriteHeader(int)             {}

// A staging directory that was copied has the token of a run that may be alive.
func TestNoteOfALivingRun(t *testing.T) {
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	ended := exec.Command(os.Args[0], "-test.run=^$")
	if err := ended.Run(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		note
		lives bool
	}{
		{note{Token: "x", Host: host, PID: os.Getpid()}, false},
		{note{Token: "x", Host: host, PID: ended.Process.Pid}, false},
		{note{Token: "x", Host: host, PID: os.Getppid()}, true},
		{note{Token: "x", Host: host + "-2", PID: 1}, true},
		{note{}, false},
	} {
		if c.note.lives() != c.lives {
			t.Errorf("%+v lives: %v", c.note, !c.lives)
		}
	}
}
