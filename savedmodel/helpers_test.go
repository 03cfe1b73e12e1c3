package savedmodel

import (
	"testing"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	shapepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_shape_go_proto"
	typespb "github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"
	core "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
)

// signatureOf is a signature of one input of that shape.
func signatureOf(sizes []int64) *core.SignatureDef {
	shape := new(shapepb.TensorShapeProto)
	for _, size := range sizes {
		shape.Dim = append(shape.Dim, &shapepb.TensorShapeProto_Dim{Size: size})
	}
	return &core.SignatureDef{Inputs: map[string]*core.TensorInfo{
		"image": {Encoding: &core.TensorInfo_Name{Name: "image:0"}, Dtype: typespb.DataType_DT_FLOAT, TensorShape: shape},
	}}
}

// flattened loads a model as far as its flat graph.
func flattened(t *testing.T, dir, signature string) (*loader, []*tf.Operation) {
	t.Helper()
	l, err := newLoader(dir, Options{Signature: signature})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.loaded.Session.Close() })
	operations, _, err := l.addFlat()
	if err != nil {
		t.Fatal(err)
	}
	return l, operations
}
