#!/usr/bin/env bash
# Makes the Python environments that the product is checked against. The product itself needs
# no Python.
#
#   scripts/python.sh install [NAME]   make one, unless that is done already
#   scripts/python.sh path [NAME]      print the path of its interpreter, nothing if there is none
#   scripts/python.sh lock [NAME]      write the hashes of its list anew, after a change of the list
#
# NAME is readers (pyarrow, DuckDB, Polars, pandas; the default), more-readers (these and ClickHouse,
# DataFusion, daft and others, large ones), tensorflow (which loads what
# is exported; of the version that wants another NumPy than the readers), scikit-learn (which
# finetune is timed beside), umap (umap-learn, which maps are compared with), pictures (Pillow and its plug-ins),
# sbom (which validates bills of materials), serving (clients of finetune serve's protocols), build (what builds source
# archives), lock (what writes lists with hashes), or peer-NAME for a list in scripts/peers.
#
# Each list, requirements-NAME.txt, has a file beside it with all that it brings with it and the
# SHA-256 of every file that the registry has of each (requirements-NAME.lock). Only those are installed.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
lists=$root/testdata/python
name=${2:-readers}
requirements=$lists/requirements-$name.txt
# What is not a wheel would have its own code run to be built, out of whatever it asks for.
wheels=(--only-binary=:all:)
options=()
locking=(--universal)
base=
case "$name" in
readers)
	requirements=$lists/requirements.txt missing="tests with Python readers will be skipped"
	# PySpark is published as source alone. It is built with what is in the list of build.
	wheels+=(--no-binary=pyspark --no-build-isolation)
	;;
tensorflow | more-readers)
	missing="exported models will not be tested in Python's TensorFlow"
	# The list is complete, and less than what TensorFlow asks for; what is not imported
	# is not worth compiling.
	options=(--no-deps --no-compile)
	locking+=(--no-deps)
	if [ "$name" = more-readers ]; then base=readers missing="fewer programs will be tried on datasets"; fi
	;;
scikit-learn) missing="nothing will be compared with scikit-learn" ;;
pictures) missing="photos will not be compared with Pillow's HEIC and AVIF" ;;
umap) missing="maps will not be compared with umap-learn's" ;;
sbom) missing="the bill of materials will not be validated" ;;
serving) missing="the server will not be tried with clients of its protocols" ;;
build) missing="what is published as source alone cannot be installed" ;;
lock) missing="lists with hashes cannot be written" ;;
peer-*) requirements=$root/scripts/peers/requirements-${name#peer-}.txt missing="it cannot be compared" ;;
esac
# This TensorFlow asks Windows for a package that is not there.
if [ "$name" = peer-keras ]; then locking=(--python-platform x86_64-manylinux_2_28); fi
lock=${requirements%.txt}.lock
if [ ! -e "$requirements" ]; then
	echo "python: there is no environment $name: use readers, more-readers, tensorflow, scikit-learn, umap, pictures, sbom, serving, build, lock, or peer- and the name of a list in scripts/peers" >&2
	exit 2
fi
if [ "${1:-}" = lock ] && [ ! -e "$lock" ]; then : >"$lock"; fi # of a new list
cache=${FOVEA_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/fovea}
# Another list of versions or hashes is another environment.
venv=$cache/python-$(cat "$requirements" "$lock" ${base:+"$lists/requirements.txt"} | cksum | cut -d ' ' -f 1)
python=${PYTHON:-python3}

install_list() { # install_list LOCK OPTION...
	local list=$1
	shift
	"$venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes "$@" -r "$list" >&2
}

install_all() {
	"$python" -m venv "$venv" >&2 || return
	if [ "$name" = readers ]; then install_list "$lists/requirements-build.lock" --only-binary=:all: || return; fi
	install_list "$lock" "${wheels[@]}" "${options[@]}"
}

write_lock() {
	local writer index
	"$0" install lock
	writer=$("$0" path lock)
	[ -n "$writer" ] || exit 1
	# The registry is the one that pip uses. Its name stays out of the list.
	index=${PIP_INDEX_URL:-$("$python" -m pip config get global.index-url 2>/dev/null || true)}
	"$(dirname "$writer")/uv" pip compile --quiet --python-version 3.11 --generate-hashes \
		--no-annotate --no-header --no-emit-index-url "${locking[@]}" ${index:+--index-url "$index"} \
		"$requirements" >"$lock.partial"
	{
		echo "# Made from $(basename "$requirements") by: scripts/python.sh lock $name"
		cat "$lock.partial"
	} >"$lock"
	rm "$lock.partial"
}

case "${1:-}" in
install)
	[ -e "$venv/.complete" ] && exit 0
	mkdir -p "$cache"
	rm -rf "$venv"
	if ! install_all; then
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
lock) write_lock ;;
*)
	echo "usage: scripts/python.sh install|path|lock [NAME]" >&2
	exit 2
	;;
esac
