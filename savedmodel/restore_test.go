package savedmodel

import (
	"maps"
	"testing"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	attrpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	functionpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/function_go_proto"
	nodepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	tensorpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_go_proto"
	typespb "github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"
)

func strings2(name string, values ...string) *nodepb.NodeDef {
	t := &tensorpb.TensorProto{Dtype: typespb.DataType_DT_STRING, TensorShape: tensorShape(2)}
	for _, v := range values {
		t.StringVal = append(t.StringVal, []byte(v))
	}
	return constantNode(name, t)
}

// restoringFunction is what Keras writes, for two variables.
func restoringFunction() (top []*nodepb.NodeDef, f *functionpb.FunctionDef) {
	float := typed("dtype", tf.Float)
	types := attributes{"dtypes": {Value: &attrpb.AttrValue_List{List: &attrpb.AttrValue_ListValue{Type: []typespb.DataType{typespb.DataType_DT_FLOAT, typespb.DataType_DT_FLOAT}}}}}
	top = []*nodepb.NodeDef{
		node("saver_filename = Placeholder()"), node("a = VarHandleOp()", float, text("shared_name", "one")), node("b = VarHandleOp()", float),
		call("restore(saver_filename, a, b)", "traced"),
	}
	f = function("traced(file, x, y) done=keep:output:0",
		strings2("keys", "key of a", "key of b"), strings2("parts", ""),
		node("read = RestoreV2(file, keys:output:0, parts:output:0)", types),
		node("first = Identity(read:tensors:0)"), node("second = Identity(read:tensors:1)"),
		node("set_x = AssignVariableOp(x, first:output:0)"), node("set_y = AssignVariableOp(y, second:output:0)"),
		node("all = NoOp(^set_x, ^set_y)"), node("keep = Identity(file, ^all)"))
	return top, f
}

// Which value of the checkpoint belongs to which variable is read where nothing else is done, and only there.
func TestCheckpointTensors(t *testing.T) {
	for name, c := range map[string]struct {
		change func(top map[string]*nodepb.NodeDef, body map[string]*nodepb.NodeDef)
		want   map[string]string
	}{
		"as Keras writes it": {func(_, _ map[string]*nodepb.NodeDef) {}, map[string]string{"one": "key of a", "b": "key of b"}},
		"crossed": {func(_, b map[string]*nodepb.NodeDef) {
			b["first"].Input[0], b["second"].Input[0] = "read:tensors:1", "read:tensors:0"
		}, map[string]string{"one": "key of b", "b": "key of a"}},
		"arithmetic":         {func(_, b map[string]*nodepb.NodeDef) { b["first"].Op = "Neg" }, nil},
		"another assignment": {func(_, b map[string]*nodepb.NodeDef) { b["set_x"].Op = "AssignAddVariableOp" }, nil},
		"assigned twice":     {func(_, b map[string]*nodepb.NodeDef) { b["set_y"].Input[0] = "x" }, nil},
		"one name":           {func(top, _ map[string]*nodepb.NodeDef) { top["b"].Attr["shared_name"] = top["a"].Attr["shared_name"] }, nil},
		"a part of a tensor": {func(_, b map[string]*nodepb.NodeDef) {
			b["parts"].Attr["value"].GetTensor().StringVal[0] = []byte("4 0,2")
		}, nil},
		"another file": {func(_, b map[string]*nodepb.NodeDef) { b["read"].Input[0] = "x" }, nil},
		"another type": {func(top, _ map[string]*nodepb.NodeDef) { top["a"].Attr["dtype"] = typeAttribute(tf.Half) }, nil},
		"too few keys": {func(_, b map[string]*nodepb.NodeDef) {
			b["keys"].Attr["value"].GetTensor().TensorShape = tensorShape(1)
		}, nil},
		"no such tensor":            {func(_, b map[string]*nodepb.NodeDef) { b["first"].Input[0] = "read:tensors:2" }, nil},
		"keys that are computed":    {func(_, b map[string]*nodepb.NodeDef) { b["read"].Input[1] = "first:output:0" }, nil},
		"no variable":               {func(top, _ map[string]*nodepb.NodeDef) { top["a"].Op = "Placeholder" }, nil},
		"waits for something":       {func(top, _ map[string]*nodepb.NodeDef) { top["restore"].Input = append(top["restore"].Input, "^a") }, nil},
		"variables in the function": {func(_, b map[string]*nodepb.NodeDef) { b["all"].Op = "VarHandleOp" }, nil},
		"no function":               {func(top, _ map[string]*nodepb.NodeDef) { top["restore"].Attr = calls("another") }, nil},
	} {
		all, f := restoringFunction()
		top, body := map[string]*nodepb.NodeDef{}, map[string]*nodepb.NodeDef{}
		for _, n := range all {
			top[n.GetName()] = n
		}
		for _, n := range f.GetNodeDef() {
			body[n.GetName()] = n
		}
		c.change(top, body)
		p := &program{restore: "restore", checkpoint: "saver_filename:0"}
		got := p.checkpointTensors(top, map[string]*functionpb.FunctionDef{"traced": f})
		if !maps.Equal(got, c.want) || (got == nil) != (c.want == nil) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// A model that Keras exported is restored without its function, which is not even loaded.
func TestRestoreVariables(t *testing.T) {
	l, _ := flattened(t, models+"/keras-export", "")
	if l.program.keys == nil || l.loaded.Graph.Operation(l.program.restore) != nil {
		t.Errorf("the keys are %v", l.program.keys)
	}
}
