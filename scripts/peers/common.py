"""What the peers share: their arguments, the same weights as the product embeds, Pillow's
pixels a few batches ahead of the model, and a Parquet file of path and pool5 at the end."""

import argparse
import concurrent.futures
import os

import numpy as np

BATCH = 8
SIZE = 224
MEANS = np.array([103.939, 116.779, 123.68], np.float32)  # ImageNet's, in the order BGR


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--photos", required=True, help="a flat directory of JPEG photos")
    parser.add_argument("--weights", required=True, help="safetensors, or the ONNX model made of them")
    parser.add_argument("--precision", default="float32", choices=["float32", "bfloat16", "int8"],
                        help="int8: the weights are a quantized model")
    parser.add_argument("--out", required=True, help="the Parquet file")
    return parser.parse_args()


def photos(directory):
    return [os.path.join(directory, name) for name in sorted(os.listdir(directory))]


def calibration(directory, n):
    """N photos of a directory, evenly spread over its names."""
    paths = [path for path in photos(directory) if path.lower().endswith((".jpg", ".jpeg"))]
    if not 0 < n <= len(paths):
        raise SystemExit(f"{directory} has {len(paths)} JPEG photos, and {n} are to calibrate by: set CALIBRATION=N to 1 to {len(paths)}, or add photos")
    return [paths[i * len(paths) // n] for i in range(n)]


def pixels(path, size=SIZE):
    """A photo squashed to size x size, as BGR less the means: (size, size, 3) float32."""
    from PIL import Image

    with Image.open(path) as image:
        small = image.convert("RGB").resize((size, size), Image.BILINEAR)
    return np.asarray(small, np.float32)[..., ::-1] - MEANS


def batches(paths):
    """Batches of (BATCH, 224, 224, 3), decoded by threads while the model computes: Pillow lets
    go of Python's lock. The last batch may be smaller."""
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        ahead = []
        rest = iter(paths)

        def fill():
            while len(ahead) < 4 * BATCH and (path := next(rest, None)) is not None:
                ahead.append(pool.submit(pixels, path))

        fill()
        while ahead:
            batch, ahead = ahead[:BATCH], ahead[BATCH:]
            fill()
            yield np.stack([future.result() for future in batch])


def write(path, names, features):
    """One row a photo: its name and pool5 as a fixed-size list of 25,088 float32."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    values = np.concatenate(features).astype(np.float32, copy=False)
    column = pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), values.shape[1])
    table = pa.table({"path": [os.path.basename(name) for name in names], "pool5": column})
    pq.write_table(table, path, compression="zstd", compression_level=1)
