package featurestore

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fovea/recipe"
)

// in is the description of a dataset of the model whose drift is published, in an arithmetic.
func in(precision, method string) Info {
	info := testInfo(Float32)
	info.Recipe.ModelSHA256, info.Recipe.Precision, info.Recipe.Method = recipe.PublishedModel, precision, method
	return info
}

// A run continues a dataset in another arithmetic if the two may be mixed, and the new one is no less exact than what
// the dataset says of its rows. The dataset keeps its recipe.
func TestResumeInAnotherArithmetic(t *testing.T) {
	for _, c := range []struct {
		have, now Info
		refused   string
	}{
		{in("int16", "Winograd F(4x4)"), in("float32", ""), ""},
		{in("bfloat16", "AMX tiles"), in("int16", "Winograd F(4x4)"), ""},
		{in("bfloat16", "AMX tiles"), in("bfloat16", "oneDNN"), ""},
		{in("bfloat16", ""), in("bfloat16", "AMX tiles"), ""}, // of an earlier version
		{in("float32", ""), in("int16", "Winograd F(4x4)"), "precision: float32 in the dataset, int16 (Winograd F(4x4)) now; give --precision float32 or auto, or replace the dataset with --overwrite"},
		{in("int16", "Winograd F(4x4)"), in("bfloat16", "AMX tiles"), "precision: int16 (Winograd F(4x4)) in the dataset, bfloat16 (AMX tiles) now; give --precision int16 or auto, or"},
		{in("tf32", ""), in("float32", ""), "precision: tf32 in the dataset, float32 now"},
	} {
		t.Run(c.have.Recipe.Arithmetic()+" "+c.now.Recipe.Arithmetic(), func(t *testing.T) {
			dir, options := verified(t), testOptions(FormatParquet)
			rows := makeRows(c.have.Recipe, 0, 40)
			writeAll(t, dir, c.have, options, rows[:testShard+2], nil)
			before := contents(t, dir)
			options.Resume = true
			w, err := Create(dir, c.now, options)
			if c.refused != "" {
				if !errors.Is(err, ErrMismatch) || !strings.Contains(err.Error(), c.refused) {
					t.Errorf("got %v, want ErrMismatch with %q", err, c.refused)
				}
				sameContents(t, contents(t, dir), before)
				return
			}
			must(t, err)
			if got := w.Recipe().Arithmetic(); got != c.have.Recipe.Arithmetic() {
				t.Errorf("the writer's recipe names %s", got)
			}
			must(t, w.Append(rows[testShard+2:]...))
			must(t, w.Close(StatusComplete))
			must(t, Verify(dir))
			d, err := Open(dir)
			must(t, err)
			if d.Rows() != len(rows) || d.Recipe().Fingerprint() != c.have.Recipe.Fingerprint() {
				t.Errorf("%d rows by %s", d.Rows(), d.Recipe().Arithmetic())
			}
		})
	}
}

// What is merged of several arithmetics is named after the least exact one, in any order, and what matters is refused.
func TestMergeOfArithmetics(t *testing.T) {
	before := recipe.Arithmetics
	t.Cleanup(func() { recipe.Arithmetics = before })
	recipe.Arithmetics = append(before[:len(before):len(before)], recipe.Arithmetic{Precision: "int8", Method: "coarse", Convolutions: "c", Averaged: 7e-4, Whole: 3e-3, Speed: 3})
	exact, _ := part(t, "exact", in("float32", ""), FormatParquet, 0, 5)
	whole, _ := part(t, "whole", in("int16", "Winograd F(4x4)"), FormatParquet, 5, 9)
	small, _ := part(t, "small", in("bfloat16", "AMX tiles"), FormatParquet, 9, 12)
	coarse, _ := part(t, "coarse", in("int8", "coarse"), FormatParquet, 12, 14)
	for _, dirs := range [][]string{{exact, whole, small}, {small, exact, whole}, {whole, small, exact}} {
		out := filepath.Join(t.TempDir(), "out")
		must(t, Merge(context.Background(), out, dirs, MergeOptions{}))
		must(t, Verify(out))
		d, err := Open(out)
		must(t, err)
		if d.Rows() != 12 || d.Recipe().Arithmetic() != "bfloat16 (AMX tiles)" {
			t.Errorf("%d rows by %s", d.Rows(), d.Recipe().Arithmetic())
		}
		err = Assemble(context.Background(), filepath.Join(t.TempDir(), "out"), dirs, AssembleOptions{})
		if !errors.Is(err, ErrMismatch) || !strings.Contains(err.Error(), "not without rewriting") {
			t.Errorf("assembled without rewriting: %v", err)
		}
	}
	// Each may be mixed with float32, but not with each other.
	err := Merge(context.Background(), filepath.Join(t.TempDir(), "out"), []string{exact, small, coarse}, MergeOptions{})
	if !errors.Is(err, ErrMismatch) || !strings.Contains(err.Error(), "bfloat16 (AMX tiles) in the first, int8 (coarse) in the second") {
		t.Errorf("got %v", err)
	}
	must(t, Merge(context.Background(), filepath.Join(t.TempDir(), "out"), []string{exact, coarse}, MergeOptions{}))
}

// Files that differ by the method that an earlier version did not record are not put together, and the error says so.
func TestAssembleWithoutMethod(t *testing.T) {
	old, _ := part(t, "old", in("int16", ""), FormatParquet, 0, 5)
	now, _ := part(t, "now", in("int16", "Winograd F(4x4)"), FormatParquet, 5, 9)
	err := Assemble(context.Background(), filepath.Join(t.TempDir(), "out"), []string{old, now}, AssembleOptions{})
	if !errors.Is(err, ErrMismatch) || !strings.Contains(err.Error(), "method: not recorded in the first, Winograd F(4x4) in the second") || strings.Contains(err.Error(), "fingerprint") {
		t.Errorf("got %v", err)
	}
	must(t, Merge(context.Background(), filepath.Join(t.TempDir(), "out"), []string{old, now}, MergeOptions{}))
}

// What Create would refuse because of what a directory holds is known before.
func TestVacant(t *testing.T) {
	for _, free := range []string{filepath.Join(t.TempDir(), "new"), t.TempDir()} {
		must(t, Vacant(free))
	}
	if err := Vacant(dataset(t, FormatParquet)); !errors.Is(err, ErrExists) {
		t.Errorf("a dataset: %v", err)
	}
	foreign := t.TempDir()
	must(t, os.WriteFile(filepath.Join(foreign, "notes"), nil, 0o644))
	if err := Vacant(foreign); !errors.Is(err, ErrNotDataset) || !strings.Contains(err.Error(), "notes") {
		t.Errorf("another directory: %v", err)
	}
	writing := filepath.Join(t.TempDir(), "writing")
	w, err := Create(writing, testInfo(Float32), testOptions(FormatParquet))
	must(t, err)
	must(t, Vacant(writing))
	if _, err := Create(writing, testInfo(Float32), testOptions(FormatParquet)); !errors.Is(err, ErrLocked) {
		t.Errorf("a dataset being written: %v", err)
	}
	must(t, w.Abort())
}
