#!/usr/bin/env bash
# Fetches the test pictures that other projects ship, of which corpora.txt has the sums, for
# TestCorpora of package picture: Pillow's, libjpeg-turbo's, and libpng's with the PngSuite, and pydicom's for
# TestDICOMCorpus.
# Those of Go and golang.org/x/image come with these.
#
#   ./corpora.sh               fetch them (53 MB), unless that is done already
#   ./corpora.sh path CORPUS   print where one of them is
#
# Pillow's and pydicom's come by pip, the others out of Debian's source packages by apt-get, which checks them by
# Debian's signatures: their versions are the distribution's. What cannot be fetched is told and left out.
set -euo pipefail

pillow=13.0.0
pillow_sum=cdcd1ba258178f7356d74170c9a81ba4eab6a5d55748bc402a5a2a6fe6be3510
pydicom=3.0.2
pydicom_sum=abf971a5440f84dbaf42c4b6758e30e62480902584f8b270b9a5d146e278a07b
scripts=$(cd "$(dirname "$0")/../../scripts" && pwd)
cache=${FOVEA_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/fovea}

folder() { # CORPUS
	case "$1" in
	pillow) echo "$cache/pillow-$pillow/images" ;;
	pydicom) echo "$cache/pydicom-$pydicom/test_files" ;;
	libjpeg-turbo | libpng1.6) echo "$cache/$1" ;;
	*) echo "corpora: there is no corpus $1" >&2; return 2 ;;
	esac
}

if [ "${1:-}" = path ]; then
	folder "${2:?the corpus is missing}"
	exit
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

keep() { # CORPUS DIR
	mkdir -p "$(dirname "$(folder "$1")")"
	mv "$2" "$(folder "$1")"
}

# pip looks into a source archive by running its build: with the tools of the list of build, not with
# what the archive would have fetched, and after comparing the archive's checksum.
fetch_pillow() {
	local python
	"$scripts/python.sh" install build
	python=$("$scripts/python.sh" path build)
	[ -n "$python" ] || return
	echo "pillow==$pillow --hash=sha256:$pillow_sum" >"$work/pillow.txt"
	"$python" -m pip download --quiet --disable-pip-version-check --require-hashes --no-deps --no-build-isolation --no-binary=pillow \
		--dest "$work" -r "$work/pillow.txt" >&2 &&
		mkdir "$work/pillow" &&
		tar -xzf "$work/pillow-$pillow.tar.gz" -C "$work/pillow" --strip-components=2 --wildcards '*/Tests/images' &&
		keep pillow "$work/pillow/images"
}

# pydicom's are in its wheel.
fetch_pydicom() {
	local python
	"$scripts/python.sh" install build
	python=$("$scripts/python.sh" path build)
	[ -n "$python" ] || return
	echo "pydicom==$pydicom --hash=sha256:$pydicom_sum" >"$work/pydicom.txt"
	"$python" -m pip download --quiet --disable-pip-version-check --require-hashes --no-deps --only-binary=pydicom --dest "$work" -r "$work/pydicom.txt" >&2 &&
		"$python" -m zipfile -e "$work/pydicom-$pydicom-py3-none-any.whl" "$work/pydicom" &&
		keep pydicom "$work/pydicom/pydicom/data/test_files"
}

# The system's own lists rarely name sources, and are not ours to change: apt-get gets a
# directory of its own, with the sources of what is in them.
sources() {
	mkdir -p "$work"/apt/{sources,state/lists/partial,cache/archives/partial,fetched}
	local list
	for list in /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list; do
		[ -e "$list" ] || continue
		# Without security updates, whose files mirrors often lack: they have the same pictures.
		case $list in
		*.sources) awk -v RS= -v ORS='\n\n' '!/-security/' "$list" ;;
		*) grep -v -e -security "$list" ;;
		esac | sed -E 's/^deb /deb-src /; s/^Types:.*/Types: deb-src/' >"$work/apt/sources/debian.${list##*.}"
		return
	done
	return 1
}

apt() {
	apt-get --quiet --quiet -o Dir::Etc::SourceList=/dev/null -o "Dir::Etc::SourceParts=$work/apt/sources" -o "Dir::State=$work/apt/state" \
		-o "Dir::Cache=$work/apt/cache" -o Dir::State::status=/var/lib/dpkg/status -o APT::Sandbox::User= "$@"
}

fetch_source() { # PACKAGE
	command -v apt-get >/dev/null && { [ -d "$work/apt" ] || { sources && apt update >&2; }; } &&
		(cd "$work/apt/fetched" && apt source --download-only "$1" >&2) &&
		mkdir "$work/$1" &&
		tar -xf "$work/apt/fetched/$1"_*.orig.tar.gz -C "$work/$1" --strip-components=1 &&
		find "$work/$1" -type f ! -name '*.png' ! -name '*.jpg' ! -name '*.bmp' -delete &&
		keep "$1" "$work/$1"
}

for corpus in pillow pydicom libjpeg-turbo libpng1.6; do
	[ -d "$(folder "$corpus")" ] && continue
	case $corpus in
	pillow) fetch_pillow ;;
	pydicom) fetch_pydicom ;;
	*) fetch_source "$corpus" ;;
	esac || echo "corpora: the test pictures of $corpus could not be fetched (the message is above): they will not be tested" >&2
done
