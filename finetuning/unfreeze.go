package finetuning

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/sirupsen/logrus"

	"fovea/head"
	"fovea/inference"
	"fovea/internal/text"
	"fovea/training"
)

// validationFraction is the share of the training set that decides when to stop.
const validationFraction = 0.2

// UnfreezeOptions say which blocks of a network are trained together with a head, and how.
type UnfreezeOptions struct {
	// Head says how rows are split and how the frozen heads are trained: the one to start from and
	// the one to compare with. Both are softmax regressions with an L2 penalty.
	Head *TrainOptions
	// Source is the dataset. It has the output of the pooling before Block, neither pooled nor averaged
	// over views.
	Source Source
	// Out is the directory for the model and the head, made if need be.
	Out string
	// Block is the first one that is trained, 2 to 5.
	Block int
	// LearningRate is Adam's (default 1e-5), Batch the number of images in a step (default 8).
	LearningRate float64
	Batch        int
	// Epochs is the most passes over the images (default 10), Patience the number of those without
	// a smaller validation loss after which the training ends (default 3).
	Epochs, Patience int
	// Session chooses the device (default: a GPU if there is one).
	Session inference.SessionConfig
	// ToolVersion is noted in the head.
	ToolVersion string
}

func (o UnfreezeOptions) withDefaults() UnfreezeOptions {
	o.LearningRate = cmp.Or(o.LearningRate, 1e-5)
	o.Batch = cmp.Or(o.Batch, 8)
	o.Epochs = cmp.Or(o.Epochs, 10)
	o.Patience = cmp.Or(o.Patience, 3)
	o.Session.Device = cmp.Or(o.Session.Device, inference.DeviceAuto)
	return o
}

// UnfreezeResult describes a network whose last blocks were trained.
type UnfreezeResult struct {
	// Network names what was trained, Device where: "cpu" or "gpu:N".
	Network string   `json:"network"`
	Device  string   `json:"device"`
	Classes []string `json:"classes"`
	// TrainImages were trained on, ValidationImages decided when to stop, TestImages were held out.
	TrainImages      int `json:"train_images"`
	ValidationImages int `json:"validation_images"`
	TestImages       int `json:"test_images"`
	// StartLoss and StartAccuracy are those on the validation images before the first epoch.
	StartLoss     float64          `json:"start_log_loss"`
	StartAccuracy float64          `json:"start_accuracy"`
	Epochs        []training.Epoch `json:"epochs"`
	// BestEpoch has the weights that were kept, from 1; 0 says that no epoch was better than the
	// frozen network, which was kept.
	BestEpoch int `json:"best_epoch"`
	// Frozen and Unfrozen are the metrics on the test images of a head on the frozen network, and of
	// the network that was kept; nil without test images.
	Frozen   *head.Metrics `json:"frozen"`
	Unfrozen *head.Metrics `json:"unfrozen"`
	// Model and Head are the paths of a SavedModel and of a head on its averaged pool5.
	Model string `json:"model"`
	Head  string `json:"head"`
}

// Unfreeze trains the last blocks of a VGG together with a head, starting from the solution of a head
// on the frozen features, and compares both on the rows held out. A part of the training rows serves
// for validation: it ends the training and chooses the epoch. The model and the head are written to
// Out once they are complete. Features that do not fit are errors that say what to extract.
func Unfreeze(ctx context.Context, o UnfreezeOptions) (_ *UnfreezeResult, err error) {
	o = o.withDefaults()
	if o.Block < 2 || o.Block > 5 {
		return nil, fmt.Errorf("block %d: use 2 to 5", o.Block)
	}
	if s := head.Scaling(o.Head.Scaling); s == head.ScaleUnit || s == head.ScaleSqrt {
		return nil, OptionError{"scaling", string(s) + " is no part of a network's last layer: use common or columns"}
	}
	u := &unfreezing{options: o}
	defer func() { err = errors.Join(err, u.close()) }()
	if err := u.load(ctx); err != nil {
		return nil, err
	}
	if err := u.open(); err != nil {
		return nil, err
	}
	if err := u.divide(ctx); err != nil {
		return nil, err
	}
	if err := u.fitFrozen(ctx); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.Out, 0o755); err != nil {
		return nil, fmt.Errorf("make the directory for the results: %w", err)
	}
	if err := u.train(ctx); err != nil {
		return nil, err
	}
	if err := u.measure(); err != nil {
		return nil, err
	}
	if err := u.export(); err != nil {
		return nil, err
	}
	u.result.Model, u.result.Head = filepath.Join(o.Out, ModelDir), filepath.Join(o.Out, HeadFile)
	return &u.result, nil
}

// divide splits the rows: into training set and test set, and the former into rows to fit and rows to
// validate on.
func (u *unfreezing) divide(ctx context.Context) (err error) {
	options := u.options.Head
	if u.duplicates, err = options.Group(ctx, u.frozen); err != nil {
		return err
	}
	split, err := options.Split(u.frozen, u.duplicates)
	if err != nil {
		return err
	}
	if len(split.Test) == 0 {
		split.Train = allRows(u.frozen.X.Rows)
	}
	u.learn, u.test = split.Train, split.Test
	return u.divideTraining()
}

func (u *unfreezing) divideTraining() error {
	labels, groups := pick(u.frozen.Labels, u.learn), pick(u.duplicates.Together, u.learn)
	fit, validation, err := head.Split(labels, groups, validationFraction, u.options.Head.Seed+1)
	if err != nil {
		return ofGroups(fmt.Errorf("set images aside for validation: %w", err), u.frozen.Groups)
	}
	u.fit, u.validation = pick(u.learn, fit), pick(u.learn, validation)
	u.result.TrainImages, u.result.ValidationImages, u.result.TestImages = len(u.fit), len(u.validation), len(u.test)
	return nil
}

// fitFrozen fits two heads to the frozen features: one to compare with, which has the whole training
// set to learn from, and one to start from. The latter must not have seen the validation images, so it
// is fitted to the others.
func (u *unfreezing) fitFrozen(ctx context.Context) (err error) {
	if u.baseline, err = u.fitHead(ctx, u.learn); err != nil {
		return err
	}
	if len(u.test) > 0 {
		part, err := u.frozen.Choose(u.test)
		if err != nil {
			return err
		}
		metrics, err := measure(u.baseline, part)
		if err != nil {
			return err
		}
		u.result.Frozen = &metrics
	}
	start, err := u.fitHead(ctx, u.fit)
	if err != nil {
		return err
	}
	return u.assign(start)
}

func (u *unfreezing) fitHead(ctx context.Context, rows []int) (*head.Head, error) {
	part, err := u.frozen.Choose(rows)
	if err != nil {
		return nil, err
	}
	options := *u.options.Head
	options.Model, options.Uncalibrated = Softmax, true // its solution becomes the network's last layer
	h, _, err := options.Fit(ctx, part, pick(u.duplicates.Together, rows))
	return h, err
}

// train runs the epochs and leaves the network with the best weights: the frozen ones if no epoch was
// better.
func (u *unfreezing) train(ctx context.Context) error {
	o, examples, validation := u.options, u.examples(u.fit), u.examples(u.validation)
	start, err := training.Evaluate(ctx, u.trainer, validation)
	if err != nil {
		return err
	}
	if !start.Finite() {
		return fmt.Errorf("the validation loss of the frozen network is %v before any training, because its features overflow: find the rows with extract dataset stats %s", start.MeanLoss(), o.Source.name())
	}
	u.result.StartLoss, u.result.StartAccuracy = start.MeanLoss(), start.Accuracy()
	logrus.Infof("training %s: %s (%s), %d for validation, %d held out, on %s", u.network.Name, text.Plural(len(u.fit), "image"), text.Some(u.classes), len(u.validation), len(u.test), u.trainer.Device())
	logrus.Infof("before training: validation loss %.4f, accuracy %.2f %%", start.MeanLoss(), 100*start.Accuracy())
	trained, err := training.Fit(ctx, u.trainer, examples, validation, training.FitOptions{
		Epochs: o.Epochs, Batch: o.Batch, Seed: o.Head.Seed, Patience: o.Patience, Progress: logEpoch, Batches: batchLogger(),
	}, training.State{})
	if err != nil {
		return err
	}
	u.result.Epochs, u.result.BestEpoch = trained.State.History, trained.Best
	if best := trained.State.History[trained.Best-1]; *best.ValidationLoss >= start.MeanLoss() {
		logrus.Warn("no epoch was better on the validation images than the frozen network: keeping its weights and its head")
		u.result.BestEpoch = 0
		return u.assign(u.baseline)
	}
	return nil
}

// measure tests the network that is kept.
func (u *unfreezing) measure() error {
	if len(u.test) == 0 {
		return nil
	}
	metrics, err := evaluateNetwork(u.trainer, u.examples(u.test), u.bottleneck.Labels, u.classes)
	u.result.Unfrozen = &metrics
	return err
}

// notes say in the head how it came about.
func (u *unfreezing) notes() head.Notes {
	o := u.options
	notes := head.Notes{
		ToolVersion: o.ToolVersion, Seed: o.Head.Seed, TrainedOn: len(u.learn), HeldOut: u.result.Unfrozen,
		Copies: u.duplicates.Equal, NearCopies: u.duplicates.Alike, Crowded: u.duplicates.Crowded, Seen: shortHashes(pick(u.bottleneck.Hashes, u.learn)),
		LeftOut: u.rare, Settings: map[string]string{
			"unfreeze": fmt.Sprintf("block%d", o.Block), "optimizer": string(training.Adam), "learning-rate": fmt.Sprint(o.LearningRate),
			"batch": strconv.Itoa(o.Batch), "epochs": strconv.Itoa(o.Epochs), "patience": strconv.Itoa(o.Patience),
		},
	}
	if o.Head.MinClass > 0 {
		notes.Settings["min-class"] = strconv.Itoa(o.Head.MinClass)
	}
	return notes
}
