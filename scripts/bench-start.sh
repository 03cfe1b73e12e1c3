#!/usr/bin/env bash
# How long it takes from the start of the command to the first row on disk, and to the end of
# a run over one image, with the embedded VGG16. Several runs, because machines are not
# steady; seconds of the CPU beside those of the clock, because others may use the machine.
#
#   PHOTOS=DIR    images (default ../shared/cats-vs-dogs/train, else testdata/photos)
#   RUNS=N        default 5
#   EXTRACT=FILE  the command (default bin/extract)
#   PRECISION=P   of the model (default float32)
set -euo pipefail
cd "$(dirname "$0")/.."
extract=${EXTRACT:-bin/extract}
[ -x "$extract" ] || { echo "bench-start: $extract is not there: make build makes it" >&2; exit 1; }
photos=${PHOTOS:-../shared/cats-vs-dogs/train}
[ -d "$photos" ] || photos=testdata/photos
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
TIMEFORMAT='%R %U %S'

for _ in $(seq "${RUNS:-5}"); do
	rm -rf "$work/one" "$work/first"
	{ time "$extract" --quiet --precision "${PRECISION:-float32}" --limit 1 --out "$work/one" "$photos"; } 2>"$work/log" || { cat "$work/log" >&2; exit 1; }
	echo "one $(tail -n 1 "$work/log")"

	begin=$(date +%s.%N)
	"$extract" --quiet --precision "${PRECISION:-float32}" --rows-per-file 1 --limit 100 --out "$work/first" "$photos" 2>"$work/log" &
	run=$!
	until [ -e "$work/first/data/part-00000.parquet" ]; do
		kill -0 "$run" 2>/dev/null || { cat "$work/log" >&2; exit 1; }
		sleep 0.01
	done
	end=$(date +%s.%N)
	kill -KILL "$run" 2>/dev/null || true
	wait "$run" 2>/dev/null || true
	echo "first $(echo "$begin $end" | awk '{ print $2 - $1 }') 0 0"
done | sort -k1,1 -k2,2n | awk '
	{ n[$1]++; wall[$1, n[$1]] = $2; cpu[$1] += $3 + $4 }
	function middle(k) { return wall[k, int((n[k] + 1) / 2)] }
	END {
		printf "%-36s %8s %8s %8s %8s\n", "seconds", "least", "median", "most", "CPU"
		printf "%-36s %8.2f %8.2f %8.2f %8.2f\n", "one image, start to end", wall["one", 1], middle("one"), wall["one", n["one"]], cpu["one"] / n["one"]
		printf "%-36s %8.2f %8.2f %8.2f %8s\n", "start to the first row on disk", wall["first", 1], middle("first"), wall["first", n["first"]], ""
	}'
