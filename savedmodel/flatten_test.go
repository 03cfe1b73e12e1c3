package savedmodel

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	attrpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	nodepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	typespb "github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"
	core "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"

	"fovea/inference"
)

// The bodies of functions come out flat: in the order of computation, under the names of the calls that
// lead to them, reading the tensors of the graph around them, and without what no output needs.
func TestFlatten(t *testing.T) {
	conv := function("conv(x, kernel) y=act:activations:0",
		node("read = ReadVariableOp(kernel)"), node("sum = AddV2(x, read:value:0)"), node("act = Relu(sum:z:0, ^read)"),
		node("unused = Relu(x)"))
	types := attributes{"Tout": {Value: &attrpb.AttrValue_List{List: &attrpb.AttrValue_ListValue{
		Type: []typespb.DataType{typespb.DataType_DT_FLOAT, typespb.DataType_DT_FLOAT, typespb.DataType_DT_FLOAT}}}}}
	for name, test := range map[string]struct {
		meta     *core.MetaGraphDef
		replaced string
		outputs  []string
		want     []string // the flat nodes
		tensors  []string // what the outputs are called
		outer    []string // the tensors of the loaded graph that are read
	}{
		"nothing to do": {
			meta: metaOf(nodes("x = Placeholder()", "y = Relu(x)")), outputs: []string{"y:0"},
			tensors: []string{"y"}, outer: []string{"y"},
		},
		"a call": {
			meta: metaOf([]*nodepb.NodeDef{node("x = Placeholder()"), node("w = VarHandleOp()"), call("call(x, w, ^init)", "conv")}, conv), outputs: []string{"call:0"},
			want:    []string{"call/read = ReadVariableOp(w)", "call/sum = AddV2(x, call/read)", "call/act = Relu(call/sum, ^call/read)"},
			tensors: []string{"call/act"}, outer: []string{"w", "x"},
		},
		"two calls of one function": {
			meta: metaOf([]*nodepb.NodeDef{node("x = Placeholder()"), node("w = VarHandleOp()"), call("a(x, w)", "conv"), call("b(a, w)", "conv")}, conv), outputs: []string{"b"},
			want: []string{
				"a/read = ReadVariableOp(w)", "a/sum = AddV2(x, a/read)", "a/act = Relu(a/sum, ^a/read)",
				"b/read = ReadVariableOp(w)", "b/sum = AddV2(a/act, b/read)", "b/act = Relu(b/sum, ^b/read)",
			},
			tensors: []string{"b/act"}, outer: []string{"w", "x"},
		},
		"a call of an operation's kind": {
			meta: metaOf(nodes("x = Placeholder()", "w = VarHandleOp()", "call = conv(x, w)"), conv), outputs: []string{"call"},
			want:    []string{"call/read = ReadVariableOp(w)", "call/sum = AddV2(x, call/read)", "call/act = Relu(call/sum, ^call/read)"},
			tensors: []string{"call/act"}, outer: []string{"w", "x"},
		},
		"calls within calls": {
			meta: metaOf([]*nodepb.NodeDef{node("x = Placeholder()"), node("w = VarHandleOp()"), call("out(x, w)", "outer")}, conv,
				function("outer(a, b) y=last:output:0", call("inner(a, b)", "conv"), node("last = Identity(inner:output:0, ^inner)"))), outputs: []string{"out"},
			// The order after a call is dropped: nothing is left of the call itself.
			want: []string{
				"out/inner/read = ReadVariableOp(w)", "out/inner/sum = AddV2(x, out/inner/read)",
				"out/inner/act = Relu(out/inner/sum, ^out/inner/read)", "out/last = Identity(out/inner/act)",
			},
			tensors: []string{"out/last"}, outer: []string{"w", "x"},
		},
		"what follows a call is copied, what does not is read": {
			meta: metaOf([]*nodepb.NodeDef{
				node("x = Placeholder()"), node("w = VarHandleOp()"), call("call(x, w)", "conv"), node("side = Relu(x)"), node("after = AddV2(call, side, ^x)"),
			}, conv), outputs: []string{"after", "side"},
			want: []string{
				"call/read = ReadVariableOp(w)", "call/sum = AddV2(x, call/read)", "call/act = Relu(call/sum, ^call/read)", "after = AddV2(call/act, side)",
			},
			tensors: []string{"after", "side"}, outer: []string{"side", "w", "x"},
		},
		"what depends on a replaced input is copied": {
			meta: metaOf(nodes("x = Placeholder()", "w = Const()", "conv = AddV2(x, w)", "y = Relu(conv)")), replaced: "x", outputs: []string{"y"},
			want: []string{"conv = AddV2(x, w)", "y = Relu(conv)"}, tensors: []string{"y"}, outer: []string{"w", "x"},
		},
		"outputs by name and number": {
			meta: metaOf([]*nodepb.NodeDef{node("x = Placeholder()"), call("call(x)", "split")},
				function("split(x) third=s:output:2, many=m:many:1, last=m:last:0, again=x",
					node("s = Split(x)", number("num_split", 4)), node("m = Mixed(s:output:3)", types))),
			outputs: []string{"call", "call:1", "call:2", "call:3"},
			want:    []string{"call/s = Split(x)", "call/m = Mixed(call/s:3)"},
			tensors: []string{"call/s:2", "call/m:2", "call/m:4", "x"}, outer: []string{"x"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFlattener(test.meta)
			f.replaced = test.replaced
			tensors, err := f.flatten(test.outputs)
			if err != nil {
				t.Fatal(err)
			}
			checkEqual(t, "nodes", definitions(f.nodes), test.want)
			names := make([]string, len(tensors))
			for i, one := range tensors {
				names[i] = one.String()
				if own := slices.ContainsFunc(f.nodes, func(n *nodepb.NodeDef) bool { return n.GetName() == one.node }); own == one.outer {
					t.Errorf("%s is outside: %t", one, one.outer)
				}
			}
			checkEqual(t, "outputs", names, test.tensors)
			var outer []string
			for one := range f.outer {
				outer = append(outer, one.String())
			}
			slices.Sort(outer)
			checkEqual(t, "outer tensors", outer, test.outer)
		})
	}
}

// Places and recorded shapes do not go along, other attributes do; and the model itself stays as it was.
func TestFlattenAttributes(t *testing.T) {
	act := node("act = Relu(x)", text("_class", "loc:@gone"), text("_output_shapes", "old"), text("kept", "value"))
	meta := metaOf([]*nodepb.NodeDef{node("x = Placeholder()"), call("call(x)", "f")}, function("f(x) y=act:activations:0", act))
	before := proto.Clone(meta)
	f := newFlattener(meta)
	if _, err := f.flatten([]string{"call"}); err != nil {
		t.Fatal(err)
	}
	checkEqual(t, "attributes", slices.Sorted(maps.Keys(f.nodes[0].GetAttr())), []string{"kept"})
	if !proto.Equal(before, meta) {
		t.Error("flattening changed the model")
	}
}

// Graphs that no tracer writes are refused by what is wrong with them, and never unfold without end.
func TestFlattenRefuses(t *testing.T) {
	if testing.Short() {
		t.Skip("reads many models, one after the other")
	}
	identity := function("identity(x) y=same:output:0", node("same = Identity(x)"))
	// Each level calls the next: one more than may be nested.
	var deep []*nodepb.NodeDef
	levels := metaOf(nil)
	for i := range maxDepth + 2 {
		body := []*nodepb.NodeDef{call("next(x)", fmt.Sprintf("level%d", i+1))}
		levels.GraphDef.Library.Function = append(levels.GraphDef.Library.Function, function(fmt.Sprintf("level%d(x) y=next:output:0", i), body...))
	}
	deep = append(deep, node("x = Placeholder()"), call("call(x)", "level0"))
	levels.GraphDef.Node = deep
	levels.GraphDef.Library.Function = append(levels.GraphDef.Library.Function, function(fmt.Sprintf("level%d(x) y=x", maxDepth+2)))

	// Each level calls the next one twice, without a node of its own.
	twice := metaOf([]*nodepb.NodeDef{node("x = Placeholder()"), call("call(x)", "twice0")}, function("twice40(x) y=x"))
	for i := range 40 {
		next := fmt.Sprintf("twice%d", i+1)
		twice.GraphDef.Library.Function = append(twice.GraphDef.Library.Function,
			function(fmt.Sprintf("twice%d(x) y=b:output:0", i), call("a(x)", next), call("b(a:output:0)", next)))
	}
	chain := []*nodepb.NodeDef{node("x = Placeholder()"), call("n0(x)", "identity")}
	for i := range maxChain {
		chain = append(chain, &nodepb.NodeDef{Name: fmt.Sprintf("n%d", i+1), Op: "Relu", Input: []string{fmt.Sprintf("n%d", i)}})
	}
	named := metaOf([]*nodepb.NodeDef{node("x = Placeholder()"), call(strings.Repeat("c", 1<<20)+"(x)", "many")})
	var many []*nodepb.NodeDef
	for i := range 300 {
		many = append(many, node(fmt.Sprintf("n%d = Relu(%s)", i+1, map[bool]string{true: "x", false: fmt.Sprintf("n%d:activations:0", i)}[i == 0])))
	}
	named.GraphDef.Library.Function = append(named.GraphDef.Library.Function, function("many(x) y=n300:activations:0", many...))

	x := node("x = Placeholder()")
	for name, test := range map[string]struct {
		meta         *core.MetaGraphDef
		output, want string
	}{
		"no such node":          {metaOf(nodes("x = Placeholder()")), "y:0", `"y:0" refers to a node that does not exist`},
		"a negative output":     {metaOf(nodes("x = Placeholder()")), "x:-1", `"-1" is not the number of an output`},
		"a word for an output":  {metaOf(nodes("x = Placeholder()")), "x:first", `"first" is not the number`},
		"too few arguments":     {metaOf([]*nodepb.NodeDef{x, call("call()", "identity")}, identity), "call", "gives 0 arguments to function identity of 1"},
		"too many arguments":    {metaOf([]*nodepb.NodeDef{x, call("call(x, x)", "identity")}, identity), "call", "gives 2 arguments to function identity of 1"},
		"no such result":        {metaOf([]*nodepb.NodeDef{x, call("call(x)", "identity")}, identity), "call:1", "output 1 of the call call, which has 1"},
		"not returned":          {metaOf([]*nodepb.NodeDef{x, call("call(x)", "f")}, function("f(x) y")), "call", "function f does not return y"},
		"an unknown operation":  {metaOf([]*nodepb.NodeDef{x, call("call(x)", "f")}, function("f(x) y=n:out:0", node("n = Secret(x)"))), "call", "operation Secret is not described"},
		"an unknown output":     {metaOf([]*nodepb.NodeDef{x, call("call(x)", "f")}, function("f(x) y=n:out:0", node("n = Relu(x)"))), "call", `operation Relu has no output "out"`},
		"a bad number":          {metaOf([]*nodepb.NodeDef{x, call("call(x)", "f")}, function("f(x) y=n:activations:two", node("n = Relu(x)"))), "call", `"two" is not the number`},
		"a missing input":       {metaOf([]*nodepb.NodeDef{x, call("call(x)", "f")}, function("f(x) y=n:activations:0", node("n = Relu(z)"))), "call", `"z" refers to a node`},
		"an input of itself":    {metaOf([]*nodepb.NodeDef{x, call("call(x)", "f")}, function("f(x) y=n:activations:0", node("n = Relu(n:activations:0)"))), "call", "cycle through call/n"},
		"a cycle of two":        {metaOf([]*nodepb.NodeDef{x, call("call(x)", "f")}, function("f(x) y=a:activations:0", node("a = Relu(b:activations:0)"), node("b = Relu(a:activations:0)"))), "call", "cycle through call/"},
		"a cycle through calls": {metaOf([]*nodepb.NodeDef{call("a(b)", "identity"), call("b(a)", "identity")}, identity), "a", "cycle"},
		"a cycle at the top":    {metaOf([]*nodepb.NodeDef{x, call("call(x)", "identity"), node("a = AddV2(call, b)"), node("b = Relu(a)")}, identity), "b", "cycle through"},
		"calls itself":          {metaOf([]*nodepb.NodeDef{x, call("call(x)", "f")}, function("f(x) y=again:output:0", call("again(x)", "f"))), "call", "function f calls itself"},
		"call each other":       {metaOf([]*nodepb.NodeDef{x}, function("f(x) y=n:output:0", call("n(x)", "g")), function("g(x) y=n:output:0", call("n(x)", "f"))), "x", "calls itself"},
		"nested too deep":       {levels, "call", "nested deeper than 64"},
		"called over and over":  {twice, "call", "unfold to more than"},
		"a long chain":          {metaOf(chain, identity), fmt.Sprintf("n%d", maxChain), "follow from one another"},
		"long names":            {named, strings.Repeat("c", 1<<20), "names of nodes"},
		"left to the caller": {metaOf([]*nodepb.NodeDef{x, call("call(x)", "f")}, function("f(x) y=n:activations:0",
			node("n = Relu(x)", attributes{"T": {Value: &attrpb.AttrValue_Placeholder{Placeholder: "T"}}}))), "call", "attribute T of call/n is left to the caller"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := newFlattener(test.meta).flatten([]string{test.output})
			if !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want ErrFormat with %q", err, test.want)
			}
		})
	}
}

// mutate changes one thing of a model's graph: a reference, a kind of operation, a function called, a
// returned tensor, an attribute, or a node's presence.
func mutate(r *rand.Rand, meta *core.MetaGraphDef) {
	graph := meta.GetGraphDef()
	bodies := []*[]*nodepb.NodeDef{&graph.Node}
	for _, f := range graph.GetLibrary().GetFunction() {
		bodies = append(bodies, &f.NodeDef)
	}
	body := bodies[r.IntN(len(bodies))]
	if len(*body) == 0 {
		return
	}
	i, j := r.IntN(len(*body)), r.IntN(len(*body))
	n, other := (*body)[i], (*body)[j]
	switch r.IntN(8) {
	case 0:
		*body = slices.Delete(*body, i, i+1)
	case 1:
		n.Name = other.GetName()
	case 2:
		n.Op = other.GetOp()
	case 3:
		n.Input = append(n.Input, other.GetName())
	case 4:
		if len(n.Input) > 0 {
			n.Input[r.IntN(len(n.Input))] = other.GetName() + []string{"", ":0", ":7", "::", ":output:1", ":output:-1"}[r.IntN(6)]
		}
	case 5:
		if len(n.Input) > 0 {
			n.Input = n.Input[1:]
		}
	case 6:
		for _, value := range n.GetAttr() {
			if f := value.GetFunc(); f != nil && len(graph.GetLibrary().GetFunction()) > 0 {
				all := graph.GetLibrary().GetFunction()
				f.Name = all[r.IntN(len(all))].GetSignature().GetName()
			}
		}
	case 7:
		if all := graph.GetLibrary().GetFunction(); len(all) > 0 {
			f := all[r.IntN(len(all))]
			for key := range f.GetRet() {
				f.Ret[key] = other.GetName() + ":output:0"
			}
		}
	}
}

// A graph in which a few things are wrong is refused as ErrFormat, or comes out in order: every flat node
// stands behind the ones that it reads, under a name of its own, and reads nothing that is not there.
func TestFlattenOfDamagedGraphs(t *testing.T) {
	if testing.Short() {
		t.Skip("reads many models, one after the other")
	}
	flat, refused := 0, 0
	for _, kind := range []string{"keras-export", "keras-nested", "keras2-save", "keras-random", "tf1-resource"} {
		data, err := os.ReadFile(filepath.Join(models, kind, graphFile))
		if err != nil {
			t.Fatal(err)
		}
		whole, err := parseMetaGraph(data)
		if err != nil {
			t.Fatal(err)
		}
		for seed := range uint64(120) {
			r := rand.New(rand.NewPCG(seed, 18))
			meta := proto.Clone(whole).(*core.MetaGraphDef)
			for range 1 + r.IntN(4) {
				mutate(r, meta)
			}
			_, signature, err := chooseSignature(meta, "")
			if err != nil {
				t.Fatal(err)
			}
			f := newFlattener(meta)
			f.replaced = []string{"", parseTensor(signature.GetInputs()[sortedKeys(signature.GetInputs())[0]].GetName()).node}[seed%2]
			outputs, err := f.flatten(outputTensors(signature))
			if err != nil {
				if refused++; !errors.Is(err, ErrFormat) {
					t.Errorf("%s, seed %d: %v is not ErrFormat", kind, seed, err)
				}
				continue
			}
			flat++
			checkOrder(t, fmt.Sprintf("%s, seed %d", kind, seed), f, outputs)
			randomNodes(newView(f.nodes, "nowhere", f.top.nodes), f.functions) // must end
			if _, err := countParameters(meta, ""); err != nil && !errors.Is(err, ErrFormat) {
				t.Errorf("%s, seed %d: counting parameters: %v", kind, seed, err)
			}
		}
	}
	if flat < 50 || refused < 50 {
		t.Errorf("%d graphs were flattened and %d refused: the damage tries only one of the two", flat, refused)
	}
}

func checkOrder(t *testing.T, what string, f *flattener, outputs []tensor) {
	t.Helper()
	before := map[string]bool{}
	for _, n := range f.nodes {
		if before[n.GetName()] {
			t.Errorf("%s: two nodes are called %s", what, n.GetName())
		}
		for _, input := range n.GetInput() {
			if !before[inference.Producer(input)] && !f.outer[parseTensor(input)] {
				t.Errorf("%s: %s reads %s, which is not there yet", what, n.GetName(), input)
			}
		}
		before[n.GetName()] = true
	}
	for _, one := range outputs {
		if one.outer != f.outer[one] || !one.outer && !before[one.node] {
			t.Errorf("%s: the output %s is not there", what, one)
		}
	}
}
