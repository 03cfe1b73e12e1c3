package weights

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// matElement is an element of a MATLAB file, padded as they are.
func matElement(kind uint32, data ...byte) []byte {
	b := binary.LittleEndian.AppendUint32(nil, kind)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(data)))
	b = append(b, data...)
	return append(b, make([]byte, -len(data)&7)...)
}

// matSmall is an element whose data lies in its tag.
func matSmall(kind uint32, data ...byte) []byte {
	b := binary.LittleEndian.AppendUint32(nil, kind|uint32(len(data))<<16)
	return append(append(b, data...), make([]byte, 4-len(data))...)
}

func matInts(values ...int32) []byte {
	var b []byte
	for _, v := range values {
		b = binary.LittleEndian.AppendUint32(b, uint32(v))
	}
	return b
}

// matValue is a matrix of a class, with what follows its name.
func matValue(class uint32, name string, dims []int32, content ...[]byte) []byte {
	head := slices.Concat(matElement(miUint32, matInts(int32(class), 0)...), matElement(miInt32, matInts(dims...)...), matElement(miInt8, []byte(name)...))
	return matElement(miMatrix, append(head, slices.Concat(content...)...)...)
}

func matCompressed(t *testing.T, element []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	if _, err := w.Write(element); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	out := binary.LittleEndian.AppendUint32(nil, miCompressed)
	out = binary.LittleEndian.AppendUint32(out, uint32(b.Len()))
	return append(out, b.Bytes()...)
}

func matFile(t *testing.T, elements ...[]byte) string {
	t.Helper()
	header := make([]byte, matHeader)
	copy(header, "MATLAB 5.0 MAT-file")
	header[125], header[126], header[127] = 1, 'I', 'M'
	name := filepath.Join(t.TempDir(), "file.mat")
	if err := os.WriteFile(name, append(header, slices.Concat(elements...)...), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

// Numbers of every type that MATLAB stores come out as float32, compressed or not, in the tag or behind it.
func TestMATNumbers(t *testing.T) {
	encode := func(values any) []byte {
		var b bytes.Buffer
		if err := binary.Write(&b, binary.LittleEndian, values); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	for name, test := range map[string]struct {
		kind uint32
		raw  []byte
		want []float32
	}{
		"int8":   {miInt8, encode([]int8{-128, 127}), []float32{-128, 127}},
		"uint8":  {miUint8, encode([]uint8{0, 255}), []float32{0, 255}},
		"int16":  {miInt16, encode([]int16{-32768, 5}), []float32{-32768, 5}},
		"uint16": {miUint16, encode([]uint16{65535, 5}), []float32{65535, 5}},
		"int32":  {miInt32, encode([]int32{-1 << 31, 7}), []float32{-1 << 31, 7}},
		"uint32": {miUint32, encode([]uint32{1 << 31, 7}), []float32{1 << 31, 7}},
		"int64":  {miInt64, encode([]int64{-1 << 40, 7}), []float32{-1 << 40, 7}},
		"uint64": {miUint64, encode([]uint64{1 << 63, 7}), []float32{1 << 63, 7}},
		"single": {miSingle, encode([]float32{math.Pi, -0.5}), []float32{math.Pi, -0.5}},
		"double": {miDouble, encode([]float64{math.E, -0.25}), []float32{math.E, -0.25}},
	} {
		element := matValue(mxDouble, "x", []int32{1, 2}, matElement(test.kind, test.raw...))
		variants := [][]byte{element, matCompressed(t, element)}
		if len(test.raw) <= 4 {
			variants = append(variants, matValue(mxDouble, "x", []int32{1, 2}, matSmall(test.kind, test.raw...)))
		}
		for i, variant := range variants {
			variables, err := matVariables(matFile(t, variant))
			if err != nil {
				t.Errorf("%s, variant %d: %v", name, i, err)
				continue
			}
			got, err := variables["x"].numbers.Float32()
			if err != nil || !slices.Equal(got, test.want) || !slices.Equal(variables["x"].numbers.Shape, []int{1, 2}) {
				t.Errorf("%s, variant %d: %v of %v, %v", name, i, got, variables["x"].numbers.Shape, err)
			}
		}
	}
}

// Cells, structs, texts and objects are read as they are nested; what only MATLAB uses is passed over.
func TestMATValues(t *testing.T) {
	one := func(name string) []byte { return matValue(mxDouble, name, []int32{1, 1}, matSmall(miUint8, 42)) }
	text8 := matValue(mxChar, "", []int32{1, 4}, matElement(miUint8, []byte("conv")...))
	text16 := matValue(mxChar, "", []int32{1, 2}, matSmall(miUint16, 'h', 0, 0xe9, 0))
	names := make([]byte, 16)
	copy(names, "type")
	copy(names[8:], "value")
	fields := slices.Concat(matSmall(miInt32, 8, 0, 0, 0), matElement(miInt8, names...), text8, one(""), text16, one(""))
	opaque := matElement(miMatrix, matElement(miUint32, matInts(17, 0)...)...)
	variables, err := matVariables(matFile(t,
		matValue(mxCell, "cells", []int32{1, 3}, one(""), text16, matElement(miMatrix)),
		opaque,
		matValue(mxStruct, "layers", []int32{1, 2}, fields),
		matValue(mxObject, "object", []int32{1, 1}, matElement(miInt8, []byte("dagnn.Net")...), fields),
		matValue(mxStruct, "empty", []int32{1, 1}, matSmall(miInt32, 1, 0, 0, 0), matElement(miInt8)),
		matElement(miUint8, 1, 2, 3), // no variable
		one("last"),
	))
	if err != nil {
		t.Fatal(err)
	}
	cells := variables["cells"].cells
	if len(cells) != 3 || len(cells[0].numbers.Raw) != 4 || cells[1].text != "hé" || cells[2].class != 0 {
		t.Errorf("cells: %+v", cells)
	}
	for _, name := range []string{"layers", "object"} {
		got := variables[name].fields
		if len(got) != 2 || got[0]["type"].text != "conv" || got[1]["type"].text != "hé" || len(got[1]["value"].numbers.Raw) != 4 {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if len(variables) != 5 || len(variables["empty"].fields) != 0 || variables["last"].class != mxDouble {
		t.Errorf("variables: %v", slices.Collect(keysOf(variables)))
	}
	complexFlags := matElement(miMatrix, slices.Concat(matElement(miUint32, matInts(mxDouble|matComplex, 0)...), matElement(miInt32, matInts(1, 1)...), matElement(miInt8, 'z'), matSmall(miUint8, 1), matSmall(miUint8, 2))...)
	if variables, err = matVariables(matFile(t, complexFlags)); err != nil || len(variables["z"].numbers.Raw) != 0 {
		t.Errorf("complex numbers: %+v, %v", variables["z"], err)
	}
}

func keysOf[V any](m map[string]V) func(func(string) bool) {
	return func(yield func(string) bool) {
		for key := range m {
			if !yield(key) {
				return
			}
		}
	}
}

// What contradicts itself is refused, and nothing nests without end.
func TestMATRefuses(t *testing.T) {
	nested := matValue(mxDouble, "", []int32{1, 1}, matSmall(miUint8, 1))
	for range maxMatDepth + 1 {
		nested = matValue(mxCell, "deep", []int32{1, 1}, nested)
	}
	bad := matCompressed(t, matElement(miUint8, 1))
	corrupt := matCompressed(t, matValue(mxDouble, "x", []int32{1, 1}, matSmall(miUint8, 1)))
	corrupt[len(corrupt)-1] ^= 1
	for name, test := range map[string]struct {
		elements []byte
		want     string
	}{
		"a cut tag":            {[]byte{1, 2, 3}, "truncated"},
		"a cut element":        {matElement(miMatrix, make([]byte, 16)...)[:12], "is it truncated?"},
		"five bytes in a tag":  {append(binary.LittleEndian.AppendUint32(nil, miUint8|5<<16), 0, 0, 0, 0), "5 bytes in its own tag"},
		"no flags":             {matElement(miMatrix, matElement(miUint32, 1, 2, 3, 4)...), "flags of a matrix have 4 bytes"},
		"too many numbers":     {matValue(mxDouble, "x", []int32{2, 2}, matSmall(miUint8, 1)), "takes 16 bytes, but 4 are there"},
		"a negative dimension": {matValue(mxDouble, "x", []int32{-1, 1}, matSmall(miUint8, 1)), "too large"},
		"half a number":        {matValue(mxDouble, "x", []int32{1, 1}, matSmall(miUint16, 1)), "1 bytes of numbers of type 4"},
		"unknown numbers":      {matValue(mxDouble, "x", []int32{1, 1}, matSmall(miMatrix, 1)), "numbers of type 14"},
		"nested too deep":      {nested, "nested too deep"},
		"fields of no width":   {matValue(mxStruct, "x", []int32{1, 1}, matSmall(miInt32, 0, 0, 0, 0), matElement(miInt8, 'a')), "fields of a struct are damaged"},
		"fields of odd width":  {matValue(mxStruct, "x", []int32{1, 1}, matSmall(miInt32, 3, 0, 0, 0), matElement(miInt8, 'a', 'b')), "fields of a struct are damaged"},
		"a cell of bytes":      {matValue(mxCell, "x", []int32{1, 1}, matElement(miUint8, 1)), "type 2 where a matrix should be"},
		"compressed bytes":     {bad, "a compressed element of type 2"},
		"a wrong checksum":     {corrupt, "checksum"},
		"not compressed":       {matElement(miCompressed, 1, 2, 3, 4, 5, 6, 7, 8), "a compressed variable"},
	} {
		_, err := matVariables(matFile(t, test.elements))
		if !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
	name := matFile(t)
	if err := os.WriteFile(name, append(make([]byte, 126), 'M', 'I'), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := matVariables(name); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "big-endian") {
		t.Errorf("big-endian: %v", err)
	}
}

func matVariables(name string) (map[string]matrix, error) {
	variables, _, err := readMATFile(name, Options{})
	return variables, err
}
