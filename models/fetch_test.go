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
				if _, err := Fetch(context.Background(), p, dir, nil); err == nil || !strings.Contains(err.Error(), "run it again to go on") {
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
