package main

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/sirupsen/logrus"
)

// Beam's lines go where the program's own go, in the same format and by the same level.
func TestLogsAreRouted(t *testing.T) {
	var out bytes.Buffer
	standard := logrus.StandardLogger()
	formerOut, formerFormat, formerLevel := standard.Out, standard.Formatter, standard.Level
	defer func() {
		standard.Out, standard.Formatter, standard.Level = formerOut, formerFormat, formerLevel
	}()
	logrus.SetOutput(&out)
	logrus.SetFormatter(&logrus.JSONFormatter{DisableTimestamp: true})
	log := slog.New(toLogrus{}).With("job", "j1").WithGroup("stage")
	log.Info("begun", "name", "list")
	if want := `{"job":"j1","level":"info","msg":"begun","stage.name":"list"}`; strings.TrimSpace(out.String()) != want {
		t.Errorf("the line is %s, want %s", out.String(), want)
	}
	out.Reset()
	logrus.SetLevel(logrus.WarnLevel)
	log.Info("silent")
	log.Debug("silent")
	log.Warn("loud")
	if strings.Contains(out.String(), "silent") || !strings.Contains(out.String(), `"level":"warning"`) {
		t.Errorf("with --quiet there is %s", out.String())
	}
}
