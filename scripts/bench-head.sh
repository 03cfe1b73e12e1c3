#!/usr/bin/env bash
# Times softmax regression beside scikit-learn's LogisticRegression (lbfgs), on the same rows
# with the same objective: one strength of regularization, and the whole cross-validation.
# Both are run in turn, RUNS times, and the fastest of each counts.
#
#   PYTHON=FILE  an interpreter with scikit-learn (default: that of scripts/python.sh, made if need be)
#   ROWS=N       rows, of which 5/6 are trained on (default 30000)
#   COLUMNS=N    (default 4096)
#   CLASSES=LIST (default "2 10")
#   LAMBDA=X     the strength (default 0.01)
#   RUNS=N       (default 3)
set -euo pipefail
cd "$(dirname "$0")/.."
eval "$(scripts/deps.sh env)"

python=${PYTHON:-}
if [ -z "$python" ]; then
	scripts/python.sh install scikit-learn
	python=$(scripts/python.sh path scikit-learn)
fi
if ! "${python:-false}" -c 'import sklearn' 2>/dev/null; then
	echo "bench-head: PYTHON=FILE must name an interpreter with scikit-learn (pip install scikit-learn)" >&2
	exit 1
fi
lambda=${LAMBDA:-0.01}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
go test -c -o "$work/head.test" ./head
for classes in ${CLASSES:-2 10}; do
	"$python" testdata/head/bench.py make "$work" "$classes" "${ROWS:-30000}" "${COLUMNS:-4096}"
	: >"$work/go-$classes" >"$work/py-$classes"
	for _ in $(seq "${RUNS:-3}"); do
		FOVEA_BENCH_HEAD=$work FOVEA_BENCH_LAMBDA=$lambda "$work/head.test" -test.run '^TestSpeed$' | grep '^{' >>"$work/go-$classes"
		"$python" testdata/head/bench.py fit "$work" "$lambda" >>"$work/py-$classes"
	done
	"$python" testdata/head/bench.py table "$work" "$classes" "$work/go-$classes" "$work/py-$classes"
done
