#!/usr/bin/env bash
# github.com/dmitryikh/leaves v0.0.0-20230708180554: linear trees, roots and random forests of LightGBM give other predictions in Go.
#
# One would guess: LGEnsembleFromFile(file, true) gives the predictions of LightGBM's predict(), to which its README compares
# it; and it refuses what it does not know, as it does other objectives and other versions of the file.
# What happens, without an error, with models that LightGBM 3.3.5 writes in the version of the file that leaves reads:
#   1. linear_tree=True: the lines in the leaves are left out. What is predicted is the constant that each leaf has in reserve for missing
#      values, so that predictions go in steps.
#   2. reg_sqrt=True, objective "regression sqrt": predictions are not squared: 10 instead of 100.
#   3. boosting="rf", objective "binary": predictions are the mean of the trees' scores, below 0 and above 1, not probabilities.
#      Compared with 0.5, some rows get another class than by LightGBM. The same objective with "gbdt" is right.
# Who is hurt: Go services that score pictures' features, or prices and counts, with heads that were trained in Python: checks in
# Python are good, and what is served is off.
# Remedy: LightGBM's own C library for 1; squares for 2 and the logistic function for 3 in Go, after Predict.
# Seen on 2026-11-30, with Go 1.26, NumPy 1.26.4, SciPy 1.11.4 and Python 3.11.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check lightgbm==3.3.5 numpy==1.26.4 scipy==1.11.4
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import json
import re

import lightgbm
import numpy as np

rng = np.random.default_rng(7)
x = rng.normal(size=(600, 4))
y = 3 * x[:, 0] + x[:, 1] * x[:, 2] + 0.1 * rng.normal(size=600)
rows = rng.normal(size=(40, 4))
settings = {"verbosity": -1, "num_leaves": 7, "seed": 7, "num_threads": 1, "deterministic": True}
forest = {"boosting": "rf", "bagging_fraction": 0.7, "bagging_freq": 1}
trained = {"gbdt": ({}, y), "linear": ({"linear_tree": True}, y), "sqrt": ({"reg_sqrt": True}, (y + 20) ** 2),
           "binary": ({"objective": "binary"}, y > 0), "rf": ({"objective": "binary"} | forest, y > 0), "rfregression": (forest, y)}


def of_leaves(booster, lines):
    """What the model's text says: the sum of the leaves' values, or of their lines at each row."""
    sums = np.zeros(len(rows))
    trees = booster.model_to_string().split("\nTree=")[1:]
    for tree, leaves in zip(trees, booster.predict(rows, pred_leaf=True).T.astype(int)):
        field = {k: np.fromstring(v, sep=" ") for k, v in re.findall(r"^(leaf_\w+|num_features)=(.*)$", tree, re.M)}
        if not lines:
            sums += field["leaf_value"][leaves]
            continue
        ends = np.cumsum(field["num_features"]).astype(int)
        for i, leaf in enumerate(leaves):
            part = slice(ends[leaf] - int(field["num_features"][leaf]), ends[leaf])
            sums[i] += field["leaf_const"][leaf] + field["leaf_coeff"][part] @ rows[i, field["leaf_features"][part].astype(int)]
    return sums


cases = []
for name, (more, labels) in trained.items():
    booster = lightgbm.train(settings | more, lightgbm.Dataset(x, labels.astype(float)), 20)
    booster.save_model(name + ".txt")
    predicted, values = booster.predict(rows), of_leaves(booster, False)
    mean = values / 20
    wanted, seen = {
        "gbdt": (values, values), "linear": (of_leaves(booster, name == "linear"), values), "sqrt": (values ** 2, values),
        "binary": (1 / (1 + np.exp(-values)),) * 2, "rf": (1 / (1 + np.exp(-mean)), mean), "rfregression": (mean, mean)}[name]
    assert np.allclose(predicted, wanted, rtol=1e-6)
    if name == "rf":
        assert seen.min() < 0 and seen.max() > 1 and ((seen > 0.5) != (wanted > 0.5)).any()
    cases.append({"name": name, "wanted": wanted.tolist(), "seen": seen.tolist()})
with open("cases.json", "w") as f:
    json.dump({"rows": rows.tolist(), "cases": cases}, f)
PYTHON
cat > go.mod <<'GO'
module finding

go 1.26
GO
cat > main.go <<'GO'
package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"

	"github.com/dmitryikh/leaves"
)

func main() {
	var examples struct {
		Rows  [][]float64
		Cases []struct {
			Name         string
			Wanted, Seen []float64
		}
	}
	text, err := os.ReadFile("cases.json")
	if err == nil {
		err = json.Unmarshal(text, &examples)
	}
	if err != nil {
		panic(err)
	}
	changed := len(examples.Cases) != 6
	for _, c := range examples.Cases {
		model, err := leaves.LGEnsembleFromFile(c.Name+".txt", true)
		if err != nil {
			panic(err)
		}
		wrong := 0
		for i, row := range examples.Rows {
			y := model.PredictSingle(row, 0)
			if math.Abs(y-c.Wanted[i]) > 1e-6*(1+math.Abs(y)) {
				wrong++
			}
			changed = changed || math.Abs(y-c.Seen[i]) > 1e-6*(1+math.Abs(y))
			if i == 0 {
				fmt.Printf("%s: %.3f, by LightGBM %.3f; ", c.Name, y, c.Wanted[i])
			}
		}
		fmt.Printf("%d of %d are wrong\n", wrong, len(examples.Rows))
		right := c.Name == "gbdt" || c.Name == "binary" || c.Name == "rfregression"
		changed = changed || (wrong == 0) != right
	}
	if changed {
		fmt.Println("it changed")
		os.Exit(1)
	}
}
GO
go get github.com/dmitryikh/leaves@v0.0.0-20230708180554-25d19a787328 > /dev/null 2>&1
go run .
