package head

import (
	"math"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"
	arrays "gonum.org/v1/gonum/floats"
)

// regression is softmax regression, or a linear support vector machine, on rows of x with d
// coordinates each.
//
// Its parameters are d weights and a bias for each vector, one vector after another. Each class has a
// vector. Two classes share one, since their best vectors are opposites: it is the second class's minus
// the first's, and the penalty of both is half of its own.
type regression struct {
	x       dense
	rows    []int // which rows of x
	y       []int // class of each row of x
	classes int
	// hinge says that the loss of a row is the sum over the vectors of max(0, 1 - s f)^2, where f is the
	// vector's score and s = 1 for the row's class, else -1.
	hinge bool
	// lambda is the strength of the penalty on squares, absolute that on absolute values.
	lambda, absolute float64
	// importance is the factor of a row's loss, by class; its mean over rows is 1.
	importance []float64
	workers    int // goroutines of an evaluation; they do not affect the result

	// directions, if not nil, are those in which the rows vary most.
	directions *directions
	// passes counts the losses that were computed.
	passes int
	// curvature is that of the last loss with respect to the scores: the mean of p (1 - p).
	curvature float64

	weights dense // the parameters in float32, padded with rows
	stripes []stripe
}

// stripe is the part of the objective that one goroutine computes at a time: the sums over some rows.
type stripe struct {
	rows     []int
	loss     float64
	spread   float64   // the sum of 1 - sum p^2
	gradient []float64 // laid out like the parameters
	sums     dense     // of the gradient, over some rows
	scores   []float32 // of a block of rows
	row      []float64 // scores of one row
}

// The minimum number of rows in a stripe, and the maximum number of stripes: few enough for their sums
// to be added quickly, enough for all CPUs. Sums in float32 are added to float64 after flushRows.
const (
	stripeRows = 256
	maxStripes = 16
	flushRows  = 512
)

// weightVectors is the number of weight vectors for a number of classes.
func weightVectors(classes int) int {
	if classes == 2 {
		return 1
	}
	return classes
}

func newRegression(x dense, rows, y []int, classes int, importance []float64, workers int) *regression {
	v := weightVectors(classes)
	r := &regression{x: x, rows: rows, y: y, classes: classes, importance: importance, workers: workers, weights: newDense(padded(v, quad), x.cols)}
	count := max(1, min(maxStripes, len(rows)/stripeRows))
	for s := range count {
		r.stripes = append(r.stripes, stripe{
			rows:     rows[s*len(rows)/count : (s+1)*len(rows)/count],
			gradient: make([]float64, v*(x.cols+1)),
			sums:     newDense(r.weights.rows, x.cols),
			scores:   make([]float32, blockRows*r.weights.rows),
			row:      make([]float64, classes),
		})
	}
	return r
}

// loss computes the objective, and its gradient with respect to the parameters into gradient.
func (r *regression) loss(parameters, gradient []float64) float64 {
	r.eachStripe(parameters, func(s *stripe) { s.compute(r, parameters) })
	v, d := weightVectors(r.classes), r.x.cols
	total, spread := 0.0, 0.0
	clear(gradient)
	for _, s := range r.stripes {
		total += s.loss
		spread += s.spread
		for i, g := range s.gradient {
			gradient[i] += g
		}
	}
	n, half := float64(len(r.rows)), r.half()
	r.curvature = spread / n / float64(r.classes)
	penalty := 0.0
	for c := range v {
		own := gradient[c*(d+1) : (c+1)*(d+1)]
		for j, p := range parameters[c*(d+1) : c*(d+1)+d] {
			penalty += p * p
			own[j] = own[j]/n + r.lambda*half*p
		}
		own[d] /= n
	}
	return total/n + r.lambda/2*half*penalty
}

// eachStripe computes with all stripes at the same time, once the weights are those of the parameters.
func (r *regression) eachStripe(parameters []float64, compute func(*stripe)) {
	d := r.x.cols
	for c := range weightVectors(r.classes) {
		row := r.weights.row(c)
		for j, p := range parameters[c*(d+1) : c*(d+1)+d] {
			row[j] = float32(p)
		}
	}
	var group errgroup.Group
	group.SetLimit(r.workers)
	for s := range r.stripes {
		group.Go(func() error {
			compute(&r.stripes[s])
			return nil
		})
	}
	_ = group.Wait() // computing cannot fail
	r.passes++
}

// half is the factor of a vector's squares in the penalty: one half where the vector stands for two of
// half its size. A support vector machine for two classes really has only one.
func (r *regression) half() float64 {
	if r.classes == 2 && !r.hinge {
		return 0.5
	}
	return 1
}

// compute sums loss and gradient of the stripe's rows.
func (s *stripe) compute(r *regression, parameters []float64) {
	v, d, width := weightVectors(r.classes), r.x.cols, r.weights.rows
	s.loss, s.spread = 0, 0
	clear(s.gradient)
	for start := 0; start < len(s.rows); start += flushRows {
		s.sums.clear()
		part := s.rows[start:min(start+flushRows, len(s.rows))]
		for block := range slices.Chunk(part, blockRows) {
			r.x.scores(block, r.weights, s.scores)
			for i, row := range block {
				scores := s.scores[i*width : i*width+width]
				for c := range v {
					scores[c] += float32(parameters[c*(d+1)+d])
				}
				loss, spread := r.errors(scores, s.row, r.y[row])
				s.loss += loss
				s.spread += spread
				for c := range v {
					s.gradient[c*(d+1)+d] += float64(scores[c])
				}
			}
			r.x.addProducts(block, s.scores, s.sums)
		}
		for c := range v {
			own := s.gradient[c*(d+1):]
			for j, g := range s.sums.row(c)[:d] {
				own[j] += float64(g)
			}
		}
	}
}

// errors turns a row's scores into the derivatives of its loss. It returns the loss, and 1 minus the sum
// of the squared probabilities, both times the row's weight.
func (r *regression) errors(scores []float32, row []float64, class int) (loss, spread float64) {
	if r.hinge {
		return r.hinges(scores, class)
	}
	expand(scores, row)
	score := row[class]
	loss = softmax(row) - score
	spread = 1 - arrays.Dot(row, row)
	row[class]-- // probabilities minus the truth
	weight := r.importance[class]
	if r.classes == 2 {
		scores[0] = float32(weight * row[1])
	} else {
		for c, e := range row {
			scores[c] = float32(weight * e)
		}
	}
	return weight * loss, weight * spread
}

// hinges is errors for a support vector machine. The curvature of a vector's loss is 2 inside the
// margin.
func (r *regression) hinges(scores []float32, class int) (loss, spread float64) {
	weight, count := r.importance[class], weightVectors(r.classes)
	for c := range count {
		side := -1.0
		if (r.classes == 2 && class == 1) || (r.classes > 2 && c == class) {
			side = 1
		}
		missing := 1 - side*float64(scores[c])
		if missing <= 0 {
			scores[c] = 0
			continue
		}
		loss += weight * missing * missing
		spread += 2 * weight * float64(r.classes) / float64(count)
		scores[c] = float32(-2 * weight * side * missing)
	}
	return loss, spread
}

// expand writes the scores of all classes to row.
func expand(scores []float32, row []float64) {
	if len(row) == 2 {
		row[0], row[1] = 0, float64(scores[0])
		return
	}
	for c := range row {
		row[c] = float64(scores[c])
	}
}

// Softmax returns the probabilities that scores (logits) stand for.
func Softmax(scores []float32) []float64 {
	p := make([]float64, len(scores))
	for i, s := range scores {
		p[i] = float64(s)
	}
	softmax(p)
	return p
}

// softmax turns scores into probabilities in place and returns the logarithm of the sum of
// their exponentials.
func softmax(scores []float64) float64 {
	most := math.Inf(-1)
	for _, s := range scores {
		most = max(most, s)
	}
	sum := 0.0
	for i, s := range scores {
		scores[i] = math.Exp(s - most)
		sum += scores[i]
	}
	for i := range scores {
		scores[i] /= sum
	}
	return most + math.Log(sum)
}

// allCPUs is the number of goroutines of a computation that has the machine to itself.
func allCPUs() int { return runtime.GOMAXPROCS(0) }
