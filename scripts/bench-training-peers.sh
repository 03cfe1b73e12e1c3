#!/usr/bin/env bash
# An epoch of fine-tuning VGG16's block 5 (finetune train --unfreeze block5) beside Keras 3 on
# TensorFlow and PyTorch: the same features of the frozen blocks, computed once before, the same
# layers, weights, optimizer, batch and numbers of images. An epoch is its steps and its validation:
# the time of a command with 1 + EPOCHS epochs less that of one with 1, so that no start and no end
# counts. All take turns. Run make build before.
#
#   PHOTOS=DIR    JPEG photos, labelled by their names (default ../shared/cats-vs-dogs/train)
#   SAMPLE=N      the number of photos (default 500)
#   FEATURES=DIR  a dataset with block4_pool instead, such as one of an earlier run
#   EPOCHS=N      (default 3)
#   BATCH=N       (default 8)
#   ROUNDS=N      turns of each (default 3)
#   PEERS="..."   some of keras keras-compiled pytorch pytorch-compiled (default keras pytorch)
set -euo pipefail
cd "$(dirname "$0")/.."

photos=${PHOTOS:-../shared/cats-vs-dogs/train}
peers=${PEERS-keras pytorch}
epochs=${EPOCHS:-3}
batch=${BATCH:-8}
weights=vgg/imagenet/vgg16-conv-float16.safetensors
python=${PYTHON:-python3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# All environments first: an installation between the runs would disturb them.
for peer in $peers; do scripts/peers/environment.sh "${peer%-compiled}" >/dev/null; done
features=${FEATURES:-$work/features}
if [ ! -e "$features" ]; then
	bin/extract --quiet --out "$features" --labels prefix --layers block4_pool --sample "${SAMPLE:-500}" "$photos" || [ $? -eq 3 ]
fi

run() { # WHO EPOCHS COMMAND...: a line of the results
	echo "$1, $2 epochs ..." >&2
	local used
	used=$("$python" scripts/peers/measure.py --stdout "$work/$1-$2.json" "${@:3}" 2>"$work/log") || { cat "$work/log" >&2; exit 1; }
	echo "$1 $2 $used" >>"$work/results"
	"$python" scripts/peers/training_table.py epochs "$work/$1-$2.json" >>"$work/steps-$1"
}
product() { # EPOCHS
	run product "$1" bin/finetune train --quiet --json --features "$features" --unfreeze block5 --test-fraction 0 \
		--batch "$batch" --epochs "$1" --patience "$1" --out "$work/tuned-$1"
}
peer() { # NAME EPOCHS
	local options=()
	if [[ $1 == *-compiled ]]; then options=(--compile); fi
	run "$1" "$2" "$(scripts/peers/environment.sh "${1%-compiled}")" "scripts/peers/${1%-compiled}_training.py" --features "$features" \
		--weights "$weights" --validation "$validation" --epochs "$2" --batch "$batch" "${options[@]}"
}

for _ in $(seq "${ROUNDS:-3}"); do
	for n in 1 $((1 + epochs)); do
		product "$n"
		validation=$("$python" -c 'import json, sys; print(json.load(open(sys.argv[1]))["validation_images"])' "$work/product-$n.json")
		for name in $peers; do peer "$name" "$n"; done
	done
	"$python" scripts/peers/training_table.py table "$work" "$epochs" "$batch"
done
