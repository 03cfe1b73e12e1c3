package flow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"fovea/extraction"
	"fovea/featurestore"
	"fovea/inference"
	"fovea/pipeline"
)

// extractFn computes the features of a task's images.
type extractFn struct {
	Job Job

	group *inference.Group
}

// sessions are the models that this process has open, one a job, for all of its bundles.
var sessions struct {
	sync.Mutex
	byJob map[string]*inference.Group
}

// Setup finds the process's session or opens it.
func (f *extractFn) Setup(context.Context) error {
	key, err := json.Marshal(f.Job)
	if err != nil {
		return fmt.Errorf("flow: %w", err)
	}
	sessions.Lock()
	defer sessions.Unlock()
	if group := sessions.byJob[string(key)]; group != nil {
		f.group = group
		return nil
	}
	group, err := f.Job.Features.Open()
	if err != nil {
		return telling(err)
	}
	if sessions.byJob == nil {
		sessions.byJob = map[string]*inference.Group{}
	}
	sessions.byJob[string(key)] = group
	f.group = group
	return nil
}

// ProcessElement makes the task's part, unless an earlier attempt has.
func (f *extractFn) ProcessElement(ctx context.Context, task Task, emit func(int, Part)) error {
	return telling(f.extract(ctx, task, emit))
}

func (f *extractFn) extract(ctx context.Context, task Task, emit func(int, Part)) error {
	name, err := task.name(f.Job)
	if err != nil {
		return err
	}
	final := filepath.Join(f.Job.Work(), name)
	if _, err := os.Stat(final); errors.Is(err, fs.ErrNotExist) {
		err = f.attempt(ctx, task, final)
		if err != nil {
			return fmt.Errorf("flow: task %d of %d: %w", task.Index, task.Tasks, err)
		}
	} else if err != nil {
		return fmt.Errorf("flow: %w", err)
	}
	emit(0, Part{Index: task.Index, Tasks: task.Tasks, Dir: final})
	return nil
}

// attempt writes the part under a name of its own and then gives it its final one.
func (f *extractFn) attempt(ctx context.Context, task Task, final string) (err error) {
	if err := os.MkdirAll(f.Job.Work(), 0o755); err != nil {
		return err
	}
	dir, err := os.MkdirTemp(f.Job.Work(), ".attempt-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	if err := f.write(ctx, task, dir); err != nil {
		return err
	}
	if err := os.Rename(dir, final); err != nil && !errors.Is(err, fs.ErrExist) { // another attempt was faster
		return err
	}
	return nil
}

// write makes the part in dir.
func (f *extractFn) write(ctx context.Context, task Task, dir string) error {
	r := f.Job.Features.Recipe(f.group.First())
	if err := f.Job.agree(r); err != nil {
		return err
	}
	config, err := pipeline.ConfigFor(r)
	if err != nil {
		return err
	}
	if task.Index == 0 { // as on one machine
		if config.First, err = f.Job.Features.First(f.group); err != nil {
			return err
		}
	}
	info := featurestore.Info{Recipe: r, DType: f.Job.DType, ToolVersion: f.Job.ToolVersion, Device: f.group.Device()}
	writer, err := featurestore.Create(dir, info, featurestore.Options{Format: f.Job.Format, ShardRows: f.Job.TaskRows})
	if err != nil {
		return err
	}
	s := extraction.Sink{Writer: writer}
	for _, f := range task.Failures {
		if err := s.Fail(pipeline.Failure{Item: f.Picture.item(), Stage: pipeline.Stage(f.Stage), Reason: f.Reason}); err != nil {
			return errors.Join(err, writer.Abort())
		}
	}
	items := make([]pipeline.Item, len(task.Pictures))
	for i, p := range task.Pictures {
		items[i] = p.item()
	}
	if _, err := pipeline.Run(ctx, items, f.group, s, config); err != nil {
		return errors.Join(err, writer.Abort())
	}
	return writer.Close(featurestore.StatusComplete)
}
