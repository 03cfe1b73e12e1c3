package cli

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"fovea/pipeline"
)

// logged collects what is logged meanwhile.
func logged(t *testing.T, do func()) string {
	t.Helper()
	var lines bytes.Buffer
	logrus.SetOutput(&lines)
	t.Cleanup(func() { logrus.SetOutput(os.Stderr) })
	do()
	return lines.String()
}

// Without a terminal there is a line every few seconds and one at the end.
func TestProgress(t *testing.T) {
	options := LogOptions{Format: "json"} // never a bar
	lines := logged(t, func() {
		p := options.NewProgress("extracting", 4)
		p.Update(pipeline.Stats{})
		p.Update(pipeline.Stats{Rows: 1, Elapsed: time.Second}) // too early
		p.last = time.Now().Add(-time.Minute)
		p.Update(pipeline.Stats{Rows: 2, Failures: 1, Elapsed: 3 * time.Second})
		p.Update(pipeline.Stats{Rows: 3, Failures: 1, Elapsed: 4 * time.Second})
		p.Done()
	})
	if strings.Count(lines, "\n") != 2 || !strings.Contains(lines, "done=3") || !strings.Contains(lines, "done=4") || !strings.Contains(lines, "remaining_seconds=0") {
		t.Errorf("logged: %s", lines)
	}
}

func TestSteps(t *testing.T) {
	options := LogOptions{Format: "json"}
	lines := logged(t, func() {
		s := options.NewSteps("comparing", "images", 9)
		s.Update(1)
		s.last = time.Now().Add(-time.Minute)
		s.Update(5)
		s.Done()
	})
	if strings.Count(lines, "\n") != 1 || !strings.Contains(lines, "comparing: 5 of 9 images") {
		t.Errorf("logged: %s", lines)
	}
	(*Steps)(nil).Done()

	progress, done := options.StepProgress("training", "epochs")
	progress(1, 2)
	progress(2, 2)
	done()
	quiet := LogOptions{Quiet: true}
	if progress, done := quiet.StepProgress("training", "epochs"); progress != nil {
		t.Error("--quiet shows progress")
	} else {
		done()
	}
}

func TestWholeSeconds(t *testing.T) {
	if got, want := wholeSeconds(3723.4), "1h2m3s"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestLogOptions(t *testing.T) {
	defer logrus.SetLevel(logrus.GetLevel())
	defer logrus.SetFormatter(&logrus.TextFormatter{})
	for _, o := range []LogOptions{{Format: "text"}, {Format: "json", Quiet: true}} {
		if err := o.apply(); err != nil {
			t.Error(err)
		}
	}
	if logrus.GetLevel() != logrus.WarnLevel {
		t.Errorf("--quiet logs at level %s", logrus.GetLevel())
	}
}
