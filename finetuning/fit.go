package finetuning

import (
	"context"

	"github.com/sirupsen/logrus"

	"fovea/head"
)

// TrainOptions say what kind of head is trained, and what is kept out to measure it.
type TrainOptions struct {
	// Model is softmax, svm or mlp.
	Model string
	// Scaling is a head.Scaling, ClassWeights a head.ClassWeights.
	Scaling, ClassWeights string
	// Penalty is l2, l1 or elasticnet, of which L1Ratio is the part of l1.
	Penalty string
	L1Ratio float64
	// Lambda is the strength of the regularization, 0 for the one that cross-validation finds.
	Lambda    float64
	Calibrate bool
	Seed      uint64
	// TestFraction is the part of the rows that is kept out, unless the dataset has a split of its own.
	TestFraction float64
	// OwnFraction and OwnNear say that the user has set TestFraction and NearDuplicates.
	OwnFraction, OwnNear bool
	// NearDuplicates is the cosine from which images count as copies, 0 for never.
	NearDuplicates float64
	MLP            head.MLPOptions
	// Settings are the flags, for the record.
	Settings map[string]string
	// Progress, if there is one, is told how far the cross-validation is.
	Progress func(done, of int)
}

// Fit trains the kind of head that was asked for.
func (o *TrainOptions) Fit(ctx context.Context, f Features, groups []string) (*head.Head, head.Report, error) {
	if o.Model == "mlp" {
		options := o.MLP
		options.Seed, options.Groups = o.Seed, groups
		options.Scaling, options.ClassWeights, options.Calibrate = head.Scaling(o.Scaling), head.ClassWeights(o.ClassWeights), o.Calibrate
		if options.Dropout == 0 {
			options.Dropout = -1 // of which the zero value is the default
		}
		options.Progress = func(e head.Epoch) {
			if o.Progress == nil {
				return
			}
			logrus.Infof("epoch %d: loss %.4f, on validation %.4f, accuracy %.2f %%", e.Epoch, e.TrainLoss, e.LogLoss, 100*e.Accuracy)
		}
		return head.TrainMLP(ctx, f.X, f.Labels, options)
	}
	options := head.TrainOptions{
		Seed: o.Seed, Scaling: head.Scaling(o.Scaling), ClassWeights: head.ClassWeights(o.ClassWeights), Calibrate: o.Calibrate, Groups: groups,
		L1Ratio: map[string]float64{"l1": 1, "elasticnet": o.L1Ratio}[o.Penalty],
	}
	if o.Model == "svm" {
		options.Loss = head.LossHinge
	}
	options.Progress = o.Progress
	if o.Lambda > 0 {
		options.Lambdas = []float64{o.Lambda}
	}
	return head.Train(ctx, f.X, f.Labels, options)
}
