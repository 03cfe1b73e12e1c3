package weights

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"fovea/internal/budget"
)

// The safetensors format: the header's length in 8 little-endian bytes, the header as JSON,
// then the elements. See https://huggingface.co/docs/safetensors.
const (
	lengthBytes = 8
	// maxHeader is the bound that the reference implementation sets.
	maxHeader = 100_000_000
	metadata  = "__metadata__"
	// jsonBytes is what a byte of the header may take once it is read, as a number of a shape or in a map.
	jsonBytes = 24
)

// ErrFormat marks a file that is not what its reader expects.
var ErrFormat = errors.New("not a valid weights file")

type safetensorsEntry struct {
	DType   DType `json:"dtype"`
	Shape   []int `json:"shape"`
	Offsets []int `json:"data_offsets"`
}

// ParseSafetensors reads a safetensors file in memory. Tensors of float32 and float16 are views of
// data, which must not change afterwards.
func ParseSafetensors(data []byte) (Set, error) { return parseSafetensors(data, nil) }

// ParseKnownSafetensors is ParseSafetensors for data whose SHA-256, in hex, is known: computing it takes as long as
// everything else.
func ParseKnownSafetensors(data []byte, sum string) (Set, error) {
	set, err := parseTensors(data, nil)
	set.SHA256 = sum
	return set, err
}

func parseSafetensors(data []byte, memory *budget.Budget) (Set, error) {
	set, err := parseTensors(data, memory)
	if err != nil {
		return Set{}, err
	}
	sum := sha256.Sum256(data)
	set.SHA256 = hex.EncodeToString(sum[:])
	return set, nil
}

func parseTensors(data []byte, memory *budget.Budget) (Set, error) {
	header, elements, err := safetensorsHeader(data, memory)
	if err != nil {
		return Set{}, err
	}
	var set Set
	for name, raw := range header {
		if name == metadata {
			if err := json.Unmarshal(raw, &set.Metadata); err != nil {
				return Set{}, fmt.Errorf("weights: safetensors metadata: %w: %w", ErrFormat, err)
			}
			continue
		}
		tensor, err := safetensorsTensor(raw, elements)
		if err == nil {
			err = set.add(memory, name, tensor)
		}
		if err != nil {
			return Set{}, fmt.Errorf("weights: safetensors tensor %q: %w", name, err)
		}
	}
	if err := set.holds(); err != nil {
		return Set{}, fmt.Errorf("weights: safetensors: %w", err)
	}
	return set, nil
}

func safetensorsHeader(data []byte, memory *budget.Budget) (map[string]json.RawMessage, []byte, error) {
	if len(data) < lengthBytes {
		return nil, nil, fmt.Errorf("weights: %w: %d bytes are too few for safetensors", ErrFormat, len(data))
	}
	length := binary.LittleEndian.Uint64(data)
	rest := data[lengthBytes:]
	if length > maxHeader || length > uint64(len(rest)) {
		return nil, nil, fmt.Errorf("weights: %w: a safetensors header of %d bytes in a file of %d: truncated, or of another format", ErrFormat, length, len(data))
	}
	if err := memory.Count(int64(length), jsonBytes, "the header"); err != nil {
		return nil, nil, fmt.Errorf("weights: safetensors: %w", err)
	}
	var header map[string]json.RawMessage
	if err := json.Unmarshal(rest[:length], &header); err != nil {
		return nil, nil, fmt.Errorf("weights: %w: the safetensors header is not JSON: %w", ErrFormat, err)
	}
	return header, rest[length:], nil
}

func safetensorsTensor(raw json.RawMessage, elements []byte) (Tensor, error) {
	var entry safetensorsEntry
	if err := json.Unmarshal(raw, &entry); err != nil {
		return Tensor{}, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	size := entry.DType.size()
	if size == 0 {
		return Tensor{}, fmt.Errorf("elements of type %q are not supported: convert them to F32 or F16", entry.DType)
	}
	if len(entry.Offsets) != 2 || entry.Offsets[0] < 0 || entry.Offsets[0] > entry.Offsets[1] || entry.Offsets[1] > len(elements) {
		return Tensor{}, fmt.Errorf("%w: offsets %v lie outside the %d bytes of data: is the file truncated?", ErrFormat, entry.Offsets, len(elements))
	}
	for _, d := range entry.Shape {
		if d < 0 || (d > 0 && size > len(elements)/d) {
			return Tensor{}, fmt.Errorf("%w: shape %v is larger than the file", ErrFormat, entry.Shape)
		}
		size *= d
	}
	view := elements[entry.Offsets[0]:entry.Offsets[1]]
	if size != len(view) {
		return Tensor{}, fmt.Errorf("%w: shape %v of %s takes %d bytes, but %d are given", ErrFormat, entry.Shape, entry.DType, size, len(view))
	}
	return Tensor{Shape: entry.Shape, DType: entry.DType, Raw: view}, nil
}

// WriteSafetensors writes tensors as a safetensors file, in the order of their names so
// that equal sets give equal files.
func WriteSafetensors(w io.Writer, set Set) error {
	header := map[string]any{}
	if len(set.Metadata) > 0 {
		header[metadata] = set.Metadata
	}
	names := slices.Sorted(maps.Keys(set.Tensors))
	offset := 0
	for _, name := range names {
		t := set.Tensors[name]
		header[name] = safetensorsEntry{DType: t.DType, Shape: t.Shape, Offsets: []int{offset, offset + len(t.Raw)}}
		offset += len(t.Raw)
	}
	encoded, err := json.Marshal(header) // keys come out sorted
	if err != nil {
		return fmt.Errorf("weights: encode the safetensors header: %w", err)
	}
	// The elements start at a multiple of 8; the format pads the header with spaces.
	encoded = append(encoded, bytes.Repeat([]byte(" "), -len(encoded)&(lengthBytes-1))...)
	if _, err := w.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(encoded)))); err != nil {
		return fmt.Errorf("weights: write safetensors: %w", err)
	}
	if _, err := w.Write(encoded); err != nil {
		return fmt.Errorf("weights: write safetensors: %w", err)
	}
	for _, name := range names {
		if _, err := w.Write(set.Tensors[name].Raw); err != nil {
			return fmt.Errorf("weights: write tensor %s: %w", name, err)
		}
	}
	return nil
}
