"""Compares what `finetune suspects` finds of flipped labels with cleanlab on the same probabilities.

    python suspects.py FILE...

Each file is one that TestSuspectsBench wrote: labels, which of them were flipped, out-of-fold probabilities, and the
ranking. A line for each method: recall of the flipped labels among as many suspects, among half as many again, and of
what is called an error, with its precision.
"""

import json
import sys

import numpy
from cleanlab import filter, rank


def methods(data, labels):
    """Yields a name, a ranking of all rows or None, and the rows called errors or None."""
    plain, refined = (numpy.array(data[name]) for name in ("probabilities", "refined"))
    yield "fovea", data["ranking"], data["likely"]
    for name, p in ("plain", plain), ("refined", refined):
        for method in "self_confidence", "normalized_margin":
            order = numpy.argsort(rank.get_label_quality_scores(labels, p, method=method), kind="stable")
            yield f"cleanlab {method}, {name}", order, None
        for by in "prune_by_noise_rate", "confident_learning":
            found = filter.find_label_issues(labels, p, filter_by=by, return_indices_ranked_by="self_confidence")
            yield f"cleanlab {by}, {name}", None, found


def main(files):
    for file in files:
        with open(file) as text:
            data = json.load(text)
        flipped, labels = set(data["flipped"]), numpy.array(data["labels"])
        n = len(flipped)
        print(f"{file}: {n} of {len(labels)} labels flipped, {data['estimated']:.0f} estimated, {data['seconds']:.1f} s")
        for name, order, found in methods(data, labels):
            cells = ["", "", "", ""]
            if order is not None:
                cells[:2] = (f"{len(flipped & set(map(int, order[:k]))) / n:.3f}" for k in (n, n + n // 2))
            if found is not None:
                hits = len(flipped & set(map(int, found)))
                cells[2:] = f"{hits / n:.3f}", f"{hits / max(1, len(found)):.3f}"
            print(f"  {name:42} recall {cells[0]:>5} {cells[1]:>5}   errors: recall {cells[2]:>5} precision {cells[3]:>5}")


main(sys.argv[1:])
