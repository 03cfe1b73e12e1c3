package head

import arrays "gonum.org/v1/gonum/floats"

// history is what L-BFGS remembers: the last moves, and how the gradient changed in each.
type history struct {
	most           int // moves
	moves, changes [][]float64
}

func (h *history) empty() bool { return len(h.moves) == 0 }

func (h *history) forget() { h.moves, h.changes = nil, nil }

// add remembers the move from one point to the next, unless the objective is not convex there, by rounding.
func (h *history) add(from, to, gradient, nextGradient []float64) {
	move, change := make([]float64, len(from)), make([]float64, len(from))
	arrays.SubTo(move, to, from)
	arrays.SubTo(change, nextGradient, gradient)
	if !(arrays.Dot(move, change) > 0) {
		return
	}
	h.moves, h.changes = append(h.moves, move), append(h.changes, change)
	if len(h.moves) > h.most {
		h.moves, h.changes = h.moves[1:], h.changes[1:]
	}
}

// step computes the next step for a slope (Nocedal and Wright, algorithm 7.4).
func (h *history) step(step, slope []float64) {
	for j, s := range slope {
		step[j] = -s
	}
	factors := make([]float64, len(h.moves))
	for i := len(h.moves) - 1; i >= 0; i-- {
		factors[i] = arrays.Dot(h.moves[i], step) / arrays.Dot(h.moves[i], h.changes[i])
		arrays.AddScaled(step, -factors[i], h.changes[i])
	}
	if last := len(h.moves) - 1; last >= 0 {
		arrays.Scale(arrays.Dot(h.moves[last], h.changes[last])/arrays.Dot(h.changes[last], h.changes[last]), step)
	}
	for i := range h.moves {
		arrays.AddScaled(step, factors[i]-arrays.Dot(h.changes[i], step)/arrays.Dot(h.moves[i], h.changes[i]), h.moves[i])
	}
}
