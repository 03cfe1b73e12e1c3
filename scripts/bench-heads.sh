#!/usr/bin/env bash
# What heads are worth: accuracy and log loss of finetune's best head (--model auto), of softmax regression with and
# without a temperature, and of scikit-learn's LogisticRegressionCV on standardized features, on the same folds of the
# same rows. The tasks are what a photo shows (cats and dogs), how it was turned (rot4, rot8, mirrored, ways), few rows,
# unequal classes, several layers, and data sets that come with scikit-learn. Run make build before.
#
#   PHOTOS=DIR     JPEG photos, labelled by their names (default ../shared/cats-vs-dogs/train)
#   TASKS="..."    which of them (default all)
#   KINDS="..."    of auto softmax plain (default all)
#   WORK=DIR       keeps features and tasks there for the next run (default: a temporary directory)
set -euo pipefail
cd "$(dirname "$0")/.."
eval "$(scripts/deps.sh env)"
scripts/python.sh install
scripts/python.sh install scikit-learn
python=$(scripts/python.sh path scikit-learn)
photos=${PHOTOS:-../shared/cats-vs-dogs/train}
work=${WORK:-}
if [ -z "$work" ]; then
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
fi
mkdir -p "$work"

features() { # NAME LABELS DIR
	if [ ! -d "$work/$1" ]; then
		bin/extract --quiet --out "$work/$1" --labels "$2" --layers conv4_3,conv5_3,pool5 --pool avg "$3"
	fi
}
if [ ! -d "$work/tasks" ]; then
	for what in ways turns; do
		"$(scripts/python.sh path)" scripts/heads/turned.py "$what" "$photos" "$work/photos-$what"
		features "$what" dir "$work/photos-$what"
	done
	features photos prefix "$photos"
	"$python" scripts/heads/tasks.py make "$work/tasks" "$work/photos" "$work/ways" "$work/turns"
fi
go test -c -tags nocloud -o "$work/head.test" ./head
read -ra tasks <<<"${TASKS:-$(ls "$work/tasks" | paste -sd ' ')}"
for task in "${tasks[@]}"; do
	FOVEA_BENCH_TASK=$work/tasks/$task FOVEA_BENCH_KINDS=${KINDS:-} "$work/head.test" -test.run '^TestTasks$' -test.timeout 2h >"$work/log" || {
		cat "$work/log" >&2
		exit 1
	}
	if [ ! -e "$work/tasks/$task/p-scikit-learn.f64" ]; then
		"$python" scripts/heads/tasks.py fit "$work/tasks" "$task"
	fi
done
"$python" scripts/heads/tasks.py table "$work/tasks" "${tasks[@]}"
