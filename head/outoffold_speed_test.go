package head

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestOutOfFoldSpeed measures what the probabilities of all rows add to a cross-validation, on the data of
// scripts/bench-suspects-speed.sh, which runs it. 5 % of the labels are another's.
func TestOutOfFoldSpeed(t *testing.T) {
	dir := os.Getenv("FOVEA_BENCH_OUT_OF_FOLD")
	if dir == "" {
		t.Skip("a measurement: run scripts/bench-suspects-speed.sh")
	}
	var shape struct{ Rows, Cols, Classes int }
	text, err := os.ReadFile(filepath.Join(dir, "shape.json"))
	if err == nil {
		err = json.Unmarshal(text, &shape)
	}
	if err != nil {
		t.Fatal(err)
	}
	x, y := Matrix{Rows: shape.Rows, Cols: shape.Cols, Data: make([]float32, shape.Rows*shape.Cols)}, make([]int32, shape.Rows)
	for name, into := range map[string]any{"x.f32": x.Data, "y.i32": y} {
		file, err := os.Open(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := binary.Read(file, binary.LittleEndian, into); err != nil {
			t.Fatal(err)
		}
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
	}
	labels := make([]string, len(y))
	for i, c := range y {
		if i%20 == 0 {
			c = (c + 1) % int32(shape.Classes)
		}
		labels[i] = strconv.Itoa(int(c))
	}
	timed := func(do func() error) (wall, used float64) {
		begin, before := time.Now(), processor(t)
		if err := do(); err != nil {
			t.Fatal(err)
		}
		return time.Since(begin).Seconds(), processor(t) - before
	}
	var report Report
	validation, validationUsed := timed(func() (err error) {
		_, report, err = Train(t.Context(), x, labels, TrainOptions{Scaling: ScaleUnit})
		return err
	})
	var out *OutOfFold
	all, allUsed := timed(func() (err error) {
		out, err = OutOfFoldProbabilities(t.Context(), x, labels, OutOfFoldOptions{TrainOptions: TrainOptions{Scaling: ScaleUnit}})
		return err
	})
	own, ownUsed := timed(func() (err error) {
		_, err = OutOfFoldProbabilities(t.Context(), x, labels, OutOfFoldOptions{TrainOptions: TrainOptions{Scaling: ScaleUnit, Lambdas: []float64{report.Lambda}}})
		return err
	})
	audit, auditUsed := timed(func() error {
		_, err := FindNeighbours(t.Context(), x, 10, nil)
		if err == nil {
			_, err = Similarity(t.Context(), x, 10, nil)
		}
		return err
	})
	loss := 0.0
	for i, p := range out.Probabilities {
		loss -= math.Log(p[out.Y[i]]) / float64(x.Rows)
	}
	encoded, err := json.Marshal(map[string]float64{
		"lambda": report.Lambda, "log_loss": loss, "dropped": float64(out.Dropped), "train": validation, "train_used": validationUsed, "all": all, "all_used": allUsed, "own": own, "own_used": ownUsed, "audit": audit, "audit_used": auditUsed,
	})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println(strings.TrimSpace(string(encoded)))
}

// processor is the processor time that the program has taken, in seconds.
func processor(t *testing.T) float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}
