package savedmodel

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	graphpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/graph_go_proto"
	nodepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	core "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"

	"fovea/inference"
	"fovea/internal/budget"
	"fovea/internal/lazy"
	"fovea/preprocessing"
)

// NoteFile is where a SavedModel keeps what TensorFlow has no place for, by TensorFlow's convention
// for files that it does not read.
const NoteFile = "assets.extra/fovea.json"

// Note is the content of NoteFile.
type Note struct {
	// Model is the name of the network.
	Model string `json:"model"`
	// Preprocessing is what the model expects of its input.
	Preprocessing preprocessing.Spec `json:"preprocessing"`
	// Aliases are further names of layers, by the layers' names.
	Aliases map[string][]string `json:"aliases,omitempty"`
}

// maxNoteBytes bounds a note; one has a few kilobytes.
const maxNoteBytes = 1 << 20

// readNote reads the model's note; without one it is empty.
func readNote(dir string) (Note, error) {
	file := filepath.Join(dir, filepath.FromSlash(NoteFile))
	data, err := budget.ReadFile(file, maxNoteBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return Note{}, nil
	} else if err != nil {
		return Note{}, fmt.Errorf("savedmodel: %w", err)
	}
	var note Note
	if err := json.Unmarshal(data, &note); err != nil {
		return Note{}, fmt.Errorf("savedmodel: %s: %w: %w", file, ErrFormat, err)
	}
	return note, nil
}

// Description is what a SavedModel says about itself without being loaded.
type Description struct {
	Signatures []Signature `json:"signatures"`
	// Parameters is the number of values in the variables that the signature reads.
	Parameters int `json:"parameters"`
	// Bytes is the size of the graph and the variables on disk.
	Bytes int64 `json:"bytes"`
	// Devices are the kinds of devices that the graph pins nodes to, such as "GPU"; empty for a
	// graph that runs anywhere.
	Devices []string `json:"devices,omitempty"`
	// Operations are those that opening the model and computing its signatures would run, with the
	// number of nodes; Impure are the nodes among them that could do more than compute.
	Operations map[string]int `json:"operations"`
	Impure     []Impure       `json:"impure,omitempty"`
}

// Signature is one of the ways to call a SavedModel.
type Signature struct {
	Name    string   `json:"name"`
	Inputs  []Tensor `json:"inputs"`
	Outputs []Tensor `json:"outputs"`
}

// Tensor is an input or output of a signature; a dimension of -1 is open.
type Tensor struct {
	Key   string  `json:"key"`
	DType string  `json:"dtype"`
	Shape []int64 `json:"shape"`
}

// Inspect reads the description of the SavedModel in dir. Parameters are counted for the named
// signature (as for Options.Signature).
func Inspect(dir, signature string) (Description, error) {
	meta, _, err := readMetaGraph(dir)
	if err != nil {
		return Description{}, err
	}
	var d Description
	for _, name := range sortedKeys(meta.GetSignatureDef()) {
		if name == initSignature {
			continue
		}
		s := meta.GetSignatureDef()[name]
		d.Signatures = append(d.Signatures, Signature{name, describeTensors(s.GetInputs()), describeTensors(s.GetOutputs())})
	}
	if d.Parameters, err = countParameters(meta, signature); err != nil {
		return Description{}, fmt.Errorf("savedmodel: %s: %w", dir, err)
	}
	d.Devices = namedDevices(meta.GetGraphDef())
	if err := d.addOperations(dir, meta, signature); err != nil {
		return Description{}, fmt.Errorf("savedmodel: %s: %w", dir, err)
	}
	files, err := filepath.Glob(escapeGlob(filepath.Join(dir, filepath.FromSlash(variablesPrefix))) + ".*")
	if err != nil {
		return Description{}, fmt.Errorf("savedmodel: %w", err)
	}
	for _, file := range append(files, filepath.Join(dir, graphFile)) {
		info, err := os.Stat(file)
		if err != nil {
			return Description{}, fmt.Errorf("savedmodel: %w", err)
		}
		d.Bytes += info.Size()
	}
	return d, nil
}

// addOperations judges the named signature; all of them, if none is chosen.
func (d *Description) addOperations(dir string, meta *core.MetaGraphDef, signature string) error {
	signatures := meta.GetSignatureDef()
	if name, def, err := chooseSignature(meta, signature); err == nil {
		signatures = map[string]*core.SignatureDef{name: def}
	}
	d.Operations = map[string]int{}
	known := map[Impure]bool{}
	for _, name := range sortedKeys(signatures) {
		if name == initSignature {
			continue
		}
		p, err := newProgram(dir, meta, name, signatures[name])
		if err != nil {
			return err
		}
		for operation, count := range p.operations {
			d.Operations[operation] = max(d.Operations[operation], count)
		}
		for _, one := range p.impure {
			if !known[one] {
				known[one] = true
				d.Impure = append(d.Impure, one)
			}
		}
	}
	return nil
}

var deviceKind = lazy.Regexp(`(?i)device:([a-z_]+)|^/?(cpu|gpu|tpu)\b`)

// namedDevices are the kinds of devices that nodes are pinned to.
func namedDevices(graph *graphpb.GraphDef) []string {
	kinds := map[string]bool{}
	pinned := func(nodes []*nodepb.NodeDef) {
		for _, n := range nodes {
			if m := deviceKind().FindStringSubmatch(n.GetDevice()); m != nil {
				kinds[strings.ToUpper(m[1]+m[2])] = true
			}
		}
	}
	pinned(graph.GetNode())
	for _, f := range graph.GetLibrary().GetFunction() {
		pinned(f.GetNodeDef())
	}
	return sortedKeys(kinds)
}

func describeTensors(tensors map[string]*core.TensorInfo) []Tensor {
	var all []Tensor
	for _, key := range sortedKeys(tensors) {
		info := tensors[key]
		t := Tensor{Key: key, DType: strings.ToLower(strings.TrimPrefix(info.GetDtype().String(), "DT_"))}
		for _, d := range info.GetTensorShape().GetDim() {
			t.Shape = append(t.Shape, d.GetSize())
		}
		all = append(all, t)
	}
	return all
}

// countParameters adds up the variables that a signature reads.
func countParameters(meta *core.MetaGraphDef, name string) (int, error) {
	_, signature, err := chooseSignature(meta, name)
	if err != nil {
		return 0, nil // the signatures are listed; none is chosen
	}
	f := newFlattener(meta)
	outputs, err := f.flatten(outputTensors(signature))
	if err != nil {
		return 0, err
	}
	pending, seen, total := []string{}, map[string]bool{}, 0
	for t := range f.outer {
		pending = append(pending, t.node)
	}
	for _, t := range outputs {
		pending = append(pending, t.node)
	}
	for len(pending) > 0 {
		name := pending[len(pending)-1]
		pending = pending[:len(pending)-1]
		node := f.top.nodes[name]
		if node == nil || seen[name] {
			continue
		}
		seen[name] = true
		switch node.GetOp() {
		case "VarHandleOp", "VariableV2", "Variable":
			size := 1
			for _, d := range node.GetAttr()["shape"].GetShape().GetDim() {
				size *= int(d.GetSize())
			}
			total += size
		}
		for _, input := range node.GetInput() {
			from := inference.Producer(input)
			pending = append(pending, from)
		}
	}
	return total, nil
}
