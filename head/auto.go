package head

import (
	"context"
	"errors"
	"slices"
)

// Models that TrainAuto chooses from.
const (
	ModelSoftmax = "softmax"
	ModelLDA     = "lda"
	// ModelMean is the mean of both, each with its own temperature.
	ModelMean = "mean"
)

// Candidate is a model that TrainAuto tried.
type Candidate struct {
	Model   string  `json:"model"`
	Scaling Scaling `json:"scaling"`
	// Lambda is the strength of softmax regression, Shrinkage that of linear discriminant analysis.
	Lambda    float64 `json:"lambda,omitempty"`
	Shrinkage float64 `json:"shrinkage,omitempty"`
	// LogLoss and Accuracy are those of the tested rows, with the temperature that suits them. Each row counts for the
	// other classes by 1/(n + 2), so that the loss is a little larger than that of the labels.
	LogLoss  float64 `json:"log_loss"`
	Accuracy float64 `json:"accuracy"`
	// WorseBy is how much larger the loss is than the least one, in standard errors of the difference.
	WorseBy float64 `json:"worse_by"`
}

// TrainAuto fits softmax regression and linear discriminant analysis on features in each Scaling, and chooses between
// them and the means of their scores by cross-validation, on the same folds. All of them are linear in the scaled
// features, and so is what it returns. With a Scaling, it tries only that. Without Calibrate there is no discriminant
// analysis, whose scores need a temperature. Options must have the default loss, penalty and strengths.
//
// Of more than 8,000 rows, the scaling is chosen on 5,000, by discriminant analysis alone.
func TrainAuto(ctx context.Context, x Matrix, labels []string, options TrainOptions) (*Head, Report, error) {
	if len(options.Lambdas) > 0 || options.L1Ratio != 0 || options.Loss != "" {
		return nil, Report{}, errors.New("head: TrainAuto chooses loss and strength itself: leave Loss, L1Ratio and Lambdas empty")
	}
	classes, y, err := options.check(x, labels)
	if err != nil {
		return nil, Report{}, err
	}
	a := &automatic{x: x, y: y, classes: len(classes), options: options}
	return a.train(ctx, classes)
}

// automatic is the state of TrainAuto.
type automatic struct {
	x       Matrix
	y       []int
	classes int
	options TrainOptions
	// trainer is of the last scaling.
	trainer *trainer
	done    int // trials
	// quick says that one fold and one model are enough.
	quick bool
}

// scalings are those to try. The preferred one is the last, as its table is still there if it is chosen.
func (a *automatic) scalings() []Scaling {
	if a.options.Scaling != "" {
		return []Scaling{a.options.Scaling}
	}
	all := slices.Clone(preference)
	slices.Reverse(all)
	return all
}

func (a *automatic) train(ctx context.Context, classes []string) (_ *Head, _ Report, err error) {
	defer func() { a.use(nil) }()
	sampled, err := a.sample(ctx)
	if err != nil {
		return nil, Report{}, err
	}
	all, err := a.each(ctx, a.compare)
	if err != nil {
		return nil, Report{}, err
	}
	chosen, candidates := prefer(all)
	candidates = append(candidates, sampled...)
	if a.trainer == nil || a.trainer.options.Scaling != chosen.Scaling {
		if err := a.open(ctx, chosen.Scaling); err != nil {
			return nil, Report{}, err
		}
	}
	parameters, err := a.fit(ctx, chosen)
	if errors.Is(err, errUnsolved) { // by all rows, though not by those of the folds
		all = slices.DeleteFunc(all, func(c choice) bool { return c.lda > 0 || c.Scaling != chosen.Scaling })
		chosen, candidates = prefer(all)
		parameters, err = a.fit(ctx, chosen)
	}
	if err != nil {
		return nil, Report{}, err
	}
	h := &Head{Classes: classes, Standardization: a.trainer.standardization}
	h.Weights, h.Biases = a.trainer.weights(parameters)
	report := chosen.report
	report.Model, report.Scaling, report.Shrinkage, report.Candidates = chosen.Model, chosen.Scaling, chosen.Shrinkage, candidates
	report.Lambda = chosen.Lambda
	if a.options.Calibrate {
		report.Temperature = chosen.temperature
	}
	return h, report, nil
}

// use replaces the trainer and gives back the table of the one before.
func (a *automatic) use(t *trainer) {
	if a.trainer != nil {
		a.x.free(a.trainer.coordinates.data)
	}
	a.trainer = t
}

func (a *automatic) open(ctx context.Context, scaling Scaling) error {
	a.use(nil)
	options := a.options
	options.Scaling = scaling
	options.Progress = func(int, int) {
		a.done++
		if a.options.Progress != nil {
			a.options.Progress(a.done, max(a.done, len(a.scalings())*len(defaultLambdas)))
		}
	}
	t, err := newTrainer(ctx, a.x, a.y, a.classes, options)
	if err != nil {
		return err
	}
	a.use(t)
	return nil
}

// Beyond manyRows rows, scalings are compared on sampleRows of them.
const (
	manyRows   = 8000
	sampleRows = 5000
)

// sample chooses the scaling of many rows.
func (a *automatic) sample(ctx context.Context) ([]Candidate, error) {
	if len(a.y) <= manyRows || len(a.scalings()) == 1 {
		return nil, nil
	}
	part := automatic{options: a.options, classes: a.classes, quick: true}
	rows := make([]int, sampleRows)
	for i := range rows {
		rows[i] = i * len(a.y) / len(rows) // evenly spaced
		part.y = append(part.y, a.y[rows[i]])
		if a.options.Groups != nil {
			part.options.Groups = append(part.options.Groups[:i:i], a.options.Groups[rows[i]])
		}
	}
	defer func() { part.use(nil) }()
	var err error
	if part.x, err = a.x.Select(rows); err != nil {
		return nil, err
	}
	defer part.x.Free()
	all, err := part.each(ctx, part.compare)
	if err != nil || len(all) == 0 { // all scalings are compared on all rows then
		return nil, err
	}
	chosen, candidates := prefer(all)
	a.options.Scaling, a.done = chosen.Scaling, part.done
	return candidates, nil
}

// each collects what is found with each scaling.
func (a *automatic) each(ctx context.Context, find func(context.Context) ([]choice, error)) ([]choice, error) {
	var all []choice
	var constant error
	for _, scaling := range a.scalings() {
		switch err := a.open(ctx, scaling); {
		case errors.Is(err, ErrConstant): // of unit length, a single column is
			constant = err
			continue
		case err != nil:
			return nil, err
		}
		found, err := find(ctx)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	if len(all) == 0 {
		return nil, constant
	}
	return all, nil
}

// folds are those to compare by, with the classes of the rows that they test.
func (a *automatic) folds() (folds []fold, y []int, err error) {
	t := a.trainer
	if folds, err = t.folds(); err != nil {
		return nil, nil, err
	}
	if a.quick {
		folds = folds[:1]
	}
	t.tested = nil
	for _, f := range folds {
		t.tested = append(t.tested, f.test...)
	}
	for _, i := range t.tested {
		y = append(y, t.y[i])
	}
	return folds, y, nil
}

// compare finds the best strengths of both models on the trainer's rows.
func (a *automatic) compare(ctx context.Context) ([]choice, error) {
	t := a.trainer
	folds, y, err := a.folds()
	if err != nil {
		return nil, err
	}
	var all []choice
	if !a.quick || !a.options.Calibrate {
		report, path, err := t.search(ctx, folds)
		if err != nil {
			return nil, err
		}
		best := path.choose()
		all = append(all, a.choice(best, y, choice{Candidate: Candidate{Model: ModelSoftmax, Lambda: best.strength}, softmax: 1, start: best.start, report: report}))
	}
	if a.options.Calibrate {
		best, err := t.discriminate(ctx, folds, defaultShrinkages)
		if errors.Is(err, errUnsolved) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		report := Report{Folds: len(folds), Tested: len(y)}
		all = append(all, a.choice(best, y, choice{Candidate: Candidate{Model: ModelLDA, Shrinkage: best.strength}, lda: 1, report: report}))
	}
	if len(all) == 2 {
		all = append(all, a.mean(all[0], all[1], y))
	}
	return all, nil
}
