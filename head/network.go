package head

import (
	"math"
	"math/rand/v2"

	"golang.org/x/sync/errgroup"
)

// network is a hidden layer of rectified linear units and a softmax over the classes, with all that a
// training step needs. Matrices have a row for each unit, as the kernels need it.
type network struct {
	x          dense // standardized rows
	y          []int
	classes    int
	units      int
	importance []float64
	dropout    float64
	rate       float64

	hidden, output layer
	activations    dense     // of the units, a row for each row of the batch
	errors         []float32 // derivatives of the loss by the units' sums, batch x hidden.weights.rows
	scores         []float32 // batch x output.weights.rows
	keep           []float32 // what dropout multiplies the activations by
	order          []int     // 0, 1, 2, ...
	steps          int
}

// layer is a matrix of weights with a row for each unit, the biases, and Adam's averages of the
// gradients of both and of their squares.
type layer struct {
	units                    int
	weights, first, second   dense
	gradient                 dense
	biases, biasFirst        []float32
	biasSecond, biasGradient []float32
}

// slab is the number of hidden units that one goroutine works on at a time.
const slab = 32

// Adam's settings (Kingma and Ba, 2015), with the epsilon of Keras.
const (
	adamFirst   = 0.9
	adamSecond  = 0.999
	adamEpsilon = 1e-7
)

func newLayer(units, inputs int) layer {
	rows := padded(units, quad)
	matrix := func() dense { return newDense(rows, inputs) }
	vector := func() []float32 { return make([]float32, rows) }
	return layer{units, matrix(), matrix(), matrix(), matrix(), vector(), vector(), vector(), vector()}
}

// glorot draws the weights of both layers.
func (n *network) glorot(random *rand.Rand) {
	n.hidden.glorot(random)
	n.output.glorot(random)
}

// glorot draws weights as Keras's GlorotUniform does (Glorot and Bengio, 2010).
func (l *layer) glorot(random *rand.Rand) {
	limit := math.Sqrt(6 / float64(l.units+l.weights.cols))
	for i := range l.units {
		row := l.weights.row(i)[:l.weights.cols]
		for j := range row {
			row[j] = float32(limit * (2*random.Float64() - 1))
		}
	}
}

// adam updates the units from start to end by the gradients of the batch's mean loss.
func (l *layer) adam(start, end int, step float64) {
	for i := start; i < min(end, l.units); i++ {
		adam(l.weights.row(i), l.gradient.row(i), l.first.row(i), l.second.row(i), step)
	}
	end = min(end, l.units)
	adam(l.biases[start:end], l.biasGradient[start:end], l.biasFirst[start:end], l.biasSecond[start:end], step)
}

func adam(w, gradient, first, second []float32, step float64) {
	rate := float32(step)
	first, second, gradient = first[:len(w)], second[:len(w)], gradient[:len(w)]
	for j, g := range gradient {
		first[j] += (1 - adamFirst) * (g - first[j])
		second[j] += (1 - adamSecond) * (g*g - second[j])
		w[j] -= rate * first[j] / (float32(math.Sqrt(float64(second[j]))) + adamEpsilon)
	}
}

func newNetwork(x dense, y []int, classes, units, batch int, importance []float64) *network {
	n := &network{x: x, y: y, classes: classes, units: units, importance: importance}
	n.hidden, n.output = newLayer(units, x.cols), newLayer(classes, units)
	n.activations = newDense(batch, units)
	n.errors = make([]float32, batch*n.hidden.weights.rows)
	n.scores = make([]float32, batch*n.output.weights.rows)
	n.keep = make([]float32, batch*units)
	for i := range batch {
		n.order = append(n.order, i)
	}
	return n
}

// slabs calls f for parts of the hidden units, in parallel.
func (n *network) slabs(f func(start, end int)) {
	var group errgroup.Group
	group.SetLimit(allCPUs())
	for start := 0; start < n.hidden.weights.rows; start += slab {
		group.Go(func() error {
			f(start, min(start+slab, n.hidden.weights.rows))
			return nil
		})
	}
	_ = group.Wait() // computing cannot fail
}

// forward computes the activations and scores of a batch; keep is nil for predictions.
func (n *network) forward(rows []int, keep []float32) {
	n.slabs(func(start, end int) {
		out := make([]float32, len(rows)*(end-start))
		n.x.scores(rows, n.hidden.weights.from(start, end-start), out)
		for i := range rows {
			activations := n.activations.row(i)
			for u := start; u < min(end, n.units); u++ {
				a := max(0, out[i*(end-start)+u-start]+n.hidden.biases[u])
				if keep != nil {
					a *= keep[i*n.units+u]
				}
				activations[u] = a
			}
		}
	})
	n.activations.scores(n.order[:len(rows)], n.output.weights, n.scores)
	width := n.output.weights.rows
	for i := range rows {
		for c := range n.classes {
			n.scores[i*width+c] += n.output.biases[c]
		}
	}
}

// drop draws which activations of a batch are kept, and scales them to make up for the others.
func (n *network) drop(rows int, random *rand.Rand) []float32 {
	keep := n.keep[:rows*n.units]
	for i := range keep {
		keep[i] = 0
		if random.Float64() >= n.dropout {
			keep[i] = float32(1 / (1 - n.dropout))
		}
	}
	return keep
}

// step trains on a batch and returns its mean loss before the step.
func (n *network) step(rows []int, keep []float32) float64 {
	n.forward(rows, keep)
	width, loss := n.output.weights.rows, 0.0
	row := make([]float64, n.classes)
	for i, r := range rows {
		scores := n.scores[i*width : (i+1)*width]
		for c := range row {
			row[c] = float64(scores[c])
		}
		score := row[n.y[r]]
		weight := n.importance[n.y[r]] / float64(len(rows))
		loss += weight * (softmax(row) - score)
		row[n.y[r]]--
		for c, e := range row {
			scores[c] = float32(weight * e)
		}
	}
	n.output.gradient.clear()
	clear(n.output.biasGradient)
	n.activations.addProducts(n.order[:len(rows)], n.scores, n.output.gradient)
	for i := range rows {
		for c := range n.classes {
			n.output.biasGradient[c] += n.scores[i*width+c]
		}
	}
	n.steps++
	t := float64(n.steps)
	rate := n.rate * math.Sqrt(1-math.Pow(adamSecond, t)) / (1 - math.Pow(adamFirst, t))
	n.slabs(func(start, end int) { n.back(rows, keep, start, end, rate) })
	n.output.adam(0, n.output.units, rate)
	return loss
}

// back propagates the errors to some of the hidden units and updates their weights.
func (n *network) back(rows []int, keep []float32, start, end int, rate float64) {
	width, units := n.output.weights.rows, end-start
	errors := n.errors[start*len(rows) : end*len(rows)]
	clear(errors)
	gradient := n.hidden.gradient.from(start, units)
	for i := range units {
		clear(gradient.row(i))
	}
	clear(n.hidden.biasGradient[start:end])
	for i := range rows {
		activations := n.activations.row(i)
		for u := start; u < min(end, n.units); u++ {
			if activations[u] <= 0 {
				continue // the rectifier or dropout stops the error here
			}
			e := float32(0)
			for c := range n.classes {
				e += n.scores[i*width+c] * n.output.weights.row(c)[u]
			}
			if keep != nil {
				e *= keep[i*n.units+u]
			}
			errors[i*units+u-start] = e
			n.hidden.biasGradient[u] += e
		}
	}
	n.x.addProducts(rows, errors, gradient)
	n.hidden.adam(start, end, rate)
}

// copyWeights copies the weights of from, a network of the same size.
func (n *network) copyWeights(from *network) {
	for _, p := range [][2]*layer{{&n.hidden, &from.hidden}, {&n.output, &from.output}} {
		copy(p[0].weights.data, p[1].weights.data)
		copy(p[0].biases, p[1].biases)
	}
}
