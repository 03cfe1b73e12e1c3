package flow

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/log"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"fovea/featurestore"
	"fovea/internal/spelling"
	"fovea/internal/text"
	"fovea/pipeline"
)

func init() {
	register.DoFn3x1[context.Context, []byte, func(Task), error](&listFn{})
	register.DoFn3x1[context.Context, Task, func(int, Part), error](&extractFn{})
	register.DoFn3x1[context.Context, int, func(*Part) bool, error](&commitFn{})
	register.Emitter1[Task]()
	register.Emitter2[int, Part]()
	register.Iter1[Part]()
}

// Build adds the job's stages to a pipeline.
func Build(p *beam.Pipeline, job Job) {
	s := p.Root()
	tasks := beam.ParDo(s.Scope("list"), &listFn{job}, beam.Impulse(s))
	spread := beam.Reshuffle(s.Scope("reshuffle"), tasks)
	parts := beam.ParDo(s.Scope("extract"), &extractFn{Job: job}, spread)
	beam.ParDo0(s.Scope("commit"), &commitFn{job}, beam.GroupByKey(s, parts))
}

// listFn finds the images and cuts them into tasks.
type listFn struct{ Job Job }

// ProcessElement is called once, with an empty impulse.
func (f *listFn) ProcessElement(ctx context.Context, _ []byte, emit func(Task)) error {
	return telling(f.list(ctx, emit))
}

func (f *listFn) list(ctx context.Context, emit func(Task)) error {
	labeler, err := pipeline.ParseLabels(f.Job.Labels)
	if err != nil {
		return err
	}
	listing, err := pipeline.Finder{Selection: f.Job.Select}.List(ctx, f.Job.Images, labeler)
	if err != nil {
		return err
	}
	items := f.Job.Select.Apply(listing.Items)
	if len(items) == 0 {
		return fmt.Errorf("flow: %w are left of %d", pipeline.ErrNoPictures, len(listing.Items))
	}
	log.Infof(ctx, "%s, %s skipped", text.Plural(len(items), "image"), text.Plural(listing.Skipped, "other file"))
	for _, f := range listing.Foreign {
		log.Warnf(ctx, "images in unsupported formats: %s", spelling.Spell(fmt.Sprint(f)))
	}
	tasks := (len(items) + f.Job.TaskRows - 1) / f.Job.TaskRows
	index := 0
	for part := range slices.Chunk(items, f.Job.TaskRows) {
		pictures, err := travelling(part)
		if err != nil {
			return err
		}
		task := Task{Index: index, Tasks: tasks, Pictures: pictures}
		if index == 0 {
			for _, f := range listing.Failures {
				task.Failures = append(task.Failures, Failure{Picture{Path: f.Path, File: f.File, Argument: f.Argument}, string(f.Stage), f.Reason})
			}
		}
		emit(task)
		index++
	}
	return nil
}

// commitFn makes the dataset from the parts.
type commitFn struct{ Job Job }

// ProcessElement is called once with all parts, and again if the engine lost its answer.
func (f *commitFn) ProcessElement(ctx context.Context, _ int, next func(*Part) bool) error {
	return telling(f.commit(ctx, next))
}

func (f *commitFn) commit(ctx context.Context, next func(*Part) bool) error {
	dirs := map[int]string{}
	tasks := 0
	for part := (Part{}); next(&part); {
		dirs[part.Index] = part.Dir
		tasks = part.Tasks
	}
	if len(dirs) != tasks {
		return fmt.Errorf("flow: commit %s: got %d of %d parts", f.Job.Out, len(dirs), tasks)
	}
	ordered := make([]string, tasks)
	for i := range ordered {
		ordered[i] = dirs[i]
	}
	if err := featurestore.Assemble(ctx, f.Job.Out, ordered, featurestore.AssembleOptions{ToolVersion: f.Job.ToolVersion}); err != nil {
		return err
	}
	log.Infof(ctx, "the dataset is in %s", spelling.Spell(f.Job.Out))
	return nil
}

// Clean removes the parts of a job that has succeeded. The dataset keeps their files.
func Clean(job Job) error {
	if filepath.Ext(job.Work()) != ".parts" {
		return fmt.Errorf("flow: %q is not a directory of parts", job.Work())
	}
	return os.RemoveAll(job.Work())
}
