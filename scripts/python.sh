#!/usr/bin/env bash
# Makes the Python environments that the product is checked against. The product itself needs
# no Python.
#
#   scripts/python.sh install [NAME]   make one, unless that is done already
#   scripts/python.sh path [NAME]      print the path of its interpreter, nothing if there is none
#
# NAME is readers (pyarrow, DuckDB, Polars, pandas; the default), more-readers (these and ClickHouse,
# DataFusion, daft and others, large ones), tensorflow (which loads what
# is exported; of the version that wants another NumPy than the readers) or scikit-learn (which
# finetune is timed beside).
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
name=${2:-readers}
options=()
base=
case "$name" in
readers) requirements=$root/testdata/python/requirements.txt missing="tests with Python readers will be skipped" ;;
tensorflow)
	requirements=$root/testdata/python/requirements-tensorflow.txt missing="exported models will not be tested in Python's TensorFlow"
	# The list is complete, and less than what TensorFlow asks for; what is not imported
	# is not worth compiling.
	options=(--no-deps --no-compile)
	;;
more-readers)
	requirements=$root/testdata/python/requirements-more-readers.txt missing="fewer programs will be tried on datasets"
	options=(--no-deps --no-compile)
	base=readers
	;;
scikit-learn) requirements=$root/testdata/python/requirements-scikit-learn.txt missing="nothing will be compared with scikit-learn" ;;
*)
	echo "python: there is no environment $name: use readers, more-readers, tensorflow or scikit-learn" >&2
	exit 2
	;;
esac
cache=${FOVEA_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/fovea}
# Another list of versions is another environment.
venv=$cache/python-$(cat "$requirements" ${base:+"$root/testdata/python/requirements.txt"} | cksum | cut -d ' ' -f 1)
python=${PYTHON:-python3}

case "${1:-}" in
install)
	[ -e "$venv/.complete" ] && exit 0
	mkdir -p "$cache"
	rm -rf "$venv"
	if ! "$python" -m venv "$venv" >&2 ||
		! "$venv/bin/pip" install --quiet --disable-pip-version-check "${options[@]}" -r "$requirements" >&2; then
		rm -rf "$venv"
		echo "python: the environment $name could not be made (the message is above): $missing" >&2
		exit 0
	fi
	if [ -n "$base" ] && ! { below=$("$0" path "$base") && [ -n "$below" ] &&
		"$below" -c 'import sysconfig; print(sysconfig.get_path("purelib"))' \
			>"$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/base.pth"; }; then
		rm -rf "$venv"
		echo "python: the environment $name adds to $base, which is not there: $missing" >&2
		exit 0
	fi
	touch "$venv/.complete"
	;;
path)
	if [ -e "$venv/.complete" ]; then echo "$venv/bin/python"; fi
	;;
*)
	echo "usage: scripts/python.sh install|path [readers|more-readers|tensorflow|scikit-learn]" >&2
	exit 2
	;;
esac
