#!/usr/bin/env bash
# Runs every fuzz target of the tree for a while: scripts/fuzz.sh 10s
set -euo pipefail
cd "$(dirname "$0")/.."
eval "$(scripts/deps.sh env)"
time=${1:-10s}
grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n 1 dirname | sort -u | while read -r package; do
	grep -h '^func Fuzz' "$package"/*_test.go | sed 's/func \(Fuzz[A-Za-z0-9_]*\).*/\1/' | while read -r target; do
		echo "fuzz: $package $target for $time"
		go test "$package" -run '^$' -fuzz "^$target\$" -fuzztime "$time" -fuzzminimizetime 5x </dev/null
	done
done
