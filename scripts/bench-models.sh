#!/usr/bin/env bash
# Models beyond VGG: Keras's ResNet50, EfficientNetB0 and ConvNeXtTiny with random weights, the whole command
# from JPEG to Parquet with this project's convolutions and with TensorFlow's, and OpenVINO in float32, in turns.
# Prints user and system seconds and those on the clock. Run make build before.
#
#   PHOTOS=DIR   JPEG photos (default ../shared/cats-vs-dogs/train)
#   SAMPLE=N     the number of photos (default 400)
#   RUNS=N       turns (default 3)
#   EXTRACT=FILE the program (default bin/extract)
#   MODELS=NAMES the models (default all)
set -euo pipefail
cd "$(dirname "$0")/.."

photos=${PHOTOS:-../shared/cats-vs-dogs/train}
extract=$(realpath "${EXTRACT:-bin/extract}")
scripts/python.sh install tensorflow
tensorflow=$(scripts/python.sh path tensorflow)
openvino=$(scripts/peers/environment.sh openvino)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/photos"
while read -r name; do ln -s "$(realpath "$photos")/$name" "$work/photos/"; done < <(find "$photos/" -name '*.jpg' -printf '%f\n' | sort | awk -v n="${SAMPLE:-400}" 'NR % 5 == 1 && n-- > 0')

layers() {
	case "$1" in
	ResNet50) echo resnet50_1/avg_pool_1 caffe ;;
	EfficientNetB0) echo efficientnetb0_1/avg_pool_1 none ;;
	ConvNeXtTiny) echo convnext_tiny_1/convnext_tiny_head_layernorm_1 none ;;
	esac
}

timed() { # WHAT COMMAND...
	local what=$1
	shift
	/usr/bin/time -f "$what: %U user, %S system, %e seconds" -o "$work/time" "$@" >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
	cat "$work/time"
}

for model in ${MODELS:-ResNet50 EfficientNetB0 ConvNeXtTiny}; do
	"$tensorflow" scripts/peers/export_models.py "$work" "$model" >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
	read -r layer preprocessing < <(layers "$model")
	for _ in $(seq "${RUNS:-3}"); do
		for how in auto direct; do
			timed "$model, $how" "$extract" --quiet --device cpu --convolutions "$how" --preprocessing "$preprocessing" --model "$work/$model" --layers "$layer" --pool avg --overwrite --out "$work/features" "$work/photos"
		done
		timed "$model, OpenVINO" "$openvino" scripts/peers/openvino_model.py --photos "$work/photos" --model "$work/$model" --preprocessing "$preprocessing" --out "$work/features.parquet"
	done
done
