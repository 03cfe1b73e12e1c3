package weights

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math/big"
	"os"

	"github.com/nlpodyssey/gopickle/types"

	"fovea/internal/budget"
)

// Before version 1.6, PyTorch wrote four pickles, one after another: a magic number, the protocol
// version, the sizes of the writer's integers, and the state dict. A fifth lists the keys of the
// elements, which follow in that order, each preceded by their count. torchvision's vgg16 and vgg19
// are published in this form.

const legacyProtocol = 1001

var legacyMagic, _ = new(big.Int).SetString("1950a86a20f9469cfc6c", 16)

func readLegacyTorch(name string, o Options) (Set, error) {
	file, size, memory, err := o.open(name, budget.Plain)
	if err != nil {
		return Set{}, err
	}
	defer file.Close() // read-only
	r := &legacyFile{bufio.NewReader(file), file, size, memory}
	if err := checkLegacyHeader(r); err != nil {
		return Set{}, err
	}
	// The elements come after the dictionary. Memory for the wanted ones is allocated when they are
	// reached.
	storages := map[string]*storage{}
	room := size
	value, err := r.unpickle(func(ref reference) (*storage, error) {
		if s := storages[ref.key]; s != nil {
			return s, s.same(ref)
		}
		each := int64(ref.dtype.size())
		if int64(ref.count) > room/each {
			return nil, fmt.Errorf("%w: the elements %q are more than the file has: is it truncated?", ErrFormat, ref.key)
		}
		room -= each * int64(ref.count)
		storages[ref.key] = &storage{dtype: ref.dtype, key: ref.key, count: ref.count}
		return storages[ref.key], nil
	})
	if err != nil {
		return Set{}, err
	}
	entries, err := stateDict(value)
	if err != nil {
		return Set{}, err
	}
	want(entries)
	if err := fillLegacy(r, storages); err != nil {
		return Set{}, err
	}
	return torchSet(memory, entries)
}

// want marks the elements that tensors of a state dict have.
func want(entries []entry) {
	for _, e := range entries {
		if v, ok := e.value.(*view); ok {
			v.storage.wanted = true
		}
	}
}

// legacyFile reads a file's pickles one after another.
type legacyFile struct {
	*bufio.Reader
	file   *os.File
	size   int64
	memory *budget.Budget
}

// unpickle checks the next pickle before it runs it.
func (r *legacyFile) unpickle(elements func(reference) (*storage, error)) (any, error) {
	at, err := r.file.Seek(0, io.SeekCurrent)
	if err != nil {
		return nil, err
	}
	at -= int64(r.Buffered())
	return unpickle(r, checkPickle(io.NewSectionReader(r.file, at, r.size-at), r.size-at, r.memory), elements)
}

func checkLegacyHeader(r *legacyFile) error {
	none := func(ref reference) (*storage, error) {
		return nil, fmt.Errorf("%w: elements before the state dict", ErrFormat)
	}
	magic, err := r.unpickle(none)
	if err != nil {
		return err
	}
	if number, ok := magic.(*big.Int); !ok || number.Cmp(legacyMagic) != 0 {
		return fmt.Errorf("%w: a pickle, but not one of PyTorch's: save model.state_dict() with torch.save", ErrFormat)
	}
	version, err := r.unpickle(none)
	if err != nil {
		return err
	}
	if version != legacyProtocol {
		return fmt.Errorf("%w: version %s of PyTorch's old format, only %d is known", ErrFormat, brief(version), legacyProtocol)
	}
	system, err := r.unpickle(none)
	if err != nil {
		return err
	}
	if dict, ok := system.(*types.Dict); ok {
		if little, found := dict.Get("little_endian"); found && little != true {
			return fmt.Errorf("%w: its numbers are big-endian: save it again on a little-endian machine", ErrFormat)
		}
	}
	return nil
}

// fillLegacy reads the elements of the wanted storages.
func fillLegacy(r *legacyFile, storages map[string]*storage) error {
	value, err := r.unpickle(func(ref reference) (*storage, error) {
		return nil, fmt.Errorf("%w: a list of keys with elements in it", ErrFormat)
	})
	if err != nil {
		return err
	}
	keys, ok := value.(*types.List)
	if !ok {
		return fmt.Errorf("%w: the list of elements is a %T", ErrFormat, value)
	}
	filled := 0
	for _, key := range *keys {
		name, _ := key.(string)
		s := storages[name]
		if s == nil {
			return fmt.Errorf("%w: elements %s, which belong to no tensor or have an unknown type: %s", ErrFormat, brief(key), remedy)
		}
		var count int64
		if err := binary.Read(r, binary.LittleEndian, &count); err != nil {
			return fmt.Errorf("%w: it ends before the elements %q: %w", ErrFormat, name, err)
		}
		if count != int64(s.count) {
			return fmt.Errorf("%w: %d elements %q, but the state dict says %d", ErrFormat, count, name, s.count)
		}
		if err := s.fill(r.Reader, r.memory); err != nil {
			return fmt.Errorf("%w: it ends within the elements %q: %w", ErrFormat, name, err)
		}
		filled++
	}
	if filled != len(storages) {
		return fmt.Errorf("%w: %d of %d tensors have elements", ErrFormat, filled, len(storages))
	}
	return nil
}

// fill reads the elements, or skips them if no wanted tensor uses them.
func (s *storage) fill(r *bufio.Reader, memory *budget.Budget) error {
	size := s.count * s.dtype.size()
	if !s.wanted {
		_, err := r.Discard(size)
		return err
	}
	if err := memory.Take(int64(size), "the elements "+s.key); err != nil {
		return err
	}
	s.raw = make([]byte, size)
	_, err := io.ReadFull(r, s.raw)
	return err
}
