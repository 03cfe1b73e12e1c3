#!/usr/bin/env bash
# The memory of extract over many images of mixed sizes, 32 to 4000 pixels' width, with a
# model of 1,213 weights, so that decoding is what limits it: samples over the time, and the
# most of all. A model adds what its weights and maps take (docs/operations.md).
#
#   PICTURES=N  default 100000
set -euo pipefail
cd "$(dirname "$0")/.."
eval "$(scripts/deps.sh env)"
FOVEA_TEST_MEMORY_PICTURES=${PICTURES:-100000} go test ./cmd -run '^TestExtractMemory$' -count 1 -timeout 60m -v |
	sed -n 's/^ *memory_test.go:[0-9]*: //p; /^--- \|^FAIL\|^ok/p'
