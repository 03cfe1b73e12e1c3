"""What scripts/bench-umap.sh runs of Python: rows, umap-learn's maps of them, and a table.

    bench.py rows REAL.npy ROWS OUT.npy   rows that lie between real features
    bench.py map ROWS.npy OUT.npy KIND    umap-learn's map of them; KIND is parallel or seeded
    bench.py judge ROWS.npy MAP.npy       the trustworthiness of a map
    bench.py table RESULTS                the results of all runs side by side
"""

import json
import resource
import sys
import time

import numpy as np


def make_rows(real, count, out):
    """Each row starts from a photo's features, moves up to half the way towards one of the five
    photos that are most like it, and varies by channel as views of a photo do: by a factor whose
    logarithm has a standard deviation of 0.15. So rows have neighbours that mean something, some 50
    around each photo, and nothing is negative."""
    real = np.load(real).astype(np.float32)
    random = np.random.default_rng(1)
    unit = real / np.linalg.norm(real, axis=1, keepdims=True)
    alike = np.argsort(-(unit @ unit.T), axis=1)[:, 1:6]
    anchors = random.integers(0, len(real), count)
    others = alike[anchors, random.integers(0, 5, count)]
    share = random.uniform(0, 0.5, (count, 1)).astype(np.float32)
    rows = real[anchors] * (1 - share) + real[others] * share
    rows *= np.exp(0.15 * random.standard_normal(rows.shape, dtype=np.float32))
    np.save(out, rows.astype(np.float32))


def used():
    r = resource.getrusage(resource.RUSAGE_SELF)
    return r.ru_utime + r.ru_stime


def make_map(rows, out, kind):
    began = time.monotonic()
    import numba
    import umap

    rows = np.load(rows)
    options = {"metric": "cosine"}
    if kind == "seeded":
        options["random_state"] = 1
    imported = time.monotonic() - began
    for run in ("cold", "warm"):
        began, before = time.monotonic(), used()
        found = umap.UMAP(**options).fit_transform(rows)
        print(json.dumps({"program": f"umap-learn {umap.__version__}, {kind}, {run}", "rows": len(rows), "seconds": time.monotonic() - began,
                          "processor": used() - before, "import": imported, "threads": numba.get_num_threads()}), flush=True)
    np.save(out, found.astype(np.float32))


def judge(rows, places, k=15, queries=2000):
    """Trustworthiness (Venna and Kaski, 2001) with k neighbours, as scikit-learn computes it with the cosine
    distance, but for some rows alone if there are many: 2,000 evenly spaced ones."""
    rows, places = np.load(rows), np.load(places).astype(np.float64)
    rows = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-30)
    count = len(rows)
    penalty, chosen = 0, np.unique(np.linspace(0, count - 1, min(count, queries)).astype(int))
    for part in np.array_split(chosen, max(1, len(chosen) // 100)):
        likeness = rows[part] @ rows.T
        likeness[np.arange(len(part)), part] = np.inf
        away = ((places[part, None] - places[None]) ** 2).sum(axis=2)
        away[np.arange(len(part)), part] = -1
        for i in range(len(part)):
            near = np.argpartition(away[i], k + 1)[: k + 1]
            near = near[near != part[i]][:k]
            ranks = (likeness[i][None, :] > likeness[i][near][:, None]).sum(axis=1)  # itself counts, so from 1
            penalty += np.maximum(ranks - k, 0).sum()
    print(json.dumps({"trustworthiness": 1 - penalty * 2 / (len(chosen) * k * (2 * count - 3 * k - 1))}))


def table(results):
    runs = {}
    with open(results) as lines:
        for line in lines:
            r = json.loads(line)
            runs.setdefault((r["rows"], r["program"]), []).append(r)
    print(f"{'rows':>8} {'program':40} {'runs':>4} {'wall s':>8} {'CPU s':>8} {'trustworthiness':>15}")
    for (rows, program), of in sorted(runs.items()):
        trust = [r["trustworthiness"] for r in of if "trustworthiness" in r]
        middle = lambda key: sorted(r[key] for r in of)[len(of) // 2]
        shown = f"{sorted(trust)[len(trust) // 2]:15.4f}" if trust else " " * 15
        print(f"{rows:8} {program:40} {len(of):4} {middle('seconds'):8.1f} {middle('processor'):8.1f} {shown}")


if __name__ == "__main__":
    if sys.argv[1] == "rows":
        make_rows(sys.argv[2], int(sys.argv[3]), sys.argv[4])
    elif sys.argv[1] == "map":
        make_map(sys.argv[2], sys.argv[3], sys.argv[4])
    elif sys.argv[1] == "judge":
        judge(sys.argv[2], sys.argv[3])
    else:
        table(sys.argv[2])
