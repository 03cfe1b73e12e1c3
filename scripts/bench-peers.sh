#!/usr/bin/env bash
# JPEG files to Parquet, end to end: the product in its precisions beside what a practitioner would
# write in Python, in one run on the same photos with the same weights. All take turns, several times,
# and the product is first and last, because machines are not steady; the table has medians. int8
# models are made before, and what that took is printed. Each peer gets its own Python environment in
# the cache, made on its first run (PyTorch's takes 5 GB).
#
#   PHOTOS=DIR        JPEG photos (default ../shared/cats-vs-dogs/train, else testdata/photos)
#   SAMPLE=N          the number of photos (default 500)
#   ROUNDS=N          turns of each (default 3)
#   PRECISIONS="..."  of the product: float32, and what the program and the CPU have of
#                     int16 bfloat16 int8 (default all)
#   PEERS="..."       some of keras pytorch onnxruntime openvino, with -bfloat16 or -int8 behind
#                     (default keras pytorch onnxruntime onnxruntime-int8 openvino openvino-bfloat16 openvino-int8)
#   CALIBRATION=N     photos of the same directory that int8 models are calibrated by (default 100)
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/peers/participants.sh
if [ -n "${PRECISION:-}" ]; then
	echo "bench-peers.sh: PRECISION is set: use PRECISIONS for the product, and PEERS such as openvino-bfloat16" >&2
	exit 2
fi

read -ra precisions <<<"float32 ${PRECISIONS-int16 bfloat16 int8}"
mapfile -t precisions < <(printf '%s\n' "${precisions[@]}" | awk '!seen[$0]++')
read -ra peers <<<"${PEERS-keras pytorch onnxruntime onnxruntime-int8 openvino openvino-bfloat16 openvino-int8}"

precisions=$(known_precisions "${precisions[@]}")
peers=$(known_peers "${peers[@]}")
# shellcheck disable=SC2086 # several words are meant
prepare $peers
count=$(link_photos "${SAMPLE:-500}" "$work/photos")
cc -O2 -pthread -o "$work/limits" scripts/peers/limits.c
"$work/limits" >"$work/limits.txt"

# What accuracy is measured by: float32 by TensorFlow's own convolutions.
echo "reference ..." >&2
bin/extract --quiet --device cpu --precision float32 --convolutions direct --out "$work/reference" "$work/photos"
compare() { "$(scripts/peers/environment.sh openvino)" scripts/peers/compare.py "$work/reference/data" "$(features_of "$1")"; }

turn() { # WHO
	local used
	used=$(take "$1" "$work/photos")
	echo "$1 $used" >>"$work/results"
	grep -q "^$1 " "$work/accuracies" 2>/dev/null || echo "$1 $(compare "$1")" >>"$work/accuracies"
}
for _ in $(seq "${ROUNDS:-3}"); do
	for precision in $precisions; do turn "product-$precision"; done
	for peer in $peers; do turn "$peer"; done
done
for precision in $precisions; do turn "product-$precision"; done
"$python" scripts/peers/table.py "$work" "$count"
