package cmd_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"fovea/featurestore"
)

// The server computes of photos what extract has stored of them, by VGG16, finds them in the dataset, and calls the head
// by its file's name.
func TestServeFeaturesAsExtract(t *testing.T) {
	if testing.Short() {
		t.Skip("computes photos with VGG16")
	}
	t.Parallel()
	photos, err := filepath.Glob("../testdata/photos/*.jpg")
	check(t, err)
	photos = photos[:4]
	features := filepath.Join(t.TempDir(), "features")
	arguments := append([]string{"--out", features, "--layers", "pool5", "--pool", "avg"}, photos...)
	if out, err := exec.Command(filepath.Join(binaries, "extract"), arguments...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	d, err := featurestore.Open(features)
	check(t, err)
	stored, err := d.Matrix(t.Context(), "pool5")
	check(t, err)
	at := serveUntilEnd(t, "--head", "../testdata/heads/cats-vs-dogs.json", "--features", features)
	ask := func(path, photo string, answer any) {
		t.Helper()
		image, err := os.ReadFile(photo)
		check(t, err)
		response, err := http.Post(at+path, "image/jpeg", bytes.NewReader(image))
		check(t, err)
		body, err := io.ReadAll(response.Body)
		if err := errors.Join(err, response.Body.Close(), json.Unmarshal(body, answer)); err != nil || response.StatusCode != http.StatusOK {
			t.Fatalf("%s of %s: %d %s %v", path, photo, response.StatusCode, body, err)
		}
	}
	for i, path := range stored.Paths {
		photo := filepath.Join("../testdata/photos", filepath.Base(path))
		var vector struct{ Values []float64 }
		ask("embed?layer=pool5", photo, &vector)
		want, furthest := stored.Data[i*stored.Cols:(i+1)*stored.Cols], 0.0
		if len(vector.Values) != stored.Cols {
			t.Fatalf("%s has %d features, not %d", photo, len(vector.Values), stored.Cols)
		}
		for j, v := range vector.Values {
			furthest = max(furthest, math.Abs(v-float64(want[j]))/max(1, math.Abs(float64(want[j]))))
		}
		if furthest > 1e-5 {
			t.Errorf("the features of %s differ from extract's by %g", photo, furthest)
		}
		var like struct {
			Rows []struct {
				Row        int
				Path       string
				Similarity float64
			}
		}
		if ask("similar?k=2", photo, &like); len(like.Rows) != 2 || like.Rows[0].Row != i || like.Rows[0].Path != path || like.Rows[0].Similarity < 0.99999 || like.Rows[1].Similarity >= like.Rows[0].Similarity {
			t.Errorf("%s is like %+v", photo, like.Rows)
		}
	}
	response, err := http.Get(at + "v2/models/cats-vs-dogs/ready")
	check(t, err)
	if check(t, response.Body.Close()); response.StatusCode != http.StatusOK {
		t.Errorf("the model of the head's name is answered with %d", response.StatusCode)
	}
}

// serveUntilEnd runs the server until the test ends.
func serveUntilEnd(t *testing.T, arguments ...string) (address string) {
	t.Helper()
	command := exec.Command(filepath.Join(binaries, "finetune"), append([]string{"serve", "--listen", "127.0.0.1:0"}, arguments...)...)
	stderr, err := command.StderrPipe()
	check(t, err)
	check(t, command.Start())
	t.Cleanup(func() {
		_ = command.Process.Signal(os.Interrupt) // it may have ended
		_ = command.Wait()                       // it was interrupted
	})
	var log strings.Builder
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		log.WriteString(lines.Text() + "\n")
		if address = regexp.MustCompile(`http://[^/]*/`).FindString(lines.Text()); address != "" {
			go func() { _, _ = io.Copy(io.Discard, stderr) }() // ends with the server
			return address
		}
	}
	t.Fatalf("the server does not begin: %s", log.String())
	return ""
}

// What the server cannot begin with is said before anything is computed, with the flag.
func TestServeRefusesForTheWeb(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	head, _ := smallHead(t, dir)
	for _, test := range []struct {
		arguments []string
		status    int
		want      string
	}{
		{[]string{"--name", "a/b"}, 2, `not a name for the head: "a/b": use letters`},
		{[]string{"--features", filepath.Join(dir, "nowhere")}, 1, "--features: "},
		{[]string{"--features", "ftp://h/x"}, 1, "--features: "},
	} {
		command := exec.Command(filepath.Join(binaries, "finetune"), append([]string{"serve", "--model", smallModel, "--head", head, "--listen", "127.0.0.1:0"}, test.arguments...)...)
		out, err := command.CombinedOutput()
		var failed *exec.ExitError
		if !errors.As(err, &failed) || failed.ExitCode() != test.status || !strings.Contains(string(out), test.want) {
			t.Errorf("%q: %v %s, want status %d and %s", test.arguments, err, out, test.status, test.want)
		}
	}
}
