# shellcheck shell=bash
# What bench-peers.sh and bench-accuracy.sh share: photos, the product in its precisions, and peers,
# which are called keras, pytorch, onnxruntime or openvino, with the precision behind a dash if it is
# not float32 (openvino-int8). Whoever sources it stands in the repository's root.

weights=vgg/imagenet/vgg16-conv-float16.safetensors
python=${PYTHON:-python3}
photos=${PHOTOS:-../shared/cats-vs-dogs/train}
[ -d "$photos" ] || photos=testdata/photos
calibration=${CALIBRATION:-100}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
: >"$work/notes" # for the table

# link_photos N DIR links every k-th photo, so that all kinds are there, and prints how many these are.
# Links all read alike.
link_photos() {
	mkdir "$2"
	find "$(realpath "$photos")" -name '*.jpg' | sort | awk -v n="$1" '
		{ paths[NR] = $0 }
		END { n = n < NR ? n : NR; for (i = 0; i < n; i++) print paths[int(i * NR / n) + 1] }' |
		while read -r photo; do ln -s "$photo" "$2/"; done
	find "$2" -type l | wc -l
}

precision_of() { case $1 in *-*) echo "${1#*-}" ;; *) echo float32 ;; esac; }
interpreter_of() { scripts/peers/environment.sh "${1%%-*}"; }

# known_precisions PRECISION... prints those in which the product runs here. Others get a line that
# says why not.
known_precisions() {
	local precision photo
	photo=$(find "$(realpath "$photos")" -name '*.jpg' | sort | head -n 1)
	for precision in "$@"; do
		if bin/extract --quiet --device cpu --precision "$precision" --out "$work/probe" "$photo" 2>"$work/log"; then
			echo "$precision"
		elif [ "$precision" = float32 ]; then
			cat "$work/log" >&2
			return 1
		else
			echo "left out: the product in $precision: $(head -n 1 "$work/log" | sed 's,^extract: inference: ,,')" | tee -a "$work/notes" >&2
		fi
		rm -rf "$work/probe"
	done
}

# known_peers PEER... prints those that this CPU has the arithmetic for.
known_peers() {
	local peer
	for peer in "$@"; do
		case $peer in
		keras | pytorch | onnxruntime | openvino | openvino-int8 | onnxruntime-int8) echo "$peer" ;;
		keras-bfloat16 | pytorch-bfloat16 | openvino-bfloat16)
			if grep -qE 'avx512_bf16|amx_bf16' /proc/cpuinfo; then
				echo "$peer"
			else
				echo "left out: $peer: this CPU has no bfloat16" | tee -a "$work/notes" >&2
			fi
			;;
		*)
			echo "$(basename "$0"): PEERS has $peer: use keras, pytorch, onnxruntime and openvino, and -int8 of the last two, -bfloat16 of all but onnxruntime" >&2
			return 2
			;;
		esac
	done
}

# prepare PEER... makes environments and models, before anything is timed.
prepare() {
	local peer
	for peer in "$@"; do interpreter_of "$peer" >/dev/null; done
	if [[ " $*" =~ \ (onnxruntime|openvino) ]]; then
		"$(interpreter_of onnxruntime)" scripts/peers/make_onnx.py "$weights" "$work/vgg16.onnx"
	fi
	for peer in "$@"; do if [[ $peer == *-int8 ]]; then quantize "$peer"; fi; done
}

# quantize PEER makes its int8 model from photos of the same directory.
quantize() {
	local interpreter used
	if [ ! -d "$work/calibration" ]; then
		local found
		found=$(link_photos "$calibration" "$work/calibration")
		if [ "$found" -lt "$calibration" ] || [ "$found" -lt 1 ]; then
			echo "$(basename "$0"): $photos has $found JPEG photos, and CALIBRATION says that $calibration calibrate the int8 models: set CALIBRATION=$found or add photos" >&2
			return 1
		fi
	fi
	interpreter=$(interpreter_of "$([ "$1" = openvino-int8 ] && echo nncf || echo onnxruntime)")
	echo "$1: quantizing by $calibration photos ..." >&2
	used=$("$python" scripts/peers/measure.py "$interpreter" "scripts/peers/quantize_${1%-int8}.py" \
		"$work/vgg16.onnx" "$work/calibration" "$calibration" "$(model_of "$1")" 2>"$work/log") || { cat "$work/log" >&2; return 1; }
	echo "$1: quantized by $calibration photos beforehand, in $(cut -d ' ' -f 1 <<<"$used") s, $(cut -d ' ' -f 2 <<<"$used") s of processor time" |
		tee -a "$work/notes" >&2
}

model_of() {
	case $1 in
	openvino-int8) echo "$work/openvino-int8.xml" ;;
	onnxruntime-int8) echo "$work/onnxruntime-int8.onnx" ;;
	onnxruntime* | openvino*) echo "$work/vgg16.onnx" ;;
	*) echo "$weights" ;;
	esac
}

# take WHO PHOTOS runs product-PRECISION or a peer on a directory of photos. Its features are in
# $work/WHO then; it prints its seconds, processor seconds and largest MB.
take() {
	local command
	echo "$1 ..." >&2
	rm -rf "${work:?}/$1"
	case $1 in
	product-*) command=(bin/extract --quiet --device cpu --precision "${1#product-}" --labels prefix --out "$work/$1" "$2") ;;
	*) command=("$(interpreter_of "$1")" "scripts/peers/${1%%-*}_peer.py" --photos "$2" --weights "$(model_of "$1")"
		--precision "$(precision_of "$1")" --out "$work/$1") ;;
	esac
	"$python" scripts/peers/measure.py "${command[@]}" 2>"$work/log" || { cat "$work/log" >&2; return 1; }
}

# features_of WHO is where its rows are.
features_of() { if [[ $1 == product-* ]]; then echo "$work/$1/data"; else echo "$work/$1"; fi; }
