"""Makes golden values of every layer from the packages that publish VGGs, under their own names.

    python make_published.py torchvision timm pytorchcv   # torch, torchvision, timm, pytorchcv
    python make_published.py mmpretrain                   # torch, mmengine, mmcv-lite, mmpretrain
    python make_published.py mxnet                        # mxnet, numpy < 1.24
    python make_published.py paddle                       # paddlepaddle
    python make_published.py paddleclas                   # paddlepaddle, paddleclas (its folder paddleclas in PYTHONPATH)
    python make_published.py keras-hub                    # tensorflow-cpu, keras, keras-hub
    python make_published.py tf-slim                      # tensorflow-cpu, tf-slim

Writes published.PACKAGE.json beside itself. Each network is the package's own code, of the
configuration A, except that its dense layers have 64 units and 10 classes, so that the test
need not compute a hundred million weights. Weights and digests are those of make_layers.py;
scales of a batch normalization are 1 + weight, variances 0.5 + |weight|. A tensor is noted as
[name, shape, kind], in the order of its number, with the name that the package saves it
under; the kind is "", "scale", "variance", or "counter" (which has no weights). Layers go by
the names of this project.

Made with torch 1.13.1 (Debian 12), torchvision 0.14.1, timm 0.9.16, pytorchcv 0.0.74;
mmpretrain 1.2.0, mmcv-lite 2.1.0; mxnet 1.9.1; paddlepaddle 3.3.1, paddleclas 2.6.0; keras-hub 0.32.0 on keras
3.15.1 and tensorflow-cpu 2.18.1; tf-slim 1.1.0; Python 3.11.
"""

import json
import pathlib
import sys

import numpy as np

from make_layers import HERE, digest, pixels, weights

UNITS, CLASSES = 64, 10
CONVOLUTIONS = ["block1_conv1", "block2_conv1", "block3_conv1", "block3_conv2",
                "block4_conv1", "block4_conv2", "block5_conv1", "block5_conv2"]
POOLS = ["block1_pool", "block2_pool", "block3_pool", "block4_pool", "pool5"]
RECTIFIED = CONVOLUTIONS + ["fc6", "fc7"]


def torch_input():
    mean, std = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])
    return ((pixels() / 255 - mean) / std).transpose(2, 0, 1)[None].astype(np.float32)


def caffe_input():
    return (pixels()[..., ::-1] - np.float32([103.939, 116.779, 123.68]))[None]


def kind_of(name, shape):
    last = name.replace(":0", "").split("/")[-1].split(".")[-1]
    if last == "num_batches_tracked":
        return "counter"
    if last.endswith(("running_var", "variance", "moving_var")):
        return "variance"
    if len(shape) == 1 and (last.endswith("gamma") or last == "weight"):
        return "scale"
    return ""


def values(index, shape, kind, fan_in):
    w = weights(index, shape, fan_in if len(shape) > 1 else 60)
    return {"": w, "scale": 1 + w, "variance": np.float32(0.5) + np.abs(w)}[kind]


def softmax(x):
    e = np.exp(x.astype(np.float64) - x.max())
    return (e / e.sum()).astype(np.float32)


def channels_last(a):
    """One picture's output; a map of one pixel is a vector."""
    a = np.asarray(a)[0]
    a = a.transpose(1, 2, 0) if a.ndim == 3 else a
    return a.ravel() if a.ndim == 3 and a.shape[:2] == (1, 1) else a


def golden_torch(net, scheme, modules=False):
    """The network's values. modules adds the outputs of torchvision's numbered modules."""
    import torch

    net = net.eval()
    for module in net.modules():
        if hasattr(module, "inplace"):
            module.inplace = False  # or the value before a rectifier is overwritten
    tensors = []
    with torch.no_grad():
        for i, (name, t) in enumerate(net.state_dict().items()):
            kind = kind_of(name, t.shape)
            tensors.append([name, list(t.shape), kind])
            if kind != "counter":
                fan_in = int(np.prod(t.shape[1:]))
                t.copy_(torch.from_numpy(np.ascontiguousarray(values(i, tuple(t.shape), kind, fan_in))))
    layers, rectified, pools, linear = {}, iter(RECTIFIED), iter(POOLS), iter(CONVOLUTIONS + ["fc6", "fc7", "fc8"])
    last = {}

    def hook(name, module):
        def keep(_, inputs, output):
            out = channels_last(output.numpy())
            kind = type(module).__name__
            if kind in ("Conv2d", "Linear"):
                last["layer"] = next(linear)
            if kind in ("Conv2d", "Linear", "BatchNorm2d"):
                layer = last["layer"]
                layers[layer if layer == "fc8" else layer + "_linear"] = digest(out)
            elif kind == "ReLU":
                layers[next(rectified)] = digest(out)
            elif kind == "MaxPool2d":
                layers[next(pools)] = digest(out)
            if modules and name.startswith("features.") and kind != "Conv2d":
                layers[name] = digest(out)
        return keep

    for name, module in net.named_modules():
        if type(module).__name__ in ("Conv2d", "ReLU", "MaxPool2d", "Linear", "BatchNorm2d"):
            module.register_forward_hook(hook(name, module))
    with torch.no_grad():
        scores = net(torch.from_numpy(torch_input()))
        scores = scores[-1] if isinstance(scores, tuple) else scores
    layers["softmax"] = digest(softmax(scores.numpy()[0]))
    return {"scheme": scheme, "input": "torch", "tensors": tensors, "layers": layers}


def small_classifier(nn):
    return nn.Sequential(nn.Linear(25088, UNITS), nn.ReLU(), nn.Dropout(), nn.Linear(UNITS, UNITS),
                         nn.ReLU(), nn.Dropout(), nn.Linear(UNITS, CLASSES))


def from_torchvision():
    import torchvision
    from torch import nn

    net = torchvision.models.vgg11_bn()
    net.classifier = small_classifier(nn)
    return {"vgg11_bn": golden_torch(net, "torchvision", modules=True)}


def from_timm():
    import timm
    from timm.models.vgg import ConvMlp
    from torch import nn

    golden = {}
    for name in ("vgg11", "vgg11_bn"):
        net = timm.create_model(name, num_classes=CLASSES)
        net.pre_logits = ConvMlp(512, UNITS, 7, act_layer=nn.ReLU, conv_layer=nn.Conv2d)
        net.head.fc = nn.Linear(UNITS, CLASSES)
        golden[name] = golden_torch(net, "timm")
    return golden


def from_pytorchcv():
    from pytorchcv.model_provider import get_model
    from pytorchcv.models import vgg
    from torch import nn

    class SmallOutput(vgg.VGGOutputBlock):
        def __init__(self, in_channels, classes):
            super().__init__(in_channels, classes)
            self.fc1 = vgg.VGGDense(in_channels, UNITS)
            self.fc2 = vgg.VGGDense(UNITS, UNITS)
            self.fc3 = nn.Linear(UNITS, CLASSES)

    golden = {}
    for name in ("vgg11", "bn_vgg11", "bn_vgg11b"):
        net = get_model(name)
        net.output = SmallOutput(25088, CLASSES)
        golden[name] = golden_torch(net, "pytorchcv")
    return golden


def from_mmpretrain():
    from mmpretrain.models.backbones import VGG
    from torch import nn

    class Classifier(nn.Module):  # as ImageClassifier holds it
        def __init__(self, **settings):
            super().__init__()
            self.backbone = VGG(11, num_classes=CLASSES, **settings)
            self.backbone.classifier = small_classifier(nn)

        def forward(self, x):
            return self.backbone(x)

    return {"vgg11": golden_torch(Classifier(), "mmpretrain"),
            "vgg11bn": golden_torch(Classifier(norm_cfg=dict(type="BN")), "mmpretrain")}


def from_mxnet():
    import mxnet as mx
    from mxnet.gluon import nn
    from mxnet.gluon.model_zoo import vision

    golden = {}
    x = mx.nd.array(torch_input())
    for name in ("vgg11", "vgg11_bn"):
        for saved in ("parameters", "export"):
            net = getattr(vision, name)(classes=CLASSES)
            dense = [b for b in net.features._children.values() if isinstance(b, nn.Dense)]
            for d in dense:
                d._units = UNITS
                d.weight._shape, d.bias._shape = (UNITS, 0), (UNITS,)
            net.initialize()
            net(x)
            tensors = []
            named = net._collect_params_with_prefix() if saved == "parameters" else net.collect_params()
            for i, (tensor, p) in enumerate(named.items()):
                if saved == "export":  # as HybridBlock.export calls them
                    tensor = ("aux:" if "running" in tensor else "arg:") + tensor
                kind = kind_of(tensor.replace("_running", "/running").replace("_gamma", "/gamma"), p.shape)
                tensors.append([tensor, list(p.shape), kind])
                p.set_data(mx.nd.array(values(i, p.shape, kind, int(np.prod(p.shape[1:])))))
            layers, out = {}, x
            convolutions, pools, dense = iter(CONVOLUTIONS), iter(POOLS), iter(["fc6", "fc7"])
            for block in net.features._children.values():
                out, kind = block(out), type(block).__name__
                if kind == "Conv2D":
                    layer = next(convolutions)
                if kind in ("Conv2D", "BatchNorm"):
                    layers[layer + "_linear"] = digest(channels_last(out.asnumpy()))
                elif kind == "Activation":
                    layers[layer] = digest(channels_last(out.asnumpy()))
                elif kind == "MaxPool2D":
                    layers[next(pools)] = digest(channels_last(out.asnumpy()))
                elif kind == "Dense":
                    layers[next(dense)] = digest(out.asnumpy()[0])
            scores = net.output(out).asnumpy()[0]
            layers["fc8"], layers["softmax"] = digest(scores), digest(softmax(scores))
            golden[f"{name} {saved}"] = {"scheme": "mxnet", "input": "torch", "tensors": tensors, "layers": layers}
    return golden


def from_paddle():
    import paddle
    from paddle import nn

    golden = {}
    for name, normalized in (("vgg11", False), ("vgg11 batch_norm", True)):
        net = paddle.vision.models.vgg11(batch_norm=normalized, num_classes=CLASSES)
        net.classifier = small_classifier(nn)
        golden[name] = golden_paddle(net, "paddle")
    return golden


def golden_paddle(net, scheme):
    import paddle

    net.eval()
    tensors = []
    for i, (name, t) in enumerate(net.state_dict().items()):
        kind = kind_of(name, t.shape)
        tensors.append([name, list(t.shape), kind])
        fan_in = int(np.prod(t.shape[1:])) if len(t.shape) == 4 else int(t.shape[0])
        t.set_value(values(i, tuple(t.shape), kind, fan_in))
    layers, rectified, pools, linear = {}, iter(RECTIFIED), iter(POOLS), iter(CONVOLUTIONS + ["fc6", "fc7", "fc8"])
    last = {}

    def hook(kind):
        def keep(_, inputs, output):
            out = channels_last(output.numpy())
            if kind in ("Conv2D", "Linear"):
                last["layer"] = next(linear)
            if kind in ("Conv2D", "Linear", "BatchNorm2D"):
                layer = last["layer"]
                layers[layer if layer == "fc8" else layer + "_linear"] = digest(out)
            elif kind == "ReLU":
                layers[next(rectified)] = digest(out)
            elif kind == "MaxPool2D":
                layers[next(pools)] = digest(out)
        return keep

    for module in net.sublayers():
        if type(module).__name__ in ("Conv2D", "ReLU", "MaxPool2D", "Linear", "BatchNorm2D"):
            module.register_forward_post_hook(hook(type(module).__name__))
    with paddle.no_grad():
        scores = net(paddle.to_tensor(torch_input())).numpy()[0]
    layers["softmax"] = digest(softmax(scores))
    return {"scheme": scheme, "input": "torch", "tensors": tensors, "layers": layers}


def from_paddleclas():
    import types

    from paddle import nn

    # The network alone: the packages around it would import what training needs.
    root = pathlib.Path(next(p for p in sys.path if (pathlib.Path(p) / "ppcls").is_dir()))
    for name in ("ppcls", "ppcls.utils", "ppcls.arch", "ppcls.arch.backbone", "ppcls.arch.backbone.legendary_models"):
        sys.modules[name] = types.ModuleType(name)
        sys.modules[name].__path__ = [str(root.joinpath(*name.split(".")))]
    loading = sys.modules["ppcls.utils.save_load"] = types.ModuleType("ppcls.utils.save_load")
    loading.load_dygraph_pretrain = loading.load_dygraph_pretrain_from_url = None
    from ppcls.utils import logger
    logger.init_logger()
    from ppcls.arch.backbone.legendary_models import vgg

    net = vgg.VGGNet(vgg.NET_CONFIG[11], stages_pattern=vgg.MODEL_STAGES_PATTERN["VGG"], class_num=CLASSES)
    net.fc1, net.fc2, net.fc3 = nn.Linear(25088, UNITS), nn.Linear(UNITS, UNITS), nn.Linear(UNITS, CLASSES)
    return {"VGG11": golden_paddle(net, "paddleclas")}


def from_keras_hub():
    import h5py
    import keras
    import keras_hub

    golden = {}
    for pooling in ("avg", "flatten"):
        backbone = keras_hub.models.VGGBackbone([1, 1, 2, 2, 2], [64, 128, 256, 512, 512], image_shape=(224, 224, 3))
        model = keras_hub.models.VGGImageClassifier(backbone=backbone, num_classes=CLASSES, pooling=pooling, pooling_hidden_dim=UNITS)
        for i, w in enumerate(model.weights):  # the numbers of the tensors, to find them in the file
            w.assign(np.full(w.shape, i, np.float32))
        model.save_weights("/tmp/hub.weights.h5")
        numbers = {}
        h5py.File("/tmp/hub.weights.h5").visititems(
            lambda name, o: numbers.update({int(np.ravel(o[()])[0]): name}) if isinstance(o, h5py.Dataset) and name.startswith("layers") else None)
        tensors = []
        for i, w in enumerate(model.weights):
            w.assign(values(i, tuple(w.shape), "", int(np.prod(w.shape[:-1]))))
            tensors.append([numbers[i], list(w.shape), ""])
        outputs = {l.name: l.output for l in backbone.layers[1:]}
        outputs["pool5"] = outputs.pop("block5_pool")
        got = keras.Model(backbone.input, outputs).predict(caffe_input(), verbose=0)
        layers = {name: digest(o[0]) for name, o in got.items()}
        x = got["pool5"]
        for layer in model.head.layers:
            x = np.asarray(layer(x))
            if layer.name in ("fc1", "fc2"):
                layers[layer.name] = digest(x[0].ravel())
        layers["fc8"] = digest(x[0])
        layers["softmax"] = digest(softmax(np.asarray(model(caffe_input()))[0]))
        golden[f"vgg11 {pooling}"] = {"scheme": "keras-hub", "input": "caffe", "tensors": tensors, "layers": layers}
    return golden


def from_tf_slim():
    import tensorflow.compat.v1 as tf
    import tf_slim as slim
    from tf_slim.nets import vgg

    tf.disable_eager_execution()
    convolution = slim.layers.conv2d

    def narrow(inputs, outputs, *others, **settings):
        return convolution(inputs, UNITS if outputs == 4096 else outputs, *others, **settings)

    vgg.layers.conv2d = slim.add_arg_scope(narrow)
    x = tf.placeholder(tf.float32, (1, 224, 224, 3))
    with slim.arg_scope(vgg.vgg_arg_scope()):
        scores, ends = vgg.vgg_a(x, num_classes=CLASSES, is_training=False)
    tensors, feeds = [], []
    for i, v in enumerate(tf.global_variables()):
        shape = tuple(v.shape.as_list())
        tensors.append([v.op.name, list(shape), ""])
        feeds.append(v.assign(values(i, shape, "", int(np.prod(shape[:-1])))))
    own = {}
    for name, end in ends.items():
        last = name.split("/")[-1]
        if last.startswith("conv"):
            own[f"block{last[4]}_conv{last[6]}"] = end
        elif last.startswith("pool"):
            own["pool5" if last == "pool5" else f"block{last[4]}_pool"] = end
        elif last in ("fc6", "fc7", "fc8"):
            own[last] = end
    with tf.Session() as session:
        for f in feeds:
            session.run(f)
        got = session.run(own, {x: caffe_input()})
    layers = {name: digest(o[0].ravel() if name.startswith("fc") else o[0]) for name, o in got.items()}
    layers["softmax"] = digest(softmax(got["fc8"].ravel()))
    return {"vgg_a": {"scheme": "tf-slim", "input": "caffe", "tensors": tensors, "layers": layers}}


if __name__ == "__main__":
    for package in sys.argv[1:]:
        golden = globals()["from_" + package.replace("-", "_")]()
        for name, network in golden.items():
            print(package, name, len(network["tensors"]), len(network["layers"]))
        text = json.dumps(golden, indent=None, separators=(",", ":"))
        (HERE / f"published.{package}.json").write_text(text + "\n")
