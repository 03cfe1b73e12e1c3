#!/usr/bin/env bash
# onnxmltools 1.16.0: XGBoost's forests of several classes, models of several targets and logistic regression change in ONNX.
#
# One would guess: convert_xgboost() makes a model with the predictions of XGBoost's, to the precision of floats of 32 bits, or raises
# an error, as it does for gblinear and dart.
# What happens, without an error:
#   1. num_parallel_tree=3 with several classes: tree i goes to class i modulo the number of classes, while XGBoost stores three trees
#      for each class. Scores are those of mixed classes, and most rows get another class. For regression it is right.
#   2. Regression of several targets: the second output is 0 for all rows, and the first the same for all of them.
#   3. objective="reg:logistic": predictions are scores below 0 and above 1 instead of probabilities.
#   4. objective="multi:softmax": the output "probabilities" has scores, which have no sum of 1; the label is right. "multi:softprob",
#      which XGBoost takes unless told otherwise, is right.
# Who is hurt: those who train heads for pictures' features in Python and serve them by ONNX Runtime in Go, Java, C# or browsers: what
# is served was never looked at, and thresholds, classes and targets are wrong.
# Remedy: compare predict() and predict_proba() with ONNX Runtime's after each conversion; one model for each target, one tree a
# round, "binary:logistic" and "multi:softprob".
# Seen on 2026-11-30, with xgboost 3.2.0, onnx 1.23.2, onnxruntime 1.32.0, scikit-learn 1.9.1, SciPy 1.17.1 and NumPy 2.4.6.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps xgboost==3.2.0
"$work/venv/bin/pip" install --quiet --disable-pip-version-check onnxmltools==1.16.0 onnx==1.23.2 onnxruntime==1.32.0 \
	scikit-learn==1.9.1 scipy==1.17.1 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PYTHON'
import json

import numpy as np
import onnxruntime as ort
from onnxmltools import convert_xgboost
from onnxmltools.convert.common.data_types import FloatTensorType
from xgboost import DMatrix, XGBClassifier, XGBRegressor

rng = np.random.default_rng(7)
x = rng.normal(size=(600, 4)).astype(np.float32)
y = 3 * x[:, 0] + x[:, 1] * x[:, 2] + 0.1 * rng.normal(size=600)
rows = rng.normal(size=(40, 4)).astype(np.float32)
classes = np.digitize(y, [-2, 0, 2])


def converted(model):
    content = convert_xgboost(model, initial_types=[("x", FloatTensorType([None, 4]))], target_opset=15).SerializeToString()
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    return ort.InferenceSession(content, options, providers=["CPUExecutionProvider"]).run(None, {"x": rows})


def fit(kind, labels, **settings):
    return kind(n_estimators=20, max_depth=3, n_jobs=1, random_state=7, **settings).fit(x, labels)


def softmax(v):
    e = np.exp(v - v.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def report(name, right, other):
    print(f"{name}: {np.asarray(right[0]).round(3)}, by ONNX {np.asarray(other[0]).round(3)}")


# What is right.
for model in (fit(XGBClassifier, classes), fit(XGBClassifier, (y > 0).astype(int))):
    assert np.allclose(converted(model)[1], model.predict_proba(rows), atol=1e-5)
for model in (fit(XGBRegressor, y), fit(XGBRegressor, y, num_parallel_tree=3, subsample=0.5)):
    assert np.allclose(converted(model)[0].ravel(), model.predict(rows), atol=1e-4)

# 1. The leaves of all trees for each row, and the classes of the trees, from XGBoost's own file.
model = fit(XGBClassifier, classes, num_parallel_tree=3, subsample=0.5, base_score=0.5)
booster = model.get_booster()
content = json.loads(booster.save_raw("json"))["learner"]["gradient_booster"]["model"]
places = booster.predict(DMatrix(rows), pred_leaf=True).reshape(len(rows), -1).astype(int)
leaves = np.stack([np.array(tree["split_conditions"])[places[:, i]] for i, tree in enumerate(content["trees"])], axis=1)
of_tree = np.array(content["tree_info"])
assert of_tree[:6].tolist() == [0, 0, 0, 1, 1, 1]
wanted, seen = (softmax(np.stack([leaves[:, of == c].sum(axis=1) for c in range(4)], axis=1)) for of in (of_tree, np.arange(len(of_tree)) % 4))
labels, probabilities = converted(model)
report("a forest of four classes", wanted, probabilities)
others = (labels != model.predict(rows)).sum()
print(f"{others} of {len(rows)} rows get another class")
assert np.allclose(model.predict_proba(rows), wanted, atol=1e-5)
assert np.allclose(probabilities, seen, atol=1e-5) and others > len(rows) / 2, "it changed"

# 2.
model = fit(XGBRegressor, np.stack([y, -y], axis=1))
predicted, other = model.predict(rows), converted(model)[0]
report("two targets", predicted, other)
assert np.corrcoef(predicted[:, 0], 3 * rows[:, 0] + rows[:, 1] * rows[:, 2])[0, 1] > 0.9
assert other.shape == predicted.shape and (other[:, 1] == 0).all() and (other[:, 0] == other[0, 0]).all(), "it changed"

# 3. What is added to the scores is the mean of the labels instead of the score that stands for it.
model = fit(XGBRegressor, (y > 0).astype(int), objective="reg:logistic")
score, other, mean = model.predict(rows, output_margin=True), converted(model)[0].ravel(), (y > 0).mean()
report("logistic regression", model.predict(rows), other)
assert np.allclose(model.predict(rows), 1 / (1 + np.exp(-score)), atol=1e-5)
assert np.allclose(other, score + mean - np.log(mean / (1 - mean)), atol=1e-3) and other.min() < 0 and other.max() > 1, "it changed"

# 4.
for objective in ("multi:softprob", "multi:softmax"):
    model = fit(XGBClassifier, classes, objective=objective)
    score, (labels, probabilities) = model.predict(rows, output_margin=True), converted(model)
    wanted = model.predict_proba(rows)
    report(objective, wanted, probabilities)
    assert (labels == wanted.argmax(axis=1)).all()
    assert np.allclose(probabilities, wanted if objective == "multi:softprob" else score, atol=1e-4), "it changed"
    if objective == "multi:softmax":
        assert np.allclose(wanted, softmax(score), atol=1e-4)
PYTHON
