"""ONNX Runtime on the CPU with Pillow's pixels."""

import onnxruntime

import common

options = common.arguments()
names = common.photos(options.photos)
session = onnxruntime.InferenceSession(options.weights, providers=["CPUExecutionProvider"])
features = [session.run(None, {"pixels": batch.transpose(0, 3, 1, 2)})[0] for batch in common.batches(names)]
common.write(options.out, names, features)
