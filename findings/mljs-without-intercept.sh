#!/usr/bin/env bash
# ml-logistic-regression 2.0.0 (npm): without an intercept, classes on both sides of a threshold are told apart by chance; and
# ml-hclust 4.0.0 measures no centroids.
#
# One would guess: logistic regression has a constant beside the weights, as in scikit-learn, R and each textbook, or says that it has none; and
# the heights of agnes(..., { method: "centroid" }) are the distances of the clusters' centroids.
# What happens, without an error or a warning:
#   1. train() fits weights alone, and so is each score 0 where all features are. Whether a number from 0 to 10 is above 5 is right for half
#      of them, which is chance; shifted by 5, for all. The README does not say so; the classes of its example lie in directions from 0.
#   2. "centroid" (by its other name "upgmc") and "median" ("wpgmc") compute by the formula for squared distances, and give it distances: the
#      centroids of the points below are 1.309 apart, and the height is 1.135. "single", "complete", "average", "wpgma" and "ward2" are right.
# Who is hurt: classifiers in the browser and in Node of features that are not centred, such as those after ReLU, which are never below 0,
# colours, lengths and counts; and trees of clusters that are cut at a height.
# Remedy: a column of ones beside the features for 1; "average" or "ward2" for 2.
# Seen on 2026-12-01, with Node 20, ml-matrix 6.15.1, SciPy 1.17.1, scikit-learn 1.9.1 and NumPy 2.4.6.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check scikit-learn==1.9.1 scipy==1.17.1 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import json

import numpy as np
from scipy.cluster.hierarchy import linkage
from sklearn.linear_model import LogisticRegression

x = np.arange(200)[:, None] / 20
y = (x[:, 0] > 5).astype(int)
relu = np.maximum(0, np.random.default_rng(7).normal(0.5, 1, (400, 6)))
sums = (relu.sum(axis=1) > np.median(relu.sum(axis=1))).astype(int)
for a, b in ((x, y), (relu, sums)):
    assert LogisticRegression(C=1e4, max_iter=10000).fit(a, b).score(a, b) > 0.97
points = [[0, 0], [1, 0.2], [5, 5], [6, 5.5], [2.5, 9], [0.3, 1.9], [5.2, 4.1], [3, 3]]
heights = {kind: linkage(points, name)[:, 2].tolist() for kind, name in (
    ("single", "single"), ("complete", "complete"), ("average", "average"), ("wpgma", "weighted"), ("ward2", "ward"), ("centroid", "centroid"),
    ("upgmc", "centroid"), ("median", "median"), ("wpgmc", "median"))}
# The third step joins one point to the pair of two others.
apart = np.linalg.norm(np.array(points[3]) - np.mean([points[2], points[6]], axis=0))
assert abs(apart - heights["centroid"][2]) < 1e-9
with open("wanted.json", "w") as f:
    json.dump({"x": x.tolist(), "y": y.tolist(), "relu": relu.tolist(), "sums": sums.tolist(), "points": points, "heights": heights}, f)
PYTHON
cat > package.json <<'JSON'
{"name": "finding", "version": "0.0.0", "private": true, "type": "module"}
JSON
npm install --silent --no-audit --no-fund ml-logistic-regression@2.0.0 ml-matrix@6.15.1 ml-hclust@4.0.0
cat > main.js <<'JS'
import assert from "node:assert";
import { readFileSync } from "node:fs";
import { agnes } from "ml-hclust";
import LogisticRegression from "ml-logistic-regression";
import { Matrix } from "ml-matrix";

const wanted = JSON.parse(readFileSync("wanted.json"));

function accuracy(rows, classes) {
  const model = new LogisticRegression({ numSteps: 5000, learningRate: 5e-3 });
  const x = new Matrix(rows);
  model.train(x, Matrix.columnVector(classes));
  return model.predict(x).filter((label, i) => label === classes[i]).length / classes.length;
}

const { x, y, relu, sums } = wanted;
const found = accuracy(x, y);
console.log(`numbers above 5: ${found} are right, shifted by 5 ${accuracy(x.map(([v]) => [v - 5]), y)}, with a column of ones`,
  accuracy(x.map(([v]) => [v, 1]), y));
assert(accuracy(x.map(([v]) => [v - 5]), y) > 0.98 && accuracy(x.map(([v]) => [v, 1]), y) > 0.9);
const features = accuracy(relu, sums);
console.log(`features after ReLU: ${features} are right, with a column of ones ${accuracy(relu.map((row) => [...row, 1]), sums)}`);
assert(accuracy(relu.map((row) => [...row, 1]), sums) > 0.95);
assert(found === 0.5 && features < 0.6, "it changed");

const alike = (a, b) => a.every((v, i) => Math.abs(v - b[i]) < 1e-9);
const third = [];
for (const [method, right] of Object.entries(wanted.heights)) {
  const heights = [];
  agnes(wanted.points, { method }).traverse((node) => node.isLeaf || heights.push(node.height));
  heights.sort((a, b) => a - b);
  console.log(`${method}: ${heights.map((v) => v.toFixed(3))}, right is ${right.map((v) => v.toFixed(3))}`);
  const off = ["centroid", "upgmc", "median", "wpgmc"].includes(method);
  assert(alike(heights, right) !== off, off ? "it changed" : "a control");
  if (off) third.push(heights[2]);
}
assert(third.every((v) => Math.abs(v - 1.134753) < 1e-4), "it changed");
JS
node main.js
