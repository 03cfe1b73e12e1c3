package weights

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

// A file that is no weights, or of a format that cannot be read, is named by its content, with
// what to do.
func TestReadNamesForeignFiles(t *testing.T) {
	dir := t.TempDir()
	put := func(name string, data []byte) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, data, 0o644); err != nil {
			t.Fatal(err)
		}
		return file
	}
	inside := func(name string) string { return filepath.Join(files, "checkpoints", name) }
	copied := func(name, as string) string {
		data, err := os.ReadFile(filepath.Join(files, name))
		if err != nil {
			t.Fatal(err)
		}
		return put(as, data)
	}
	half := func(name string) string {
		data, err := os.ReadFile(filepath.Join(files, name))
		if err != nil {
			t.Fatal(err)
		}
		return put("half-"+filepath.Base(name), data[:len(data)/2])
	}
	for name, test := range map[string]struct{ file, want string }{
		"empty":          {put("empty", nil), "it is empty"},
		"html":           {put("a.h5", []byte("\n<!DOCTYPE html>\n<html><body>Sign in</body></html>")), "an HTML page: the download failed"},
		"lfs pointer":    {put("b.safetensors", []byte("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 528\n")), "Git LFS"},
		"s3 error":       {put("c.npz", []byte(`<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>`)), "XML text"},
		"json error":     {put("d.pth", []byte(`{"error": "Repository not found"}`)), "JSON text"},
		"shard index":    {put("e.json", []byte(`{"metadata": {}, "weight_map": {"a": "b"}}`)), "index of safetensors files"},
		"prototxt":       {put("f.prototxt", []byte("name: \"VGG_ILSVRC_16_layers\"\ninput: \"data\"\n")), ".prototxt"},
		"text":           {put("g", []byte("these are no weights at all")), `it is a text file ("these are no weights at all"); known are safetensors, HDF5`},
		"gzip":           {put("h.tar.gz", gzipped(t, "x")), "compressed by gzip: unpack it"},
		"tar":            {put("i.tar", tarred(t)), "tar archive"},
		"gguf":           {put("j.gguf", []byte("GGUF\x03\x00\x00\x00\x01\x00\x00\x00")), "GGUF"},
		"darknet":        {put("k.weights", make32(0, 2, 5, 32013312, 0, 1, 2, 3)), "Darknet"},
		"tflite":         {inside("foreign/model.tflite"), "TensorFlow Lite"},
		"frozen graph":   {inside("foreign/frozen.pb"), "frozen TensorFlow graph"},
		"meta graph":     {inside("foreign/model.ckpt.meta"), "give the checkpoint"},
		"saved model":    {filepath.Join(files, "../savedmodel/keras-save"), "--model DIR"},
		"saved model.pb": {filepath.Join(files, "../savedmodel/keras-save/saved_model.pb"), "the graph of a TensorFlow SavedModel"},
		"core ml":        {put("l.mlmodel", coreML()), "Core ML"},
		"binaryproto":    {put("m.binaryproto", blob()), ".binaryproto"},
		"mat 7.3":        {put("n.mat", []byte("MATLAB 7.3 MAT-file, Platform: GLNXA64, Created on: Thu Jan  1 00:00:00 1970 HDF5 schema 1.00 .")), "'-v7'"},
		"torchscript":    {put("o.pt", zipped(t, "vgg/data.pkl", "vgg/code/__torch__.py", "vgg/constants.pkl")), "TorchScript"},
		"torch export":   {put("p.pt2", zipped(t, "vgg/archive_format", "vgg/models/model.json")), "torch.export"},
		"zipped":         {put("q.zip", zipped(t, "vgg16_weights.h5")), "vgg16_weights.h5 in it: unpack it"},
		"document":       {put("r.docx", zipped(t, "[Content_Types].xml", "word/document.xml")), "office"},
		"half zip":       {half("model.keras"), "ZIP archive, truncated or damaged"},
		"half onnx":      {half("onnx/torch.onnx"), "an ONNX model, but truncated"},
		"half caffe":     {half("published/v2.caffemodel"), "a .caffemodel, but truncated"},
		"half mat":       {half("published/simplenn.mat"), "truncated"},
		"half old mat":   {half("published/old.mat"), "truncated"},
		"half npy":       {half("published/machrisaa.npy"), "truncated"},
		"half params":    {half("published/v2.params"), "truncated"},
		"half v1":        {half("checkpoints/v1.ckpt"), "known are"},
		"plain npy":      {put("s.npy", npyBytes("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", 8)), "one NumPy array"},
		"lone data":      {copied("checkpoints/v2.ckpt.data-00000-of-00001", "lone.ckpt.data-00000-of-00001"), "put lone.ckpt.index beside it"},
		"lone index":     {copied("checkpoints/v2.ckpt.index", "alone.ckpt.index"), "a file of the checkpoint is missing"},
		"renamed index":  {copied("checkpoints/v2.ckpt.index", "renamed"), "keep its name"},
		"stale list":     {copied("checkpoints/checkpoint", "checkpoint"), "v2.ckpt.index, which it names, is not beside it"},
		"random":         {put("t.bin", []byte{0xff, 0xfe, 0x99, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}), "its format is unknown (it begins with ff fe 99"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Read(test.file)
			if !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), test.file) {
				t.Errorf("error is %v, want ErrFormat with %q and the file", err, test.want)
			}
		})
	}
}

func TestReadDirectories(t *testing.T) {
	dir := t.TempDir()
	if _, err := Read(dir); err == nil || !strings.Contains(err.Error(), "without a TensorFlow checkpoint") {
		t.Errorf("an empty directory: %v", err)
	}
	put := func(name string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	put("model.safetensors")
	if _, err := Read(dir); err == nil || !strings.Contains(err.Error(), "give the file model.safetensors") {
		t.Errorf("a directory of safetensors: %v", err)
	}
	put("b.index")
	put("a.index")
	if _, err := Read(dir); err == nil || !strings.Contains(err.Error(), "give one of them: a, b") {
		t.Errorf("a directory of two checkpoints: %v", err)
	}
}

func gzipped(t *testing.T, text string) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func tarred(t *testing.T) []byte {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	if err := w.WriteHeader(&tar.Header{Name: "vgg_16.ckpt", Size: 1, Mode: 0o644, Format: tar.FormatUSTAR}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func zipped(t *testing.T, names ...string) []byte {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, name := range names {
		if _, err := w.Create(name); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func npyBytes(header string, elements int) []byte {
	data := append([]byte("\x93NUMPY\x01\x00"), binary.LittleEndian.AppendUint16(nil, uint16(len(header)))...)
	return append(append(data, header...), make([]byte, elements)...)
}

func make32(numbers ...uint32) (data []byte) {
	for _, n := range numbers {
		data = binary.LittleEndian.AppendUint32(data, n)
	}
	return data
}

// coreML is a Model with its version, a description and a neural network.
func coreML() []byte {
	message := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), 4)
	message = protowire.AppendBytes(protowire.AppendTag(message, 2, protowire.BytesType), nil)
	return protowire.AppendBytes(protowire.AppendTag(message, 500, protowire.BytesType), make([]byte, 9))
}

// blob is a BlobProto, as Caffe keeps means of pictures.
func blob() (message []byte) {
	for i, size := range []uint64{1, 3, 1, 1} {
		message = protowire.AppendVarint(protowire.AppendTag(message, protowire.Number(i+1), protowire.VarintType), size)
	}
	return protowire.AppendBytes(protowire.AppendTag(message, 5, protowire.BytesType), make([]byte, 12))
}
