package weights

import (
	"fmt"

	"github.com/nlpodyssey/gopickle/types"

	"fovea/internal/budget"
)

// storageType is the class of a tensor's elements, named in the pickle.
type storageType DType

var storageTypes = map[string]storageType{
	"FloatStorage": storageType(F32), "HalfStorage": storageType(F16), "DoubleStorage": storageType(typeF64), "BFloat16Storage": storageType(typeBF16),
	"LongStorage": storageType(typeI64), "IntStorage": storageType(typeI32), "ShortStorage": storageType(typeI16), "CharStorage": storageType(typeI8),
	"ByteStorage": storageType(typeU8), "BoolStorage": storageType(typeBool),
}

// findTorchClass knows what tensors and dictionaries are made of.
func findTorchClass(module, name string) (any, error) {
	switch module + "." + name {
	case "collections.OrderedDict":
		return &types.OrderedDictClass{}, nil
	case "torch._utils._rebuild_tensor_v2":
		return rebuildTensor{}, nil
	case "torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state":
		return rebuildParameter{}, nil
	}
	if kind, ok := storageTypes[name]; ok && module == "torch" {
		return kind, nil
	}
	return &foreign{module + "." + name}, nil
}

// foreign stands for an unknown class, its instances, and the results of calling them. It does
// nothing.
type foreign struct{ name string }

// Call returns a stand-in.
func (f *foreign) Call(...any) (any, error) { return &foreign{f.name}, nil }

// PyNew returns a stand-in.
func (f *foreign) PyNew(...any) (any, error) { return &foreign{f.name}, nil }

// PySetState drops an object's state.
func (f *foreign) PySetState(any) error { return nil }

// Set drops a key and its value.
func (f *foreign) Set(any, any) {}

// Append drops an element.
func (f *foreign) Append(any) {}

// Add drops an element.
func (f *foreign) Add(any) {}

// rebuildTensor is called with storage, offset, size, stride and more.
type rebuildTensor struct{}

func (rebuildTensor) Call(args ...any) (any, error) {
	if len(args) < 4 {
		return nil, fmt.Errorf("%w: a tensor of %d parts", ErrFormat, len(args))
	}
	if other, isOther := args[0].(*foreign); isOther {
		return other, nil
	}
	s, isStorage := args[0].(*storage)
	offset, isOffset := args[1].(int)
	size, sizeErr := integers(args[2])
	stride, strideErr := integers(args[3])
	if !isStorage || !isOffset || sizeErr != nil || strideErr != nil {
		return nil, fmt.Errorf("%w: a tensor of unexpected parts", ErrFormat)
	}
	v := &view{s, offset, size, stride}
	return v, v.check()
}

// rebuildParameter is called with a tensor and data for training.
type rebuildParameter struct{}

func (rebuildParameter) Call(args ...any) (any, error) {
	if len(args) == 0 {
		return nil, fmt.Errorf("%w: a parameter without a tensor", ErrFormat)
	}
	return args[0], nil
}

func integers(value any) ([]int, error) {
	tuple, ok := value.(*types.Tuple)
	if !ok {
		return nil, ErrFormat
	}
	numbers := make([]int, tuple.Len())
	for i := range numbers {
		if numbers[i], ok = tuple.Get(i).(int); !ok {
			return nil, ErrFormat
		}
	}
	return numbers, nil
}

// view is a tensor: elements of a storage, at multiples of strides.
type view struct {
	storage      *storage
	offset       int
	size, stride []int
}

// check compares the position of the last element with the number of elements.
func (v *view) check() error {
	bad := fmt.Errorf("%w: a tensor of shape %v, strides %v and offset %d in %d elements", ErrFormat, v.size, v.stride, v.offset, v.storage.count)
	if v.offset < 0 || v.offset > v.storage.count || len(v.size) != len(v.stride) {
		return bad
	}
	count, last := v.storage.dtype.size(), 0
	for i, d := range v.size {
		if d < 0 || v.stride[i] < 0 || (d > 0 && count > maxTensorBytes/d) {
			return bad
		}
		if count *= d; d > 1 {
			// Beyond the storage is far enough: further steps cannot lead back.
			last = min(last+min(v.stride[i], v.storage.count)*(d-1), maxTensorBytes*8)
		}
	}
	if count > 0 && last >= v.storage.count-v.offset {
		return bad
	}
	return nil
}

// contiguous reports whether the elements lie one after another in row-major order.
func (v *view) contiguous() bool {
	expected := 1
	for i := len(v.size) - 1; i >= 0; i-- {
		if v.size[i] != 1 && v.stride[i] != expected {
			return false
		}
		expected *= v.size[i]
	}
	return true
}

// freeCopies is the number of bytes that non-contiguous tensors may always take; copyBudget is
// their actual limit: twice the size of their storages.
const freeCopies = 64 << 20

func copyBudget(entries []entry) int {
	budget, seen := freeCopies, map[*storage]bool{}
	for _, e := range entries {
		if v, ok := e.value.(*view); ok && !seen[v.storage] {
			seen[v.storage] = true
			budget += 2 * min(v.storage.count, maxTensorBytes) * v.storage.dtype.size()
		}
	}
	return budget
}

// tensor extracts the elements from their storage.
func (v *view) tensor(memory *budget.Budget, copies *int) (Tensor, error) {
	raw, err := v.storage.elements()
	if err != nil {
		return Tensor{}, err
	}
	bytes := v.storage.dtype.size()
	raw = raw[v.offset*bytes:]
	count := bytes
	for _, d := range v.size {
		count *= d
	}
	t := Tensor{Shape: v.size, DType: v.storage.dtype}
	if v.contiguous() {
		t.Raw = raw[:count]
	} else {
		if *copies -= count; *copies < 0 {
			return Tensor{}, fmt.Errorf("%w: its tensors repeat the same elements too often: save tensor.contiguous()", ErrFormat)
		}
		if err := memory.Take(int64(count), "a tensor with strides"); err != nil {
			return Tensor{}, err
		}
		t.Raw = gather(raw, bytes, v.size, v.stride)
	}
	return t, t.check()
}
