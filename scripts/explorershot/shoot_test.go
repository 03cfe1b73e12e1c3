package main

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// What makes progress is waited for, however long it takes, and what stands still is given up.
func TestAwait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		after := func(end, every time.Duration) func(context.Context) (bool, int, error) {
			return func(context.Context) (bool, int, error) {
				since := time.Since(start)
				return since > end, int(since / every), nil
			}
		}
		if err := await(t.Context(), "a map", time.Minute, after(time.Hour, 50*time.Second)); err != nil || time.Since(start) < time.Hour {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
		start = time.Now()
		err := await(t.Context(), "a map", time.Minute, after(time.Hour, 2*time.Hour))
		if took := time.Since(start); err == nil || !strings.Contains(err.Error(), "a map") || took < time.Minute || took > 2*time.Minute {
			t.Errorf("after %v: %v", took, err)
		}
		gone := errors.New("gone")
		if err := await(t.Context(), "a map", time.Minute, func(context.Context) (bool, int, error) { return false, 0, gone }); !errors.Is(err, gone) {
			t.Error(err)
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(gone)
		if err := await(ctx, "a map", time.Minute, after(time.Hour, time.Second)); !errors.Is(err, gone) {
			t.Error(err)
		}
	})
}
