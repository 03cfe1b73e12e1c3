package weights

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode/utf8"

	"fovea/internal/budget"
	"fovea/internal/lazy"
)

// reader reads a file of one format.
type reader func(name string, o Options) (Set, error)

// knownFormats are what Read accepts, as errors list them.
const knownFormats = "safetensors, HDF5 of Keras (.h5, .keras), NumPy (.npz, .npy), PyTorch (.pth), TensorFlow checkpoints, Caffe (.caffemodel), MatConvNet (.mat), ONNX, MXNet (.params) and Paddle (.pdparams)"

// content is what identifies a file's format.
type content struct {
	io.ReaderAt
	size int64
	// head is the file's beginning, tail its last 8 bytes.
	head, tail []byte
}

const headBytes = 1024

func contentOf(file io.ReaderAt, size int64) (content, error) {
	c := content{ReaderAt: file, size: size, head: make([]byte, min(size, headBytes)), tail: make([]byte, min(size, 8))}
	if _, err := file.ReadAt(c.head, 0); err != nil && err != io.EOF {
		return c, err
	}
	if _, err := file.ReadAt(c.tail, size-int64(len(c.tail))); err != nil && err != io.EOF {
		return c, err
	}
	return c, nil
}

// identify determines a file's format from its content. The usual file extensions say nothing:
// .bin, .model, .weights and .params are used by everyone.
func identify(name string, c content) (reader, error) {
	head := c.head
	begins := func(magic string) bool { return bytes.HasPrefix(head, []byte(magic)) }
	switch {
	case c.size == 0:
		return nil, fmt.Errorf("%w: it is empty: was its download interrupted?", ErrFormat)
	case c.size < 8:
		return nil, fmt.Errorf("%w: it has fewer than 8 bytes", ErrFormat)
	case begins("\x89HDF\r\n\x1a\n"):
		return readHDF5, nil
	case begins("PK\x03\x04"):
		return identifyZip(name)
	case begins("\x93NUMPY"):
		return readNPY, nil
	case begins("MATLAB 5.0 MAT-file"):
		return readMAT, nil
	case binary.LittleEndian.Uint64(head) == mxnetMagic:
		return readMXNet, nil
	case head[0] == 0x80 && head[1] <= 5:
		if bytes.Contains(head[:min(len(head), 32)], []byte("\x8a\x0al\xfc\x9cF\xf9")) {
			return readLegacyTorch, nil
		}
		return readPickle, nil
	case isSSTable(c.tail):
		return readSlices, nil
	case isSafetensors(head):
		return readSafetensors, nil
	}
	if err := foreignFile(c); err != nil {
		return nil, err
	}
	if read, err := identifyProto(c); read != nil || err != nil {
		return read, err
	}
	return nil, fmt.Errorf("%w: its format is unknown (it begins with % x); known are %s", ErrFormat, head[:8], knownFormats)
}

// isSafetensors looks for the length of a header and the header's opening brace.
func isSafetensors(head []byte) bool {
	return len(head) > lengthBytes && head[lengthBytes] == '{' && binary.LittleEndian.Uint64(head) <= maxHeader
}

func readSafetensors(name string, o Options) (Set, error) {
	data, memory, err := o.load(name, budget.Plain)
	if err != nil {
		return Set{}, err
	}
	return parseSafetensors(data, memory)
}

// magics are the first bytes of formats whose weights cannot be read here, and what to do about it.
var magics = []struct {
	offset      int
	magic, what string
}{
	{0, "\x1f\x8b", "compressed by gzip: unpack it first (gunzip, or tar -xzf for a .tar.gz)"},
	{0, "BZh", "compressed by bzip2: unpack it first (bunzip2, or tar -xjf)"},
	{0, "\xfd7zXZ\x00", "compressed by xz: unpack it first (unxz, or tar -xJf)"},
	{0, "\x28\xb5\x2f\xfd", "compressed by Zstandard: unpack it first (unzstd)"},
	{0, "7z\xbc\xaf\x27\x1c", "a 7-Zip archive: unpack it first"},
	{0, "Rar!\x1a\x07", "a RAR archive: unpack it first"},
	{257, "ustar", "a tar archive: unpack it first (tar -xf) and give the file within"},
	{4, "TFL3", "a TensorFlow Lite model, whose weights are often rounded to 8 bits: give the model that it was converted from"},
	{0, "GGUF", "a GGUF file, which is for language models: no VGG is published in it"},
	{0, "lmgg", "a GGML file, which is for language models: no VGG is published in it"},
	{0, "MATLAB 7.3 MAT-file", "a MATLAB file of version 7.3: save it again in MATLAB with save(file, '-struct', 'net', '-v7')"},
	{0, "%PDF", "a PDF document"},
	{0, "\x89PNG", "a PNG image"},
	{0, "\xff\xd8\xff", "a JPEG image"},
	{0, "\x7fELF", "a program"},
	{0, "PAR1", "a Parquet file"},
}

// foreignFile names a file whose format has no usable weights.
func foreignFile(c content) error {
	for _, m := range magics {
		if len(c.head) > m.offset && bytes.HasPrefix(c.head[m.offset:], []byte(m.magic)) {
			return fmt.Errorf("%w: it is %s", ErrFormat, m.what)
		}
	}
	if isDarknet(c.head) {
		return fmt.Errorf("%w: it seems to be Darknet's .weights, which name no tensors: convert them to ONNX or safetensors", ErrFormat)
	}
	return foreignText(c)
}

// isDarknet looks for version 0.1 or 0.2 and its revision, three numbers of 4 bytes.
func isDarknet(head []byte) bool {
	if len(head) < 16 {
		return false
	}
	major, minor, revision := binary.LittleEndian.Uint32(head), binary.LittleEndian.Uint32(head[4:]), binary.LittleEndian.Uint32(head[8:])
	return major == 0 && (minor == 1 || minor == 2) && revision <= 9
}

// texts begin files that are not weights at all. The first match counts.
var texts = []struct {
	pattern func() *regexp.Regexp
	what    string
}{
	{lazy.Regexp(`^version https://git-lfs`), "a pointer of Git LFS in place of the file: fetch the file itself (git lfs pull)"},
	{lazy.Regexp(`(?i)^\s*(<!doctype html|<html|<head)`), "an HTML page: the download failed, or needs an account; open it in a browser to see what the server said"},
	{lazy.Regexp(`^\s*<\?xml|^\s*<[A-Za-z]`), "an XML text, such as a server's message about a failed download"},
	{lazy.Regexp(`^\s*\{[\s\S]*"(modelTopology|weightsManifest)"`), "a model of TensorFlow.js: give the model that it was converted from"},
	{lazy.Regexp(`^\s*\{[\s\S]*"weight_map"`), "an index of safetensors files, not the weights: give the file beside it that holds them"},
	{lazy.Regexp(`^\s*[\[{]`), "a JSON text, such as a model's description or a server's message about a failed download"},
	{lazy.Regexp(`^\s*(name|layers?|input)\s*[:{]`), "a network's description for Caffe (.prototxt): give the .caffemodel with the weights"},
}

// foreignText names texts, including pickles of Python's first protocol.
func foreignText(c content) error {
	head := strings.TrimPrefix(string(c.head), "\ufeff")
	for len(head) > 0 && !utf8.ValidString(head) && len(c.head)-len(head) < utf8.UTFMax { // cut within a character
		head = head[:len(head)-1]
	}
	if !utf8.ValidString(head) || strings.ContainsFunc(head, func(r rune) bool { return r < ' ' && r != '\n' && r != '\r' && r != '\t' && r != '\f' }) {
		return nil
	}
	for _, t := range texts {
		if t.pattern().MatchString(head) {
			return fmt.Errorf("%w: it is %s", ErrFormat, t.what)
		}
	}
	return fmt.Errorf("%w: it is a text file (%.40q); known are %s", ErrFormat, head, knownFormats)
}
