package weights

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
)

// Read reads a weights file of any known format, told by its content: safetensors, HDF5 (as
// Keras writes it, .h5, .weights.h5 or in a .keras archive), NumPy's .npz, or a PyTorch state
// dict (.pth, in today's form or that of before version 1.6).
func Read(name string) (Set, error) {
	file, err := os.Open(name)
	if err != nil {
		return Set{}, fmt.Errorf("weights: %w", err)
	}
	defer file.Close() //nolint:errcheck // opened for reading
	head := make([]byte, 8)
	if _, err := io.ReadFull(file, head); err != nil {
		return Set{}, fmt.Errorf("weights: %s: %w: it has fewer than 8 bytes", name, ErrFormat)
	}
	set, err := readAs(name, head)
	if err != nil {
		return Set{}, fmt.Errorf("weights: %s: %w", name, err)
	}
	if set.SHA256 != "" {
		return set, nil
	}
	sum := sha256.New()
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return Set{}, fmt.Errorf("weights: %w", err)
	}
	if _, err := io.Copy(sum, file); err != nil {
		return Set{}, fmt.Errorf("weights: %w", err)
	}
	set.SHA256 = hex.EncodeToString(sum.Sum(nil))
	return set, nil
}

func readAs(name string, head []byte) (set Set, err error) {
	// The readers of others' making panic on some damage.
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: it is damaged: %v", ErrFormat, p)
		}
	}()
	switch {
	case bytes.Equal(head, []byte("\x89HDF\r\n\x1a\n")):
		return readHDF5(name)
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		return readZip(name)
	case head[0] == 0x80 && head[1] <= 5: // a pickle by itself
		return readLegacyTorch(name)
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return Set{}, err
	}
	return ParseSafetensors(data)
}
