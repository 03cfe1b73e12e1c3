#!/usr/bin/env bash
# Fetches the test pictures that Pillow's source distribution ships, of which corpora.txt has
# the sums, for TestCorpora of package picture. Those of Go and golang.org/x/image come with
# these.
#
#   ./corpora.sh        fetch them (47 MB), unless that is done already
#   ./corpora.sh path   print where they are
set -euo pipefail

version=13.0.0
folder=${FOVEA_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/fovea}/pillow-$version
if [ "${1:-}" = path ]; then
	echo "$folder/images"
	exit 0
fi
[ -d "$folder/images" ] && exit 0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m pip download --quiet --no-deps --no-binary :all: --dest "$work" "pillow==$version"
mkdir "$work/unpacked"
tar -xzf "$work/pillow-$version.tar.gz" -C "$work/unpacked" --strip-components=2 --wildcards '*/Tests/images'
mkdir -p "$folder"
mv "$work/unpacked/images" "$folder/images"
