"""Makes ONNX Runtime's int8 model of an ONNX model, as its guide shows it: static quantization with
QDQ nodes, calibrated by photos; a scale for each output channel of the kernels.

    quantize_onnxruntime.py MODEL.onnx PHOTOS N OUT.onnx

PHOTOS is a flat directory, of which N photos, evenly spread, calibrate.
"""

import sys

from onnxruntime import quantization

import common


class Photos(quantization.CalibrationDataReader):
    def __init__(self, paths):
        self.paths = iter(paths)

    def get_next(self):
        path = next(self.paths, None)
        return path and {"pixels": common.pixels(path).transpose(2, 0, 1)[None]}


def vnni():
    """Whether products of int8 cannot overflow, which decides how many bits kernels may have."""
    with open("/proc/cpuinfo") as file:
        return "vnni" in file.read()


source, directory, n, out = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
quantization.quantize_static(
    source, out, Photos(common.calibration(directory, n)), quant_format=quantization.QuantFormat.QDQ, per_channel=True,
    activation_type=quantization.QuantType.QUInt8, weight_type=quantization.QuantType.QInt8, reduce_range=not vnni())
