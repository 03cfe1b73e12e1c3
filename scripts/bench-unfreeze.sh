#!/usr/bin/env bash
# What training a network's last block gains where ImageNet's features were made for something
# else: which way is up? Photos are turned by 0, 90, 180 or 270 degrees, every photo once, and
# finetune train --unfreeze is compared with a head on the frozen features of the same photos.
#
#   PHOTOS=DIR   (default ../shared/cats-vs-dogs/train)
#   SAMPLE=N     photos, of which 40 % are the test set (default 1000)
#   FLAGS="..."  of the training (default "--rate 3e-5 --epochs 5 --patience 2")
#   WORK=DIR     room for 0.5 MB a photo, which is kept (default: a temporary directory)
set -euo pipefail
cd "$(dirname "$0")/.."
eval "$(scripts/deps.sh env)"

photos=${PHOTOS:-../shared/cats-vs-dogs/train}
scripts/python.sh install
python=$(scripts/python.sh path)
[ -n "$python" ] || { echo "bench-unfreeze: Pillow is needed to turn photos: scripts/python.sh says why it could not be installed" >&2; exit 1; }
work=${WORK:-}
if [ -z "$work" ]; then
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
fi
mkdir -p "$work/bin"
go build -o "$work/bin" ./cmd/extract ./cmd/finetune
"$python" testdata/training/make_rotated.py "$photos" "${SAMPLE:-1000}" "$work/rotated"
"$work/bin/extract" --out "$work/features" --labels dir --layers block4_pool --dtype float16 "$work/rotated"
# shellcheck disable=SC2086 # several words are meant
"$work/bin/finetune" train --features "$work/features" --unfreeze block5 --test-fraction 0.4 ${FLAGS:---rate 3e-5 --epochs 5 --patience 2} --out "$work/tuned"
