#!/usr/bin/env bash
# From which cosine on are images near duplicates? Copies of photos (scaled down, recompressed, cropped, mirrored, brighter)
# are extracted with the photos. For each layer and threshold: the share of the copies that it finds, and how many pairs
# of different files it takes for copies, of which the first are named: look at them. NumPy computes the cosines. The
# default of --near-duplicates follows from this.
#
#   PHOTOS=DIR      JPEG photos (default ../shared/cats-vs-dogs/train)
#   SAMPLE=N        the number of photos, evenly spread (default: all)
#   COPIED=N        the number of these that are copied in every way (default 100)
#   MODEL=NAME      (default vgg16)
#   WHOLE=LIST      layers that are extracted whole, and averaged as well (default pool5)
#   AVERAGED=LIST   layers that are extracted averaged (default block3_pool,block4_pool,block5_conv3; empty for none)
set -euo pipefail
cd "$(dirname "$0")/.."
eval "$(scripts/deps.sh env)"
python=${FOVEA_PYTHON:-$(scripts/python.sh path)}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/photos"
go build -o "$work/extract" ./cmd/extract

photos=$(cd "${PHOTOS:-../shared/cats-vs-dogs/train}" && pwd)
mapfile -t all < <(find "$photos" -maxdepth 1 -name '*.jpg' | sort)
count=${SAMPLE:-${#all[@]}}
for ((i = 0; i < count && i < ${#all[@]}; i++)); do
	at=$((i * ${#all[@]} / (count < ${#all[@]} ? count : ${#all[@]})))
	ln -s "${all[at]}" "$work/photos/"
done
"$python" scripts/duplicates.py make "$work/photos" "$work/photos" "${COPIED:-100}"

measure() { # LAYERS POOL
	"$work/extract" --model "${MODEL:-vgg16}" --layers "$1" --pool "$2" --out "$work/features-$2" "$work/photos"
	"$python" scripts/duplicates.py measure "$work/features-$2/data" ${1//,/ }
}
if [ -n "${WHOLE-pool5}" ]; then measure "${WHOLE-pool5}" none; fi
if [ -n "${AVERAGED-block3_pool,block4_pool,block5_conv3}" ]; then measure "${AVERAGED-block3_pool,block4_pool,block5_conv3}" avg; fi
