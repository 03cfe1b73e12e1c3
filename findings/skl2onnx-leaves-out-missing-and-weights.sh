#!/usr/bin/env bash
# skl2onnx 1.20.0: scikit-learn's trees with missing values, neighbours by distance and isotonic calibration change in ONNX.
#
# One would guess: to_onnx() makes a model with the predictions of scikit-learn's, to the precision of floats of 32 bits, or raises an
# error, as it does for NMF, a metric it does not have, or infrequent categories.
# What happens, without an error:
#   1. Trees and forests that were trained with NaN send NaN to the right at each node; scikit-learn has learned a side for each
#      (missing_go_to_left). Rows without NaN are right.
#   2. KNeighborsRegressor and KNeighborsClassifier with weights="distance" take all neighbours alike. Of a row that was trained with,
#      scikit-learn gives the target that it had.
#   3. CalibratedClassifierCV with method="isotonic" gives the value of the nearest threshold, where scikit-learn interpolates between
#      two: probabilities go in steps, and differ by up to 0.13 below. "sigmoid" is right.
#   4. Normalizer("max") divides by the largest value, not the largest magnitude: (1, -4) becomes (1, -4) instead of (0.25, -1), and what is
#      below 0 throughout changes its sign. "l1" and "l2" are right.
#   5. SimpleImputer and KNNImputer with add_indicator=True give no columns that say what was missing, and so fewer columns.
# Who is hurt: those who train heads for pictures' features and measurements in Python and serve them by ONNX Runtime in Go, Java, C# or
# browsers: most rows without missing values are right, so that a few samples do not show 1 and 5.
# Remedy: compare predict() and predict_proba() with ONNX Runtime's after each conversion, with missing values among the rows; for 1 and 5
# a SimpleImputer without indicators before the model, in training, too, and for 3 "sigmoid".
# Seen on 2026-12-01, with scikit-learn 1.9.1, onnx 1.23.2, onnxruntime 1.32.0, SciPy 1.17.1 and NumPy 2.4.6.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check \
	skl2onnx==1.20.0 scikit-learn==1.9.1 onnx==1.23.2 onnxruntime==1.32.0 scipy==1.17.1 numpy==2.4.6
OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 "$work/venv/bin/python" - <<'PYTHON'
import numpy as np
import onnxruntime as ort
from skl2onnx import to_onnx
from sklearn.base import is_classifier
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.preprocessing import Normalizer
from sklearn.tree import DecisionTreeRegressor

rng = np.random.default_rng(7)


def by_onnx(model, rows):
    """The last output: predictions, probabilities or columns."""
    options = {id(model): {"zipmap": False}} if is_classifier(model) else None
    m = to_onnx(model, rows[:1], options=options)
    session_options = ort.SessionOptions()
    session_options.intra_op_num_threads = 1
    session_options.log_severity_level = 3
    session = ort.InferenceSession(m.SerializeToString(), session_options, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: rows})[-1]


def check(name, right, other, expected=None):
    print(f"{name}: {np.ravel(right)[:4].round(3)}, by ONNX {np.ravel(other)[:4].round(3)}, at most {np.abs(right - other).max():.2f} apart")
    assert expected is None or np.allclose(other, expected, atol=1e-5), "it changed"


# 1. One split: the two rows with NaN have the target of those to the left.
rows, target = np.array([[np.nan], [np.nan], [0], [1], [2], [3]], np.float32), np.array([5, 5, 5, 5, 9, 9])
stump = DecisionTreeRegressor(max_depth=1).fit(rows, target)
assert stump.tree_.missing_go_to_left[0] == 1 and (stump.predict(rows) == target).all()
check("one split, rows with NaN first", target, by_onnx(stump, rows).ravel(), [9, 9, 5, 5, 9, 9])
rows = rng.normal(size=(300, 4)).astype(np.float32)
rows[rng.random(rows.shape) < 0.2] = np.nan
target = np.nan_to_num(rows[:, 0], nan=3) + np.nan_to_num(rows[:, 1])
missing = np.isnan(rows).any(axis=1)
forest = RandomForestRegressor(10, random_state=0).fit(rows, target)
right, other = forest.predict(rows), by_onnx(forest, rows).ravel()
check("forest", right, other)
assert np.abs(right - other).max() > 1 and np.allclose(right[~missing], other[~missing], atol=1e-5), "it changed"
forest = RandomForestClassifier(10, random_state=0).fit(rows, target > 1)
right, other = forest.predict_proba(rows), by_onnx(forest, rows)
check("forest of two classes", right, other)
assert np.abs(right - other).max() > 0.5 and np.allclose(right[~missing], other[~missing], atol=1e-5), "it changed"

# 2. The two nearest of 0, 1 and 4, whose targets are 0, 10 and 20.
places, queries = np.array([[0], [1], [4]], np.float32), np.array([[0], [0.25], [3.25]], np.float32)
nearest = KNeighborsRegressor(2, weights="distance").fit(places, [0, 10, 20])
right = nearest.predict(queries)
assert np.allclose(right, [0, 2.5, (10 * 0.75 + 20 * 2.25) / 3])
check("neighbours", right, by_onnx(nearest, queries).ravel(), [5, 5, 15])
nearest = KNeighborsClassifier(2, weights="distance").fit(places, [0, 1, 2])
check("classes of neighbours", nearest.predict_proba(queries), by_onnx(nearest, queries), [[0.5, 0.5, 0], [0.5, 0.5, 0], [0, 0.5, 0.5]])

# 3.
rows = rng.normal(size=(300, 2)).astype(np.float32)
classes = rows[:, 0] + rng.normal(size=300) > 0
for method in ("isotonic", "sigmoid"):
    calibrated = CalibratedClassifierCV(GaussianNB(), method=method, ensemble=False).fit(rows, classes)
    right, other = (p[:, 1] for p in (calibrated.predict_proba(rows), by_onnx(calibrated, rows)))
    if method == "sigmoid":
        assert np.allclose(right, other, atol=1e-4)
        continue
    scores = calibrated.calibrated_classifiers_[0].estimator.predict_proba(rows)[:, 1]
    isotonic = calibrated.calibrated_classifiers_[0].calibrators[0]
    x, y = isotonic.X_thresholds_, isotonic.y_thresholds_
    assert np.allclose(right, np.interp(scores, x, y), atol=1e-5)
    check("calibrated", right, other, y[np.abs(scores[:, None] - x).argmin(axis=1)])
    assert np.abs(right - other).max() > 0.03, "it changed"

# 4.
rows = np.array([[1, -4], [-1, -2]], np.float32)
normalizer = Normalizer("max").fit(rows)
assert (normalizer.transform(rows) == [[0.25, -1], [-0.5, -1]]).all()
check("normalized", normalizer.transform(rows), by_onnx(normalizer, rows), [[1, -4], [1, 2]])

# 5.
rows = np.array([[1, np.nan], [np.nan, 2], [3, 4]], np.float32)
for imputer in (SimpleImputer(add_indicator=True), KNNImputer(add_indicator=True)):
    right, other = imputer.fit_transform(rows), by_onnx(imputer, rows)
    print(f"{imputer}: {right.shape[1]} columns, by ONNX {other.shape[1]}")
    assert right.shape == (3, 4) and np.allclose(other, right[:, :2]), "it changed"
PYTHON
