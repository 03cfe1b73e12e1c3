package flow

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"fovea/extraction"
	"fovea/featurestore"
	"fovea/inference"
	"fovea/internal/spelling"
	"fovea/pipeline"
)

// Job is what is to be done. It travels to the workers as JSON.
type Job struct {
	// Images are files and directories, Labels the source of labels as extract has it.
	// File names are absolute.
	Images []string
	Labels string
	// Select limits the images.
	Select pipeline.Selection
	// Features say what is computed. Dense views and precision auto are not for jobs.
	Features extraction.Features
	// Out is the dataset's directory.
	Out string
	// TaskRows is the number of images of a task, and so of rows of a shard, such as DefaultTaskRows.
	TaskRows int
	// DType and Format are those of the stored vectors.
	DType       featurestore.DType
	Format      featurestore.Format
	ToolVersion string
}

// plainJob is a Job without its methods.
type plainJob Job

// each changes every name; see Picture.
func (j Job) each(change func(string) string) plainJob {
	j.Images, j.Select.Include, j.Select.Exclude = eachOf(j.Images, change), eachOf(j.Select.Include, change), eachOf(j.Select.Exclude, change)
	j.Labels, j.Out, j.Features.Model = change(j.Labels), change(j.Out), change(j.Features.Model)
	return plainJob(j)
}

func eachOf(names []string, change func(string) string) []string {
	changed := slices.Clone(names)
	for i := range changed {
		changed[i] = change(changed[i])
	}
	return changed
}

// MarshalJSON spells names of any bytes.
func (j Job) MarshalJSON() ([]byte, error) { return json.Marshal(j.each(spelling.Spell)) }

// UnmarshalJSON reads what MarshalJSON has written.
func (j *Job) UnmarshalJSON(encoded []byte) error {
	var plain plainJob
	err := json.Unmarshal(encoded, &plain)
	*j = Job(Job(plain).each(spelling.Unspell))
	return err
}

// DefaultTaskRows makes shards of 50 MB of pool5, whole, and tasks of one to three minutes
// on two cores.
const DefaultTaskRows = 512

// Validate finds what is wrong with the job, without opening anything.
func (j Job) Validate() error {
	switch {
	case j.Out == "" || !filepath.IsAbs(j.Out):
		return fmt.Errorf("flow: the output directory %q is not absolute", j.Out)
	case len(j.Images) == 0:
		return errors.New("flow: no images are given")
	case j.TaskRows < 1:
		return fmt.Errorf("flow: %d images per task: use 1 or more", j.TaskRows)
	case j.Features.Session.Precision == inference.PrecisionAuto:
		return fmt.Errorf("flow: precision auto would differ between machines: use %s, or name another", inference.Float32)
	case j.Features.Views.IsDense():
		return fmt.Errorf("flow: views %s are computed on one machine only: use center, flip or tencrop, or extract --shard on each machine", j.Features.Views)
	}
	for _, name := range j.Images {
		if !filepath.IsAbs(name) {
			return fmt.Errorf("flow: %q is not absolute: workers have other working directories", name)
		}
	}
	if _, err := pipeline.ParseLabels(j.Labels); err != nil {
		return err
	}
	return errors.Join(j.Features.Validate(), j.Select.Validate())
}

// Work is the directory of the parts, beside the dataset.
func (j Job) Work() string {
	return filepath.Join(filepath.Dir(j.Out), "."+filepath.Base(j.Out)+".parts")
}

// Task is a number of images that follow each other in the dataset.
type Task struct {
	// Index counts the tasks from 0; there are Tasks of them.
	Index, Tasks int
	Pictures     []Picture
	// Failures are directories that could not be read; the first task has them.
	Failures []Failure
}

// Picture is a pipeline.Item of a file of its own, as it travels to a worker.
type Picture struct{ Path, File, Argument, Label, Split string }

// plainPicture is a Picture without its methods.
type plainPicture Picture

// each changes every name. JSON would put other characters for the bytes of a name that is not UTF-8, and
// the worker would look for another file.
func (p Picture) each(change func(string) string) plainPicture {
	return plainPicture{change(p.Path), change(p.File), change(p.Argument), change(p.Label), change(p.Split)}
}

// MarshalJSON spells names of any bytes.
func (p Picture) MarshalJSON() ([]byte, error) { return json.Marshal(p.each(spelling.Spell)) }

// UnmarshalJSON reads what MarshalJSON has written.
func (p *Picture) UnmarshalJSON(encoded []byte) error {
	var plain plainPicture
	err := json.Unmarshal(encoded, &plain)
	*p = Picture(Picture(plain).each(spelling.Unspell))
	return err
}

func (p Picture) item() pipeline.Item {
	return pipeline.Item{Path: p.Path, File: p.File, Argument: p.Argument, Label: p.Label, Split: p.Split}
}

// Failure is a pipeline.Failure, as it travels to a worker.
type Failure struct {
	Picture       Picture
	Stage, Reason string
}

type plainFailure Failure

// MarshalJSON spells the reason, which may quote names of any bytes.
func (f Failure) MarshalJSON() ([]byte, error) {
	f.Reason = spelling.Spell(f.Reason)
	return json.Marshal(plainFailure(f))
}

// UnmarshalJSON reads what MarshalJSON has written.
func (f *Failure) UnmarshalJSON(encoded []byte) error {
	err := json.Unmarshal(encoded, (*plainFailure)(f))
	f.Reason = spelling.Unspell(f.Reason)
	return err
}

// travelling makes a task of items that follow each other.
func travelling(items []pipeline.Item) ([]Picture, error) {
	pictures := make([]Picture, len(items))
	for i, item := range items {
		if item.Source != nil {
			return nil, fmt.Errorf("flow: %s lies in an archive or a table, which cannot be cut into tasks: unpack it, or use extract --shard on each machine", item.Path)
		}
		pictures[i] = Picture{item.Path, item.File, item.Argument, item.Label, item.Split}
	}
	return pictures, nil
}

// name of the task's part: of its place and of all that decides about its content, so that a
// part of another job is never taken for it.
func (t Task) name(j Job) (string, error) {
	encoded, err := json.Marshal(struct {
		Job  Job
		Task Task
	}{j, t})
	if err != nil {
		return "", fmt.Errorf("flow: name task %d: %w", t.Index, err)
	}
	sum := sha256.Sum256(encoded)
	return fmt.Sprintf("part-%06d-%s", t.Index, hex.EncodeToString(sum[:8])), nil
}

// Part is a finished task.
type Part struct {
	Index, Tasks int
	Dir          string
}

type plainPart Part

// MarshalJSON spells the directory, a name of any bytes.
func (p Part) MarshalJSON() ([]byte, error) {
	p.Dir = spelling.Spell(p.Dir)
	return json.Marshal(plainPart(p))
}

// UnmarshalJSON reads what MarshalJSON has written.
func (p *Part) UnmarshalJSON(encoded []byte) error {
	err := json.Unmarshal(encoded, (*plainPart)(p))
	p.Dir = spelling.Unspell(p.Dir)
	return err
}
