package weights

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"
)

// file makes a safetensors file of a header and data.
func file(header string, data ...byte) []byte {
	out := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(out, header...), data...)
}

func TestParseSafetensors(t *testing.T) {
	// 1.5 and -2 as float32, then 0.5 as float16.
	data := []byte{0, 0, 0xc0, 0x3f, 0, 0, 0, 0xc0, 0, 0x38}
	set, err := ParseSafetensors(file(`{"__metadata__":{"a":"b"},`+
		`"wide":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},`+
		`"half":{"dtype":"F16","shape":[1],"data_offsets":[8,10]}}`, data...))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]float32{"wide": {1.5, -2}, "half": {0.5}} {
		got, err := set.Tensors[name].Float32()
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("tensor %s is %v, %v; want %v", name, got, err, want)
		}
	}
	if set.Metadata["a"] != "b" {
		t.Errorf("metadata is %v", set.Metadata)
	}
}

func TestParseSafetensorsRefuses(t *testing.T) {
	tests := map[string]struct {
		data []byte
		want string
	}{
		"empty":             {nil, "too few"},
		"hostile header":    {binary.LittleEndian.AppendUint64(nil, 1<<62), "truncated"},
		"cut header":        {file(`{"a":1}`)[:12], "truncated"},
		"no JSON":           {file(`nonsense`), "not JSON"},
		"cut data":          {file(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, 0, 0, 0, 0), "truncated"},
		"negative offset":   {file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}`), "outside"},
		"reversed offsets":  {file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}`, 0, 0, 0, 0), "outside"},
		"shape against end": {file(`{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,4]}}`, 0, 0, 0, 0), "larger than"},
		"overflowing shape": {file(`{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}}`, 0, 0, 0, 0), "larger than"},
		"negative shape":    {file(`{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}`, 0, 0, 0, 0), "larger than"},
		"element type":      {file(`{"a":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1]}}`, 0), `"F8_E4M3"`},
		"only integers":     {file(`{"a":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}}`, 0, 0, 0, 0, 0, 0, 0, 0), "quantized"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := ParseSafetensors(test.data)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error is %v, want one with %q", err, test.want)
			}
		})
	}
}

func TestFloat32RefusesNaN(t *testing.T) {
	for name, tensor := range map[string]Tensor{
		"NaN":      {DType: F32, Raw: []byte{0, 0, 0xc0, 0x7f}},
		"infinity": {DType: F16, Raw: []byte{0, 0x7c}},
	} {
		if values, err := tensor.Float32(); err == nil {
			t.Errorf("%s was read as %v", name, values)
		}
	}
}

func TestWriteSafetensorsRoundTrip(t *testing.T) {
	want := Set{
		Tensors: map[string]Tensor{
			"b": {Shape: []int{1, 2}, DType: F32, Raw: []byte{1, 2, 3, 4, 5, 6, 7, 8}},
			"a": {Shape: []int{1}, DType: F16, Raw: []byte{9, 10}},
		},
		Metadata: map[string]string{"licence": "CC BY 4.0"},
	}
	var written bytes.Buffer
	if err := WriteSafetensors(&written, want); err != nil {
		t.Fatal(err)
	}
	got, err := ParseSafetensors(written.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	for name, tensor := range want.Tensors {
		if !slices.Equal(got.Tensors[name].Raw, tensor.Raw) || !slices.Equal(got.Tensors[name].Shape, tensor.Shape) {
			t.Errorf("tensor %s came back as %v, want %v", name, got.Tensors[name], tensor)
		}
	}
	if got.Metadata["licence"] != "CC BY 4.0" {
		t.Errorf("metadata came back as %v", got.Metadata)
	}
}

// FuzzParseSafetensors looks for a file that makes the reader panic or take memory that
// the file does not account for.
func FuzzParseSafetensors(f *testing.F) {
	f.Add(file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, 0, 0, 0, 0))
	f.Add(file(`{"__metadata__":{"a":"b"}}`))
	f.Add([]byte("not safetensors"))
	f.Fuzz(func(t *testing.T, data []byte) {
		set, err := ParseSafetensors(data)
		if err != nil {
			return
		}
		for name, tensor := range set.Tensors {
			if _, err := tensor.Float32(); err != nil && errors.Is(err, ErrFormat) {
				t.Errorf("tensor %s was accepted but is malformed: %v", name, err)
			}
		}
	})
}
