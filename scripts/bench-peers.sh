#!/usr/bin/env bash
# JPEG files to Parquet, end to end: the product beside what a practitioner would write in
# Python, in one run on the same photos with the same weights. The product runs first and last,
# because machines are not steady. Each peer gets its own Python environment in the cache, made
# on its first run (PyTorch's takes 5 GB).
#
#   PHOTOS=DIR          JPEG photos (default ../shared/cats-vs-dogs/train, else testdata/photos)
#   SAMPLE=N            the number of photos (default 500)
#   PEERS="..."         some of keras pytorch onnxruntime openvino (default all)
#   PRECISION=bfloat16  where the CPU has it (default float32)
set -euo pipefail
cd "$(dirname "$0")/.."

photos=${PHOTOS:-../shared/cats-vs-dogs/train}
[ -d "$photos" ] || photos=testdata/photos
sample=${SAMPLE:-500}
precision=${PRECISION:-float32}
peers=${PEERS:-keras pytorch onnxruntime openvino}
weights=vgg/imagenet/vgg16-conv-float16.safetensors
python=${PYTHON:-python3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mkdir "$work/photos"
# Every k-th photo, so that all kinds are there; as links, which all read alike.
find "$(realpath "$photos")" -name '*.jpg' | sort | awk -v n="$sample" '
	{ paths[NR] = $0 }
	END { n = n < NR ? n : NR; for (i = 0; i < n; i++) print paths[int(i * NR / n) + 1] }' |
	while read -r photo; do ln -s "$photo" "$work/photos/"; done
count=$(find "$work/photos" -type l | wc -l)

environment() { scripts/peers/environment.sh "$1"; }

product() { # NUMBER
	echo "the product ..." >&2
	echo "product $("$python" scripts/peers/measure.py bin/extract --quiet --precision "$precision" \
		--out "$work/product-$1" "$work/photos") - -" >>"$work/results"
}

# All environments first: an installation between the runs would disturb them.
for peer in $peers; do environment "$peer" >/dev/null; done
if [[ " $peers " == *" onnxruntime "* || " $peers " == *" openvino "* ]]; then
	"$(environment onnxruntime)" scripts/peers/make_onnx.py "$weights" "$work/vgg16.onnx"
fi

product 1
for peer in $peers; do
	echo "$peer ..." >&2
	interpreter=$(environment "$peer")
	model=$weights
	case $peer in onnxruntime | openvino) model=$work/vgg16.onnx ;; esac
	used=$("$python" scripts/peers/measure.py "$interpreter" "scripts/peers/${peer}_peer.py" \
		--photos "$work/photos" --weights "$model" --precision "$precision" --out "$work/$peer.parquet" 2>"$work/log") ||
		{ cat "$work/log" >&2; exit 1; }
	cosines=$("$interpreter" scripts/peers/compare.py "$work/product-1/data" "$work/$peer.parquet")
	echo "$peer $used $cosines" >>"$work/results"
done
product 2

awk -v n="$count" -v precision="$precision" '
	$1 == "product" { ours += $2 / 2; processor += $3 / 2; memory = $4 > memory ? $4 : memory }
	{ line[NR] = $0 }
	END {
		printf "JPEG to Parquet, %d photos, VGG16 pool5, %s, %s\n\n", n, precision, "start and end included"
		printf "| %-12s | %8s | %8s | %9s | %8s | %11s | %16s |\n", "", "seconds", "photos/s", "processor", "peak MB", "product is", "cosine (least)"
		print "| --- | ---: | ---: | ---: | ---: | ---: | ---: |"
		for (i = 1; i <= NR; i++) {
			split(line[i], f, " ")
			printf "| %-12s | %8.1f | %8.2f | %9.1f | %8d | %10.2fx | %16s |\n", f[1], f[2], n / f[2], f[3], f[4], f[2] / ours, f[5]
		}
	}' "$work/results"
