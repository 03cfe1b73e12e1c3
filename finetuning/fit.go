package finetuning

import (
	"cmp"
	"context"
	"fmt"

	"github.com/sirupsen/logrus"

	"fovea/head"
)

// Kinds of heads.
const (
	// Auto is the best of softmax regression, linear discriminant analysis and their mean (head.TrainAuto).
	Auto    = "auto"
	Softmax = "softmax"
	SVM     = "svm"
	MLP     = "mlp"
)

// Penalties of the weights of a softmax head.
const (
	L2         = "l2"
	L1         = "l1"
	ElasticNet = "elasticnet"
)

// TrainOptions say what a head is trained on, what kind of head it is, and which rows are held out
// to test it. Only Source must be set: the zero value trains the best head that cross-validation finds on all rows
// of a dataset with one layer.
type TrainOptions struct {
	// Source is the dataset, Layers are those of its layers to train on, each scaled on its own;
	// none means its only layer.
	Source Source
	Layers []string
	// Out is the file that the head is written to, "" for none.
	Out string
	// ToolVersion is recorded in the head.
	ToolVersion string

	// Model is Auto, Softmax, SVM or MLP. The default is Softmax with a Lambda or a Penalty other than L2, else Auto.
	Model string
	// Scaling is a head.Scaling (default head.ScaleCommon; of Auto, the best one), ClassWeights a head.ClassWeights
	// (default head.WeighRows).
	Scaling, ClassWeights string
	// Penalty is L2 (default), L1 or ElasticNet; L1Ratio is the fraction of L1 in ElasticNet (default 0.5).
	Penalty string
	L1Ratio float64
	// Lambda is the strength of the regularization, 0 for the one that cross-validation finds best.
	Lambda float64
	// Uncalibrated leaves out the temperature that is fitted on images outside the training set (temperature scaling).
	// There is none with a Lambda, either, which leaves no such images.
	Uncalibrated bool
	// Seed determines the split, the folds of the cross-validation and the first weights of an MLP.
	Seed uint64
	// TestFraction is the share of the rows to hold out, from 0 to below 1.
	TestFraction float64
	// NearDuplicates is the cosine of two images' features, averaged over positions, from which they are kept together by
	// every split, 0 to keep only equal files together. It is raised for layers that need more, but for OwnNear.
	NearDuplicates float64
	// MinClass is the number of rows to train on below which a class is left out, 0 for none: then a class of one is an
	// error, as is one of none but test rows.
	MinClass int
	// OwnFraction lets TestFraction override the dataset's own split, OwnNear applies NearDuplicates as it is, even if it
	// makes most images of a class near duplicates.
	OwnFraction, OwnNear bool
	// QuietGroups says that Group logs nothing.
	QuietGroups bool
	// NoveltyRate is the share of images like the trained ones that the head is to call unknown (head.Novelty),
	// from 0 to below 1; with 0 it cannot tell.
	NoveltyRate float64
	// MLP is for Model MLP. Seed, Scaling, ClassWeights, Groups, Calibrate and Progress of it are not
	// used: what is above is.
	MLP head.MLPOptions

	// Progress, if set, is called during the cross-validation.
	Progress func(done, of int)
}

// withDefaults fills in what the options leave open.
func (o TrainOptions) withDefaults() TrainOptions {
	o.Penalty = cmp.Or(o.Penalty, L2)
	if o.Model == "" && (o.Lambda != 0 || o.Penalty != L2) {
		o.Model = Softmax
	}
	o.Model = cmp.Or(o.Model, Auto)
	o.Uncalibrated = o.Uncalibrated || o.Lambda != 0
	o.L1Ratio = cmp.Or(o.L1Ratio, 0.5)
	if o.Model != Auto {
		o.Scaling = cmp.Or(o.Scaling, string(head.ScaleCommon))
	}
	o.ClassWeights = cmp.Or(o.ClassWeights, string(head.WeighRows))
	o.MLP.Units = cmp.Or(o.MLP.Units, 256)
	o.MLP.Dropout = cmp.Or(o.MLP.Dropout, 0.5)
	o.MLP.Batch = cmp.Or(o.MLP.Batch, 32)
	o.MLP.Epochs = cmp.Or(o.MLP.Epochs, 100)
	o.MLP.Patience = cmp.Or(o.MLP.Patience, 8)
	return o
}

// Fit trains the selected kind of head on all rows of f. Rows of equal group stay
// together in cross-validation and early stopping. The head lacks recipe, layers and notes.
func (o *TrainOptions) Fit(ctx context.Context, f Features, groups []string) (*head.Head, head.Report, error) {
	all := o.withDefaults()
	if all.Model == MLP {
		return head.TrainMLP(ctx, f.X, f.Labels, all.mlp(groups))
	}
	options := head.TrainOptions{
		Seed: all.Seed, Scaling: head.Scaling(all.Scaling), ClassWeights: head.ClassWeights(all.ClassWeights), Calibrate: !all.Uncalibrated, Groups: groups,
		L1Ratio: map[string]float64{L1: 1, ElasticNet: all.L1Ratio}[all.Penalty], Progress: all.Progress,
	}
	switch all.Model {
	case Auto:
		return head.TrainAuto(ctx, f.X, f.Labels, options)
	case SVM:
		options.Loss = head.LossHinge
	}
	if all.Lambda > 0 {
		options.Lambdas = []float64{all.Lambda}
	}
	return head.Train(ctx, f.X, f.Labels, options)
}

// DescribeChoice says what TrainAuto chose, "" for heads that it did not train.
func DescribeChoice(r head.Report) string {
	lda := fmt.Sprintf("linear discriminant analysis with shrinkage %g", r.Shrinkage)
	what, found := map[string]string{
		head.ModelSoftmax: fmt.Sprintf("softmax with lambda %g", r.Lambda), head.ModelLDA: lda,
		head.ModelMean: fmt.Sprintf("mean of softmax with lambda %g and %s", r.Lambda, lda),
	}[r.Model]
	if !found {
		return ""
	}
	return what + fmt.Sprintf("; scaling %s", r.Scaling)
}

func (o TrainOptions) mlp(groups []string) head.MLPOptions {
	options := o.MLP
	options.Seed, options.Groups = o.Seed, groups
	options.Scaling, options.ClassWeights, options.Calibrate = head.Scaling(o.Scaling), head.ClassWeights(o.ClassWeights), !o.Uncalibrated
	options.Progress = func(e head.Epoch) {
		if o.Progress != nil {
			logrus.Infof("epoch %d: loss %.4f; validation: loss %.4f, accuracy %.2f %%", e.Epoch, e.TrainLoss, e.LogLoss, 100*e.Accuracy)
		}
	}
	return options
}
