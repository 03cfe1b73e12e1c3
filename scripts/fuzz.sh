#!/usr/bin/env bash
# Runs every fuzz target of the tree for a while: scripts/fuzz.sh 10s
set -euo pipefail
cd "$(dirname "$0")/.."
eval "$(scripts/deps.sh env)"
time=${1:-10s}
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# Go's fuzzer now and then reports its own deadline as a failure, without an input that fails.
# Such a run is repeated; one that found something is not.
fuzz() {
	for attempt in 1 2 3; do
		if go test "$1" -run '^$' -fuzz "^$2\$" -fuzztime "$time" -fuzzminimizetime 5x </dev/null >"$log" 2>&1; then
			tail -n 1 "$log"
			return
		fi
		if ! grep -q 'context deadline exceeded' "$log" || grep -q 'Failing input written' "$log"; then
			break
		fi
		echo "fuzz: attempt $attempt ended by the fuzzer's own deadline"
	done
	cat "$log"
	return 1
}

grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n 1 dirname | sort -u | while read -r package; do
	grep -h '^func Fuzz' "$package"/*_test.go | sed 's/func \(Fuzz[A-Za-z0-9_]*\).*/\1/' | while read -r target; do
		echo "fuzz: $package $target for $time"
		fuzz "$package" "$target"
	done
done
