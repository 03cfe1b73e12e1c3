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

	"fovea/internal/budget"
)

// A PyTorch state dict is a pickle, data.pkl, that refers to its tensors' elements in files beside
// it (before version 1.6: in one file, with the elements at its end). A pickle is a program. Of
// what it may call, only the few functions that build tensors are known here. Anything else becomes
// a stand-in that does nothing: it is refused by name where a tensor is expected, and skipped
// elsewhere (a checkpoint's options, its scores).

// storage is the elements of one or more tensors. Its bytes are read once it is known which tensors
// are wanted: a checkpoint also has those of its optimizer.
type storage struct {
	dtype  DType
	key    string
	count  int
	wanted bool
	raw    []byte
	load   func() ([]byte, error)
}

// maxPickleBytes bounds data.pkl: a state dict of thousands of tensors takes some 100 kB.
const maxPickleBytes = 16 << 20

func readTorch(archive *zip.Reader, dict *zip.File, memory *budget.Budget) (Set, error) {
	program, err := member(dict, maxPickleBytes, memory)
	if err != nil {
		return Set{}, err
	}
	files := map[string]*zip.File{}
	for _, f := range archive.File {
		files[f.Name] = f
	}
	root := path.Dir(dict.Name)
	if err := checkByteOrder(files[path.Join(root, "byteorder")], memory); err != nil {
		return Set{}, err
	}
	storages := map[string]*storage{}
	value, err := unpickle(bytes.NewReader(program), checkPickle(bytes.NewReader(program), int64(len(program)), memory), func(ref reference) (*storage, error) {
		if s := storages[ref.key]; s != nil {
			return s, s.same(ref)
		}
		s := &storage{dtype: ref.dtype, key: ref.key, count: ref.count}
		s.load = func() ([]byte, error) {
			file := files[path.Join(root, "data", ref.key)]
			if file == nil {
				return nil, fmt.Errorf("%w: the elements %q are missing", ErrFormat, ref.key)
			}
			return member(file, maxTensorBytes, memory)
		}
		storages[ref.key] = s
		return s, nil
	})
	if err != nil {
		return Set{}, err
	}
	entries, err := stateDict(value)
	if err != nil {
		return Set{}, err
	}
	return torchSet(memory, entries)
}

// checkByteOrder reads what newer files say of their numbers.
func checkByteOrder(file *zip.File, memory *budget.Budget) error {
	if file == nil {
		return nil
	}
	order, err := member(file, 16, memory)
	if err != nil {
		return err
	}
	if string(order) != "little" {
		return fmt.Errorf("%w: its numbers are %q-endian: save it again on a little-endian machine", ErrFormat, order)
	}
	return nil
}

// reference is what a pickle says about elements outside it.
type reference struct {
	dtype DType
	key   string
	count int
}

// same reports an error if two references to the same elements disagree.
func (s *storage) same(ref reference) error {
	if s.dtype != ref.dtype || s.count != ref.count {
		return fmt.Errorf("%w: the elements %q are both %d of %s and %d of %s", ErrFormat, s.key, s.count, s.dtype, ref.count, ref.dtype)
	}
	return nil
}

// elements reads the bytes and checks their number against the pickle.
func (s *storage) elements() ([]byte, error) {
	if s.raw == nil && s.load != nil {
		raw, err := s.load()
		if err != nil {
			return nil, err
		}
		s.raw = raw
	}
	if len(s.raw)/s.dtype.size() != s.count || len(s.raw)%s.dtype.size() != 0 {
		return nil, fmt.Errorf("%w: %d bytes of elements %q, but the state dict says %d of %s", ErrFormat, len(s.raw), s.key, s.count, s.dtype)
	}
	return s.raw, nil
}

// unpickle runs one pickle, without reading a byte beyond its end. A pickle that was found unsafe (see
// checkPickle) is not run.
func unpickle(r io.Reader, unsafe error, elements func(reference) (*storage, error)) (any, error) {
	if unsafe != nil {
		return nil, fmt.Errorf("read the PyTorch state dict: %w", unsafe)
	}
	unpickler := pickle.NewUnpickler(r)
	unpickler.FindClass = findTorchClass
	unpickler.PersistentLoad = func(id any) (any, error) { return persistent(id, elements) }
	value, err := unpickler.Load()
	if err != nil && !errors.Is(err, ErrFormat) {
		err = fmt.Errorf("%w: it is truncated or damaged: %w", ErrFormat, err)
	}
	if err != nil {
		return nil, fmt.Errorf("read the PyTorch state dict: %w", err)
	}
	return value, nil
}

// persistent resolves a reference to something outside the pickle: elements, or in old files a
// class with its source.
func persistent(id any, elements func(reference) (*storage, error)) (any, error) {
	tuple, ok := id.(*types.Tuple)
	if !ok || tuple.Len() < 2 {
		return nil, fmt.Errorf("%w: a reference %s to elements", ErrFormat, brief(id))
	}
	if other, isOther := tuple.Get(1).(*foreign); isOther {
		return other, nil
	}
	if tuple.Len() < 5 {
		return nil, fmt.Errorf("%w: a reference %s to elements", ErrFormat, brief(id))
	}
	kind, isKind := tuple.Get(1).(storageType)
	key, isKey := tuple.Get(2).(string)
	count, isCount := tuple.Get(4).(int)
	if !isKind || !isKey || !isCount || count < 0 || count > maxTensorBytes {
		return nil, fmt.Errorf("%w: a reference %s to elements", ErrFormat, brief(id))
	}
	if tuple.Len() > 5 && tuple.Get(5) != nil {
		return nil, fmt.Errorf("%w: elements that are part of others, as PyTorch wrote them before version 0.4: save the state dict again with a newer one", ErrFormat)
	}
	return elements(reference{DType(kind), key, count})
}

// torchSet reads the elements of the selected tensors.
func torchSet(memory *budget.Budget, entries []entry) (Set, error) {
	var set Set
	copies := copyBudget(entries)
	for _, e := range entries {
		err := set.addEntry(memory, e, &copies)
		if err != nil {
			return Set{}, fmt.Errorf("entry %s: %w", e.name, err)
		}
	}
	return set, set.holds()
}

func (s *Set) addEntry(memory *budget.Budget, e entry, copies *int) error {
	v, ok := e.value.(*view)
	if !ok {
		if err := memory.Take(int64(len(e.name))+tensorBytes, "its list of entries"); err != nil {
			return err
		}
		return s.addOther(e.name, Tensor{DType: "object"})
	}
	t, err := v.tensor(memory, copies)
	if err != nil {
		return err
	}
	return s.add(memory, e.name, t)
}
