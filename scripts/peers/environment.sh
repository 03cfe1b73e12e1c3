#!/usr/bin/env bash
# Prints the interpreter of a peer's Python environment, which is made in the cache on first use:
# environment.sh keras|pytorch|onnxruntime|openvino
set -euo pipefail
python=$(cd "$(dirname "$0")/.." && pwd)/python.sh

"$python" install "peer-$1"
interpreter=$("$python" path "peer-$1")
[ -n "$interpreter" ] || exit 1
echo "$interpreter"
