"""Makes OpenVINO's int8 model of an ONNX model, as NNCF's guide shows it: quantization after
training, calibrated by photos.

    quantize_openvino.py MODEL.onnx PHOTOS N OUT.xml

PHOTOS is a flat directory, of which N photos, evenly spread, calibrate.
"""

import sys

import nncf
import openvino

import common

source, directory, n, out = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
paths = common.calibration(directory, n)
model = openvino.Core().read_model(source)
photos = nncf.Dataset(paths, lambda path: common.pixels(path).transpose(2, 0, 1)[None])
openvino.save_model(nncf.quantize(model, photos, subset_size=n), out, compress_to_fp16=False)
