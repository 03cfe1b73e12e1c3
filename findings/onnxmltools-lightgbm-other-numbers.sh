#!/usr/bin/env bash
# onnxmltools 1.16.0: LightGBM's linear trees, random forests, roots and sigmoids become other models in ONNX.
#
# One would guess: convert_lightgbm() makes a model with the predictions of LightGBM's, to the precision of floats of 32 bits, or raises an
# error, as it does for other objectives.
# What happens, without an error:
#   1. linear_tree=True: the lines in the leaves are left out, and the constants that leaves have in reserve are predicted.
#   2. boosting_type="rf": the sum of the trees is divided by 100, however many there are: of 20 trees, predictions are a fifth.
#      Probabilities of a forest are those of the sum of all trees, divided by 100: near 0 or 0.01, so that each row gets the class 0.
#   3. reg_sqrt=True: predictions are not squared.
#   4. sigmoid=2: probabilities are those of sigmoid=1, nearer to 0.5. Thresholds other than 0.5 find other rows.
#   5. objective="multiclassova": probabilities are the softmax of the scores, not the sigmoid of each.
# Plain trees and "multiclass" are right.
# Who is hurt: those who train heads for pictures' features in Python and serve them by ONNX Runtime in Go, Java, C# or browsers:
# predictions and probabilities are off, and what is served was never looked at.
# Remedy: compare predict() and predict_proba() with ONNX Runtime's after each conversion; plain "gbdt" with constant leaves and
# "multiclass".
# Seen on 2026-11-30, with lightgbm 4.7.0, onnx 1.23.2, onnxruntime 1.32.0, scikit-learn 1.9.1 and NumPy 2.4.6.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check onnxmltools==1.16.0 lightgbm==4.7.0 onnx==1.23.2 onnxruntime==1.32.0 \
	scikit-learn==1.9.1 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PYTHON'
import numpy as np
import onnxruntime as ort
from lightgbm import LGBMClassifier, LGBMRegressor
from onnxmltools import convert_lightgbm
from onnxmltools.convert.common.data_types import FloatTensorType

rng = np.random.default_rng(7)
x = rng.normal(size=(600, 4)).astype(np.float32)
y = 3 * x[:, 0] + x[:, 1] * x[:, 2] + 0.1 * rng.normal(size=600)
rows = rng.normal(size=(40, 4)).astype(np.float32)
forest = {"boosting_type": "rf", "subsample": 0.7, "subsample_freq": 1}


def sigmoid(v):
    return 1 / (1 + np.exp(-v))


def converted(model):
    """The last output by ONNX Runtime: predictions, or probabilities of the classes."""
    content = convert_lightgbm(model, initial_types=[("x", FloatTensorType([None, 4]))], zipmap=False, target_opset=15).SerializeToString()
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    return ort.InferenceSession(content, options, providers=["CPUExecutionProvider"]).run(None, {"x": rows})[-1]


def fit(kind, labels, trees=20, **settings):
    model = kind(n_estimators=trees, num_leaves=7, random_state=7, n_jobs=1, verbosity=-1, **settings)
    return model.fit(x, labels)


def leaves(model):
    """The constants of the leaves of each tree for each row, from the text of the model."""
    trees = model.booster_.model_to_string().split("\nTree=")[1:]
    values = [np.array(tree.split("\nleaf_value=")[1].split("\n")[0].split(), float) for tree in trees]
    return np.stack([v[i] for v, i in zip(values, model.predict(rows, pred_leaf=True).T.astype(int))], axis=1)


def check(name, predicted, wanted, other, seen):
    print(f"{name}: {predicted[0].round(4)}, by ONNX {other.reshape(predicted.shape)[0].round(4)}")
    assert np.allclose(predicted, wanted, atol=1e-5)
    assert np.allclose(other.reshape(seen.shape), seen, rtol=1e-4, atol=1e-5), "it changed"


model = fit(LGBMRegressor, y)
values = leaves(model).sum(axis=1)
check("trees", model.predict(rows), values, converted(model), values)

# 1. That lines are more than constants shows in the predictions.
model = fit(LGBMRegressor, y, linear_tree=True)
values, predicted = leaves(model).sum(axis=1), model.predict(rows)
assert (np.abs(predicted - values) > 1e-3).all()
check("linear trees", predicted, predicted, converted(model), values)

# 2.
for trees in (20, 50, 100):
    model = fit(LGBMRegressor, y, trees, **forest)
    values = leaves(model)
    check(f"a forest of {trees} trees", model.predict(rows), values.mean(axis=1), converted(model), values.sum(axis=1) / 100)
model = fit(LGBMClassifier, (y > 0).astype(int), **forest)
values = leaves(model)
check("probabilities of a forest", model.predict_proba(rows)[:, 1], sigmoid(values.mean(axis=1)),
      converted(model)[:, 1], sigmoid(values.sum(axis=1)) / 100)

# 3.
model = fit(LGBMRegressor, (y + 20) ** 2, reg_sqrt=True)
values = leaves(model).sum(axis=1)
check("squares", model.predict(rows), values ** 2, converted(model), values)

# 4.
for slope in (1, 2):
    model = fit(LGBMClassifier, (y > 0).astype(int), sigmoid=slope)
    values = leaves(model).sum(axis=1)
    check(f"sigmoid={slope}", model.predict_proba(rows)[:, 1], sigmoid(slope * values), converted(model)[:, 1], sigmoid(values))

# 5.
classes = np.digitize(y, [-2, 2])
for objective in ("multiclass", "multiclassova"):
    model = fit(LGBMClassifier, classes, objective=objective)
    values = leaves(model).reshape(len(rows), 20, 3).sum(axis=1)
    softmax = np.exp(values) / np.exp(values).sum(axis=1, keepdims=True)
    check(objective, model.predict_proba(rows), softmax if objective == "multiclass" else sigmoid(values), converted(model), softmax)
PYTHON
