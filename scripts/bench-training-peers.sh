#!/usr/bin/env bash
# An epoch of training beside Keras 3 on TensorFlow and PyTorch: of VGG16's block 5 (finetune train
# --unfreeze block5), where all have the same features of the frozen blocks, computed once before, or of
# a VGG from random weights (finetune scratch), where all have the same photos. The same layers,
# optimizer, batch and numbers of images. An epoch is its steps, its validation and, from random
# weights, the checkpoint after it: the time of a command with 1 + EPOCHS epochs less that of one with
# 1, so that no start and no end counts. All take turns. Run make build before.
#
#   TRAINING=WHAT block5 (default) or scratch
#   PHOTOS=DIR    JPEG photos, labelled by their names (default ../shared/cats-vs-dogs/train)
#   SAMPLE=N      the number of photos (default 500)
#   FEATURES=DIR  block5: a dataset with block4_pool instead, such as one of an earlier run
#   CONFIG=NAME   scratch: vgg-a, vgg-b, vgg16 or vgg19 (default vgg-a)
#   SIZE=N        scratch: of the photos, in pixels (default 64)
#   UNITS=N       scratch: of fc6 and fc7 (default 4096)
#   EPOCHS=N      (default 3)
#   BATCH=N       (default 8)
#   ROUNDS=N      turns of each (default 3)
#   PEERS="..."   some of keras keras-compiled pytorch pytorch-compiled (default keras pytorch)
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/peers/participants.sh # photos, weights, python, work

training=${TRAINING:-block5}
peers=${PEERS-keras pytorch}
epochs=${EPOCHS:-3}
batch=${BATCH:-8}
config=${CONFIG:-vgg-a} size=${SIZE:-64} units=${UNITS:-4096}
case $training in
block5) what="block 5 and a head" ;;
scratch) what="$config from random weights, ${size}x$size pixels, $units units" ;;
*)
	echo "bench-training-peers.sh: TRAINING is $training: use block5 or scratch" >&2
	exit 2
	;;
esac

# All environments first: an installation between the runs would disturb them.
for peer in $peers; do scripts/peers/environment.sh "${peer%-compiled}" >/dev/null; done
features=${FEATURES:-$work/features}
if [ "$training" = scratch ]; then
	link_photos "${SAMPLE:-500}" "$work/photos" >/dev/null
elif [ ! -e "$features" ]; then
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
	local command
	case $training in
	block5) command=(train --features "$features" --unfreeze block5 --test-fraction 0 --patience "$1") ;;
	scratch) command=(scratch --images "$work/photos" --labels prefix --config "$config" --size "$size" --units "$units" --device cpu --overwrite) ;;
	esac
	run product "$1" bin/finetune "${command[@]}" --quiet --json --batch "$batch" --epochs "$1" --out "$work/trained"
}
peer() { # NAME EPOCHS
	local options
	rm -rf "$work/checkpoint" # of which Keras would make use
	case $training in
	block5) options=(--features "$features" --weights "$weights") ;;
	scratch) options=(--photos "$work/photos" --config "$config" --size "$size" --units "$units" --out "$work/checkpoint") ;;
	esac
	if [[ $1 == *-compiled ]]; then options+=(--compile); fi
	run "$1" "$2" "$(scripts/peers/environment.sh "${1%-compiled}")" "scripts/peers/${1%-compiled}_training.py" "$training" \
		"${options[@]}" --validation "$validation" --epochs "$2" --batch "$batch"
}

for _ in $(seq "${ROUNDS:-3}"); do
	for n in 1 $((1 + epochs)); do
		product "$n"
		validation=$("$python" scripts/peers/training_table.py measured "$work/product-$n.json")
		for name in $peers; do peer "$name" "$n"; done
	done
	"$python" scripts/peers/training_table.py table "$work" "$epochs" "$batch" "$what"
done
