#!/usr/bin/env bash
# The convolutions of VGG16 on one core by each set of its instructions, layer by layer: ms a picture for
# transforming tiles, products and transforming back, beside the least that the products' instruction
# allows. Times are of processor time, the least of some runs, so that other work on the machine hardly shows.
#
#   PICTURES=N  at a time (default 4)
#   RUNS=N      of each layer (default 15)
#   CORE=N      the core (default 0)
#   ARITHMETIC= float32, int16 (both with AVX-512), float32-avx2, int16-avxvnni or int16-avx2 (default all)
set -euo pipefail
cd "$(dirname "$0")/../convolution"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${CC:-gcc}" -O3 -DWIDE_STAGES -o "$work/layers" testdata/bench/layers.c wide*_amd64.c winograd_amd64.c -lm
taskset -c "${CORE:-0}" "$work/layers" "${PICTURES:-4}" "${RUNS:-15}" ${ARITHMETIC:+"$ARITHMETIC"}
