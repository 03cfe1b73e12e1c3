package vgg

import (
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"testing"

	"fovea/vgg/weights"
)

func tensor(shape []int, value func(i int) float32) weights.Tensor {
	size := 1
	for _, d := range shape {
		size *= d
	}
	raw := make([]byte, 0, 4*size)
	for i := range size {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(value(i)))
	}
	return weights.Tensor{Shape: shape, DType: weights.F32, Raw: raw}
}

// named makes weights of a configuration's base, with the names and the kernels' order of a
// publisher. Each kernel holds its number in the order of computation.
func named(c Configuration, name func(layer string, index int) (kernel, bias string), torch bool) weights.Set {
	set := weights.Set{Tensors: map[string]weights.Tensor{}, SHA256: "ab"}
	n := 0
	for i, l := range c.Layers(false) {
		if l.Kernel == nil {
			continue
		}
		shape := slices.Clone(l.Kernel)
		if torch {
			shape = []int{shape[3], shape[2], shape[0], shape[1]}
		}
		kernel, bias := name(l.Name, i)
		value := float32(n)
		set.Tensors[kernel] = tensor(shape, func(int) float32 { return value })
		set.Tensors[bias] = tensor([]int{l.Kernel[3]}, func(int) float32 { return value })
		n++
	}
	return set
}

func TestAdopt(t *testing.T) {
	if testing.Short() {
		t.Skip("adopts whole networks")
	}
	c, err := ByName("vgg-a")
	if err != nil {
		t.Fatal(err)
	}
	torchvision := []string{"0", "3", "6", "8", "11", "13", "16", "18"} // of its vgg11
	keras3 := map[string]string{                                        // in the file that keras.Model.save_weights makes
		"block1_conv1": "conv2d", "block2_conv1": "conv2d_1", "block3_conv1": "conv2d_2", "block3_conv2": "conv2d_3",
		"block4_conv1": "conv2d_4", "block4_conv2": "conv2d_5", "block5_conv1": "conv2d_6", "block5_conv2": "conv2d_7",
	}
	conv := 0
	for name, test := range map[string]struct {
		set    weights.Set
		scheme Scheme
	}{
		"own":   {named(c, func(l string, _ int) (string, string) { return l + "/kernel", l + "/bias" }, false), SchemeOwn},
		"keras": {named(c, func(l string, _ int) (string, string) { return l + "/" + l + "_W_1:0", l + "/" + l + "_b_1:0" }, false), SchemeKeras},
		"keras model": {named(c, func(l string, _ int) (string, string) {
			return "model_weights/" + l + "/" + l + "/kernel:0", "model_weights/" + l + "/" + l + "/bias:0"
		}, false), SchemeKeras},
		"keras 3": {named(c, func(l string, _ int) (string, string) {
			path := "layers/" + keras3[l]
			return path + "/vars/0", path + "/vars/1"
		}, false), SchemeKeras},
		"caffe": {named(c, func(l string, _ int) (string, string) {
			n := "conv" + l[5:6] + "_" + l[len(l)-1:]
			return n + "_W", n + "_b"
		}, false), SchemeNumPy},
		"torch": {named(c, func(string, int) (string, string) {
			n := "features." + torchvision[conv]
			conv++
			return n + ".weight", n + ".bias"
		}, true), SchemeTorchvision},
	} {
		t.Run(name, func(t *testing.T) {
			adopted, err := c.Adopt(test.set)
			if err != nil {
				t.Fatal(err)
			}
			if adopted.Scheme != test.scheme {
				t.Errorf("the scheme is %s, want %s", adopted.Scheme, test.scheme)
			}
			n := float32(0)
			for _, l := range c.Layers(false) {
				if l.Kernel == nil {
					continue
				}
				values, err := adopted.Set.Tensors[l.Name+"/kernel"].Float32()
				if err != nil || values[0] != n {
					t.Errorf("the kernel of %s is that of number %v, want %v", l.Name, values[0], n)
				}
				n++
			}
		})
	}
}

func TestAdoptRefuses(t *testing.T) {
	c, _ := ByName("vgg-a")
	good := func() weights.Set {
		return named(c, func(l string, _ int) (string, string) { return l + "/kernel", l + "/bias" }, false)
	}
	number := func(int) float32 { return 0 }
	for want, change := range map[string]func(weights.Set){
		"vgg-a also needs block3_conv2 [3 3 256 256]": func(s weights.Set) { delete(s.Tensors, "block3_conv2/kernel") },
		"no bias for block3_conv2":                    func(s weights.Set) { delete(s.Tensors, "block3_conv2/bias") },
		"tensor block1_conv1/bias has shape [3], but vgg-a needs [64]": func(s weights.Set) {
			s.Tensors["block1_conv1/bias"] = tensor([]int{3}, number)
		},
		"a tensor layer4.1.conv2.weight":           func(s weights.Set) { s.Tensors["layer4.1.conv2.weight"] = tensor([]int{1, 2, 3, 3}, number) },
		"a tensor attention/scale":                 func(s weights.Set) { s.Tensors["attention/scale"] = tensor([]int{256}, number) },
		"a tensor block3_conv3/kernel of shape":    func(s weights.Set) { s.Tensors["block3_conv3/kernel"] = tensor([]int{1}, number) },
		"a tensor conv1_1_W":                       func(s weights.Set) { s.Tensors["conv1_1_W"] = s.Tensors["block1_conv1/kernel"] },
		"two tensors for the kernel of one layer":  func(s weights.Set) { s.Tensors["block1_conv1/weight"] = s.Tensors["block1_conv1/kernel"] },
		"no place for block3_conv3/kernel [3 3 25": func(s weights.Set) { s.Tensors["block3_conv3/kernel"] = s.Tensors["block3_conv2/kernel"] },
		"batch normalization, bn/beta, bn/gamma": func(s weights.Set) {
			for _, p := range []string{"gamma", "beta", "moving_mean", "moving_variance"} {
				s.Tensors["bn/"+p] = tensor([]int{64}, number)
			}
		},
	} {
		set := good()
		change(set)
		if _, err := c.Adopt(set); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want one with %q", err, want)
		}
	}
}
