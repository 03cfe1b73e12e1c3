package finetuning

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"fovea/featurestore"
	"fovea/featurestore/remote"
	"fovea/head"
	"fovea/models"
	"fovea/recipe"
	"fovea/training"
	"fovea/vgg"
	"fovea/vgg/weights"
)

// unfreezing is the training of a network's last blocks in progress.
type unfreezing struct {
	options UnfreezeOptions
	result  UnfreezeResult

	configuration vgg.Configuration
	network       training.Network
	// base are the weights of the whole network before the training.
	base    weights.Set
	trainer *training.Trainer

	// bottleneck are the features that the blocks take; frozen are those that the blocks make of
	// them before the training: pool5, averaged.
	bottleneck, frozen Features
	rare               []head.ClassCount // classes that were left out
	classes            []string
	index              []int32
	duplicates         Duplicates
	// learn is the training set, which fit and validation divide; test is the test set. All are row
	// numbers.
	learn, fit, validation, test []int
	// baseline is the head on the frozen features of the whole training set.
	baseline *head.Head
}

func (u *unfreezing) close() error {
	u.bottleneck.Free()
	if u.trainer == nil {
		return nil
	}
	return u.trainer.Close()
}

// load reads the features, and the weights that made them.
func (u *unfreezing) load(ctx context.Context) error {
	source, done, err := u.options.Source.Fetch(ctx)
	if err != nil {
		return err
	}
	defer done()
	dataset, err := source.open()
	if err != nil {
		return remote.Located(err, source.Dir, u.options.Source.Dir)
	}
	layer, err := u.find(dataset.Recipe())
	if err != nil {
		return err
	}
	made, err := onlyModelsOf(dataset.Recipe(), []recipe.Layer{{Name: layer}})
	if err != nil {
		return err
	}
	if u.bottleneck, err = source.Load(ctx, layer); err != nil {
		return remote.Located(err, source.Dir, u.options.Source.Dir)
	}
	if u.bottleneck.Recipe.Fingerprint() != made.Fingerprint() {
		return fmt.Errorf("%s %w", u.options.Source.name(), featurestore.ErrReplaced)
	}
	if err := u.leaveOutRare(); err != nil {
		return err
	}
	if u.classes, err = head.Classes(u.bottleneck.Labels); err != nil {
		return err
	}
	warnOfAlike(u.classes)
	u.index, u.result.Classes = classNumbers(u.bottleneck.Labels, u.classes), u.classes
	u.network, _, err = training.Tail(u.configuration, u.options.Block, len(u.classes))
	return err
}

// leaveOutRare leaves out classes of too few rows to train on.
func (u *unfreezing) leaveOutRare() error {
	kept, rare, err := u.options.Head.leaveOutRare(u.bottleneck)
	if err == nil {
		u.bottleneck, u.rare = kept, rare
	}
	return err
}

// find looks for the column that the block takes, and for the network that made it.
func (u *unfreezing) find(dataset recipe.Recipe) (layer string, err error) {
	parts := dataset.Parts()
	var reasons []string
	for _, p := range parts {
		if layer, err = u.findIn(p); err == nil || len(parts) == 1 {
			return layer, err
		}
		reasons = append(reasons, fmt.Sprintf("%s: %v", p.Model, err))
	}
	return "", fmt.Errorf("none of the models of the dataset can be unfrozen: %s", strings.Join(reasons, "; "))
}

// findIn is find among the columns of one model.
func (u *unfreezing) findIn(dataset recipe.Recipe) (layer string, err error) {
	name := u.options.Source.name()
	if u.configuration, err = vgg.ByName(dataset.Model); err != nil {
		return "", fmt.Errorf("%s has features of the model %q: only VGGs that ship or were imported can be unfrozen: %w", name, dataset.Model, err)
	}
	_, before, err := training.Tail(u.configuration, u.options.Block, 2)
	if err != nil {
		return "", err
	}
	if layer, err = bottleneckColumn(dataset, u.configuration, before); err != nil {
		return "", fmt.Errorf("%s %w", name, err)
	}
	if u.base, err = models.Weights(u.configuration, ""); err != nil {
		return "", err
	}
	if u.base.SHA256 != dataset.ModelSHA256 {
		return "", fmt.Errorf("%s was made with other weights of %s (SHA-256 %.12s...) than those installed (%.12s...): extract it again", name, dataset.Model, dataset.ModelSHA256, u.base.SHA256)
	}
	return layer, nil
}

// bottleneckColumn finds the column with the whole output of the pooling named before.
func bottleneckColumn(r recipe.Recipe, c vgg.Configuration, before string) (string, error) {
	var pool vgg.Layer
	for _, l := range c.Layers(false) {
		if l.Name == before {
			pool = l
		}
	}
	for _, l := range r.Layers {
		if l.InModel() != pool.Name && !slices.Contains(pool.Aliases, l.InModel()) {
			continue
		}
		if !slices.Equal(l.Shape, pool.Shape) || r.Views != "" {
			return "", fmt.Errorf("has %s pooled, projected or averaged over views: extract it with --pool none, --views center and no --project", l.Name)
		}
		return l.Name, nil
	}
	return "", fmt.Errorf("has only the layers %s, and unfreezing needs %s: extract it with --layers %s", strings.Join(r.LayerNames(), ", "), before, before)
}

// open makes the trainer with the weights as they are, and computes the frozen features.
func (u *unfreezing) open() (err error) {
	options := training.Options{Optimizer: training.Adam, LearningRate: u.options.LearningRate, Seed: u.options.Head.Seed}
	if u.trainer, err = training.New(u.network, options, u.options.Session); err != nil {
		return err
	}
	u.result.Network, u.result.Device = u.network.Name, u.trainer.Device()
	width := u.network.Layers[len(u.network.Layers)-1].Kernel[0]
	if err := u.assign(zeroHead(u.classes, width)); err != nil {
		return err
	}
	u.frozen = u.bottleneck
	u.frozen.X = head.Matrix{Rows: u.bottleneck.X.Rows, Cols: width}
	return u.examples(allRows(u.bottleneck.X.Rows)).Each(training.DefaultBatch, func(rows []int, values []float32, _ []int32) error {
		averages, err := u.trainer.Output(training.AverageLayer, values, len(rows))
		u.frozen.X.Data = append(u.frozen.X.Data, averages...)
		return err
	})
}

// zeroHead is a head that has learned nothing.
func zeroHead(classes []string, width int) *head.Head {
	h := &head.Head{Classes: classes, Biases: make([]float32, len(classes))}
	for range classes {
		h.Weights = append(h.Weights, make([]float32, width))
	}
	h.Standardization = head.Standardization{Mean: make([]float32, width), Scale: make([]float32, width)}
	return h
}

// examples are rows of the bottleneck features.
func (u *unfreezing) examples(rows []int) *training.Examples {
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

// assign gives the network its weights before the training, with h as its last layer.
func (u *unfreezing) assign(h *head.Head) error {
	set := weights.Set{Tensors: maps.Clone(u.base.Tensors)}
	maps.Copy(set.Tensors, scoresOf(h))
	return u.trainer.Assign(set)
}

// scoresOf is a head as a layer of scores: the standardization becomes part of kernel and bias.
func scoresOf(h *head.Head) map[string]weights.Tensor {
	width, classes := len(h.Standardization.Mean), len(h.Classes)
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
	return map[string]weights.Tensor{
		training.ScoresLayer + "/kernel": weights.Float32Tensor([]int{width, classes}, kernel),
		training.ScoresLayer + "/bias":   weights.Float32Tensor([]int{classes}, bias),
	}
}

// export writes the network, and its scores as a head on the averaged pool5.
func (u *unfreezing) export() error {
	trained, err := u.trainer.Weights()
	if err != nil {
		return err
	}
	h, err := headOfDense(trained, training.ScoresLayer, u.classes)
	if err != nil {
		return err
	}
	h.Notes = u.notes()
	set := u.merge(trained)
	return replaceModel(u.options.Out, h, func(dir string) error {
		if err := vgg.Export(u.configuration, set, dir); err != nil {
			return err
		}
		return describeHead(h, dir, "pool5", recipe.PoolAverage, u.bottleneck.Recipe)
	})
}

// merge puts the trained weights in the place of those before. It leaves out the fully connected
// layers, which fit the old convolutions.
func (u *unfreezing) merge(trained weights.Set) weights.Set {
	set := weights.Set{Tensors: map[string]weights.Tensor{}, Metadata: u.base.Metadata}
	for _, l := range u.configuration.Layers(false) {
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
	return set
}
