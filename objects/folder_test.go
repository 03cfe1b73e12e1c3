package objects_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"fovea/internal/s3test"
	"fovea/objects"
)

func TestMain(m *testing.M) {
	objects.DefaultPatience = objects.Patience{Pauses: []time.Duration{time.Millisecond}, Answer: 20 * time.Second, PerByte: time.Microsecond}
	os.Exit(m.Run())
}

func open(t *testing.T, name string) *objects.Folder {
	t.Helper()
	f, err := objects.Open(context.Background(), name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func put(t *testing.T, f *objects.Folder, name string, content []byte) {
	t.Helper()
	if err := f.Put(context.Background(), name, bytes.NewReader(content), int64(len(content))); err != nil {
		t.Fatal(err)
	}
}

func list(t *testing.T, f *objects.Folder) map[string]objects.Object {
	t.Helper()
	found := map[string]objects.Object{}
	err := f.List(context.Background(), func(o objects.Object) error { found[o.Name] = o; return nil })
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// noise is content that repeats nowhere.
func noise(n int) []byte {
	content := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(content)
	return content
}

// TestStores does the same with every store that can be had here.
func TestStores(t *testing.T) {
	server := s3test.Start(t)
	for scheme, name := range map[string]string{"s3": server.URL("a folder/of it"), "mem": "mem://stores/a folder/of it"} {
		t.Run(scheme, func(t *testing.T) {
			ctx := context.Background()
			f := open(t, name)
			if found := list(t, f); len(found) != 0 {
				t.Errorf("a new folder holds %v", found)
			}
			contents := map[string][]byte{"empty": {}, "b/ü x.jpg": noise(3000), "large": noise(5 << 20)}
			for name, content := range contents {
				put(t, f, name, content)
			}
			put(t, open(t, strings.Replace(name, "of it", "of its own", 1)), "other", []byte("not below the folder"))
			found := list(t, f)
			if len(found) != len(contents) {
				t.Errorf("%d objects are listed, want %d: %v", len(found), len(contents), found)
			}
			for name, content := range contents {
				o := found[name]
				if o.Size != int64(len(content)) || time.Since(o.Modified) > time.Hour || !strings.HasSuffix(o.URL, "/of it/"+name) || strings.Contains(o.URL, "?") {
					t.Errorf("%q is listed as %+v", name, o)
				}
				if len(content) < 1<<20 { // byte by byte, among others
					if err := iotest.TestReader(f.Open(ctx, o), content); err != nil {
						t.Errorf("%q: %v", name, err)
					}
				}
				all, err := io.ReadAll(f.Open(ctx, o))
				if err != nil || !bytes.Equal(all, content) {
					t.Errorf("%q: %d bytes and %v are read, want %d", name, len(all), err, len(content))
				}
				if all, err = f.Get(ctx, name); err != nil || !bytes.Equal(all, content) {
					t.Errorf("%q: Get gives %d bytes and %v, want %d", name, len(all), err, len(content))
				}
			}
			single := open(t, strings.Replace(name, "of it", "of it/b/ü x.jpg", 1))
			if o, ok := list(t, single)["ü x.jpg"]; !ok {
				t.Error("a URL of an object does not list it")
			} else if all, err := io.ReadAll(single.Open(ctx, o)); err != nil || !bytes.Equal(all, contents["b/ü x.jpg"]) {
				t.Errorf("an object by its own URL gives %d bytes and %v", len(all), err)
			}
			if err := f.Create(ctx, "large", []byte("other")); !errors.Is(err, fs.ErrExist) {
				t.Errorf("Create over an object gives %v, want fs.ErrExist", err)
			}
			if err := f.Create(ctx, "created", []byte("first")); err != nil {
				t.Error(err)
			}
			put(t, f, "large", []byte("replaced"))
			if _, err := io.ReadAll(f.Open(ctx, found["large"])); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "has changed") {
				t.Errorf("an object that was replaced gives %v", err)
			}
			for range 2 {
				if err := f.Delete(ctx, "large"); err != nil {
					t.Error(err)
				}
			}
			if _, err := f.Get(ctx, "large"); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("an object that was deleted gives %v", err)
			}
		})
	}
}

// TestPartsOfFile reads at random places, as tables and archives are read.
func TestPartsOfFile(t *testing.T) {
	f, content := open(t, "mem://parts"), noise(6<<20)
	put(t, f, "x", content)
	file := f.Open(context.Background(), list(t, f)["x"])
	random := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		at, n := random.IntN(len(content)), random.IntN(1<<random.IntN(22))
		part := make([]byte, min(n, len(content)-at))
		if read, err := file.ReadAt(part, int64(at)); err != nil || !bytes.Equal(part[:read], content[at:at+len(part)]) {
			t.Fatalf("%d bytes at %d: %d and %v", len(part), at, read, err)
		}
	}
	if n, err := file.ReadAt(make([]byte, 10), int64(len(content))-4); n != 4 || !errors.Is(err, io.EOF) {
		t.Errorf("over the end: %d and %v", n, err)
	}
}

// TestWholeOrNot breaks the server in the middle of writing: no object may appear.
func TestWholeOrNot(t *testing.T) {
	server := s3test.Start(t)
	f := open(t, server.URL("whole"))
	put(t, f, "old", []byte("as it was"))
	faults := map[string]s3test.Fault{
		"refuses": func(w http.ResponseWriter, _ *http.Request) bool {
			s3test.Answer(w, http.StatusServiceUnavailable, "SlowDown")
			return true
		},
		"cuts": func(w http.ResponseWriter, r *http.Request) bool {
			_, _ = io.CopyN(io.Discard, r.Body, 1000)
			s3test.Cut(w)
			return true
		},
		"hangs": func(_ http.ResponseWriter, r *http.Request) bool {
			_, _ = io.Copy(io.Discard, r.Body) // else nobody would notice the client's leaving
			<-r.Context().Done()
			return true
		},
		"fails at the second part": func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Query().Get("partNumber") != "2" {
				return false
			}
			s3test.Answer(w, http.StatusInternalServerError, "InternalError")
			return true
		},
		"fails at joining the parts": func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method != http.MethodPost || r.URL.Query().Get("uploadId") == "" {
				return false
			}
			s3test.Answer(w, http.StatusInternalServerError, "InternalError")
			return true
		},
	}
	patient := objects.DefaultPatience
	defer func() { objects.DefaultPatience = patient }()
	objects.DefaultPatience.Pauses = nil // the provider's library tries several times
	once := open(t, server.URL("whole"))
	objects.DefaultPatience.Answer = 300 * time.Millisecond
	hasty := open(t, server.URL("whole"))
	large := noise(17 << 20) // in parts
	for name, fault := range faults {
		f, object, content := once, "old", large
		if !strings.HasPrefix(name, "fails") {
			object, content = "new", large[:1<<20]
		}
		if name == "hangs" {
			f = hasty
		}
		server.Break(fault)
		err := f.Put(context.Background(), object, bytes.NewReader(content), int64(len(content)))
		server.Break(nil)
		if err == nil || !strings.Contains(err.Error(), "cannot write s3://bucket/whole/"+object) {
			t.Errorf("a server that %s: the error is %v", name, err)
		}
		if keys := server.Keys(t, "whole/"); len(keys) != 1 || string(keys["whole/old"]) != "as it was" {
			t.Errorf("a server that %s: %d objects are there", name, len(keys))
		}
	}
	short := bytes.NewReader(large[:100])
	if err := f.Put(context.Background(), "short", short, 1000); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("content that ends early gives %v", err)
	}
	if keys := server.Keys(t, "whole/"); len(keys) != 1 {
		t.Errorf("content that ends early leaves %d objects", len(keys))
	}
}

// TestPatience has the server fail for a while.
func TestPatience(t *testing.T) {
	server := s3test.Start(t)
	f, content := open(t, server.URL("patience")), noise(300_000)
	put(t, f, "x", content)
	o := list(t, f)["x"]
	var left atomic.Int32
	server.Break(func(w http.ResponseWriter, r *http.Request) bool {
		if left.Add(-1) < 0 {
			return false
		}
		if r.Method == http.MethodGet && r.URL.Query().Get("list-type") == "" && left.Load() == 0 { // in the middle
			w.Header().Set("Content-Range", fmt.Sprintf("bytes 0-%d/%d", len(content)-1, len(content)))
			w.Header().Set("Content-Length", fmt.Sprint(len(content)))
			w.WriteHeader(http.StatusPartialContent)
			_, _ = w.Write(content[:1000])
			s3test.Cut(w)
			return true
		}
		s3test.Answer(w, http.StatusServiceUnavailable, "SlowDown")
		return true
	})
	left.Store(2)
	if all, err := io.ReadAll(f.Open(context.Background(), o)); err != nil || !bytes.Equal(all, content) {
		t.Errorf("reading: %d bytes and %v", len(all), err)
	}
	left.Store(2)
	if found := list(t, f); len(found) != 1 {
		t.Errorf("listing: %v", found)
	}
	left.Store(2)
	put(t, f, "y", content)
	left.Store(1000)
	if _, err := io.ReadAll(f.Open(context.Background(), o)); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a server that fails for good gives %v", err)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(errors.New("stopped by the user"))
	if err := f.List(ctx, func(objects.Object) error { return nil }); err == nil || !strings.Contains(err.Error(), "stopped by the user") {
		t.Errorf("a context that is done gives %v", err)
	}
}

// TestErrors looks at what people are told.
func TestErrors(t *testing.T) {
	server := s3test.Start(t)
	visit := func(objects.Object) error { return nil }
	err := open(t, server.In("nowhere", "x")).List(context.Background(), visit)
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "no bucket nowhere") {
		t.Errorf("a bucket that is not there gives %v", err)
	}
	t.Setenv("AWS_ACCESS_KEY_ID", "stranger")
	err = open(t, server.URL("x")).List(context.Background(), visit)
	if err == nil || !strings.Contains(err.Error(), "access is refused: give the provider's credentials") {
		t.Errorf("wrong credentials give %v", err)
	}
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	err = open(t, server.URL("x")).List(context.Background(), visit)
	if err == nil || !strings.Contains(err.Error(), "access is refused: give the provider's credentials") {
		t.Errorf("no credentials give %v", err)
	}
	for _, name := range []string{"s3://", "s3:///x", "http://x/y", "photos", "s3://key:secret@bucket/x", server.URL("x") + "&nonsense=1"} {
		if f, err := objects.Open(context.Background(), name); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s opens %v with %v", name, f, err)
		}
	}
}

// TestParameters refuses what the provider's library does not take before it is asked, without showing values.
func TestParameters(t *testing.T) {
	const credentials = "credentials do not belong in a URL"
	for name, want := range map[string]string{
		"s3://b/x?aws_secret_access_key=marker": credentials, "s3://b/x?region=r&session_token=marker": credentials, "s3://b/x?marker": credentials, "s3://b/x?marker=": credentials,
		"s3://b/x?nonsense=1&secret=mar&ker=x": credentials, "gs://b/x?access_token=marker": credentials, "azblob://b/x?sv=2024&sig=marker": credentials, "mem://b/x?password=marker": credentials,
		"azblob://b/x?account-key=marker": credentials, "s3://b/x?Expires=1&X-Amz-Signature=marker": credentials,
		"s3://b/x?nonsense=marker": "unknown parameter nonsense: s3:// takes accelerate,", "gs://b/x?region=marker": "unknown parameter region: gs:// takes access_id,", "s3://b/x?Region=marker": "unknown parameter Region",
		"azblob://b/x?prefix=marker": "unknown parameter prefix", "mem://b/x?region=marker": "mem:// takes none", "s3://b/x?region=mar;ker": "write %25", "s3://b/x?region=%zzmarker": "write %25",
		"s3://b/x?endpoint=marker:9000": "such as http://127.0.0.1:9000", "s3://b/x?endpoint=http://": "such as http://127.0.0.1:9000",
	} {
		_, err := objects.Open(context.Background(), name)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "mar") || strings.Contains(err.Error(), "refused") || errors.Is(err, objects.ErrCredentials) != (want == credentials) {
			t.Errorf("%s gives %v, want %q", name, err, want)
		}
	}
}

func TestNames(t *testing.T) {
	for name, want := range map[string]bool{"s3://b/x": true, "gs://b": true, "azblob://c/x": true, "MEM://x": true, "file:///x": false, "s3:/b": false, "photos": false, "c:/x": false} {
		if objects.IsURL(name) != want {
			t.Errorf("IsURL(%q) is not %v", name, want)
		}
	}
	paths := map[string]string{"file:///data/my photos": "/data/my photos", "file:///a%20b": "/a b", "file://localhost/x": "/x", "file://./x/y": "./x/y", "photos": "photos", "s3://b": "s3://b"}
	for name, want := range paths {
		if got, err := objects.LocalPath(name); err != nil || got != filepath.FromSlash(want) {
			t.Errorf("LocalPath(%q) is %q, %v", name, got, err)
		}
	}
	for _, name := range []string{"file://server/x", "file:///x?y=1", "file://", "file:///x#y"} {
		if got, err := objects.LocalPath(name); err == nil {
			t.Errorf("LocalPath(%q) is %q without an error", name, got)
		}
	}
}
