package cmd_test

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"fovea/extraction"
	"fovea/featurestore"
	"fovea/pipeline"
	"fovea/preprocessing"
	"fovea/recipe"
)

// exploring is a running extract dataset explore.
type exploring struct {
	*exec.Cmd
	address *url.URL
	browser http.Client
	log     strings.Builder
}

// explore starts the command and waits for the address of its page.
func explore(t *testing.T, arguments ...string) *exploring {
	t.Helper()
	e := &exploring{Cmd: exec.Command(filepath.Join(binaries, "extract"), append([]string{"dataset", "explore", "--no-open"}, arguments...)...)}
	e.Stderr = &e.log
	stdout, err := e.StdoutPipe()
	check(t, err)
	check(t, e.Start())
	t.Cleanup(func() { _ = e.Process.Kill() }) // unless it has ended
	line, err := bufio.NewReader(stdout).ReadString('\n')
	check(t, err)
	e.address, err = url.Parse(strings.TrimSpace(line))
	check(t, err)
	e.browser.Jar, err = cookiejar.New(nil)
	check(t, err)
	response, err := e.browser.Get(e.address.String()) // which leaves the cookie
	check(t, err)
	check(t, response.Body.Close())
	return e
}

// explored makes a dataset of the photos, labelled by their names.
func explored(t *testing.T) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "features")
	_, err := extraction.Run(t.Context(), extraction.Options{
		Features: extraction.Features{Model: filepath.Join("..", "testdata", "savedmodel", "tf1-resource"), Layers: []string{"small/conv1/Conv2D"}, Pool: recipe.PoolAverage, Preprocessing: preprocessing.None},
		Images:   []string{exploredPhotos}, Out: dir, Labels: pipeline.LabelFunc(pipeline.PrefixLabel),
	})
	check(t, err)
	return dir
}

const exploredPhotos = "../testdata/photos"

// get asks for something as a browser that has opened the address.
func (e *exploring) get(t *testing.T, path string) (status int, body []byte) {
	t.Helper()
	response, err := e.browser.Get("http://" + e.address.Host + path)
	check(t, err)
	defer response.Body.Close()
	body, err = io.ReadAll(response.Body)
	check(t, err)
	return response.StatusCode, body
}

// The command prints the address of a page that has the dataset, and ends in order when it is interrupted. A port in use is
// an error.
func TestExplore(t *testing.T) {
	dir := explored(t)
	e := explore(t, "--images", exploredPhotos, dir)
	if host := e.address.Hostname(); host != "127.0.0.1" || len(e.address.Query().Get("token")) != 32 {
		t.Errorf("the address is %s", e.address)
	}
	var dataset struct {
		Rows    int
		Classes []string
		Images  bool
	}
	_, body := e.get(t, "/api/dataset")
	check(t, json.Unmarshal(body, &dataset))
	if dataset.Rows != 8 || strings.Join(dataset.Classes, " ") != "cat dog other" || !dataset.Images {
		t.Errorf("the dataset is %s", body)
	}
	for path, want := range map[string]string{"/": "text/html", "/look.css": "text/css", "/images/0": "image/png", "/thumbs/1": "image/jpeg"} {
		if status, body := e.get(t, path); status != http.StatusOK || !strings.HasPrefix(http.DetectContentType(body), strings.Split(strings.Replace(want, "text/css", "text/plain", 1), ";")[0]) {
			t.Errorf("%s: %d, %s", path, status, http.DetectContentType(body))
		}
	}
	second := exec.Command(filepath.Join(binaries, "extract"), "dataset", "explore", "--no-open", "--listen", e.address.Host, dir)
	message, _ := second.CombinedOutput() // its status is looked at
	if second.ProcessState.ExitCode() != 1 || !strings.Contains(string(message), "another program uses this port") {
		t.Errorf("a port in use gives status %d: %s", second.ProcessState.ExitCode(), message)
	}
	check(t, e.Process.Signal(os.Interrupt))
	if err := e.Wait(); err != nil {
		t.Errorf("interrupted, it ends with %v: %s", err, e.log.String())
	}
	if _, err := net.DialTimeout("tcp", e.address.Host, time.Second); err == nil {
		t.Error("it still listens")
	}
	if d, err := featurestore.Open(dir); err != nil || d.Rows() != 8 {
		t.Errorf("the dataset afterwards: %v", err)
	}
}

// Listening where others can reach it is warned of.
func TestExploreWarnsOfOthers(t *testing.T) {
	dir := explored(t)
	e := explore(t, "--listen", "0.0.0.0:0", dir)
	if e.address.Hostname() != "localhost" {
		t.Errorf("the address is %s", e.address)
	}
	if status, _ := e.get(t, "/api/dataset"); status != http.StatusOK {
		t.Errorf("status %d", status)
	}
	check(t, e.Process.Signal(syscall.SIGTERM))
	check(t, e.Wait())
	if !strings.Contains(e.log.String(), "other machines can reach") {
		t.Errorf("it says %s", e.log.String())
	}
}
