package cmd_test

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"fovea/featurestore"
)

// BenchmarkResume resumes a dataset of many pictures that have not changed: FOVEA_BENCH_FILES, or
// 20,000. Of the first run nothing is known but their SHA-256, so that all are read.
//
//	FOVEA_BENCH_FILES=1000000 go test ./cmd -run '^$' -bench Resume -benchtime 1x
func BenchmarkResume(b *testing.B) {
	photos, out, _ := manyExtracted(b, 20_000)
	reading, _, _, _ := timed(b, out, photos, "--resume")
	for b.Loop() {
		looking, all, _, megabytes := timed(b, out, photos, "--resume")
		b.ReportMetric(reading.Seconds(), "s-reading-all")
		b.ReportMetric(looking.Seconds(), "s-looking")
		b.ReportMetric(all.Seconds(), "s-in-all")
		b.ReportMetric(megabytes, "MB")
	}
}

// BenchmarkSync has a dataset follow a folder in which one picture in a hundred has been renamed, each time, and
// compares it with resuming when there is nothing to do, in turns: FOVEA_BENCH_FILES pictures, or 200,000. On a busy
// machine only the time of processors means something.
func BenchmarkSync(b *testing.B) {
	photos, out, n := manyExtracted(b, 200_000)
	timed(b, out, photos, "--resume")
	var nothing, all, nothingCPU, allCPU time.Duration
	for round := 0; b.Loop(); round++ {
		_, took, cpu, _ := timed(b, out, photos, "--resume")
		nothing, nothingCPU = nothing+took, nothingCPU+cpu
		name := func(round, i int) string {
			if round == 0 {
				return filepath.Join(photos, manyName(i))
			}
			return filepath.Join(photos, fmt.Sprintf("moved.%d.%d.png", round, i))
		}
		for i := 0; i < n; i += 100 {
			if err := os.Rename(name(round, i), name(round+1, i)); err != nil {
				b.Fatal(err)
			}
		}
		time.Sleep(3 * time.Second) // so that they need not be read once more
		_, took, cpu, megabytes := timed(b, out, photos, "--sync")
		all, allCPU = all+took, allCPU+cpu
		b.ReportMetric(megabytes, "MB")
	}
	d, err := featurestore.Open(out)
	if err != nil || d.Rows() != n {
		b.Fatal("the rows are not those of the pictures: ", err)
	}
	b.ReportMetric(nothing.Seconds()/float64(b.N), "s-nothing-to-do")
	b.ReportMetric(all.Seconds()/float64(b.N), "s-moved")
	b.ReportMetric(all.Seconds()/nothing.Seconds(), "times")
	b.ReportMetric(nothingCPU.Seconds()/float64(b.N), "cpu-s-nothing-to-do")
	b.ReportMetric(allCPU.Seconds()/float64(b.N), "cpu-s-moved")
	b.ReportMetric(allCPU.Seconds()/nothingCPU.Seconds(), "times-cpu")
}

// manyExtracted makes pictures, FOVEA_BENCH_FILES or n of them, and a dataset of them.
func manyExtracted(b *testing.B, n int) (photos, out string, _ int) {
	if text := os.Getenv("FOVEA_BENCH_FILES"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			b.Fatal(err)
		}
	}
	dir := b.TempDir()
	photos, out = filepath.Join(dir, "photos"), filepath.Join(dir, "out")
	manyPictures(b, photos, n)
	// The recipe is that of a run over a real picture.
	timed(b, out, "../testdata/picture/bmp-rgb.bmp")
	d, err := featurestore.Open(out)
	if err != nil {
		b.Fatal(err)
	}
	manyRows(b, out, d.Manifest(), n)
	return photos, out, n
}

func manyName(i int) string { return fmt.Sprintf("%03d/%07d.png", i/1000, i) }

func manyContent(i int) []byte { return fmt.Appendf(nil, "no image, but number %d", i) }

func manyPictures(b *testing.B, dir string, n int) {
	for i := range n {
		file := filepath.Join(dir, manyName(i))
		if i%1000 == 0 {
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				b.Fatal(err)
			}
		}
		if err := os.WriteFile(file, manyContent(i), 0o644); err != nil {
			b.Fatal(err)
		}
	}
}

// manyRows puts a dataset of all of them into the place of one that was made like that.
func manyRows(b *testing.B, out string, m featurestore.Manifest, n int) {
	info := featurestore.Info{Recipe: m.Recipe, DType: m.DType, ToolVersion: m.ToolVersion}
	w, err := featurestore.Create(out, info, featurestore.Options{Overwrite: true})
	if err != nil {
		b.Fatal(err)
	}
	vectors := [][]float32{make([]float32, m.Recipe.Layers[0].Size())}
	for i := range n {
		sum := sha256.Sum256(manyContent(i))
		err := w.Append(featurestore.Row{Path: manyName(i), SHA256: hex.EncodeToString(sum[:]), Width: 1, Height: 1, Features: vectors})
		if err != nil {
			b.Fatal(err)
		}
	}
	if err := w.Close(featurestore.StatusComplete); err != nil {
		b.Fatal(err)
	}
}

// timed runs extract, and tells the time from when the pictures are listed until the first of them would be
// read, that of all, that of processors, and the most memory.
func timed(b *testing.B, out, photos string, arguments ...string) (looking, all, cpu time.Duration, megabytes float64) {
	model, err := filepath.Abs(smallModel)
	if err != nil {
		b.Fatal(err)
	}
	common := []string{"--out", out, "--model", model, "--preprocessing", "none", "--layers", "small/conv1/Conv2D", "--pool", "avg"}
	command := exec.Command(filepath.Join(binaries, "extract"), append(append(common, arguments...), photos)...)
	stderr, err := command.StderrPipe()
	if err != nil {
		b.Fatal(err)
	}
	began := time.Now()
	if err := command.Start(); err != nil {
		b.Fatal(err)
	}
	var listed time.Time
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		switch {
		case strings.Contains(lines.Text(), "images found"):
			listed = time.Now()
		case strings.Contains(lines.Text(), "extracting features"):
			looking = time.Since(listed)
		}
	}
	_ = command.Wait() // they are no pictures
	if usage, ok := command.ProcessState.SysUsage().(*syscall.Rusage); ok {
		megabytes = float64(usage.Maxrss) / 1024
	}
	return looking, time.Since(began), command.ProcessState.UserTime() + command.ProcessState.SystemTime(), megabytes
}
