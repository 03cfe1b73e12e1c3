package training

import (
	"fmt"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"
)

// descend adds the gradients and the optimizer's updates.
func (g *graph) descend(root *op.Scope, o Options) error {
	values := make([]tf.Output, len(g.variables))
	for i, v := range g.variables {
		values[i] = v.value
	}
	gradients, err := g.graph.AddGradients("gradients", []tf.Output{g.training.loss}, values, nil)
	if err != nil {
		return fmt.Errorf("gradients: %w", err)
	}
	waits := g.readers(gradients)
	for i := range g.variables {
		v, gradient := &g.variables[i], gradients[i]
		scope := root.SubScope("update").SubScope(v.name)
		if o.WeightDecay > 0 && !v.bias {
			decay := op.Mul(scope.SubScope("decay"), v.value, op.Const(scope.SubScope("strength"), float32(o.WeightDecay)))
			gradient = op.AddV2(scope, gradient, decay)
		}
		var handles []tf.Output
		for _, name := range o.slots() {
			s := slot{name: v.name + "/" + name}
			s.handle = op.VarHandleOp(scope.SubScope(name), tf.Float, tf.MakeShape(int64s(v.shape)...), op.VarHandleOpSharedName(s.name))
			v.slots, handles = append(v.slots, s), append(handles, s.handle)
			g.clear = append(g.clear, op.AssignVariableOp(scope.SubScope(name), s.handle, op.ZerosLike(scope.SubScope(name), v.value)))
		}
		g.updates = append(g.updates, o.apply(scope.WithControlDependencies(waits[i]...), g.rates, v.handle, handles, gradient))
		if err := root.Err(); err != nil {
			return fmt.Errorf("update of %s: %w", v.name, err)
		}
	}
	return nil
}

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
