package savedmodel

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	attrpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	functionpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/function_go_proto"
	nodepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	tensorpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_go_proto"
	typespb "github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"
	core "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
)

// The tests hide harmless operations in models: most of them write a file in a temporary directory,
// which shows whether they were run.

func stringConstant(name, value string) *nodepb.NodeDef {
	return constantNode(name, &tensorpb.TensorProto{Dtype: typespb.DataType_DT_STRING, TensorShape: tensorShape(), StringVal: [][]byte{[]byte(value)}})
}

// writing are nodes that write a file, the last of them by itself.
func writing(name, file string, inFunction bool) []*nodepb.NodeDef {
	of := ""
	if inFunction {
		of = ":output:0"
	}
	return []*nodepb.NodeDef{
		stringConstant(name+"_name", file), stringConstant(name+"_text", "run"),
		node(name + " = WriteFile(" + name + "_name" + of + ", " + name + "_text" + of + ")"),
	}
}

// add adds nodes to the graph and makes what the signature returns wait for the last of them.
func add(m *core.MetaGraphDef, added ...*nodepb.NodeDef) {
	m.GraphDef.Node = append(m.GraphDef.Node, added...)
	output := parseTensor(outputTensors(m.SignatureDef[defaultSignature])[0]).node
	for _, n := range m.GraphDef.Node {
		if n.GetName() == output {
			n.Input = append(n.Input, "^"+added[len(added)-1].GetName())
		}
	}
}

// start makes a collection name a node that waits for the last of the added ones.
func start(m *core.MetaGraphDef, collection string, added ...*nodepb.NodeDef) {
	m.GraphDef.Node = append(append(m.GraphDef.Node, added...), node("start = NoOp(^"+added[len(added)-1].GetName()+")"))
	if m.CollectionDef == nil {
		m.CollectionDef = map[string]*core.CollectionDef{}
	}
	delete(m.CollectionDef, "legacy_init_op")
	m.CollectionDef[collection] = &core.CollectionDef{Kind: &core.CollectionDef_NodeList_{NodeList: &core.CollectionDef_NodeList{Value: []string{"start"}}}}
}

// convolving is the function of a Keras model that computes.
func convolving(m *core.MetaGraphDef) *functionpb.FunctionDef {
	for _, f := range m.GraphDef.Library.Function {
		if slices.ContainsFunc(f.NodeDef, func(n *nodepb.NodeDef) bool { return n.Op == "Conv2D" }) {
			return f
		}
	}
	return nil
}

// looping is a loop of one round, whose body writes a file.
func looping(m *core.MetaGraphDef, file string) *nodepb.NodeDef {
	argument := func(f *functionpb.FunctionDef, output typespb.DataType) *functionpb.FunctionDef {
		f.Signature.InputArg[0].Type, f.Signature.OutputArg[0].Type = typespb.DataType_DT_INT32, output
		return f
	}
	one := func() *nodepb.NodeDef {
		return constantNode("one", &tensorpb.TensorProto{Dtype: typespb.DataType_DT_INT32, TensorShape: tensorShape(), IntVal: []int32{1}})
	}
	int32s := typed("T", tf.Int32)
	body := append([]*nodepb.NodeDef{one()}, writing("mark", file, true)...)
	body = append(body, node("next = AddV2(i, one:output:0, ^mark)", int32s))
	m.GraphDef.Library = &functionpb.FunctionDefLibrary{Function: append(m.GraphDef.Library.GetFunction(),
		argument(function("more(i) go=less:z:0", one(), node("less = Less(i, one:output:0)", int32s)), typespb.DataType_DT_BOOL),
		argument(function("round(i) after=next:z:0", body...), typespb.DataType_DT_INT32))}
	named := func(name string) *attrpb.AttrValue {
		return &attrpb.AttrValue{Value: &attrpb.AttrValue_Func{Func: &attrpb.NameAttrList{Name: name}}}
	}
	m.GraphDef.Node = append(m.GraphDef.Node, constantNode("zero", &tensorpb.TensorProto{Dtype: typespb.DataType_DT_INT32, TensorShape: tensorShape(), IntVal: []int32{0}}))
	return node("loop = While(zero)", attributes{
		"cond": named("more"), "body": named("round"),
		"T": {Value: &attrpb.AttrValue_List{List: &attrpb.AttrValue_ListValue{Type: []typespb.DataType{typespb.DataType_DT_INT32}}}},
	})
}

// tables are nodes that fill a table from a text file whose name the last constant is.
func tables(file string) []*nodepb.NodeDef {
	return []*nodepb.NodeDef{
		node("table = HashTableV2()", typed("key_dtype", tf.String), typed("value_dtype", tf.Int64)),
		stringConstant("words", file),
		node("fill = InitializeTableFromTextFileV2(table, words)", number("key_index", -2), number("value_index", -1)),
	}
}

func restoring(file string) []*nodepb.NodeDef {
	return []*nodepb.NodeDef{
		stringConstant("from", file),
		constantNode("keys", &tensorpb.TensorProto{Dtype: typespb.DataType_DT_STRING, TensorShape: tensorShape(1), StringVal: [][]byte{[]byte("small/fc6/biases")}}),
		constantNode("slices", &tensorpb.TensorProto{Dtype: typespb.DataType_DT_STRING, TensorShape: tensorShape(1), StringVal: [][]byte{nil}}),
		node("read = RestoreV2(from, keys, slices)", attributes{"dtypes": {Value: &attrpb.AttrValue_List{List: &attrpb.AttrValue_ListValue{Type: []typespb.DataType{typespb.DataType_DT_FLOAT}}}}}),
	}
}

// outcome is what becomes of a model.
type outcome int

const (
	refused outcome = iota
	runs            // refused; once trusted, it writes its file
	broken          // refused; once trusted, TensorFlow cannot open it
	harmless
)

// stranger is a model that does more than it should.
type stranger struct {
	kind   string
	change func(m *core.MetaGraphDef, file string)
	// want is in the error.
	want    []string
	outcome outcome
	// loading says that only opening it runs the operation.
	loading bool
}

var strangers = map[string]stranger{
	"writes in the graph": {"tf1-resource", func(m *core.MetaGraphDef, file string) { add(m, writing("mark", file, false)...) },
		[]string{"WriteFile reads or writes files (node mark, run by signature serving_default)"}, runs, false},
	"writes in a function": {"keras-export", func(m *core.MetaGraphDef, file string) {
		f := convolving(m)
		f.NodeDef = append(f.NodeDef, writing("mark", file, true)...)
		for _, n := range f.NodeDef {
			if n.Op == "Conv2D" {
				n.Input = append(n.Input, "^mark")
			}
		}
	}, []string{"WriteFile reads or writes files (node mark in function __inference"}, runs, false},
	"writes for the effect only": {"keras-export", func(m *core.MetaGraphDef, file string) {
		f := convolving(m)
		f.NodeDef = append(f.NodeDef, writing("mark", file, true)...)
	}, []string{"WriteFile"}, refused, false},
	"writes in a loop": {"tf1-resource", func(m *core.MetaGraphDef, file string) { add(m, looping(m, file)) },
		[]string{"WriteFile reads or writes files (node mark in function round"}, runs, false},
	"writes at first": {"tf1-resource", func(m *core.MetaGraphDef, file string) { start(m, "legacy_init_op", writing("mark", file, false)...) },
		[]string{"WriteFile", "run when it is initialized"}, runs, true},
	"writes at first, newer": {"tf1-reference", func(m *core.MetaGraphDef, file string) {
		start(m, "saved_model_main_op", writing("mark", file, false)...)
	}, []string{"run when it is initialized"}, runs, true},
	"writes at first, newest": {"keras-export", func(m *core.MetaGraphDef, file string) {
		start(m, "unused", writing("mark", file, false)...)
		m.SignatureDef[initSignature] = &core.SignatureDef{Outputs: map[string]*core.TensorInfo{initSignature: {Encoding: &core.TensorInfo_Name{Name: "start"}}}}
	}, []string{"run when it is initialized"}, runs, true},
	"writes when restored": {"tf1-resource", func(m *core.MetaGraphDef, file string) {
		m.GraphDef.Node = append(m.GraphDef.Node, writing("mark", file, false)...)
		for _, n := range m.GraphDef.Node {
			if n.Name == m.SaverDef.RestoreOpName {
				n.Input = append(n.Input, "^mark")
			}
		}
	}, []string{"run when its variables are restored"}, runs, true},
	"writes in another signature": {"tf1-resource", func(m *core.MetaGraphDef, file string) {
		m.GraphDef.Node = append(m.GraphDef.Node, writing("mark", file, false)...)
		m.GraphDef.Node = append(m.GraphDef.Node, node("zero = Identity(mark_name, ^mark)", typed("T", tf.String)))
		m.SignatureDef["another"] = &core.SignatureDef{Outputs: map[string]*core.TensorInfo{"zero": {Encoding: &core.TensorInfo_Name{Name: "zero:0"}}}}
	}, nil, harmless, false},
	"prints to a file": {"tf1-resource", func(m *core.MetaGraphDef, file string) {
		add(m, stringConstant("words", "run"), node("print = PrintV2(words)", text("output_stream", "file://"+file), text("end", "\n")))
	}, []string{"PrintV2 prints to a file"}, runs, false},
	"prints to standard output": {"tf1-resource", func(m *core.MetaGraphDef, _ string) {
		add(m, stringConstant("words", ""), node("print = PrintV2(words)", text("output_stream", "stdout"), text("end", "")))
	}, []string{"PrintV2 prints to standard output"}, refused, false},
	"prints to standard error": {"tf1-resource", func(m *core.MetaGraphDef, _ string) {
		add(m, stringConstant("words", ""), node("print = PrintV2(words)", text("output_stream", "stderr"), text("end", "")))
	}, nil, harmless, false},
	"reads": {"tf1-resource", func(m *core.MetaGraphDef, file string) {
		add(m, stringConstant("where", filepath.Join(filepath.Dir(file), "words")), node("read = ReadFile(where)"))
	}, []string{"ReadFile reads or writes files"}, refused, false},
	"maps a file": {"tf1-resource", func(m *core.MetaGraphDef, file string) {
		add(m, node("map = ImmutableConst()", typed("dtype", tf.Float), attributes{"shape": shapeAttribute(1)}, text("memory_region_name", filepath.Join(filepath.Dir(file), "words"))))
	}, []string{"ImmutableConst reads or writes files"}, refused, false},
	"looks around": {"tf1-resource", func(m *core.MetaGraphDef, file string) {
		add(m, stringConstant("where", filepath.Dir(file)+"/*"), node("list = MatchingFiles(where)"))
	}, []string{"MatchingFiles"}, refused, false},
	"calls Python": {"tf1-resource", func(m *core.MetaGraphDef, _ string) {
		add(m, node("call = PyFunc()", text("token", "pyfunc_0"), attributes{
			"Tin": {Value: &attrpb.AttrValue_List{List: &attrpb.AttrValue_ListValue{}}}, "Tout": {Value: &attrpb.AttrValue_List{List: &attrpb.AttrValue_ListValue{}}},
		}))
	}, []string{"PyFunc calls Python"}, broken, false},
	"is unknown": {"tf1-resource", func(m *core.MetaGraphDef, _ string) { add(m, node("own = SomebodysOwn()")) },
		[]string{"SomebodysOwn is none of the operations that fovea knows"}, broken, false},
	"is internal": {"tf1-resource", func(m *core.MetaGraphDef, _ string) { add(m, node("own = _Own()")) },
		[]string{"_Own is one of TensorFlow's internal operations"}, broken, false},
	"fills a table by name": {"tf1-resource", func(m *core.MetaGraphDef, file string) {
		start(m, "legacy_init_op", tables(filepath.Join(filepath.Dir(file), "words"))...)
	}, []string{"InitializeTableFromTextFileV2 reads a file that is not among the model's assets"}, refused, true},
	"fills a table from its assets": {"tf1-resource", func(m *core.MetaGraphDef, _ string) {
		start(m, "legacy_init_op", tables("replaced")...)
		m.AssetFileDef = assets("words")
	}, nil, harmless, true},
	"fills a table late": {"tf1-resource", func(m *core.MetaGraphDef, _ string) {
		add(m, tables("not replaced")...)
		m.AssetFileDef = assets("words")
	}, []string{"InitializeTableFromTextFileV2"}, broken, false},
	"restores something else": {"tf1-resource", func(m *core.MetaGraphDef, file string) {
		start(m, "legacy_init_op", restoring(filepath.Join(filepath.Dir(file), "variables", "variables"))...)
	}, []string{"RestoreV2 reads a file other than the model's own checkpoint"}, broken, true},
	"restores late": {"tf1-resource", func(m *core.MetaGraphDef, _ string) {
		added := restoring("")
		added[3].Input[0] = parseTensor(m.SaverDef.FilenameTensorName).node
		add(m, added...)
	}, []string{"RestoreV2 reads a file other than the model's own checkpoint"}, broken, false},
}

func assets(name string) []*core.AssetFileDef {
	return []*core.AssetFileDef{{Filename: name, TensorInfo: &core.TensorInfo{Encoding: &core.TensorInfo_Name{Name: "words:0"}}}}
}

// make writes the stranger, and returns its directory and the file that it is after.
func (s stranger) make(t *testing.T) (dir, file string) {
	t.Helper()
	dir, file = copyModel(t, s.kind), filepath.Join(t.TempDir(), "trace")
	for _, place := range []string{filepath.Dir(file), filepath.Join(dir, assetsDir)} {
		if err := errors.Join(os.MkdirAll(place, 0o755), os.WriteFile(filepath.Join(place, "words"), []byte("cat\ndog\n"), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	if err := editModel(dir, func(m *core.SavedModel) { s.change(m.MetaGraphs[0], file) }); err != nil {
		t.Fatal(err)
	}
	return dir, file
}

// checkTrace says whether a file exists.
func checkTrace(t *testing.T, after, file string, want bool) {
	t.Helper()
	if _, err := os.Stat(file); (err == nil) != want {
		t.Errorf("after %s, the file exists: %t, want %t", after, err == nil, want)
	}
}

// Strangers are described, and refused with what they would do, without running it. Once trusted, they
// run.
func TestStrangers(t *testing.T) {
	for name, s := range strangers {
		t.Run(name, func(t *testing.T) {
			dir, file := s.make(t)
			d, err := Inspect(dir, defaultSignature)
			if err != nil || (len(d.Impure) == 0) != (s.outcome == harmless) {
				t.Errorf("Inspect finds %v, %v", d.Impure, err)
			}
			_, err = Examine(dir, Options{})
			if s.loading || s.outcome == harmless {
				if err != nil {
					t.Errorf("Examine: %v", err)
				}
			} else if !errors.Is(err, ErrUntrusted) {
				t.Errorf("Examine: %v", err)
			}
			checkTrace(t, "inspecting", file, false)
			model, err := Open(dir, Options{})
			checkTrace(t, "opening", file, false)
			if s.outcome == harmless {
				if err != nil {
					t.Fatal(err)
				}
				if err := model.Close(); err != nil {
					t.Error(err)
				}
				checkTrace(t, "running", file, false)
				return
			}
			if !errors.Is(err, ErrUntrusted) || !strings.Contains(err.Error(), "--trust-model") || !strings.Contains(err.Error(), dir) {
				t.Fatalf("Open: %v", err)
			}
			for _, want := range s.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%v, want %q", err, want)
				}
			}
			s.trust(t, dir, file)
		})
	}
}

func (s stranger) trust(t *testing.T, dir, file string) {
	t.Helper()
	var told []Impure
	model, err := Open(dir, Options{Trust: func(found []Impure) {
		told = append(told, found...)
		checkTrace(t, "telling", file, false)
	}})
	if len(told) == 0 {
		t.Error("nothing was told")
	}
	switch {
	case s.outcome == broken && !errors.Is(err, ErrFormat):
		t.Errorf("trusted, it gives %v", err)
	case s.outcome != broken && err != nil:
		t.Errorf("trusted, it gives %v", err)
	}
	if err == nil {
		if err := model.Close(); err != nil {
			t.Error(err)
		}
	}
	checkTrace(t, "trusting", file, s.outcome == runs)
}

// Assets stay in the model's directory, and links out of it are no assets.
func TestAssets(t *testing.T) {
	s := strangers["fills a table from its assets"]
	for _, name := range []string{"../saved_model.pb", "/etc/hostname", "a/../../words", ""} {
		dir, _ := s.make(t)
		if err := editModel(dir, func(m *core.SavedModel) { m.MetaGraphs[0].AssetFileDef[0].Filename = name }); err != nil {
			t.Fatal(err)
		}
		for _, trust := range []func([]Impure){nil, func([]Impure) {}} {
			if _, err := Open(dir, Options{Trust: trust}); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "outside of its directory") {
				t.Errorf("asset %q: %v", name, err)
			}
		}
	}
	for name, link := range map[string]func(dir, outside string) error{
		"a link": func(dir, outside string) error {
			words := filepath.Join(dir, assetsDir, "words")
			return errors.Join(os.Remove(words), os.Symlink(outside, words))
		},
		"a linked directory": func(dir, outside string) error {
			return errors.Join(os.RemoveAll(filepath.Join(dir, assetsDir)), os.Symlink(filepath.Dir(outside), filepath.Join(dir, assetsDir)))
		},
		"no file": func(dir, _ string) error {
			words := filepath.Join(dir, assetsDir, "words")
			return errors.Join(os.Remove(words), os.Mkdir(words, 0o755))
		},
	} {
		dir, file := s.make(t)
		if err := link(dir, filepath.Join(filepath.Dir(file), "words")); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(dir, Options{}); !errors.Is(err, ErrUntrusted) || !strings.Contains(err.Error(), "not a file in the model's directory") {
			t.Errorf("%s: %v", name, err)
		}
	}
	// The whole model may be a link, and so may its parent.
	dir, _ := s.make(t)
	linked := filepath.Join(t.TempDir(), "linked")
	if err := os.Symlink(dir, linked); err != nil {
		t.Fatal(err)
	}
	model, err := Open(linked, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := model.Close(); err != nil {
		t.Error(err)
	}
}

// Functions are followed wherever nodes name them: in lists, in other functions' attributes, through
// names of operations and around in circles.
func TestGuardFollows(t *testing.T) {
	writes := function("writes(x) y=x", writing("mark", "nowhere", true)...)
	named := func(names ...string) []*attrpb.NameAttrList {
		var all []*attrpb.NameAttrList
		for _, name := range names {
			all = append(all, &attrpb.NameAttrList{Name: name})
		}
		return all
	}
	within := named("harmless")
	within[0].Attr = attributes{"inner": {Value: &attrpb.AttrValue_Func{Func: named("writes")[0]}}}
	for name, n := range map[string]*nodepb.NodeDef{
		"call":           call("y(x)", "writes"),
		"by name":        node("y = writes(x)"),
		"list":           node("y = Case(x)", attributes{"branches": {Value: &attrpb.AttrValue_List{List: &attrpb.AttrValue_ListValue{Func: named("harmless", "writes")}}}}),
		"of a function":  node("y = If(x)", attributes{"then_branch": {Value: &attrpb.AttrValue_Func{Func: within[0]}}}),
		"of a call":      node("y = harmless(x)", attributes{"own": {Value: &attrpb.AttrValue_Func{Func: named("writes")[0]}}}),
		"circle":         node("y = circle(x)"),
		"of an operator": node("y = MapDefun(x)", attributes{"f": {Value: &attrpb.AttrValue_Func{Func: named("WriteFile")[0]}}}),
	} {
		meta := metaOf([]*nodepb.NodeDef{node("x = Placeholder()"), n}, writes,
			function("harmless(x) y=x", node("z = Relu(x)")), function("circle(x) y=x", call("again(x)", "circle"), call("w(x)", "writes")))
		def := &core.SignatureDef{Outputs: map[string]*core.TensorInfo{"y": {Encoding: &core.TensorInfo_Name{Name: "y:0"}}}}
		p, err := newProgram(t.TempDir(), meta, "s", def)
		if err != nil || len(p.impure) != 1 || p.impure[0].Operation != "WriteFile" || p.impure[0].When != "by signature s" {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
}

// The name of an asset may come through a variable, as tf.function keeps it, but only if nothing else
// can get into it.
func TestGuardFollowsVariables(t *testing.T) {
	strings := typed("dtype", tf.String)
	for name, test := range map[string]struct {
		more []*nodepb.NodeDef
		pure bool
	}{
		"as exported":             {nil, true},
		"initialized is asked":    {[]*nodepb.NodeDef{node("asked = VarIsInitializedOp(variable)")}, true},
		"another variable":        {[]*nodepb.NodeDef{node("other = VarHandleOp()", strings), node("assign_other = AssignVariableOp(other, elsewhere)")}, true},
		"assigned again":          {[]*nodepb.NodeDef{node("again = AssignVariableOp(variable, elsewhere)")}, false},
		"given to a call":         {[]*nodepb.NodeDef{call("called(variable)", "fill")}, false},
		"passed on":               {[]*nodepb.NodeDef{node("copy = Identity(variable)"), node("again = AssignVariableOp(copy, elsewhere)")}, false},
		"by another handle":       {[]*nodepb.NodeDef{node("other = VarHandleOp()", strings, text("shared_name", "shared"))}, false},
		"by a handle of its name": {[]*nodepb.NodeDef{node("shared = VarHandleOp()", strings)}, false},
	} {
		top := append([]*nodepb.NodeDef{
			node("asset = Placeholder()"), node("elsewhere = Const()"), node("table = HashTableV2()"),
			node("variable = VarHandleOp()", strings, text("shared_name", "shared")), node("assign = AssignVariableOp(variable, asset)"),
			node("read = ReadVariableOp(variable, ^assign)"), call("filled(read, table)", "fill"), node("all = NoOp(^filled)"),
		}, test.more...)
		meta := metaOf(top, function("fill(file, table) y=file", node("init = InitializeTableFromTextFileV2(table, file)")))
		meta.AssetFileDef = []*core.AssetFileDef{{Filename: "words", TensorInfo: &core.TensorInfo{Encoding: &core.TensorInfo_Name{Name: "asset:0"}}}}
		meta.SignatureDef = map[string]*core.SignatureDef{initSignature: {Outputs: map[string]*core.TensorInfo{initSignature: {Encoding: &core.TensorInfo_Name{Name: "all"}}}}}
		p, err := newProgram(t.TempDir(), meta, "s", &core.SignatureDef{})
		if err != nil || (len(p.impure) == 0) != test.pure {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
	inside := metaOf(nil, function("own() y=v", node("v = VarHandleOp()", strings)))
	if f := inside.GraphDef.Library.Function[0]; !holdsStrings(f.NodeDef[0]) {
		t.Errorf("%v", f)
	}
}

// manyVariables is a graph with so many variables of strings, from each of which a table is filled; the last one is also
// assigned something else.
func manyVariables(n int) *core.MetaGraphDef {
	strings := typed("dtype", tf.String)
	top := []*nodepb.NodeDef{node("asset = Placeholder()"), node("elsewhere = Const()"), node("table = HashTableV2()"), node("all = NoOp()")}
	for i := range n {
		id := strconv.Itoa(i)
		top = append(top, node("v"+id+" = VarHandleOp()", strings), node("assign"+id+" = AssignVariableOp(v"+id+", asset)"), node("read"+id+" = ReadVariableOp(v"+id+", ^assign"+id+")"),
			node("init"+id+" = InitializeTableFromTextFileV2(table, read"+id+")"))
		top[3].Input = append(top[3].Input, "^init"+id)
	}
	top = append(top, node("again = AssignVariableOp(v"+strconv.Itoa(n-1)+", elsewhere)"))
	meta := metaOf(top)
	meta.AssetFileDef = []*core.AssetFileDef{{Filename: "words", TensorInfo: &core.TensorInfo{Encoding: &core.TensorInfo_Name{Name: "asset:0"}}}}
	meta.SignatureDef = map[string]*core.SignatureDef{initSignature: {Outputs: map[string]*core.TensorInfo{initSignature: {Encoding: &core.TensorInfo_Name{Name: "all"}}}}}
	return meta
}

// As many variables as a stranger likes are followed in a time that is in proportion: here in less than a second, where
// looking through the graph for each of them took minutes.
func TestGuardOfManyVariables(t *testing.T) {
	meta := manyVariables(30_000)
	done := make(chan *program, 1)
	go func() {
		p, err := newProgram(t.TempDir(), meta, "s", &core.SignatureDef{})
		if err != nil {
			t.Error(err)
		}
		done <- p
	}()
	select {
	case p := <-done:
		if len(p.impure) != 1 || p.impure[0].Node != "init29999" {
			t.Errorf("the impure ones are %+v, want that of the last variable", p.impure)
		}
	case <-time.After(40 * time.Second):
		t.Fatal("it takes more than 40 s")
	}
}

// A function that is called with names of files known in many ways is still judged, for the worst of
// them.
func TestGuardIsBounded(t *testing.T) {
	const width = 12
	var arguments, inputs []string
	for i := range width {
		arguments, inputs = append(arguments, "a"+string(rune('a'+i))), append(inputs, "x")
	}
	top := []*nodepb.NodeDef{node("x = Placeholder()"), node("checkpoint = Placeholder()"), node("all = NoOp()")}
	for i := range 1 << width {
		for bit := range inputs {
			inputs[bit] = map[int]string{0: "x", 1: "checkpoint"}[i>>bit&1]
		}
		name := "call_" + strings.Repeat("i", i%7) + string(rune('a'+i%26)) + "_" + strings.Join(inputs, "")
		top[2].Input = append(top[2].Input, "^"+name)
		top = append(top, call(name+"("+strings.Join(inputs, ", ")+")", "restore"))
	}
	meta := metaOf(top, function("restore("+strings.Join(arguments, ", ")+") y=aa", node("r = RestoreV2(aa)")))
	g := &guard{top: map[string]*nodepb.NodeDef{}, functions: map[string]*functionpb.FunctionDef{"restore": meta.GraphDef.Library.Function[0]}, known: map[Impure]bool{}, seen: map[*nodepb.NodeDef]bool{}}
	for _, n := range top {
		g.top[n.GetName()] = n
	}
	g.part("now", []string{"all"}, map[string]mark{"checkpoint": ofCheckpoint})
	if len(g.found) != 1 || g.called["restore"] > mostMarked+1 {
		t.Errorf("judged %d times: %v", g.called["restore"], g.found)
	}
}

// An operation hidden anywhere in a model is never run before the model is trusted. Wherever it is
// part of what runs, the model is refused.
func TestMutatedModelsRunNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("reads many models, one after the other")
	}
	kinds := []string{"keras-export", "keras-nested", "tf1-resource", "tf1-reference", "keras2-save", "tf1-bytes", "keras-save"}
	refusals, opened, written := 0, 0, 0
	for seed := range uint64(70) {
		random := rand.New(rand.NewPCG(seed, 7))
		s := stranger{kind: kinds[random.IntN(len(kinds))], change: func(m *core.MetaGraphDef, file string) {
			// The nodes of the graph, or of one function.
			place, inside := &m.GraphDef.Node, false
			if functions := m.GraphDef.GetLibrary().GetFunction(); len(functions) > 0 && random.IntN(3) > 0 {
				place, inside = &functions[random.IntN(len(functions))].NodeDef, true
			}
			if len(*place) == 0 {
				return
			}
			waiting := (*place)[random.IntN(len(*place))]
			*place = append(*place, writing("mark", file, inside)...)
			waiting.Input = append(waiting.Input, "^mark")
		}}
		dir, file := s.make(t)
		_, _ = Inspect(dir, "")
		_, _ = Examine(dir, Options{})
		model, err := Open(dir, Options{})
		checkTrace(t, "opening", file, false)
		switch {
		case err == nil:
			opened++
			if err := model.Close(); err != nil {
				t.Error(err)
			}
			continue
		case errors.Is(err, ErrUntrusted):
			refusals++
		default:
			t.Logf("%d, %s: %v", seed, s.kind, err)
			continue
		}
		if model, err := Open(dir, Options{Trust: func([]Impure) {}}); err == nil {
			if err := model.Close(); err != nil {
				t.Error(err)
			}
		}
		if _, err := os.Stat(file); err == nil {
			written++
		}
	}
	t.Logf("%d refused, %d of them write once they are trusted, %d opened", refusals, written, opened)
	if refusals < 15 || written < 10 || opened < 10 {
		t.Errorf("%d refused, %d of them write once they are trusted, %d opened", refusals, written, opened)
	}
}

// All that the test corpus has can be opened without trust: see TestExamineAgreesWithOpen. Its
// operations are judged quickly.
func BenchmarkGuard(b *testing.B) {
	dir := filepath.Join(models, "keras-random")
	meta, _, err := readMetaGraph(dir)
	if err != nil {
		b.Fatal(err)
	}
	name, def, err := chooseSignature(meta, "")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := newProgram(dir, meta, name, def); err != nil {
			b.Fatal(err)
		}
	}
}
