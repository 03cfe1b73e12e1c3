"""What the training peers share: their arguments, the examples, and the report of their epochs.
They train one of two things:

    block5    VGG16's block 5 and a head, on features that the frozen blocks were computed to once
    scratch   one of the paper's configurations, from random weights, on photos read once
"""

import argparse
import glob
import json
import os

import numpy as np

SHAPE = (14, 14, 512)  # of block4_pool
LAYERS = ["block5_conv1", "block5_conv2", "block5_conv3"]
# The number of convolutions, of 3x3 pixels each, in each block; and their filters.
CONFIGURATIONS = {"vgg-a": [1, 1, 2, 2, 2], "vgg-b": [2, 2, 2, 2, 2], "vgg16": [2, 2, 3, 3, 3], "vgg19": [2, 2, 4, 4, 4]}
FILTERS = [64, 128, 256, 512, 512]
MOMENTUM, DROPOUT = 0.9, 0.5  # of scratch, the defaults of finetune scratch


def arguments():
    parser = argparse.ArgumentParser()
    kinds = parser.add_subparsers(dest="training", required=True)
    block = kinds.add_parser("block5")
    block.add_argument("--features", required=True, help="a dataset with block4_pool and labels")
    block.add_argument("--weights", required=True, help="safetensors")
    block.add_argument("--learning-rate", type=float, default=1e-5, help="Adam's")
    scratch = kinds.add_parser("scratch")
    scratch.add_argument("--photos", required=True, help="a flat directory of JPEG photos, whose labels are their names up to the first dot")
    scratch.add_argument("--config", required=True, choices=CONFIGURATIONS)
    scratch.add_argument("--size", type=int, required=True, help="of the photos, in pixels")
    scratch.add_argument("--units", type=int, required=True, help="of each of the two hidden layers")
    scratch.add_argument("--learning-rate", type=float, default=1e-3, help="SGD's")
    scratch.add_argument("--out", required=True, help="the directory for the checkpoint after each epoch")
    for kind in block, scratch:
        kind.add_argument("--validation", type=int, required=True, help="how many of the images only measure")
        kind.add_argument("--epochs", type=int, required=True)
        kind.add_argument("--batch", type=int, default=8)
        kind.add_argument("--compile", action="store_true", help="let the library compile the step (XLA, TorchInductor)")
    return parser.parse_args()


def block5(path):
    """The kernels, (3, 3, 512, 512), and biases of block 5, float32."""
    from safetensors.numpy import load_file

    weights = load_file(path)
    return [(weights[f"{name}/kernel"].astype(np.float32), weights[f"{name}/bias"].astype(np.float32)) for name in LAYERS]


def features(directory):
    """The values (n, 14, 14, 512) and labels of a dataset."""
    import pyarrow.parquet as pq

    files = sorted(glob.glob(os.path.join(directory, "data", "*.parquet")))
    if not files:
        raise SystemExit(f"{directory}/data has no Parquet files: extract --layers block4_pool makes them")
    values, labels = [], []
    for file in files:
        table = pq.read_table(file, columns=["label", "block4_pool"])
        column = table["block4_pool"].combine_chunks()
        values.append(column.flatten().to_numpy(zero_copy_only=False).astype(np.float32).reshape(len(column), *SHAPE))
        labels += table["label"].to_pylist()
    return np.concatenate(values), labels


def photos(directory, size):
    """The pixels (n, size, size, 3) and labels of photos."""
    import common

    paths = common.photos(directory)
    return np.stack([common.pixels(path, size) for path in paths]), [os.path.basename(path).split(".")[0] for path in paths]


def examples(options):
    """Values and classes, shuffled: (training, validation), and the number of classes."""
    values, labels = photos(options.photos, options.size) if options.training == "scratch" else features(options.features)
    if not 0 < options.validation < len(values):
        raise SystemExit(f"--validation {options.validation}: there are {len(values)} images")
    classes = sorted(set(labels))
    numbers = np.array([classes.index(label) for label in labels], np.int64)
    order = np.random.default_rng(1).permutation(len(values))
    measured, learned = order[: options.validation], order[options.validation :]
    return (values[learned], numbers[learned]), (values[measured], numbers[measured]), len(classes)


def report(epochs, parameters):
    """Prints a list of {"seconds", "loss", "val_loss"}, seconds of the steps alone, and how many
    numbers are trained."""
    print(json.dumps({"epochs": epochs, "parameters": parameters}))
