#!/usr/bin/env bash
# iree-base-compiler 3.13.0: of ONNX, recurrent layers lose lengths and peepholes, and AveragePool with ceil_mode takes other pixels.
#
# One would guess: iree-import-onnx and iree-compile make a program that computes what ONNX defines, or stop, as they do for clip,
# input_forget and direction="reverse".
# What happens, without an error or a warning:
#   1. LSTM and GRU go on to the end of the longest sequence, whatever sequence_lens says: the last state of a shorter one is that after the
#      padding behind it, and its outputs there are not 0.
#   2. The peephole weights P of LSTM are left out.
#   3. AveragePool with ceil_mode=1 and without pads, where the last window sticks out of the picture: half of what it sticks out is put before
#      the picture, so that all windows are moved to the upper left: of 7 by 7 pixels and windows of 3, by one.
# Who is hurt: those who compile readers of text, of speech and of sensors for boards and graphics cards: batches of unequal lengths are right
# for the longest one alone; and networks that pool with PyTorch's or Caffe's ceil_mode (GoogLeNet, SqueezeNet, DenseNet's ports).
# Remedy: compare some outputs with ONNX Runtime's after compiling; batches of one length; Pad before AveragePool.
# Seen on 2026-12-01, for llvm-cpu, with onnx 1.23.2, onnxruntime 1.32.0 and NumPy 2.4.6.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check iree-base-compiler==3.13.0 iree-base-runtime==3.13.0 onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
cd "$work"
PATH="$work/venv/bin:$PATH" "$work/venv/bin/python" - <<'PYTHON'
import subprocess

import iree.runtime
import numpy as np
import onnxruntime as ort
from onnx import TensorProto, checker, helper, numpy_helper

rng = np.random.default_rng(7)
hidden = 3


def normal(*shape):
    return rng.normal(size=shape).astype(np.float32)


def compute(op, x, opset, shape, constants=(), **attributes):
    """By ONNX Runtime and by IREE; None stands for an input that is not given."""
    names = ["x"] + ["" if c is None else f"c{i}" for i, c in enumerate(constants)]
    graph = helper.make_graph(
        [helper.make_node(op, names, ["y"], **attributes)], "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)], [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(c, f"c{i}") for i, c in enumerate(constants) if c is not None])
    m = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    checker.check_model(m, full_check=True)
    with open("x.onnx", "wb") as f:
        f.write(m.SerializeToString())
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    right = ort.InferenceSession("x.onnx", options, providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]
    subprocess.run(["iree-import-onnx", "x.onnx", "-o", "x.mlir"], check=True)
    subprocess.run(["iree-compile", "x.mlir", "--iree-hal-target-backends=llvm-cpu", "--iree-llvmcpu-target-cpu=generic", "-o", "x.vmfb"], check=True,
                   stderr=subprocess.DEVNULL)
    context = iree.runtime.SystemContext(config=iree.runtime.Config("local-sync"))
    with open("x.vmfb", "rb") as f:
        module = iree.runtime.VmModule.copy_buffer(context.instance, f.read())
    context.add_vm_module(module)
    return right, np.asarray(context.modules.module["g"](x).to_host())


def check(name, results, seen):
    right, other = results
    print(f"{name}: {right.ravel()[:4].round(3)}, by IREE {other.ravel()[:4].round(3)}", flush=True)
    assert right.shape == other.shape and not np.allclose(right, other, atol=1e-2)
    assert np.allclose(seen, other, atol=1e-4), "it changed"


# 1. and 2.
x = normal(5, 2, 4)
for op, gates in (("LSTM", 4), ("GRU", 3)):
    weights = [normal(1, gates * hidden, 4), normal(1, gates * hidden, hidden), normal(1, 2 * gates * hidden)]
    lengths, state, peepholes = np.array([5, 2], np.int32), np.zeros((1, 2, hidden), np.float32), normal(1, 3 * hidden)
    whole = compute(op, x, 14, (5, 1, 2, hidden), weights, hidden_size=hidden)
    assert np.allclose(*whole, atol=1e-4)
    shorter = compute(op, x, 14, (5, 1, 2, hidden), [*weights, lengths], hidden_size=hidden)
    assert (shorter[0][2:, 0, 1] == 0).all()
    print(f"{op}: after its end, a shorter sequence has {shorter[1][2:, 0, 1].round(3).tolist()}, not 0")
    assert np.allclose(shorter[1], whole[0], atol=1e-4) and not np.allclose(*shorter, atol=1e-2), "it changed"
    if op == "LSTM":
        check("LSTM with peepholes", compute(op, x, 14, (5, 1, 2, hidden), [*weights, None, state, state, peepholes], hidden_size=hidden), whole[0])

# 3.
picture = normal(1, 1, 7, 7)
sums, counts = (np.pad(v, 1).reshape(3, 3, 3, 3).sum(axis=(1, 3)) for v in (picture[0, 0], np.ones((7, 7), np.float32)))
results = compute("AveragePool", picture, 19, (1, 1, 3, 3), kernel_shape=[3, 3], strides=[3, 3], ceil_mode=1)
assert np.isclose(results[0][0, 0, 0, 0], picture[0, 0, :3, :3].mean(), atol=1e-5)
check("AveragePool", results, sums / counts)
PYTHON
