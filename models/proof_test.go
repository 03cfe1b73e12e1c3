package models

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"fovea/inference"
	"fovea/preprocessing"
)

// A model whose faster convolutions were tried is not tried again, and computes the same.
func TestProof(t *testing.T) {
	if testing.Short() {
		t.Skip("opens many models, one after the other")
	}
	dir := filepath.Join(t.TempDir(), "vgg16")
	options := Options{Session: inference.SessionConfig{Device: inference.DeviceCPU}, Dir: t.TempDir()}
	c, err := configuration(Default)
	if err == nil {
		t.Setenv("FOVEA_CACHE", options.Dir) // for the weights that ship
		err = Export(c, dir, preprocessing.Spec{})
	}
	if err != nil {
		t.Fatal(err)
	}
	open := func() inference.Convolutions {
		t.Helper()
		model, err := Open(dir, options)
		if err != nil {
			t.Fatal(err)
		}
		defer model.Close()
		return model.Convolutions
	}
	first := open()
	if first.Count == 0 {
		t.Skip("no convolution of the model can be made faster on this processor")
	}
	files, err := filepath.Glob(filepath.Join(options.Dir, "trials", "*.json"))
	if err != nil || len(files) != 1 {
		t.Fatalf("there are the proofs %v, %v", files, err)
	}
	kept, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	if again := open(); again != first {
		t.Errorf("%+v are made faster with the proof, %+v without", again, first)
	}
	// Half a file is no proof: the model is tried, and the file written again.
	if err := os.WriteFile(files[0], kept[:len(kept)/2], 0o644); err != nil {
		t.Fatal(err)
	}
	open()
	if now, err := os.ReadFile(files[0]); err != nil || string(now) != string(kept) {
		t.Errorf("the proof is now %q, %v", now, err)
	}
	// One that was slower is left as it is, without a trial.
	var v proof
	if err := errors.Join(json.Unmarshal(kept, &v), os.Remove(files[0])); err != nil {
		t.Fatal(err)
	}
	v.Slower = true
	v.keep(filepath.Join(options.Dir, "trials"))
	if now := open(); now.Count != 0 {
		t.Errorf("%+v are made faster though that was slower", now)
	}
	if files, err := filepath.Glob(filepath.Join(options.Dir, "trials", "*.json")); err != nil || len(files) != 1 {
		t.Errorf("there are the proofs %v, %v", files, err)
	}
}

// fieldsOf are the fields of a struct, with those of embedded ones in their place.
func fieldsOf[T any]() []reflect.StructField {
	return slices.DeleteFunc(reflect.VisibleFields(reflect.TypeFor[T]()), func(f reflect.StructField) bool { return f.Anonymous })
}

// alter gives a field another value.
func alter(t *testing.T, field reflect.Value) {
	t.Helper()
	switch field.Kind() {
	case reflect.String:
		field.SetString("another")
	case reflect.Int:
		field.SetInt(99)
	case reflect.Bool:
		field.SetBool(true)
	default:
		t.Fatalf("a field is a %s", field.Kind())
	}
}

// A proof stands for nothing that differs in any respect.
func TestProofIsOfOneKind(t *testing.T) {
	dir := t.TempDir()
	full := proof{surroundings: surroundings{Program: "p", Library: "l", Environment: "e", Processor: "c", Processors: 2}, Model: "m"}
	full.keep(dir)
	if !full.stands(dir) {
		t.Fatal("a proof does not stand where it was kept")
	}
	for _, field := range fieldsOf[proof]() {
		other := full
		alter(t, reflect.ValueOf(&other).Elem().FieldByIndex(field.Index))
		if other.stands(dir) {
			t.Errorf("%+v stands for %+v", full, other)
		}
	}
	if dir = filepath.Join(dir, "none"); full.stands(dir) {
		t.Error("a proof stands where none is")
	}
}

// All that a proof depends on is known here; otherwise it is never used.
func TestProofKnows(t *testing.T) {
	v, known := proofFor(&inference.Model{SHA256: "m"}, "", false)
	if !known {
		t.Errorf("something is unknown: %+v", v)
	}
	t.Setenv("TF_ENABLE_ONEDNN_OPTS", "7")
	if w, _ := proofFor(&inference.Model{SHA256: "m"}, "", false); w == v {
		t.Error("a variable of TensorFlow changes nothing")
	}
}
