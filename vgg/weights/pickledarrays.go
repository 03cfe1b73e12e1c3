package weights

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/nlpodyssey/gopickle/pickle"
	"github.com/nlpodyssey/gopickle/types"

	"fovea/internal/budget"
	"fovea/internal/lazy"
)

// Networks are published as pickled dictionaries of NumPy arrays, alone (Paddle's .pdparams)
// or inside a .npy, as {layer: [kernel, bias]}, {layer: {"weights": ...}} or {name: array}.

// objectDescr is the header of a .npy with Python objects in it.
var objectDescr = lazy.Regexp(`'descr':\s*'\|?O\d?'`)

// readNPY reads a .npy with a pickled dictionary.
func readNPY(name string, o Options) (Set, error) {
	file, err := os.Open(name)
	if err != nil {
		return Set{}, err
	}
	defer file.Close() // read-only
	head := make([]byte, 12)
	if _, err := io.ReadFull(file, head); err != nil {
		return Set{}, fmt.Errorf("%w: it is truncated: %w", ErrFormat, err)
	}
	start, length := int64(10), int64(binary.LittleEndian.Uint16(head[8:]))
	if head[6] >= 2 {
		start, length = 12, int64(binary.LittleEndian.Uint32(head[8:]))
	}
	if length > maxPickleLine {
		return Set{}, fmt.Errorf("%w: a header of %d bytes", ErrFormat, length)
	}
	header := make([]byte, length)
	if _, err := file.ReadAt(header, start); err != nil {
		return Set{}, fmt.Errorf("%w: it is truncated: %w", ErrFormat, err)
	}
	if !objectDescr().Match(header) {
		return Set{}, fmt.Errorf("%w: it is one NumPy array (%.80s), not a network: save a dictionary of arrays with numpy.savez", ErrFormat, bytes.TrimSpace(header))
	}
	return pickledArrays(file, start+length, o)
}

// readPickle reads a pickled dictionary of arrays.
func readPickle(name string, o Options) (Set, error) {
	file, err := os.Open(name)
	if err != nil {
		return Set{}, err
	}
	defer file.Close() // read-only
	return pickledArrays(file, 0, o)
}

// pickledArrays reads the arrays of the pickle from an offset on.
func pickledArrays(file *os.File, from int64, o Options) (Set, error) {
	info, err := file.Stat()
	if err != nil {
		return Set{}, err
	}
	size := info.Size() - from
	memory := budget.For(info.Size(), budget.Packed, o.MaxMemory)
	if err := checkPickle(io.NewSectionReader(file, from, size), size, memory); err != nil {
		return Set{}, err
	}
	unpickler := pickle.NewUnpickler(bufio.NewReader(io.NewSectionReader(file, from, size)))
	unpickler.FindClass = numpyClasses{memory}.find
	value, err := unpickler.Load()
	if err != nil && !errors.Is(err, ErrFormat) {
		err = fmt.Errorf("%w: it is damaged: %w", ErrFormat, err)
	}
	if err != nil {
		return Set{}, fmt.Errorf("read the pickled arrays: %w", err)
	}
	w := arrayWalk{set: Set{Tensors: map[string]Tensor{}}, memory: memory}
	if err := w.walk("", value, 0); err != nil {
		return Set{}, err
	}
	if len(w.set.Tensors) == 0 {
		return Set{}, fmt.Errorf("%w: a pickle, but neither PyTorch's nor a dictionary of NumPy arrays of floating-point numbers: save model.state_dict() with torch.save", ErrFormat)
	}
	return w.set, nil
}

const (
	// maxArrayDepth and maxArrayValues bound structures that contain themselves or one thing many
	// times.
	maxArrayDepth  = 8
	maxArrayValues = 100_000
	maxArrayName   = 1024
	// bigParameters is how Paddle marks arrays that it has split.
	bigParameters = "UnpackBigParamInfor@@"
)

// arrayWalk collects the arrays of nested dictionaries and lists.
type arrayWalk struct {
	set    Set
	values int
	memory *budget.Budget
}

func (w *arrayWalk) walk(name string, value any, depth int) error {
	if w.values++; w.values > maxArrayValues || depth > maxArrayDepth {
		return fmt.Errorf("%w: its dictionaries are nested too deeply or too large", ErrFormat)
	}
	switch v := value.(type) {
	case *ndarray:
		return w.array(name, v, depth)
	case *types.Dict:
		for _, entry := range *v {
			if err := w.entry(name, entry.Key, entry.Value, depth); err != nil {
				return err
			}
		}
	case *types.OrderedDict:
		for e := v.List.Front(); e != nil; e = e.Next() {
			entry := e.Value.(*types.OrderedDictEntry)
			if err := w.entry(name, entry.Key, entry.Value, depth); err != nil {
				return err
			}
		}
	case *types.List:
		return w.list(name, *v, depth)
	case *types.Tuple:
		if v.Len() == 2 {
			_, isName := (*v)[0].(string)
			if named, ok := (*v)[1].(*ndarray); ok && isName { // a named Paddle tensor
				return w.array(name, named, depth)
			}
		}
		return w.list(name, *v, depth)
	}
	return nil // a step, a rate, a text
}

func (w *arrayWalk) entry(name string, key, value any, depth int) error {
	part := brief(key)
	if text, ok := pickledBytes(key); ok {
		part = string(text)
	}
	if part == bigParameters {
		return fmt.Errorf("%w: it holds arrays in pieces (%s): save it again with paddle.save(..., protocol=4)", ErrFormat, bigParameters)
	}
	if name != "" {
		part = name + "/" + part
	}
	if len(part) > maxArrayName {
		return fmt.Errorf("%w: a name of %d bytes", ErrFormat, len(part))
	}
	return w.walk(part, value, depth+1)
}

// list names a layer's kernel and bias; the elements of other lists are numbered.
func (w *arrayWalk) list(name string, values []any, depth int) error {
	for i, value := range values {
		part := strconv.Itoa(i)
		if isLayer(values) {
			part = []string{"weights", "biases"}[i]
		}
		if name != "" {
			part = name + "/" + part
		}
		if err := w.walk(part, value, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// isLayer recognizes [kernel, bias] and [kernel].
func isLayer(values []any) bool {
	if len(values) == 0 || len(values) > 2 {
		return false
	}
	for i, value := range values {
		a, ok := value.(*ndarray)
		if !ok || i == 0 && len(a.shape) < 2 || i == 1 && len(a.shape) != 1 {
			return false
		}
	}
	return true
}

func (w *arrayWalk) array(name string, a *ndarray, depth int) error {
	switch {
	case a.dtype == nil:
		return fmt.Errorf("%w: array %s has no elements", ErrFormat, name)
	case a.objects != nil && len(a.shape) == 0 && len(a.objects) == 1:
		return w.walk(name, a.objects[0], depth+1)
	case a.objects != nil:
		return w.list(name, a.objects, depth)
	case a.dtype.kind() == notFloat:
		return nil
	}
	tensor, err := a.tensor(w.memory)
	if err != nil {
		return fmt.Errorf("array %s: %w", name, err)
	}
	if name == "" {
		return fmt.Errorf("%w: it is one array, not a network: save a dictionary of arrays", ErrFormat)
	}
	if _, twice := w.set.Tensors[name]; twice {
		return fmt.Errorf("%w: it has two arrays %s", ErrFormat, name)
	}
	w.set.Tensors[name] = tensor
	return nil
}
