#!/usr/bin/env bash
# The convolutions of VGG16 on one core by each set of its instructions, layer by layer: ms a picture for
# transforming tiles, products and transforming back, beside the least that the products' instruction
# allows. Times are of processor time, the least of some runs, so that other work on the machine hardly shows.
#
#   PICTURES=N  at a time (default 4)
#   RUNS=N      of each layer (default 15)
#   CORE=N      the core (default 0)
#   ARITHMETIC= float32, int16 (both with AVX-512), float32-avx2, int16-avxvnni or int16-avx2 (default all)
#   BEFORE=DIR  another version's directory convolution: both take turns, and the least of each layer is printed
#   TURNS=N     of them (default 5)
set -euo pipefail
if [ -n "${BEFORE:-}" ]; then BEFORE=$(realpath "$BEFORE"); fi
cd "$(dirname "$0")/../convolution"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
build() { # NAME DIRECTORY
	# shellcheck disable=SC2046 # several files
	(cd "$2" && "${CC:-gcc}" -O3 -DWIDE_STAGES -o "$work/$1" testdata/bench/layers.c $(find . -maxdepth 1 -name 'wide*_amd64.c' ! -name '*operations*') winograd_amd64.c -lm)
}
measure() { # NAME
	taskset -c "${CORE:-0}" "$work/$1" "${PICTURES:-4}" "${RUNS:-15}" ${ARITHMETIC:+"$ARITHMETIC"}
}
build now .
if [ -z "${BEFORE:-}" ]; then
	measure now
	exit
fi
build before "$BEFORE"
for _ in $(seq "${TURNS:-5}"); do
	for version in before now; do measure $version | sed "s/^/$version /"; done
done | awk '
	/ms a picture/ { sub(/,$/, "", $2); way = $2; if (!(way in seen)) { seen[way] = 1; ways[++many] = way } }
	$2 ~ /^conv/ { key = way " " $2; if (!(key in known)) { known[key] = 1; layers[way] = layers[way] " " $2 }
		if (!((key, $1) in least) || $3 < least[key, $1]) least[key, $1] = $3 }
	END {
		for (w = 1; w <= many; w++) {
			printf "\n%s, ms a picture\n%-8s %8s %8s\n", ways[w], "layer", "before", "now"
			n = split(layers[ways[w]], names, " "); before = now = 0
			for (i = 1; i <= n; i++) {
				key = ways[w] " " names[i]; before += least[key, "before"]; now += least[key, "now"]
				printf "%-8s %8.2f %8.2f\n", names[i], least[key, "before"], least[key, "now"]
			}
			printf "%-8s %8.2f %8.2f\n", "all", before, now
		}
	}'
