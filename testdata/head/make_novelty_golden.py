"""Makes the golden values of novelty.

    python make_novelty_golden.py > novelty.json

Made with scikit-learn 1.9.1, numpy 2.4.6, Python 3.11: distances are those of NearestNeighbors (brute
force, in float64) between rows that NumPy describes as docs/heads.md says.
"""

import json
import math

import numpy as np
from sklearn.neighbors import NearestNeighbors

NEIGHBORS, DESCRIBED = 5, 512


def signs(count):
    """The low bits of SplitMix64 with the seed 0."""
    state, out = 0, []
    for _ in range(count):
        state = (state + 0x9E3779B97F4A7C15) % 2**64
        z = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) % 2**64
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) % 2**64
        out.append(-1 if (z ^ (z >> 31)) % 2 else 1)
    return np.array(out)


def describe(x, shapes):
    blocks, start = [], 0
    for shape in shapes:
        size = math.prod(shape)
        layer = x[:, start : start + size].reshape(len(x), -1, shape[-1]).mean(1)
        start += size
        if shape[-1] > DESCRIBED:
            folded = np.zeros((len(x), DESCRIBED))
            for j, sign in enumerate(signs(shape[-1])):
                folded[:, j % DESCRIBED] += sign * layer[:, j]
            layer = folded
        blocks.append(layer / np.linalg.norm(layer, axis=1, keepdims=True))
    return np.concatenate(blocks, 1) / math.sqrt(len(shapes))


def distances(known, queries, k):
    return NearestNeighbors(n_neighbors=k, algorithm="brute").fit(known).kneighbors(queries)[0].mean(1)


def problem(name, shapes, n, rate, seed, copies=0):
    """The last of the n rows are copies of the first ones."""
    rng = np.random.default_rng(seed)
    columns = sum(math.prod(s) for s in shapes)
    draw = lambda rows, centre: np.maximum(0, np.round(centre + rng.normal(0, 2, (rows, columns)))).astype(int)
    centres = rng.uniform(0, 6, (2, columns))
    x = np.concatenate([draw(n // 2, centres[0]), draw(n - n // 2, centres[1])])
    if copies:
        x[-copies:] = x[:copies]
    groups = [str(i % (n - copies)) for i in range(n)]
    queries = np.concatenate([draw(2, centres[0]), draw(2, centres[1]), draw(3, rng.uniform(0, 6, columns)), x[:1]])
    z = describe(x[: n - copies].astype(float), shapes)
    k = max(1, min(NEIGHBORS, len(z) // 2 - 1))  # of two classes of equal size
    own = np.array([distances(np.delete(z, i, 0), z[i : i + 1], k)[0] for i in range(len(z))])
    rank = min(math.ceil((len(z) + 1) * (1 - rate)), len(z))
    cutoff = np.sort(own)[rank - 1]
    return {"name": name, "shapes": shapes, "rows": n, "rate": rate, "groups": groups, "x": x.ravel().tolist(),
            "queries": queries.ravel().tolist(), "neighbors": k, "measured": len(z), "cutoff": cutoff,
            "novelty": (distances(z, describe(queries.astype(float), shapes), k) / cutoff).tolist()}


print(json.dumps([
    problem("one layer", [[12]], 40, 0.05, 1),
    problem("a tenth", [[12]], 60, 0.1, 2),
    problem("positions", [[2, 3, 10]], 40, 0.05, 3),
    problem("two layers", [[2, 2, 6], [9]], 40, 0.05, 4),
    problem("folded", [[700]], 24, 0.05, 5),
    problem("folded and not", [[600], [2, 2, 5]], 22, 0.2, 6),
    problem("few rows", [[8]], 4, 0.05, 7),
    problem("copies", [[12]], 46, 0.05, 8, copies=6),
]))
