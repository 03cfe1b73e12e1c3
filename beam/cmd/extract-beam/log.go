package main

import (
	"context"
	"log/slog"

	"github.com/sirupsen/logrus"
)

// routeLogs sends what Beam and its engines log by way of slog to logrus, whose level and format the flags have
// set. Beam's initialization sets a logger of its own, so call this after it.
func routeLogs() { slog.SetDefault(slog.New(toLogrus{})) }

// toLogrus is a slog.Handler.
type toLogrus struct {
	fields logrus.Fields
	// prefix is that of the open groups, which ends in a dot.
	prefix string
}

// logLevel is the level of logrus. Beam's details are for those who work on Beam.
func logLevel(level slog.Level) logrus.Level {
	switch {
	case level >= slog.LevelError:
		return logrus.ErrorLevel
	case level >= slog.LevelWarn:
		return logrus.WarnLevel
	case level >= slog.LevelInfo:
		return logrus.InfoLevel
	}
	return logrus.TraceLevel
}

// Enabled implements slog.Handler.
func (h toLogrus) Enabled(_ context.Context, level slog.Level) bool {
	return logrus.IsLevelEnabled(logLevel(level))
}

// Handle implements slog.Handler.
func (h toLogrus) Handle(_ context.Context, record slog.Record) error {
	fields := h.with(nil).fields
	record.Attrs(func(a slog.Attr) bool {
		fields[h.prefix+a.Key] = a.Value.Resolve().Any()
		return true
	})
	logrus.WithFields(fields).Log(logLevel(record.Level), record.Message)
	return nil
}

// WithAttrs implements slog.Handler.
func (h toLogrus) WithAttrs(attributes []slog.Attr) slog.Handler { return h.with(attributes) }

func (h toLogrus) with(attributes []slog.Attr) toLogrus {
	fields := logrus.Fields{}
	for key, value := range h.fields {
		fields[key] = value
	}
	for _, a := range attributes {
		fields[h.prefix+a.Key] = a.Value.Resolve().Any()
	}
	return toLogrus{fields, h.prefix}
}

// WithGroup implements slog.Handler.
func (h toLogrus) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return toLogrus{h.fields, h.prefix + name + "."}
}
