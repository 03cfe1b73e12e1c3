#!/usr/bin/env bash
# Prints the packages whose tests the race detector watches; with "others", all others.
#
#   scripts/concurrent.sh [others]
#
# They are those that, or whose tests, start goroutines, serve, wait for processes or timers, share what is locked or
# atomic, or convert pointers, which is checked along with races. In others everything is done one after the other, in
# calls of packages that have tests of their own under the detector: it has nothing to find there, and makes what
# computes take up to ten times as long.
set -euo pipefail
cd "$(dirname "$0")/.."

# As go vet has it, comments are no code. What is called once at most (sync.OnceValue) need not be called by several.
concurrent='(^|[[:space:]{;])go [[:alnum:]_.]+[[({]|\.Go\(|\.(Parallel|RunParallel|Start)\(|AfterFunc|errgroup'
concurrent+='|sync\.(Mutex|RWMutex|WaitGroup|Cond|Map|Pool)|"sync/atomic"|"unsafe"|"net/http|"net"|import "C"'

go list -tags nocloud -f '{{.ImportPath}} {{.Dir}}' ./... | while read -r package dir; do
	found=others
	if sed 's,//.*,,' "$dir"/*.go | grep -E "$concurrent" >/dev/null; then found=; fi
	if [ "$found" = "${1:-}" ]; then echo "$package"; fi
done
