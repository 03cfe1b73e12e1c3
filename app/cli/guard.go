package cli

import (
	"fmt"
	"log"
	"strings"

	"github.com/sirupsen/logrus"

	"fovea/internal/redact"
)

// guard is the last to see what is logged or printed about an error, and hides the credentials in it: those
// that the process was given, and those in URLs. It is a hook of the log.
type guard struct{ secrets *redact.Secrets }

// install has the guard see everything that is logged, until the returned function is called.
func (g guard) install() (remove func()) {
	hooks := logrus.LevelHooks{}
	for level, others := range logrus.StandardLogger().Hooks {
		hooks[level] = append(hooks[level], others...)
	}
	hooks.Add(g)
	former := logrus.StandardLogger().ReplaceHooks(hooks)
	return func() { logrus.StandardLogger().ReplaceHooks(former) }
}

// Levels implements logrus.Hook.
func (g guard) Levels() []logrus.Level { return logrus.AllLevels }

// Fire implements logrus.Hook.
func (g guard) Fire(entry *logrus.Entry) error {
	entry.Message = g.secrets.Text(entry.Message)
	for name, value := range entry.Data { // a copy of the entry's own
		switch v := value.(type) {
		case bool, int, int64, float64:
		case error:
			entry.Data[name] = g.secrets.Error(v)
		default:
			text := fmt.Sprint(v)
			if shown := g.secrets.Text(text); shown != text {
				entry.Data[name] = shown
			}
		}
	}
	return nil
}

// libraryLog is what libraries that log by package log write to: the log of the commands.
type libraryLog struct{}

func (libraryLog) Write(line []byte) (int, error) {
	logrus.Warn(strings.TrimSpace(string(line)))
	return len(line), nil
}

// takeLibraryLog routes package log to the log of the commands, until the returned function is called.
func takeLibraryLog() (giveBack func()) {
	writer, flags := log.Writer(), log.Flags()
	log.SetOutput(libraryLog{})
	log.SetFlags(0)
	return func() {
		log.SetOutput(writer)
		log.SetFlags(flags)
	}
}
