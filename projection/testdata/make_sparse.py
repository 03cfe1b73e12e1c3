"""Golden values of sparse random projections, by the description in doc.go, with NumPy and hashlib alone:
python make_sparse.py > sparse.json"""

import hashlib
import json
import math

import numpy as np

M64 = (1 << 64) - 1


def finalize(z):
    z = ((z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9))
    z = ((z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB))
    return z ^ (z >> np.uint64(31))


def dense(seed, d, n):
    """The matrix, n x d, in float64."""
    m = math.isqrt(d)
    key = int.from_bytes(hashlib.sha256(f"fovea sparse projection {seed} {d} {n}".encode()).digest()[:8], "little")
    matrix = np.zeros((n, d))
    for b in range(-(-d // m)):
        counters = np.array([(key + (b * n + j + 1) * 0x9E3779B97F4A7C15) & M64 for j in range(n)], dtype=np.uint64)
        h = finalize(counters)
        p = ((h >> np.uint64(32)) * np.uint64(m)) >> np.uint64(32)
        s = h & np.uint64(1)
        for j in range(n):
            at = b * m + int(p[j])
            if at < d:
                matrix[j, at] = -1 if s[j] else 1
    return matrix * math.sqrt(m / n)


def pixels(d):
    """Values that both sides can make: a ramp with both signs and some zeros."""
    i = np.arange(d, dtype=np.int64)
    v = (i * 7919 % 1009 - 504).astype(np.float64) / 64
    v[i % 3 == 0] = 0
    return v.astype(np.float32)


cases = []
for seed, d, n in [(1, 2, 1), (1, 10, 3), (1, 100, 7), (2, 100, 7), (18446744073709551615, 1000, 16), (0, 4096, 64), (1, 25088, 100), (7, 65537, 12), (1, 802816, 4)]:
    matrix, x = dense(seed, d, n), pixels(d)
    nonzero = np.argwhere(matrix)
    cases.append({
        "seed": str(seed), "inputs": d, "values": n, "span": math.isqrt(d), "nonzero": len(nonzero),
        "first": [[int(j), int(i), float(np.sign(matrix[j, i]))] for j, i in nonzero[:5]],
        "want": [float(v) for v in (matrix @ x.astype(np.float64)).astype(np.float32)],
    })
print(json.dumps(cases, indent=1))
