"""Compares rankings of wrong labels where there are many classes: scikit-learn's digits, some of whose labels are changed.

    $(scripts/python.sh path scikit-learn) testdata/head/choose_ranking.py

For each share of changed labels and each seed: the recall among as many suspects as were changed, by the self-confidence and
the margin of plain out-of-fold probabilities, and of those that `finetune suspects` has (refined, times the votes of
neighbours) by self-confidence, margin and log-odds, which it takes.
"""

import warnings

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import normalize

warnings.filterwarnings("ignore")
x, truth = load_digits(return_X_y=True)
n, classes = len(truth), 10
z = normalize(x)
z = (z - z.mean(axis=0)) / z.std(axis=0).mean()
rows = np.arange(n)


def out_of_fold(y, keep, seed, strength=0.01):
    p = np.zeros((n, classes))
    for train, test in StratifiedKFold(5, shuffle=True, random_state=seed).split(z, y):
        train = train[keep[train]]
        p[test] = LogisticRegression(C=1 / (strength * len(train)), max_iter=100).fit(z[train], y[train]).predict_proba(z[test])
    return p


def best_other(p, y):
    p = p.copy()
    p[rows, y] = -1
    return p.max(axis=1)


for share in 0.05, 0.15:
    for seed in range(1, 6):
        random = np.random.default_rng(seed)
        changed = random.choice(n, int(n * share), replace=False)
        y = truth.copy()
        for i in changed:
            y[i] = random.choice([c for c in range(classes) if c != truth[i]])
        plain = out_of_fold(y, np.ones(n, bool), 1)
        keep = plain[rows, y] >= 0.25 * plain.max(axis=1)
        refined = sum(out_of_fold(y, keep, s) for s in range(3)) / 3
        unit = normalize(z)
        similar = unit @ unit.T
        np.fill_diagonal(similar, -9)
        nearest = np.argsort(-similar, axis=1)[:, :25]
        both = refined * np.stack([(y[nearest] == c).sum(axis=1) + 2 / classes for c in range(classes)], axis=1)
        both /= both.sum(axis=1, keepdims=True)
        cells = []
        for name, score in {
            "plain self-confidence": plain[rows, y],
            "margin": plain[rows, y] - best_other(plain, y),
            "refined and neighbours: self-confidence": both[rows, y],
            "margin ": both[rows, y] - best_other(both, y),
            "log-odds": np.log(both[rows, y]) - np.log(best_other(both, y)),
        }.items():
            first = np.argsort(score, kind="stable")[: len(changed)]
            cells.append(f"{name.strip()} {len(set(changed) & set(first)) / len(changed):.3f}")
        print(f"{share:.0%} of the labels, seed {seed}: " + ", ".join(cells), flush=True)
