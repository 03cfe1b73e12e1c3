// Command convert rounds float32 safetensors to float16 ones, to make the weights that are
// embedded in the program out of the published ones.
package main

import (
	"bytes"
	"encoding/binary"
	"flag"
	"fmt"
	"os"

	"github.com/x448/float16"

	"fovea/vgg/weights"
)

func main() {
	in := flag.String("in", "", "float32 safetensors `FILE`")
	out := flag.String("out", "", "float16 safetensors `FILE` to write")
	flag.Parse()
	if err := convert(*in, *out); err != nil {
		fmt.Fprintln(os.Stderr, "convert:", err)
		os.Exit(1)
	}
}

func convert(in, out string) error {
	data, err := os.ReadFile(in)
	if err != nil {
		return err
	}
	set, err := weights.ParseSafetensors(data)
	if err != nil {
		return fmt.Errorf("%s: %w", in, err)
	}
	for name, tensor := range set.Tensors {
		values, err := tensor.Float32()
		if err != nil {
			return fmt.Errorf("%s: tensor %s: %w", in, name, err)
		}
		raw := make([]byte, 0, 2*len(values))
		for _, v := range values {
			raw = binary.LittleEndian.AppendUint16(raw, float16.Fromfloat32(v).Bits()) // to nearest, ties to even
		}
		set.Tensors[name] = weights.Tensor{Shape: tensor.Shape, DType: weights.F16, Raw: raw}
	}
	set.Metadata = map[string]string{
		"source":       "VGG16, ImageNet, K. Simonyan and A. Zisserman, Visual Geometry Group, University of Oxford; as published by Keras without top",
		"license":      "CC BY 4.0",
		"float32_file": "SHA-256 " + set.SHA256,
	}
	var file bytes.Buffer
	if err := weights.WriteSafetensors(&file, set); err != nil {
		return err
	}
	return os.WriteFile(out, file.Bytes(), 0o644)
}
