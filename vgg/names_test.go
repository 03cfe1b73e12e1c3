package vgg

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"fovea/vgg/weights"
)

// tail are the dense layers that a test puts on a base, by names of a kernel and a bias.
const (
	testUnits   = 4
	testClasses = 3
)

// addDense adds fc6, fc7 and fc8 with few units, under a publisher's names.
func addDense(set weights.Set, torch bool, kernels, biases [3]string) {
	inputs, outputs := [3]int{flattened, testUnits, testUnits}, [3]int{testUnits, testUnits, testClasses}
	for i := range kernels {
		shape := []int{inputs[i], outputs[i]}
		if torch {
			slices.Reverse(shape)
		}
		value := float32(100 + i)
		set.Tensors[kernels[i]] = tensor(shape, func(int) float32 { return value })
		set.Tensors[biases[i]] = tensor([]int{outputs[i]}, func(int) float32 { return value })
	}
}

// spell fills a pattern's {b}, {i}, {n} and {m}: block, place in it, number of the
// convolution from 0, number of torchvision's module.
func spell(pattern, layer string, n int) string {
	modules := []string{"0", "3", "6", "8", "11", "13", "16", "18"} // of vgg11
	return strings.NewReplacer("{b}", layer[5:6], "{i}", layer[len(layer)-1:], "{n}", fmt.Sprint(n), "{m}", modules[n],
		"{_n}", map[bool]string{true: "", false: fmt.Sprintf("_%d", n)}[n == 0]).Replace(pattern)
}

// spelled makes a base of configuration A with the names of a publisher.
func spelled(t *testing.T, kernel, bias string, torch bool) weights.Set {
	t.Helper()
	c, err := ByName("vgg-a")
	if err != nil {
		t.Fatal(err)
	}
	n := -1
	return named(c, func(l string, _ int) (string, string) {
		n++
		return spell(kernel, l, n), spell(bias, l, n)
	}, torch)
}

// The names that publishers use, as docs/weights.md lists them, come to our layers.
func TestSchemes(t *testing.T) {
	if testing.Short() {
		t.Skip("adopts a base under the names of thirty sources")
	}
	for _, test := range []struct {
		scheme       Scheme
		kernel, bias string
		torch        bool // OIHW, units x inputs
		dense        [3]string
		parts        [2]string
	}{
		{SchemeOwn, "block{b}_conv{i}/kernel", "block{b}_conv{i}/bias", false, [3]string{"fc6", "fc7", "fc8"}, [2]string{"/kernel", "/bias"}},
		{SchemeKeras, "block{b}_conv{i}/block{b}_conv{i}_W_1:0", "block{b}_conv{i}/block{b}_conv{i}_b_1:0", false,
			[3]string{"fc1/fc1", "fc2/fc2", "predictions/predictions"}, [2]string{"_W_1:0", "_b_1:0"}},
		{SchemeKeras, "model_weights/vgg16/block{b}_conv{i}/kernel", "model_weights/vgg16/block{b}_conv{i}/bias", false,
			[3]string{"model_weights/vgg16/fc1", "model_weights/vgg16/fc2", "model_weights/vgg16/predictions"}, [2]string{"/kernel", "/bias"}},
		{SchemeKeras, "layers/functional/layers/conv2d{_n}/vars/0", "layers/functional/layers/conv2d{_n}/vars/1", false,
			[3]string{"layers/dense", "layers/dense_1", "layers/dense_2"}, [2]string{"/vars/0", "/vars/1"}},
		{SchemeKeras, "model/layer_with_weights-{n}/kernel/.ATTRIBUTES/VARIABLE_VALUE", "model/layer_with_weights-{n}/bias/.ATTRIBUTES/VARIABLE_VALUE", false,
			[3]string{"model/layer_with_weights-8", "model/layer_with_weights-9", "model/layer_with_weights-10"},
			[2]string{"/kernel/.ATTRIBUTES/VARIABLE_VALUE", "/bias/.ATTRIBUTES/VARIABLE_VALUE"}},
		{SchemeKeras, "model/_operations/{n}/_kernel", "model/_operations/{n}/bias", false,
			[3]string{"model/_operations/20", "model/_operations/21", "model/_operations/22"}, [2]string{"/_kernel", "/bias"}},
		{SchemeNumPy, "conv{b}_{i}_W", "conv{b}_{i}_b", false, [3]string{"fc6", "fc7", "fc8"}, [2]string{"_W", "_b"}},
		{SchemeNumPy, "conv{b}_{i}/weights", "conv{b}_{i}/biases", false, [3]string{"fc6", "fc7", "fc8"}, [2]string{"/weights", "/biases"}},
		{SchemeCaffe, "conv{b}_{i}/weights", "conv{b}_{i}/biases", true, [3]string{"fc6", "fc7", "fc8a"}, [2]string{"/weights", "/biases"}},
		{SchemeCaffe, "conv{b}_{i}/W", "conv{b}_{i}/b", true, [3]string{"fc6", "fc7", "fc8"}, [2]string{"/W", "/b"}},
		{SchemeVGGFace, "conv{b}_{i}.weight", "conv{b}_{i}.bias", true, [3]string{"fc6", "fc7", "fc8"}, [2]string{".weight", ".bias"}},
		{SchemeVGGFace, "conv_{b}_{i}.weight", "conv_{b}_{i}.bias", true, [3]string{"fc6", "fc7", "fc8"}, [2]string{".weight", ".bias"}},
		{SchemeVGGFace, "conv{b}_{i}/conv{b}_{i}/kernel:0", "conv{b}_{i}/conv{b}_{i}/bias:0", false,
			[3]string{"fc6/fc6", "fc7/fc7", "fc8/fc8"}, [2]string{"/kernel:0", "/bias:0"}},
		{SchemeTFSlim, "vgg_16/conv{b}/conv{b}_{i}/weights", "vgg_16/conv{b}/conv{b}_{i}/biases", false,
			[3]string{"vgg_16/fc6", "vgg_16/fc7", "vgg_16/fc8"}, [2]string{"/weights", "/biases"}},
		{SchemeONNX, "sequence/convolution_{n}/weight", "sequence/convolution_{n}/bias", true,
			[3]string{"sequence/dense_0", "sequence/dense_1", "sequence/dense_2"}, [2]string{"/weight", "/bias"}},
		{SchemeMXNet, "vgg0_conv{n}_weight", "vgg0_conv{n}_bias", true, [3]string{"vgg0_dense0", "vgg0_dense1", "vgg0_dense2"}, [2]string{"_weight", "_bias"}},
		{SchemePytorchcv, "features.stage{b}.unit{i}.conv.weight", "features.stage{b}.unit{i}.conv.bias", true,
			[3]string{"output.fc1.fc", "output.fc2.fc", "output.fc3"}, [2]string{".weight", ".bias"}},
		{SchemeTimm, "module.features.{m}.weight", "module.features.{m}.bias", true,
			[3]string{"module.pre_logits.fc1", "module.pre_logits.fc2", "module.head.fc"}, [2]string{".weight", ".bias"}},
		{SchemePaddle, "features.{m}.weight", "features.{m}.bias", true, [3]string{}, [2]string{}},
		{SchemeTorchvision, "model.backbone.features.module.{m}.weight", "model.backbone.features.module.{m}.bias", true,
			[3]string{"model.backbone.classifier.0", "model.backbone.classifier.3", "model.backbone.classifier.6"}, [2]string{".weight", ".bias"}},
		{SchemeTorchvision, "{m}.weight", "{m}.bias", true, [3]string{}, [2]string{}},
		{SchemeTorchvision, "_features.{m}.weight", "_features.{m}.bias", true, [3]string{"linear0", "linear1", "last_linear"}, [2]string{".weight", ".bias"}},
	} {
		t.Run(fmt.Sprintf("%s %s", test.scheme, test.kernel), func(t *testing.T) {
			set := spelled(t, test.kernel, test.bias, test.torch)
			var kernels, biases [3]string
			for i, layer := range test.dense {
				kernels[i], biases[i] = layer+test.parts[0], layer+test.parts[1]
			}
			switch {
			case test.scheme == SchemePaddle: // as PyTorch's, but for the dense kernels
				addDense(set, false, [3]string{"classifier.0.weight", "classifier.3.weight", "classifier.6.weight"},
					[3]string{"classifier.0.bias", "classifier.3.bias", "classifier.6.bias"})
			case test.dense[0] != "":
				addDense(set, test.torch, kernels, biases)
			}
			checkSpelled(t, set, test.scheme)
		})
	}
}

func checkSpelled(t *testing.T, set weights.Set, scheme Scheme) {
	t.Helper()
	c, err := Guess(set)
	if err != nil || c.Name != "vgg-a" {
		t.Fatalf("it is taken for %s: %v", c.Name, err)
	}
	adopted, err := c.Adopt(set)
	if err != nil {
		t.Fatal(err)
	}
	if adopted.Scheme != scheme || len(adopted.Ignored) > 0 {
		t.Errorf("the scheme is %s, want %s; left out: %v", adopted.Scheme, scheme, adopted.Ignored)
	}
	if got, want := len(adopted.Set.Tensors), len(set.Tensors); got != want {
		t.Errorf("%d of %d tensors were taken over: %v", got, want, slices.Sorted(maps.Keys(adopted.Set.Tensors)))
	}
	n := float32(0)
	for _, l := range c.Layers(true) {
		kernel, found := adopted.Set.Tensors[l.Name+"/kernel"]
		if l.Kind == KindDense && n < 100 {
			n = 100
		}
		if !found {
			continue
		}
		for _, part := range []weights.Tensor{kernel, adopted.Set.Tensors[l.Name+"/bias"]} {
			if values, err := part.Float32(); err != nil || values[0] != n {
				t.Errorf("%s has the values of number %v, want %v", l.Name, values[0], n)
			}
		}
		n++
	}
}

// What people put on a VGG's convolutions, or take off its dense layers, leaves the rest.
func TestTops(t *testing.T) {
	if testing.Short() {
		t.Skip("adopts whole networks")
	}
	number := func(int) float32 { return 0.5 }
	keras := func(t *testing.T) weights.Set {
		return spelled(t, "block{b}_conv{i}/kernel", "block{b}_conv{i}/bias", false)
	}
	torch := func(t *testing.T) weights.Set {
		return spelled(t, "features.{m}.weight", "features.{m}.bias", true)
	}
	for name, test := range map[string]struct {
		base     func(t *testing.T) weights.Set
		add      map[string][]int
		dense    int
		classes  string
		reason   string // of what is left out
		leftOut  int
		refusing string
	}{
		"average and a dense layer":   {keras, map[string][]int{"dense/kernel": {512, 10}, "dense/bias": {10}}, 0, "", "custom top", 2, ""},
		"nested Sequential":           {keras, map[string][]int{"sequential/dense/kernel": {512, 16}, "sequential/dense/bias": {16}, "sequential/dense_1/kernel": {16, 3}, "sequential/dense_1/bias": {3}}, 0, "", "custom top", 4, ""},
		"average named as VGG's":      {keras, map[string][]int{"fc1/kernel": {512, 64}, "fc1/bias": {64}, "predictions/kernel": {64, 5}, "predictions/bias": {5}}, 0, "", "takes 25088 inputs", 4, ""},
		"fc6 alone":                   {keras, map[string][]int{"fc1/kernel": {flattened, 8}, "fc1/bias": {8}}, 1, "", "", 0, ""},
		"no fc8":                      {torch, map[string][]int{"classifier.0.weight": {8, flattened}, "classifier.0.bias": {8}, "classifier.3.weight": {8, 8}, "classifier.3.bias": {8}}, 2, "", "", 0, ""},
		"no fc7":                      {torch, map[string][]int{"classifier.0.weight": {8, flattened}, "classifier.0.bias": {8}, "classifier.6.weight": {5, 8}, "classifier.6.bias": {5}}, 1, "", "follows fc7", 2, ""},
		"2622 classes":                {torch, map[string][]int{"classifier.0.weight": {8, flattened}, "classifier.0.bias": {8}, "classifier.3.weight": {8, 8}, "classifier.3.bias": {8}, "classifier.6.weight": {2622, 8}, "classifier.6.bias": {2622}}, 3, "2622", "", 0, ""},
		"two layers for the last":     {torch, map[string][]int{"classifier.0.weight": {8, flattened}, "classifier.0.bias": {8}, "classifier.3.weight": {8, 8}, "classifier.3.bias": {8}, "classifier.6.0.weight": {6, 8}, "classifier.6.0.bias": {6}, "classifier.6.3.weight": {2, 6}, "classifier.6.3.bias": {2}}, 2, "", "not part of the conv", 4, ""},
		"a narrower second layer":     {torch, map[string][]int{"classifier.0.weight": {8, flattened}, "classifier.0.bias": {8}, "classifier.3.weight": {5, 8}, "classifier.3.bias": {5}}, 0, "", "as many as fc6", 4, ""},
		"pooling and whitening":       {torch, map[string][]int{"pool.p": {1}, "whiten.weight": {512, 512}, "whiten.bias": {512}}, 0, "", "not part of the conv", 3, ""},
		"a decoder":                   {torch, map[string][]int{"decoder.0.weight": {256, 512, 3, 3}, "decoder.0.bias": {256}}, 0, "", "not part of the conv", 2, ""},
		"bookkeeping":                 {keras, map[string][]int{"global_step": {}, "mean_rgb": {3}, "block1_conv1/kernel/Momentum": {3, 3, 3, 64}, "optimizer_weights/iteration": {}, "normalization/mean": {1, 1, 1, 3}}, 0, "", "", 5, ""},
		"a normalization of the top":  {keras, map[string][]int{"bn/gamma": {200}, "bn/moving_mean": {200}}, 0, "", "no convolution has 200", 2, ""},
		"a normalization of the base": {keras, map[string][]int{"bn/gamma": {512}, "bn/moving_mean": {512}}, 0, "", "", 0, "batch normalization"},
		"a convolution more":          {torch, map[string][]int{"features.21.weight": {512, 512, 3, 3}, "features.21.bias": {512}}, 0, "", "", 0, "vgg-a is closest, but vgg-a has no place for features.21.weight"},
		"square and no biases":        {torch, map[string][]int{"classifier.0.weight": {flattened, flattened}}, 0, "", "", 0, "fit two orders"},
		"two networks":                {torch, twin(), 0, "", "", 0, "more than one network, under features and under teacher.features"},
	} {
		t.Run(name, func(t *testing.T) {
			set := test.base(t)
			for tensorName, shape := range test.add {
				if elements(shape) > 1<<28 { // its shape is all that is looked at
					set.Tensors[tensorName] = weights.Tensor{Shape: shape, DType: weights.F32}
					continue
				}
				set.Tensors[tensorName] = tensor(shape, number)
			}
			c, err := ByName("vgg-a")
			if err != nil {
				t.Fatal(err)
			}
			adopted, err := c.Adopt(set)
			if test.refusing != "" {
				if err == nil || !strings.Contains(err.Error(), test.refusing) {
					t.Fatalf("error is %v, want one with %q", err, test.refusing)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			layers, err := c.LayersOf(adopted.Set)
			if err != nil {
				t.Fatal(err)
			}
			if got := len(slices.DeleteFunc(layers, func(l Layer) bool { return l.Kind != KindDense })); got != test.dense {
				t.Errorf("%d dense layers, want %d", got, test.dense)
			}
			if want := []string{"fc6", "fc7", "fc8", "softmax"}; test.dense == 3 && len(adopted.Absent) > 0 || test.dense < 3 && !slices.Equal(adopted.Absent, want[test.dense:]) {
				t.Errorf("absent are %v", adopted.Absent)
			}
			if got := adopted.Set.Metadata[classesKey]; got != test.classes {
				t.Errorf("%q classes are noted, want %q", got, test.classes)
			}
			if len(adopted.Ignored) != test.leftOut {
				t.Errorf("left out are %v", adopted.Ignored)
			}
			for _, ignored := range adopted.Ignored {
				if !strings.Contains(ignored.Reason, test.reason) {
					t.Errorf("%s was left out because it is %s, want %q", ignored.Name, ignored.Reason, test.reason)
				}
			}
		})
	}
}

// twin is the beginning of another network, as of a teacher beside a student.
func twin() map[string][]int {
	return map[string][]int{"teacher.features.0.weight": {64, 3, 3, 3}, "teacher.features.0.bias": {64},
		"teacher.features.3.weight": {128, 64, 3, 3}, "teacher.features.3.bias": {128}}
}

// Weights of another configuration are named, and what is too much or missing.
func TestGuess(t *testing.T) {
	a, _ := ByName("vgg-a")
	d, _ := ByName("vgg16")
	own := func(l string, _ int) (string, string) { return l + "/kernel", l + "/bias" }
	set := named(d, own, false)
	if c, err := Guess(set); err != nil || c.Name != "vgg16" {
		t.Errorf("it is taken for %s: %v", c.Name, err)
	}
	_, err := a.Adopt(set)
	for _, want := range []string{"the weights of vgg16, not of vgg-a: import them as vgg16", "vgg-a has no place for block1_conv2/kernel [3 3 64 64], block2_conv2/kernel"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want one with %q", err, want)
		}
	}
	delete(set.Tensors, "block5_conv3/kernel")
	delete(set.Tensors, "block5_conv3/bias")
	if _, err := Guess(set); err == nil || !strings.Contains(err.Error(), "vgg16 is closest, but vgg16 also needs block5_conv3 [3 3 512 512]") {
		t.Errorf("one convolution too few: %v", err)
	}
	resnet := weights.Set{Tensors: map[string]weights.Tensor{
		"conv1.weight": tensor([]int{64, 3, 7, 7}, func(int) float32 { return 0 }), "layer1.0.conv1.weight": tensor([]int{64, 64, 3, 3}, func(int) float32 { return 0 }),
	}}
	if _, err := Guess(resnet); err == nil || !strings.Contains(err.Error(), "not those of a known VGG") {
		t.Errorf("ResNet: %v", err)
	}
}

// torchvision's IMAGENET1K_FEATURES have a classifier of what is not a number.
func TestNoNumbers(t *testing.T) {
	c, _ := ByName("vgg-a")
	set := spelled(t, "features.{m}.weight", "features.{m}.bias", true)
	names := func(part string) [3]string {
		return [3]string{"classifier.0." + part, "classifier.3." + part, "classifier.6." + part}
	}
	addDense(set, true, names("weight"), names("bias"))
	for name, old := range set.Tensors {
		if strings.HasPrefix(name, "classifier") {
			set.Tensors[name] = tensor(old.Shape, func(int) float32 { return float32(math.NaN()) })
		}
	}
	adopted, err := c.Adopt(set)
	if err != nil || len(adopted.Ignored) != 6 || !strings.Contains(adopted.Ignored[0].Reason, "no numbers") || len(adopted.Absent) != 4 {
		t.Errorf("left out are %v, absent %v: %v", adopted.Ignored, adopted.Absent, err)
	}
}

// Networks that pool at other places have the same shapes; their modules' numbers tell.
func TestPoolingElsewhere(t *testing.T) {
	c, _ := ByName("vgg-a")
	set := spelled(t, "features.{m}.weight", "features.{m}.bias", true)
	for _, part := range []string{".weight", ".bias"} {
		set.Tensors["features.7"+part] = set.Tensors["features.8"+part]
		delete(set.Tensors, "features.8"+part)
	}
	if _, err := c.Adopt(set); err == nil || !strings.Contains(err.Error(), "features.7.weight is not where") {
		t.Errorf("error is %v", err)
	}
}

func FuzzReadName(f *testing.F) {
	for _, name := range []string{"features.0.weight", "vgg_16/conv1/conv1_1/weights", "layers/conv2d_3/vars/0", "conv1_1f", "fc8-2/weights", "arg:vgg0_conv0_weight"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		set := weights.Set{Tensors: map[string]weights.Tensor{name: {Shape: []int{1}, DType: weights.F32, Raw: make([]byte, 4)}}}
		if _, err := Guess(set); err == nil {
			t.Errorf("one tensor %q is taken for a network", name)
		}
	})
}
