package weights

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"fovea/internal/budget"
)

// Read reads weights of any known format, which it recognizes by content: safetensors, HDF5 (as
// Keras writes it, .h5, .weights.h5 or in a .keras archive), NumPy's .npz, its .npy with a pickled
// dictionary, a PyTorch state dict (.pth, in today's form or that of before version 1.6), a
// TensorFlow checkpoint, a .caffemodel, MatConvNet's .mat, an ONNX model, MXNet's .params or
// Paddle's .pdparams. A TensorFlow checkpoint can also be given by the prefix of its files or by
// its directory.
//
// Names and shapes are those of the file, except for ONNX, whose tensors are named by the place
// where the graph uses them (see readONNX). Anything else is an error that says what the file is.
func Read(name string) (Set, error) { return Options{}.Read(name) }

// Options say how weights are read.
type Options struct {
	// MaxMemory is how many bytes of memory reading a file may take. By default its size decides: 256 MiB and 4
	// times the size, or 16 times for formats with compression or text in them, but not more than the machine
	// has. A file that needs more is refused with budget.ErrMemory.
	MaxMemory int64
}

// Read is the function Read, with options.
func (o Options) Read(name string) (Set, error) {
	set, err := o.read(name)
	if err != nil {
		return Set{}, fmt.Errorf("weights: %s: %w", name, err)
	}
	if set.SHA256 != "" {
		return set, nil
	}
	if set.SHA256, err = sumFiles(name); err != nil {
		return Set{}, fmt.Errorf("weights: %w", err)
	}
	return set, nil
}

// read opens what a name stands for.
func (o Options) read(name string) (Set, error) {
	info, err := os.Stat(name)
	if err != nil {
		prefix, notFound := checkpointPrefix(name)
		if prefix == "" {
			return Set{}, errors.Join(notFound, err)
		}
		return guarded(readBundle, prefix, o)
	}
	if info.IsDir() {
		return o.readDirectory(name)
	}
	prefix, err := checkpointPrefix(name)
	if err != nil {
		return Set{}, err
	}
	if prefix != "" && prefix != name {
		return guarded(readBundle, prefix, o)
	}
	return o.readFile(name, info.Size())
}

func (o Options) readFile(name string, size int64) (Set, error) {
	file, err := os.Open(name)
	if err != nil {
		return Set{}, err
	}
	defer file.Close() // read-only
	c, err := contentOf(file, size)
	if err != nil {
		return Set{}, err
	}
	if latestInFolder().Match(c.head) {
		latest, err := latestCheckpoint(name, c.head)
		if err != nil {
			return Set{}, err
		}
		return o.summed(latest)
	}
	reader, err := identify(name, c)
	if err != nil {
		return Set{}, err
	}
	return guarded(reader, name, o)
}

// summed reads a file that another name refers to, and hashes it.
func (o Options) summed(name string) (Set, error) {
	set, err := o.read(name)
	if err == nil && set.SHA256 == "" {
		set.SHA256, err = sumFiles(name)
	}
	return set, err
}

// readDirectory reads the checkpoint in a directory, and describes other directories.
func (o Options) readDirectory(dir string) (Set, error) {
	has := func(name string) bool {
		_, err := os.Stat(filepath.Join(dir, name))
		return err == nil
	}
	switch {
	case has("saved_model.pb"), has("saved_model.pbtxt"):
		return Set{}, fmt.Errorf("%w: it is the directory of a TensorFlow SavedModel: use it as a model (--model DIR); for its variables alone give variables/variables.index", ErrFormat)
	case has("Manifest.json") && has("Data"):
		return Set{}, fmt.Errorf("%w: it is the directory of a Core ML package: give the model that it was converted from", ErrFormat)
	}
	checkpoint, err := checkpointIn(dir)
	if err != nil {
		return Set{}, err
	}
	if checkpoint != "" {
		return o.summed(checkpoint)
	}
	for _, name := range []string{"model.safetensors", "model.weights.h5", "tf_model.h5", "pytorch_model.bin", "model.onnx", "model.pdparams"} {
		if has(name) {
			return Set{}, fmt.Errorf("%w: it is a directory: give the file %s in it", ErrFormat, name)
		}
	}
	return Set{}, fmt.Errorf("%w: it is a directory, without a TensorFlow checkpoint in it: give a file of weights", ErrFormat)
}

// guarded calls a reader. Third-party parsers panic on some damage.
func guarded(read reader, name string, o Options) (set Set, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: it is damaged: %v", ErrFormat, p)
		}
	}()
	return read(name, o)
}

// load reads a whole file, and returns the budget that it is charged to.
func (o Options) load(name string, perByte int64) ([]byte, *budget.Budget, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, nil, err
	}
	memory := budget.For(info.Size(), perByte, o.MaxMemory)
	if err := memory.Take(info.Size(), "the file itself"); err != nil {
		return nil, nil, err
	}
	data, err := os.ReadFile(name)
	return data, memory, err
}

// open opens a file, and returns its budget.
func (o Options) open(name string, perByte int64) (*os.File, int64, *budget.Budget, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, 0, nil, err
	}
	info, err := file.Stat()
	if err != nil {
		return nil, 0, nil, errors.Join(err, file.Close())
	}
	return file, info.Size(), budget.For(info.Size(), perByte, o.MaxMemory), nil
}

// sumFiles is the SHA-256 of several files, one after another.
func sumFiles(names ...string) (string, error) {
	sum := sha256.New()
	for _, name := range names {
		file, err := os.Open(name)
		if err != nil {
			return "", err
		}
		_, err = io.Copy(sum, file)
		file.Close() // read-only
		if err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}
