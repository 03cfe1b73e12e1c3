package umap

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"fovea/vectors"
)

// readNPY reads a matrix of float32 as NumPy writes it.
func readNPY(t *testing.T, name string) (data []float32, cols int) {
	t.Helper()
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	header := string(raw[10 : 10+int(binary.LittleEndian.Uint16(raw[8:]))])
	var rows int
	at := strings.Index(header, "'shape': ")
	if _, err := fmt.Sscanf(header[at:], "'shape': (%d, %d)", &rows, &cols); err != nil || !strings.Contains(header, "'<f4'") {
		t.Fatalf("%s: %s: %v", name, header, err)
	}
	data = make([]float32, rows*cols)
	if err := binary.Read(bytes.NewReader(raw[10+len(header):]), binary.LittleEndian, data); err != nil {
		t.Fatal(err)
	}
	return data, cols
}

func processorTime(t *testing.T) float64 {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}

// TestSpeed is what scripts/bench-umap.sh runs: a map of the rows of a file, into another one.
func TestSpeed(t *testing.T) {
	name := os.Getenv("FOVEA_BENCH_UMAP")
	if name == "" {
		t.Skip("FOVEA_BENCH_UMAP names the file with the rows")
	}
	data, cols := readNPY(t, name)
	var shares []string
	next := 0.1
	began, before := time.Now(), processorTime(t)
	points, err := Layout(t.Context(), vectors.Matrix(data, cols, 2000), Options{Seed: 1, Progress: func(done float64) {
		for ; done >= next; next += 0.1 {
			shares = append(shares, fmt.Sprintf("%.0f %% after %.1f s (%.1f)", 100*next, time.Since(began).Seconds(), processorTime(t)-before))
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	seconds, processor := time.Since(began).Seconds(), processorTime(t)-before
	t.Log(shares)
	result, err := json.Marshal(map[string]any{"program": "fovea", "rows": len(data) / cols, "seconds": seconds, "processor": processor})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Printf("%s\n", result)
	writeNPY(t, os.Getenv("FOVEA_BENCH_UMAP_TO"), points)
}

// writeNPY writes points as NumPy does.
func writeNPY(t *testing.T, name string, points []float32) {
	t.Helper()
	header := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%d, 2), }", len(points)/2)
	header += strings.Repeat(" ", 117-len(header)) + "\n"
	out := append([]byte("\x93NUMPY\x01\x00"), byte(len(header)), 0)
	out = append(out, header...)
	for _, x := range points {
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(x))
	}
	if err := os.WriteFile(name, out, 0o600); err != nil {
		t.Fatal(err)
	}
}
