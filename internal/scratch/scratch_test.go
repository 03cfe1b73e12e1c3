package scratch

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

func TestMemory(t *testing.T) {
	m := &Memory{Dir: t.TempDir(), Above: 4000}
	small, err := m.Floats(999)
	if err != nil || len(m.mapped) != 0 {
		t.Fatal(err, len(m.mapped))
	}
	large, err := m.Floats(1000)
	if err != nil || len(large) != 1000 || len(m.mapped) != 1 {
		t.Fatal(err, len(large), len(m.mapped))
	}
	for i, v := range large {
		if v != 0 {
			t.Fatalf("value %d is %g", i, v)
		}
		large[i] = float32(i)
	}
	names, err := os.ReadDir(m.Dir)
	if err != nil || len(names) != 0 {
		t.Errorf("files with names are left: %v %v", names, err)
	}
	m.Free(small)
	m.Free(large)
	m.Free(nil)
	if len(m.mapped) != 0 {
		t.Error("not freed")
	}
}

// Without a limit, and without Memory, all is ordinary.
func TestOrdinary(t *testing.T) {
	for _, m := range []*Memory{nil, {}} {
		v, err := m.Floats(1 << 20)
		if err != nil || len(v) != 1<<20 {
			t.Error(err)
		}
		m.Free(v)
	}
}

func TestNoRoom(t *testing.T) {
	m := &Memory{Dir: "/nowhere", Above: 1}
	if _, err := m.Floats(10); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "TMPDIR") {
		t.Errorf("got %v", err)
	}
	disk := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk).CombinedOutput(); err != nil {
		t.Skipf("no small file system can be mounted here: %v: %s", err, out)
	}
	t.Cleanup(func() { _ = exec.Command("umount", disk).Run() })
	m.Dir = disk
	if _, err := m.Floats(1 << 20); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("got %v, want a full disk", err)
	}
}
