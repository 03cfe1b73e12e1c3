package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"fovea/beam/flow"
)

// errStalled ends the wait for an engine that makes no progress.
var errStalled = errors.New("no task was finished")

// whileProgressing calls run with a context that ends when no part of the job has been
// finished for as long as patience; 0 waits for ever. Engines repeat what a dead worker had in hand, but Prism
// as a server can miss that a worker died, and then waits for it for ever.
func whileProgressing(ctx context.Context, job flow.Job, patience time.Duration, run func(context.Context) error) error {
	if patience == 0 {
		return run(ctx)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	watcher := make(chan struct{})
	go func() {
		defer close(watcher)
		cancel(watch(ctx, job, patience))
	}()
	err := run(ctx)
	stalled := errors.Is(context.Cause(ctx), errStalled)
	cancel(nil)
	<-watcher
	if err != nil && stalled {
		return context.Cause(ctx)
	}
	return err
}

// watch returns when the context has ended or the job has stalled.
func watch(ctx context.Context, job flow.Job, patience time.Duration) error {
	ticker := time.NewTicker(max(patience/20, time.Millisecond))
	defer ticker.Stop()
	finished, since := -1, time.Now()
	for {
		parts, err := filepath.Glob(filepath.Join(job.Work(), "part-*"))
		if err != nil {
			return err
		}
		if len(parts) != finished {
			finished, since = len(parts), time.Now()
		}
		if time.Since(since) > patience {
			return fmt.Errorf("%w for %s (%d are)", errStalled, patience, finished)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}
