package savedmodel

import (
	"testing"

	attrpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	functionpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/function_go_proto"
	nodepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	typespb "github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"
)

// What draws numbers is random; what prepares or reads them is not.
func TestIsRandom(t *testing.T) {
	for kind, want := range map[string]bool{
		"RandomUniform": true, "RandomStandardNormal": true, "TruncatedNormal": true, "Multinomial": true, "StatefulUniformFullInt": true,
		"StatelessRandomUniformV2": true, "StatelessTruncatedNormalV2": true, "FractionalMaxPool": true, "RngReadAndSkip": true, "RandomCrop": true,
		"StatelessRandomGetKeyCounter": false, "StatelessRandomGetAlg": false, "Relu": false, "MaxPool": false, "StatelessIf": false, "StatefulPartitionedCall": false,
	} {
		if isRandom(kind) != want {
			t.Errorf("%s is random: %t", kind, !want)
		}
	}
}

// A node is random by its kind, by a function that it runs, and, where it has a seed, by that seed alone.
func TestRandomNodes(t *testing.T) {
	branches := func(names ...string) attributes {
		list := &attrpb.AttrValue_ListValue{}
		for _, name := range names {
			list.Func = append(list.Func, &attrpb.NameAttrList{Name: name})
		}
		return attributes{"branches": {Value: &attrpb.AttrValue_List{List: list}}}
	}
	all := []*nodepb.NodeDef{
		node("x = Placeholder()"), floats("seed", []int64{2}, 1, 2), node("state = VarHandleOp()"), node("now = ReadVariableOp(state)"),
		node("drawn = RandomUniform(seed)"),
		node("fixed = StatelessRandomUniformV2(seed, seed)"), node("seeded = StatelessRandomUniformV2(seed, now)"), node("shaped = StatelessRandomUniformV2(x, seed)"),
		node("if = If(x)", branches("calm", "noisy")), node("calm = Case(x)", branches("calm")), node("map = MapDefun(x)", calls("deep")), node("loop = While(x)", calls("endless")),
		node("plain = Relu(x)"),
	}
	functions := map[string]*functionpb.FunctionDef{
		"calm":    function("calm(x) y=x", node("a = Relu(x)")),
		"noisy":   function("noisy(x) y=x", node("a = RandomUniform(x)")),
		"deep":    function("deep(x) y=x", node("a = noisy(x)")),
		"endless": function("endless(x) y=x", node("a = While(x)", calls("endless"))),
	}
	checkEqual(t, "random", namesOf(randomNodes(newView(all, "x", nil), functions)), []string{"drawn", "seeded", "shaped", "if", "map"})
}

// A view knows what depends on the input, on its values, and what is the same whenever it is computed.
func TestView(t *testing.T) {
	outside := map[string]*nodepb.NodeDef{"kernel": floats("kernel", []int64{1}, 1), "handle": node("handle = VarHandleOp()")}
	v := newView([]*nodepb.NodeDef{
		node("x = Placeholder()"), node("shape = Shape(x)"), floats("two", nil, 2), node("size = Mul(shape, two)"), node("double = Mul(two, kernel)"),
		node("weight = ReadVariableOp(handle)"), node("conv = Conv2D(x, double)"), node("ones = Fill(size, two)"), node("drawn = RandomUniform(two)"),
		node("sum = AddV2(conv:0, ones, ^weight)"),
	}, "x", outside)
	for name, want := range map[string]struct{ depends, values, constant bool }{
		"x": {depends: true, values: true}, "shape": {depends: true}, "size": {depends: true}, "ones": {depends: true},
		"conv": {depends: true, values: true}, "sum": {depends: true, values: true},
		"two": {constant: true}, "double": {constant: true}, "weight": {}, "drawn": {},
	} {
		if v.depends[name] != want.depends || v.values[name] != want.values || v.constant(name) != want.constant {
			t.Errorf("%s: depends %t, on values %t, constant %t", name, v.depends[name], v.values[name], v.constant(name))
		}
	}
	if !v.constant("kernel") || v.constant("handle") || v.constant("nowhere") {
		t.Error("of the graph around it only constants are constant")
	}
	checkEqual(t, "consumers of conv", v.consumers["conv"], []string{"sum"})
	checkEqual(t, "consumers of two", v.consumers["two"], []string{"size", "double", "ones", "drawn"})
}

// augmented is a network with a random layer "flip" before its convolution, as Keras exports it.
func augmented() []*nodepb.NodeDef {
	return []*nodepb.NodeDef{
		node("x = Placeholder()"), node("seed = VarHandleOp()"), node("weights = VarHandleOp()"),
		node("net/flip/state = ReadVariableOp(seed)", typed("dtype", 9)),
		floats("net/flip/uniform/shape", []int64{1}, 1),
		node("net/flip/uniform/draw = StatelessRandomUniformV2(net/flip/uniform/shape, net/flip/state)"),
		node("net/flip/uniform = AddV2(net/flip/uniform/draw, net/flip/uniform/shape)"),
		node("net/flip/out = Mul(x, net/flip/uniform:0, ^net/flip/state)"),
		node("net/conv/kernel = ReadVariableOp(weights)", typed("dtype", 1)),
		node("net/conv/out = Conv2D(net/flip/out:0, net/conv/kernel, ^net/flip/state)"),
		node("net/size = Shape(net/flip/out)"),
		node("net/result = Reshape(net/conv/out, net/size)"),
	}
}

func newCutter(all []*nodepb.NodeDef) *cutter {
	v := newView(all, "x", nil)
	return &cutter{view: v, random: randomNodes(v, nil), instead: map[string]string{}, casts: map[string]*nodepb.NodeDef{}}
}

// The heart of a random layer is found with its seed and the numbers that it draws.
func TestCutterFindsALayer(t *testing.T) {
	c := newCutter(augmented())
	checkEqual(t, "random", namesOf(c.random), []string{"net/flip/uniform/draw"})
	checkEqual(t, "sources", c.sources(c.random[0]), []string{"net/flip/uniform/draw", "net/flip/state", "seed"})
	if got := c.drawn(c.random[0], "net/flip"); got != "net/flip/uniform" {
		t.Errorf("the drawn numbers are %s, want the ones brought to their range", got)
	}
	if got := c.drawn(c.random[0], "net/flip/uniform"); got != c.random[0].GetName() {
		t.Errorf("in the function itself, the drawn numbers are %s", got)
	}
	for scope, want := range map[string]bool{"net/flip": false, "net/conv": true, "net": true} {
		if c.readsWeights(scope) != want {
			t.Errorf("%s reads weights: %t", scope, !want)
		}
	}
	dependent := newCutter(append(augmented(), node("net/noise = RandomPoisson(net/flip/out)")))
	if got := dependent.drawn(dependent.random[1], "net"); got != "" {
		t.Errorf("numbers that depend on the image are offered as %q", got)
	}
}

// Cutting a layer leaves the nodes that the outputs need, which read the layer's input.
func TestCutterRemains(t *testing.T) {
	c := newCutter(augmented())
	c.scopes, c.instead["net/flip/out"] = []string{"net/flip"}, "x"
	remain, outputs := c.remaining([]tensor{{node: "net/result"}, {node: "net/flip/out"}})
	checkEqual(t, "nodes", definitions(remain), []string{
		"x = Placeholder()", "weights = VarHandleOp()", "net/conv/kernel = ReadVariableOp(weights)",
		"net/conv/out = Conv2D(x, net/conv/kernel)", "net/size = Shape(x)", "net/result = Reshape(net/conv/out, net/size)",
	})
	checkEqual(t, "outputs", []string{outputs[0].String(), outputs[1].String()}, []string{"net/result", "x"})
	if c.nodes["net/conv/out"].GetInput()[0] != "net/flip/out:0" {
		t.Error("cutting changed the node that it was given")
	}

	// A layer that gives another type leaves a cast in its place, and one behind another is read through.
	c = newCutter(append(augmented(), node("net/turn/out = Relu(net/flip/out)"), node("net/last = Relu(net/turn/out:0)")))
	c.scopes = []string{"net/flip", "net/turn"}
	c.instead["net/flip/out"], c.instead["net/turn/out"] = "x", "net/turn/fovea_cast"
	c.casts["net/turn/out"] = node("net/turn/fovea_cast = Cast(net/flip/out)")
	remain, _ = c.remaining([]tensor{{node: "net/last"}})
	checkEqual(t, "nodes with a cast", definitions(remain), []string{"x = Placeholder()", "net/turn/fovea_cast = Cast(x)", "net/last = Relu(net/turn/fovea_cast)"})
}

// What nodes read and none of them computes is outside.
func TestOuterTensors(t *testing.T) {
	outer := outerTensors(nodes("a = Relu(x:1, ^order)", "b = AddV2(a, w)"))
	if len(outer) != 2 || !outer[tensor{"x", 1, true}] || !outer[tensor{"w", 0, true}] {
		t.Errorf("%v", outer)
	}
}

// The captures of a signature are those of its function, or of the only one that it does no more than call.
func TestBoundInputs(t *testing.T) {
	wrapper := function("wrapper(x) y=c:output:0", call("c(x)", "inner"))
	two := function("two(x) y=c:output:0", call("c(x)", "inner"), call("d(x)", "wrapper"))
	loop := function("loop(x) y=c:output:0", call("c(x)", "loop"))
	f := newFlattener(metaOf(nil, wrapper, two, loop, function("inner(x) y=x"), function("leaf(x) y=x")))
	graph := concreteFunctions(map[string][]int32{"inner": {4, 2}})
	for name, want := range map[string][]int32{"inner": {4, 2}, "wrapper": {4, 2}, "two": nil, "loop": nil, "leaf": nil, "nowhere": nil} {
		checkEqual(t, name, boundInputs(graph, f, name), want)
	}
}

// A module of TensorFlow 1's Hub gets an operation that restores each variable by its name.
func TestAddRestore(t *testing.T) {
	graph := metaOf([]*nodepb.NodeDef{
		node("resource = VarHandleOp()", text("shared_name", "net/kernel"), typed("dtype", 1)),
		node("unnamed = VarHandleOp()", text("shared_name", ""), typed("dtype", 3)),
		node("reference = VariableV2()", text("shared_name", "ignored"), typed("dtype", 2)),
		node("x = Placeholder()"),
	}).GetGraphDef()
	saver := addRestore(graph)
	byName := map[string]*nodepb.NodeDef{}
	for _, n := range graph.GetNode() {
		byName[n.GetName()] = n
	}
	var keys []string
	for _, key := range byName[hubPrefix+"/keys"].GetAttr()["value"].GetTensor().GetStringVal() {
		keys = append(keys, string(key))
	}
	checkEqual(t, "keys", keys, []string{"net/kernel", "unnamed", "reference"})
	checkEqual(t, "types", byName[hubPrefix+"/values"].GetAttr()["dtypes"].GetList().GetType(),
		[]typespb.DataType{typespb.DataType_DT_FLOAT, typespb.DataType_DT_INT32, typespb.DataType_DT_DOUBLE})
	var assigns []string
	for _, control := range byName[saver.GetRestoreOpName()].GetInput() {
		assigns = append(assigns, definitions([]*nodepb.NodeDef{byName[control[1:]]})...)
	}
	checkEqual(t, "assignments", assigns, []string{
		hubPrefix + "/assign_0 = AssignVariableOp(resource, " + hubPrefix + "/values:0)",
		hubPrefix + "/assign_1 = AssignVariableOp(unnamed, " + hubPrefix + "/values:1)",
		hubPrefix + "/assign_2 = Assign(reference, " + hubPrefix + "/values:2)",
	})
	if saver.GetFilenameTensorName() != hubPrefix+"/prefix:0" || byName[hubPrefix+"/prefix"] == nil {
		t.Errorf("the file's name goes into %s", saver.GetFilenameTensorName())
	}
	if without := metaOf(nodes("x = Placeholder()")).GetGraphDef(); addRestore(without) != nil || len(without.GetNode()) != 1 {
		t.Error("a graph without variables gets something to restore")
	}
}
