package savedmodel

import (
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	framework "github.com/galeone/tensorflow/tensorflow/go/core/framework/function_go_proto"
	graphpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/graph_go_proto"
	nodepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	core "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"

	"fovea/inference"
)

// program is what opening a model and computing a signature would run. TensorFlow is given nothing
// else, and not the model's file: what was judged is what is loaded.
type program struct {
	// operations are its operations, with the number of their nodes; impure are those that are not on
	// the list of pure ones.
	operations map[string]int
	impure     []Impure
	// restore and initialize are the nodes that fill variables and tables, empty for none;
	// checkpoint is the tensor that the name of the checkpoint is fed to.
	restore, initialize, checkpoint string
	// assets are the files that are fed to tensors meanwhile, by the tensors' names.
	assets map[string]string
	// keys are those in the checkpoint of all that restore does, by the names of variables; nil if it does more than
	// read and assign.
	keys map[string]string
	// loading are the nodes that initialize needs, and without keys those of restore.
	loading map[string]bool
}

// newProgram finds out what a signature of a model would run.
func newProgram(dir string, meta *core.MetaGraphDef, signature string, def *core.SignatureDef) (*program, error) {
	g := newGuard(meta)
	p := &program{loading: map[string]bool{}}
	var err error
	if p.assets, err = assetFiles(dir, meta); err != nil {
		return nil, err
	}
	if p.initialize, err = initializer(meta); err != nil {
		return nil, err
	}
	if _, missing := os.Stat(filepath.Join(dir, filepath.FromSlash(variablesPrefix)) + ".index"); missing == nil {
		p.restore, p.checkpoint = inference.Producer(meta.GetSaverDef().GetRestoreOpName()), meta.GetSaverDef().GetFilenameTensorName()
	}
	if p.restore != "" {
		p.keys = p.checkpointTensors(g.top, g.functions)
	}
	if err := p.judgeLoading(g, dir); err != nil {
		return nil, err
	}
	g.part(bySignature(signature), outputNodes(def), nil)
	p.impure, p.operations = varied(g.found), map[string]int{}
	for n := range g.seen {
		p.operations[n.GetOp()]++
	}
	return p, nil
}

// judgeLoading has the guard look at what restores the variables and what initializes the model.
func (p *program) judgeLoading(g *guard, dir string) error {
	fed := map[string]mark{}
	for t, file := range p.assets {
		fed[inference.Producer(t)] = markAsset(dir, file)
	}
	restoring := maps.Clone(fed)
	restoring[inference.Producer(p.checkpoint)] = ofCheckpoint
	for _, step := range []struct {
		when, root string
		fed        map[string]mark
	}{{"when its variables are restored", p.restore, restoring}, {"when it is initialized", p.initialize, fed}} {
		if step.root == "" {
			continue
		}
		if g.top[step.root] == nil {
			return fmt.Errorf("%w: node %s, to be run %s, does not exist", ErrFormat, step.root, step.when)
		}
		needed := g.part(step.when, []string{step.root}, step.fed)
		if step.root != p.restore || p.keys == nil {
			maps.Copy(p.loading, needed)
		}
	}
	return nil
}

func newGuard(meta *core.MetaGraphDef) *guard {
	g := &guard{top: map[string]*nodepb.NodeDef{}, functions: map[string]*framework.FunctionDef{}, known: map[Impure]bool{}, seen: map[*nodepb.NodeDef]bool{}}
	for _, n := range meta.GetGraphDef().GetNode() {
		g.top[n.GetName()] = n
	}
	for _, function := range meta.GetGraphDef().GetLibrary().GetFunction() {
		g.functions[function.GetSignature().GetName()] = function
	}
	return g
}

func bySignature(name string) string { return "by signature " + name }

// initializer is the node that fills a model's tables, as TensorFlow finds it: empty for none.
func initializer(meta *core.MetaGraphDef) (string, error) {
	if signature, found := meta.GetSignatureDef()[initSignature]; found {
		return inference.Producer(signature.GetOutputs()[initSignature].GetName()), nil
	}
	for _, key := range []string{"saved_model_main_op", "legacy_init_op"} {
		if collection, found := meta.GetCollectionDef()[key]; found {
			names := collection.GetNodeList().GetValue()
			if len(names) != 1 {
				return "", fmt.Errorf("%w: collection %s names %d nodes instead of one", ErrFormat, key, len(names))
			}
			return inference.Producer(names[0]), nil
		}
	}
	return "", nil
}

const assetsDir = "assets"

// assetFiles are the files that a model brings along, by the tensors that they are fed to.
func assetFiles(dir string, meta *core.MetaGraphDef) (map[string]string, error) {
	files := map[string]string{}
	for _, asset := range meta.GetAssetFileDef() {
		name := filepath.FromSlash(asset.GetFilename())
		if !filepath.IsLocal(name) {
			return nil, fmt.Errorf("%w: its asset %q is outside of its directory", ErrFormat, asset.GetFilename())
		}
		files[asset.GetTensorInfo().GetName()] = filepath.Join(dir, assetsDir, name)
	}
	return files, nil
}

// markAsset says whether an asset is a file in the model's directory, wherever links lead.
func markAsset(dir, file string) mark {
	own, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return ofLink
	}
	target, err := filepath.EvalSymlinks(file)
	if err != nil {
		return ofAsset // it does not exist, which TensorFlow will say
	}
	info, err := os.Stat(target)
	relative, outside := filepath.Rel(own, target)
	if err != nil || outside != nil || !filepath.IsLocal(relative) || !info.Mode().IsRegular() {
		return ofLink
	}
	return ofAsset
}

// graph are the nodes that are loaded before the flat copy of the signature's computation is added
// to them: those outside of calls, and those that restore and initialize.
func (l *loader) graph(loading bool) (*graphpb.GraphDef, error) {
	roots := []string{parseTensor(l.input.tensor).node}
	for t := range l.flat.outer {
		roots = append(roots, t.node)
	}
	for name := range closure(l.flat.top.nodes, outputNodes(l.def)) {
		if !l.flat.dependsOnCall(name, 0) {
			roots = append(roots, name) // captured by a call, though perhaps unused
		}
	}
	needed := closure(l.flat.top.nodes, roots)
	if loading {
		maps.Copy(needed, l.program.loading)
	}
	whole := l.meta.GetGraphDef()
	part := &graphpb.GraphDef{Versions: whole.GetVersions()}
	for _, n := range whole.GetNode() {
		switch {
		case needed[n.GetName()] && loading:
			part.Node = append(part.Node, colocated(n, needed))
		case needed[n.GetName()]:
			part.Node = append(part.Node, withoutWeights(n))
		}
	}
	part.Library = l.library(slices.Concat(part.GetNode(), l.flat.nodes))
	nodes := slices.Clone(part.GetNode())
	for _, function := range part.GetLibrary().GetFunction() {
		nodes = append(nodes, function.GetNodeDef()...)
	}
	return part, checkTensors(slices.Concat(nodes, l.flat.nodes))
}

// outputNodes are the nodes that compute a signature's outputs.
func outputNodes(def *core.SignatureDef) []string {
	var names []string
	for _, name := range outputTensors(def) {
		names = append(names, parseTensor(name).node)
	}
	return names
}

// library are the functions that nodes run, directly or not.
func (l *loader) library(nodes []*nodepb.NodeDef) *framework.FunctionDefLibrary {
	needed := map[string]bool{}
	var add func(nodes []*nodepb.NodeDef)
	add = func(nodes []*nodepb.NodeDef) {
		for _, n := range nodes {
			for _, name := range append(functionsIn(n.GetAttr()), n.GetOp()) {
				if function := l.flat.functions[name]; function != nil && !needed[name] {
					needed[name] = true
					add(function.GetNodeDef())
				}
			}
		}
	}
	add(nodes)
	library := new(framework.FunctionDefLibrary)
	for _, function := range l.meta.GetGraphDef().GetLibrary().GetFunction() {
		if needed[function.GetSignature().GetName()] {
			library.Function = append(library.Function, function)
		}
	}
	return library
}

const colocation = "loc:@"

// colocated is a node that is placed beside existing ones only.
func colocated(n *nodepb.NodeDef, existing map[string]bool) *nodepb.NodeDef {
	missing := func(beside []byte) bool {
		name, found := strings.CutPrefix(string(beside), colocation)
		return found && !existing[name]
	}
	if !slices.ContainsFunc(n.GetAttr()["_class"].GetList().GetS(), missing) {
		return n
	}
	n = proto.Clone(n).(*nodepb.NodeDef)
	list := n.Attr["_class"].GetList()
	if list.S = slices.DeleteFunc(list.S, missing); len(list.S) == 0 {
		delete(n.Attr, "_class")
	}
	return n
}

// checkTensors refuses constants without a value or of an impossible shape, as TensorFlow's own
// loader does.
func checkTensors(nodes []*nodepb.NodeDef) error {
	for _, n := range nodes {
		value := n.GetAttr()["value"].GetTensor()
		if n.GetOp() == "Const" && value == nil {
			return fmt.Errorf("%w: constant %s has no value", ErrFormat, n.GetName())
		}
		size := int64(1)
		for _, d := range value.GetTensorShape().GetDim() {
			if d.GetSize() < 0 || d.GetSize() > 0 && size > math.MaxInt64/d.GetSize() {
				return fmt.Errorf("%w: constant %s has an impossible shape", ErrFormat, n.GetName())
			}
			size *= d.GetSize()
		}
	}
	return nil
}
