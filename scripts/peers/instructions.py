"""The table of scripts/bench-instructions.sh: user seconds of its runs, and whether their features are the same bits.

    instructions.py DIRECTORY
"""

import glob
import os
import statistics
import sys

from compare import features

directory = sys.argv[1]
runs, first, different = {}, {}, set()
for name in sorted(glob.glob(os.path.join(directory, "*.seconds"))):
    with open(name) as file:
        runs[os.path.basename(name).removesuffix(".seconds")] = [float(line) for line in file]
for run, seconds in runs.items():
    best, precision = run.rsplit("-", 1)
    ratio = ""
    if precision == "int16":
        floats = runs[f"{'avx512' if best == 'avx512' else 'avx2'}-float32"]
        ratio = f", {statistics.median(floats) / statistics.median(seconds):.2f} times as fast as float32"
    print(f"{best:8} {precision:8} user seconds: median {statistics.median(seconds):.2f}, least {min(seconds):.2f} of {len(seconds)}{ratio}")
    names, values = features(os.path.join(directory, run, "data"))
    others, same = first.setdefault(precision, (names, values))
    if names != others or values.tobytes() != same.tobytes():
        different.add(precision)
for precision in first:
    print(f"{precision}: {'DIFFERENT' if precision in different else 'the same'} features by all instructions")
