package convolution

import (
	"fmt"
	"slices"
	"strings"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	attrpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	graphpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/graph_go_proto"
	nodepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	"google.golang.org/protobuf/proto"

	"fovea/inference"
)

// controls are the control inputs of a node that depend on the input, such as assertions about it.
// Convolutions need not wait for them: they have no effect beyond their output.
func (r *rewriter) controls(n *nodepb.NodeDef) []string {
	var found []string
	for _, from := range n.GetInput() {
		_, fast := r.fast[inference.Producer(from)]
		if strings.HasPrefix(from, "^") && r.dependent(from) && !fast {
			found = append(found, from)
		}
	}
	return found
}

// dataInputs are the inputs of a node without control inputs.
func dataInputs(n *nodepb.NodeDef) []string {
	all := n.GetInput()
	if i := slices.IndexFunc(all, func(from string) bool { return strings.HasPrefix(from, "^") }); i >= 0 {
		return all[:i] // they come last
	}
	return all
}

// cleanPart holds the copies that wait for nothing.
const cleanPart = "clean"

// cleanControls copies, without their control inputs, the nodes that do not depend on the input but
// wait for nodes that do, such as a kernel that is read after an assertion about the images:
// kernels are transformed before there is any input.
func (r *rewriter) cleanControls() error {
	copies, options := &graphpb.GraphDef{Versions: r.versions}, tf.GraphImportOptions{Prefix: r.prefix + "/" + cleanPart}
	for _, n := range r.waiting {
		copied := proto.Clone(n).(*nodepb.NodeDef)
		copied.Input = slices.Clone(dataInputs(n))
		delete(copied.Attr, "_class")
		if shared := copied.GetAttr()["shared_name"]; shared != nil && len(shared.GetS()) == 0 {
			shared.Value = &attrpb.AttrValue_S{S: []byte(n.GetName())} // of the same variable
		}
		for _, from := range copied.Input {
			if r.cleaned[inference.Producer(from)] {
				continue
			}
			outside, err := r.output(from)
			if err != nil {
				return err
			}
			options.AddInputMapping(outside.Op.Name(), outside.Index, outside)
		}
		copies.Node = append(copies.Node, copied)
	}
	if len(copies.GetNode()) == 0 {
		return nil
	}
	encoded, err := proto.Marshal(copies)
	if err != nil {
		return fmt.Errorf("convolution: encode the nodes that wait for others: %w", err)
	}
	if err := r.model.Graph.ImportWithOptions(encoded, options); err != nil {
		return fmt.Errorf("convolution: copy the nodes of %s that wait for others: %w", r.model.Name, err)
	}
	r.clean = true
	return nil
}
