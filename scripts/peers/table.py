"""The table of scripts/bench-peers.sh, of what lies in a directory: limits.txt (what limits.c
prints), results (a line for each run: who, seconds, processor seconds, MB), accuracies (who, and
what compare.py prints) and notes (lines to print below).

    table.py DIR PHOTOS
"""

import os
import statistics
import sys

# Height and width, input and output channels of VGG16's convolutions, and how many there are.
LAYERS = [(224, 3, 64, 1), (224, 64, 64, 1), (112, 64, 128, 1), (112, 128, 128, 1), (56, 128, 256, 1), (56, 256, 256, 2),
          (28, 256, 512, 1), (28, 512, 512, 2), (14, 512, 512, 3)]
DIRECT, WINOGRAD = "direct", "F(4x4)"
# How the product computes convolutions in each precision; everybody else computes them directly.
METHODS = {"product-float32": WINOGRAD, "product-int16": WINOGRAD}


def operations(method):
    """Additions and multiplications of a photo's products, in units of 1e9. The first convolution,
    which has three channels to sum over, is direct in all."""
    total = 0
    for size, inputs, outputs, times in LAYERS:
        tiles = -(-size // 4)
        products = 36 * tiles * tiles if method == WINOGRAD and inputs > 3 else 9 * size * size
        total += 2 * products * inputs * outputs * times
    return total / 1e9


def rows(directory, name):
    with open(os.path.join(directory, name)) as file:
        return [line.split() for line in file]


def precision_of(who):
    return who.split("-")[1] if "-" in who else "float32"


class Limits:
    """What the CPU can do at most."""

    def __init__(self, directory, photos):
        self.photos, self.best = photos, {}
        for instruction, kind, rate in rows(directory, "limits.txt"):
            if float(rate) > self.best.get(kind, ("", 0))[1]:
                self.best[kind] = (instruction, float(rate))

    def seconds(self, kind, method):
        """Processor seconds of the products of all photos, None without such an instruction."""
        if kind not in self.best:
            return None
        return self.photos * operations(method) / self.best[kind][1]

    def show(self, cpus, runs):
        for kind, method in dict.fromkeys((precision_of(who), METHODS.get(who, DIRECT)) for who in runs):
            if (seconds := self.seconds(kind, method)) is not None:
                instruction, rate = self.best[kind]
                print(f"| limit of {kind}, {method}: {instruction}, {rate:.0f} Gop/s a core | {seconds / cpus:.1f} | {self.photos * cpus / seconds:.1f} "
                      f"| {seconds:.1f} | | | | 100 % | | |")


def main(directory, photos):
    runs, accuracies = {}, {who: numbers for who, *numbers in rows(directory, "accuracies")}
    for who, *numbers in rows(directory, "results"):
        runs.setdefault(who, []).append([float(n) for n in numbers])
    medians = {who: [statistics.median(column) for column in zip(*lines)] for who, lines in runs.items()}
    first = medians["product-float32"]
    turns = ", ".join(sorted({str(len(lines)) for lines in runs.values()}))
    print(f"JPEG to Parquet, {photos} photos, VGG16's whole pool5, start and end included; medians of {turns} runs in turn\n")
    print("| | seconds | photos/s | processor s: median (least, most) | peak MB | of product-float32's speed | by processor time "
          "| share of the limit, by processor time | pool5 whole: least cosine, mean | averaged: least, mean |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    limits = Limits(directory, photos)
    limits.show(os.cpu_count(), runs)
    for who, (seconds, processor, memory) in medians.items():
        of = [line[1] for line in runs[who]]
        method = METHODS.get(who, DIRECT)
        limit = limits.seconds(precision_of(who), method)
        share = f"{100 * limit / processor:.0f} % of {method}" if limit else ""
        whole, whole_mean, averaged, averaged_mean = accuracies[who]
        print(f"| {who} | {seconds:.1f} | {photos / seconds:.1f} | {processor:.1f} ({min(of):.1f}, {max(of):.1f}) | {memory:.0f} | {first[0] / seconds:.2f}x "
              f"| {first[1] / processor:.2f}x | {share} | {whole}, {whole_mean} | {averaged}, {averaged_mean} |")
    print()
    with open(os.path.join(directory, "notes")) as file:
        sys.stdout.write(file.read())


main(sys.argv[1], int(sys.argv[2]))
