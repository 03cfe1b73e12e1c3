#!/usr/bin/env bash
# github.com/advancedclimatesystems/gonnx v1.1.0: convolutions of images that are wider than high are empty at the right.
#
# One would guess: Conv computes each pixel of its output, however wide and high the image is, and auto_pad="VALID" pads nothing. The
# library runs ONNX's own tests of its operators, and refuses what it cannot do, such as groups.
# What happens, without an error:
#   1. The loop over the columns ends at the image's height. Of an image of 8 rows and 12 columns, all pixels in the right columns
#      are the bias, or 0. Images that are square or higher than wide are right, as those of ONNX's tests are.
#   2. auto_pad="VALID" pads like SAME_UPPER: the output is larger than it should be, and its values are shifted.
# Who is hurt: Go services that classify or measure photos in landscape, spectrograms and strips of sensors, which are wider
# than high: what is at the right of the picture is not seen at all, and the fully connected layers get biases in its place.
# Remedy: transpose the image and all kernels, or pad the image to a square and cut the output; pads in numbers for VALID.
# Seen on 2026-11-30, with Go 1.26, onnx 1.23.2, onnxruntime 1.32.0 and NumPy 2.4.6.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import json

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, checker, helper, numpy_helper

rng = np.random.default_rng(7)
weights, bias = rng.normal(size=(2, 3, 3, 3)).astype(np.float32), np.array([0.5, -0.25], np.float32)
cases = []
for name, shape, attributes in (("square", (1, 3, 8, 8), {"pads": [1] * 4}), ("high", (1, 3, 12, 8), {"pads": [1] * 4}),
                                ("wide", (1, 3, 8, 12), {"pads": [1] * 4}), ("valid", (1, 3, 8, 8), {"auto_pad": "VALID"})):
    x = rng.normal(size=shape).astype(np.float32)
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1))) if name != "valid" else x
    y = np.einsum("ncyxij,ocij->noyx", np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3)), weights)
    y += bias[:, None, None]
    graph = helper.make_graph(
        [helper.make_node("Conv", ["x", "w", "b"], ["y"], **attributes)], "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)], [helper.make_tensor_value_info("y", TensorProto.FLOAT, y.shape)],
        [numpy_helper.from_array(weights, "w"), numpy_helper.from_array(bias, "b")])
    m = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7)
    checker.check_model(m, full_check=True)
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(m.SerializeToString(), options, providers=["CPUExecutionProvider"])
    assert np.allclose(session.run(None, {"x": x})[0], y, atol=1e-4)
    onnx.save(m, f"{name}.onnx")
    cases.append({"name": name, "in": shape, "x": x.ravel().tolist(), "out": y.shape, "y": y.ravel().tolist()})
with open("cases.json", "w") as f:
    json.dump(cases, f)
PYTHON
cat > go.mod <<'GO'
module finding

go 1.26
GO
cat > main.go <<'GO'
package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"

	"github.com/advancedclimatesystems/gonnx"
	"gorgonia.org/tensor"
)

type example struct {
	Name    string
	In, Out []int
	X, Y    []float32
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func main() {
	var examples []example
	if err := json.Unmarshal(must(os.ReadFile("cases.json")), &examples); err != nil {
		panic(err)
	}
	changed := false
	for _, e := range examples {
		model := must(gonnx.NewModelFromFile(e.Name + ".onnx"))
		input := tensor.New(tensor.WithShape(e.In...), tensor.WithBacking(e.X))
		output := must(model.Run(gonnx.Tensors{"x": input}))["y"]
		shape, y := []int(output.Shape()), output.Data().([]float32)
		fmt.Printf("%s: %v, by ONNX Runtime %v", e.Name, shape, e.Out)
		if e.Name == "valid" {
			fmt.Println()
			changed = changed || !slices.Equal(shape, []int{1, 2, 8, 8})
			continue
		}
		width, bias := shape[3], []float32{0.5, -0.25}
		wrong, biases := 0, 0
		for i, v := range y {
			if math.Abs(float64(v-e.Y[i])) > 1e-4 {
				wrong++
				if v == bias[i/(shape[2]*width)] && i%width >= shape[2]+2 {
					biases++
				}
			}
		}
		fmt.Printf(", %d of %d values wrong, %d of them the bias\n", wrong, len(y), biases)
		missing := max(0, width-shape[2]-2) * shape[2] * 2
		changed = changed || !slices.Equal(shape, e.Out) || wrong != missing || biases != missing
	}
	if changed {
		fmt.Println("it changed")
		os.Exit(1)
	}
}
GO
go get github.com/advancedclimatesystems/gonnx@v1.1.0 gorgonia.org/tensor@v0.9.24 > /dev/null 2>&1
go mod tidy > /dev/null 2>&1
go run .
