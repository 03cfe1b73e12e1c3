//go:build amd64 || arm64

package codec

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// A process that decodes is confined before it gets a file, in all its threads.
func TestProcessIsConfined(t *testing.T) {
	decodes(t, "420.heic")
	idle.Lock()
	pid := idle.list[len(idle.list)-1].command.Process.Pid
	idle.Unlock()
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil || len(threads) == 0 {
		t.Fatal(err)
	}
	for _, thread := range threads {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/status", pid, thread.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(status), "Seccomp:\t2\n") || !strings.Contains(string(status), "NoNewPrivs:\t1\n") {
			t.Errorf("thread %s is not confined", thread.Name())
		}
	}
	if !Confined() {
		t.Error("that the process is confined is not known")
	}
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	drop(t)
	decodes(t, "420.heic")
	idle.Lock()
	environment := idle.list[0].command.Env
	idle.Unlock()
	if strings.Contains(strings.Join(environment, " "), "secret") {
		t.Error("the process knows a secret")
	}
}

// Where the system refuses to confine processes, images are decoded all the same, and that is known.
func TestNotConfined(t *testing.T) {
	const child = "FOVEA_NOT_CONFINED"
	if os.Getenv(child) == "" {
		file(t, "420.heic") // or skips
		c := exec.Command(os.Args[0], "-test.run", "^TestNotConfined$", "-test.v")
		c.Env = append(os.Environ(), child+"=1")
		if out, err := c.CombinedOutput(); err != nil || !strings.Contains(string(out), "PASS") {
			t.Fatalf("%v: %s", err, out)
		}
		return
	}
	forbidden = []uint32{unix.SYS_SECCOMP}
	if !confine() {
		t.Skip("the system cannot confine at all")
	}
	if !Confined() {
		t.Error("nothing was started yet")
	}
	decodes(t, "420.heic")
	if Confined() {
		t.Error("that the process is not confined is not known")
	}
}

// What is forbidden fails, and what decoding needs does not.
func TestConfine(t *testing.T) {
	const child = "FOVEA_CONFINED"
	if os.Getenv(child) == "" {
		c := exec.Command(os.Args[0], "-test.run", "^TestConfine$", "-test.v")
		c.Env = append(os.Environ(), child+"=1")
		if out, err := c.CombinedOutput(); err != nil || !strings.Contains(string(out), "confined it was") {
			t.Fatalf("%v: %s", err, out)
		}
		return
	}
	prepare()
	if !confine() {
		t.Log("confined it was not: the system cannot")
		return
	}
	for what, try := range map[string]func() error{
		"read a file":     func() error { _, err := os.ReadFile("/etc/passwd"); return err },
		"write a file":    func() error { return os.WriteFile("/tmp/fovea-confined", nil, 0o600) },
		"delete a file":   func() error { return os.Remove("/tmp/fovea-confined") },
		"start a program": func() error { return syscall.Exec("/bin/true", []string{"true"}, nil) },
		"use the network": func() error { _, err := net.Dial("tcp", "127.0.0.1:9"); return err },
		"end the parent":  func() error { return syscall.Kill(os.Getppid(), syscall.SIGTERM) },
	} {
		if err := try(); !errors.Is(err, syscall.EPERM) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := dataBytes(); err != nil {
		t.Error(err)
	}
	done := make(chan bool)
	for range 20 {
		go func() { done <- len(make([]byte, 1<<20)) > 0 }()
	}
	for range 20 {
		<-done
	}
	t.Log("confined it was")
}
