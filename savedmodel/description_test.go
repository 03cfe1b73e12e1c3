package savedmodel

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	graphpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/graph_go_proto"
	nodepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	typespb "github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"
	core "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"

	"fovea/preprocessing"
)

// small is the network of make_models.py: 3x3 convolutions of 4 and 6 channels, and dense layers of 8, 7 and
// 5 units on maps of 4x4.
const smallParameters = (3*3*3+1)*4 + (3*3*4+1)*6 + (4*4*6+1)*8 + (8+1)*7 + (7+1)*5

// A description has the signatures, the variables that the chosen one reads, and the size on disk.
func TestInspect(t *testing.T) {
	for kind, signature := range map[string]string{
		"keras-export": "", "keras-save": "", "keras-nested": "", "keras2-save": "", "tf1-resource": "", "tf1-reference": "", "bytes": "scores",
	} {
		d, err := Inspect(filepath.Join(models, kind), signature)
		if err != nil {
			t.Error(err)
			continue
		}
		var size int64
		err = filepath.WalkDir(filepath.Join(models, kind), func(path string, entry os.DirEntry, err error) error {
			if err == nil && (entry.Name() == graphFile || strings.HasPrefix(entry.Name(), "variables.")) {
				info, err := entry.Info()
				size += info.Size()
				return err
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if d.Parameters != smallParameters || d.Bytes != size {
			t.Errorf("%s: %d parameters and %d bytes, want %d and %d", kind, d.Parameters, d.Bytes, smallParameters, size)
		}
		for _, s := range d.Signatures {
			if len(s.Inputs) != 1 || len(s.Outputs) == 0 || len(s.Inputs[0].Shape) != 4 || s.Inputs[0].Shape[0] != -1 || s.Inputs[0].Shape[3] != 3 {
				t.Errorf("%s: signature %+v", kind, s)
			}
			if want := map[bool]string{true: "uint8", false: "float"}[kind == "bytes"]; s.Inputs[0].DType != want {
				t.Errorf("%s: input of type %s, want %s", kind, s.Inputs[0].DType, want)
			}
		}
	}
	// The features of the model of bytes end before the last layer: its variables are not read.
	d, err := Inspect(filepath.Join(models, "bytes"), "features")
	if want := smallParameters - (7+1)*5; err != nil || d.Parameters != want {
		t.Errorf("the signature features reads %d parameters (%v), want %d", d.Parameters, err, want)
	}
	if d, err := Inspect(filepath.Join(models, "bytes"), ""); err != nil || d.Parameters != 0 || len(d.Signatures) != 2 {
		t.Errorf("without a choice: %+v, %v", d, err)
	}
	if _, err := Inspect(t.TempDir(), ""); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "has no saved_model.pb") {
		t.Errorf("an empty directory: %v", err)
	}
}

// The devices that nodes are pinned to are named by their kind, in functions too.
func TestNamedDevices(t *testing.T) {
	on := func(devices ...string) []*nodepb.NodeDef {
		var all []*nodepb.NodeDef
		for _, device := range devices {
			all = append(all, &nodepb.NodeDef{Device: device})
		}
		return all
	}
	for _, test := range []struct {
		top, inside []string
		want        []string
	}{
		{[]string{"", ""}, nil, nil},
		{[]string{"/device:GPU:0", "/job:worker/replica:0/task:0/device:CPU:0"}, nil, []string{"CPU", "GPU"}},
		{[]string{"/gpu:1"}, []string{"/device:TPU:0"}, []string{"GPU", "TPU"}},
		{[]string{"/job:gpushop"}, nil, nil},
		{[]string{"/device:XLA_GPU:0"}, nil, []string{"XLA_GPU"}},
	} {
		graph := metaOf(on(test.top...), function("f() y", on(test.inside...)...)).GetGraphDef()
		checkEqual(t, strings.Join(test.top, " "), namedDevices(graph), test.want)
	}
}

// The graph of the tag serve alone comes before one that is also for an accelerator, and a module without
// tags before none.
func TestChooseMetaGraph(t *testing.T) {
	tagged := func(tags ...string) *core.MetaGraphDef {
		return &core.MetaGraphDef{MetaInfoDef: &core.MetaGraphDef_MetaInfoDef{Tags: tags}}
	}
	serve, gpu, tpu, train, module := tagged("serve"), tagged("serve", "gpu"), tagged("tpu", "serve"), tagged("train"), tagged()
	for name, test := range map[string]struct {
		metas []*core.MetaGraphDef
		want  *core.MetaGraphDef
		err   string
	}{
		"serve alone":   {[]*core.MetaGraphDef{train, gpu, serve}, serve, ""},
		"for the first": {[]*core.MetaGraphDef{train, tpu, gpu}, tpu, ""},
		"a module":      {[]*core.MetaGraphDef{train, module}, module, ""},
		"serve first":   {[]*core.MetaGraphDef{module, gpu}, gpu, ""},
		"no graph":      {nil, nil, "holds no graph"},
		"training":      {[]*core.MetaGraphDef{train, tagged("eval", "gpu")}, nil, "only {train}, {eval, gpu}"},
		"no tags known": {[]*core.MetaGraphDef{{}}, nil, "only {}"},
	} {
		got, err := chooseMetaGraph(test.metas)
		if got != test.want || (err != nil) != (test.err != "") || err != nil && (!errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), test.err)) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

// The signature is the one that is asked for, serving_default, or the only one; TensorFlow's own for
// initialization does not count.
func TestChooseSignature(t *testing.T) {
	for _, test := range []struct {
		names       []string
		asked, want string
		err         error
	}{
		{[]string{"a"}, "", "a", nil},
		{[]string{"a", defaultSignature}, "", defaultSignature, nil},
		{[]string{"a", defaultSignature}, "a", "a", nil},
		{[]string{"a", initSignature}, "", "a", nil},
		{[]string{"a", "b"}, "", "", ErrSignature},
		{[]string{"a"}, "b", "", ErrSignature},
		{[]string{"a", initSignature}, initSignature, "", ErrSignature},
		{[]string{initSignature}, "", "", ErrFormat},
		{nil, "", "", ErrFormat},
	} {
		meta := &core.MetaGraphDef{SignatureDef: map[string]*core.SignatureDef{}}
		for _, name := range test.names {
			meta.SignatureDef[name] = &core.SignatureDef{MethodName: name}
		}
		got, signature, err := chooseSignature(meta, test.asked)
		if got != test.want || !errors.Is(err, test.err) || err == nil && signature.GetMethodName() != test.want {
			t.Errorf("of %q, %q: %q, %v", test.names, test.asked, got, err)
		}
		if len(meta.SignatureDef) != len(test.names) {
			t.Error("choosing a signature changed the model")
		}
	}
}

// Missing parts of a checkpoint are counted before TensorFlow loads it, in directories of any name.
func TestCheckVariables(t *testing.T) {
	with, without := metaOf(nodes("v = VarHandleOp()")), metaOf(nodes("x = Placeholder()"))
	for name, test := range map[string]struct {
		files []string
		want  string
	}{
		"one shard":  {[]string{"variables.index", "variables.data-00000-of-00001"}, ""},
		"two shards": {[]string{"variables.index", "variables.data-00000-of-00002", "variables.data-00001-of-00002"}, ""},
		"one of two": {[]string{"variables.index", "variables.data-00001-of-00002"}, "1 of 2 shards"},
		"no shard":   {[]string{"variables.index"}, "variables/variables.data-*"},
		"no index":   {[]string{"variables.data-00000-of-00001"}, "variables/variables.index"},
		"misnamed":   {[]string{"variables.index", "variables.data-x-of-y"}, "1 of 0 shards"},
	} {
		dir := filepath.Join(t.TempDir(), "a[b]*?c")
		if err := os.MkdirAll(filepath.Join(dir, "variables"), 0o755); err != nil {
			t.Fatal(err)
		}
		for _, file := range test.files {
			if err := os.WriteFile(filepath.Join(dir, "variables", file), nil, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		err := checkVariables(dir, with)
		if (err == nil) != (test.want == "") || err != nil && (!errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), dir)) {
			t.Errorf("%s: %v", name, err)
		}
		if err := checkVariables(filepath.Join(dir, "nowhere"), without); err != nil {
			t.Errorf("a graph without variables needs none: %v", err)
		}
	}
}

// A model's hash is that of its graph and variables, by name: what else lies in the directory and where the
// directory lies do not matter, nor does a graph that takes its place after it was read.
func TestHash(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "model[1]")
	files := map[string]string{"saved_model.pb": "graph", "variables/variables.data-00000-of-00001": "values", "variables/variables.index": "index", "assets/words": "more", "variables/other": "more"}
	for name, content := range files {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	sum := sha256.Sum256([]byte("saved_model.pb\x00graph" + "variables.data-00000-of-00001\x00values" + "variables.index\x00index"))
	begun := beginHash([]byte("graph"))
	if err := os.WriteFile(filepath.Join(dir, graphFile), []byte("another"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got, err := endHash(t.Context(), begun, dir); err != nil || got != hex.EncodeToString(sum[:]) {
		t.Errorf("%s, %v", got, err)
	}
}

// What Write notes is what a reader gets; a note that is damaged names its file.
func TestNote(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "model")
	want := Note{Model: "little", Preprocessing: preprocessing.Torch, Aliases: map[string][]string{"fc6": {"fc1", "dense"}}}
	if err := Write(dir, Parts{Graph: &graphpb.GraphDef{}, Note: want}, func(string) error { return nil }); err != nil {
		t.Fatal(err)
	}
	got, err := readNote(dir)
	if err != nil || got.Model != want.Model || got.Preprocessing != want.Preprocessing {
		t.Errorf("%+v, %v", got, err)
	}
	checkEqual(t, "aliases", got.Aliases["fc6"], want.Aliases["fc6"])
	for _, text := range []string{"{", `{"preprocessing": "nonsense"}`, `{"aliases": 3}`, ""} {
		if err := os.WriteFile(filepath.Join(dir, filepath.FromSlash(NoteFile)), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := readNote(dir); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), filepath.FromSlash(NoteFile)) {
			t.Errorf("a note of %q: %v", text, err)
		}
	}
	if note, err := readNote(t.TempDir()); err != nil || note.Model != "" || !note.Preprocessing.IsZero() {
		t.Errorf("without a note: %+v, %v", note, err)
	}
}

// An export that fails leaves nothing, and a directory with something in it is not written over.
func TestWriteFails(t *testing.T) {
	parent := t.TempDir()
	failure := errors.New("the disk is full")
	err := Write(filepath.Join(parent, "model"), Parts{Graph: &graphpb.GraphDef{}}, func(prefix string) error {
		if err := os.WriteFile(prefix+".index", []byte("half"), 0o644); err != nil {
			t.Fatal(err)
		}
		return failure
	})
	if !errors.Is(err, failure) {
		t.Errorf("%v", err)
	}
	if entries, err := os.ReadDir(parent); err != nil || len(entries) != 0 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
	if err := os.WriteFile(filepath.Join(parent, "mine"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	asked := false
	err = Write(parent, Parts{}, func(string) error { asked = true; return nil })
	if err == nil || !strings.Contains(err.Error(), "is not empty: export to a new directory") || asked {
		t.Errorf("%v, and the variables were written: %t", err, asked)
	}
}

// The size of images is the model's, the user's, or the default, and a contradiction is refused.
func TestSize(t *testing.T) {
	for _, test := range []struct {
		model         [2]int // height, width; 0 is open
		options       Options
		height, width int
		err           error
	}{
		{[2]int{224, 200}, Options{}, 224, 200, nil},
		{[2]int{0, 0}, Options{}, DefaultInputSize, DefaultInputSize, nil},
		{[2]int{0, 0}, Options{InputHeight: 64}, 64, DefaultInputSize, nil},
		{[2]int{0, 32}, Options{InputHeight: 64, InputWidth: 32}, 64, 32, nil},
		{[2]int{16, 16}, Options{InputHeight: 16, InputWidth: 16}, 16, 16, nil},
		{[2]int{0, 32}, Options{InputWidth: 64}, 0, 0, ErrSize},
		{[2]int{0, 0}, Options{InputHeight: maxSide + 1}, 0, 0, ErrSize},
		{[2]int{0, 0}, Options{InputWidth: -4}, 0, 0, ErrSize},
		{[2]int{0, 0}, Options{Dense: true}, 0, 0, nil},
		{[2]int{0, 16}, Options{Dense: true}, 0, 0, ErrNotDense},
	} {
		height, width, err := picture{height: test.model[0], width: test.model[1]}.size(test.options)
		if height != test.height || width != test.width || !errors.Is(err, test.err) {
			t.Errorf("a model of %v with %+v: %dx%d, %v", test.model, test.options, height, width, err)
		}
	}
}

// A preprocessing is made one of the model's channels where red, green and blue are treated alike, and refused
// where they are not.
func TestChoosePreprocessing(t *testing.T) {
	const float, bytes = typespb.DataType_DT_FLOAT, typespb.DataType_DT_UINT8
	for name, test := range map[string]struct {
		dtype       typespb.DataType
		channels    int
		asked, note preprocessing.Spec
		want, err   string
	}{
		"nothing said":          {float, 3, preprocessing.Spec{}, preprocessing.Spec{}, "", ""},
		"asked for":             {float, 3, preprocessing.Torch, preprocessing.Caffe, "torch", ""},
		"noted":                 {float, 3, preprocessing.Spec{}, preprocessing.Caffe, "caffe", ""},
		"bytes":                 {bytes, 3, preprocessing.Spec{}, preprocessing.Caffe, "none", ""},
		"bytes, asked for":      {bytes, 3, preprocessing.None, preprocessing.Spec{}, "none", ""},
		"bytes, something else": {bytes, 3, preprocessing.TF, preprocessing.Spec{}, "", "use none"},
		"grey":                  {float, 1, preprocessing.TF, preprocessing.Spec{}, "channels=gray,scale=1/127.5,mean=1,std=1", ""},
		"grey of means":         {float, 1, preprocessing.Torch, preprocessing.Spec{}, "", "channels=gray"},
		"alpha of means":        {float, 4, preprocessing.Caffe, preprocessing.Spec{}, "", "channels=rgba"},
		"open channels":         {float, 0, preprocessing.Torch, preprocessing.Spec{}, "torch", ""},
		"another order":         {float, 3, preprocessing.Torch.WithLayout(preprocessing.NCHW), preprocessing.Spec{}, "", "leave the layout out"},
		"the same order":        {float, 3, preprocessing.Torch.WithLayout(preprocessing.NHWC), preprocessing.Spec{}, preprocessing.Torch.WithLayout(preprocessing.NHWC).String(), ""},
	} {
		got, err := choosePreprocessing("DIR", picture{key: "image", dtype: test.dtype, channels: test.channels}, test.asked, Note{Preprocessing: test.note})
		text := got.String()
		if got.IsZero() {
			text = ""
		}
		if text != test.want || (err == nil) != (test.err == "") || err != nil && (!strings.Contains(err.Error(), test.err) || !strings.Contains(err.Error(), "DIR")) {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
}
