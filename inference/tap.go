package inference

import (
	"fmt"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"

	"fovea/recipe"
)

// tap adds a layer to the outputs, as float32, and pooled in the graph if requested, so that large
// maps need not leave the device.
func (e *Extractor) tap(name, pool string) error {
	layer, err := e.model.Layer(name)
	if err != nil {
		return err
	}
	how, err := recipe.ParsePool(pool)
	if err != nil {
		return fmt.Errorf("inference: %w", err)
	}
	stored, err := storedLayer(name, layer, how)
	if err != nil {
		return err
	}
	output, err := e.asFloat32(layer)
	if err != nil {
		return err
	}
	if len(stored.Shape) < len(layer.Shape) {
		if output, err = e.pooled(layer, output, how); err != nil {
			return err
		}
	}
	e.least = max(e.least, layer.Least)
	e.layers = append(e.layers, stored)
	e.outputs = append(e.outputs, output)
	return nil
}

// storedLayer says what is stored of a layer after pooling.
func storedLayer(name string, layer Layer, pool recipe.Pooling) (recipe.Layer, error) {
	stored := recipe.Layer{Name: name, Shape: layer.Shape, Layout: recipe.LayoutC}
	switch {
	case layer.Spatial():
		stored.Layout = recipe.LayoutHWC
	case layer.Tokens():
		stored.Layout = recipe.LayoutTC
	default:
		return stored, nil
	}
	if pool.Kind == recipe.PoolNone {
		return stored, nil
	}
	stored.Shape, stored.Layout = []int{pool.Values(layer.Shape[len(layer.Shape)-1])}, recipe.LayoutC
	return stored, checkPool(name, layer, pool)
}

// asFloat32 is the layer's tensor, cast if the model computes it in another precision.
func (e *Extractor) asFloat32(layer Layer) (tf.Output, error) {
	if layer.Output.DataType() == tf.Float {
		return layer.Output, nil
	}
	name := "fovea_float32_" + layer.Name
	return e.extend(name, "Cast", "cast layer "+layer.Name, func(scope *op.Scope) tf.Output {
		return op.Cast(scope, layer.Output, tf.Float)
	})
}

// pooled adds the pooling of a layer's tensor over all dimensions between the first, the batch, and
// the last, the channels.
func (e *Extractor) pooled(layer Layer, output tf.Output, pool recipe.Pooling) (tf.Output, error) {
	name, kind := "fovea_"+poolName(pool)+"_"+layer.Name, map[string]string{recipe.PoolAverage: "Mean", recipe.PoolMax: "Max", recipe.PoolClass: "Squeeze"}[pool.Kind]
	if kind == "" {
		return e.extend(name, "Identity", "pool layer "+layer.Name, func(scope *op.Scope) tf.Output {
			return op.Identity(scope, pooler{scope, layer, output}.pool(pool))
		})
	}
	return e.extend(name, kind, "pool layer "+layer.Name, func(scope *op.Scope) tf.Output {
		if pool.Kind == recipe.PoolClass {
			first := op.Slice(scope, output, op.Const(scope.SubScope("begin"), []int32{0, 0, 0}), op.Const(scope.SubScope("size"), []int32{-1, 1, -1}))
			return op.Squeeze(scope, first, op.SqueezeAxis([]int64{1}))
		}
		// By the layer, not the tensor: our own operations do not declare their shape.
		between := []int32{1, 2}[:len(layer.Shape)-1]
		axes := op.Const(scope.SubScope("axes"), between)
		if pool.Kind == recipe.PoolMax {
			return op.Max(scope, output, axes)
		}
		return op.Mean(scope, output, axes)
	})
}

// extend adds operations to the graph under a name, unless an earlier Extractor of the model has
// done so; kind is the type of the last of them.
func (e *Extractor) extend(name, kind, what string, add func(*op.Scope) tf.Output) (tf.Output, error) {
	if operation := e.model.Graph.Operation(name + "/" + kind); operation != nil {
		return operation.Output(0), nil
	}
	scope := op.NewScopeWithGraph(e.model.Graph).SubScope(name)
	if e.model.Placement != "" {
		scope = scope.WithDevice(e.model.Placement)
	}
	output := add(scope)
	if err := scope.Err(); err != nil {
		return tf.Output{}, fmt.Errorf("inference: %s: %w", what, err)
	}
	return output, nil
}
