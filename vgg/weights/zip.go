package weights

import (
	"archive/zip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
)

// maxTensorBytes bounds one tensor; the largest of VGG has 411 MB.
const maxTensorBytes = 2 << 30

// kerasMember is the weights in a whole model of Keras 3 (.keras).
const kerasMember = "model.weights.h5"

// readZip tells the kinds of ZIP archives apart.
func readZip(name string) (Set, error) {
	archive, err := zip.OpenReader(name)
	if err != nil {
		return Set{}, fmt.Errorf("%w: it is truncated or damaged: %w", ErrFormat, err)
	}
	defer archive.Close() //nolint:errcheck // opened for reading
	for _, f := range archive.File {
		switch {
		case strings.HasSuffix(f.Name, "data.pkl"):
			return readTorch(&archive.Reader, f)
		case f.Name == kerasMember:
			return readKeras(f)
		}
	}
	return readNPZ(&archive.Reader)
}

// readKeras reads the weights of a .keras archive, by way of a file of their own: HDF5 is
// read at any place, a member of an archive only from its beginning.
func readKeras(f *zip.File) (set Set, err error) {
	file, err := os.CreateTemp("", "weights-*.h5")
	if err != nil {
		return Set{}, err
	}
	defer func() { err = errors.Join(err, os.Remove(file.Name())) }()
	r, err := f.Open()
	if err != nil {
		return Set{}, errors.Join(fmt.Errorf("%w: %s: %w", ErrFormat, f.Name, err), file.Close())
	}
	_, err = io.Copy(file, io.LimitReader(r, 2*maxTensorBytes))
	if err = errors.Join(err, r.Close(), file.Close()); err != nil {
		return Set{}, fmt.Errorf("%w: %s: %w", ErrFormat, f.Name, err)
	}
	return readHDF5(file.Name())
}

// member reads a file of the archive of which at most limit bytes are wanted.
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
	set := Set{Tensors: map[string]Tensor{}}
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
		if err != nil {
			return Set{}, fmt.Errorf("array %s: %w", name, err)
		}
		set.Tensors[name] = tensor
	}
	return set, nil
}

var (
	npyDescr   = regexp.MustCompile(`'descr':\s*'([^']*)'`)
	npyFortran = regexp.MustCompile(`'fortran_order':\s*(True|False)`)
	npyShape   = regexp.MustCompile(`'shape':\s*\(([^)]*)\)`)
)

// parseNPY reads an array: a magic string, the length of a header that is a Python
// dictionary, the header, the elements (NumPy enhancement proposal 1).
func parseNPY(data []byte) (Tensor, error) {
	if len(data) < 12 || string(data[:6]) != "\x93NUMPY" {
		return Tensor{}, fmt.Errorf("%w: not a NumPy array", ErrFormat)
	}
	start, length := 10, int(binary.LittleEndian.Uint16(data[8:]))
	if data[6] >= 2 {
		start, length = 12, int(binary.LittleEndian.Uint32(data[8:]))
	}
	if length < 0 || length > len(data)-start {
		return Tensor{}, fmt.Errorf("%w: a header of %d bytes in an array of %d", ErrFormat, length, len(data))
	}
	header, elements := data[start:start+length], data[start+length:]
	descr, fortran, shape := npyDescr.FindSubmatch(header), npyFortran.FindSubmatch(header), npyShape.FindSubmatch(header)
	if descr == nil || fortran == nil || shape == nil {
		return Tensor{}, fmt.Errorf("%w: header %.80q", ErrFormat, header)
	}
	t := Tensor{DType: map[string]DType{"<f4": F32, "<f2": F16}[string(descr[1])], Raw: elements}
	if t.DType == "" {
		return Tensor{}, fmt.Errorf("elements of type %q are not supported: convert them to float32", descr[1])
	}
	if string(fortran[1]) == "True" {
		return Tensor{}, errors.New("column-major order is not supported: save numpy.ascontiguousarray of it")
	}
	for _, part := range strings.Split(string(shape[1]), ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		d, err := strconv.Atoi(part)
		if err != nil {
			return Tensor{}, fmt.Errorf("%w: shape (%s)", ErrFormat, shape[1])
		}
		t.Shape = append(t.Shape, d)
	}
	return t, t.check()
}

// check compares the shape with the elements that are there.
func (t Tensor) check() error {
	size := t.DType.size()
	for _, d := range t.Shape {
		if d < 0 || (d > 0 && size > maxTensorBytes/d) {
			return fmt.Errorf("%w: shape %v is too large", ErrFormat, t.Shape)
		}
		size *= d
	}
	if size != len(t.Raw) {
		return fmt.Errorf("%w: shape %v of %s takes %d bytes, but %d are there", ErrFormat, t.Shape, t.DType, size, len(t.Raw))
	}
	return nil
}
