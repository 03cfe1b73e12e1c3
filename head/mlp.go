package head

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// MLPOptions are the options of TrainMLP. The zero value is the classic head on frozen features of
// Keras's tutorials: 256 rectified linear units with a dropout of one half.
type MLPOptions struct {
	// Seed determines the validation rows, the initial weights, the order of the rows and the dropout.
	Seed uint64
	// Units is the number of hidden units (default 256).
	Units int
	// Dropout is the share of the activations that each step leaves out (default 0.5; below 0 means
	// none).
	Dropout float64
	// Rate is Adam's learning rate. The default is Keras's 1e-3 up to 512 columns, and falls with their
	// number beyond, because a unit's sum moves by the steps of all its weights: on 25,088 columns, 1e-3
	// leads to overconfidence.
	Rate float64
	// Batch is the number of rows in a step (default 32).
	Batch int
	// Epochs is the maximum number of passes over the rows (default 100), Patience the number of those
	// without a smaller validation loss after which training stops (default 8). The weights of the
	// best epoch are kept.
	Epochs, Patience int
	// Validation is the share of each class's rows that is not trained on but determines when to stop
	// (default 0.2).
	Validation float64
	// Scaling, ClassWeights and Groups are those of TrainOptions.
	Scaling      Scaling
	ClassWeights ClassWeights
	Groups       []string
	// Calibrate fits a temperature on the validation rows.
	Calibrate bool
	// Progress, if set, is called after each epoch.
	Progress func(Epoch)
}

// Epoch is the result of one pass over the rows.
type Epoch struct {
	Epoch int `json:"epoch"`
	// TrainLoss is the mean loss over the epoch's steps, with dropout.
	TrainLoss float64 `json:"train_loss"`
	// LogLoss and Accuracy are measured on the validation rows.
	LogLoss  float64 `json:"log_loss"`
	Accuracy float64 `json:"accuracy"`
}

// rateColumns is the number of columns up to which the default learning rate is Keras's.
const rateColumns = 512

func (o *MLPOptions) complete(columns int) error {
	set := func(v *int, usual int) {
		if *v == 0 {
			*v = usual
		}
	}
	set(&o.Units, 256)
	set(&o.Batch, 32)
	set(&o.Epochs, 100)
	set(&o.Patience, 8)
	if o.Dropout == 0 {
		o.Dropout = 0.5
	}
	o.Dropout = max(0, o.Dropout)
	if o.Rate == 0 {
		o.Rate = 1e-3 * min(1, rateColumns/float64(columns))
	}
	if o.Validation == 0 {
		o.Validation = 0.2
	}
	if o.Units < 1 || o.Batch < 1 || o.Epochs < 1 || o.Patience < 1 || !(o.Rate > 0) || math.IsInf(o.Rate, 0) || !(o.Dropout < 1) {
		return fmt.Errorf("head: %d units, batches of %d, %d epochs, patience %d, learning rate %g, dropout %g: all but the dropout must be positive, and the dropout below 1",
			o.Units, o.Batch, o.Epochs, o.Patience, o.Rate, o.Dropout)
	}
	return nil
}

// TrainMLP fits a head with a hidden layer, by Adam with early stopping. Rows and labels are as for
// Train, and the result depends only on the data and the options.
func TrainMLP(ctx context.Context, x Matrix, labels []string, options MLPOptions) (*Head, Report, error) {
	if err := x.validate(); err != nil {
		return nil, Report{}, err
	}
	if err := options.complete(x.Cols); err != nil {
		return nil, Report{}, err
	}
	classes, y, err := indexLabels(x, labels)
	if err != nil {
		return nil, Report{}, err
	}
	train, validation, err := options.split(labels)
	if err != nil {
		return nil, Report{}, err
	}
	weights, err := importance(y, len(classes), options.ClassWeights)
	if err != nil {
		return nil, Report{}, err
	}
	rows, s, err := standardized(x, train, options.Scaling)
	if err != nil {
		return nil, Report{}, err
	}
	defer x.free(rows.data)
	options.Batch = min(options.Batch, len(train))
	n := newNetwork(rows, y, len(classes), options.Units, options.Batch, weights)
	n.dropout, n.rate = options.Dropout, options.Rate
	random := rand.New(rand.NewPCG(options.Seed, 0x6d6c70))
	n.glorot(random)
	report, err := n.train(ctx, train, validation, options, random)
	if err != nil {
		return nil, Report{}, err
	}
	h := n.head(classes, s)
	if options.Calibrate {
		logits, _, _ := n.test(validation)
		h.calibrate(&report, logits, y, validation)
	}
	return h, report, nil
}

// split chooses the rows to train on and, of each class, those that say when to stop.
func (o MLPOptions) split(labels []string) (train, validation []int, err error) {
	groups := o.Groups
	if groups == nil {
		groups = ownGroups(len(labels))
	}
	if train, validation, err = Split(labels, groups, o.Validation, o.Seed); err != nil {
		return nil, nil, fmt.Errorf("head: no rows for early stopping, which other models than mlp do without: %w", err)
	}
	return train, validation, nil
}

// standardized are all rows, standardized by some of them.
func standardized(x Matrix, by []int, scaling Scaling) (dense, Standardization, error) {
	some, err := x.Select(by)
	if err != nil {
		return dense{}, Standardization{}, err
	}
	defer some.Free()
	s, err := standardize(some, scaling)
	if err != nil {
		return dense{}, s, err
	}
	all, err := s.all(x)
	return all, s, err
}

// train runs epochs until the validation loss no longer falls, and keeps the best weights.
func (n *network) train(ctx context.Context, train, validation []int, options MLPOptions, random *rand.Rand) (Report, error) {
	report := Report{Tested: len(validation)}
	best, least := newNetwork(n.x, n.y, n.classes, n.units, 1, n.importance), math.Inf(1)
	rows := slices.Clone(train)
	for e := 1; e <= options.Epochs && e-report.BestEpoch <= options.Patience; e++ {
		random.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
		epoch := Epoch{Epoch: e}
		for batch := range slices.Chunk(rows, options.Batch) {
			if err := context.Cause(ctx); err != nil {
				return Report{}, err
			}
			var keep []float32
			if n.dropout > 0 {
				keep = n.drop(len(batch), random)
			}
			epoch.TrainLoss += n.step(batch, keep) * float64(len(batch)) / float64(len(rows))
		}
		_, epoch.LogLoss, epoch.Accuracy = n.test(validation)
		// No loss is smaller than NaN, so no epoch would ever be the best.
		if sum := epoch.LogLoss + epoch.TrainLoss; math.IsNaN(sum) || math.IsInf(sum, 0) {
			return Report{}, unlearnable{fmt.Errorf("head: the training diverged: in epoch %d the training loss is %v and the validation loss %v: use a smaller learning rate than %g", e, epoch.TrainLoss, epoch.LogLoss, options.Rate)}
		}
		report.Epochs = append(report.Epochs, epoch)
		if epoch.LogLoss < least {
			least, report.BestEpoch = epoch.LogLoss, e
			best.copyWeights(n)
		}
		if options.Progress != nil {
			options.Progress(epoch)
		}
	}
	n.copyWeights(best)
	return report, nil
}

// test computes scores, mean loss and accuracy of rows that are not trained on.
func (n *network) test(rows []int) (logits [][]float64, loss, accuracy float64) {
	width := n.output.weights.rows
	for batch := range slices.Chunk(rows, n.activations.rows) {
		n.forward(batch, nil)
		for i, r := range batch {
			row := make([]float64, n.classes)
			for c := range row {
				row[c] = float64(n.scores[i*width+c])
			}
			logits = append(logits, slices.Clone(row))
			score := row[n.y[r]]
			loss += n.importance[n.y[r]] * (softmax(row) - score) / float64(len(rows))
			if argmax(row) == n.y[r] {
				accuracy += 1 / float64(len(rows))
			}
		}
	}
	return logits, loss, accuracy
}

func (n *network) head(classes []string, s Standardization) *Head {
	h := &Head{Classes: classes, Standardization: s, Hidden: &Hidden{Biases: slices.Clone(n.hidden.biases[:n.units])}}
	for u := range n.units {
		h.Hidden.Weights = append(h.Hidden.Weights, slices.Clone(n.hidden.weights.row(u)[:n.x.cols]))
	}
	for c := range classes {
		h.Weights = append(h.Weights, slices.Clone(n.output.weights.row(c)[:n.units]))
	}
	h.Biases = slices.Clone(n.output.biases[:len(classes)])
	return h
}
