package scripts_test

import (
	"bytes"
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// Programs built by root run for everybody, wherever they are moved to, and hold no path of the machine.
func TestProgramsAreForEverybody(t *testing.T) {
	if testing.Short() {
		t.Skip("links a program")
	}
	// Not t.TempDir, which others may not enter.
	root, err := os.MkdirTemp("", "fovea-programs-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(root) })
	if err := os.Chmod(root, 0o755); err != nil {
		t.Fatal(err)
	}
	built, moved := filepath.Join(root, "built"), filepath.Join(root, "moved elsewhere")
	build := exec.Command("bash", "-c", `umask 077; exec ./programs.sh "$0/bin" "$0/bin/lib" . "" ./cmd/extract`, built)
	switch out, err := build.CombinedOutput(); {
	case err != nil:
		t.Fatalf("%v: %s", err, out)
	case !strings.Contains(string(out), "a minute or two the first time"):
		t.Errorf("the first build says no more than %q", out)
	}
	// The directory above is the builder's business; what is in it is for all.
	if err := os.Rename(filepath.Join(built, "bin"), moved); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(root, "extract")
	if err := os.Symlink(filepath.Join(moved, "extract"), link); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(moved, "extract")
	checkProgram(t, program)
	for _, name := range []string{program, link} { // doctor loads the library
		if out := runAsNobody(t, name, "doctor", "--device", "cpu"); !strings.Contains(out, "libtensorflow") || strings.Contains(out, "PROBLEM  library") {
			t.Errorf("%s finds no library: %s", name, out)
		}
	}
	t.Run("bill of materials", func(t *testing.T) { checkBillOfMaterials(t, program) })
}

// checkProgram looks for paths of this machine in a program.
func checkProgram(t *testing.T, program string) {
	t.Helper()
	file, err := elf.Open(program)
	if err != nil {
		t.Skipf("the programs of this system are not ELF: %v", err)
	}
	defer file.Close()
	rpath, err := file.DynString(elf.DT_RPATH)
	if err != nil {
		t.Fatal(err)
	}
	runpath, err := file.DynString(elf.DT_RUNPATH)
	if err != nil {
		t.Fatal(err)
	}
	if got := slices.Concat(rpath, runpath); !slices.Equal(got, []string{"$ORIGIN/lib"}) {
		t.Errorf("%s looks for libraries in %q, want $ORIGIN/lib alone", program, got)
	}
	paths := builderPaths(t)
	for _, section := range file.Sections {
		if section.Type == elf.SHT_NOBITS {
			continue
		}
		data, err := section.Data() // of debug sections, uncompressed, which takes as long as all the rest
		if err != nil {
			t.Fatalf("%s, section %s: %v", program, section.Name, err)
		}
		for what, path := range paths {
			if at := bytes.Index(data, []byte(path)); at >= 0 {
				t.Errorf("%s has %s in section %s: %q", program, what, section.Name, data[at:min(at+120, len(data))])
			}
		}
	}
}

// builderPaths are directories that no program need know.
func builderPaths(t *testing.T) map[string]string {
	t.Helper()
	tree, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	paths := map[string]string{"the source tree": tree + "/"}
	for what, command := range map[string][]string{
		"the library's directory":          {"./deps.sh", "dir"},
		"the directory of modules":         {"go", "env", "GOMODCACHE"},
		"the directory of compiled things": {"go", "env", "GOCACHE"},
		"the directory of Go":              {"go", "env", "GOROOT"},
	} {
		out, err := exec.Command(command[0], command[1:]...).Output()
		if err != nil {
			t.Fatal(err)
		}
		paths[what] = strings.TrimSpace(string(out)) + "/"
	}
	return paths
}

// runAsNobody is what a program says that runs in another directory, as another user where root may do so.
func runAsNobody(t *testing.T, program string, args ...string) string {
	t.Helper()
	c := exec.Command(program, args...)
	c.Dir, c.Env = "/", []string{"PATH=/usr/bin:/bin"}
	if os.Geteuid() == 0 {
		const nobody = 65534
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	} else {
		t.Log("run as this user: only root may become another one")
	}
	out, err := c.CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v: %s", program, err, out)
	}
	return string(out)
}
