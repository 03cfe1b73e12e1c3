package weights

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

	"fovea/internal/budget"
)

// A bundle is TensorFlow's checkpoint format since 2016: PREFIX.index says for every tensor which
// bytes of which PREFIX.data-0000i-of-0000n it is.

// bundleEntry is tensorflow.BundleEntryProto.
type bundleEntry struct {
	kind         DType
	dtype        uint64
	shape        []int
	shard        int
	offset, size int64
	crc          uint32
	partitioned  bool
}

// dataTypes are TensorFlow's floating-point types.
var dataTypes = map[uint64]DType{1: F32, 2: typeF64, 14: typeBF16, 19: F16}

const stringType = 7

type bundle struct {
	prefix  string
	memory  *budget.Budget
	shards  []*os.File
	entries map[string]bundleEntry
}

// readBundle reads the floating-point variables of a checkpoint that belong to the network itself.
func readBundle(prefix string, o Options) (Set, error) {
	index, memory, err := o.load(prefix+indexSuffix, budget.Packed)
	if err != nil {
		return Set{}, err
	}
	b := &bundle{prefix: prefix, memory: memory}
	shards, err := b.parseIndex(index)
	if err != nil {
		return Set{}, err
	}
	defer b.close()
	if err := b.open(shards); err != nil {
		return Set{}, err
	}
	set := Set{Tensors: map[string]Tensor{}}
	names, err := b.names()
	if err != nil {
		return Set{}, err
	}
	for _, key := range slices.Sorted(maps.Keys(names)) {
		tensor, err := b.tensor(b.entries[key])
		if err != nil {
			return Set{}, fmt.Errorf("variable %s: %w", key, err)
		}
		set.Tensors[names[key]] = tensor
	}
	if len(set.Tensors) == 0 {
		return Set{}, fmt.Errorf("%w: it is a TensorFlow checkpoint without floating-point variables", ErrFormat)
	}
	noteMean(&set)
	set.SHA256, err = b.sum(index)
	return set, err
}

func (b *bundle) parseIndex(index []byte) (shards int, err error) {
	b.entries = map[string]bundleEntry{}
	err = sstableEntries(index, b.memory, func(key, value []byte) error {
		if len(key) == 0 {
			shards, err = bundleHeader(value)
			return err
		}
		if key[0] == 0 { // a part of a partitioned variable, whose whole says so
			return nil
		}
		if err := b.memory.Take(int64(len(key))+tensorBytes, "the list of variables"); err != nil {
			return err
		}
		entry, err := parseBundleEntry(value)
		if err != nil {
			return fmt.Errorf("variable %s: %w", key, err)
		}
		b.entries[string(key)] = entry
		return nil
	})
	return shards, err
}

// maxShards is far more than anyone writes.
const maxShards = 4096

func bundleHeader(message []byte) (shards int, err error) {
	err = eachField(message, func(f field) error {
		switch {
		case f.number == 1 && f.value <= maxShards:
			shards = int(f.value)
		case f.number == 1:
			return fmt.Errorf("%w: a checkpoint of %d files", ErrFormat, f.value)
		case f.number == 2 && f.value != 0:
			return fmt.Errorf("%w: its numbers are big-endian: save it again on a little-endian machine", ErrFormat)
		}
		return nil
	})
	return shards, err
}

func parseBundleEntry(message []byte) (bundleEntry, error) {
	e := bundleEntry{}
	err := eachField(message, func(f field) (err error) {
		switch f.number {
		case 1:
			e.dtype, e.kind = f.value, dataTypes[f.value]
		case 2:
			e.shape, err = tensorShape(f.bytes)
		case 3:
			e.shard = int(f.value)
		case 4:
			e.offset = int64(f.value)
		case 5:
			e.size = int64(f.value)
		case 6:
			e.crc = uint32(f.value)
		case 7:
			e.partitioned = true
		}
		return err
	})
	return e, err
}

// tensorShape is tensorflow.TensorShapeProto.
func tensorShape(message []byte) ([]int, error) {
	shape := []int{}
	err := eachField(message, func(f field) error {
		if f.number != 2 {
			return nil
		}
		size := 0 // as protocol buffers leave a zero out
		err := eachField(f.bytes, func(f field) error {
			if f.number == 1 {
				size = int(f.value)
			}
			return nil
		})
		shape = append(shape, size)
		return err
	})
	return shape, err
}

func (b *bundle) open(shards int) error {
	for i := range shards {
		file, err := os.Open(fmt.Sprintf("%s.data-%05d-of-%05d", b.prefix, i, shards))
		if err != nil {
			return fmt.Errorf("%w: a file of the checkpoint is missing: put all of them into one directory: %w", ErrFormat, err)
		}
		b.shards = append(b.shards, file)
		info, err := file.Stat()
		if err != nil {
			return err
		}
		b.memory = b.memory.Beside(info.Size())
	}
	return nil
}

func (b *bundle) close() {
	for _, file := range b.shards {
		file.Close() // read-only
	}
}

// raw reads the bytes of an entry.
func (b *bundle) raw(e bundleEntry) ([]byte, error) {
	if e.shard < 0 || e.shard >= len(b.shards) {
		return nil, fmt.Errorf("%w: it is in file %d of %d", ErrFormat, e.shard, len(b.shards))
	}
	file := b.shards[e.shard]
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if e.offset < 0 || e.size < 0 || e.size > maxTensorBytes || e.offset > info.Size() || e.size > info.Size()-e.offset {
		return nil, fmt.Errorf("%w: its %d bytes at %d lie outside %s of %d bytes: is that file truncated?", ErrFormat, e.size, e.offset, file.Name(), info.Size())
	}
	if err := b.memory.Take(e.size, "it"); err != nil {
		return nil, err
	}
	raw := make([]byte, e.size)
	if _, err := file.ReadAt(raw, e.offset); err != nil {
		return nil, fmt.Errorf("%w: read %s: %w", ErrFormat, file.Name(), err)
	}
	return raw, nil
}

func (b *bundle) tensor(e bundleEntry) (Tensor, error) {
	if e.partitioned {
		return Tensor{}, errors.New("it is partitioned over several parts, which is not supported: restore the checkpoint without a partitioner and save it again")
	}
	if size, err := bytesOf(e.kind, e.shape); err != nil || int64(size) != e.size {
		return Tensor{}, errors.Join(err, fmt.Errorf("%w: shape %v takes %d bytes, but %d are there", ErrFormat, e.shape, size, e.size))
	}
	raw, err := b.raw(e)
	if err != nil {
		return Tensor{}, err
	}
	if maskedCRC(raw) != e.crc {
		return Tensor{}, fmt.Errorf("%w: its checksum does not match: the checkpoint is damaged, or its files do not belong together", ErrFormat)
	}
	return tensorOf(b.memory, e.kind, e.shape, raw)
}

// sum is the SHA-256 of the index followed by the data: a checkpoint is all of its files.
func (b *bundle) sum(index []byte) (string, error) {
	sum := sha256.New()
	sum.Write(index)
	for _, file := range b.shards {
		if _, err := file.Seek(0, io.SeekStart); err != nil {
			return "", err
		}
		if _, err := io.Copy(sum, file); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}
