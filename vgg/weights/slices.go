package weights

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"fovea/internal/budget"
)

// Checkpoints of version 1, in which TF-slim's networks are published, are a single LevelDB table:
// the value of its empty key lists the tensors, the others are their slices
// (tensorflow.SavedTensorSlices).

// sliced is a tensor of such a checkpoint.
type sliced struct {
	dtype uint64
	shape []int
	parts int
	raw   []byte
	seen  bool
}

// readSlices reads a checkpoint of version 1.
func readSlices(name string, o Options) (Set, error) {
	data, memory, err := o.load(name, budget.Packed)
	if err != nil {
		return Set{}, err
	}
	var tensors map[string]*sliced
	err = sstableEntries(data, memory, func(key, value []byte) error {
		if tensors == nil { // the empty key sorts first
			if len(key) != 0 {
				return fmt.Errorf("%w: a LevelDB table, but not a TensorFlow checkpoint", ErrFormat)
			}
			tensors, err = sliceMeta(memory, value)
			return err
		}
		return addSlice(tensors, value)
	})
	if err != nil {
		return Set{}, err
	}
	return slicedSet(memory, tensors)
}

func slicedSet(memory *budget.Budget, tensors map[string]*sliced) (Set, error) {
	set, all := Set{Tensors: map[string]Tensor{}}, map[string]bool{}
	for name := range tensors {
		all[name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(tensors)) {
		t := tensors[name]
		kind := dataTypes[t.dtype]
		if kind == notFloat || trainersOwn(name, all) {
			continue
		}
		var tensor Tensor
		err := errors.New("it is partitioned over several parts, which is not supported: restore the checkpoint without a partitioner and save it again")
		if t.parts <= 1 {
			tensor, err = tensorOf(memory, kind, t.shape, t.raw)
		}
		if !t.seen {
			err = fmt.Errorf("%w: its elements are missing", ErrFormat)
		}
		if err != nil {
			return Set{}, fmt.Errorf("variable %s: %w", name, err)
		}
		set.Tensors[name] = tensor
	}
	if len(set.Tensors) == 0 {
		return Set{}, fmt.Errorf("%w: it is a TensorFlow checkpoint without floating-point variables", ErrFormat)
	}
	noteMean(&set)
	return set, nil
}

// sliceMeta is the list of tensors: SavedTensorSlices.meta.tensor.
func sliceMeta(memory *budget.Budget, message []byte) (map[string]*sliced, error) {
	tensors := map[string]*sliced{}
	err := eachField(message, func(meta field) error {
		if meta.number == 1 && meta.bytes == nil { // the header of a bundle
			return fmt.Errorf("%w: it is the index of a TensorFlow checkpoint: keep its name (NAME.index), and its data beside it", ErrFormat)
		}
		if meta.number != 1 {
			return nil
		}
		return eachField(meta.bytes, func(tensor field) error {
			if tensor.number != 1 {
				return nil
			}
			if err := memory.Take(2*tensorBytes, "the list of variables"); err != nil {
				return err
			}
			name, t := "", &sliced{}
			err := eachField(tensor.bytes, func(f field) (err error) {
				switch f.number {
				case 1:
					name = string(f.bytes)
				case 2:
					t.shape, err = tensorShape(f.bytes)
				case 3:
					t.dtype = f.value
				case 4:
					t.parts++
				}
				return err
			})
			tensors[name] = t
			return err
		})
	})
	return tensors, err
}

// addSlice keeps the elements of SavedTensorSlices.data.
func addSlice(tensors map[string]*sliced, message []byte) error {
	return eachField(message, func(data field) error {
		if data.number != 2 {
			return nil
		}
		name, proto := "", []byte(nil)
		err := eachField(data.bytes, func(f field) error {
			switch f.number {
			case 1:
				name = string(f.bytes)
			case 3:
				proto = f.bytes
			}
			return nil
		})
		if err != nil {
			return err
		}
		t := tensors[name]
		if t == nil {
			return fmt.Errorf("%w: it has elements of %q, which it does not list", ErrFormat, name)
		}
		if t.parts > 1 {
			t.seen = true
			return nil
		}
		if t.seen {
			return fmt.Errorf("%w: it has the elements of %s twice", ErrFormat, name)
		}
		t.seen = true
		t.raw, err = sliceElements(t.dtype, proto)
		return err
	})
}

// sliceElements are the numbers in a tensorflow.TensorProto, which has a field for each type.
func sliceElements(dtype uint64, proto []byte) (raw []byte, err error) {
	var halves []int
	err = eachField(proto, func(f field) (err error) {
		switch {
		case f.number == 4, f.number == 5 && dtype == 1, f.number == 6 && dtype == 2:
			raw = f.fixed(raw)
		case f.number == 13:
			halves, err = f.integers(halves)
		}
		return err
	})
	for _, bits := range halves {
		raw = append(raw, byte(bits), byte(bits>>8))
	}
	return raw, err
}

// MeanKey is the metadata key of the mean that, according to the file, is subtracted from images:
// its red, green and blue parts, each a decimal number, joined by commas.
const MeanKey = "mean_rgb"

// noteMean turns a tensor with the mean of the images, as TF-slim writes it, into metadata.
func noteMean(set *Set) {
	for name, tensor := range set.Tensors {
		if name != MeanKey && !strings.HasSuffix(name, "/"+MeanKey) {
			continue
		}
		if mean, err := tensor.Float32(); err == nil && len(mean) == 3 {
			set.note(MeanKey, joinFloats(mean))
			delete(set.Tensors, name)
		}
	}
}

func (s *Set) note(key, value string) {
	if s.Metadata == nil {
		s.Metadata = map[string]string{}
	}
	s.Metadata[key] = value
}

// joinFloats writes numbers as briefly as float32 allows.
func joinFloats(values []float32) string {
	text := make([]string, len(values))
	for i, v := range values {
		if math.Abs(float64(v)) < 1e-30 {
			v = 0
		}
		text[i] = strconv.FormatFloat(float64(v), 'g', -1, 32)
	}
	return strings.Join(text, ",")
}
