#!/usr/bin/env bash
# Gets the libraries that decode AVIF, HEIC and HEIF: libavif with dav1d, and libheif with libde265. Package
# picture loads them when the first such image comes (see picture/internal/codec); nothing is linked with them.
#
#   scripts/codecs.sh install   fetch, verify and unpack them, unless that is done already
#   scripts/codecs.sh dir       print their directory
#   scripts/codecs.sh wheels    print PACKAGE VERSION SHA-256 MB of each wheel that they came from
#
# They come out of wheels of the Python registry, pinned by their SHA-256, as libtensorflow does
# (scripts/deps.sh): Pillow's has its own libavif, pi-heif's the libheif of pillow-heif without the encoders.
# No Python of them is ever run. Tested on Linux x86-64; the pins for arm64 and macOS are as published, and
# untested. What cannot be fetched is told and left out: AVIF and HEIC are then refused, and the rest works.
#
# Settings (environment): FOVEA_CACHE, PYTHON, as for scripts/deps.sh
set -euo pipefail
umask 022

python=${PYTHON:-python3}
cache=${FOVEA_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/fovea}
avif=13.0.0 heif=1.4.0
dir=$cache/codecs-pillow-$avif-pi-heif-$heif

wheels() {
	case "$(uname -s)-$(uname -m)" in
	Linux-x86_64)
		echo "pillow $avif a625df9a2a5597fa5e5266e01aefc82604bb85d291e3547981e863560d75da6c 7"
		echo "pi-heif $heif 48554de1080094557f75d090bac1b8004850f11b2be91efe7de9d51d6d620f81 2"
		;;
	Linux-aarch64)
		echo "pillow $avif 7c88c10dd432f3b39ccdafc9ed81d0c21b8fd634502574da76d1bfa4fe2c76d0 7"
		echo "pi-heif $heif d8789b56a4eb1bda9ec3479e22537f20a3e42e98e145dfc4825ebf5ec945cdd9 2"
		;;
	Darwin-arm64)
		echo "pillow $avif 37290fbef0c73e2d51d594eb78fded7dc7170d1c3ad0a890269e6fd8c8c4e061 7"
		echo "pi-heif $heif dafa2ea7e7ff594f64fa60e0cd25b3dea9d200277d7aed9fb2b73835fa41fb6d 2"
		;;
	*) return 1 ;;
	esac
}

platforms() {
	case "$(uname -s)" in
	Linux) echo "--platform manylinux_2_27_$(uname -m) --platform manylinux_2_28_$(uname -m)" ;;
	Darwin) echo "--platform macosx_11_0_$(uname -m) --platform macosx_14_0_$(uname -m)" ;;
	esac
}

checksum() {
	if command -v sha256sum >/dev/null; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d ' ' -f 1
}

unpack() { # unpack WHEEL DIR
	"$python" - "$1" "$2" <<-'PYTHON'
		import pathlib, shutil, sys, zipfile

		wheel, target = zipfile.ZipFile(sys.argv[1]), pathlib.Path(sys.argv[2])
		for name in wheel.namelist():
		    file = place = name.split("/")[-1]
		    if "/licenses/" in name and file:
		        place = pathlib.Path(sys.argv[1]).name.split("-")[0] + "-" + file
		    elif not (file.startswith(("libavif", "libheif", "libde265")) and (".so" in file or ".dylib" in file)):
		        continue
		    with wheel.open(name) as source, open(target / place, "wb") as sink:
		        shutil.copyfileobj(source, sink, 1 << 20)
	PYTHON
}

install() {
	[ -e "$dir/.complete" ] && return
	wheels >/dev/null || { echo "there are none for $(uname -s) on $(uname -m)" >&2; return 1; }
	mkdir -p "$cache"
	work=$(mktemp -d "$cache/codecs.XXXXXX")
	trap 'rm -rf "$work"' EXIT
	mkdir "$work/lib"
	local package release sum mb wheel
	while read -r package release sum mb; do
		echo "codecs: fetching $package $release ($mb MB)" >&2
		# shellcheck disable=SC2046 # several words are meant
		"$python" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --python-version 3.11 \
			$(platforms) --dest "$work" "$package==$release" >&2 || return
		wheel=$(find "$work" -name "${package//-/_}-$release-*.whl")
		[ "$(checksum "$wheel")" = "$sum" ] || { echo "the checksum of $(basename "$wheel") is wrong" >&2; return 1; }
		unpack "$wheel" "$work/lib" || return
	done < <(wheels)
	touch "$work/lib/.complete"
	chmod 755 "$work/lib"
	rm -rf "$dir"
	mv "$work/lib" "$dir"
	echo "codecs: libavif and libheif are in $dir" >&2
}

case "${1:-}" in
install) install || echo "codecs: libavif and libheif could not be set up (the message is above): AVIF and HEIC will be refused; scripts/codecs.sh install tries again" >&2 ;;
dir) echo "$dir" ;;
wheels) wheels ;;
*)
	echo "usage: scripts/codecs.sh install|dir|wheels" >&2
	exit 2
	;;
esac
