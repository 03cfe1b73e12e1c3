package training

import tf "github.com/galeone/tensorflow/tensorflow/go"

// readers are the operations of the gradients that read each variable's value in a step, such as the
// gradient of a layer's input. Its update has to wait for them: as long as one of them holds the value,
// TensorFlow copies all of it before it changes it. Operations up to the loss are over by then anyway;
// an update that waited for them, too, would keep TensorFlow from fusing them.
func (g *graph) readers(gradients []tf.Output) [][]*tf.Operation {
	ends := map[string]bool{}
	for _, o := range gradients {
		ends[o.Op.Name()] = true
	}
	used := reach{ends: ends, known: map[string]bool{}}
	before := reach{ends: map[string]bool{g.training.loss.Op.Name(): true}, known: map[string]bool{}}
	all := make([][]*tf.Operation, len(g.variables))
	for i, v := range g.variables {
		for _, c := range v.value.Consumers() {
			// What leads to no gradient is not run, such as the gradient of the network's input.
			if used.from(c.Op) && !before.from(c.Op) {
				all[i] = append(all[i], c.Op)
			}
		}
	}
	return all
}

// reach finds out which operations lead to others, the ends.
type reach struct{ ends, known map[string]bool }

func (r reach) from(o *tf.Operation) bool {
	name := o.Name()
	if leads, found := r.known[name]; found {
		return leads
	}
	leads := r.ends[name]
	for i := 0; i < o.NumOutputs() && !leads; i++ {
		for _, c := range o.Output(i).Consumers() {
			if leads = r.from(c.Op); leads {
				break
			}
		}
	}
	r.known[name] = leads
	return leads
}
