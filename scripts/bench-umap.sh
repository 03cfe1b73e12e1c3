#!/usr/bin/env bash
# Maps (vectors/umap) beside umap-learn's, of the same rows in the same run, taking turns: seconds by the clock and of the
# processors, and trustworthiness, which one program judges for both. The rows are real features, those
# that extract computes of photos (pool5, averaged over positions), and others made of them, which lie
# between photos that are alike (testdata/umap/bench.py says how). umap-learn runs as it does by default (in
# parallel, another map each time) and with a seed (one thread), each first cold, which includes
# compiling, and then once more in the same process, warm.
#
#   PHOTOS=DIR     photos (default ../shared/cats-vs-dogs/train)
#   FEATURES=FILE  features as .npy, instead of computing them
#   ROWS=N         made rows (default 100000)
#   ROUNDS=N       how often each takes its turn (default 3)
#   KINDS="…"      of umap-learn (default "parallel seeded")
set -euo pipefail
cd "$(dirname "$0")/.."
eval "$(scripts/deps.sh env)"
scripts/python.sh install umap
python=$(scripts/python.sh path umap)
[ -n "$python" ] || { echo "bench-umap: umap-learn is needed: scripts/python.sh says why it could not be installed" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
features=${FEATURES:-}
if [ -z "$features" ]; then
	photos=$(realpath "${PHOTOS:-../shared/cats-vs-dogs/train}")
	go build -o "$work/extract" ./cmd/extract
	"$work/extract" --quiet --out "$work/features" --layers pool5 --pool avg "$photos"
	"$work/extract" --quiet dataset export --format npy --out "$work/features.npy" "$work/features"
	features=$work/features.npy
fi
bench=testdata/umap/bench.py
"$python" "$bench" rows "$features" "${ROWS:-100000}" "$work/rows.npy"
go test -c -o "$work/umap.test" ./vectors/umap

# What a map is worth goes to the results of its program.
judged() { # ROWS MAP RESULT...
	local rows=$1 map=$2 line
	shift 2
	local worth
	worth=$("$python" "$bench" judge "$rows" "$map")
	for line in "$@"; do echo "${line%\}}, ${worth#\{}" >>"$work/results"; done
}

for rows in "$features" "$work/rows.npy"; do
	for round in $(seq "${ROUNDS:-3}"); do
		echo "round $round of $(basename "$rows"): fovea ..." >&2
		line=$(FOVEA_BENCH_UMAP=$rows FOVEA_BENCH_UMAP_TO=$work/map.npy "$work/umap.test" -test.run '^TestSpeed$' | grep '^{')
		judged "$rows" "$work/map.npy" "$line"
		for kind in ${KINDS:-parallel seeded}; do
			echo "round $round of $(basename "$rows"): umap-learn, $kind ..." >&2
			mapfile -t lines < <("$python" -W ignore "$bench" map "$rows" "$work/map.npy" "$kind")
			[ "${#lines[@]}" = 2 ] || exit 1
			judged "$rows" "$work/map.npy" "${lines[@]}"
		done
	done
done
"$python" "$bench" table "$work/results"
