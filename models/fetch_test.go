package models

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// weightsServer offers content, whose transfer breaks off after so many bytes the first
// time, and counts the requests.
func weightsServer(t *testing.T, content []byte, breakAfter int) (Published, *int) {
	t.Helper()
	requests := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests++
		if requests == 1 && breakAfter > 0 {
			w.Header().Set("Content-Length", "100000")
			_, _ = w.Write(content[:breakAfter])
			panic(http.ErrAbortHandler)
		}
		http.ServeContent(w, r, "weights.h5", time.Time{}, bytes.NewReader(content))
	}))
	t.Cleanup(server.Close)
	sum := md5.Sum(content)
	return Published{Name: "x", URL: server.URL + "/weights.h5", MD5: hex.EncodeToString(sum[:])}, &requests
}

func TestFetch(t *testing.T) {
	content := bytes.Repeat([]byte("weights "), 12500)
	for name, breakAfter := range map[string]int{"whole": 0, "broken transfer": 30000} {
		t.Run(name, func(t *testing.T) {
			p, requests := weightsServer(t, content, breakAfter)
			dir := filepath.Join(t.TempDir(), "new")
			if breakAfter > 0 {
				if _, err := Fetch(context.Background(), p, dir, nil); err == nil || !strings.Contains(err.Error(), "run it again to continue") {
					t.Fatalf("a broken transfer gives %v", err)
				}
			}
			var first, last int64 = -1, 0
			file, err := Fetch(context.Background(), p, dir, func(done, total int64) {
				if first < 0 {
					first = done
				}
				last = done
				if total != int64(len(content)) {
					t.Errorf("the total is %d", total)
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			if first < int64(breakAfter) || last != int64(len(content)) {
				t.Errorf("progress from %d to %d", first, last)
			}
			got, err := os.ReadFile(file)
			if err != nil || !bytes.Equal(got, content) {
				t.Errorf("%d bytes were fetched, %v", len(got), err)
			}
			before := *requests
			if _, err := Fetch(context.Background(), p, dir, nil); err != nil || *requests != before {
				t.Errorf("a file that is there is fetched again: %v", err)
			}
		})
	}
}

func TestFetchRefuses(t *testing.T) {
	p, _ := weightsServer(t, []byte("tampered with"), 0)
	p.MD5 = strings.Repeat("0", 32)
	dir := t.TempDir()
	if _, err := Fetch(context.Background(), p, dir, nil); !errors.Is(err, ErrChecksum) {
		t.Errorf("a wrong checksum gives %v", err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 0 {
		t.Errorf("%v is left behind", entries)
	}
	gone := httptest.NewServer(http.NotFoundHandler())
	defer gone.Close()
	p.URL = gone.URL + "/weights.h5"
	if _, err := Fetch(context.Background(), p, dir, nil); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("a file that is gone gives %v", err)
	}
	if _, err := FindPublished("resnet"); err == nil || !strings.Contains(err.Error(), "vgg16-notop") {
		t.Errorf("an unknown name gives %v", err)
	}
}

// The proxy of the environment is used. Go reads it once a process, hence a process of its
// own.
func TestFetchByProxy(t *testing.T) {
	content := []byte("weights by a proxy")
	sum := md5.Sum(content)
	p := Published{Name: "x", URL: "http://weights.invalid/x.h5", MD5: hex.EncodeToString(sum[:])}
	const dirVariable = "FOVEA_TEST_FETCH_INTO"
	if dir := os.Getenv(dirVariable); dir != "" {
		if _, err := Fetch(context.Background(), p, dir, nil); err != nil {
			t.Fatal(err)
		}
		return
	}
	var asked string
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.String()
		_, _ = w.Write(content)
	}))
	defer proxy.Close()
	dir := t.TempDir()
	command := exec.Command(os.Args[0], "-test.run=^TestFetchByProxy$")
	command.Env = append(os.Environ(), dirVariable+"="+dir, "HTTP_PROXY="+proxy.URL, "NO_PROXY=")
	if output, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	if got, err := os.ReadFile(filepath.Join(dir, "x.h5")); err != nil || !bytes.Equal(got, content) || asked != p.URL {
		t.Errorf("%q came by the proxy, asked for %q, %v", got, asked, err)
	}
}
