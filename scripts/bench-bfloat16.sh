#!/usr/bin/env bash
# What bfloat16's rounding costs, on any CPU: a model that rounds as AVX512_BF16 and AMX do beside
# the float32 one and, where the CPU has it, bfloat16 itself; the cosines of their features with
# float32's and the accuracies of heads on all. make bench-peers measures its speed.
# Run make build before.
#
#   PHOTOS=DIR   JPEG photos, labelled by their names (default ../shared/cats-vs-dogs/train)
#   SAMPLE=N     the number of photos (default: all)
#   SEEDS=...    of the test photos (default "1 2 3")
set -euo pipefail
cd "$(dirname "$0")/.."

photos=${PHOTOS:-../shared/cats-vs-dogs/train}
python=$(scripts/peers/environment.sh keras)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

TF_CPP_MIN_LOG_LEVEL=3 "$python" scripts/peers/bfloat16.py vgg/imagenet/vgg16-conv-float16.safetensors "$work/bfloat16" 2>"$work/log" ||
	{ cat "$work/log" >&2; exit 1; }
cosines() { # NAME LAYER
	echo "cosine of averaged pool5, $1, least and mean: $("$python" scripts/peers/compare.py "$work/float32-features/data" "$work/$1-features/data" "$2")"
}
extract() { # NAME MODEL LAYER [ARGUMENT...]
	bin/extract --quiet "${@:4}" --out "$work/$1-features" --labels prefix --pool avg ${SAMPLE:+--sample "$SAMPLE"} --model "$2" --layers "$3" --preprocessing caffe "$photos" || [ $? -eq 3 ]
}
extract float32 vgg16 pool5
extract rounding "$work/bfloat16" block5_pool
cosines rounding block5_pool
kinds="float32 rounding"
if extract bfloat16 vgg16 pool5 --precision bfloat16 2>"$work/log"; then
	cosines bfloat16 pool5
	kinds+=" bfloat16"
else
	cat "$work/log"
fi
for seed in ${SEEDS:-1 2 3}; do
	for precision in $kinds; do
		bin/finetune train --quiet --features "$work/$precision-features" --test-fraction 0.2 --seed "$seed" --out "$work/head" >"$work/report"
		printf 'seed %s, %-9s ' "$seed" "$precision"
		grep -m 1 -E '^accuracy' "$work/report"
	done
done
