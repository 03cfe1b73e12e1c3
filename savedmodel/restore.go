package savedmodel

import (
	"slices"
	"strconv"
	"strings"

	framework "github.com/galeone/tensorflow/tensorflow/go/core/framework/function_go_proto"
	nodepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"

	"fovea/inference"
)

// restorer reads what a function that restores variables does, as Keras 3 and tf.saved_model write it: read tensors
// of the checkpoint and assign them. Keras 3 stores every variable twice, and the function also restores those that
// the signature does not read; TensorFlow rewrites and prepares it before it runs, which takes longer than reading.
type restorer struct {
	nodes map[string]*nodepb.NodeDef // of the function
	// given are the tensors that the arguments are given.
	given map[string]string
	// checkpoint is the tensor of the checkpoint's name, in the graph.
	checkpoint string
}

// checkpointTensors are the keys in the checkpoint of the variables that restoring assigns, by the variables' names.
// It is nil if the restoring does anything else.
func (p *program) checkpointTensors(top map[string]*nodepb.NodeDef, functions map[string]*framework.FunctionDef) map[string]string {
	call := top[p.restore]
	function := functions[call.GetAttr()["f"].GetFunc().GetName()]
	if kind := call.GetOp(); function == nil || kind != "StatefulPartitionedCall" && kind != "PartitionedCall" {
		return nil
	}
	for _, one := range functions { // such variables would not be found by their nodes
		if slices.ContainsFunc(one.GetNodeDef(), func(n *nodepb.NodeDef) bool { return n.GetOp() == "VarHandleOp" }) {
			return nil
		}
	}
	arguments, inputs := function.GetSignature().GetInputArg(), dataInputs(call)
	if len(arguments) != len(inputs) || len(call.GetInput()) != len(inputs) {
		return nil
	}
	r := restorer{nodes: map[string]*nodepb.NodeDef{}, given: map[string]string{}, checkpoint: inference.Producer(p.checkpoint)}
	for i, argument := range arguments {
		r.given[argument.GetName()] = inputs[i]
	}
	for _, n := range function.GetNodeDef() {
		r.nodes[n.GetName()] = n
	}
	keys := map[string]string{}
	for _, n := range function.GetNodeDef() {
		switch n.GetOp() {
		case "Const", "Identity", "NoOp", "RestoreV2":
		case "AssignVariableOp":
			variable, key, ok := r.assignment(n, top)
			if _, twice := keys[variable]; !ok || twice {
				return nil
			}
			keys[variable] = key
		default:
			return nil
		}
	}
	return keys
}

// assignment is the variable that a node assigns to, and the key of its value.
func (r *restorer) assignment(n *nodepb.NodeDef, top map[string]*nodepb.NodeDef) (variable, key string, ok bool) {
	inputs := dataInputs(n)
	if len(inputs) != 2 {
		return "", "", false
	}
	handle := top[r.given[r.origin(inputs[0])]]
	if handle.GetOp() != "VarHandleOp" || string(handle.GetAttr()["container"].GetS()) != "" {
		return "", "", false
	}
	name, output, _ := strings.Cut(r.origin(inputs[1]), ":tensors:")
	reader := r.nodes[name]
	index, err := strconv.Atoi(output)
	if err != nil || index < 0 || reader.GetOp() != "RestoreV2" {
		return "", "", false
	}
	from := dataInputs(reader)
	types := reader.GetAttr()["dtypes"].GetList().GetType()
	if len(from) != 3 || inference.Producer(r.given[r.origin(from[0])]) != r.checkpoint || index >= len(types) || types[index] != handle.GetAttr()["dtype"].GetType() {
		return "", "", false
	}
	keys, parts := r.texts(from[1]), r.texts(from[2])
	if len(keys) != len(types) || len(parts) != len(types) || len(parts[index]) > 0 {
		return "", "", false
	}
	return variableName(handle), string(keys[index]), true
}

// origin is the tensor that others of the function repeat.
func (r *restorer) origin(tensor string) string {
	for range maxDepth {
		n := r.nodes[inference.Producer(tensor)]
		if n.GetOp() != "Identity" || len(n.GetInput()) == 0 {
			break
		}
		tensor = n.GetInput()[0]
	}
	return tensor
}

// texts are the values of a constant vector, of which the last is repeated where some are missing.
func (r *restorer) texts(tensor string) [][]byte {
	n := r.nodes[inference.Producer(r.origin(tensor))]
	if n.GetOp() != "Const" {
		return nil
	}
	value := n.GetAttr()["value"].GetTensor()
	texts := slices.Clone(value.GetStringVal())
	dims := value.GetTensorShape().GetDim()
	if len(dims) != 1 || len(texts) == 0 || int64(len(texts)) > dims[0].GetSize() || dims[0].GetSize() > maxConstant {
		return nil
	}
	for int64(len(texts)) < dims[0].GetSize() {
		texts = append(texts, texts[len(texts)-1])
	}
	return texts
}

// restoreVariables gives the variables of the loaded graph the values that the checkpoint has for them, without the
// model's own function.
func (l *loader) restoreVariables() error {
	keys := map[string]string{} // by handle
	for _, n := range l.meta.GetGraphDef().GetNode() {
		if n.GetOp() != "VarHandleOp" || l.loaded.Graph.Operation(n.GetName()) == nil {
			continue
		}
		if key, found := l.program.keys[variableName(n)]; found {
			keys[n.GetName()] = key
		}
	}
	if len(keys) == 0 {
		return nil
	}
	return l.assign("fovea_variables", keys)
}
