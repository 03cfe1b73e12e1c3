package winograd

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	attrpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	graphpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/graph_go_proto"
	nodepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/op"
	"google.golang.org/protobuf/proto"

	"fovea/inference"
)

// rewrite adds the faster way to the graph and returns the layers as it computes them. The
// nodes up to the last convolution are copied once for each of so many shares of the batch,
// the others, such as dense layers, once: they read large matrices, which is better done once
// for the whole batch.
func (r *rewriter) rewrite(shares int) ([]inference.Layer, error) {
	scope := op.NewScopeWithGraph(r.model.Graph).SubScope(prefix)
	if err := r.transformKernels(scope.SubScope("kernels")); err != nil {
		return nil, err
	}
	names := make([]string, shares)
	for i := range names {
		share, err := r.model.Graph.AddOperation(tf.OpSpec{
			Type: "FoveaShare", Name: prefix + "/share_of_input_" + strconv.Itoa(i), Input: []tf.Input{r.model.Input},
			Attrs: map[string]interface{}{"index": int64(i), "count": int64(shares)},
		})
		if err != nil {
			return nil, fmt.Errorf("winograd: split the batch: %w", err)
		}
		names[i] = prefix + "/share_" + strconv.Itoa(i)
		if err := r.copyNodes(names[i], r.isEarly, map[string]tf.Output{r.model.Input.Op.Name(): share.Output(0)}); err != nil {
			return nil, err
		}
	}

	joined := &joiner{graph: r.model.Graph, scope: scope.SubScope("joined"), shares: names, tensors: map[string]tf.Output{}}
	late := func(n *nodepb.NodeDef) bool { return !r.isEarly(n) }
	given := map[string]tf.Output{r.model.Input.Op.Name(): r.model.Input}
	for _, n := range r.order {
		for _, from := range n.GetInput() {
			if late(n) && r.early[producer(from)] {
				var err error
				if given[from], err = joined.tensor(from); err != nil {
					return nil, err
				}
			}
		}
	}
	lateName := prefix + "/late"
	if err := r.copyNodes(lateName, late, given); err != nil {
		return nil, err
	}
	layers := slices.Clone(r.model.Layers)
	for i, layer := range layers {
		var err error
		name := layer.Output.Op.Name()
		switch tensor := name + ":" + strconv.Itoa(layer.Output.Index); {
		case r.early[name]:
			layers[i].Output, err = joined.tensor(tensor)
		case r.depends[name] && name != r.model.Input.Op.Name():
			layers[i].Output, err = output(r.model.Graph, lateName+"/"+tensor)
		}
		if err != nil {
			return nil, err
		}
	}
	return layers, nil
}

func (r *rewriter) isEarly(n *nodepb.NodeDef) bool { return r.early[n.GetName()] }

// transformKernels gives each kernel that is needed a variable with its transformed values.
func (r *rewriter) transformKernels(scope *op.Scope) error {
	var assignments []*tf.Operation
	for _, n := range r.order {
		c, found := r.fast[n.GetName()]
		if !found || r.transformed[c.kernel].Op != nil {
			continue
		}
		kernel, err := r.output(c.kernel)
		if err != nil {
			return err
		}
		name := strconv.Itoa(len(r.transformed))
		transformed, err := r.model.Graph.AddOperation(tf.OpSpec{
			Type: "FoveaWinogradKernel", Name: prefix + "/transform_" + name, Input: []tf.Input{kernel},
		})
		if err != nil {
			return fmt.Errorf("winograd: transform kernel %s: %w", c.kernel, err)
		}
		own := scope.SubScope(name)
		handle := op.VarHandleOp(own, tf.Float, tf.Shape{}, op.VarHandleOpSharedName(prefix+"/"+name))
		assignments = append(assignments, op.AssignVariableOp(own, handle, transformed.Output(0)))
		r.transformed[c.kernel] = op.ReadVariableOp(own, handle, tf.Float)
	}
	if err := scope.Err(); err != nil {
		return fmt.Errorf("winograd: add variables for transformed kernels: %w", err)
	}
	if _, err := r.model.Session.Run(nil, nil, assignments); err != nil {
		return fmt.Errorf("winograd: transform the kernels of %s: %w", r.model.Name, err)
	}
	return nil
}

// copyNodes imports copies of some nodes under a prefix. Tensors that are given replace those
// of that name; all others from outside the copies are the original graph's.
func (r *rewriter) copyNodes(prefix string, wanted func(*nodepb.NodeDef) bool, given map[string]tf.Output) error {
	copies := &graphpb.GraphDef{}
	inside := map[string]bool{}
	for _, n := range r.order {
		if wanted(n) {
			inside[n.GetName()] = true
		}
	}
	mapped := map[string]tf.Output{}
	for _, n := range r.order {
		if !wanted(n) {
			continue
		}
		replacement, err := r.replacement(n, mapped)
		if err != nil {
			return err
		}
		var inputs []string
		for _, from := range replacement.GetInput() {
			if strings.HasPrefix(from, "^") && !inside[producer(from)] {
				continue // such as the assertions of a loader: they have been kept
			}
			inputs = append(inputs, from)
			if inside[producer(from)] || mapped[from].Op != nil {
				continue
			}
			outside, found := given[from]
			if !found {
				if outside, err = r.output(from); err != nil {
					return err
				}
			}
			mapped[from] = outside
		}
		replacement.Input = inputs
		copies.Node = append(copies.Node, replacement)
	}
	options := tf.GraphImportOptions{Prefix: prefix}
	for from, to := range mapped {
		name, index, _ := strings.Cut(from, ":")
		i, _ := strconv.Atoi(index) // no index is index 0
		options.AddInputMapping(name, i, to)
	}
	encoded, err := proto.Marshal(copies)
	if err != nil {
		return fmt.Errorf("winograd: encode the rewritten graph: %w", err)
	}
	if err := r.model.Graph.ImportWithOptions(encoded, options); err != nil {
		return fmt.Errorf("winograd: add the rewritten graph of %s: %w", r.model.Name, err)
	}
	return nil
}

// replacement is a copy of a node, or the faster one in its place. The names of tensors that
// only it knows are added to mapped.
func (r *rewriter) replacement(n *nodepb.NodeDef, mapped map[string]tf.Output) (*nodepb.NodeDef, error) {
	c, found := r.fast[n.GetName()]
	if !found {
		node := proto.Clone(n).(*nodepb.NodeDef)
		node.Device = ""
		delete(node.Attr, "_class") // names nodes that are not copied
		return node, nil
	}
	kernel, bias := prefix+"_kernel_of_"+n.GetName(), c.bias
	mapped[kernel] = r.transformed[c.kernel]
	if bias == "" {
		bias = prefix + "_bias_of_" + n.GetName()
		if r.zeros[c.out].Op == nil {
			scope := op.NewScopeWithGraph(r.model.Graph).SubScope(prefix).SubScope("zeros_" + strconv.FormatInt(c.out, 10))
			r.zeros[c.out] = op.Const(scope, make([]float32, c.out))
			if err := scope.Err(); err != nil {
				return nil, fmt.Errorf("winograd: add a bias of zero: %w", err)
			}
		}
		mapped[bias] = r.zeros[c.out]
	}
	flag := func(value bool) *attrpb.AttrValue {
		return &attrpb.AttrValue{Value: &attrpb.AttrValue_B{B: value}}
	}
	return &nodepb.NodeDef{
		Name: n.GetName(), Op: "FoveaWinogradConvolution",
		Input: []string{c.pictures, kernel, bias},
		Attr:  map[string]*attrpb.AttrValue{"rectify": flag(c.rectify), "pool": flag(c.pool)},
	}, nil
}

// joiner puts the shares of a batch together again.
type joiner struct {
	graph   *tf.Graph
	scope   *op.Scope
	shares  []string // prefixes
	tensors map[string]tf.Output
}

func (j *joiner) tensor(name string) (tf.Output, error) {
	name = strings.TrimSuffix(name, ":0")
	if t, found := j.tensors[name]; found {
		return t, nil
	}
	parts := make([]tf.Output, len(j.shares))
	for i, share := range j.shares {
		var err error
		if parts[i], err = output(j.graph, share+"/"+name); err != nil {
			return tf.Output{}, err
		}
	}
	if len(parts) == 1 {
		j.tensors[name] = parts[0]
		return parts[0], nil
	}
	scope := j.scope.SubScope(strconv.Itoa(len(j.tensors)))
	j.tensors[name] = op.ConcatV2(scope, parts, op.Const(scope.SubScope("axis"), int32(0)))
	if err := j.scope.Err(); err != nil {
		return tf.Output{}, fmt.Errorf("winograd: join the batch: %w", err)
	}
	return j.tensors[name], nil
}
