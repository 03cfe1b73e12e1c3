//go:build cluster

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// flink is a cluster of Apache Flink on this machine: a job manager, task managers with two
// slots each, and Beam's job server before them. Every process is a process group of its own, so that a task
// manager can be killed with its workers, as when a machine is lost.
type flink struct {
	dir, jars      string
	rest, endpoint string
	managers       []*exec.Cmd
}

// Flink's own start scripts open these packages of Java's to it.
var opened = []string{
	"java.lang", "java.lang.reflect", "java.net", "java.io", "java.nio", "sun.nio.ch", "java.text", "java.time",
	"java.util", "java.util.concurrent", "java.util.concurrent.atomic", "java.util.concurrent.locks",
}

// Sizes that a start script would have computed. A lost task manager is noticed within
// seconds, and a job is started again by Flink up to four times.
const flinkConfig = `
jobmanager.rpc.address: 127.0.0.1
jobmanager.rpc.port: %s
jobmanager.bind-host: 127.0.0.1
rest.address: 127.0.0.1
rest.bind-address: 127.0.0.1
rest.port: %s
taskmanager.host: 127.0.0.1
taskmanager.bind-host: 127.0.0.1
taskmanager.numberOfTaskSlots: 2
taskmanager.cpu.cores: 1
taskmanager.memory.framework.heap.size: 128m
taskmanager.memory.framework.off-heap.size: 128m
taskmanager.memory.task.heap.size: 256m
taskmanager.memory.task.off-heap.size: 32m
taskmanager.memory.network.min: 64m
taskmanager.memory.network.max: 64m
taskmanager.memory.managed.size: 64m
taskmanager.memory.jvm-metaspace.size: 256m
taskmanager.memory.jvm-overhead.min: 192m
taskmanager.memory.jvm-overhead.max: 192m
cluster.evenly-spread-out-slots: true
classloader.resolve-order: parent-first
heartbeat.interval: 2000
heartbeat.timeout: 20000
restart-strategy.type: fixed-delay
restart-strategy.fixed-delay.attempts: 4
restart-strategy.fixed-delay.delay: 1 s
io.tmp.dirs: %s
`

// startFlink starts the cluster and waits until it takes jobs.
func startFlink(t *testing.T) *flink {
	t.Helper()
	f := &flink{dir: t.TempDir(), jars: os.Getenv("FOVEA_FLINK")}
	if f.jars == "" {
		t.Fatal("FOVEA_FLINK names no directory with Flink's jars: run make test-cluster")
	}
	// The processes end with the thread that started them, whatever becomes of the test.
	runtime.LockOSThread()
	rest, jobs := freePort(t), freePort(t)
	f.rest, f.endpoint = "http://127.0.0.1:"+rest, "127.0.0.1:"+jobs
	config := fmt.Sprintf(flinkConfig, freePort(t), rest, f.dir)
	if err := os.WriteFile(filepath.Join(f.dir, "flink-conf.yaml"), []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	f.java(t, "jobmanager", "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint", "--configDir", f.dir)
	for i := range 2 {
		f.managers = append(f.managers, f.java(t, fmt.Sprintf("taskmanager%d", i),
			"org.apache.flink.runtime.taskexecutor.TaskManagerRunner", "--configDir", f.dir))
	}
	f.java(t, "jobserver", "org.apache.beam.runners.flink.FlinkJobServerDriver", "--job-host=127.0.0.1", "--job-port="+jobs,
		"--artifact-port=0", "--expansion-port=0", "--artifacts-dir="+filepath.Join(f.dir, "artifacts"), "--flink-master=127.0.0.1:"+rest)
	within(t, 2*time.Minute, "the cluster takes jobs", func() bool {
		var overview struct{ Taskmanagers int }
		if f.get("/overview", &overview) != nil || overview.Taskmanagers != len(f.managers) {
			return false
		}
		connection, err := net.DialTimeout("tcp", f.endpoint, time.Second)
		return err == nil && connection.Close() == nil
	})
	return f
}

// java starts a program of the cluster, which ends with the test.
func (f *flink) java(t *testing.T, name, class string, arguments ...string) *exec.Cmd {
	t.Helper()
	flags := []string{"-Xmx384m", "-Djava.io.tmpdir=" + f.dir, "-cp", filepath.Join(f.jars, "*")}
	for _, p := range opened {
		flags = append(flags, "--add-opens=java.base/"+p+"=ALL-UNNAMED")
	}
	c := exec.Command("java", append(append(flags, class), arguments...)...)
	log, err := os.Create(f.log(name))
	if err != nil {
		t.Fatal(err)
	}
	c.Stdout, c.Stderr = log, log
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL)
		_ = c.Wait()
		_ = log.Close()
		if t.Failed() {
			t.Logf("%s: %s", name, tail(f.log(name)))
		}
	})
	return c
}

func (f *flink) log(name string) string { return filepath.Join(f.dir, name+".log") }

func tail(file string) string {
	text, _ := os.ReadFile(file)
	return string(text[max(0, len(text)-3000):])
}

// get asks Flink's REST interface.
func (f *flink) get(path string, answer any) error {
	client := http.Client{Timeout: 5 * time.Second}
	response, err := client.Get(f.rest + path)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	return json.NewDecoder(response.Body).Decode(answer)
}

// restarts are the largest number of times that Flink has started a task of its newest job again, after
// checking that this job is the n-th and has ended well.
func (f *flink) restarts(t *testing.T, n int) int {
	t.Helper()
	var jobs struct {
		Jobs []struct {
			ID    string `json:"jid"`
			State string
			Start int64 `json:"start-time"`
		}
	}
	if err := f.get("/jobs/overview", &jobs); err != nil {
		t.Fatal(err)
	}
	if len(jobs.Jobs) != n {
		t.Errorf("Flink had %d jobs, want %d", len(jobs.Jobs), n)
	}
	newest := jobs.Jobs[0]
	for _, j := range jobs.Jobs {
		if j.State != "FINISHED" {
			t.Errorf("a job is %s", j.State)
		}
		if j.Start > newest.Start {
			newest = j
		}
	}
	var job struct{ Vertices []struct{ ID string } }
	if err := f.get("/jobs/"+newest.ID, &job); err != nil {
		t.Fatal(err)
	}
	most := 0
	for _, v := range job.Vertices {
		var vertex struct{ Subtasks []struct{ Attempt int } }
		if err := f.get("/jobs/"+newest.ID+"/vertices/"+v.ID, &vertex); err != nil {
			t.Fatal(err)
		}
		for _, s := range vertex.Subtasks {
			most = max(most, s.Attempt)
		}
	}
	return most
}

// commits counts the times that a worker has made the dataset.
func (f *flink) commits(t *testing.T, out string) int {
	t.Helper()
	n := 0
	for i := range f.managers {
		text, err := os.ReadFile(f.log(fmt.Sprintf("taskmanager%d", i)))
		if err != nil {
			t.Fatal(err)
		}
		n += strings.Count(string(text), "the dataset is in "+out)
	}
	return n
}

// On a cluster of Flink a worker is killed in the middle of a job, and in a second job a task
// manager with its workers. Flink repeats what they had in hand; the command submits a job once.
func TestFlink(t *testing.T) {
	pictures := makePictures(t, 30)
	local := filepath.Join(t.TempDir(), "local")
	command(t, "extract", "--out", local, pictures)
	f := startFlink(t)
	t.Log("Flink with two task managers and Beam's job server is up")

	for i, test := range []struct {
		name string
		kill func(worker int) error
	}{
		{"worker", func(worker int) error { return syscall.Kill(worker, syscall.SIGKILL) }},
		{"task manager", func(worker int) error {
			group, err := syscall.Getpgid(worker)
			if err != nil {
				return err
			}
			return syscall.Kill(-group, syscall.SIGKILL)
		}},
	} {
		out, notes := filepath.Join(t.TempDir(), "out"), t.TempDir()
		killed := make(chan killing, 1)
		go func() { killed <- killAtWork(notes, filepath.Join(filepath.Dir(out), ".out.parts"), test.kill) }()
		began := time.Now()
		text := f.extract(t, "--out", out, "--task-rows", "3", "--attempts", "1", "--parallelism", "2", "--runner", "flink", "--endpoint", f.endpoint,
			"--environment_type", "PROCESS", "--environment_config", fmt.Sprintf(`{"command":%q}`, notingWorker(t, notes)), pictures)
		k := <-killed
		if k.err != nil {
			t.Fatalf("no %s could be killed: %v: %s", test.name, k.err, text)
		}
		sameRows(t, out, local)
		nothingElse(t, out)
		kept := 0
		for _, file := range glob(t, filepath.Join(out, "data", "*")) {
			info, err := os.Stat(file)
			for _, before := range k.finished {
				if err == nil && os.SameFile(info, before) {
					kept++
				}
			}
		}
		if kept != len(k.finished) {
			t.Errorf("of %d parts that were finished when the %s was killed, %d are in the dataset", len(k.finished), test.name, kept)
		}
		restarts := f.restarts(t, i+1)
		if restarts == 0 {
			t.Error("Flink has started no task again")
		}
		if n := f.commits(t, out); n != 1 {
			t.Errorf("the dataset was committed %d times, want once", n)
		}
		workers, managers := started(t, notes)
		if workers < 3 || managers != 2 {
			t.Errorf("%d workers of %d task managers, want 3 or more of 2", workers, managers)
		}
		t.Logf("a %s was killed with %d of 10 parts finished; Flink restarted %d time(s), %d workers ran under %d task managers; "+
			"the dataset equals the local run bit for bit, keeps the %d parts and was committed once (%.0f s)",
			test.name, len(k.finished), restarts, workers, managers, kept, time.Since(began).Seconds())
	}
}

// extract runs extract-beam, which must end with status 3: a picture is broken.
func (f *flink) extract(t *testing.T, arguments ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 6*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, filepath.Join(binaries, "extract-beam"), append(append([]string{}, common...), arguments...)...)
	c.WaitDelay = 10 * time.Second
	text, _ := c.CombinedOutput() // the status is looked at
	if status := c.ProcessState.ExitCode(); status != 3 {
		t.Fatalf("extract-beam ended with status %d:\n%s", status, text)
	}
	return string(text)
}

// notingWorker is a program that writes its process and its parent's to notes and becomes a
// worker.
func notingWorker(t *testing.T, notes string) string {
	t.Helper()
	file := filepath.Join(notes, "worker.sh")
	script := fmt.Sprintf("#!/bin/sh\necho $PPID > '%s'/$$.pid\nexec '%s' \"$@\"\n", notes, filepath.Join(binaries, "extract-beam"))
	if err := os.WriteFile(file, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	return file
}

// started counts the workers and the task managers that started them.
func started(t *testing.T, notes string) (workers, managers int) {
	t.Helper()
	parents := map[string]bool{}
	for _, file := range glob(t, filepath.Join(notes, "*.pid")) {
		parent, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		workers++
		parents[string(parent)] = true
	}
	return workers, len(parents)
}

// killing is what was finished when a worker was killed, or why none was.
type killing struct {
	finished []os.FileInfo
	err      error
}

// killAtWork waits until parts are finished, workers of both task managers run, and one of
// them writes another part, and kills that one.
func killAtWork(notes, parts string, kill func(worker int) error) killing {
	for end := time.Now().Add(4 * time.Minute); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		shards, _ := filepath.Glob(filepath.Join(parts, "part-*", "data", "*.parquet"))
		pids, _ := filepath.Glob(filepath.Join(notes, "*.pid"))
		if len(shards) == 0 || len(pids) < 2 {
			continue
		}
		for _, file := range pids {
			pid, err := strconv.Atoi(strings.TrimSuffix(filepath.Base(file), ".pid"))
			if err != nil {
				return killing{err: err}
			}
			if !writes(pid, filepath.Join(parts, ".attempt-")) {
				continue
			}
			if err := kill(pid); err != nil {
				return killing{err: err}
			}
			var k killing
			for _, shard := range shards {
				info, err := os.Stat(shard)
				if err != nil {
					return killing{err: err}
				}
				k.finished = append(k.finished, info)
			}
			return k
		}
	}
	return killing{err: fmt.Errorf("none was at work within four minutes")}
}

// writes says whether a process has a file open whose name begins so.
func writes(pid int, prefix string) bool {
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	for _, file := range files {
		if name, err := os.Readlink(file); err == nil && strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

func within(t *testing.T, limit time.Duration, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(limit); !done(); time.Sleep(200 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after %v it is not so that %s", limit, what)
		}
	}
}
