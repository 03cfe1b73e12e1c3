package labeling

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const (
	killVariable  = "FOVEA_TEST_LABEL_UNTIL_KILLED"
	mountVariable = "FOVEA_TEST_LABEL_ON_FULL_DISK"
)

// labelForever changes a label at a time and says so once it is told that the change is made.
func labelForever(t *testing.T, dir string) {
	o := open(t, dir)
	for n := 0; ; n++ {
		label := fmt.Sprintf("label%d", n)
		o.set([]int{n % 20}, label)
		fmt.Println(n%20, label)
		time.Sleep(time.Duration(n%3) * time.Millisecond)
	}
}

// Killed by SIGKILL at random moments, between the log and the dataset among others, no change is lost that was answered,
// and the dataset is whole.
func TestKilled(t *testing.T) {
	if dir := os.Getenv(killVariable); dir != "" {
		labelForever(t, dir)
		return
	}
	dir := filepath.Join(t.TempDir(), "features")
	makeDataset(t, dir, someImages(40))
	random := rand.New(rand.NewPCG(5, 6))
	pending := 0
	for range 6 {
		command := exec.Command(os.Args[0], "-test.run=^TestKilled$")
		command.Env = append(os.Environ(), killVariable+"="+dir)
		said, err := command.StdoutPipe()
		must(t, err)
		must(t, command.Start())
		answered, lines := map[int]string{}, bufio.NewScanner(said)
		var kill *time.Timer
		for lines.Scan() {
			var row int
			var label string
			if n, _ := fmt.Sscan(lines.Text(), &row, &label); n == 2 {
				answered[row] = label
			}
			if kill == nil {
				kill = time.AfterFunc(time.Duration(random.IntN(400))*time.Millisecond, func() { _ = command.Process.Kill() })
			}
		}
		if err := command.Wait(); err == nil || kill == nil {
			t.Fatalf("the child ended by itself: %v", err)
		}
		l := Open(Options{Dir: dir, State: dir + ".explore"})
		l.Attach(rowsOf(t, dir))
		if s := l.State(); !s.Writable {
			t.Fatalf("%+v", s)
		}
		pending += l.State().Pending
		now, _, _ := l.Current(-1)
		must(t, l.Close())
		written := rowsOf(t, dir).Labels
		for row, label := range answered {
			// The change after the last that was answered may have been made, too.
			if now[row] != label && !newer(now[row], label) || written[row] != now[row] {
				t.Errorf("row %d: %s was answered, it is %s, in the dataset %s", row, label, now[row], written[row])
			}
		}
	}
	if pending == 0 {
		t.Error("no kill was between the log and the dataset")
	}
}

// newer says whether a label of labelForever is of a later change than another.
func newer(now, than string) bool {
	var a, b int
	n, _ := fmt.Sscanf(now, "label%d", &a)
	m, _ := fmt.Sscanf(than, "label%d", &b)
	return n == 1 && m == 1 && a > b
}

// On a full disk, and on one that can only be read, a change that cannot be saved is refused and not made, and one that
// is saved and cannot be written to the dataset stays pending.
func TestFullDisk(t *testing.T) {
	if os.Getenv(mountVariable) != "" {
		labelOnFullDisk(t)
		return
	}
	unshare, err := exec.LookPath("unshare")
	if err != nil {
		t.Skip("there is no unshare to mount a file system with")
	}
	if output, err := exec.Command(unshare, "-rm", "mount", "-t", "tmpfs", "none", t.TempDir()).CombinedOutput(); err != nil {
		t.Skipf("file systems cannot be mounted here: %v: %s", err, output)
	}
	command := exec.Command(unshare, "-rm", os.Args[0], "-test.v", "-test.run=^TestFullDisk$")
	command.Env = append(os.Environ(), mountVariable+"=yes")
	if output, err := command.CombinedOutput(); err != nil || !strings.Contains(string(output), "--- PASS") {
		t.Errorf("%v:\n%s", err, output)
	}
}

func labelOnFullDisk(t *testing.T) {
	disk := t.TempDir()
	mount := func(arguments ...string) {
		t.Helper()
		if output, err := exec.Command("mount", append(arguments, disk)...).CombinedOutput(); err != nil {
			t.Fatalf("mount: %v: %s", err, output)
		}
	}
	mount("-t", "tmpfs", "-o", "size=256k", "tmpfs")
	t.Cleanup(func() { _ = exec.Command("umount", "-l", disk).Run() })
	dir := filepath.Join(disk, "features")
	makeDataset(t, dir, someImages(10))
	o := open(t, dir)
	o.set([]int{1}, "cat")
	o.settled()
	fill, err := os.Create(filepath.Join(disk, "fill"))
	must(t, err)
	for err == nil {
		_, err = fill.Write(make([]byte, 512))
	}
	for err = nil; err == nil; { // what is left of the log's last page
		_, err = o.Set("v1", []int{3}, fmt.Sprintf("x%d", time.Now().UnixNano()))
	}
	if !errors.Is(err, ErrLog) || !strings.Contains(err.Error(), "no space left") {
		t.Fatalf("on a full disk: %v", err)
	}
	undo := o.State().Undo
	must(t, errors.Join(fill.Close(), os.Remove(fill.Name())))
	o.set([]int{5}, "cat")
	o.settled()
	if s := o.State(); s.Undo != undo+1 || s.Note != "" {
		t.Errorf("with room again: %+v, %d changes before", s, undo)
	}
	// The log can be written, the dataset cannot.
	o2 := filepath.Join(disk, "elsewhere")
	mounted := Open(Options{Dir: dir, State: o2, Delay: time.Millisecond, Patience: 50 * time.Millisecond})
	mounted.Attach(rowsOf(t, dir))
	if _, err := mounted.Set("v1", []int{7}, "cat"); err != nil {
		t.Fatal(err)
	}
	if output, err := exec.Command("mount", "--bind", dir, dir).CombinedOutput(); err != nil {
		t.Fatalf("mount: %v: %s", err, output)
	}
	if output, err := exec.Command("mount", "-o", "remount,bind,ro", dir).CombinedOutput(); err != nil {
		t.Fatalf("mount: %v: %s", err, output)
	}
	if err := mounted.Close(); err == nil || !strings.Contains(err.Error(), "1 changed label is not written") || !strings.Contains(err.Error(), "read-only") {
		t.Errorf("on a dataset that can only be read: %v", err)
	}
	if output, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
		t.Fatalf("umount: %v: %s", err, output)
	}
	again := Open(Options{Dir: dir, State: o2})
	again.Attach(rowsOf(t, dir))
	must(t, again.Close())
	if label := rowsOf(t, dir).Labels[7]; label != "cat" {
		t.Errorf("in the end, the label is %q", label)
	}
}
