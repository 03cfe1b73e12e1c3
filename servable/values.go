package servable

import (
	"fmt"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"

	"fovea/inference"
)

// exportScope is a scope of operations that export adds to a model's graph. Operations cannot be removed from a graph,
// so that each export needs new names.
func exportScope(graph *tf.Graph, last string) *op.Scope {
	name := "fovea_export"
	for i := 1; graph.Operation(name+"/"+last) != nil; i++ {
		name = fmt.Sprintf("fovea_export_%d", i)
	}
	return op.NewScopeWithGraph(graph).SubScope(name)
}

// reading adds an operation that reads a variable in its model's graph.
func (v variable) reading(scope *op.Scope) tf.Output {
	if v.source.DataType() == tf.DataType(handleType) {
		return op.ReadVariableOp(scope.SubScope("read"), v.source, tf.DataType(v.kind))
	}
	return v.source
}

// fetchValues reads the values of a model's variables, for the session of another one to save them.
func fetchValues(model *inference.Model, variables []variable) error {
	if len(variables) == 0 {
		return nil
	}
	scope := exportScope(model.Graph, "NoOp")
	op.NoOp(scope)
	var readings []tf.Output
	for _, v := range variables {
		readings = append(readings, v.reading(scope))
	}
	if err := scope.Err(); err != nil {
		return err
	}
	values, err := model.Session.Run(nil, readings, nil)
	for i := range values {
		variables[i].value = values[i]
	}
	return err
}

// saveValues writes variables as a checkpoint: those without a value are of the model, whose session does it, because that
// holds them.
func saveValues(model *inference.Model, variables []variable, prefix string) error {
	scope := exportScope(model.Graph, "SaveV2")
	file, err := tf.NewTensor(prefix)
	if err != nil {
		return err
	}
	target := op.Placeholder(scope.SubScope("prefix"), tf.String, op.PlaceholderShape(tf.ScalarShape()))
	feeds := map[tf.Output]*tf.Tensor{target: file}
	var names []string
	var values []tf.Output
	for _, v := range variables {
		names = append(names, v.name)
		if v.value == nil {
			values = append(values, v.reading(scope))
			continue
		}
		value := op.Placeholder(scope.SubScope("value"), tf.DataType(v.kind), op.PlaceholderShape(tf.MakeShape(v.value.Shape()...)))
		feeds[value], values = v.value, append(values, value)
	}
	keys, slices := op.Const(scope.SubScope("keys"), names), op.Const(scope.SubScope("slices"), make([]string, len(names)))
	saved := op.SaveV2(scope, target, keys, slices, values)
	if err := scope.Err(); err != nil {
		return err
	}
	_, err = model.Session.Run(feeds, nil, []*tf.Operation{saved})
	return err
}
