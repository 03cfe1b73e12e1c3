package cmd_test

import (
	"bufio"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
)

// A run is scraped while it works. Another one that wants the same address ends at once, before
// it makes anything.
func TestExtractMetrics(t *testing.T) {
	out, other := filepath.Join(t.TempDir(), "out"), filepath.Join(t.TempDir(), "other")
	extract := filepath.Join(binaries, "extract")
	command := exec.Command(extract, "--out", out, "--batch", "1", "--pool", "avg", "--device", "cpu", "--metrics-addr", "localhost:0", "../testdata/photos")
	stderr, err := command.StderrPipe()
	check(t, err)
	check(t, command.Start())
	lines := bufio.NewScanner(stderr)
	var address string
	for address == "" && lines.Scan() {
		if found := regexp.MustCompile(`metrics on http://([^/]+)/metrics`).FindStringSubmatch(lines.Text()); found != nil {
			address = found[1]
		}
	}
	if address == "" {
		t.Fatalf("no address was printed: %v", command.Wait())
	}
	second := exec.Command(extract, "--out", other, "--metrics-addr", address, "../testdata/photos")
	message, _ := second.CombinedOutput() // its status is looked at
	if second.ProcessState.ExitCode() != 1 || !strings.Contains(string(message), "address already in use; give another HOST:PORT") {
		t.Errorf("an address in use gives status %d: %s", second.ProcessState.ExitCode(), message)
	}
	if _, err := os.Stat(other); !os.IsNotExist(err) {
		t.Error("an address in use makes a directory")
	}
	some := regexp.MustCompile(`extract_images_total\{outcome="done"\} [1-7]\n`)
	for deadline := time.Now().Add(time.Minute); ; {
		response, err := http.Get("http://" + address + "/metrics")
		if err != nil {
			t.Fatalf("the run ended before it was scraped: %v", err)
		}
		body, err := io.ReadAll(response.Body)
		check(t, err)
		check(t, response.Body.Close())
		if some.Match(body) {
			if !strings.Contains(string(body), "extract_images_wanted 8\n") {
				t.Errorf("it does not say how many images are wanted: %s", body)
			}
			if problems, err := promlint.New(strings.NewReader(string(body))).Lint(); err != nil || len(problems) > 0 {
				t.Errorf("promlint says %v, %v", problems, err)
			}
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("no image is done: %s", body)
		}
		time.Sleep(10 * time.Millisecond)
	}
	for lines.Scan() {
	}
	check(t, command.Wait())
}
