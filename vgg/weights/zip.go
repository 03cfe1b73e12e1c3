package weights

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"fovea/internal/output"
)

// maxTensorBytes bounds one tensor; the largest of VGG has 411 MB.
const maxTensorBytes = 2 << 30

// kerasMember is the weights file in a whole Keras 3 model (.keras).
const kerasMember = "model.weights.h5"

// kerasConfig is the architecture in such a model, and maxConfig bounds its size: VGG19's has about
// 20 kB.
const (
	kerasConfig = "config.json"
	maxConfig   = 64 << 20
)

// readZip distinguishes the kinds of ZIP archives.
func readZip(name string) (Set, error) {
	archive, err := zip.OpenReader(name)
	if err != nil {
		return Set{}, fmt.Errorf("%w: it is truncated or damaged: %w", ErrFormat, err)
	}
	defer archive.Close() // read-only
	for _, f := range archive.File {
		switch {
		case strings.HasSuffix(f.Name, "data.pkl"):
			return readTorch(&archive.Reader, f)
		case f.Name == kerasMember:
			return readKeras(&archive.Reader, f)
		}
	}
	return readNPZ(&archive.Reader)
}

// readKeras reads the weights of a .keras archive through a temporary file: HDF5 needs random
// access, which a member of an archive does not allow. The architecture lies beside them.
func readKeras(archive *zip.Reader, f *zip.File) (set Set, err error) {
	temporary, err := output.TempDir("fovea-weights")
	if err != nil {
		return Set{}, err
	}
	defer temporary.Discard()
	file, err := os.Create(filepath.Join(temporary.Path, "weights.h5"))
	if err != nil {
		return Set{}, err
	}
	r, err := f.Open()
	if err != nil {
		return Set{}, errors.Join(fmt.Errorf("%w: %s: %w", ErrFormat, f.Name, err), file.Close())
	}
	_, err = io.Copy(file, io.LimitReader(r, 2*maxTensorBytes))
	if err = errors.Join(err, r.Close(), file.Close()); err != nil {
		return Set{}, fmt.Errorf("%w: %s: %w", ErrFormat, f.Name, err)
	}
	if set, err = readHDF5(file.Name()); err != nil {
		return Set{}, err
	}
	for _, other := range archive.File {
		if other.Name == kerasConfig {
			set.KerasConfig, err = member(other, maxConfig)
		}
	}
	return set, err
}

// member reads a file of the archive, of at most limit bytes.
func member(f *zip.File, limit uint64) ([]byte, error) {
	if f.UncompressedSize64 > limit {
		return nil, fmt.Errorf("%w: %s has %d bytes", ErrFormat, f.Name, f.UncompressedSize64)
	}
	r, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrFormat, f.Name, err)
	}
	// What a hostile header promises is not allocated before it has arrived.
	data, err := io.ReadAll(io.LimitReader(r, int64(limit)+1))
	if err = errors.Join(err, r.Close()); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrFormat, f.Name, err)
	}
	if uint64(len(data)) != f.UncompressedSize64 {
		return nil, fmt.Errorf("%w: %s is truncated", ErrFormat, f.Name)
	}
	return data, nil
}

// readNPZ reads an archive of .npy files.
func readNPZ(archive *zip.Reader) (Set, error) {
	var set Set
	for _, f := range archive.File {
		name, isArray := strings.CutSuffix(f.Name, ".npy")
		if !isArray {
			return Set{}, fmt.Errorf("%w: the archive holds %q: neither .npz nor PyTorch", ErrFormat, f.Name)
		}
		data, err := member(f, maxTensorBytes)
		if err != nil {
			return Set{}, err
		}
		tensor, err := parseNPY(data)
		if err == nil {
			err = set.add(name, tensor)
		}
		if err != nil {
			return Set{}, fmt.Errorf("array %s: %w", name, err)
		}
	}
	return set, set.holds()
}
