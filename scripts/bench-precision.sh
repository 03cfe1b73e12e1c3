#!/usr/bin/env bash
# What the precisions of this CPU cost in accuracy: the features of photos in int16, bfloat16 and int8
# beside those in float32, and those in float32 beside another version's. Run make build before.
#
#   PHOTOS=DIR   JPEG photos (default ../shared/cats-vs-dogs/train)
#   SAMPLE=N     the number of photos (default 300)
#   EXTRACT=FILE the program (default bin/extract)
#   BEFORE=FILE  another version's extract
set -euo pipefail
cd "$(dirname "$0")/.."

photos=${PHOTOS:-../shared/cats-vs-dogs/train}
extract=${EXTRACT:-bin/extract}
python=$(scripts/python.sh path)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

features() { # NAME PROGRAM PRECISION
	"$2" --quiet --device cpu --precision "$3" --out "$work/$1" --sample "${SAMPLE:-300}" --model vgg16 --layers pool5 "$photos" || [ $? -eq 3 ]
}
compare() { "$python" scripts/peers/cosines.py "$work/float32/data" "$work/$1/data" "$1"; }

features float32 "$extract" float32
for precision in int16 bfloat16 int8; do
	if features "$precision" "$extract" "$precision"; then compare "$precision"; fi
done
if [ -n "${BEFORE:-}" ]; then
	features "float32-before" "$BEFORE" float32
	compare float32-before
fi
