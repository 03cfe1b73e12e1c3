package weights

import (
	"encoding/binary"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"github.com/scigolib/hdf5"
)

// optimizerPrefix begins the paths of what Keras's optimizers remember between two steps of
// training, which is no part of a network.
const optimizerPrefix = "/optimizer"

// readHDF5 reads all datasets of floating-point numbers, by their paths.
func readHDF5(name string) (Set, error) {
	file, err := hdf5.Open(name)
	if err != nil {
		return Set{}, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	defer file.Close() //nolint:errcheck // opened for reading
	set := Set{Tensors: map[string]Tensor{}}
	file.Walk(func(path string, object hdf5.Object) {
		dataset, ok := object.(*hdf5.Dataset)
		if !ok || err != nil || strings.HasPrefix(path, optimizerPrefix) {
			return
		}
		var tensor Tensor
		if tensor, err = readDataset(dataset); err != nil {
			err = fmt.Errorf("dataset %s: %w", path, err)
			return
		}
		set.Tensors[strings.Trim(path, "/")] = tensor
	})
	if err != nil {
		return Set{}, err
	}
	if len(set.Tensors) == 0 { // what the reader finds in a truncated file
		return Set{}, fmt.Errorf("%w: it holds no datasets: is it truncated?", ErrFormat)
	}
	return set, nil
}

// sliceValues is how many values are read at a time: the reader widens them to float64.
const sliceValues = 4 << 20

var hdf5Dims = regexp.MustCompile(`\[([0-9 x,]+)\]`)

func readDataset(dataset *hdf5.Dataset) (Tensor, error) {
	shape, err := datasetShape(dataset)
	if err != nil {
		return Tensor{}, err
	}
	t := Tensor{Shape: shape, DType: F32}
	size := 1
	for _, d := range shape {
		if d <= 0 || size > maxTensorBytes/4/d {
			return Tensor{}, fmt.Errorf("%w: shape %v", ErrFormat, shape)
		}
		size *= d
	}
	if len(shape) == 0 || size <= sliceValues {
		values, err := dataset.Read()
		if err != nil {
			return Tensor{}, fmt.Errorf("%w: %w", ErrFormat, err)
		}
		t.Raw = appendFloats(nil, values)
		return t, t.check()
	}
	rows := max(1, sliceValues/(size/shape[0]))
	for from := 0; from < shape[0]; from += rows {
		start, count := make([]uint64, len(shape)), make([]uint64, len(shape))
		for i, d := range shape {
			count[i] = uint64(d)
		}
		start[0], count[0] = uint64(from), uint64(min(rows, shape[0]-from))
		part, err := dataset.ReadSlice(start, count)
		if err != nil {
			return Tensor{}, fmt.Errorf("%w: %w", ErrFormat, err)
		}
		values, ok := part.([]float64)
		if !ok {
			return Tensor{}, fmt.Errorf("%w: its values are read as %T", ErrFormat, part)
		}
		t.Raw = appendFloats(t.Raw, values)
	}
	return t, t.check()
}

func appendFloats(raw []byte, values []float64) []byte {
	for _, v := range values {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(float32(v)))
	}
	return raw
}

// datasetShape takes the dimensions out of the reader's description.
func datasetShape(dataset *hdf5.Dataset) ([]int, error) {
	info, err := dataset.Info()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	match := hdf5Dims.FindStringSubmatch(info)
	if match == nil {
		return nil, fmt.Errorf("%w: dataset described as %q", ErrFormat, info)
	}
	var shape []int
	for _, part := range strings.FieldsFunc(match[1], func(r rune) bool { return r < '0' || r > '9' }) {
		d, err := strconv.Atoi(part)
		if err != nil {
			return nil, fmt.Errorf("%w: dataset described as %q", ErrFormat, info)
		}
		shape = append(shape, d)
	}
	return shape, nil
}
