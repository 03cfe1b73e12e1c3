package training

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fovea/inference"
	"fovea/vgg"
	"fovea/vgg/weights"
)

func conv(name string, side, in, out int) vgg.Layer {
	return vgg.Layer{Name: name, Kind: vgg.KindConvolution, Shape: []int{side, side, out}, Kernel: []int{3, 3, in, out}, ReLU: true}
}

func dense(name string, in, out int, relu bool) vgg.Layer {
	return vgg.Layer{Name: name, Kind: vgg.KindDense, Shape: []int{out}, Kernel: []int{in, out}, ReLU: relu}
}

// tiny is a network with a convolution, a pooling and two fully connected layers.
func tiny(side, filters, units, classes int) Network {
	half := side / 2
	flat := half * half * filters
	return Network{Name: "tiny", Input: []int{side, side, 3}, Layers: []vgg.Layer{
		conv("conv", side, 3, filters),
		{Name: "pool", Kind: vgg.KindMaxPool, Shape: []int{half, half, filters}},
		{Name: "flatten", Kind: vgg.KindFlatten, Shape: []int{flat}},
		dense("hidden", flat, units, true),
		dense("scores", units, classes, false),
	}}
}

func trainer(t *testing.T, n Network, o Options) *Trainer {
	t.Helper()
	tr, err := New(n, o, inference.SessionConfig{Device: inference.DeviceCPU})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tr.Close(); err != nil {
			t.Error(err)
		}
	})
	return tr
}

// initialized is a trainer with the random weights of seed 1.
func initialized(t *testing.T, n Network, o Options) *Trainer {
	t.Helper()
	tr := trainer(t, n, o)
	set, err := n.Initial(GlorotUniform, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := tr.Assign(set); err != nil {
		t.Fatal(err)
	}
	return tr
}

func values(t *testing.T, tr *Trainer) map[string][]float32 {
	t.Helper()
	set, err := tr.Weights()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]float32{}
	for name, tensor := range set.Tensors {
		if all[name], err = tensor.Float32(); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func noise(n int, seed uint64) []float32 {
	random := rand.New(rand.NewPCG(seed, 9))
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(random.NormFloat64())
	}
	return v
}

// The gradients of every kind of layer agree with the slopes of the loss. A step of SGD at
// rate 1 moves each weight by its gradient.
func TestGradients(t *testing.T) {
	n := Network{Name: "all kinds", Input: []int{6, 6, 3}, Layers: []vgg.Layer{
		conv("first", 6, 3, 4),
		{Name: "lrn", Kind: vgg.KindLRN, Shape: []int{6, 6, 4}},
		{Name: "pool", Kind: vgg.KindMaxPool, Shape: []int{3, 3, 4}},
		conv("second", 3, 4, 5),
		{Name: "average", Kind: vgg.KindAverage, Shape: []int{5}},
		dense("hidden", 5, 6, true),
		dense("scores", 6, 3, false),
	}}
	tr := initialized(t, n, Options{LearningRate: 1})
	x, labels := noise(5*6*6*3, 2), []int32{0, 1, 2, 1, 0}
	before, err := tr.Weights()
	if err != nil {
		t.Fatal(err)
	}
	old := values(t, tr)
	if _, err := tr.Step(x, labels); err != nil {
		t.Fatal(err)
	}
	moved := values(t, tr)
	random := rand.New(rand.NewPCG(3, 3))
	const delta = 1e-3 // smaller ones drown in the rounding of the loss, a float32
	for name := range old {
		checked := 0
		for range 12 {
			i := random.IntN(len(old[name]))
			gradient := float64(old[name][i] - moved[name][i])
			slope := func(d float64) float64 {
				loss := func(by float64) float64 {
					set := weights.Set{Tensors: map[string]weights.Tensor{}}
					for other, v := range old {
						v = slices.Clone(v)
						if other == name {
							v[i] += float32(by)
						}
						set.Tensors[other] = weights.Float32Tensor(before.Tensors[other].Shape, v)
					}
					if err := tr.Assign(set); err != nil {
						t.Fatal(err)
					}
					m, err := tr.Evaluate(x, labels)
					if err != nil {
						t.Fatal(err)
					}
					return m.MeanLoss()
				}
				return (loss(d) - loss(-d)) / (2 * d)
			}
			wide, narrow := slope(2*delta), slope(delta)
			if math.Abs(wide-narrow) > 2e-3 {
				continue // a kink of a rectifier or a maximum lies between
			}
			checked++
			if math.Abs(gradient-narrow) > 1e-3+2e-2*math.Abs(narrow) {
				t.Errorf("%s[%d]: gradient %g, slope %g", name, i, gradient, narrow)
			}
		}
		if checked < 3 {
			t.Errorf("%s: only %d of 12 slopes could be compared", name, checked)
		}
	}
}

// Steps of every optimizer agree with Keras's, see testdata/training/make_golden.py.
func TestOptimizersAgreeWithKeras(t *testing.T) {
	if testing.Short() {
		t.Skip("trains whole networks, one after the other")
	}
	data, err := os.ReadFile("../testdata/training/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		Input   []float32
		Labels  []int32
		Shapes  map[string][]int
		Initial map[string][]float32
		Cases   []struct {
			Name    string
			Losses  []float64
			Weights map[string][]float32
		}
	}
	if err := json.Unmarshal(data, &golden); err != nil {
		t.Fatal(err)
	}
	initial := weights.Set{Tensors: map[string]weights.Tensor{}}
	for name, v := range golden.Initial {
		initial.Tensors[name] = weights.Float32Tensor(golden.Shapes[name], v)
	}
	options := map[string]Options{
		"sgd":                {LearningRate: 0.1},
		"momentum":           {LearningRate: 0.05, Momentum: 0.9},
		"adam":               {Optimizer: Adam, LearningRate: 0.01},
		"momentum and decay": {LearningRate: 0.05, Momentum: 0.9, WeightDecay: 0.02},
		"adam and decay":     {Optimizer: Adam, LearningRate: 0.01, WeightDecay: 0.02},
	}
	if len(golden.Cases) != len(options) {
		t.Fatalf("%d golden cases for %d", len(golden.Cases), len(options))
	}
	for _, c := range golden.Cases {
		t.Run(c.Name, func(t *testing.T) {
			tr := trainer(t, tiny(6, 4, 5, 3), options[c.Name])
			if err := tr.Assign(initial); err != nil {
				t.Fatal(err)
			}
			for i, want := range c.Losses {
				m, err := tr.Step(golden.Input, golden.Labels)
				if err != nil {
					t.Fatal(err)
				}
				if math.Abs(m.MeanLoss()-want) > 2e-6 {
					t.Errorf("step %d: loss %.8f, Keras's is %.8f", i+1, m.MeanLoss(), want)
				}
			}
			for name, got := range values(t, tr) {
				moved := 0.0
				for i, want := range c.Weights[name] {
					moved = max(moved, math.Abs(float64(want-golden.Initial[name][i])))
					if math.Abs(float64(got[i]-want)) > 3e-6 {
						t.Errorf("%s[%d] is %.8f, Keras's is %.8f", name, i, got[i], want)
					}
				}
				if moved < 1e-3 {
					t.Errorf("%s moved by %g only: the test shows nothing", name, moved)
				}
			}
		})
	}
}

// The limits of the initializers are Keras's, and a seed always gives the same weights.
func TestInitial(t *testing.T) {
	n := tiny(6, 64, 32, 3)
	for initializer, limits := range map[Initializer]map[string]float64{
		GlorotUniform: {"conv/kernel": math.Sqrt(6.0 / (27 + 9*64)), "hidden/kernel": math.Sqrt(6.0 / (576 + 32))},
		HeUniform:     {"conv/kernel": math.Sqrt(6.0 / 27), "hidden/kernel": math.Sqrt(6.0 / 576)},
	} {
		set, err := n.Initial(initializer, 5)
		if err != nil {
			t.Fatal(err)
		}
		again, _ := n.Initial(initializer, 5)
		other, _ := n.Initial(initializer, 6)
		for name, limit := range limits {
			v, err := set.Tensors[name].Float32()
			if err != nil {
				t.Fatal(err)
			}
			low, high, sum := float64(slices.Min(v)), float64(slices.Max(v)), 0.0
			for _, x := range v {
				sum += float64(x)
			}
			if high > limit || low < -limit || high < 0.99*limit || low > -0.99*limit || math.Abs(sum/float64(len(v))) > 0.05*limit {
				t.Errorf("%s %s: %g to %g, mean %g, for a limit of %g", initializer, name, low, high, sum/float64(len(v)), limit)
			}
			if string(again.Tensors[name].Raw) != string(set.Tensors[name].Raw) || string(other.Tensors[name].Raw) == string(set.Tensors[name].Raw) {
				t.Errorf("%s %s does not follow from the seed", initializer, name)
			}
		}
		if bias, _ := set.Tensors["conv/bias"].Float32(); slices.Max(bias) != 0 || slices.Min(bias) != 0 {
			t.Errorf("biases are %v", bias)
		}
	}
	if _, err := n.Initial("zeros", 1); err == nil {
		t.Error("an unknown initializer is accepted")
	}
}

// examples are n noisy images, in records of bytes; the last of them are for validation.
func examples(t *testing.T, n, validation, side, classes int) (train, test *Examples) {
	t.Helper()
	records, err := NewRecords(t.TempDir(), side*side*3)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := records.Close(); err != nil {
			t.Error(err)
		}
	})
	random := rand.New(rand.NewPCG(11, 12))
	e := Examples{Records: records, Values: side * side * 3, Decode: func(dst []float32, record []byte, _ *rand.Rand) {
		for i, b := range record {
			dst[i] = float32(b)/128 - 1
		}
	}}
	for i := range n {
		record := make([]byte, side*side*3)
		for k := range record {
			record[k] = uint8(random.IntN(256))
		}
		if err := records.Append(record); err != nil {
			t.Fatal(err)
		}
		e.Classes = append(e.Classes, int32(i%classes))
		e.Rows = append(e.Rows, i)
	}
	a, b := e, e
	a.Rows, b.Rows = e.Rows[:n-validation], e.Rows[n-validation:]
	return &a, &b
}

// A network learns 20 noisy images by heart.
func TestFitLearnsByHeart(t *testing.T) {
	train, _ := examples(t, 20, 0, 8, 2)
	tr := initialized(t, tiny(8, 8, 32, 2), Options{Optimizer: Adam, LearningRate: 3e-3})
	result, err := Fit(context.Background(), tr, train, nil, FitOptions{Epochs: 60, Batch: 8, Seed: 1}, State{})
	if err != nil {
		t.Fatal(err)
	}
	m, err := Evaluate(context.Background(), tr, train)
	if err != nil {
		t.Fatal(err)
	}
	first, last := result.State.History[0], result.State.History[len(result.State.History)-1]
	if m.Correct != 20 || m.Examples != 20 || last.Loss > 0.1 || first.Loss < 0.5 {
		t.Errorf("%d of %d right after the losses %g to %g", m.Correct, m.Examples, first.Loss, last.Loss)
	}
	if last.ValidationLoss != nil || last.Step != 60*3 {
		t.Errorf("the last epoch is %+v", last)
	}
}

// A training that is interrupted in the middle of an epoch, and resumed by another process,
// ends with the weights and the losses of an uninterrupted one.
func TestResume(t *testing.T) {
	for _, o := range []Options{
		{Optimizer: Adam, LearningRate: 2e-3, Dropout: 0.5, Seed: 3},
		{LearningRate: 0.01, Momentum: 0.9, WeightDecay: 1e-3, Dropout: 0.5, Seed: 3},
	} {
		t.Run(string(o.Optimizer), func(t *testing.T) {
			train, validation := examples(t, 26, 6, 8, 2)
			n := tiny(8, 4, 16, 2)
			fitOptions := FitOptions{Epochs: 4, Batch: 6, Seed: 4}
			whole := initialized(t, n, o)
			want, err := Fit(context.Background(), whole, train, validation, fitOptions, State{})
			if err != nil {
				t.Fatal(err)
			}
			dir := filepath.Join(t.TempDir(), "checkpoint[1]") // a name with a pattern's signs
			ctx, cancel := context.WithCancelCause(context.Background())
			stop := errors.New("stop")
			half := initialized(t, n, o)
			interrupted := fitOptions
			identity := map[string]string{"seed": "3"}
			interrupted.Checkpoint = func(s State) error { s.Identity = identity; return half.Save(dir, s) }
			interrupted.Batches = func(epoch, done, _ int, _ Measure) {
				if epoch == 2 && done == 2 {
					cancel(stop)
				}
			}
			if _, err := Fit(ctx, half, train, validation, interrupted, State{}); !errors.Is(err, stop) {
				t.Fatalf("the interrupted training gives %v", err)
			}
			state, err := ReadState(dir)
			if err != nil {
				t.Fatal(err)
			}
			if state.Epoch != 1 || state.Batches != 2 || state.Step != 6 || state.Check(identity) != nil {
				t.Errorf("the checkpoint is %+v", state)
			}
			if files, _ := filepath.Glob(filepath.Join(escape(dir), "*")); len(files) != 3 {
				t.Errorf("the checkpoint's files are %v", files)
			}
			rest := trainer(t, n, o)
			if err := rest.Restore(dir, state); err != nil {
				t.Fatal(err)
			}
			got, err := Fit(context.Background(), rest, train, validation, fitOptions, state)
			if err != nil {
				t.Fatal(err)
			}
			for name, v := range values(t, rest) {
				if !slices.Equal(v, values(t, whole)[name]) {
					t.Errorf("%s differs from the uninterrupted training's", name)
				}
			}
			for i, e := range want.State.History {
				g := got.State.History[i]
				if e.Loss != g.Loss || *e.ValidationLoss != *g.ValidationLoss || e.Accuracy != g.Accuracy {
					t.Errorf("epoch %d is %+v, uninterrupted %+v", i+1, g, e)
				}
			}
		})
	}
}

// Dropout leaves out the share it should: different units at each step, the same for the same seed.
func TestDropout(t *testing.T) {
	train, _ := examples(t, 8, 0, 8, 2)
	losses := func(dropout float64, seed uint64) []float64 {
		tr := initialized(t, tiny(8, 4, 256, 2), Options{LearningRate: 1e-9, Dropout: dropout, Seed: seed})
		var all []float64
		result, err := Fit(context.Background(), tr, train, nil, FitOptions{Epochs: 3, Batch: 8}, State{})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range result.State.History {
			all = append(all, e.Loss)
		}
		return all
	}
	without, one, again, other := losses(0, 1), losses(0.5, 1), losses(0.5, 1), losses(0.5, 2)
	if math.Abs(without[0]-without[2]) > 1e-5 {
		t.Errorf("without dropout the losses are %v", without)
	}
	if one[0] == one[1] || one[1] == one[2] || !slices.Equal(one, again) || slices.Equal(one, other) {
		t.Errorf("the losses are %v, by the same seed %v, by another %v", one, again, other)
	}
}

func TestPatienceTakesBackTheBest(t *testing.T) {
	train, validation := examples(t, 30, 10, 8, 2) // noise: validation only gets worse
	tr := initialized(t, tiny(8, 8, 32, 2), Options{Optimizer: Adam, LearningRate: 3e-3})
	result, err := Fit(context.Background(), tr, train, validation, FitOptions{Epochs: 60, Batch: 8, Seed: 1, Patience: 3}, State{})
	if err != nil {
		t.Fatal(err)
	}
	history := result.State.History
	if len(history) != result.Best+3 || result.Best == 0 {
		t.Fatalf("%d epochs, the best is %d", len(history), result.Best)
	}
	m, err := Evaluate(context.Background(), tr, validation)
	if err != nil {
		t.Fatal(err)
	}
	if want := *history[result.Best-1].ValidationLoss; math.Abs(m.MeanLoss()-want) > 1e-6 {
		t.Errorf("the validation loss is %g, that of the best epoch was %g", m.MeanLoss(), want)
	}
}

func TestBudgetEndsTraining(t *testing.T) {
	train, validation := examples(t, 30, 10, 8, 2)
	tr := initialized(t, tiny(8, 8, 32, 2), Options{})
	result, err := Fit(context.Background(), tr, train, validation, FitOptions{Epochs: 1 << 30, Batch: 1, Budget: 300e6}, State{})
	if err != nil {
		t.Fatal(err)
	}
	last := result.State.History[len(result.State.History)-1]
	if last.Elapsed < 0.3 || last.Elapsed > 3 || last.ValidationAccuracy == nil {
		t.Errorf("a budget of 0.3 s ends with %+v", last)
	}
}

func TestDivergence(t *testing.T) {
	tr := initialized(t, tiny(8, 8, 32, 2), Options{LearningRate: 10})
	x := noise(8*8*8*3, 1)
	for i := range x {
		x[i] *= 1e12
	}
	for range 10 {
		if _, err := tr.Step(x, []int32{0, 1, 1, 0, 1, 0, 0, 1}); err != nil {
			if !errors.Is(err, ErrDiverged) || !strings.Contains(err.Error(), "learning rate below") {
				t.Errorf("the training ends with %v", err)
			}
			return
		}
	}
	t.Error("steps that are far too large go on for ever")
}

// explosive is a training that goes well for some epochs and then takes steps that are far too large.
func explosive(t *testing.T, good int) (*Trainer, *FitOptions) {
	t.Helper()
	tr := initialized(t, tiny(8, 8, 32, 2), Options{LearningRate: 1e-3})
	return tr, &FitOptions{Epochs: 10, Batch: 100, Seed: 1, Progress: func(e Epoch) {
		if e.Epoch == good {
			tr.options.LearningRate = 1e30
		}
	}}
}

// The loss of an epoch of one step was measured before the step, and is finite. Validation finds the
// divergence, the best weights are restored, and the error says which epoch it was.
func TestDivergenceKeepsTheBest(t *testing.T) {
	train, validation := examples(t, 30, 10, 8, 2)
	tr, o := explosive(t, 3)
	o.Patience = 5
	kept := map[int]map[string][]float32{}
	explode := o.Progress
	o.Progress = func(e Epoch) {
		kept[e.Epoch] = values(t, tr)
		explode(e)
	}
	result, err := Fit(context.Background(), tr, train, validation, *o, State{})
	if !errors.Is(err, ErrDiverged) || !strings.Contains(err.Error(), "epoch 4: ") || !strings.Contains(err.Error(), "validation loss is ") {
		t.Fatalf("the training ends with %v", err)
	}
	if len(result.State.History) != 3 || result.Best < 1 || result.Best > 3 {
		t.Fatalf("%d epochs, the best is %d", len(result.State.History), result.Best)
	}
	for name, v := range values(t, tr) {
		if !slices.Equal(v, kept[result.Best][name]) {
			t.Errorf("%s is not that of epoch %d", name, result.Best)
		}
	}
}

// Without validation examples, the weights show it; the checkpoint stays the last good one.
func TestDivergenceKeepsTheCheckpoint(t *testing.T) {
	train, _ := examples(t, 20, 0, 8, 2)
	tr, o := explosive(t, 2)
	dir := t.TempDir()
	o.Checkpoint = func(s State) error { return tr.Save(dir, s) }
	_, err := Fit(context.Background(), tr, train, nil, *o, State{})
	if !errors.Is(err, ErrDiverged) || !strings.Contains(err.Error(), "epoch 3: ") {
		t.Fatalf("the training ends with %v", err)
	}
	state, err := ReadState(dir)
	if err != nil || state.Epoch != 2 {
		t.Fatalf("the checkpoint is of epoch %d, %v", state.Epoch, err)
	}
	again := trainer(t, tiny(8, 8, 32, 2), Options{LearningRate: 1e-3})
	if err := again.Restore(dir, state); err != nil {
		t.Fatal(err)
	}
	if err := again.Check(); err != nil {
		t.Error(err)
	}
}

// An interruption does not write diverged weights over good ones either.
func TestDivergenceAtInterruption(t *testing.T) {
	train, _ := examples(t, 20, 0, 8, 2)
	tr, o := explosive(t, 1)
	ctx, cancel := context.WithCancelCause(context.Background())
	o.Batches = func(epoch, _, _ int, _ Measure) {
		if epoch == 2 {
			cancel(errors.New("stop"))
		}
	}
	saved := 0
	o.Checkpoint = func(State) error { saved++; return nil }
	if _, err := Fit(ctx, tr, train, nil, *o, State{}); !errors.Is(err, ErrDiverged) || saved != 1 {
		t.Errorf("%d checkpoints are written, then %v", saved, err)
	}
}

// Every configuration of the paper trains, in the smallest size.
func TestConfigurationsTrain(t *testing.T) {
	if testing.Short() {
		t.Skip("trains whole networks, one after the other")
	}
	for _, c := range vgg.Configurations {
		t.Run(c.Name, func(t *testing.T) {
			n, err := VGG(c, vgg.Dimensions{InputSize: 32, Units: 16, Classes: 3})
			if err != nil {
				t.Fatal(err)
			}
			tr := initialized(t, n, Options{Optimizer: Adam, LearningRate: 1e-4, Dropout: 0.5, WeightDecay: 5e-4})
			old := values(t, tr)
			x := noise(2*32*32*3, 1)
			for range 2 {
				if _, err := tr.Step(x, []int32{0, 2}); err != nil {
					t.Fatal(err)
				}
			}
			for name, v := range values(t, tr) {
				if slices.Equal(v, old[name]) && strings.HasSuffix(name, "kernel") {
					t.Errorf("%s does not change", name)
				}
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	n := tiny(8, 4, 8, 2)
	config := inference.SessionConfig{Device: inference.DeviceCPU}
	for _, o := range []Options{
		{Optimizer: "rmsprop"}, {LearningRate: -1}, {LearningRate: math.NaN()}, {LearningRate: 11}, {Momentum: 1},
		{Optimizer: Adam, Momentum: 0.5}, {WeightDecay: -1}, {Dropout: 1}, {Dropout: -0.1},
	} {
		if _, err := New(n, o, config); err == nil {
			t.Errorf("%+v is accepted", o)
		}
	}
	bad := n
	bad.Layers = n.Layers[:3]
	if _, err := New(bad, Options{}, config); err == nil || !strings.Contains(err.Error(), "must end in a fully connected layer") {
		t.Errorf("a network without logits gives %v", err)
	}
	for _, d := range []vgg.Dimensions{{InputSize: 31}, {InputSize: 2000}, {Units: -1}, {Classes: 1}} {
		if _, err := VGG(vgg.Configurations[0], d); err == nil {
			t.Errorf("%+v is accepted", d)
		}
	}
	tr := initialized(t, n, Options{})
	for name, batch := range map[string]struct {
		values []float32
		labels []int32
	}{
		"no examples": {nil, nil}, "too few values": {make([]float32, 8*8*3-1), []int32{0}},
		"class 2": {make([]float32, 8*8*3), []int32{2}}, "class -1": {make([]float32, 8*8*3), []int32{-1}},
	} {
		if _, err := tr.Step(batch.values, batch.labels); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	set, err := tr.Weights()
	if err != nil {
		t.Fatal(err)
	}
	other := trainer(t, tiny(8, 4, 9, 2), Options{})
	if err := other.Assign(set); err == nil || !strings.Contains(err.Error(), "needs [64 9]") {
		t.Errorf("weights of another shape give %v", err)
	}
	delete(set.Tensors, "conv/bias")
	if err := tr.Assign(set); err == nil || !strings.Contains(err.Error(), "no tensor conv/bias") {
		t.Errorf("missing weights give %v", err)
	}
	if _, err := tr.Output("fc9", make([]float32, 8*8*3), 1); err == nil {
		t.Error("an unknown layer is computed")
	}
}

// Damaged and foreign checkpoints are refused.
func TestCheckpointRefusals(t *testing.T) {
	n := tiny(8, 4, 8, 2)
	tr := initialized(t, n, Options{Momentum: 0.9})
	dir := t.TempDir()
	if _, err := ReadState(dir); !errors.Is(err, ErrNoCheckpoint) {
		t.Errorf("an empty directory gives %v", err)
	}
	if err := tr.Save(dir, State{Identity: map[string]string{"network": "tiny", "seed": "1"}}); err != nil {
		t.Fatal(err)
	}
	state, err := ReadState(dir)
	if err != nil {
		t.Fatal(err)
	}
	err = state.Check(map[string]string{"network": "vgg16", "seed": "1", "size": "64"})
	if !errors.Is(err, ErrOtherTraining) || !strings.Contains(err.Error(), `network was "tiny" and is "vgg16"; size was "" and is "64"`) {
		t.Errorf("another training gives %v", err)
	}
	if err := trainer(t, tiny(8, 5, 8, 2), Options{Momentum: 0.9}).Restore(dir, state); err == nil {
		t.Error("a checkpoint of another shape is restored")
	}
	if err := trainer(t, n, Options{Optimizer: Adam}).Restore(dir, state); err == nil {
		t.Error("a checkpoint of another optimizer is restored")
	}
	data := filepath.Join(dir, state.Variables+".data-00000-of-00001")
	raw, err := os.ReadFile(data)
	if err != nil {
		t.Fatal(err)
	}
	raw[len(raw)/2] ^= 0x55
	for name, content := range map[string][]byte{"a flipped byte": raw, "a truncated file": raw[:len(raw)/2]} {
		if err := os.WriteFile(data, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := tr.Restore(dir, state); err == nil || !strings.Contains(err.Error(), "start over") {
			t.Errorf("%s gives %v", name, err)
		}
	}
	for want, content := range map[string]string{
		"damaged": "{", `format is "x"`: `{"format":"x"}`, "version 9": `{"format":"fovea-checkpoint","version":9}`,
		"is damaged": `{"format":"fovea-checkpoint","version":1,"epoch":3}`,
		"start over": `{"format":"fovea-checkpoint","version":1,"variables":"../x"}`,
	} {
		if err := os.WriteFile(filepath.Join(dir, "state.json"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadState(dir); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s gives %v, want %q", content, err, want)
		}
	}
}

// Checkpoints of versions before 0.2 named the time of an epoch otherwise.
func TestReadFormerState(t *testing.T) {
	dir := t.TempDir()
	for _, key := range []string{"elapsed", "elapsed_seconds"} {
		state := `{"format":"fovea-checkpoint","version":1,"epoch":1,"variables":"variables-4","step":4,
			"history":[{"epoch":1,"step":4,"loss":0.5,"val_loss":0.25,"seconds":2,"` + key + `":3}]}`
		if err := os.WriteFile(filepath.Join(dir, "state.json"), []byte(state), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := ReadState(dir)
		if err != nil {
			t.Fatal(err)
		}
		if e := got.History[0]; e.Elapsed != 3 || e.Seconds != 2 || e.Step != 4 || e.Loss != 0.5 || *e.ValidationLoss != 0.25 {
			t.Errorf("%s: the epoch is %+v", key, e)
		}
	}
}

func FuzzReadState(f *testing.F) {
	f.Add([]byte(`{"format":"fovea-checkpoint","version":1,"variables":"variables-1","step":1}`))
	f.Add([]byte(`{"format":"fovea-checkpoint","version":1,"history":[{"epoch":1}],"epoch":1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "state.json"), data, 0o600); err != nil {
			t.Fatal(err)
		}
		state, err := ReadState(dir)
		if err == nil && (state.Step < 0 || len(state.History) != state.Epoch || strings.Contains(state.Variables, "/")) {
			t.Errorf("%q is accepted as %+v", data, state)
		}
	})
}

func ExampleNetwork_Initial() {
	c, _ := vgg.ByName("vgg-a")
	n, _ := VGG(c, vgg.Dimensions{InputSize: 64, Classes: 2})
	set, _ := n.Initial(GlorotUniform, 1)
	fmt.Println(n.Input, set.Tensors["fc6/kernel"].Shape, set.Tensors["fc8/kernel"].Shape)
	// Output: [64 64 3] [2048 4096] [4096 2]
}
