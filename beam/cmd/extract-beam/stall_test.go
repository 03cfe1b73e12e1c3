package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"fovea/beam/flow"
)

func TestWhileProgressing(t *testing.T) {
	failure := errors.New("failed")
	wait := func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	}
	for name, test := range map[string]struct {
		patience time.Duration
		run      func(context.Context) error
		want     error
	}{
		"done, without patience": {0, func(context.Context) error { return nil }, nil},
		"done":                   {time.Hour, func(context.Context) error { return nil }, nil},
		"failed":                 {time.Hour, func(context.Context) error { return failure }, failure},
		"stalled":                {50 * time.Millisecond, wait, errStalled},
	} {
		t.Run(name, func(t *testing.T) {
			job := flow.Job{Out: filepath.Join(t.TempDir(), "out")}
			if err := whileProgressing(t.Context(), job, test.patience, test.run); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

// A job that goes on outlasts its patience many times over.
func TestWhileProgressingGoesOn(t *testing.T) {
	job := flow.Job{Out: filepath.Join(t.TempDir(), "out")}
	const patience = time.Second
	err := whileProgressing(t.Context(), job, patience, func(ctx context.Context) error {
		for i := range 6 {
			if err := os.MkdirAll(filepath.Join(job.Work(), "part-"+string(rune('a'+i))), 0o755); err != nil {
				return err
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(patience / 3):
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// Ctrl-C is no stall.
func TestWhileProgressingInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	job := flow.Job{Out: filepath.Join(t.TempDir(), "out")}
	err := whileProgressing(ctx, job, time.Hour, func(ctx context.Context) error { return ctx.Err() })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
