package weights

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"
)

// permute moves every element to where its index says, whatever the rank, the order and the
// size of the elements are.
func TestPermute(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		rank := 1 + rng.IntN(5)
		shape, order := make([]int, rank), rng.Perm(rank)
		for i := range shape {
			shape[i] = 1 + rng.IntN([]int{3, 9, 70}[rng.IntN(3)]/max(1, rank-2))
		}
		tensor := Tensor{Shape: shape, DType: []DType{F32, F16}[rng.IntN(2)]}
		n := product(shape)
		for i := range n {
			if tensor.DType == F16 {
				tensor.Raw = binary.LittleEndian.AppendUint16(tensor.Raw, uint16(i))
			} else {
				tensor.Raw = binary.LittleEndian.AppendUint32(tensor.Raw, uint32(i))
			}
		}
		got := permuted(tensor, order)
		index, size := make([]int, rank), tensor.DType.size()
		for i := range n {
			rest := i
			for d := rank - 1; d >= 0; d-- { // the index in the result
				index[d] = rest % got.Shape[d]
				rest /= got.Shape[d]
			}
			source := make([]int, rank)
			for d, o := range order {
				source[o] = index[d]
			}
			at := 0
			for d, s := range shape {
				at = at*s + source[d]
			}
			if !slices.Equal(got.Raw[i*size:(i+1)*size], tensor.Raw[at*size:(at+1)*size]) {
				t.Fatalf("shape %v by %v: element %d is not element %d", shape, order, i, at)
			}
		}
	}
}

func TestTensorOf(t *testing.T) {
	for _, test := range []struct {
		kind DType
		raw  []byte
		want []float32
		ok   bool
	}{
		{typeBF16, []byte{0x80, 0x3f, 0x20, 0xc0}, []float32{1, -2.5}, true},
		{F16, []byte{0x00, 0x3c, 0x00, 0xc1}, []float32{1, -2.5}, true},
		{typeF64, []byte{0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 0, 0, 0, 0, 0, 0, 4, 0xc0}, []float32{1, -2.5}, true},
		{F32, []byte{0, 0, 0x80, 0x3f, 0, 0, 0x20, 0xc0}, []float32{1, -2.5}, true},
		{F32, []byte{0, 0, 0x80, 0x3f}, nil, false},
		{typeBF16, []byte{0, 0, 0}, nil, false},
		{typeF64, []byte{0, 0, 0, 0}, nil, false},
		{notFloat, []byte{0, 0}, nil, false},
	} {
		tensor, err := tensorOf(nil, test.kind, []int{2}, test.raw)
		if (err == nil) != test.ok {
			t.Errorf("%v: %v", test, err)
		}
		if err != nil {
			continue
		}
		if values, err := tensor.Float32(); err != nil || !slices.Equal(values, test.want) {
			t.Errorf("%v: %v, %v", test, values, err)
		}
	}
}

func TestTrainersOwn(t *testing.T) {
	all := map[string]bool{"vgg_16/conv1/weights": true, "vgg_16/conv1/weights/Adam_1": true, "vgg_16/fc8/biases/ExponentialMovingAverage": true}
	for name, want := range map[string]bool{
		"vgg_16/conv1/weights":                       false,
		"vgg_16/conv1/weights/Adam_1":                true,
		"vgg_16/fc8/biases/ExponentialMovingAverage": false, // there is no other
		"beta1_power":                                true,
		"train/beta2_power":                          true,
		"model/optimizer/_trainable_variables/0":     false, // the network's own
		"model/optimizer/_variables/2":               true,
		"layer/kernel/.OPTIMIZER_SLOT/optimizer/m":   true,
		objectGraphKey:                               true,
	} {
		if got := trainersOwn(name, all); got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}
