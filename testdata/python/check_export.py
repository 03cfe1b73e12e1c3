"""Reads exported files with pandas, NumPy and, if it is installed, scikit-learn, and compares
every value with what was written, bit by bit.

    check_export.py DIR ROWS DTYPE

DIR holds x.csv, x.npy, x.libsvm, index.csv and expected.f32, the values of all rows.
"""

import os
import sys

import numpy as np
import pandas as pd

COLUMNS = ["path", "label", "split", "sha256", "width", "height"]


def same(what, got, want):
    if got != want:
        raise SystemExit(f"{what}: {str(got)[:500]} instead of {str(want)[:500]}")


def bits(what, got, want):
    same(f"{what}: shape", got.shape, want.shape)
    unsigned = np.uint16 if want.dtype == np.float16 else np.uint32
    differ = np.argwhere(np.ascontiguousarray(got).view(unsigned) != want.view(unsigned))
    same(f"{what}: places that differ", differ[:3].tolist(), [])


def main():
    folder, rows, dtype = sys.argv[1], int(sys.argv[2]), np.dtype(sys.argv[3])
    want = np.fromfile(os.path.join(folder, "expected.f32"), dtype="<f4").reshape(rows, -1)
    done = ["pandas", "numpy"]

    index = pd.read_csv(os.path.join(folder, "index.csv"), keep_default_na=False)
    same("index: columns", list(index.columns), COLUMNS)
    same("index: paths", index.path.tolist(), [f'a "b", c/{i}%FF.jpg' for i in range(rows)])
    same("index: labels", index.label.tolist(), [["cat", "dog, big"][i % 2] for i in range(rows)])
    same("index: splits", index.split.tolist(), [["", "", "test"][i % 3] for i in range(rows)])
    same("index: widths", index.width.tolist(), list(range(rows)))

    table = pd.read_csv(os.path.join(folder, "x.csv"), keep_default_na=False)
    same("csv: columns", list(table.columns), COLUMNS + [f"pool5_{i}" for i in range(want.shape[1])])
    same("csv: the columns of the index", table[COLUMNS].equals(index), True)
    bits("csv", table.iloc[:, len(COLUMNS):].to_numpy(np.float64).astype(np.float32), want)

    matrix = np.load(os.path.join(folder, "x.npy"), mmap_mode="r")
    same("npy: type", matrix.dtype, dtype)
    bits("npy", matrix, want.astype(dtype))

    try:
        from sklearn.datasets import load_svmlight_file
    except ImportError:
        pass
    else:
        values, labels = load_svmlight_file(os.path.join(folder, "x.libsvm"), dtype=np.float32, n_features=want.shape[1])
        same("libsvm: labels", labels.tolist(), [i % 2 for i in range(rows)])
        bits("libsvm", values.toarray(), want + np.float32(0))  # zeros have no sign there
        done.append("scikit-learn")
    print(f"{rows} rows of {dtype}: {', '.join(done)} agree")


main()
