#!/usr/bin/env bash
# treelite 4.8.1: LightGBM's models with zero_as_missing=true send zeros the wrong way, and predictions are others.
#
# One would guess: from_lightgbm() makes a model with the predictions of LightGBM's, or raises an error, as it does for linear_tree=true. How
# missing values are taken is written into each node of the model's file (decision_type).
# What happens, without an error: that a node takes 0 for missing is left out. LightGBM sends 0 and NaN to the node's side for missing values;
# treelite sends both to where 0 belongs by the threshold. Below, more than half of the predictions are others, by up to more than the
# target's own deviation. Rows without a 0 are right, and so are models without the parameter, with NaN or without it.
# Who is hurt: those who serve such models by Treelite, TL2cgen or what is built on it. The parameter is for data in which 0 says that there
# is nothing: counts, bags of words, features after ReLU, sparse matrices, where most values are 0.
# Remedy: make NaN of all zeros, train without the parameter, and predict so: for that, both agree.
# Seen on 2026-12-01, with lightgbm 4.7.0, SciPy 1.17.1 and NumPy 2.4.6.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check treelite==4.8.1 lightgbm==4.7.0 scipy==1.17.1 numpy==2.4.6
OMP_NUM_THREADS=1 "$work/venv/bin/python" - <<'PYTHON'
import lightgbm
import numpy as np
import treelite

rng = np.random.default_rng(7)
features = rng.normal(size=(400, 4))
features[rng.random(features.shape) < 0.3] = 0
target = 2 * features[:, 0] + np.where(features[:, 1] == 0, 3, features[:, 1])


def by_treelite(model, rows):
    return treelite.gtil.predict(treelite.frontend.from_lightgbm(model), rows).reshape(len(rows))


def train(rows, **parameters):
    data = lightgbm.Dataset(rows, target)
    return lightgbm.train({"objective": "regression", "num_threads": 1, "verbose": -1, **parameters}, data, 20)


# One split is enough to follow it by hand: the node's side for missing values, unless a value is larger than the threshold.
stump = train(features, zero_as_missing=True, num_leaves=2)
node = stump.dump_model()["tree_info"][0]["tree_structure"]
assert node["missing_type"] == "Zero"
zero = np.zeros((1, 4))
one = lightgbm.Booster(model_str=stump.model_to_string(num_iteration=1))
leaf = {side: node[side + "_child"]["leaf_value"] for side in ("left", "right")}
missing, compared = ("left" if side else "right" for side in (node["default_left"], 0 <= node["threshold"]))
print(f"threshold {node['threshold']:.3g}, 0 goes {missing} by the model's file, and {compared} if it is compared")
assert missing != compared
assert np.isclose(one.predict(zero)[0], leaf[missing])
assert np.isclose(by_treelite(one, zero)[0], leaf[compared]), "it changed"

model = train(features, zero_as_missing=True)
right, other = model.predict(features), by_treelite(model, features)
zeros = (features == 0).any(axis=1)
wrong = np.abs(right - other) > 1e-6
print(f"{wrong.sum()} of {len(wrong)} predictions are others, by up to {np.abs(right - other).max():.2f}; targets have the deviation "
      f"{target.std():.2f}")
print("explained of the target:", *(f"{1 - np.var(target - p) / np.var(target):.3f}" for p in (right, other)))
assert wrong.sum() > 100 and np.abs(right - other).max() > 1, "it changed"
assert not wrong[~zeros].any() and zeros.sum() < len(zeros)
filled = np.where(features == 0, np.nan, features)
assert np.allclose(model.predict(filled), right)
assert np.allclose(by_treelite(model, filled), other), "it changed"

for parameters, trained in (({}, features), ({}, filled), ({"use_missing": False}, filled)):
    plain = train(trained, **parameters)
    for rows in (features, filled):
        assert np.allclose(plain.predict(rows), by_treelite(plain, rows))
PYTHON
