#!/usr/bin/env bash
# The whole job on real images: extract, train, evaluate, predict.
#
#   IMAGES=DIR   images of your own, labelled by their names (cat.17.jpg) or directories
#   LABELS=...   where labels come from: prefix, dir or csv:FILE (default: by the looks of IMAGES)
#   SAMPLE=N     the number of images (default 500, near 3 minutes on 2 cores; 0 for all)
#   OUT=DIR      where results go (default out/demo)
set -euo pipefail
cd "$(dirname "$0")/.."

out=${OUT:-out/demo}
sample=${SAMPLE:-500}
collection=../shared/cats-vs-dogs/train
shipped=testdata/photos
head=$out/demo.head
mkdir -p "$out"

bold() { if [ -t 1 ]; then printf '\n\033[1m%s\033[0m\n' "$*"; else printf '\n%s\n' "$*"; fi; }
tell() { printf '  $'; printf ' %q' "$@"; printf '\n'; } # so that it can be pasted
show() { tell "$@"; "$@"; }

images=${IMAGES:-}
if [ -z "$images" ] && [ -d "$collection" ]; then images=$collection; fi
start=$SECONDS

if [ -n "$images" ]; then
	labels=${LABELS:-}
	if [ -z "$labels" ]; then
		# Images in subdirectories are labelled by them, others by their names.
		if [ -n "$(find -L "$images" -mindepth 2 -type f -print -quit)" ]; then labels=dir; else labels=prefix; fi
	fi
	part=()
	if [ "$sample" -gt 0 ]; then part=(--sample "$sample"); fi
	bold "1. Extract: VGG16's pool5 of ${part:+up to $sample }images of $images"
	status=0
	show bin/extract --out "$out/features" --overwrite --labels "$labels" --pool avg "${part[@]}" "$images" || status=$?
	if [ "$status" -ne 0 ] && [ "$status" -ne 3 ]; then exit "$status"; fi
	bold "2. Train: softmax regression on three quarters of them"
	train=(bin/finetune train --features "$out/features" --test-fraction 0.25 --out "$head")
	tell "${train[@]}" # not show: its line would come after the log
	"${train[@]}" | sed '/^$/,$d' # what follows is step 3's
	bold "3. Evaluate: on the quarter that it has not seen"
	show bin/finetune evaluate --head "$head" --features "$out/features" --held-out
else
	bold "There is no collection of photos here (give one by IMAGES=DIR), and the few that ship
are too few to learn from: the head that ships, trained on 2,002 photos, is used on them."
	head=testdata/heads/cats-vs-dogs.json
	bold "1. Extract: VGG16's pool5 of the cats and dogs of $shipped"
	show bin/extract --out "$out/features" --overwrite --labels prefix --pool avg $shipped/cat.*.* $shipped/dog.*.*
	images=$shipped
	bold "2. Evaluate: the head that ships"
	show bin/finetune evaluate --head "$head" --features "$out/features"
fi

new=$(find $shipped -name '*.jpg' -o -name '*.png' | sort | tr '\n' ' ')
bold "Predict: photos from elsewhere (the last three are neither, which a novelty above 1 tells of most such images; --unknown LABEL would call those LABEL)"
# shellcheck disable=SC2086 # the names are ours, without spaces
show bin/finetune predict --head "$head" --quiet $new | tee "$out/predictions.csv"

bold "Done in $((SECONDS - start)) s. The files:"
printf '  %-34s %s\n' "$out/features/data/*.parquet" "features, one row per image" "$head" "the head" \
	"$out/predictions.csv" "the predictions above"
cat <<END

Look into the features:
  python3 -c "import pandas as pd; print(pd.read_parquet('$out/features/data')[['path', 'label', 'pool5']])"
  duckdb -c "select label, count(*), avg(list_sum(pool5)) from '$out/features/data/*.parquet' group by label"

Next, your own images:
  make demo IMAGES=path/to/images
  bin/extract --out features --labels dir --pool avg path/to/images

Look at these in the browser, on a map of what is similar, and correct their labels:
  bin/extract dataset explore --images "$images" --head "$head" "$out/features"
END
