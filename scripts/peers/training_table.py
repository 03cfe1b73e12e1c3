"""The table of scripts/bench-training-peers.sh.

    training_table.py epochs FILE.json              the seconds of each epoch's steps, a line each
    training_table.py measured FILE.json            how many images the product only measures each epoch by
    training_table.py table DIR EPOCHS BATCH WHAT   the table of the results in DIR, so far
"""

import json
import os
import statistics
import sys


def of_an_epoch(lines, epochs, column):
    """The medians of the long and of the short runs, and their difference for each epoch."""
    short, long = (statistics.median(float(f[column]) for f in lines if int(f[1]) == n) for n in (1, 1 + epochs))
    return (long - short) / epochs


def ratio(theirs, ours):
    """How many times as fast; nothing where the machine was so unsteady that more epochs took less time."""
    return f"{theirs / ours:.2f}x" if theirs > 0 and ours > 0 else "too unsteady"


def measured_images(product):
    """Those that an epoch is measured by: validation images of block 5, test images from random weights."""
    return product.get("validation_images", product["test_images"])


def table(directory, epochs, batch, what):
    with open(os.path.join(directory, "results")) as file:
        fields = [line.split() for line in file]
    with open(os.path.join(directory, f"product-{1 + epochs}.json")) as file:
        product = json.load(file)
    images, measured = product["train_images"], measured_images(product)
    rounds = sum(f[0] == "product" for f in fields) // 2
    print(f"\nAn epoch of {what}: {images} photos trained on and {measured} measured, batches of {batch}, medians of {rounds} rounds\n")
    print("| | seconds | processor s | processor ms a photo | peak MB | product is, by seconds | by processor | steps alone, s: median, least |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    names = list(dict.fromkeys(f[0] for f in fields))
    ours = None
    for name in names:
        mine = [f for f in fields if f[0] == name]
        seconds, processor = (of_an_epoch(mine, epochs, column) for column in (2, 3))
        ours = ours or (seconds, processor)
        with open(os.path.join(directory, f"steps-{name}")) as file:
            steps = [float(line) for line in file]
        print(
            f"| {name} | {seconds:.1f} | {processor:.1f} | {1000 * processor / (images + measured):.0f} | {max(int(f[4]) for f in mine)} "
            f"| {ratio(seconds, ours[0])} | {ratio(processor, ours[1])} | {statistics.median(steps):.1f}, {min(steps):.1f} |", flush=True)


if sys.argv[1] == "table":
    table(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5])
else:
    with open(sys.argv[2]) as file:
        report = json.load(file)
    if sys.argv[1] == "measured":
        print(measured_images(report))
    else:
        print(*(epoch["seconds"] for epoch in report["epochs"]), sep="\n")
