#!/usr/bin/env bash
# Makes the Python environment with the readers (pyarrow, DuckDB, Polars, pandas) that the
# tests check the written files against. The product itself needs no Python.
#
#   scripts/python.sh install   make it, unless that is done already
#   scripts/python.sh path      print the path of its interpreter, nothing if there is none
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
requirements=$root/testdata/python/requirements.txt
cache=${FOVEA_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/fovea}
# Another list of versions is another environment.
venv=$cache/python-$(cksum <"$requirements" | cut -d ' ' -f 1)
python=${PYTHON:-python3}

case "${1:-}" in
install)
	[ -e "$venv/.complete" ] && exit 0
	mkdir -p "$cache"
	rm -rf "$venv"
	if ! "$python" -m venv "$venv" >&2 || ! "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$requirements" >&2; then
		rm -rf "$venv"
		echo "python: no environment could be made (the message is above): tests with Python readers will be skipped" >&2
		exit 0
	fi
	touch "$venv/.complete"
	;;
path)
	if [ -e "$venv/.complete" ]; then echo "$venv/bin/python"; fi
	;;
*)
	echo "usage: scripts/python.sh install|path" >&2
	exit 2
	;;
esac
