package weights

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"fovea/internal/budget"
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
func readZip(name string, o Options) (Set, error) {
	info, err := os.Stat(name)
	if err != nil {
		return Set{}, err
	}
	memory := budget.For(info.Size(), budget.Packed, o.MaxMemory)
	archive, err := zip.OpenReader(name)
	if err != nil {
		return Set{}, fmt.Errorf("%w: it is truncated or damaged: %w", ErrFormat, err)
	}
	defer archive.Close() // read-only
	for _, f := range archive.File {
		switch {
		case strings.HasSuffix(f.Name, "data.pkl"):
			return readTorch(&archive.Reader, f, memory)
		case f.Name == kerasMember:
			return readKeras(&archive.Reader, f, memory)
		}
	}
	return readNPZ(&archive.Reader, memory)
}

// readKeras reads the weights of a .keras archive through a temporary file: HDF5 needs random
// access, which a member of an archive does not allow. The architecture lies beside them.
func readKeras(archive *zip.Reader, f *zip.File, memory *budget.Budget) (set Set, err error) {
	if err := plausible(f); err != nil {
		return Set{}, err
	}
	size := int64(min(f.UncompressedSize64, 2*maxTensorBytes))
	if err := memory.Take(size, f.Name); err != nil { // what it holds will take no less
		return Set{}, err
	}
	memory.Give(size)
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
	defer file.Close() // it is temporary
	size, err = io.Copy(file, io.LimitReader(r, size+1))
	if err = errors.Join(err, r.Close()); err != nil {
		return Set{}, fmt.Errorf("%w: %s: %w", ErrFormat, f.Name, err)
	}
	if set, err = hdf5Set(file, size, memory); err != nil {
		return Set{}, err
	}
	for _, other := range archive.File {
		if other.Name == kerasConfig {
			set.KerasConfig, err = member(other, maxConfig, memory)
		}
	}
	return set, err
}

// deflateRatio is what deflate shrinks to at best.
const deflateRatio = 1032

// plausible checks that the stored part of a member can hold what its size claims.
func plausible(f *zip.File) error {
	most := f.CompressedSize64
	if f.Method != zip.Store && most < 1<<50 {
		most = deflateRatio * (most + 1)
	}
	if f.UncompressedSize64 > most {
		return fmt.Errorf("%w: %s claims %d bytes in %d: it is damaged", ErrFormat, f.Name, f.UncompressedSize64, f.CompressedSize64)
	}
	return nil
}

// member reads a file of the archive, of at most limit bytes, which are charged to memory.
func member(f *zip.File, limit uint64, memory *budget.Budget) ([]byte, error) {
	if f.UncompressedSize64 > limit {
		return nil, fmt.Errorf("%w: %s has %d bytes", ErrFormat, f.Name, f.UncompressedSize64)
	}
	if err := plausible(f); err != nil {
		return nil, err
	}
	if err := memory.Take(int64(f.UncompressedSize64), f.Name); err != nil {
		return nil, err
	}
	r, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrFormat, f.Name, err)
	}
	data := make([]byte, f.UncompressedSize64)
	_, err = io.ReadFull(r, data)
	if errors.Is(err, io.ErrUnexpectedEOF) || len(data) > 0 && errors.Is(err, io.EOF) {
		return nil, errors.Join(fmt.Errorf("%w: %s is truncated", ErrFormat, f.Name), r.Close())
	}
	if err == nil { // to its checksum
		_, err = io.CopyN(io.Discard, r, 1)
		if err == nil {
			err = errors.New("it is longer than the archive says")
		} else if errors.Is(err, io.EOF) {
			err = nil
		}
	}
	if err = errors.Join(err, r.Close()); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrFormat, f.Name, err)
	}
	return data, nil
}

// readNPZ reads an archive of .npy files.
func readNPZ(archive *zip.Reader, memory *budget.Budget) (Set, error) {
	var set Set
	for _, f := range archive.File {
		name, isArray := strings.CutSuffix(f.Name, ".npy")
		if !isArray {
			return Set{}, fmt.Errorf("%w: the archive holds %q: neither .npz nor PyTorch", ErrFormat, f.Name)
		}
		data, err := member(f, maxTensorBytes, memory)
		if err != nil {
			return Set{}, err
		}
		tensor, err := parseNPY(data, memory)
		if err == nil {
			err = set.add(memory, name, tensor)
			set.owned(memory, name, tensor.Raw)
		}
		if err != nil {
			return Set{}, fmt.Errorf("array %s: %w", name, err)
		}
	}
	return set, set.holds()
}
