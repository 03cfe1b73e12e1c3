#!/usr/bin/env bash
# Runs every fuzz target of the tree for a while: scripts/fuzz.sh 10s
#
# The test program of each package is built once for all of its targets, and run as go test runs it: in
# the package's directory, with the inputs that earlier runs have found in Go's cache.
set -euo pipefail
cd "$(dirname "$0")/.."
eval "$(scripts/deps.sh env)"
time=${1:-10s}
module=$(go list -m)
cache=$(go env GOCACHE)/fuzz/$module
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export work time cache

# The program of the package ./a/b is $work/./a/b/test.
build() {
	mkdir -p "$work/$1"
	go test -c -ldflags="$FOVEA_TEST_LDFLAGS" -tags nocloud -fuzz . -o "$work/$1/test" "$1"
}
export -f build

# Go's fuzzer now and then reports its own deadline as a failure, without an input that fails.
# Such a run is repeated; one that found something is not.
fuzz() { # fuzz PACKAGE TARGET
	local log
	log=$(mktemp "$work/log.XXXXXX")
	for attempt in 1 2 3; do
		if (cd "$1" && "$work/$1/test" -test.paniconexit0 -test.run '^$' -test.fuzz "^$2\$" -test.fuzztime "$time" -test.fuzzminimizetime 5x \
			-test.fuzzcachedir "$cache/$1" -test.parallel 1) </dev/null >"$log" 2>&1; then
			echo "fuzz: $1 $2 for $time: $(tail -n 2 "$log" | head -n 1)"
			return
		fi
		if ! grep -q 'context deadline exceeded' "$log" || grep -q 'Failing input written' "$log"; then
			break
		fi
		echo "fuzz: $1 $2: attempt $attempt ended by the fuzzer's own deadline"
	done
	echo "fuzz: $1 $2 failed"
	cat "$log"
	return 255 # for xargs, which then begins no other
}
export -f fuzz

packages=$(grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n 1 dirname | sort -u)
# Two at a time, since the Go command reads packages and links on one processor; but the first alone, which
# compiles most of what all have in common.
build "${packages%%$'\n'*}"
echo "$packages" | xargs -P 2 -I '{}' bash -euc 'build {}'
# Each target has one processor, so that two run at a time.
grep -H '^func Fuzz' $(find . -name '*_test.go') | sed -E 's,/[^/]*_test.go:func (Fuzz[A-Za-z0-9_]*).*, \1,' | sort |
	xargs -P 2 -L 1 bash -euc 'fuzz "$@"' fuzz
