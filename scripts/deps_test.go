// Package scripts_test checks what the set-up says when something is missing.
package scripts_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// deps runs deps.sh with a cache of its own.
func deps(t *testing.T, command string, environment ...string) (string, error) {
	t.Helper()
	c := exec.Command("bash", "deps.sh", command)
	c.Env = append(os.Environ(), "TENSORFLOW_DIR=", "FOVEA_TENSORFLOW_WHEEL=", "FOVEA_CACHE="+t.TempDir())
	c.Env = append(c.Env, environment...)
	out, err := c.CombinedOutput()
	return string(out), err
}

func TestDepsFailsClearly(t *testing.T) {
	dir := t.TempDir()
	wheel := filepath.Join(dir, "tensorflow_cpu-2.18.1-bad.whl")
	if err := os.WriteFile(wheel, []byte("no wheel"), 0o644); err != nil {
		t.Fatal(err)
	}
	noPip := filepath.Join(dir, "python")
	if err := os.WriteFile(noPip, []byte("#!/bin/sh\nexit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		command     string
		environment string
		want        string
	}{
		"wrong checksum":  {"install", "FOVEA_TENSORFLOW_WHEEL=" + wheel, "the checksum of tensorflow_cpu-2.18.1-bad.whl is wrong"},
		"no wheel":        {"install", "FOVEA_TENSORFLOW_WHEEL=" + filepath.Join(dir, "nowhere"), "cannot be read"},
		"no pip":          {"install", "PYTHON=" + noPip, "has no pip"},
		"no python":       {"install", "PYTHON=" + filepath.Join(dir, "nowhere"), "is not installed"},
		"no directory":    {"install", "TENSORFLOW_DIR=" + filepath.Join(dir, "nowhere"), "is not a directory"},
		"no headers":      {"install", "TENSORFLOW_DIR=" + dir, "no include/tensorflow/c/c_api.h"},
		"not set up":      {"env", "X=", "Run make deps"},
		"unknown command": {"instal", "X=", "usage"},
	} {
		out, err := deps(t, test.command, test.environment)
		if err == nil || !strings.Contains(out, test.want) {
			t.Errorf("%s: %v, it says %q, want %q", name, err, out, test.want)
		}
	}
	if _, err := os.Stat(wheel); err != nil {
		t.Error("the user's wheel was removed")
	}
}

// A library that was bound before stays so: FOVEA_BIND=0 says how to have it otherwise.
func TestDepsOfBoundLibrary(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("libraries are bound on Linux")
	}
	cache := t.TempDir()
	library := filepath.Join(cache, "libtensorflow-cpu-2.18.1")
	for _, name := range []string{".complete", ".bound"} {
		if err := os.MkdirAll(library, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(library, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for setting, want := range map[string]string{"FOVEA_BIND=0": "was bound before: to have it as the wheel has it, rm -r " + library + " and run make deps", "FOVEA_BIND=": ""} {
		out, err := deps(t, "install", setting, "GPU=", "FOVEA_CACHE="+cache)
		if err != nil || want == "" && out != "" || !strings.Contains(out, want) {
			t.Errorf("%s: %v, it says %q, want %q", setting, err, out, want)
		}
	}
}

// An installed libtensorflow of either layout is linked with as it is.
func TestDepsTakesGivenLibrary(t *testing.T) {
	for _, library := range []string{"lib/libtensorflow.so", "libtensorflow_cc.so.2"} {
		dir := filepath.Join(t.TempDir(), "with space")
		for _, name := range []string{"include/tensorflow/c/c_api.h", library} {
			file := filepath.Join(dir, name)
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, nil, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		cache := "FOVEA_CACHE=" + t.TempDir()
		if out, err := deps(t, "install", "TENSORFLOW_DIR="+dir, cache); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		out, err := deps(t, "env", "TENSORFLOW_DIR="+dir, cache)
		want := "LD_RUN_PATH='" + filepath.Dir(filepath.Join(dir, library)) + "'"
		if runtime.GOOS == "darwin" {
			want = "-Wl,-rpath," + filepath.Dir(filepath.Join(dir, library))
		}
		if err != nil || !strings.Contains(out, want) {
			t.Errorf("%v: the environment is %s", err, out)
		}
		if name := `FOVEA_LIBTENSORFLOW="` + filepath.Base(library) + `"`; runtime.GOOS == "linux" && !strings.Contains(out, name) {
			t.Errorf("programs do not look for %s: %s", library, out)
		}
	}
}
