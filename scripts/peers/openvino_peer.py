"""OpenVINO on the CPU with Pillow's pixels."""

import numpy as np
import openvino

import common

options = common.arguments()
names = common.photos(options.photos)
core = openvino.Core()
# An int8 model says itself which of its operations are int8; the others are float32.
precision = openvino.Type.bf16 if options.precision == "bfloat16" else openvino.Type.f32
model = core.read_model(options.weights)
model.reshape([common.BATCH, 3, common.SIZE, common.SIZE])
compiled = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": precision, "PERFORMANCE_HINT": "LATENCY"})
# One batch at a time, on all cores: the hint THROUGHPUT would give it one core.
request = compiled.create_infer_request()
features = []
for batch in common.batches(names):
    full = np.zeros((common.BATCH, 3, common.SIZE, common.SIZE), np.float32)
    full[: len(batch)] = batch.transpose(0, 3, 1, 2)
    request.infer([full])
    features.append(request.get_output_tensor().data[: len(batch)].copy())
common.write(options.out, names, features)
