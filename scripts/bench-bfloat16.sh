#!/usr/bin/env bash
# What bfloat16's rounding costs, on any CPU: a model that rounds as AVX512_BF16 and AMX do beside
# the float32 one, the cosines of their features and the accuracies of heads on both. It says
# nothing of bfloat16's speed, which PRECISION=bfloat16 make bench-peers measures where a CPU has
# it. Run make build before.
#
#   PHOTOS=DIR   JPEG photos, labelled by their names (default ../shared/cats-vs-dogs/train)
#   SAMPLE=N     the number of photos (default 0: all)
#   SEEDS=...    of the photos kept out (default "1 2 3")
set -euo pipefail
cd "$(dirname "$0")/.."

photos=${PHOTOS:-../shared/cats-vs-dogs/train}
python=$(scripts/peers/environment.sh keras)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

TF_CPP_MIN_LOG_LEVEL=3 "$python" scripts/peers/bfloat16.py vgg/imagenet/vgg16-conv-float16.safetensors "$work/bfloat16" 2>"$work/log" ||
	{ cat "$work/log" >&2; exit 1; }
extract() { # NAME MODEL LAYER
	bin/extract --quiet --out "$work/$1-features" --labels prefix --pool avg --sample "${SAMPLE:-0}" --model "$2" --layers "$3" --preprocessing caffe "$photos" || [ $? -eq 3 ]
}
extract float32 vgg16 pool5
extract bfloat16 "$work/bfloat16" block5_pool

echo "cosine of averaged pool5, least and mean: $("$python" scripts/peers/compare.py "$work/float32-features/data" "$work/bfloat16-features/data" block5_pool)"
for seed in ${SEEDS:-1 2 3}; do
	for precision in float32 bfloat16; do
		bin/finetune train --quiet --features "$work/$precision-features" --test-fraction 0.2 --seed "$seed" --out "$work/head.json" >"$work/report"
		printf 'seed %s, %-9s ' "$seed" "$precision"
		grep -m 1 -E '^accuracy' "$work/report"
	done
done
