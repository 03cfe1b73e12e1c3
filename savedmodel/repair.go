package savedmodel

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	core "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/op"
	"google.golang.org/protobuf/proto"

	"fovea/inference"
)

// Keys of TensorFlow's object-based checkpoints.
const (
	objectGraphKey    = "_CHECKPOINTABLE_OBJECT_GRAPH"
	variableAttribute = "VARIABLE_VALUE"
)

// repair fills the variables that the signature reads if a probe shows that loading did not. What
// Keras 3 writes through tf.saved_model.save restores duplicates of them (keras #19274, tensorflow
// #72963): Python binds by object and does not notice; a session fails with "Could not find
// variable". The checkpoint says which value belongs to which object.
func (l *loader) repair(probe func() error) error {
	err := probe()
	if err == nil || errors.Is(err, ErrFormat) {
		return err
	}
	if !strings.Contains(err.Error(), "Could not find variable") && !strings.Contains(err.Error(), "uninitialized") {
		return unusable(err)
	}
	handles, err := l.checkpointKeys()
	if err != nil {
		return fmt.Errorf("%w: loading it does not restore its variables, and it does not say how to: %w", ErrFormat, err)
	}
	l.memorable = false
	if err := l.assign("fovea_restore", handles); err != nil {
		return fmt.Errorf("%w: restore its variables: %w", ErrFormat, err)
	}
	return unusable(probe())
}

// unusable wraps a probe's error as ErrFormat, unless it is that already or ErrNotDense.
func unusable(err error) error {
	if err == nil || errors.Is(err, ErrFormat) || errors.Is(err, ErrNotDense) {
		return err
	}
	return fmt.Errorf("%w: it cannot be run: %w", ErrFormat, err)
}

// checkpointKeys maps the variable handles captured by the signature's call to the keys of their
// values in the checkpoint.
func (l *loader) checkpointKeys() (map[string]string, error) {
	captured, call, err := l.captured()
	if err != nil {
		return nil, err
	}
	objects, err := l.objectGraph()
	if err != nil {
		return nil, err
	}
	keys := map[string]string{}
	for i, object := range captured {
		handle := call[len(call)-len(captured)+i]
		if int(object) >= len(objects.GetNodes()) || object < 0 {
			return nil, fmt.Errorf("object %d is not in the checkpoint", object)
		}
		for _, attribute := range objects.GetNodes()[object].GetAttributes() {
			if attribute.GetName() == variableAttribute {
				keys[handle] = attribute.GetCheckpointKey()
			}
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("no variable that it reads is in the checkpoint")
	}
	return keys, nil
}

// captured returns the objects that the signature's function captures, and the inputs of its call,
// and the last ones are the handles of these objects in the same order.
func (l *loader) captured() (objects []int32, inputs []string, err error) {
	graph := l.meta.GetObjectGraphDef()
	f := newFlattener(l.meta)
	for _, info := range l.def.GetOutputs() {
		call := f.top.nodes[parseTensor(info.GetName()).node]
		if call == nil || f.callee(call) == nil {
			continue
		}
		function := f.callee(call).GetSignature().GetName()
		for _, input := range call.GetInput() {
			if !strings.HasPrefix(input, "^") {
				inputs = append(inputs, input)
			}
		}
		objects = boundInputs(graph, f, function)
		if objects == nil || len(objects) > len(inputs) {
			return nil, nil, fmt.Errorf("the captures of function %s are not recorded", function)
		}
		return objects, inputs, nil
	}
	return nil, nil, errors.New("its signature is not a function call")
}

// boundInputs finds the captures of a function, or of the single function that it merely calls.
func boundInputs(graph *core.SavedObjectGraph, f *flattener, name string) []int32 {
	for range maxDepth {
		if concrete := graph.GetConcreteFunctions()[name]; concrete != nil {
			return concrete.GetBoundInputs()
		}
		next := ""
		for _, node := range f.functions[name].GetNodeDef() {
			if callee := f.callee(node); callee != nil {
				if next != "" {
					return nil
				}
				next = callee.GetSignature().GetName()
			}
		}
		if next == "" {
			return nil
		}
		name = next
	}
	return nil
}

func (l *loader) checkpoint() string {
	return filepath.Join(l.dir, filepath.FromSlash(variablesPrefix))
}

// objectGraph reads the checkpoint's description of its objects.
func (l *loader) objectGraph() (*core.TrackableObjectGraph, error) {
	scope := op.NewScopeWithGraph(l.loaded.Graph).SubScope("fovea_objects")
	values, err := l.restore(scope, []string{objectGraphKey}, []tf.DataType{tf.String})
	if err != nil {
		return nil, err
	}
	tensors, err := l.loaded.Session.Run(nil, values, nil)
	if err != nil {
		return nil, err
	}
	value, err := inference.Value(tensors[0])
	if err != nil {
		return nil, err
	}
	text, ok := value.(string)
	if !ok {
		return nil, errors.New("the checkpoint's description is not a string")
	}
	objects := new(core.TrackableObjectGraph)
	return objects, proto.Unmarshal([]byte(text), objects)
}

func (l *loader) restore(scope *op.Scope, keys []string, types []tf.DataType) ([]tf.Output, error) {
	values := op.RestoreV2(scope, op.Const(scope.SubScope("prefix"), l.checkpoint()),
		op.Const(scope.SubScope("keys"), keys), op.Const(scope.SubScope("slices"), make([]string, len(keys))), types)
	return values, scope.Err()
}

// assign restores each handle's value from its key. The names of what it adds to the graph begin with a prefix.
func (l *loader) assign(prefix string, keys map[string]string) error {
	scope := op.NewScopeWithGraph(l.loaded.Graph).SubScope(prefix)
	var names []string
	var types []tf.DataType
	var handles []tf.Output
	for _, handle := range sortedKeys(keys) {
		output, err := l.output(handle)
		if err != nil {
			return err
		}
		dtype, ok := l.variableType(handle)
		if !ok {
			continue
		}
		names, types, handles = append(names, keys[handle]), append(types, dtype), append(handles, output)
	}
	values, err := l.restore(scope, names, types)
	if err != nil {
		return err
	}
	var targets []*tf.Operation
	for i, value := range values {
		targets = append(targets, op.AssignVariableOp(scope.SubScope("assign"), handles[i], value))
	}
	if err := scope.Err(); err != nil {
		return err
	}
	_, err = l.loaded.Session.Run(nil, nil, targets)
	return err
}

// variableType is the element type of the variable behind a handle.
func (l *loader) variableType(handle string) (tf.DataType, bool) {
	for _, node := range l.meta.GetGraphDef().GetNode() {
		if node.GetName() == parseTensor(handle).node && node.GetOp() == "VarHandleOp" {
			return tf.DataType(node.GetAttr()["dtype"].GetType()), true
		}
	}
	return 0, false
}
