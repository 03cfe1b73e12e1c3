package models

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fovea/inference"
	"fovea/internal/samples"
	"fovea/picture"
	"fovea/preprocessing"
	"fovea/vgg"
	"fovea/vgg/imagenet"
	"fovea/vgg/weights"
)

// conversion is how somebody has published the VGG group's weights.
type conversion struct {
	// wants is the preprocessing that the converted network has.
	wants preprocessing.Spec
	// kernel and bias name the tensors of a layer, whose number of convolution and module (as
	// torchvision counts) are given.
	kernel, bias func(layer string, module int) string
	torch        bool // kernels in OIHW order
}

func torchvision(suffix string) func(string, int) string {
	return func(_ string, module int) string { return fmt.Sprintf("features.%d.%s", module, suffix) }
}

func conv(format string) func(string, int) string {
	return func(layer string, _ int) string {
		return fmt.Sprintf(format, layer[len("block"):len("block")+1], layer[len(layer)-1:])
	}
}

// convert writes the embedded base as that publisher would and returns the file.
func (p conversion) convert(t *testing.T) string {
	t.Helper()
	base, err := imagenet.VGG16()
	if err != nil {
		t.Fatal(err)
	}
	c, err := vgg.ByName("vgg16")
	if err != nil {
		t.Fatal(err)
	}
	set := weights.Set{Tensors: map[string]weights.Tensor{}}
	module := 0
	for _, l := range c.Layers(false) {
		if l.Kind == vgg.KindMaxPool {
			module++
		}
		if l.Kernel == nil {
			continue
		}
		kernel, err := base.Tensors[l.Name+"/kernel"].Float32()
		if err != nil {
			t.Fatal(err)
		}
		bias, err := base.Tensors[l.Name+"/bias"].Float32()
		if err != nil {
			t.Fatal(err)
		}
		if module == 0 {
			kernel, bias = p.fold(kernel, bias)
		}
		shape := l.Kernel
		if p.torch {
			kernel, shape = oihw(kernel, shape), []int{shape[3], shape[2], 3, 3}
		}
		set.Tensors[p.kernel(l.Name, module)] = weights.Float32Tensor(shape, kernel)
		set.Tensors[p.bias(l.Name, module)] = weights.Float32Tensor([]int{len(bias)}, bias)
		module += 2
	}
	return written(t, set, "weights.safetensors")
}

// written is a new file of that name with the weights.
func written(t *testing.T, set weights.Set, name string) string {
	t.Helper()
	var encoded bytes.Buffer
	if err := weights.WriteSafetensors(&encoded, set); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, encoded.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// fold makes the first convolution, which takes BGR less the means, that of a network that
// takes images as p.wants prepares them.
func (p conversion) fold(kernel, bias []float32) ([]float32, []float32) {
	changed := make([]float32, len(kernel))
	for c := range 3 {
		from := c
		if p.wants.Channels == preprocessing.RGB {
			from = 2 - c
		}
		std := p.wants.Std[c] * p.wants.Divisor
		for tap := range 9 {
			for filter := range 64 {
				changed[(tap*3+c)*64+filter] = kernel[(tap*3+from)*64+filter] * float32(std)
			}
		}
	}
	return changed, bias
}

func oihw(kernel []float32, shape []int) []float32 {
	in, out := shape[2], shape[3]
	turned := make([]float32, len(kernel))
	for tap := range 9 {
		for i := range in {
			for o := range out {
				turned[(o*in+i)*9+tap] = kernel[(tap*in+i)*out+o]
			}
		}
	}
	return turned
}

// pool5 are the averaged features of the photographs.
func pool5(t *testing.T, model *inference.Model) []float32 {
	t.Helper()
	extractor, err := inference.NewExtractor(model, inference.ExtractorOptions{Layers: []string{"pool5"}, Pool: "avg", Batch: 1})
	if err != nil {
		t.Fatal(err)
	}
	photos, err := samples.Photos()
	if err != nil {
		t.Fatal(err)
	}
	var all []float32
	for _, photo := range photos[:2] {
		p, err := picture.Decode(photo.Data, picture.Options{Width: 224, Height: 224})
		if err != nil {
			t.Fatal(err)
		}
		numbers := make([]float32, len(p.Pix))
		model.Preprocessing.Apply(numbers, p.Pix)
		features, err := extractor.Extract(numbers, 1)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, features[0]...)
	}
	return all
}

// The VGG group's weights as others have converted them are told by measurement, and give
// the features of the original.
func TestImportMeasuresConversions(t *testing.T) {
	if testing.Short() {
		t.Skip("imports eight files of a whole base")
	}
	original, err := Open(Default, Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer original.Close()
	want := pool5(t, original)
	for name, conversion := range map[string]conversion{
		"jcjohnson":           {preprocessing.Caffe, torchvision("weight"), torchvision("bias"), true},
		"IMAGENET1K_FEATURES": {preprocessing.RGBMeans, torchvision("weight"), torchvision("bias"), true},
		"Frossard":            {preprocessing.RGBMeans, conv("conv%s_%s_W"), conv("conv%s_%s_b"), false},
		"Keras":               {preprocessing.Caffe, func(l string, _ int) string { return l + "/" + l + "_W_1:0" }, func(l string, _ int) string { return l + "/" + l + "_b_1:0" }, false},
		"scaled to 0..1": {preprocessing.New(preprocessing.RGB, 255, [3]float64{123.68 / 255, 116.779 / 255, 103.939 / 255}, [3]float64{1, 1, 1}),
			torchvision("weight"), torchvision("bias"), true},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			imported, err := Import(conversion.convert(t), ImportOptions{Dir: dir})
			if err != nil {
				t.Fatal(err)
			}
			found := imported.Preprocessing
			if !strings.Contains(found.Reason, "measured") || found.Warning != "" {
				t.Errorf("found by %q, warning %q", found.Reason, found.Warning)
			}
			model, err := Open("vgg16", Options{Dir: dir})
			if err != nil {
				t.Fatal(err)
			}
			defer model.Close()
			if model.Preprocessing != found.Spec {
				t.Errorf("opened with %s, found %s", model.Preprocessing, found.Spec)
			}
			if conversion.wants.Std[0]*conversion.wants.Divisor == 1 && found.Spec != conversion.wants {
				t.Errorf("taken for %s, want %s", found.Spec, conversion.wants)
			}
			if cos := cosine(pool5(t, model), want); cos < 0.99999 {
				t.Errorf("features have a cosine of %.6f with the original's (by %s)", cos, found.Spec)
			} else {
				t.Logf("%s: cosine %.7f", found.Spec, cos)
			}
		})
	}
}

// stranger is a file with weights of nobody's training under the names of that publisher.
func stranger(t *testing.T, kernel, bias func(string, int) string, torch bool) string {
	t.Helper()
	c, err := vgg.ByName("vgg-a")
	if err != nil {
		t.Fatal(err)
	}
	set := weights.Set{Tensors: map[string]weights.Tensor{}}
	module := 0
	for _, l := range c.Layers(false) {
		if l.Kind == vgg.KindMaxPool {
			module++
		}
		if l.Kernel == nil {
			continue
		}
		size := l.Kernel[0] * l.Kernel[1] * l.Kernel[2] * l.Kernel[3]
		values := make([]float32, size)
		state := uint32(module + 1)
		for i := range values {
			state = state*1664525 + 1013904223
			values[i] = float32(int32(state)) / (1 << 34)
		}
		shape := l.Kernel
		if torch {
			shape = []int{l.Kernel[3], l.Kernel[2], 3, 3}
		}
		set.Tensors[kernel(l.Name, module)] = weights.Float32Tensor(shape, values)
		set.Tensors[bias(l.Name, module)] = weights.Float32Tensor([]int{l.Kernel[3]}, make([]float32, l.Kernel[3]))
		module += 2
	}
	return written(t, set, "stranger.safetensors")
}

// What nothing tells is refused with the candidates, and taken once it is said.
func TestImportRefusesToGuess(t *testing.T) {
	if testing.Short() {
		t.Skip("opens many models, one after the other")
	}
	for name, test := range map[string]struct {
		kernel, bias func(string, int) string
		torch        bool
		first        string
	}{
		"PyTorch": {torchvision("weight"), torchvision("bias"), true, "--preprocessing torch "},
		"Keras":   {func(l string, _ int) string { return l + "/kernel:0" }, func(l string, _ int) string { return l + "/bias:0" }, false, "--preprocessing caffe "},
	} {
		t.Run(name, func(t *testing.T) {
			file, dir := stranger(t, test.kernel, test.bias, test.torch), t.TempDir()
			_, err := Import(file, ImportOptions{Dir: dir})
			if !errors.Is(err, ErrPreprocessing) || !strings.Contains(err.Error(), "stranger.safetensors") {
				t.Fatalf("imported without a word: %v", err)
			}
			if lines := strings.Split(err.Error(), "\n"); len(lines) < 6 || !strings.Contains(lines[1], test.first) {
				t.Errorf("the candidates are %q", lines)
			}
			if left, _ := os.ReadDir(dir); len(left) > 0 {
				t.Errorf("the refusal left %v", left)
			}
			imported, err := Import(file, ImportOptions{Dir: dir, Preprocessing: preprocessing.ZeroOne})
			if err != nil || imported.Preprocessing.Spec != preprocessing.ZeroOne {
				t.Fatalf("%+v, %v", imported.Preprocessing, err)
			}
			model, err := Open("vgg-a", Options{Dir: dir})
			if err != nil {
				t.Fatal(err)
			}
			defer model.Close()
			if model.Preprocessing != preprocessing.ZeroOne {
				t.Errorf("the model wants %s", model.Preprocessing)
			}
		})
	}
}

func TestImportWarnsOfContradiction(t *testing.T) {
	if testing.Short() {
		t.Skip("opens many models, one after the other")
	}
	file := conversion{preprocessing.Caffe, torchvision("weight"), torchvision("bias"), true}.convert(t)
	imported, err := Import(file, ImportOptions{Dir: t.TempDir(), Preprocessing: preprocessing.Torch})
	if err != nil {
		t.Fatal(err)
	}
	if f := imported.Preprocessing; f.Spec != preprocessing.Torch || !strings.Contains(f.Warning, "measured otherwise: caffe") {
		t.Errorf("%+v", f)
	}
}

func TestDocumentedAndStatedPreprocessing(t *testing.T) {
	for name, test := range map[string]struct {
		metadata map[string]string
		adopted  vgg.Adopted
		want     preprocessing.Spec
	}{
		"timm":            {nil, vgg.Adopted{Scheme: vgg.SchemeTimm}, preprocessing.Torch},
		"batch norm":      {nil, vgg.Adopted{Scheme: vgg.SchemeTorchvision, Normalizations: 8}, preprocessing.Torch},
		"TF-slim":         {nil, vgg.Adopted{Scheme: vgg.SchemeTFSlim}, preprocessing.RGBMeans},
		"KerasHub":        {nil, vgg.Adopted{Scheme: vgg.SchemeKerasHub}, preprocessing.Torch},
		"ONNX graph":      {map[string]string{weights.PreprocessingNote: "order=2:1:0,scale=1:1:1,offset=-103.939:-116.779:-123.68"}, vgg.Adopted{Scheme: vgg.SchemeONNX}, preprocessing.Caffe},
		"ONNX torch":      {map[string]string{weights.PreprocessingNote: "order=0:1:2,scale=0.017124753:0.017507004:0.017429193,offset=-2.117904:-2.0357144:-1.8044444"}, vgg.Adopted{Scheme: vgg.SchemeONNX}, preprocessing.Torch},
		"MatConvNet mean": {map[string]string{weights.MeanKey: "123.68,116.779,103.939"}, vgg.Adopted{Scheme: vgg.SchemeMatConvNet}, preprocessing.RGBMeans},
		"our own":         {map[string]string{vgg.PreprocessingKey: "tf"}, vgg.Adopted{Scheme: vgg.SchemeOwn}, preprocessing.TF},
	} {
		test.adopted.Set = strangersFirst()
		// The catalogue may be asked for the file's MD5 first, so there has to be a file.
		file := filepath.Join(t.TempDir(), "weights")
		if err := os.WriteFile(file, []byte("weights"), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := findPreprocessing(file, preprocessing.Spec{}, weights.Set{Metadata: test.metadata, SHA256: "00"}, test.adopted)
		if err != nil || got.Spec != test.want || got.Reason == "" {
			t.Errorf("%s: %s by %q, %v; want %s", name, got.Spec, got.Reason, err, test.want)
		}
	}
}

// VGGFace's conversions differ in the order of channels: only Keras's is known by its names.
func TestVGGFace(t *testing.T) {
	file := filepath.Join(t.TempDir(), "weights")
	if err := os.WriteFile(file, []byte("weights"), 0o600); err != nil {
		t.Fatal(err)
	}
	adopted := vgg.Adopted{Scheme: vgg.SchemeVGGFace, Set: strangersFirst()}
	keras := weights.Set{SHA256: "00", Tensors: map[string]weights.Tensor{"conv1_1/conv1_1/kernel:0": {}}}
	if got, err := findPreprocessing(file, preprocessing.Spec{}, keras, adopted); err != nil || got.Spec != preprocessing.VGGFace {
		t.Errorf("keras_vggface's file: %s, %v", got.Spec, err)
	}
	_, err := findPreprocessing(file, preprocessing.Spec{}, weights.Set{SHA256: "00"}, adopted)
	if !errors.Is(err, ErrPreprocessing) || !strings.Contains(err.Error(), "--preprocessing channels=rgb,mean=129.1863") {
		t.Errorf("another conversion: %v", err)
	}
}

// A graph that normalizes may take 0 to 255 or 0 to 1: its numbers tell, or it is refused.
func TestGraphOfUnknownRange(t *testing.T) {
	for name, test := range map[string]struct{ note, want string }{
		"torchvision's Normalize alone": {"order=0:1:2,scale=4.366812:4.4642857:4.4444447,offset=-2.117904:-2.0357144:-1.8044444", "--preprocessing torch "},
		"minus a mean of 0 to 1":        {"order=0:1:2,scale=1:1:1,offset=-0.5:-0.5:-0.5", "--preprocessing channels=rgb,scale=1/255,mean=0.5"},
		"twice less one":                {"order=0:1:2,scale=2:2:2,offset=-1:-1:-1", "--preprocessing tf "},
		"another order of channels":     {"order=1:0:2,scale=1:1:1,offset=0:0:0", "reorders the channels"},
	} {
		if spec, err := parseGraphNote(test.note); !errors.Is(err, ErrPreprocessing) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %s, %v", name, spec, err)
		}
	}
	for note, want := range map[string]preprocessing.Spec{
		"order=0:1:2,scale=0.003921569:0.003921569:0.003921569,offset=0:0:0": preprocessing.ZeroOne,
		"order=0:1:2,scale=1:1:1,offset=-123.68:-116.779:-103.939":           preprocessing.RGBMeans,
		"order=0:1:2,scale=1:1:1,offset=0:0:0":                               preprocessing.None,
	} {
		if spec, err := parseGraphNote(note); err != nil || spec != want {
			t.Errorf("%s: %s, %v", note, spec, err)
		}
	}
}

// strangersFirst is a first convolution that descends from nobody's.
func strangersFirst() weights.Set {
	kernel := make([]float32, 9*3*64)
	for i := range kernel {
		kernel[i] = float32((i*7919)%13) - 6
	}
	return weights.Set{Tensors: map[string]weights.Tensor{
		"block1_conv1/kernel": weights.Float32Tensor([]int{3, 3, 3, 64}, kernel), "block1_conv1/bias": weights.Float32Tensor([]int{64}, make([]float32, 64)),
	}}
}

func TestSuspect(t *testing.T) {
	filters := []float32{0, 1, 0, 2, 0, 0, 0, 3} // 4 taps of 2 filters, the first all zero
	set := weights.Set{Tensors: map[string]weights.Tensor{
		"a/kernel": weights.Float32Tensor([]int{4, 1, 1, 2}, filters),
		"b/kernel": weights.Float32Tensor([]int{2, 2}, []float32{1, 1, 1, 1}),
		"c/kernel": weights.Float32Tensor([]int{2, 2}, []float32{1, 0, 0, 1}),
		"c/bias":   weights.Float32Tensor([]int{2}, []float32{0, 0}),
	}}
	got, err := suspect(set)
	if err != nil || len(got) != 2 || !strings.Contains(got[0], "1 of the 2 filters of a/kernel") || !strings.Contains(got[1], "all values of b/kernel are 1") {
		t.Errorf("%q, %v", got, err)
	}
	base, err := imagenet.VGG16()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := suspect(base); err != nil || len(got) > 0 {
		t.Errorf("the embedded base is suspect: %q, %v", got, err)
	}
}

func TestPublishedByChecksum(t *testing.T) {
	for sha, want := range map[string]preprocessing.Spec{"397923af" + strings.Repeat("0", 56): preprocessing.Torch, "88682ab5" + strings.Repeat("0", 56): preprocessing.TorchFeatures} {
		if p, found, err := publishedAs("no file is read", sha, true); err != nil || !found || p.Preprocessing != want {
			t.Errorf("%s: %+v, %v, %v", sha, p, found, err)
		}
	}
	for _, p := range Catalogue {
		if p.Preprocessing.IsZero() {
			t.Errorf("%s states no preprocessing", p.Name)
		}
	}
}
