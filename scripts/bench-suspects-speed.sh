#!/usr/bin/env bash
# Times the out-of-fold probabilities of `finetune suspects` beside training and beside scikit-learn, which does the same
# (folds, folds without the surest errors, neighbours) at the strength that was chosen. They take turns; the least of
# each counts.
#
#   ROWS=N       (default 25000)
#   COLUMNS=N    (default 4096)
#   CLASSES=N    (default 2)
#   RUNS=N       (default 3)
#   FOLDS=N      of five that scikit-learn fits and counts for all, 0 for none of it (default 5)
set -euo pipefail
cd "$(dirname "$0")/.."
eval "$(scripts/deps.sh env)"
scripts/python.sh install scikit-learn
python=$(scripts/python.sh path scikit-learn)
[ -n "$python" ] || exit 1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
go test -tags nocloud -c -o "$work/head.test" ./head
"$python" testdata/head/bench.py make "$work" "${CLASSES:-2}" "${ROWS:-25000}" "${COLUMNS:-4096}"
: >"$work/ours" >"$work/theirs"
for _ in $(seq "${RUNS:-3}"); do
	FOVEA_BENCH_OUT_OF_FOLD=$work "$work/head.test" -test.run '^TestOutOfFoldSpeed$' -test.timeout 1h | grep '^{' | tee -a "$work/ours" >&2
	if [ "${FOLDS:-5}" -gt 0 ]; then
		lambda=$("$python" -c 'import json, sys; print(json.loads(open(sys.argv[1]).readline())["lambda"])' "$work/ours")
		"$python" testdata/head/bench_suspects.py fit "$work" "$lambda" "${FOLDS:-5}" | tee -a "$work/theirs" >&2
	fi
done
"$python" testdata/head/bench_suspects.py table "$work" "$work/ours" "$work/theirs"
