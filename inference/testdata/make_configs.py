"""Makes session_configs.json: what TensorFlow's own Python encodes as a ConfigProto for each
of the sessions that session_test.go asks for. Run with TensorFlow 2.18:

    python make_configs.py > session_configs.json
"""
import json

import tensorflow as tf
from tensorflow.core.protobuf import rewriter_config_pb2


def config(visible="", cpu=False, fraction=0.0, rewrite=None):
    c = tf.compat.v1.ConfigProto(allow_soft_placement=True)
    c.gpu_options.allow_growth = True
    c.gpu_options.visible_device_list = visible
    c.gpu_options.per_process_gpu_memory_fraction = fraction
    if cpu:
        c.device_count["GPU"] = 0
    if rewrite:
        setattr(c.graph_options.rewrite_options, rewrite, rewriter_config_pb2.RewriterConfig.ON)
    return c.SerializeToString(deterministic=True).hex()


print(json.dumps({
    "auto": config(),
    "cpu": config(cpu=True),
    "cpu bfloat16": config(cpu=True, rewrite="auto_mixed_precision_onednn_bfloat16"),
    "gpu:1": config(visible="1"),
    "gpu:0,gpu:2 half the memory": config(visible="0,2", fraction=0.5),
    "gpu float16": config(rewrite="auto_mixed_precision"),
    "gpu tf32": config(),
}, indent=1))
