#!/usr/bin/env bash
# How well heads tell what they do not know: areas under the ROC curve of novelty, of the largest probability
# and of energy, on the same images. Tasks:
#
#   cats     heads for cats alone, of the two halves that k-means finds; unknown are dogs
#   dogs     heads for dogs alone; unknown are cats
#   turned   which way is up on photos of cats, of dogs (make_rotated.py); unknown are dogs, cats, turned alike
#   both     cats and dogs; unknown are odd pictures: the corpora of make corpora (test images of Pillow,
#            libjpeg-turbo and libpng), testdata/picture, the animals of testdata/photos, scikit-learn's samples
#
#   PHOTOS=DIR   photos cat.*.jpg and dog.*.jpg (default ../shared/cats-vs-dogs/train)
#   WORK=DIR     room for 1 GB, which is kept, and what is there is not made again (default: a temporary directory)
set -euo pipefail
cd "$(dirname "$0")/.."
eval "$(scripts/deps.sh env)"

photos=$(realpath "${PHOTOS:-../shared/cats-vs-dogs/train}")
scripts/python.sh install
scripts/python.sh install scikit-learn
testdata/picture/corpora.sh
pillow=$(scripts/python.sh path) python=$(scripts/python.sh path scikit-learn)
[ -n "$pillow" ] && [ -n "$python" ] || { echo "bench-novelty: Pillow and scikit-learn are needed: scripts/python.sh says why they could not be installed" >&2; exit 1; }
work=${WORK:-}
if [ -z "$work" ]; then
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
fi
mkdir -p "$work/bin"
go build -o "$work/bin" ./cmd/extract ./cmd/finetune

features() { # NAME LABELS IMAGES: an averaged pool5, as a dataset and as npy
	[ -e "$work/$1.npy" ] && return
	local again=()
	if [ -e "$work/$1.features" ]; then again=(--resume); fi
	"$work/bin/extract" --quiet "${again[@]}" --out "$work/$1.features" --labels "$2" --pool avg "$3" || [ $? = 3 ] # some odd ones are broken
	"$work/bin/extract" dataset export --quiet --format npy --out "$work/$1.npy" "$work/$1.features"
}

features both prefix "$photos"
for kind in cat dog; do
	if [ ! -e "$work/turned-$kind" ]; then
		mkdir -p "$work/photos-$kind"
		ln -sf "$photos/$kind".*.jpg "$work/photos-$kind"
		"$pillow" testdata/training/make_rotated.py "$work/photos-$kind" "$(find "$work/photos-$kind" -type l | wc -l)" "$work/turned-$kind"
	fi
	features "turned-$kind" dir "$work/turned-$kind"
	"$python" testdata/head/halves.py "$work/both.npy" "$kind." >"$work/$kind.csv"
	features "halves-$kind" "csv:$work/$kind.csv" "$work/photos-$kind"
done
if [ ! -e "$work/odd" ]; then
	mkdir -p "$work/odd/photos"
	for corpus in pillow libjpeg-turbo libpng1.6; do
		found=$(testdata/picture/corpora.sh path "$corpus")
		if [ -d "$found" ]; then cp -r "$found" "$work/odd/$corpus"; fi
	done
	cp -r testdata/picture "$work/odd"
	cp testdata/photos/other.* "$work/odd/photos"
	cp "$("$python" -c 'import sklearn.datasets as d; print(d.__path__[0])')"/images/*.jpg "$work/odd/photos"
fi
features odd none "$work/odd"

task() { # NAME KNOWN UNKNOWN FLAGS...
	"$work/bin/finetune" train --quiet --features "$work/$2.features" --out "$work/$1.head" "${@:4}" >"$work/$1.txt"
	echo "$1:"
	"$python" testdata/head/bench_novelty.py "$work/$2.npy" "$work/$1.head" "$work/$3.npy" "${predictions[@]}"
}

predictions=()
task cats halves-cat halves-dog
task dogs halves-dog halves-cat
task turned-cats turned-cat turned-dog
task turned-dogs turned-dog turned-cat
# What the program itself says of some of them.
task both both odd >/dev/null
"$work/bin/finetune" predict --quiet --head "$work/both.head" "$work/odd/photos"/* "$photos"/*01.jpg >"$work/predictions.csv"
sed -i "s|^$photos/||; s|^$work/odd/||" "$work/predictions.csv"
predictions=("$work/predictions.csv")
task both both odd
