package convolution

import (
	"fmt"
	"strconv"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"
)

// firstTransform names an operation that every rewritten graph has.
const firstTransform = "transform_0"

// transforming collects what gives the variables of kernels and biases their values.
type transforming struct {
	scope       *op.Scope
	folder      folder
	feeds       map[tf.Output]*tf.Tensor
	assignments []*tf.Operation
}

// transformKernels gives each kernel and each computed bias that is needed a variable.
func (r *rewriter) transformKernels(scope *op.Scope) error {
	t := &transforming{scope: scope, folder: folder{r: r, scope: scope}, feeds: map[tf.Output]*tf.Tensor{}}
	for _, n := range r.order {
		c, found := r.fast[n.GetName()]
		if !found {
			continue
		}
		for _, part := range c.all() {
			if err := r.transformPart(t, part); err != nil {
				return err
			}
		}
	}
	if err := scope.Err(); err != nil {
		return fmt.Errorf("convolution: add variables for transformed kernels: %w", err)
	}
	if _, err := r.model.Session.Run(t.feeds, nil, t.assignments); err != nil {
		return fmt.Errorf("convolution: transform the kernels of %s: %w", r.model.Name, err)
	}
	return nil
}

// transformPart gives a convolution's kernel and bias variables, if they need some and have none yet.
func (r *rewriter) transformPart(t *transforming, c convolution) error {
	if r.transformed[c.weights()].Op == nil {
		if err := r.addKernel(t, c); err != nil {
			return err
		}
	}
	if _, plain := r.plainBias(c); plain || len(c.folds) == 0 || r.biases[c.parameters()].Op != nil {
		return nil
	}
	bias, err := t.folder.bias(c)
	if err != nil {
		return err
	}
	r.biases[c.parameters()] = r.variable(t, "bias_"+strconv.Itoa(len(r.biases)), bias, tf.Float)
	return nil
}

// variable is what a graph has of a variable: an assignment gives it a value.
type variable struct {
	handle, given, value tf.Output
	assignment           *tf.Operation
}

// variable is the value of a new variable, which is given a value.
func (r *rewriter) variable(t *transforming, name string, value tf.Output, kind tf.DataType) tf.Output {
	own := t.scope.SubScope(name)
	handle := op.VarHandleOp(own, kind, tf.Shape{}, op.VarHandleOpSharedName(r.prefix+"/"+name))
	made := variable{handle: handle, given: value, assignment: op.AssignVariableOp(own, handle, value), value: op.ReadVariableOp(own, handle, kind)}
	r.variables = append(r.variables, made)
	t.assignments = append(t.assignments, made.assignment)
	return made.value
}

// addKernel adds the transformation of a convolution's kernel, or takes it as it was transformed elsewhere.
func (r *rewriter) addKernel(t *transforming, c convolution) error {
	name := strconv.Itoa(len(r.transformed))
	spec := tf.OpSpec{Type: "FoveaProductKernel", Name: r.prefix + "/transform_" + name}
	kind := tf.Float
	switch c.kind {
	case filtered:
		spec.Type, kind = r.method.kernel, r.method.stored
		if e := r.method.engine; e != nil {
			spec.Attrs = map[string]interface{}{"whole": e.whole, "instructions": int64(e.instructions)}
		} else {
			spec.Attrs = map[string]interface{}{"numbers": int64(r.method.numbers)}
		}
	case depthwise, normalized, scaled:
		spec.Type = "Identity"
	}
	ready := r.ready[c.weights()]
	number := r.preparedNumber(c)
	if ready != nil {
		spec.Type, spec.Attrs = "Placeholder", map[string]interface{}{"dtype": kind}
	} else if number != 0 {
		spec.Type, spec.Attrs = "FoveaReadyKernel", map[string]interface{}{"number": number}
	} else {
		kernel, err := t.folder.kernel(c)
		if err != nil {
			return err
		}
		spec.Input = []tf.Input{kernel}
	}
	transformed, err := r.model.Graph.AddOperation(spec)
	if err != nil {
		return fmt.Errorf("convolution: transform kernel %s: %w", c.kernel, err)
	}
	if ready != nil {
		t.feeds[transformed.Output(0)] = ready
	}
	r.transformed[c.weights()] = r.variable(t, name, transformed.Output(0), kind)
	return nil
}
