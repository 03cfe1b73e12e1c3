"""What the training peers share: their arguments, the features that the frozen blocks were
computed to once, and the report of their epochs."""

import argparse
import glob
import json
import os

import numpy as np

SHAPE = (14, 14, 512)  # of block4_pool
LAYERS = ["block5_conv1", "block5_conv2", "block5_conv3"]


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--features", required=True, help="a dataset with block4_pool and labels")
    parser.add_argument("--weights", required=True, help="safetensors")
    parser.add_argument("--validation", type=int, required=True, help="how many of the images only measure")
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--learning-rate", type=float, default=1e-5)
    parser.add_argument("--compile", action="store_true", help="let the library compile the step (XLA, TorchInductor)")
    return parser.parse_args()


def block5(path):
    """The kernels, (3, 3, 512, 512), and biases of block 5, float32."""
    from safetensors.numpy import load_file

    weights = load_file(path)
    return [(weights[f"{name}/kernel"].astype(np.float32), weights[f"{name}/bias"].astype(np.float32)) for name in LAYERS]


def examples(options):
    """Values (n, 14, 14, 512) and classes, shuffled: (training, validation)."""
    import pyarrow.parquet as pq

    files = sorted(glob.glob(os.path.join(options.features, "data", "*.parquet")))
    if not files:
        raise SystemExit(f"{options.features}/data has no Parquet files: extract --layers block4_pool makes them")
    values, labels = [], []
    for file in files:
        table = pq.read_table(file, columns=["label", "block4_pool"])
        column = table["block4_pool"].combine_chunks()
        values.append(column.flatten().to_numpy(zero_copy_only=False).astype(np.float32).reshape(len(column), *SHAPE))
        labels += table["label"].to_pylist()
    values = np.concatenate(values)
    if not 0 < options.validation < len(values):
        raise SystemExit(f"--validation {options.validation}: the dataset has {len(values)} images")
    classes = sorted(set(labels))
    numbers = np.array([classes.index(label) for label in labels], np.int64)
    order = np.random.default_rng(1).permutation(len(values))
    measured, learned = order[: options.validation], order[options.validation :]
    return (values[learned], numbers[learned]), (values[measured], numbers[measured]), len(classes)


def report(epochs):
    """Prints a list of {"seconds", "loss", "val_loss"}, seconds of the steps alone."""
    print(json.dumps({"epochs": epochs}))
