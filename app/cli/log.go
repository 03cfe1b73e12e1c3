package cli

import (
	"context"
	"os"

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
		logrus.SetFormatter(shownFormatter{&logrus.TextFormatter{FullTimestamp: !terminal(), TimestampFormat: "15:04:05", DisableTimestamp: terminal()}, !terminal()})
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
