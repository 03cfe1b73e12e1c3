"""How well a head tells what it does not know: scripts/bench-novelty.sh.

    python bench_novelty.py KNOWN HEAD UNKNOWN [PREDICTIONS]

KNOWN and UNKNOWN are layers that extract dataset export has written (NAME.npy, with NAME.npy.csv beside
it), HEAD is the head's file. Prints areas under the ROC curve (scikit-learn's roc_auc_score) of known images that
the head was not trained on against unknown ones, of which near duplicates (a cosine of 0.98) count once: by novelty,
by the largest probability and by energy (Liu et al., 2020), and by other distances. All are computed here from the head's file alone,
as docs/heads.md describes it; PREDICTIONS is what finetune predict said of some of the images (csv), which is compared.
"""

import base64
import csv
import json
import sys

import numpy as np
from sklearn.covariance import LedoitWolf
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors


def unit(x):
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-30)


def read(name):
    with open(name + ".csv") as f:
        rows = list(csv.DictReader(f))
    x = np.load(name).astype(np.float64)
    return x.reshape(len(x), -1, x.shape[-1]).mean(1), rows


def floats(text):
    return np.frombuffer(base64.b64decode(text), "<f4").astype(np.float64)


known_name, head_name, unknown_name = sys.argv[1:4]
known, rows = read(known_name)
unknown, others = read(unknown_name)
with open(head_name) as f:
    head = json.load(f)
seen = set(head["notes"]["seen"])
held = np.array([r["sha256"][:16] not in seen for r in rows])
learned = known[~held]
known, rows = known[held], [r for r, h in zip(rows, held) if h]

kept = []
cosines = unit(unknown) @ unit(unknown).T
for i in range(len(unknown)):
    if not kept or cosines[i, kept].max() < 0.98:
        kept.append(i)
unknown, others = unknown[kept], [others[i] for i in kept]

x = np.concatenate([known, unknown])
z = (x - floats(head["mean"])) * floats(head["scale"])
logits = z @ np.array([floats(w) for w in head["weights"]]).T + floats(head["biases"])
energy = -np.logaddexp.reduce(logits, axis=1)
probability = np.exp(logits + energy[:, None]).max(1)
model = head["novelty"]
rows_known = np.array([floats(r) for r in model["known"]])
distances = NearestNeighbors(n_neighbors=20, algorithm="brute").fit(rows_known).kneighbors(unit(x))[0]
novelty = distances[:, : model["neighbors"]].mean(1) / model["cutoff"]

scores = {"novelty": novelty, "max_softmax": -probability, "energy": energy}
# What else a novelty could be: other numbers of neighbours, and a covariance of the training rows, scaled alike.
scores |= {f"nearest_{k}": distances[:, :k].mean(1) for k in (1, 10, 20)}
scores["mahalanobis"] = LedoitWolf().fit(unit(learned)).mahalanobis(unit(x))

truth = np.r_[np.zeros(len(known)), np.ones(len(unknown))]
result = {
    "known": len(known), "unknown": len(unknown), "kept_rows": len(rows_known), "classes": len(head["classes"]),
    "auroc": {name: round(float(roc_auc_score(truth, score)), 4) for name, score in scores.items()},
    "above_cutoff": {"known": float((novelty[truth == 0] > 1).mean()), "unknown": float((novelty[truth == 1] > 1).mean())},
}
if len(sys.argv) > 4:
    own = {r["path"]: v for r, v in zip(rows + others, novelty)}
    with open(sys.argv[4]) as f:
        said = [(own[r["path"]], float(r["novelty"])) for r in csv.DictReader(f) if r["path"] in own and r["novelty"]]
    result["compared"], result["difference"] = len(said), max(abs(a - b) for a, b in said)
print(json.dumps(result))
