package weights

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"fovea/internal/budget"
	"fovea/internal/hdf5"
)

// optimizerPrefix begins the paths of the optimizer state that Keras keeps between training steps,
// which is not part of a network.
const optimizerPrefix = "/optimizer"

// kerasAttribute is the attribute that holds the architecture in the file of a whole model.
const kerasAttribute = "model_config"

// readHDF5 reads all datasets by their paths.
func readHDF5(name string, o Options) (Set, error) {
	file, size, memory, err := o.open(name, budget.Packed)
	if err != nil {
		return Set{}, err
	}
	defer file.Close() // read-only
	return hdf5Set(file, size, memory)
}

// hdf5Set reads a file of size bytes.
func hdf5Set(file io.ReaderAt, size int64, memory *budget.Budget) (Set, error) {
	f, err := hdf5.Open(file, size, memory)
	if err != nil {
		return Set{}, hdf5Error(err)
	}
	var set Set
	err = f.Walk(func(path string, dataset *hdf5.Dataset) error {
		if strings.HasPrefix(path, optimizerPrefix) {
			return nil
		}
		if err := set.addDataset(memory, strings.Trim(path, "/"), dataset); err != nil {
			return fmt.Errorf("dataset %s: %w", path, err)
		}
		return nil
	})
	if err != nil {
		return Set{}, hdf5Error(err)
	}
	if err := set.holds(); err != nil {
		return Set{}, err
	}
	config, ok, err := f.Text(kerasAttribute)
	if err != nil {
		return Set{}, hdf5Error(fmt.Errorf("the architecture: %w", err))
	}
	if ok {
		set.KerasConfig = []byte(config)
	}
	return set, nil
}

// hdf5Error converts the HDF5 reader's errors about a file to this package's.
func hdf5Error(err error) error {
	if errors.Is(err, hdf5.ErrFormat) && !errors.Is(err, ErrFormat) {
		return fmt.Errorf("%w: %w", ErrFormat, err)
	}
	return err
}

// addDataset reads one dataset; nil stands for a link that leads elsewhere.
func (s *Set) addDataset(memory *budget.Budget, name string, dataset *hdf5.Dataset) error {
	if dataset == nil {
		return s.addOther(name, Tensor{DType: "link"})
	}
	t := Tensor{Shape: make([]int, len(dataset.Shape))}
	var err error
	if t.DType, err = datasetType(dataset); err != nil {
		return err
	}
	size := max(1, t.DType.size())
	for i, d := range dataset.Shape {
		if d > maxTensorBytes || d > 0 && size > maxTensorBytes/int(d) {
			return fmt.Errorf("%w: shape %v is too large", ErrFormat, dataset.Shape)
		}
		t.Shape[i] = int(d)
		size *= int(d)
	}
	if t.DType.size() == 0 || t.DType.whole() && size > maxOther {
		return s.addOther(name, t)
	}
	if t.Raw, err = dataset.Read(); err != nil {
		return err
	}
	if err := t.check(); err != nil {
		return err
	}
	err = s.add(memory, name, t)
	s.owned(memory, name, t.Raw)
	return err
}

var hdf5Types = map[string]DType{
	"float16": F16, "float32": F32, "float64": typeF64, "bfloat16": typeBF16,
	"int8": typeI8, "int16": typeI16, "int32": typeI32, "int64": typeI64,
	"uint8": typeU8, "uint16": typeU16, "uint32": typeU32, "uint64": typeU64,
}

// datasetType is the type of a dataset's elements. HDF5 has no bfloat16 that h5py can write: Keras
// stores such values as opaque bytes and says in an attribute what they are.
func datasetType(dataset *hdf5.Dataset) (DType, error) {
	if known := hdf5Types[dataset.Type.Name]; known != "" {
		return known, nil
	}
	if dataset.Type.Class == hdf5.ClassOpaque {
		name, ok, err := dataset.Text("dtype")
		if err != nil {
			return "", err
		}
		if ok && name == "bfloat16" && dataset.Type.Size == typeBF16.size() {
			return typeBF16, nil
		}
		return "", fmt.Errorf("its elements are %d opaque bytes (%q): save them as float32", dataset.Type.Size, name)
	}
	return DType(dataset.Type.Name), nil
}
