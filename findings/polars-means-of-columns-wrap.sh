#!/usr/bin/env bash
# polars 2.1.0: means, sums and products across columns of bytes and other small integers are those modulo 256 or 65536.
#
# One would guess: the mean of two columns in each row, which is a float, is their mean, as mean() down a column is; and sums of bytes are
# kept in 64 bits, "to prevent overflow issues", as the documentation of sum() says of 8 and 16 bits.
# What happens, without an error or a warning:
#   1. mean_horizontal() of 200 and 200 in UInt8 is 72.0, and of -100 and -100 in Int8 28.0, by the expression and by the method of
#      DataFrame. Both add up in the columns' own type, and divide that. sum_horizontal() and cum_sum_horizontal() are 144 and 56.
#   2. dot() multiplies in the columns' own type: 100 times 100 of Int8 is 16, and a vector's dot product with itself can be negative.
#      It adds the results up in 64 bits, and returns a number of 64 bits, as if there were room.
# The documentation of all of these says nothing about types. sum(), rolling_sum(), list.sum() and arr.sum(), down a column and within a row,
# are right.
# Who is hurt: those who average predictions, votes, masks or pixels of several columns, and those who search in embeddings quantized to
# bytes: the mean of two bright pixels is dark, and what is nearest is far away.
# Remedy: cast(pl.Int64) or cast(pl.Float64) before; pl.concat_list("a", "b").list.mean().
# Seen on 2026-12-01.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check polars==2.1.0
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import polars as pl


def wrapped(number, bits, signed):
    number %= 1 << bits
    return number - (1 << bits) if signed and number >> (bits - 1) else number


for kind, bits, signed, a, b in ((pl.UInt8, 8, False, [200, 90, 7], [200, 180, 9]), (pl.Int8, 8, True, [-100, 100, 7], [-100, 90, -9]),
                                 (pl.UInt16, 16, False, [60000, 500, 7], [60000, 40000, 9])):
    data = pl.DataFrame({"a": a, "b": b}, schema={"a": kind, "b": kind})
    sums = [wrapped(x + y, bits, signed) for x, y in zip(a, b)]
    means = [s / 2 for s in sums]
    right = [(x + y) / 2 for x, y in zip(a, b)]
    found = data.select(pl.mean_horizontal("a", "b")).to_series()
    print(f"{kind}: the means of {a} and {b} are {found.to_list()} instead of {right}")
    assert data.select(pl.concat_list("a", "b").list.mean()).to_series().to_list() == right
    assert data.select(pl.concat_list("a", "b").list.sum()).to_series().to_list() == [x + y for x, y in zip(a, b)]
    assert found.dtype == pl.Float64 and found.to_list() == data.mean_horizontal().to_list() == means != right, "it changed"
    assert data.select(pl.sum_horizontal("a", "b")).to_series().to_list() == data.sum_horizontal().to_list() == sums, "it changed"
    assert data.select(pl.cum_sum_horizontal("a", "b").struct.field("b")).to_series().to_list() == sums, "it changed"

    length, exact = data["a"].dot(data["a"]), sum(x * x for x in a)
    print(f"{kind}: the dot product of {a} with itself is {length} instead of {exact}")
    products = sum(wrapped(x * x, bits, signed) for x in a)
    assert length == data.select(pl.col("a").dot("a")).item() == products != exact, "it changed"
    assert data["a"].sum() == sum(a) and data["a"].rolling_sum(3)[2] == sum(a)
    assert data["a"].cast(pl.Int64).dot(data["a"].cast(pl.Int64)) == exact
PYTHON
