package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/sirupsen/logrus"

	"fovea/app/cli"
	"fovea/featurestore"
	"fovea/finetuning"
	"fovea/head"
	"fovea/inference"
	"fovea/models"
	"fovea/recipe"
	"fovea/training"
	"fovea/vgg"
	"fovea/vgg/weights"
)

// Defaults of --unfreeze for the flags that it shares with mlp.
const (
	unfreezeBatch    = 8
	unfreezeRate     = 1e-5
	unfreezeEpochs   = 10
	unfreezePatience = 3
	// validationFraction is the part of the training pictures that ends the training.
	validationFraction = 0.2
)

// unfreezing is the training of the last blocks of a network.
type unfreezing struct {
	*trainOptions
	configuration vgg.Configuration
	network       training.Network
	base          weights.Set
	// bottleneck are the features that the blocks take, frozen those of their untrained end:
	// pool5, averaged.
	bottleneck, frozen finetuning.Features
	classes            []string
	index              []int32
	trainer            *training.Trainer
}

func (o *trainOptions) validateUnfreeze() (block int, err error) {
	block, err = strconv.Atoi(strings.TrimPrefix(o.unfreeze, "block"))
	switch {
	case err != nil || !strings.HasPrefix(o.unfreeze, "block") || block < 2 || block > 5:
		return 0, cli.Usagef("--unfreeze %q: use block5, or block4, block3 or block2", o.unfreeze)
	case o.Model != "softmax" || o.Penalty != "l2":
		return 0, cli.Usagef("--unfreeze goes with --model softmax and --penalty l2")
	case o.Scaling == string(head.ScaleUnit) || o.Calibrate || o.ClassWeights != string(head.WeighRows):
		return 0, cli.Usagef("--unfreeze does without --scaling l2, --calibrate and --class-weights")
	}
	for name, set := range map[string]func(){
		"batch": func() { o.MLP.Batch = unfreezeBatch }, "learning-rate": func() { o.MLP.Rate = unfreezeRate },
		"epochs": func() { o.MLP.Epochs = unfreezeEpochs }, "patience": func() { o.MLP.Patience = unfreezePatience },
	} {
		if !o.changed(name) {
			set()
		}
	}
	return block, nil
}

func (o *trainOptions) runUnfreeze(ctx context.Context) error {
	block, err := o.validateUnfreeze()
	if err != nil {
		return err
	}
	if info, err := os.Stat(o.Out); err == nil && !info.IsDir() {
		return fmt.Errorf("--out %s is a file: with --unfreeze, name a directory", o.Out)
	}
	u := unfreezing{trainOptions: o}
	if err := u.load(ctx, block); err != nil {
		return err
	}
	defer u.bottleneck.Free()
	defer func() {
		if u.trainer != nil {
			_ = u.trainer.Close() // the process ends here
		}
	}()
	if err := u.open(); err != nil {
		return err
	}
	duplicates, err := o.Group(ctx, u.frozen)
	if err != nil {
		return err
	}
	split, err := o.Split(u.frozen, duplicates.Groups)
	if err != nil {
		return err
	}
	if len(split.Test) == 0 {
		split.Train = make([]int, u.frozen.X.Rows)
		for i := range split.Train {
			split.Train[i] = i
		}
	}
	return u.train(ctx, split, duplicates)
}

// load reads the features and the weights that made them.
func (u *unfreezing) load(ctx context.Context, block int) error {
	source, done, err := u.features.Fetch(ctx)
	if err != nil {
		return err
	}
	defer done()
	opened, err := featurestore.Open(source.Dir)
	if err != nil {
		return err
	}
	dataset := opened.Recipe()
	if u.configuration, err = vgg.ByName(dataset.Model); err != nil {
		return fmt.Errorf("%s has features of the model %q: --unfreeze trains VGGs that ship or were imported: %w", u.features.Dir, dataset.Model, err)
	}
	_, before, err := training.Tail(u.configuration, block, 2)
	if err != nil {
		return err
	}
	layer, err := bottleneck(dataset, u.configuration, before)
	if err != nil {
		return fmt.Errorf("%s %w", u.features.Dir, err)
	}
	if u.base, err = models.Weights(u.configuration, ""); err != nil {
		return err
	}
	if u.base.SHA256 != dataset.ModelSHA256 {
		return fmt.Errorf("%s was made with other weights of %s (SHA-256 %.12s...) than there are here (%.12s...): extract it again", u.features.Dir, dataset.Model, dataset.ModelSHA256, u.base.SHA256)
	}
	if u.bottleneck, err = source.Load(ctx, layer); err != nil {
		return err
	}
	if u.bottleneck.Recipe.Fingerprint() != dataset.Fingerprint() {
		return fmt.Errorf("%s %w", u.features.Dir, featurestore.ErrReplaced)
	}
	if u.classes, err = head.Classes(u.bottleneck.Labels); err != nil {
		return err
	}
	finetuning.WarnOfAlike(u.classes)
	for _, l := range u.bottleneck.Labels {
		i, _ := slices.BinarySearch(u.classes, l)
		u.index = append(u.index, int32(i))
	}
	u.network, _, err = training.Tail(u.configuration, block, len(u.classes))
	return err
}

// bottleneck finds the column of the pooling before the block.
func bottleneck(r recipe.Recipe, c vgg.Configuration, before string) (string, error) {
	var pool vgg.Layer
	for _, l := range c.Layers(false) {
		if l.Name == before {
			pool = l
		}
	}
	for _, l := range r.Layers {
		if l.Name != pool.Name && !slices.Contains(pool.Aliases, l.Name) {
			continue
		}
		if !slices.Equal(l.Shape, pool.Shape) || r.Views != "" {
			return "", fmt.Errorf("has %s pooled or averaged over views: extract it with --pool none and --views center", l.Name)
		}
		return l.Name, nil
	}
	return "", fmt.Errorf("has the layers %s: --unfreeze needs %s, which extract --layers %s gives", strings.Join(r.LayerNames(), ", "), before, before)
}

// open makes the network with the frozen weights, and computes its features.
func (u *unfreezing) open() error {
	var err error
	u.trainer, err = training.New(u.network, training.Options{Optimizer: training.Adam, LearningRate: u.MLP.Rate, Seed: u.Seed}, inference.SessionConfig{Device: inference.DeviceAuto})
	if err != nil {
		return err
	}
	untrained := &head.Head{Classes: u.classes}
	width := u.network.Layers[len(u.network.Layers)-1].Kernel[0]
	for range u.classes {
		untrained.Weights, untrained.Biases = append(untrained.Weights, make([]float32, width)), append(untrained.Biases, 0)
	}
	untrained.Standardization = head.Standardization{Mean: make([]float32, width), Scale: make([]float32, width)}
	if err := u.assign(untrained); err != nil {
		return err
	}
	u.frozen = u.bottleneck
	u.frozen.X = head.Matrix{Rows: u.bottleneck.X.Rows, Cols: width}
	return u.examples(nil).Each(training.DefaultBatch, func(rows []int, values []float32, _ []int32) error {
		averages, err := u.trainer.Output(training.AverageLayer, values, len(rows))
		u.frozen.X.Data = append(u.frozen.X.Data, averages...)
		return err
	})
}

// examples are rows of the features, nil for all.
func (u *unfreezing) examples(rows []int) *training.Examples {
	if rows == nil {
		for i := range u.bottleneck.X.Rows {
			rows = append(rows, i)
		}
	}
	return &training.Examples{
		Records: matrixRecords{u.bottleneck.X}, Classes: u.index, Rows: rows, Values: u.bottleneck.X.Cols,
		Decode: func(dst []float32, record []byte, _ *rand.Rand) {
			for i := range dst {
				dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(record[4*i:]))
			}
		},
	}
}

// matrixRecords are the rows of a matrix as bytes.
type matrixRecords struct{ x head.Matrix }

func (m matrixRecords) Size() int { return 4 * m.x.Cols }

func (m matrixRecords) Read(dst []byte, i int) error {
	for j, v := range m.x.Row(i) {
		binary.LittleEndian.PutUint32(dst[4*j:], math.Float32bits(v))
	}
	return nil
}

// assign gives the network the frozen weights and a head's, whose scaling becomes part of
// them.
func (u *unfreezing) assign(h *head.Head) error {
	width, classes := len(h.Standardization.Mean), len(u.classes)
	kernel, bias := make([]float32, width*classes), make([]float32, classes)
	for c := range classes {
		shift := float64(h.Biases[c])
		for j, w := range h.Weights[c] {
			scaled := float64(w) * float64(h.Standardization.Scale[j])
			kernel[j*classes+c] = float32(scaled)
			shift -= scaled * float64(h.Standardization.Mean[j])
		}
		bias[c] = float32(shift)
	}
	set := weights.Set{Tensors: map[string]weights.Tensor{
		training.ScoresLayer + "/kernel": weights.Float32Tensor([]int{width, classes}, kernel),
		training.ScoresLayer + "/bias":   weights.Float32Tensor([]int{classes}, bias),
	}}
	for name, tensor := range u.base.Tensors {
		set.Tensors[name] = tensor
	}
	return u.trainer.Assign(set)
}

// train fits the frozen head, then the blocks with it, and writes the results.
func (u *unfreezing) train(ctx context.Context, split finetuning.Split, duplicates head.Duplicates) error {
	learn, err := u.frozen.Choose(split.Train)
	if err != nil {
		return err
	}
	groups := finetuning.Pick(duplicates.Groups, split.Train)
	// The head to compare with has all pictures to learn from, the one to begin with has those
	// that the blocks are trained on: what it is validated on must be new to it.
	frozen, _, err := u.Fit(ctx, learn, groups)
	if err != nil {
		return err
	}
	fitted, validated, err := head.Split(learn.Labels, groups, validationFraction, u.Seed+1)
	if err != nil {
		return fmt.Errorf("keep images to end the training by: %w", err)
	}
	part, err := learn.Choose(fitted)
	if err != nil {
		return err
	}
	first, _, err := u.Fit(ctx, part, finetuning.Pick(groups, fitted))
	if err != nil {
		return err
	}
	var before, after head.Metrics
	if len(split.Test) > 0 {
		if before, err = u.measure(frozen, split.Test); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(u.Out, 0o755); err != nil {
		return fmt.Errorf("make the directory for the results: %w", err)
	}
	if err := u.assign(first); err != nil {
		return err
	}
	train, validation := u.examples(finetuning.Pick(split.Train, fitted)), u.examples(finetuning.Pick(split.Train, validated))
	start, err := training.Evaluate(ctx, u.trainer, validation)
	if err != nil {
		return err
	}
	if !start.Finite() {
		return fmt.Errorf("the loss of the frozen network on the images to validate on is %v, before any training: its features overflow: look for the wrong ones by extract dataset stats %s", start.MeanLoss(), u.features.Dir)
	}
	logrus.Infof("training %s on %d images (%s), %d to validate on, %d kept out, on %s", u.network.Name, len(train.Rows), joinClasses(u.classes), len(validation.Rows), len(split.Test), u.trainer.Device())
	logrus.Infof("before: validation: loss %.4f, accuracy %.2f %%", start.MeanLoss(), 100*start.Accuracy())
	result, err := training.Fit(ctx, u.trainer, train, validation, training.FitOptions{
		Epochs: u.MLP.Epochs, Batch: u.MLP.Batch, Seed: u.Seed, Patience: u.MLP.Patience, Progress: logEpoch, Batches: batchLogger(),
	}, training.State{})
	if err != nil {
		return err
	}
	if history := result.State.History; *history[result.Best-1].ValidationLoss >= start.MeanLoss() {
		logrus.Warnf("no epoch predicts the images to validate on better than the frozen network: its weights and head are kept")
		if err := u.assign(frozen); err != nil {
			return err
		}
	}
	if len(split.Test) > 0 {
		if after, err = finetuning.EvaluateNetwork(u.trainer, u.examples(split.Test), u.bottleneck.Labels, u.classes); err != nil {
			return err
		}
	}
	if err := u.write(learn, duplicates, after, len(split.Test) > 0); err != nil {
		return err
	}
	printHistory(os.Stdout, result.State.History)
	if len(split.Test) > 0 {
		printComparison(before, after)
	}
	fmt.Printf("\nmodel  %s\nhead   %s\n", filepath.Join(u.Out, finetuning.ModelDir), filepath.Join(u.Out, finetuning.HeadFile))
	return nil
}

// measure evaluates a head on the frozen finetuning.Features.
func (u *unfreezing) measure(h *head.Head, rows []int) (head.Metrics, error) {
	part, err := u.frozen.Choose(rows)
	if err != nil {
		return head.Metrics{}, err
	}
	return measure(h, part)
}

// write exports the network, and its scores as a head on the averaged pool5.
func (u *unfreezing) write(learn finetuning.Features, duplicates head.Duplicates, heldOut head.Metrics, measured bool) error {
	trained, err := u.trainer.Weights()
	if err != nil {
		return err
	}
	set := weights.Set{Tensors: map[string]weights.Tensor{}, Metadata: u.base.Metadata}
	for _, l := range u.configuration.Layers(false) { // without a top, which fits the old layers
		for _, part := range []string{"/kernel", "/bias"} {
			name := l.Name + part
			if tensor, found := u.base.Tensors[name]; found {
				set.Tensors[name] = tensor
			}
			if tensor, found := trained.Tensors[name]; found {
				set.Tensors[name] = tensor
			}
		}
	}
	h, err := finetuning.HeadOfDense(trained, training.ScoresLayer, u.classes)
	if err != nil {
		return err
	}
	settings := map[string]string{
		"unfreeze": u.unfreeze, "optimizer": string(training.Adam), "learning rate": fmt.Sprint(u.MLP.Rate),
		"batch": strconv.Itoa(u.MLP.Batch), "epochs": strconv.Itoa(u.MLP.Epochs), "patience": strconv.Itoa(u.MLP.Patience),
	}
	h.Notes = head.Notes{ToolVersion: cli.Version(), Seed: u.Seed, TrainedOn: learn.X.Rows, Settings: settings, Copies: duplicates.Equal, NearCopies: duplicates.Alike}
	for _, hash := range learn.Hashes {
		h.Notes.Seen = append(h.Notes.Seen, finetuning.ShortHash(hash))
	}
	slices.Sort(h.Notes.Seen)
	h.Notes.Seen = slices.Compact(h.Notes.Seen)
	if measured {
		h.Notes.HeldOut = &heldOut
	}
	return finetuning.ReplaceModel(u.Out, h, func(dir string) error {
		if err := vgg.Export(u.configuration, set, dir); err != nil {
			return err
		}
		return finetuning.DescribeHead(h, dir, "pool5", recipe.PoolAverage, u.bottleneck.Recipe)
	})
}

func printComparison(before, after head.Metrics) {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "\non %d images kept out:\taccuracy\t95 %%\tlog loss\n", after.N)
	line := func(name string, m head.Metrics) {
		fmt.Fprintf(w, "%s\t%.2f %%\t%.2f to %.2f\t%.4f\n", name, 100*m.Accuracy, 100*m.Bootstrap.Accuracy[0], 100*m.Bootstrap.Accuracy[1], m.LogLoss)
	}
	line("frozen head", before)
	line("unfrozen", after)
	_ = w.Flush() // to a terminal or a pipe
}
