#!/usr/bin/env bash
# The whole command, JPEG files to Parquet, as CPUs with fewer instructions compute it: the program is built once for
# each set of instructions, without those that are better, and all of them extract VGG16's pool5 in turns, in float32
# and in int16. Prints user seconds, their median and least, and how much faster int16 is than float32 by the same
# registers; and says whether the features are the same.
#
#   PHOTOS=DIR   JPEG photos (default ../shared/cats-vs-dogs/train)
#   SAMPLE=N     the number of photos (default 100)
#   RUNS=N       turns (default 3)
#   BEFORE=FILE  another version's extract, which takes turns, too
set -euo pipefail
cd "$(dirname "$0")/.."

photos=${PHOTOS:-../shared/cats-vs-dogs/train}
eval "$(scripts/deps.sh env)"
python=$(scripts/python.sh path)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Where the package looks for a processor's instructions. The others are left out there.
place=convolution/register_amd64.go
function='func supported(e engine) error {'
grep -qxF "$function" $place || { echo "$place has no $function" >&2; exit 1; }
for best in avx512 avxVNNI avx2; do
	awk -v line="$function" -v best=$best '{ print } $0 == line { print "\tif e.instructions < " best " {\n\t\treturn fmt.Errorf(\"convolution: %s is left out\", e)\n\t}" }' $place >"$work/$best.go"
	printf '{"Replace":{"%s":"%s"}}' "$PWD/$place" "$work/$best.go" >"$work/$best.json"
	go build -overlay "$work/$best.json" -tags nocloud -ldflags=-w -o "$work/$best" ./cmd/extract
done

turn() { # NAME PROGRAM PRECISION
	local TIMEFORMAT='%U'
	{ time { "$2" --quiet --device cpu --precision "$3" --overwrite --out "$work/$1-$3" --sample "${SAMPLE:-100}" --model vgg16 --layers pool5 "$photos" 2>"$work/log" || [ $? -eq 3 ]; }; } 2>"$work/seconds" ||
		{ cat "$work/log" >&2; return 1; }
	cat "$work/seconds" >>"$work/$1-$3.seconds"
}
for _ in $(seq "${RUNS:-3}"); do
	if [ -n "${BEFORE:-}" ]; then
		turn before "$BEFORE" float32
	fi
	for best in avx512 avxVNNI avx2; do
		turn $best "$work/$best" int16
		if [ $best != avxVNNI ]; then turn $best "$work/$best" float32; fi # it has none of its own
	done
done
"$python" scripts/peers/instructions.py "$work"
