#!/usr/bin/env bash
# What a precision costs where it matters: heads that finetune trains on the averaged pool5 of the
# product in its precisions and of peers (int8 and others), the same photos kept out of all. Their
# features are written as a dataset first (scripts/peerdata), so that one program fits all heads.
# Cosines are with the product's float32. bench-peers.sh measures speed. Run make build before.
#
#   PHOTOS=DIR        JPEG photos, labelled by their names (default ../shared/cats-vs-dogs/train)
#   SAMPLE=N          the number of photos, evenly spread (default: all)
#   PRECISIONS="..."  of the product besides float32 (default int16 bfloat16 int8; what the program or
#                     the CPU lacks is left out)
#   PEERS="..."       as of bench-peers.sh (default onnxruntime-int8 openvino-int8)
#   CALIBRATION=N     photos of the same directory that int8 models are calibrated by (default 100)
#   FRACTION=X        of the photos that are kept out (default 0.2)
#   SEEDS="..."       of the split (default 1 2 3)
set -euo pipefail
cd "$(dirname "$0")/.."
eval "$(scripts/deps.sh env)"
. scripts/peers/participants.sh

read -ra precisions <<<"${PRECISIONS-int16 bfloat16 int8}"
read -ra peers <<<"${PEERS-onnxruntime-int8 openvino-int8}"
precisions=$(known_precisions float32 "${precisions[@]}")
peers=$(known_peers "${peers[@]}")
# shellcheck disable=SC2086 # several words are meant
prepare openvino $peers # which has what reads Parquet
reader=$(scripts/peers/environment.sh openvino)
go build -o "$work/peerdata" ./scripts/peerdata
count=$(link_photos "${SAMPLE:-1000000}" "$work/photos")

accuracies() { # WHO: of each seed
	local seed
	"$reader" scripts/peers/averages.py "$work/product-float32/data" "$(features_of "$1")" "$work/averages"
	"$work/peerdata" "$work/product-float32" "$work/averages" "$1" "$work/averaged-$1"
	for seed in ${SEEDS:-1 2 3}; do
		bin/finetune train --quiet --features "$work/averaged-$1" --test-fraction "${FRACTION:-0.2}" --seed "$seed" --out "$work/head" >"$work/report"
		grep -m 1 -E '^accuracy' "$work/report" | grep -oE '[0-9.]+ %' | head -n 1
	done
}

echo "heads on averaged pool5 of $count photos, a share of ${FRACTION:-0.2} kept out; seeds ${SEEDS:-1 2 3}"
echo
echo "| | accuracy, each seed | mean | pool5 whole: least cosine with float32, mean | averaged: least, mean |"
echo "| --- | --- | ---: | ---: | ---: |"
for who in $(printf 'product-%s ' $precisions) $peers; do
	used=$(take "$who" "$work/photos")
	echo "$who: seconds, processor seconds, MB: $used" >>"$work/notes"
	read -r whole whole_mean averaged averaged_mean < <("$reader" scripts/peers/compare.py "$work/product-float32/data" "$(features_of "$who")")
	found=$(accuracies "$who")
	echo "| $who | $(paste -sd , <<<"$found" | sed 's/,/, /g') | $(awk '{ sum += $1 } END { printf "%.2f %%", sum / NR }' <<<"$found") | $whole, $whole_mean | $averaged, $averaged_mean |"
	if [ "$who" != product-float32 ]; then rm -r "${work:?}/$who"; fi
done
echo
cat "$work/notes"
