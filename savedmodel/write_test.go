package savedmodel

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	attrpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	graphpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/graph_go_proto"
	nodepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	variablepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/variable_go_proto"
	core "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"

	"fovea/internal/swap"
)

// The same model is written as the same bytes: features and heads name it by their SHA-256.
func TestWriteTheSame(t *testing.T) {
	node := &nodepb.NodeDef{Name: "x", Op: "Placeholder", Attr: map[string]*attrpb.AttrValue{}}
	parts := Parts{Graph: &graphpb.GraphDef{Node: []*nodepb.NodeDef{node}}, Saver: &core.SaverDef{}, Signatures: map[string]*core.SignatureDef{}}
	for i := range 20 {
		name := strconv.Itoa(i)
		node.Attr[name], parts.Signatures[name] = &attrpb.AttrValue{}, &core.SignatureDef{MethodName: PredictMethod}
	}
	var first []byte
	for i := range 5 {
		dir := filepath.Join(t.TempDir(), "model")
		if err := Write(dir, parts, func(string) error { return nil }); err != nil {
			t.Fatal(err)
		}
		model, err := os.ReadFile(filepath.Join(dir, graphFile))
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			first = model
		} else if !bytes.Equal(model, first) {
			t.Fatal("the same model is written as other bytes")
		}
	}
}

// The variables that the saver restores are in the collection in which Python's TensorFlow looks for them, in the graph's order.
func TestWriteVariables(t *testing.T) {
	graph := &graphpb.GraphDef{Node: nodes(
		"b = VarHandleOp()", "b/read = ReadVariableOp(b)", "a = VarHandleOp()", "a/read = ReadVariableOp(a:0)", "value = RestoreV2()",
		"b/assign = AssignVariableOp(b, value)", "a/assign = AssignVariableOp(a:0, value:1)", "a/initial = AssignVariableOp(a, value)",
		"restore = NoOp(^a/assign, ^b/assign)",
	)}
	dir := filepath.Join(t.TempDir(), "model")
	if err := Write(dir, Parts{Graph: graph, Saver: &core.SaverDef{RestoreOpName: "restore"}}, func(string) error { return nil }); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(filepath.Join(dir, graphFile))
	if err != nil {
		t.Fatal(err)
	}
	var model core.SavedModel
	if err := proto.Unmarshal(content, &model); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, b := range model.GetMetaGraphs()[0].GetCollectionDef()["variables"].GetBytesList().GetValue() {
		var v variablepb.VariableDef
		if err := proto.Unmarshal(b, &v); err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprint(v.GetVariableName(), " ", v.GetInitializerName(), " ", v.GetSnapshotName(), " ", v.GetIsResource()))
	}
	if want := []string{"b:0 b/assign b/read:0 true", "a:0 a/assign a/read:0 true"}; !slices.Equal(got, want) {
		t.Errorf("variables are %q, want %q", got, want)
	}
}

// Of two exports to one directory at once the second is refused and disturbs nothing; what a dead
// one has left goes with the next.
func TestWriteTwice(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "model")
	left := filepath.Join(filepath.Dir(dir), ".model.new", "next", "model", "variables")
	if err := os.MkdirAll(left, 0o755); err != nil {
		t.Fatal(err)
	}
	parts := Parts{Graph: &graphpb.GraphDef{}, Saver: &core.SaverDef{}}
	save := func(prefix string) error { return os.WriteFile(prefix+".index", nil, 0o644) }
	err := Write(dir, parts, func(prefix string) error {
		if err := Write(dir, parts, save); !errors.Is(err, swap.ErrLocked) {
			t.Errorf("the second: %v, want ErrLocked", err)
		}
		return save(prefix)
	})
	if err != nil {
		t.Fatal(err)
	}
	if entries, err := os.ReadDir(filepath.Dir(dir)); err != nil || len(entries) != 1 {
		t.Errorf("beside the model there is more: %v, %v", entries, err)
	}
	for _, name := range []string{graphFile, NoteFile, variablesPrefix + ".index"} {
		if _, err := os.Stat(filepath.Join(dir, filepath.FromSlash(name))); err != nil {
			t.Error(err)
		}
	}
}
