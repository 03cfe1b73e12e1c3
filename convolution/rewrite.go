package convolution

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	graphpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/graph_go_proto"
	nodepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/op"
	"google.golang.org/protobuf/proto"

	"fovea/inference"
)

// rewrite adds the faster computation to the graph and returns its layers. The nodes up to the last
// convolution are copied once per share of the batch; the others, such as dense layers, only once:
// they read large matrices, which is better done once for the whole batch.
func (r *rewriter) rewrite(shares int) ([]inference.Layer, error) {
	scope := op.NewScopeWithGraph(r.model.Graph).SubScope(r.prefix)
	if err := r.transformKernels(scope.SubScope("kernels")); err != nil {
		return nil, err
	}
	names, err := r.copyShares(shares)
	if err != nil {
		return nil, err
	}
	joined := &joiner{graph: r.model.Graph, scope: scope.SubScope("joined"), shares: names, tensors: map[string]tf.Output{}}
	if r.fillsShares() {
		joined.pictures = r.model.Input
	}
	lateName := r.prefix + "/late"
	if err := r.copyLate(lateName, joined); err != nil {
		return nil, err
	}
	layers := slices.Clone(r.model.Layers)
	for i, layer := range layers {
		tensor := r.source(tensorName(layer.Output))
		name := inference.Producer(tensor)
		switch {
		case r.early[name] && (shares == 1 || r.traced[name].batching == rows):
			layers[i].Output, err = joined.tensor(tensor)
		case r.early[name]: // its rows would be in another order in each share, so it stays as it is
		case r.depends[name] && name != r.model.Input.Op.Name():
			layers[i].Output, err = output(r.model.Graph, lateName+"/"+tensor)
		}
		if err != nil {
			return nil, err
		}
	}
	return layers, nil
}

// copyShares copies the nodes up to the last convolution for each share of the batch, and returns the copies' prefixes.
func (r *rewriter) copyShares(shares int) ([]string, error) {
	names := make([]string, shares)
	for i := range names {
		share, err := r.model.Graph.AddOperation(tf.OpSpec{
			Type: "FoveaShare", Name: r.prefix + "/share_of_input_" + strconv.Itoa(i), Input: []tf.Input{r.model.Input},
			Attrs: map[string]interface{}{"index": int64(i), "count": int64(shares), "fill": r.fillsShares()},
		})
		if err != nil {
			return nil, fmt.Errorf("convolution: split the batch: %w", err)
		}
		names[i] = r.prefix + "/share_" + strconv.Itoa(i)
		if err := r.copyNodes(names[i], r.isEarly, map[string]tf.Output{r.model.Input.Op.Name(): share.Output(0)}); err != nil {
			return nil, err
		}
	}
	return names, nil
}

// copyLate copies the nodes behind the last convolution, which read the joined shares.
func (r *rewriter) copyLate(prefix string, joined *joiner) error {
	isLate := func(n *nodepb.NodeDef) bool { return r.late[n.GetName()] }
	given := map[string]tf.Output{r.model.Input.Op.Name(): r.model.Input}
	for _, n := range r.order {
		for _, from := range dataInputs(n) {
			if p := inference.Producer(from); isLate(n) && r.early[p] && !r.late[p] {
				var err error
				if given[from], err = joined.tensor(from); err != nil {
					return err
				}
			}
		}
	}
	return r.copyNodes(prefix, isLate, given)
}

// fillsShares says whether no share may be empty: oneDNN's convolutions get the shape of an empty
// batch wrong.
func (r *rewriter) fillsShares() bool {
	return slices.ContainsFunc(r.order, func(n *nodepb.NodeDef) bool {
		_, ours := r.fast[n.GetName()]
		return r.isEarly(n) && !ours && strings.Contains(n.GetOp(), "Conv")
	})
}

func (r *rewriter) isEarly(n *nodepb.NodeDef) bool { return r.early[n.GetName()] }

// giveBack frees the transformed kernels of a failed rewrite.
func (r *rewriter) giveBack() error {
	scope := op.NewScopeWithGraph(r.model.Graph).SubScope(r.prefix).SubScope("give_back")
	var destroyed []*tf.Operation
	for _, v := range r.variables {
		destroyed = append(destroyed, op.DestroyResourceOp(scope, v.handle, op.DestroyResourceOpIgnoreLookupError(true)))
	}
	if err := scope.Err(); err != nil || len(destroyed) == 0 {
		return err
	}
	if _, err := r.model.Session.Run(nil, nil, destroyed); err != nil {
		return fmt.Errorf("convolution: free the transformed kernels of %s: %w", r.model.Name, err)
	}
	return nil
}

// copyNodes imports copies of some nodes under a prefix. Given tensors replace those of the same
// name; all others from outside the copies are those of the original graph.
func (r *rewriter) copyNodes(prefix string, wanted func(*nodepb.NodeDef) bool, given map[string]tf.Output) error {
	copies := &copiedNodes{inside: map[string]bool{}, given: given, mapped: map[string]tf.Output{}}
	for _, n := range r.order {
		if wanted(n) {
			copies.inside[n.GetName()] = true
		}
	}
	for _, n := range r.order {
		if !wanted(n) {
			continue
		}
		replacements, err := r.replacements(n, copies.inside, copies.mapped)
		if err != nil {
			return err
		}
		for _, replacement := range replacements {
			if err := r.connect(replacement, copies); err != nil {
				return err
			}
			copies.nodes = append(copies.nodes, replacement)
		}
	}
	return r.importCopies(prefix, copies)
}

// copiedNodes are nodes that are about to be imported.
type copiedNodes struct {
	nodes []*nodepb.NodeDef
	// inside has the names of what is copied.
	inside map[string]bool
	// given are tensors that take the place of those of the same name; mapped are all that come from outside.
	given, mapped map[string]tf.Output
}

// connect maps the inputs of a copy that come from outside the copies.
func (r *rewriter) connect(n *nodepb.NodeDef, c *copiedNodes) error {
	var inputs []string
	for _, from := range n.GetInput() {
		if strings.HasPrefix(from, "^") && !c.inside[inference.Producer(from)] {
			continue // such as a loader's assertions, which have been kept
		}
		inputs = append(inputs, from)
		if c.inside[inference.Producer(from)] || c.mapped[from].Op != nil {
			continue
		}
		outside, found := c.given[from]
		if !found {
			var err error
			if outside, err = r.output(from); err != nil {
				return err
			}
		}
		c.mapped[from] = outside
	}
	n.Input = inputs
	return nil
}

func (r *rewriter) importCopies(prefix string, c *copiedNodes) error {
	options := tf.GraphImportOptions{Prefix: prefix}
	for from, to := range c.mapped {
		name, index, err := inference.ParseTensor(from)
		if err != nil {
			return fmt.Errorf("convolution: %w", err)
		}
		options.AddInputMapping(name, index, to)
	}
	encoded, err := proto.Marshal(&graphpb.GraphDef{Versions: r.versions, Node: c.nodes})
	if err != nil {
		return fmt.Errorf("convolution: encode the rewritten graph: %w", err)
	}
	if err := r.model.Graph.ImportWithOptions(encoded, options); err != nil {
		return fmt.Errorf("convolution: add the rewritten graph of %s: %w", r.model.Name, err)
	}
	return nil
}

// joiner concatenates the shares of a batch.
type joiner struct {
	graph   *tf.Graph
	scope   *op.Scope
	shares  []string // prefixes
	tensors map[string]tf.Output
	// pictures, if set, are the whole batch, which may be smaller than the output of the filled shares.
	pictures, count tf.Output
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
	j.tensors[name] = j.cut(scope, op.ConcatV2(scope, parts, op.Const(scope.SubScope("axis"), int32(0))))
	if err := j.scope.Err(); err != nil {
		return tf.Output{}, fmt.Errorf("convolution: join the batch: %w", err)
	}
	return j.tensors[name], nil
}

// cut drops the results of what only filled the shares.
func (j *joiner) cut(scope *op.Scope, all tf.Output) tf.Output {
	if j.pictures.Op == nil {
		return all
	}
	rows := func(scope *op.Scope, of, to tf.Output) tf.Output {
		return op.StridedSlice(scope, of, op.Const(scope.SubScope("from"), []int32{0}), to, op.Const(scope.SubScope("step"), []int32{1}))
	}
	if j.count.Op == nil {
		counting := j.scope.SubScope("count")
		j.count = rows(counting, op.Shape(counting, j.pictures), op.Const(counting.SubScope("one"), []int32{1}))
	}
	return rows(scope.SubScope("cut"), all, j.count)
}
