package finetuning

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/sirupsen/logrus"

	"fovea/head"
	"fovea/internal/text"
	"fovea/recipe"
	"fovea/training"
	"fovea/vgg"
)

// ErrTrained says that the directory for the results holds another training already.
var ErrTrained = errors.New("there is an earlier training")

// checkpointDir is in the directory of a training's results.
const checkpointDir = "checkpoint"

// ScratchOptions say what network is trained from random weights, on what, and for how long.
type ScratchOptions struct {
	Images  ImageOptions
	Network NetworkOptions
	// Out is the directory for all results, made if need be.
	Out string
	// Seed decides the sample, the split, the weights, the order, dropout and augmentation.
	Seed uint64
	// Epochs is the number of passes over the training images (default 10).
	Epochs int
	// Resume continues from the checkpoint in Out, if there is one. Overwrite replaces what an
	// earlier training left there; without either, a checkpoint in Out is ErrTrained.
	Resume, Overwrite bool
	// ToolVersion is noted in the head.
	ToolVersion string
}

// ScratchResult is a network trained from random weights.
type ScratchResult struct {
	Configuration string `json:"configuration"`
	// Device is where it was trained, "cpu" or "gpu:N".
	Device  string   `json:"device"`
	Classes []string `json:"classes"`
	// TrainImages, TestImages and FailedImages count those trained on, those held out, and those
	// that could not be read, which Errors lists.
	TrainImages  int `json:"train_images"`
	TestImages   int `json:"test_images"`
	FailedImages int `json:"failed_images"`
	// Epochs are the passes, those of earlier runs included.
	Epochs []training.Epoch `json:"epochs"`
	// Test are the metrics on the images held out, nil without any.
	Test *head.Metrics `json:"test"`
	// Model, Head and Errors are the paths of a SavedModel, of a head on its fc7, and of a CSV table.
	Model  string `json:"model"`
	Head   string `json:"head"`
	Errors string `json:"errors"`
}

// Scratch trains a network from random weights, and measures it after each epoch on the images held
// out. It writes to Out the metrics of the epochs, a checkpoint after each of them, and in the end
// the model and its last layer as a head.
//
// A cancelled context ends it after the current batch, with a checkpoint; the error is then the
// context's cause. A checkpoint of other images or settings is training.ErrOtherTraining.
func Scratch(ctx context.Context, o ScratchOptions) (_ *ScratchResult, err error) {
	if o.Network = o.Network.withDefaults(); o.Epochs == 0 {
		o.Epochs = 10
	}
	if err := o.Network.Validate(); err != nil {
		return nil, err
	}
	state, err := o.begin()
	if err != nil {
		return nil, err
	}
	data, err := loadScratch(ctx, o.Images, o.Network, o.Out, o.Seed)
	if err != nil {
		return nil, err
	}
	defer data.Close() // a temporary file
	t, err := o.Network.trainer(len(data.classes), o.Seed)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, t.Close()) }()
	identity := data.identity(t)
	if err := o.restore(t, state, identity); err != nil {
		return nil, err
	}
	trained, err := o.fit(ctx, t, data, state, identity)
	if err != nil {
		return nil, err
	}
	test, err := o.export(t, data)
	if err != nil {
		return nil, err
	}
	return &ScratchResult{
		Configuration: o.Network.Configuration.Name, Device: t.Device(), Classes: data.classes,
		TrainImages: len(data.split.Train), TestImages: len(data.split.Test), FailedImages: len(data.failures),
		Epochs: trained.State.History, Test: test,
		Model: filepath.Join(o.Out, ModelDir), Head: filepath.Join(o.Out, HeadFile), Errors: filepath.Join(o.Out, ErrorsFile),
	}, nil
}

func (o *ScratchOptions) checkpoints() string { return filepath.Join(o.Out, checkpointDir) }

// begin reads the state to continue from: the zero State for a new training.
func (o *ScratchOptions) begin() (training.State, error) {
	if o.Overwrite {
		// What is there stays until this training can replace it: with its first checkpoint, and
		// with the model and the head at the end.
		return training.State{}, nil
	}
	state, err := training.ReadState(o.checkpoints())
	switch {
	case errors.Is(err, training.ErrNoCheckpoint):
		if o.Resume {
			logrus.Infof("%s has no checkpoint yet: starting from the beginning", o.Out)
		}
		return training.State{}, nil
	case err != nil:
		return state, err
	case !o.Resume:
		return state, fmt.Errorf("%w in %s, of %s", ErrTrained, o.Out, text.Plural(state.Epoch, "epoch"))
	case state.Epoch > o.Epochs:
		return state, fmt.Errorf("the training in %s already has %s, more than the %d requested", o.Out, text.Plural(state.Epoch, "epoch"), o.Epochs)
	}
	return state, nil
}

// restore sets the weights of a checkpoint, if the training continues from one.
func (o *ScratchOptions) restore(t *training.Trainer, state training.State, identity map[string]string) error {
	if state.Identity == nil {
		return nil
	}
	if err := state.Check(identity); err != nil {
		return err
	}
	if err := t.Restore(o.checkpoints(), state); err != nil {
		return err
	}
	logrus.Infof("resuming after %s and %s", text.Plural(state.Epoch, "epoch"), text.Count(state.Batches, "batch", "batches"))
	return nil
}

// fit runs the epochs, with checkpoints of the identity.
func (o *ScratchOptions) fit(ctx context.Context, t *training.Trainer, data *scratchData, state training.State, identity map[string]string) (training.Result, error) {
	logrus.Infof("training %s at %dx%d pixels on %s (%s), %d held out, on %s", o.Network.Configuration.Name,
		o.Network.Size, o.Network.Size, text.Plural(len(data.split.Train), "image"), text.Some(data.classes), len(data.split.Test), t.Device())
	return training.Fit(ctx, t, data.training(), data.test(), training.FitOptions{
		Epochs: o.Epochs, Batch: o.Network.Batch, Seed: o.Seed, Progress: logEpoch, Batches: batchLogger(),
		Checkpoint: func(s training.State) error {
			s.Identity = identity
			return errors.Join(t.Save(o.checkpoints(), s), writeHistory(o.Out, s.History))
		},
	}, state)
}

// export writes the model, and its last layer as a head. It returns the metrics on the test set, nil
// without one.
func (o *ScratchOptions) export(t *training.Trainer, data *scratchData) (test *head.Metrics, err error) {
	set, err := t.Weights()
	if err != nil {
		return nil, err
	}
	set = o.Network.dimensions(len(data.classes)).Note(set)
	set.Metadata[vgg.PreprocessingKey] = o.Network.Preprocessing.String()
	h, err := headOfDense(set, "fc8", data.classes)
	if err != nil {
		return nil, err
	}
	h.Notes = data.notes(t, o.ToolVersion)
	if examples := data.test(); examples != nil {
		metrics, err := evaluateNetwork(t, examples, data.labels, data.classes)
		if err != nil {
			return nil, err
		}
		h.Notes.HeldOut = &metrics
	}
	return h.Notes.HeldOut, replaceModel(o.Out, h, func(dir string) error {
		if err := vgg.Export(o.Network.Configuration, set, dir); err != nil {
			return err
		}
		return describeHead(h, dir, "fc7", recipe.PoolNone, o.Network.recipe())
	})
}
