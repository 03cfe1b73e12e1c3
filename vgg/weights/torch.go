package weights

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"

	"github.com/nlpodyssey/gopickle/pickle"
	"github.com/nlpodyssey/gopickle/types"
)

// A PyTorch state dict is a pickle, data.pkl, that names its tensors' elements in files
// beside it (before version 1.6, one file with the elements at its end). A pickle is a
// program; of what it may call, only the few things are known here that a dictionary of
// tensors consists of, and anything else is refused by its name.

// storageType is the class of a tensor's elements, named in the pickle.
type storageType DType

// storage is the elements of one or more tensors.
type storage struct {
	dtype DType
	raw   []byte
}

// maxPickleBytes bounds data.pkl: a state dict of thousands of tensors takes some 100 kB.
const maxPickleBytes = 16 << 20

func readTorch(archive *zip.Reader, dict *zip.File) (Set, error) {
	program, err := member(dict, maxPickleBytes)
	if err != nil {
		return Set{}, err
	}
	files := map[string]*zip.File{}
	for _, f := range archive.File {
		files[f.Name] = f
	}
	storages := map[string]*storage{}
	value, err := unpickle(bytes.NewReader(program), func(ref reference) (*storage, error) {
		if s := storages[ref.key]; s != nil {
			return s, nil
		}
		file := files[path.Join(path.Dir(dict.Name), "data", ref.key)]
		if file == nil {
			return nil, fmt.Errorf("%w: the elements %q are missing", ErrFormat, ref.key)
		}
		raw, err := member(file, maxTensorBytes)
		storages[ref.key] = &storage{ref.dtype, raw}
		return storages[ref.key], err
	})
	if err != nil {
		return Set{}, err
	}
	return torchSet(value)
}

// reference is what a pickle says about elements that lie outside it.
type reference struct {
	dtype DType
	key   string
	count int
}

// unpickle runs one pickle, without reading a byte beyond its end.
func unpickle(r io.Reader, elements func(reference) (*storage, error)) (any, error) {
	unpickler := pickle.NewUnpickler(r)
	unpickler.FindClass = findTorchClass
	unpickler.PersistentLoad = func(id any) (any, error) {
		tuple, ok := id.(*types.Tuple)
		if !ok || tuple.Len() < 5 {
			return nil, fmt.Errorf("%w: a reference %v to elements", ErrFormat, id)
		}
		kind, isKind := tuple.Get(1).(storageType)
		key, isKey := tuple.Get(2).(string)
		count, isCount := tuple.Get(4).(int)
		if !isKind || !isKey || !isCount || count < 0 {
			return nil, fmt.Errorf("%w: a reference %v to elements", ErrFormat, id)
		}
		return elements(reference{DType(kind), key, count})
	}
	value, err := unpickler.Load()
	if err != nil && !errors.Is(err, ErrFormat) {
		err = fmt.Errorf("%w: it is truncated or damaged: %w", ErrFormat, err)
	}
	if err != nil {
		return nil, fmt.Errorf("read the PyTorch state dict: %w", err)
	}
	return value, nil
}

// findTorchClass is the list of what a state dict may name.
func findTorchClass(module, name string) (any, error) {
	switch module + "." + name {
	case "collections.OrderedDict":
		return &types.OrderedDictClass{}, nil
	case "torch._utils._rebuild_tensor_v2":
		return rebuildTensor{}, nil
	case "torch._utils._rebuild_parameter":
		return rebuildParameter{}, nil
	case "torch.FloatStorage":
		return storageType(F32), nil
	case "torch.HalfStorage":
		return storageType(F16), nil
	}
	return nil, fmt.Errorf("%w: it names %s.%s, which no dictionary of float32 or float16 tensors does; save model.state_dict(), best as safetensors", ErrFormat, module, name)
}

// rebuildTensor is called with storage, offset, size, stride and more.
type rebuildTensor struct{}

func (rebuildTensor) Call(args ...any) (any, error) {
	if len(args) < 4 {
		return nil, fmt.Errorf("%w: a tensor of %d parts", ErrFormat, len(args))
	}
	s, isStorage := args[0].(*storage)
	offset, isOffset := args[1].(int)
	size, sizeErr := integers(args[2])
	stride, strideErr := integers(args[3])
	if !isStorage || !isOffset || sizeErr != nil || strideErr != nil || offset < 0 || len(size) != len(stride) {
		return nil, fmt.Errorf("%w: a tensor of unexpected parts", ErrFormat)
	}
	expected, bytes := 1, s.dtype.size()
	for i := len(size) - 1; i >= 0; i-- {
		if size[i] != 1 && stride[i] != expected {
			return nil, fmt.Errorf("a tensor of shape %v is not contiguous: save tensor.contiguous()", size)
		}
		if size[i] < 0 || (size[i] > 0 && bytes > maxTensorBytes/size[i]) {
			return nil, fmt.Errorf("%w: a tensor of shape %v", ErrFormat, size)
		}
		expected *= size[i]
		bytes *= size[i]
	}
	start := offset * s.dtype.size()
	if offset > len(s.raw) || start+bytes > len(s.raw) {
		return nil, fmt.Errorf("%w: a tensor of shape %v is larger than its elements' file", ErrFormat, size)
	}
	return Tensor{Shape: size, DType: s.dtype, Raw: s.raw[start : start+bytes]}, nil
}

// rebuildParameter is called with a tensor and what training needs.
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

func torchSet(value any) (Set, error) {
	set := Set{Tensors: map[string]Tensor{}}
	add := func(key, value any) error {
		name, isName := key.(string)
		tensor, isTensor := value.(Tensor)
		if !isName || !isTensor {
			return fmt.Errorf("%w: entry %v is no tensor: save model.state_dict()", ErrFormat, key)
		}
		set.Tensors[name] = tensor
		return nil
	}
	switch dict := value.(type) {
	case *types.OrderedDict:
		for e := dict.List.Front(); e != nil; e = e.Next() {
			entry := e.Value.(*types.OrderedDictEntry)
			if err := add(entry.Key, entry.Value); err != nil {
				return Set{}, err
			}
		}
	case *types.Dict:
		for _, entry := range *dict {
			if err := add(entry.Key, entry.Value); err != nil {
				return Set{}, err
			}
		}
	default:
		return Set{}, fmt.Errorf("%w: it holds a %T, not a dictionary of tensors: save model.state_dict()", ErrFormat, value)
	}
	return set, nil
}
