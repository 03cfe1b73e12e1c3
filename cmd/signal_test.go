package cmd_test

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"fovea/featurestore"
)

// slowPictures are 1,000 pictures that take about a minute to decode: links to one.
func slowPictures(t *testing.T) string {
	t.Helper()
	content, err := slowPicture()
	check(t, err)
	dir := t.TempDir()
	file := filepath.Join(dir, ".one.png")
	check(t, os.WriteFile(file, content, 0o644))
	for i := range 1000 {
		check(t, os.Link(file, filepath.Join(dir, fmt.Sprintf("%04d.png", i))))
	}
	return dir
}

// slowPicture is one of noise, of as many values as let it be compressed a little: what cannot be is stored as it is,
// and decoded soon. It is encoded once, and fast: under the race detector that takes seconds.
var slowPicture = sync.OnceValues(func() ([]byte, error) {
	img := image.NewNRGBA(image.Rect(0, 0, 2000, 1500))
	random := rand.New(rand.NewPCG(1, 1))
	noise := img.Pix[:16*img.Stride] // which is more than compression looks back on
	for i := range noise {
		noise[i] = uint8(random.Uint32() & 31)
	}
	repeat(img.Pix, len(noise))
	var content bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestSpeed}
	err := encoder.Encode(&content, img)
	return content.Bytes(), err
})

// repeat fills what comes after the first n bytes with them.
func repeat(pixels []uint8, n int) {
	for i := n; i < len(pixels); i += n {
		copy(pixels[i:], pixels[:n])
	}
}

// await waits until the command has made what the pattern matches.
func await(t *testing.T, pattern string) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		if names, _ := filepath.Glob(pattern); len(names) > 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("there is no %s", pattern)
		}
	}
}

// tooLong reports whether something took longer than a limit that holds where nothing else is computed. It is as many times
// longer here as a program takes longer now to start and end than it takes there at most.
func tooLong(t interface{ Fatalf(string, ...any) }, took, limit time.Duration) bool {
	if took <= limit {
		return false
	}
	const usual = 250 * time.Millisecond
	began := time.Now()
	if err := exec.Command(filepath.Join(binaries, "extract"), "--version").Run(); err != nil {
		t.Fatalf("extract --version: %v", err)
	}
	return took.Seconds() > limit.Seconds()*time.Since(began).Seconds()/usual.Seconds()
}

// A signal, by the user or by what runs the command as a service, ends it soon and in order:
// what is finished is kept, and the dataset says that it was interrupted.
func TestSignalsEndInOrder(t *testing.T) {
	pictures := slowPictures(t)
	for name, test := range map[string]struct {
		signal syscall.Signal
		status int
		early  bool // in start-up
	}{
		"Ctrl-C":              {syscall.SIGINT, 130, false},
		"Ctrl-C in start-up":  {syscall.SIGINT, 130, true},
		"SIGTERM":             {syscall.SIGTERM, 143, false},
		"SIGTERM in start-up": {syscall.SIGTERM, 143, true},
	} {
		t.Run(name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "out")
			command := small(out, "--rows-per-file", "2", pictures)
			var output bytes.Buffer
			command.Stderr = &output
			check(t, command.Start())
			if test.early {
				await(t, filepath.Join(out, featurestore.ManifestFile))
			} else {
				await(t, filepath.Join(out, "data", "part-00001.parquet"))
			}
			asked := time.Now()
			check(t, command.Process.Signal(test.signal))
			_ = command.Wait() // its status is looked at
			if took := time.Since(asked); tooLong(t, took, 3*time.Second) {
				t.Errorf("it takes %s to end", took)
			}
			if got := command.ProcessState.ExitCode(); got != test.status || !strings.Contains(output.String(), "send it again to stop at once") {
				t.Errorf("status %d, want %d: %s", got, test.status, output.String())
			}
			check(t, featurestore.Verify(out))
			d, err := featurestore.Open(out)
			check(t, err)
			if status := d.Manifest().Status; status != featurestore.StatusInterrupted {
				t.Errorf("the dataset's status is %q", status)
			}
			if !test.early && d.Rows() < 4 {
				t.Errorf("%d rows are left of 4", d.Rows())
			}
			if _, err := os.Stat(filepath.Join(out, ".fovea", "tmp")); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("temporary files are left: %v", err)
			}
		})
	}
}

// inALongBatch starts an extraction of 65 photos and returns once the first of them, which is
// computed alone, is on disk. The other 64 are one batch, and take far longer than any disk
// takes for the first one's file: a fast machine, too, is in the midst of them.
func inALongBatch(t *testing.T, output io.Writer) (command *exec.Cmd, out string) {
	t.Helper()
	photos, err := filepath.Glob("../testdata/photos/*.jpg")
	check(t, err)
	dir, out := t.TempDir(), filepath.Join(t.TempDir(), "out")
	for i := range 65 {
		photo, err := filepath.Abs(photos[i%len(photos)])
		check(t, err)
		check(t, os.Symlink(photo, filepath.Join(dir, fmt.Sprintf("%02d.jpg", i))))
	}
	command = exec.Command(filepath.Join(binaries, "extract"), "--batch", "64", "--convolutions", "direct", "--device", "cpu", "--rows-per-file", "1", "--out", out, dir)
	command.Stderr = output
	check(t, command.Start())
	await(t, filepath.Join(out, "data", "part-00000.parquet"))
	return command, out
}

// A second signal ends the command at once, even in a batch that takes long.
func TestSecondSignalEndsAtOnce(t *testing.T) {
	command, out := inALongBatch(t, nil)
	check(t, command.Process.Signal(os.Interrupt))
	time.Sleep(200 * time.Millisecond)
	asked := time.Now()
	check(t, command.Process.Signal(os.Interrupt))
	_ = command.Wait() // its status is looked at
	if took := time.Since(asked); tooLong(t, took, time.Second) {
		t.Errorf("it takes %s to end", took)
	}
	if status := command.ProcessState.Sys().(syscall.WaitStatus); !status.Signaled() || status.Signal() != syscall.SIGINT {
		t.Errorf("it ends with %v, not by the signal", command.ProcessState)
	}
	d, err := featurestore.Open(out)
	check(t, err)
	if d.Rows() != 1 {
		t.Errorf("%d rows are left of 1", d.Rows())
	}
}

// A batch that takes longer than a user waits is left: the command ends within three seconds
// of a signal, with what stands before the batch.
func TestSignalLeavesALongBatch(t *testing.T) {
	var output bytes.Buffer
	command, out := inALongBatch(t, &output)
	time.Sleep(time.Second)
	asked := time.Now()
	check(t, command.Process.Signal(os.Interrupt))
	_ = command.Wait() // its status is looked at
	if took := time.Since(asked); tooLong(t, took, 3*time.Second) {
		t.Errorf("it takes %s to end", took)
	}
	if got := command.ProcessState.ExitCode(); got != 130 || !strings.Contains(output.String(), "leaving its images for later") {
		t.Errorf("status %d: %s", got, output.String())
	}
	check(t, featurestore.Verify(out))
	d, err := featurestore.Open(out)
	check(t, err)
	if status := d.Manifest().Status; d.Rows() != 1 || status != featurestore.StatusInterrupted {
		t.Errorf("%d rows are left of 1, and the status is %q", d.Rows(), status)
	}
}

// Of two runs that write to one directory, the second is refused and the first does not notice.
func TestTwoRunsRefuseEachOther(t *testing.T) {
	pictures, out := slowPictures(t), filepath.Join(t.TempDir(), "out")
	first := small(out, "--rows-per-file", "2", pictures)
	check(t, first.Start())
	await(t, filepath.Join(out, "data", "part-00000.parquet"))
	for _, how := range []string{"--resume", "--overwrite", "--quiet"} {
		second := small(out, how, pictures)
		message, _ := second.CombinedOutput() // its status is looked at
		if got := second.ProcessState.ExitCode(); got != 1 || !strings.Contains(string(message), out) || !strings.Contains(string(message), "another process is writing to it: wait for it to finish, or give another --out") {
			t.Errorf("%s: status %d: %s", how, got, message)
		}
	}
	check(t, first.Process.Signal(os.Interrupt))
	_ = first.Wait() // its status is looked at
	if got := first.ProcessState.ExitCode(); got != 130 {
		t.Errorf("the first run ends with status %d", got)
	}
	check(t, featurestore.Verify(out))
}

// An examination that a signal ends is neither a machine that works nor one that does not.
func TestSignalsEndDoctor(t *testing.T) {
	for name, test := range map[string]struct {
		signal    syscall.Signal
		status    int
		arguments []string
	}{
		"Ctrl-C":          {syscall.SIGINT, 130, nil},
		"SIGTERM":         {syscall.SIGTERM, 143, nil},
		"Ctrl-C in bench": {syscall.SIGINT, 130, []string{"--bench"}},
	} {
		t.Run(name, func(t *testing.T) {
			// It says which precision it takes as soon as it has opened the model.
			command := exec.Command(filepath.Join(binaries, "extract"), append([]string{"doctor", "--device", "cpu", "--precision", "auto"}, test.arguments...)...)
			var report bytes.Buffer
			command.Stdout = &report
			messages, err := command.StderrPipe()
			check(t, err)
			check(t, command.Start())
			first := make([]byte, 1)
			_, err = io.ReadFull(messages, first)
			check(t, err)
			check(t, command.Process.Signal(test.signal))
			rest, err := io.ReadAll(messages)
			check(t, err)
			_ = command.Wait() // its status is looked at
			if got := command.ProcessState.ExitCode(); got != test.status || report.Len() > 0 || !strings.Contains(string(rest), "interrupted") {
				t.Errorf("status %d, want %d: %s%s", got, test.status, rest, &report)
			}
		})
	}
}
