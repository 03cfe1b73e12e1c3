package training

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"

	"fovea/internal/budget"
	"fovea/internal/disk"
	"fovea/internal/output"
)

// saver has the operations that write and read variables.
type saver struct {
	prefix  tf.Output
	save    *tf.Operation
	restore []*tf.Operation
}

// addSaver adds the operations that save and restore the weights and the optimizer's state.
func (g *graph) addSaver(scope *op.Scope) {
	var names []string
	var handles, values []tf.Output
	var shapes []tf.Shape
	add := func(name string, handle tf.Output, shape []int) {
		names, handles, shapes = append(names, name), append(handles, handle), append(shapes, tf.MakeShape(int64s(shape)...))
		values = append(values, op.ReadVariableOp(scope.SubScope("read"), handle, tf.Float))
	}
	for _, v := range g.variables {
		add(v.name, v.handle, v.shape)
		for _, s := range v.slots {
			add(s.name, s.handle, v.shape)
		}
	}
	g.saver.prefix = op.Placeholder(scope.SubScope("prefix"), tf.String, op.PlaceholderShape(tf.ScalarShape()))
	keys, parts := op.Const(scope.SubScope("keys"), names), op.Const(scope.SubScope("slices"), make([]string, len(names)))
	types := make([]tf.DataType, len(names))
	for i := range types {
		types[i] = tf.Float
	}
	g.saver.save = op.SaveV2(scope, g.saver.prefix, keys, parts, values)
	for i, value := range op.RestoreV2(scope, g.saver.prefix, keys, parts, types) {
		value = op.EnsureShape(scope.SubScope("ensure"), value, shapes[i]) // which assigning does not do
		g.saver.restore = append(g.saver.restore, op.AssignVariableOp(scope.SubScope("assign"), handles[i], value))
	}
}

// State is how far a training has got, as checkpoints hold it.
type State struct {
	// Format and Version distinguish checkpoints from other files.
	Format  string `json:"format"`
	Version int    `json:"version"`
	// Identity is what must stay the same for a training to continue: what is trained, on what, how.
	Identity map[string]string `json:"identity"`
	// Variables is the name of the files with the weights, without extension.
	Variables string `json:"variables"`
	// Step is the number of steps done, Epoch that of complete epochs, Batches that of batches in
	// the current one.
	Step    int64 `json:"step"`
	Epoch   int   `json:"epoch"`
	Batches int   `json:"batches"`
	// Partial is the measure of those batches, PartialSeconds the time that they took.
	Partial        Measure `json:"partial"`
	PartialSeconds float64 `json:"partial_seconds"`
	// History has the complete epochs.
	History []Epoch `json:"history"`
}

const (
	stateFormat  = "fovea-checkpoint"
	stateVersion = 1
	stateFile    = "state.json"
)

// ErrNoCheckpoint means that there is nothing to resume.
var ErrNoCheckpoint = errors.New("there is no checkpoint")

// Save writes a checkpoint to dir. The previous one stays valid until the new one is complete, and
// is then removed.
func (t *Trainer) Save(dir string, state State) error {
	if _, err := disk.MakeDir(dir); err != nil {
		return fmt.Errorf("training: make the directory for checkpoints: %w", err)
	}
	state.Format, state.Version, state.Step = stateFormat, stateVersion, t.step
	var err error
	if state.Variables, err = unusedName(dir, t.step); err != nil {
		return err
	}
	prefix := filepath.Join(dir, state.Variables)
	if err := t.runSaver(prefix, []*tf.Operation{t.graph.saver.save}); err != nil {
		return fmt.Errorf("training: write a checkpoint to %s: %w", dir, err)
	}
	if err := syncFiles(prefix); err != nil {
		return fmt.Errorf("training: write a checkpoint to %s: %w", dir, err)
	}
	encoded, err := json.MarshalIndent(state, "", "  ")
	if err != nil {
		return fmt.Errorf("training: encode the checkpoint: %w", err)
	}
	if err := output.WriteFile(filepath.Join(dir, stateFile), append(encoded, '\n')); err != nil {
		return fmt.Errorf("training: write a checkpoint to %s: %w", dir, err)
	}
	return removeOthers(dir, state.Variables)
}

// unusedName is a name for variables that no checkpoint has yet, because the current one must not be
// overwritten.
func unusedName(dir string, step int64) (string, error) {
	name := fmt.Sprintf("variables-%d", step)
	for i := 1; ; i++ {
		taken, err := filepath.Glob(filepath.Join(escape(dir), name+".*"))
		if err != nil || len(taken) == 0 {
			return name, err
		}
		name = fmt.Sprintf("variables-%d-%d", step, i)
	}
}

// syncFiles syncs the files with a prefix, and their directory.
func syncFiles(prefix string) error {
	files, err := filepath.Glob(escape(prefix) + ".*")
	if err != nil {
		return err
	}
	for _, name := range files {
		f, err := os.OpenFile(name, os.O_RDWR, 0)
		if err != nil {
			return err
		}
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			return err
		}
	}
	return disk.Sync(filepath.Dir(prefix))
}

// escape makes a glob pattern that matches only the name.
func escape(name string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(name)
}

// removeOthers removes the variables of earlier checkpoints.
func removeOthers(dir, keep string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("training: list the checkpoints: %w", err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "variables-") && !strings.HasPrefix(e.Name(), keep+".") {
			if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
				return fmt.Errorf("training: remove an old checkpoint: %w", err)
			}
		}
	}
	return nil
}

func (t *Trainer) runSaver(prefix string, targets []*tf.Operation) error {
	tensor, err := tf.NewTensor(prefix)
	if err != nil {
		return err
	}
	_, err = t.session.Run(map[tf.Output]*tf.Tensor{t.graph.saver.prefix: tensor}, nil, targets)
	return err
}

// maxStateBytes bounds the text of a checkpoint, which has a few hundred bytes for each epoch.
const maxStateBytes = 16 << 20

// ReadState reads the state of the checkpoint in dir. Without a checkpoint there, the error is
// ErrNoCheckpoint.
func ReadState(dir string) (State, error) {
	file := filepath.Join(dir, stateFile)
	data, err := budget.ReadFile(file, maxStateBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return State{}, fmt.Errorf("training: %w in %s", ErrNoCheckpoint, dir)
	} else if err != nil {
		return State{}, fmt.Errorf("training: %w", err)
	}
	var s State
	if err := json.Unmarshal(data, &s); err != nil {
		return State{}, fmt.Errorf("training: %s is damaged: start over: %w", file, err)
	}
	switch {
	case s.Format != stateFormat:
		return State{}, fmt.Errorf("training: %s is not a checkpoint: its format is %q", file, s.Format)
	case s.Version != stateVersion:
		return State{}, fmt.Errorf("training: the checkpoint %s has version %d, but this program reads version %d: use the program that wrote it", file, s.Version, stateVersion)
	case s.Step < 0 || s.Epoch < 0 || s.Batches < 0 || len(s.History) != s.Epoch || s.Variables != filepath.Base(s.Variables):
		return State{}, fmt.Errorf("training: %s is damaged: start over", file)
	}
	return s, nil
}

// ErrOtherTraining marks the checkpoint of a training with other images or settings.
var ErrOtherTraining = errors.New("the checkpoint is of another training")

// Check returns ErrOtherTraining, with the differences, if the state's identity is not the given one.
func (s State) Check(identity map[string]string) error {
	var keys, reasons []string
	for key := range identity {
		keys = append(keys, key)
	}
	for key := range s.Identity {
		if _, both := identity[key]; !both {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	for _, key := range keys {
		if s.Identity[key] != identity[key] {
			reasons = append(reasons, fmt.Sprintf("%s was %q and is %q", key, s.Identity[key], identity[key]))
		}
	}
	if len(reasons) > 0 {
		return fmt.Errorf("training: %w: %s: use the same settings and images, or start over", ErrOtherTraining, strings.Join(reasons, "; "))
	}
	return nil
}

// Restore sets the weights and the optimizer's state from the checkpoint in dir.
func (t *Trainer) Restore(dir string, state State) error {
	if err := t.restore(dir, state.Variables); err != nil {
		return fmt.Errorf("training: the checkpoint in %s cannot be read: start over: %w", dir, err)
	}
	t.step = state.Step
	return nil
}

// restore reads variables. TensorFlow takes their name as a glob pattern, so a directory with
// special characters in its name is read through a symbolic link.
func (t *Trainer) restore(dir, name string) error {
	if strings.ContainsAny(dir, `*?[\`) {
		temporary, err := os.MkdirTemp("", "fovea-checkpoint-")
		if err != nil {
			return fmt.Errorf("%w: set TMPDIR to a directory that can be written to", err)
		}
		defer os.RemoveAll(temporary) // a link
		absolute, err := filepath.Abs(dir)
		if err != nil {
			return err
		}
		dir = filepath.Join(temporary, "checkpoint")
		if err := os.Symlink(absolute, dir); err != nil {
			return err
		}
	}
	return t.runSaver(filepath.Join(dir, name), t.graph.saver.restore)
}
