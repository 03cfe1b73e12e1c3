package remote

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"sync/atomic"
	"testing"

	"fovea/featurestore"
	"fovea/internal/s3test"
)

// fullRows is the number of rows of the datasets that are killed on their way: three shards.
const fullRows = 7

// dying cuts the client off from its k-th request on, before that has any effect or before its answer.
func dying(server *s3test.Server, k int32, after bool, requests *atomic.Int32) s3test.Fault {
	return func(w http.ResponseWriter, r *http.Request) bool {
		switch n := requests.Add(1); {
		case n < k:
			return false
		case n == k && after:
			server.Serve(httptest.NewRecorder(), r)
		}
		s3test.Answer(w, http.StatusBadRequest, "Away") // which the provider's library does not try again
		return true
	}
}

// killing is a way of writing a dataset "a", which is killed.
type killing struct {
	options Options
	// before writes what is there at the beginning.
	before func(url, staging string) error
	// givesUp: it ends before a shard is whole, and takes back what it has written.
	givesUp bool
	// allowed says whether a reader may see so much after a kill; nothing at all is the zero content.
	allowed func(c content) bool
}

var killings = map[string]killing{
	"new": {
		before: func(string, string) error { return nil },
		allowed: func(c content) bool {
			return c == content{} || c.label == "" && c.status == featurestore.StatusWriting || ofA(c)
		},
	},
	"overwrite": {
		options: Options{Overwrite: true},
		before: func(url, _ string) error {
			staging, err := os.MkdirTemp("", "")
			return errors.Join(err, writeLabeled(url, Options{Staging: staging}, "b", 10, featurestore.StatusComplete))
		},
		allowed: func(c content) bool {
			return c == content{"b", 10, featurestore.StatusComplete} || c.label == "" && c.status == featurestore.StatusWriting || ofA(c)
		},
	},
	"give up": {
		options: Options{Overwrite: true},
		givesUp: true,
		before: func(url, _ string) error {
			staging, err := os.MkdirTemp("", "")
			return errors.Join(err, writeLabeled(url, Options{Staging: staging}, "b", 4, featurestore.StatusComplete))
		},
		allowed: func(c content) bool {
			return c == content{} || c == content{"b", 4, featurestore.StatusComplete} || c == content{status: featurestore.StatusWriting}
		},
	},
	"resume": {
		options: Options{Resume: true},
		before: func(url, staging string) error {
			return writeLabeled(url, Options{Staging: staging}, "a", 5, featurestore.StatusInterrupted)
		},
		allowed: func(c content) bool {
			return ofA(c) && c.rows >= 5 || c == content{"a", 5, featurestore.StatusInterrupted} // no row is lost
		},
	},
}

// ofA says whether a dataset is "a", whole or on its way.
func ofA(c content) bool {
	return c.label == "a" && (c.status == featurestore.StatusWriting || c == content{"a", fullRows, featurestore.StatusComplete})
}

// TestKilledAtEveryRequest cuts an upload off at every request that it makes, looks at what the store
// holds, and goes on with it, with the same staging directory and on another machine.
func TestKilledAtEveryRequest(t *testing.T) {
	want := local(t, "a", fullRows)
	for name, killing := range killings {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			trials := 0
			for k := int32(1); ; k++ {
				reached := false
				for mode := range 4 {
					after, lost := mode&1 != 0, mode&2 != 0
					if os.Getenv("FOVEA_TRIALS") == "" && mode != []int{0, 3, 1, 2}[k%4] { // in turns
						continue
					}
					trials++
					reached = killing.trial(t, k, after, lost, want) || reached
				}
				if !reached {
					break
				}
			}
			if t.Logf("%d trials", trials); trials < 8 {
				t.Errorf("only %d trials: it takes no more requests", trials)
			}
		})
	}
}

// trial says whether the upload makes so many requests at all.
func (s killing) trial(t *testing.T, k int32, after, lost bool, want map[string][]byte) bool {
	t.Helper()
	server := s3test.New()
	defer server.Close()
	url, options := server.URL("set"), s.options
	options.Staging = t.TempDir()
	if err := s.before(url, options.Staging); err != nil {
		t.Fatal(err)
	}
	var requests atomic.Int32
	server.Break(dying(server, k, after, &requests))
	rows, status := fullRows, featurestore.StatusComplete
	if s.givesUp {
		rows, status = 2, featurestore.StatusWriting
	}
	err := writeLabeled(url, options, "a", rows, status)
	server.Break(nil)
	if requests.Load() < k {
		if err != nil {
			t.Errorf("a run that nothing disturbs gives %v", err)
		}
		return false
	}
	s.goOn(t, server, options, lost, want, fmt.Sprintf("cut off at request %d (after its effect: %v)", k, after))
	return true
}

// goOn looks at what an upload has left and completes it.
func (s killing) goOn(t *testing.T, server *s3test.Server, options Options, lost bool, want map[string][]byte, what string) {
	t.Helper()
	url := server.URL("set")
	c, err := contentOf(url)
	if errors.Is(err, featurestore.ErrNotDataset) {
		c, err = content{}, nil
	}
	if err != nil || !s.allowed(c) {
		t.Errorf("%s: the store holds %+v, %v", what, c, err)
	}
	if c.label != "b" { // else it has not begun
		options.Resume, options.Overwrite = true, false
	}
	if lost {
		options.Staging = t.TempDir()
		server.Advance(lockStale + lockRefresh)
	}
	if err := writeLabeled(url, options, "a", fullRows, featurestore.StatusComplete); err != nil {
		t.Fatalf("%s: it cannot be gone on with: %v", what, err)
	}
	check(t, server, "set", want)
}

// The test binary runs itself with the URL, the staging directory and the way in these variables.
const uploadVariable, uploadStaging, uploadWay = "FOVEA_TEST_UPLOAD", "FOVEA_TEST_STAGING", "FOVEA_TEST_WAY"

func upload1(url string) int {
	options := killings[os.Getenv(uploadWay)].options
	options.Staging = os.Getenv(uploadStaging)
	if err := writeLabeled(url, options, "a", fullRows, featurestore.StatusComplete); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// TestKilledProcess kills processes by SIGKILL while a request of theirs is under way.
func TestKilledProcess(t *testing.T) {
	want := local(t, "a", fullRows)
	for name, killing := range killings {
		if killing.givesUp {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for i, k := range []int32{4, 11, 16, 21} {
				server := s3test.New()
				options := killing.options
				options.Staging = t.TempDir()
				if err := killing.before(server.URL("set"), options.Staging); err != nil {
					t.Fatal(err)
				}
				child := exec.Command(os.Args[0])
				child.Env = append(os.Environ(), uploadVariable+"="+server.URL("set"), uploadStaging+"="+options.Staging, uploadWay+"="+name)
				after := i%2 == 0
				started, dead, served := make(chan struct{}), make(chan struct{}), make(chan struct{})
				var requests atomic.Int32
				server.Break(func(w http.ResponseWriter, r *http.Request) bool {
					n := requests.Add(1)
					if n < k {
						return false
					}
					if n == k {
						<-started
						_ = child.Process.Kill()
						if <-dead; after {
							server.Serve(httptest.NewRecorder(), r)
						}
						close(served)
					}
					s3test.Cut(w)
					return true
				})
				if err := child.Start(); err != nil {
					t.Fatal(err)
				}
				close(started)
				err := child.Wait()
				close(dead)
				if child.ProcessState.ExitCode() != -1 {
					t.Fatalf("it was to be killed at request %d: %v", k, err)
				}
				<-served
				server.Break(nil)
				killing.goOn(t, server, options, i%2 == 1, want, fmt.Sprintf("killed at request %d (after its effect: %v)", k, after))
				server.Close()
			}
		})
	}
}
