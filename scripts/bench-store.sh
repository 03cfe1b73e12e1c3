#!/usr/bin/env bash
# The speed of reading and writing datasets beside that of pyarrow on the same files: MB of
# vectors (as float32) per second, the best of several runs, taken in turns.
#
#   DATASET=DIR  a dataset of few enough rows for memory, about 50 to 500 MB of vectors
#                (default: pool5 of SAMPLE photos, extracted first)
#   PHOTOS=DIR   JPEG photos (default ../shared/cats-vs-dogs/train, else testdata/photos)
#   SAMPLE=N     the number of photos (default 200)
set -euo pipefail
cd "$(dirname "$0")/.."
eval "$(scripts/deps.sh env)"
scripts/python.sh install
python=${FOVEA_PYTHON:-$(scripts/python.sh path)}
[ -n "$python" ] || { echo "bench-store: pyarrow is needed: scripts/python.sh says why it could not be installed" >&2; exit 1; }

photos=${PHOTOS:-../shared/cats-vs-dogs/train}
[ -d "$photos" ] || photos=testdata/photos
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
go build -o "$work/extract" ./cmd/extract
go test -c -o "$work/store.test" ./featurestore

dataset=${DATASET:-}
if [ -z "$dataset" ]; then
	dataset=$work/features
	echo "extracting pool5 of ${SAMPLE:-200} photos of $photos ..." >&2
	"$work/extract" --quiet --out "$dataset" --sample "${SAMPLE:-200}" "$photos" || [ $? -eq 3 ]
fi
"$work/extract" --quiet dataset merge --format parquet --shard-size 32MB "$work/parquet" "$dataset"
"$work/extract" --quiet dataset merge --format arrow --shard-size 32MB "$work/arrow" "$dataset"

for format in parquet arrow; do
	for round in 1 2; do
		echo "$format, round $round ..." >&2
		FOVEA_BENCH_DATASET=$work/$format "$work/store.test" -test.run '^$' -test.bench Files -test.benchtime 5x |
			awk -v f="$format" '/MB\/s/ { sub(/.*\//, "", $1); sub(/-[0-9]+$/, "", $1); for (i = 2; i <= NF; i++) if ($i == "MB/s") print f, "go", $1, $(i - 1) }'
		rm -rf "$work/out" && mkdir "$work/out"
		"$python" testdata/python/bench_store.py "$work/$format" "$work/out" | awk -v f="$format" '{ print f, "pyarrow", $1, $2 }'
	done
	du -sb "$work/$format/data" | awk -v f="$format" '{ print f, "go", "bytes", $1 }'
done >"$work/results"

awk 'BEGIN {
	split("write read-one read", kinds); split("parquet arrow", formats)
	name["write"] = "write"; name["read-one"] = "read, one thread"; name["read"] = "read, all threads"
}
$3 == "bytes" { size[$1, $2] = $4; next }
$4 > best[$1, $2, $3] { best[$1, $2, $3] = $4 }
END {
	printf "%-9s %-18s %12s %12s %9s\n", "format", "what", "here, MB/s", "pyarrow", "ratio"
	for (f = 1; f <= 2; f++) for (k = 1; k <= 3; k++) {
		a = best[formats[f], "go", kinds[k]]; b = best[formats[f], "pyarrow", kinds[k]]
		printf "%-9s %-18s %12.0f %12.0f %9.2f\n", formats[f], name[kinds[k]], a, b, a / b
	}
	printf "%-9s %-18s %12.1f %12.1f %9.2f\n", "parquet", "size, MB", size["parquet", "go"] / 1e6, size["parquet", "pyarrow"] / 1e6, size["parquet", "go"] / size["parquet", "pyarrow"]
}' "$work/results"
