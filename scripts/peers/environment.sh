#!/usr/bin/env bash
# Prints the interpreter of a peer's Python environment, which is made in the cache on first use:
# environment.sh keras|pytorch|onnxruntime|openvino
set -euo pipefail
cd "$(dirname "$0")"

requirements=requirements-$1.txt
venv=${FOVEA_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/fovea}/peer-$1-$(cksum <"$requirements" | cut -d ' ' -f 1)
if [ ! -e "$venv/.complete" ]; then
	rm -rf "$venv"
	"${PYTHON:-python3}" -m venv "$venv" >&2
	"$venv/bin/pip" install --quiet --disable-pip-version-check -r "$requirements" >&2
	touch "$venv/.complete"
fi
echo "$venv/bin/python"
