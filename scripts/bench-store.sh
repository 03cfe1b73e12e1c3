#!/usr/bin/env bash
# The speed of reading and writing datasets beside that of pyarrow on the same files: MB of
# vectors (as float32) per second, the median of five runs a round, taken in turns.
#
#   DATASET=DIR  a dataset of few enough rows for memory, about 50 to 500 MB of vectors
#                (default: pool5 of SAMPLE photos, extracted first, ten times over)
#   PHOTOS=DIR   JPEG photos (default ../shared/cats-vs-dogs/train, else testdata/photos)
#   SAMPLE=N     the number of photos (default 200)
#   ROUNDS=N     how often each takes its turn (default 3)
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

datasets=("${DATASET:-}")
if [ -z "${datasets[0]}" ]; then
	echo "extracting pool5 of ${SAMPLE:-200} photos of $photos ..." >&2
	"$work/extract" --quiet --out "$work/features-1" --sample "${SAMPLE:-200}" "$photos" || [ $? -eq 3 ]
	for i in {2..10}; do cp -r "$work/features-1" "$work/features-$i"; done
	datasets=("$work"/features-*)
fi
for format in parquet arrow; do
	"$work/extract" --quiet dataset merge --prefix-paths --format "$format" --shard-size 64MB "$work/$format" "${datasets[@]}"
done

for format in parquet arrow; do
	for round in $(seq "${ROUNDS:-3}"); do
		echo "$format, round $round ..." >&2
		FOVEA_BENCH_DATASET=$work/$format "$work/store.test" -test.run '^$' -test.bench Files -test.benchtime 1x -test.count 5 |
			awk -v f="$format" '/MB\/s/ { sub(/.*\//, "", $1); sub(/-[0-9]+$/, "", $1); for (i = 2; i <= NF; i++) if ($i == "MB/s") print f, "go", $1, $(i - 1) }'
		rm -rf "$work/out" && mkdir "$work/out"
		"$python" testdata/python/bench_store.py "$work/$format" "$work/out" | awk -v f="$format" '{ print f, "pyarrow", $1, $2 }'
	done
	du -sb "$work/$format/data" | awk -v f="$format" '{ print f, "go", "bytes", $1 }'
done >"$work/results"

# Sorted, so that the middle of a name's values is their median.
sort -k 1,3 -k 4,4g "$work/results" | awk 'BEGIN {
	split("write read-one read", kinds); split("parquet arrow", formats)
	name["write"] = "write"; name["read-one"] = "read, one thread"; name["read"] = "read, all threads"
}
{ key = $1 " " $2 " " $3; value[key, ++n[key]] = $4 }
function median(key) { return value[key, int((n[key] + 1) / 2)] }
END {
	printf "%-9s %-18s %12s %12s %9s\n", "format", "what", "here, MB/s", "pyarrow", "ratio"
	for (f = 1; f <= 2; f++) for (k = 1; k <= 3; k++) {
		a = median(formats[f] " go " kinds[k]); b = median(formats[f] " pyarrow " kinds[k])
		printf "%-9s %-18s %12.0f %12.0f %9.2f\n", formats[f], name[kinds[k]], a, b, a / b
	}
	a = median("parquet go bytes"); b = median("parquet pyarrow bytes")
	printf "%-9s %-18s %12.1f %12.1f %9.2f\n", "parquet", "size, MB", a / 1e6, b / 1e6, a / b
}'
