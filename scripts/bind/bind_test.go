//go:build linux

package main

import (
	"bytes"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == observing {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// compile compiles a file of testdata and returns what became of it.
func compile(t *testing.T, dir, from, to string, flags ...string) string {
	t.Helper()
	if runtime.GOOS+runtime.GOARCH != "linuxamd64" {
		t.Skip("for Linux on x86-64")
	}
	out := filepath.Join(dir, to)
	arguments := append([]string{"-o", out, filepath.Join("testdata", from)}, flags...)
	if said, err := exec.Command("gcc", arguments...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	return out
}

// libraries are first.c and second.c.
func libraries(t *testing.T, flags ...string) (first string) {
	dir := t.TempDir()
	compile(t, dir, "second.c", "libsecond.so", append(flags, "-shared", "-fPIC", "-Wl,-z,now")...)
	return compile(t, dir, "first.c", "libfirst.so", append(flags, "-shared", "-fPIC", "-Wl,-z,now", "-L"+dir, "-lsecond", "-Wl,-rpath,$ORIGIN")...)
}

func run(t *testing.T, program, library string) string {
	t.Helper()
	out, err := exec.Command(program, library).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return string(out)
}

func content(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestBind(t *testing.T) {
	program := compile(t, t.TempDir(), "program.c", "program", "-ldl")
	for name, flags := range map[string][]string{"plain": nil, "optimized": {"-O2"}, "without relro": {"-Wl,-z,norelro"}, "no procedure linkage table": {"-fno-plt"}} {
		t.Run(name, func(t *testing.T) {
			library := libraries(t, flags...)
			const want = "1 2 4 30 8 10 9 5 230 3 2\n"
			if got := run(t, program, library); got != want {
				t.Fatalf("before: %s", got)
			}
			second := filepath.Join(filepath.Dir(library), "libsecond.so")
			if names := named(t, library); !slices.Contains(names, "own") || !slices.Contains(names, "numbers") {
				t.Errorf("before, the library refers to %v of its own", names)
			}
			bound, err := bind(filepath.Dir(library), []string{"libfirst.so", "libsecond.so"})
			if err != nil || bound < 5 {
				t.Errorf("%d references are bound, %v", bound, err)
			}
			if got := run(t, program, library); got != want {
				t.Errorf("after: %s", got)
			}
			// What is left by name: a function that the processor chooses, what its constructor changes, what all libraries
			// of a process share, and what each thread has; of the second library, what the first one takes the place of.
			if d := cmp.Diff([]string{"chosen", "numbers", "only_one", "thread"}, named(t, library)); d != "" {
				t.Error(d)
			}
			if d := cmp.Diff([]string{"both"}, named(t, second)); d != "" {
				t.Error(d)
			}
			before := content(t, library)
			if bound, err := bind(filepath.Dir(library), []string{"libfirst.so", "libsecond.so"}); bound != 0 || err != nil || !bytes.Equal(before, content(t, library)) {
				t.Errorf("once more, %d references are bound, %v", bound, err)
			}
			if rest, _ := filepath.Glob(filepath.Join(filepath.Dir(library), ".bind-*")); len(rest) > 0 {
				t.Errorf("%v is left", rest)
			}
		})
	}
}

// named are the symbols of a library that it refers to by name, as binutils see them.
func named(t *testing.T, library string) []string {
	t.Helper()
	list := func(option string) (lines [][]string) {
		out, err := exec.Command("readelf", "--wide", option, library).Output()
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(out)) {
			lines = append(lines, strings.Fields(line))
		}
		return lines
	}
	own, names := map[string]bool{}, map[string]bool{}
	for _, s := range list("--dyn-syms") {
		if len(s) > 7 && s[6] != "UND" {
			own[s[7]] = true
		}
	}
	for _, r := range list("--relocs") {
		if len(r) > 4 && own[r[4]] {
			names[r[4]] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

func TestBindRefuses(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "text.so"), []byte("no library"), 0o644); err != nil {
		t.Fatal(err)
	}
	compile(t, dir, "second.c", "lazy.so", "-shared", "-fPIC", "-Wl,-z,lazy")
	compile(t, dir, "fickle.c", "fickle.so", "-shared", "-fPIC", "-Wl,-z,now")
	compile(t, dir, "second.c", "second.so", "-shared", "-fPIC", "-Wl,-z,now")
	for name, test := range map[string]struct {
		names []string
		want  string
	}{
		"no file":            {[]string{"nowhere.so"}, "nowhere.so"},
		"no library":         {[]string{"text.so"}, "text.so"},
		"bound when called":  {[]string{"lazy.so"}, "bound when they are made first"},
		"one that changes":   {[]string{"fickle.so"}, "fickle.so: not all references mean what they did"},
		"one that is no use": {[]string{"second.so", "fickle.so"}, "fickle.so is not loaded with second.so"},
	} {
		var before [][]byte
		for _, file := range []string{"text.so", "lazy.so", "fickle.so", "second.so"} {
			before = append(before, content(t, filepath.Join(dir, file)))
		}
		bound, err := bind(dir, test.names)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %d, %v", name, bound, err)
		}
		for i, file := range []string{"text.so", "lazy.so", "fickle.so", "second.so"} {
			if !bytes.Equal(before[i], content(t, filepath.Join(dir, file))) {
				t.Errorf("%s: %s is changed", name, file)
			}
		}
	}
}
