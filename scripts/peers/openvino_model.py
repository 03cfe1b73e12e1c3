"""A SavedModel in OpenVINO on the CPU, in float32, with Pillow's pixels: its last output for each
photo, or of a layer named by --layer, averaged over positions, in a Parquet file."""

import argparse

import numpy as np
import openvino

import common

parser = argparse.ArgumentParser()
parser.add_argument("--photos", required=True, help="a flat directory of JPEG photos")
parser.add_argument("--model", required=True, help="the SavedModel's directory")
parser.add_argument("--layer", help="part of an operation's name (default: the model's output)")
parser.add_argument("--preprocessing", choices=["caffe", "none"], required=True)
parser.add_argument("--out", required=True, help="the Parquet file")
options = parser.parse_args()

core = openvino.Core()
model = core.read_model(options.model)
if options.layer:
    found = [node for node in model.get_ordered_ops() if node.get_friendly_name().endswith(options.layer)]
    if len(found) != 1:
        raise SystemExit(f"{len(found)} operations of {options.model} are called {options.layer}")
    result = openvino.opset8.result(found[0].output(0))
    model = openvino.Model([result], model.get_parameters(), "part")
model.reshape([common.BATCH, common.SIZE, common.SIZE, 3])
settings = {"INFERENCE_PRECISION_HINT": openvino.Type.f32, "PERFORMANCE_HINT": "LATENCY"}
request = core.compile_model(model, "CPU", settings).create_infer_request()
names = common.photos(options.photos)
features = []
for batch in common.batches(names):
    full = np.zeros((common.BATCH, common.SIZE, common.SIZE, 3), np.float32)
    full[: len(batch)] = batch if options.preprocessing == "caffe" else (batch + common.MEANS)[..., ::-1]
    request.infer([full])
    rows = request.get_output_tensor().data[: len(batch)]
    features.append(rows.reshape(len(batch), -1, rows.shape[-1]).mean(1))
common.write(options.out, names, features)
