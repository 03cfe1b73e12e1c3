"""Writes confident.json: what cleanlab makes of some probabilities and labels.

    $(scripts/peers/environment.sh cleanlab) testdata/head/make_confident_golden.py
"""

import json
import pathlib

import numpy
from cleanlab import count, filter


def case(seed, rows, classes, noise):
    random = numpy.random.default_rng(seed)
    truth = random.integers(classes, size=rows)
    labels = numpy.where(random.random(rows) < noise, random.integers(classes, size=rows), truth)
    labels[:classes] = truth[:classes] = range(classes)
    scores = random.normal(size=(rows, classes)) + 2.5 * numpy.eye(classes)[truth]
    p = numpy.exp(scores)
    p = numpy.round(p / p.sum(axis=1, keepdims=True), 6)
    p[:, -1] = 1 - p[:, :-1].sum(axis=1)
    joint, issues = count.compute_confident_joint(labels, p, calibrate=False, return_indices_of_off_diagonals=True)
    return {
        "classes": classes,
        "labels": labels.tolist(),
        "probabilities": p.tolist(),
        "thresholds": count.get_confident_thresholds(labels, p).tolist(),
        "confident_joint": joint.tolist(),
        "calibrated": count.calibrate_confident_joint(joint, labels).tolist(),
        "off_diagonal": issues.tolist(),
        "ranked": filter.find_label_issues(
            labels, p, filter_by="confident_learning", return_indices_ranked_by="self_confidence"
        ).tolist(),
    }


cases = [case(1, 80, 2, 0.1), case(2, 120, 4, 0.2), case(3, 60, 7, 0.0), case(4, 40, 3, 0.6)]
pathlib.Path(__file__).with_name("confident.json").write_text(json.dumps(cases) + "\n")
