#!/usr/bin/env bash
# Finds labels flipped by seed, by `finetune suspects` and by cleanlab on the same out-of-fold probabilities: the recall
# of the flipped labels among the first suspects, and what is called an error. cleanlab gets its own Python environment
# in the cache, made on the first run.
#
#   scripts/bench-suspects.sh IMAGES     a directory of images, labelled by the first word of their names
#
#   FEATURES=DIR  a dataset of one layer, instead of IMAGES
#   SEEDS=LIST    (default "1 2 3")
#   SHARE=X       of the labels to flip (default 0.05)
set -euo pipefail
cd "$(dirname "$0")/.."
eval "$(scripts/deps.sh env)"
if [ -z "${FEATURES:-}" ] && [ $# -ne 1 ]; then
	echo "usage: scripts/bench-suspects.sh IMAGES, or FEATURES=DIR scripts/bench-suspects.sh" >&2
	exit 2
fi
interpreter=$(scripts/peers/environment.sh cleanlab)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
features=${FEATURES:-}
if [ -z "$features" ]; then
	go build -tags nocloud -o "$work/extract" ./cmd/extract
	features=$work/features
	"$work/extract" --out "$features" --labels prefix --pool avg "$1"
fi
FOVEA_BENCH_SUSPECTS=$(realpath "$features") FOVEA_BENCH_OUT=$work FOVEA_BENCH_SHARE=${SHARE:-0.05} FOVEA_BENCH_SEEDS=${SEEDS:-1 2 3} \
	go test -tags nocloud -ldflags=-w -count=1 -run '^TestSuspectsBench$' ./finetuning >&2
cd "$work"
"$interpreter" "$OLDPWD/scripts/peers/suspects.py" suspects-*.json
