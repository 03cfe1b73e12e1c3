package cli

import (
	"bytes"
	"context"
	"os"
	"slices"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"fovea/inference"
	"fovea/internal/spelling"
)

// LogOptions are the flags that all commands share: those for logging, and --max-memory (see MaxMemory).
type LogOptions struct {
	Verbose bool
	Quiet   bool
	Format  string

	maxMemory int64
}

// AddFlags defines the flags on root for all its commands and applies them before any of
// them runs.
func (o *LogOptions) AddFlags(root *cobra.Command) {
	flags := root.PersistentFlags()
	flags.BoolVarP(&o.Verbose, "verbose", "v", false, "log details, including TensorFlow's own messages")
	flags.BoolVarP(&o.Quiet, "quiet", "q", false, "log only warnings and errors, and show no progress")
	flags.StringVar(&o.Format, "log-format", "text", "`FORMAT` of the log: text or json")
	addMaxMemory(root, &o.maxMemory)
	root.PersistentPreRunE = func(command *cobra.Command, _ []string) error {
		if err := checkMaxMemory(command); err != nil {
			return err
		}
		command.SetContext(context.WithValue(command.Context(), maxMemoryKey{}, o.maxMemory))
		return o.apply()
	}
}

func (o *LogOptions) apply() error {
	logrus.SetOutput(os.Stderr)
	switch o.Format {
	case "text":
		logrus.SetFormatter(newFormatter(terminal(), os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"))
	case "json":
		logrus.SetFormatter(&logrus.JSONFormatter{})
	default:
		return OneOf("--log-format", o.Format, "text", "json")
	}
	switch {
	case o.Verbose:
		logrus.SetLevel(logrus.DebugLevel)
		inference.Verbose()
	case o.Quiet:
		logrus.SetLevel(logrus.WarnLevel)
	}
	return nil
}

// newFormatter writes lines for people in a terminal, otherwise keys and values with the time. Which of them is decided
// here: logrus would look at where the first line goes, which may be above a progress bar.
func newFormatter(terminal, coloured bool) logrus.Formatter {
	if !terminal {
		return shownFormatter{Formatter: &logrus.TextFormatter{DisableColors: true, FullTimestamp: true, TimestampFormat: "15:04:05"}, quotes: true}
	}
	shown := shownFormatter{Formatter: &logrus.TextFormatter{ForceColors: true, DisableTimestamp: true}}
	if !coloured {
		return plainFormatter{shown}
	}
	return shown
}

// plainFormatter takes the colours out of lines.
type plainFormatter struct{ logrus.Formatter }

// Format implements logrus.Formatter.
func (f plainFormatter) Format(entry *logrus.Entry) ([]byte, error) {
	line, err := f.Formatter.Format(entry)
	for {
		start := bytes.Index(line, []byte("\x1b["))
		if start < 0 {
			return line, err
		}
		length := bytes.IndexByte(line[start:], 'm')
		if length < 0 {
			return line, err
		}
		line = slices.Delete(line, start, start+length+1)
	}
}

// shownFormatter shows what names in messages hide (spelling.Line).
type shownFormatter struct {
	logrus.Formatter
	// quotes says that the formatter escapes most of it by itself, as it does where there is no terminal: an escape before
	// that would be escaped again, and who unquotes a message would get another name.
	quotes bool
}

// Format implements logrus.Formatter.
func (f shownFormatter) Format(entry *logrus.Entry) ([]byte, error) {
	if f.quotes {
		line, err := f.Formatter.Format(entry)
		return []byte(spelling.Lines(string(line))), err
	}
	if shown := spelling.Lines(entry.Message); shown != entry.Message {
		changed := *entry
		changed.Message, entry = shown, &changed
	}
	return f.Formatter.Format(entry)
}

// terminal reports whether standard error is a terminal.
func terminal() bool { return term.IsTerminal(int(os.Stderr.Fd())) }
