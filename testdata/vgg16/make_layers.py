"""Makes golden values of every layer of every configuration, from PyTorch and from Keras.

    python make_layers.py torch    # needs torch and torchvision
    python make_layers.py keras    # needs tensorflow-cpu and keras

Writes layers.torch.json or layers.keras.json beside itself. The weights are not stored: both
this script and the test compute them from a counter (see weights), in the order of the
framework and under its names, so that the test takes them in as a publisher's file. The
input is cat.1.png of this directory, preprocessed as the framework's users do.

torchvision has vgg11, vgg13, vgg16 and vgg19; the other two configurations of the paper are
put together from torch.nn here (LocalResponseNorm divides its alpha by the size, Caffe's and
the paper's 1e-4 is a neighbour's). Of a layer, the golden file has 64 values at spread
positions (position i is (i * 2654435761 + 12345) mod n of the output in NHWC), the largest
absolute value and the mean of absolute values.

Made with torch 2.6.0, torchvision 0.21.0; tensorflow-cpu 2.18.1, keras 3.15.1; Python 3.11.
"""

import json
import pathlib
import sys

import numpy as np
from PIL import Image

HERE = pathlib.Path(__file__).parent


def weights(index, shape, fan_in):
    """Tensor number index of a network: splitmix64 of the element's number, as uniform
    numbers of He's variance (biases: fan_in 60, that is +-0.32)."""
    x = np.arange(np.prod(shape), dtype=np.uint64) + np.uint64(index << 40)
    with np.errstate(over="ignore"):
        x = x * np.uint64(0x9E3779B97F4A7C15) + np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        x ^= x >> np.uint64(31)
    unit = (x >> np.uint64(40)).astype(np.float32) / np.float32(1 << 23) - np.float32(1)
    return (unit * np.float32(np.sqrt(6 / fan_in))).reshape(shape)


def short(value):
    return float(f"{value:.9g}")


def digest(output):
    """output is one picture's, channels last."""
    flat = np.asarray(output, np.float32).ravel()
    positions = (np.arange(64, dtype=np.uint64) * 2654435761 + 12345) % flat.size
    return {
        "shape": list(output.shape),
        "values": [short(v) for v in flat[positions]],
        "largest": short(np.abs(flat).max()),
        "mean": short(np.abs(flat.astype(np.float64)).mean()),
    }


def pixels():
    return np.asarray(Image.open(HERE / "cat.1.png").convert("RGB"), np.float32)


def from_torch():
    import torch
    import torchvision
    from torch import nn

    def sequence(plan, lrn=False):
        """The features of a configuration that torchvision does not have."""
        modules, channels = [], 3
        for step in plan:
            if step == "M":
                modules.append(nn.MaxPool2d(2, 2))
                continue
            kernel, filters = step
            modules += [nn.Conv2d(channels, filters, kernel, padding=kernel // 2), nn.ReLU()]
            if lrn and len(modules) == 2:
                modules.append(nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2))
            channels = filters
        net = torchvision.models.VGG(nn.Sequential(*modules), init_weights=False)
        return net

    narrow = [(3, 64), "M", (3, 128), "M", (3, 256), (3, 256), "M", (3, 512), (3, 512), "M", (3, 512), (3, 512), "M"]
    wide = [(3, 64), (3, 64), "M", (3, 128), (3, 128), "M"]
    for filters in (256, 512, 512):
        wide += [(3, filters), (3, filters), (1, filters), "M"]
    networks = {
        "vgg-a": lambda: torchvision.models.vgg11(),
        "vgg-a-lrn": lambda: sequence(narrow, lrn=True),
        "vgg-b": lambda: torchvision.models.vgg13(),
        "vgg-c": lambda: sequence(wide),
        "vgg16": lambda: torchvision.models.vgg16(),
        "vgg19": lambda: torchvision.models.vgg19(),
    }
    mean, std = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])
    x = torch.from_numpy(((pixels() / 255 - mean) / std).transpose(2, 0, 1)[None].astype(np.float32))
    golden = {}
    for name, build in networks.items():
        net = build().eval()
        for module in net.modules():
            if hasattr(module, "inplace"):
                module.inplace = False  # or the value before a rectifier is overwritten
        parameters = list(net.named_parameters())
        with torch.no_grad():
            for i, (_, p) in enumerate(parameters):
                fan_in = int(np.prod(p.shape[1:])) if p.dim() > 1 else 60
                p.copy_(torch.from_numpy(weights(i, tuple(p.shape), fan_in)))
        layers = {}

        def keep(layer):
            def hook(module, _, output):
                output = output[0]
                if output.dim() == 3:
                    output = output.permute(1, 2, 0)
                layers[layer] = digest(output.contiguous().numpy())
            return hook

        for module_name, module in net.named_modules():
            kind = type(module).__name__
            if kind in ("Conv2d", "ReLU", "MaxPool2d", "Linear", "LocalResponseNorm"):
                module.register_forward_hook(keep(module_name))
        with torch.no_grad():
            layers["softmax"] = digest(torch.softmax(net(x), 1)[0].numpy())
        golden[name] = {"tensors": [[n, list(p.shape)] for n, p in parameters], "layers": layers}
        print(name, len(layers))
    return golden


def from_keras():
    import keras
    from keras.applications import vgg16

    golden = {}
    x = vgg16.preprocess_input(pixels()[None].copy())
    for name, build in {"vgg16": keras.applications.VGG16, "vgg19": keras.applications.VGG19}.items():
        model = build(weights=None)
        tensors = []
        for i, w in enumerate(model.weights):
            layer, part = w.path.split("/")[-2:]
            fan_in = int(np.prod(w.shape[:-1])) if part == "kernel" else 60
            w.assign(weights(i, tuple(w.shape), fan_in))
            tensors.append([f"{layer}/{part}", list(w.shape)])
        names = [l.name for l in model.layers[1:]]
        outputs = keras.Model(model.input, [model.get_layer(n).output for n in names]).predict(x, verbose=0)
        golden[name] = {"tensors": tensors, "layers": {n: digest(o[0]) for n, o in zip(names, outputs)}}
        print(name, len(names))
    return golden


if __name__ == "__main__":
    framework = sys.argv[1]
    golden = {"torch": from_torch, "keras": from_keras}[framework]()
    (HERE / f"layers.{framework}.json").write_text(json.dumps(golden, indent=None, separators=(",", ":")) + "\n")
