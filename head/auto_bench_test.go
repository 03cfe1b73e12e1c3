package head

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestTasks trains heads on the tasks of scripts/bench-heads.sh, which runs it: of each kind and each of the task's
// folds one, which it tests on the fold. The probabilities go to files beside the task.
func TestTasks(t *testing.T) {
	dir := os.Getenv("FOVEA_BENCH_TASK")
	if dir == "" {
		t.Skip("a measurement: run scripts/bench-heads.sh")
	}
	var task struct {
		Rows, Cols, Classes, Repeats, Folds int
		Blocks                              []int
		Few                                 int
	}
	text, err := os.ReadFile(filepath.Join(dir, "task.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &task); err != nil {
		t.Fatal(err)
	}
	x := Matrix{Rows: task.Rows, Cols: task.Cols, Data: make([]float32, task.Rows*task.Cols), Blocks: task.Blocks}
	y, fold := make([]int32, task.Rows), make([]int32, task.Rows*task.Repeats)
	for name, into := range map[string]any{"x.f32": x.Data, "y.i32": y, "fold.i32": fold} {
		file, err := os.Open(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := binary.Read(file, binary.LittleEndian, into); err != nil {
			t.Fatal(err)
		}
		file.Close()
	}
	kinds := map[string]func(x Matrix, labels []string, seed uint64) (*Head, Report, error){
		"auto": func(x Matrix, labels []string, seed uint64) (*Head, Report, error) {
			return TrainAuto(context.Background(), x, labels, TrainOptions{Seed: seed, Calibrate: true})
		},
		"softmax": func(x Matrix, labels []string, seed uint64) (*Head, Report, error) {
			return Train(context.Background(), x, labels, TrainOptions{Seed: seed, Calibrate: true})
		},
		"plain": func(x Matrix, labels []string, seed uint64) (*Head, Report, error) {
			return Train(context.Background(), x, labels, TrainOptions{Seed: seed})
		},
	}
	only := strings.Fields(os.Getenv("FOVEA_BENCH_KINDS"))
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		if len(only) > 0 && !slices.Contains(only, kind) {
			continue
		}
		all := make([]float64, task.Repeats*task.Rows*task.Classes)
		for repeat := range task.Repeats {
			for f := range task.Folds {
				learn, test := Matrix{Cols: task.Cols, Blocks: task.Blocks}, Matrix{Cols: task.Cols}
				var labels []string
				var rows []int
				for i := range task.Rows {
					switch in := int(fold[repeat*task.Rows+i]); {
					case in == f:
						test.Data, test.Rows, rows = append(test.Data, x.Row(i)...), test.Rows+1, append(rows, i)
					case in >= 0:
						learn.Data, learn.Rows, labels = append(learn.Data, x.Row(i)...), learn.Rows+1, append(labels, fmt.Sprintf("class%03d", y[i]))
					}
				}
				h, report, err := kinds[kind](learn, labels, uint64(repeat))
				if err != nil {
					t.Fatal(err)
				}
				if f == 0 {
					report.Path, report.Candidates = nil, slices.Clone(report.Candidates)
					text, _ := json.Marshal(report)
					if repeat == 0 {
						t.Logf("%s %s: %s", filepath.Base(dir), kind, text)
					}
				}
				p, err := h.Probabilities(test)
				if err != nil {
					t.Fatal(err)
				}
				for i, row := range rows {
					copy(all[(repeat*task.Rows+row)*task.Classes:], p[i])
				}
			}
		}
		file, err := os.Create(filepath.Join(dir, "p-"+kind+".f64"))
		if err != nil {
			t.Fatal(err)
		}
		if err := binary.Write(file, binary.LittleEndian, all); err != nil {
			t.Fatal(err)
		}
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
