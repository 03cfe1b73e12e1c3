package cmd_test

import (
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// One picture, with the embedded VGG16, must not cost what a full batch does: 1.2 s of the CPU
// here, and 8 s with a batch. Time of the CPU, since others may use the machine.
func TestOnePictureIsCheap(t *testing.T) {
	command := exec.Command(filepath.Join(binaries, "extract"), "--quiet", "--device", "cpu", "--out", filepath.Join(t.TempDir(), "out"), "../testdata/photos/cat.2.jpg")
	mustEnd(t, command, 0)
	if spent := command.ProcessState.UserTime() + command.ProcessState.SystemTime(); spent > 4*time.Second {
		t.Errorf("one image costs %s of the CPU, want 4 s at most", spent)
	} else {
		t.Logf("one image costs %s of the CPU", spent)
	}
}
