#!/usr/bin/env bash
# Gets libtensorflow (TensorFlow's C API and its headers) and says how to link with it.
#
#   scripts/deps.sh install   fetch, verify and unpack it, unless that is done already
#   scripts/deps.sh env       print shell exports for `go build` (for: eval "$(make env)"): what is built
#                             finds the library in the cache, and runs for you and on this machine
#   scripts/deps.sh dir       print the directory that holds include/ and lib/
#   scripts/deps.sh wheels    print PACKAGE VERSION SHA-256 MB of each wheel that it came from
#
# The library comes out of a wheel of the Python registry, pinned by its SHA-256; with GPU=1,
# that of the GPU build and those of NVIDIA's CUDA libraries. Only shared libraries and C
# headers are unpacked; no Python of them is ever run. Tested on Linux x86-64; the pins for
# Linux on arm64 and for macOS are as published, and untested.
#
# Settings (environment):
#   GPU                     1: the build for NVIDIA GPUs, with the CUDA libraries (Linux x86-64)
#   TENSORFLOW_DIR          an installed libtensorflow to use instead: a directory with include/
#                           and lib/ (as the libtensorflow archive unpacks), or the tensorflow/
#                           directory of an installed Python package
#   FOVEA_CACHE             where to keep it (default: $XDG_CACHE_HOME/fovea or ~/.cache/fovea)
#   FOVEA_TENSORFLOW_WHEEL  a wheel file fetched beforehand, for machines without a registry
#   PYTHON                  the Python whose pip fetches the wheel (default: python3)
#   FOVEA_BIND              0: leave the library as the wheel has it; if it is bound in the cache already, say how to
#                           unpack it anew. Otherwise its references to its own symbols are bound (scripts/bind), so
#                           that it is loaded in 0.06 s instead of 0.17 (Linux x86-64)
set -euo pipefail
umask 022 # others may run what links with the library

version=2.18.1
python=${PYTHON:-python3}
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${FOVEA_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/fovea}
variant=cpu
case "${GPU:-}" in '' | 0 | no) ;; *) variant=gpu ;; esac
bundled=$cache/libtensorflow-$variant-$version

# The wheels of this machine: PACKAGE VERSION SHA-256 MB, the library's first. needed_mb is
# for a wheel and all that is unpacked.
wheels() {
	case "$(uname -s)-$(uname -m)-$variant" in
	Linux-x86_64-cpu) echo "tensorflow-cpu $version 810c75d7149d2da0cb2092187817b0dcabb80728ca9f9cf3a61f3f42fadd1298 230" ;;
	Linux-aarch64-cpu) echo "tensorflow $version 8a6485edd2148f70d011dbd1d8dc2c775e91774a5a159466e83d0d1f21580944 230" ;;
	Darwin-arm64-cpu) echo "tensorflow $version 661029cd769b311db910b79a3a6ef50a5a61ecc947172228c777a49989722508 240" ;;
	Linux-x86_64-gpu)
		# The versions are those that the wheel of TensorFlow asks for as its extra and-cuda.
		# Without nvcc, whose compiler TensorFlow uses for XLA only.
		cat <<-WHEELS
			tensorflow $version c9f87e5d2a680a4595f5dc30daf6bbaec9d4129b46d7ef1b2af63c46ac7d2828 616
			nvidia-cublas-cu12 12.5.3.2 ca070ad70e9fa6654084575d01bd001f30cc4665e33d4bb9fc8e0f321caa034b 364
			nvidia-cuda-cupti-cu12 12.5.82 bde77a5feb66752ec61db2adfe47f56b941842825b4c7e2068aff27c9d107953 14
			nvidia-cuda-nvrtc-cu12 12.5.82 3dbd97b0104b4bfbc3c4f8c79cd2496307c89c43c29a9f83125f1d76296ff3fd 25
			nvidia-cuda-runtime-cu12 12.5.82 3e79a060e126df40fd3a068f3f787eb000fa51b251ec6cd97d09579632687115 1
			nvidia-cudnn-cu12 9.3.0.75 9ad9c6929ebb5295eb4a1728024666d1c88283373e265a0c5c883e6f9d5cd76d 577
			nvidia-cufft-cu12 11.2.3.61 9a6e8df162585750f61983a638104a48c756aa13f9f48e19ab079b38e3c828b8 193
			nvidia-curand-cu12 10.3.6.82 2823fb27de4e44dbb22394a6adf53aa6e1b013aca0f8c22867d1cfae58405536 56
			nvidia-cusolver-cu12 11.6.3.83 93cfafacde4428b71778eeb092ec615a02a3d05404da1bcf91c53e3fa1bce42b 130
			nvidia-cusparse-cu12 12.5.1.3 016df8e993c437e8301e62739f01775cba988fd5253cd4c64173f8e8d2f8e752 217
			nvidia-nccl-cu12 2.21.5 8579076d30a8c24988834445f8d633c697d42397e92ffc3f63fa26766d25e0a0 188
			nvidia-nvjitlink-cu12 12.5.82 f9b37bc5c8cf7509665cb6ada5aaa0ce65618f2332b7d3e78e9790511f111212 21
		WHEELS
		;;
	*) return 1 ;;
	esac
}
case $variant in cpu) needed_mb=1200 ;; gpu) needed_mb=6500 ;; esac

# pip's names for the platforms whose wheels may be taken.
platforms() {
	case "$(uname -s)-$(uname -m)" in
	Linux-*) echo "--platform manylinux2014_$(uname -m) --platform manylinux_2_17_$(uname -m)" ;;
	Darwin-*) echo "--platform macosx_12_0_$(uname -m)" ;;
	esac
}

fail() {
	echo "deps: $1" >&2
	shift
	for line in "$@"; do echo "      $line" >&2; done
	exit 1
}

# A directory given by the user is used through links of ours, so that every way in which
# libtensorflow is installed looks alike to the linker.
given_links() {
	printf '%s/given-%s' "$cache" "$(printf '%s' "$TENSORFLOW_DIR" | cksum | cut -d ' ' -f 1)"
}

directory() {
	if [ -n "${TENSORFLOW_DIR:-}" ]; then given_links; else echo "$bundled"; fi
}

link_libraries() { # link_libraries FROM TO: the linker's names for the libraries in FROM
	local name file
	for name in tensorflow tensorflow_framework; do
		for file in "$1/lib$name.so" "$1/lib$name.so.2" "$1/lib${name}_cc.so.2" \
			"$1/lib$name.dylib" "$1/lib$name.2.dylib" "$1/lib${name}_cc.2.dylib"; do
			if [ -e "$file" ]; then
				case "$file" in
				*.dylib) ln -sfn "$file" "$2/lib$name.dylib" ;;
				*) ln -sfn "$file" "$2/lib$name.so" ;;
				esac
				break
			fi
		done
	done
}

install_given() {
	local headers=$TENSORFLOW_DIR/include libraries=$TENSORFLOW_DIR/lib links
	[ -d "$TENSORFLOW_DIR" ] || fail "TENSORFLOW_DIR=$TENSORFLOW_DIR is not a directory" \
		"Give the directory that holds include/ and lib/, or unset it to have libtensorflow $version fetched."
	[ -d "$libraries" ] || libraries=$TENSORFLOW_DIR
	[ -e "$headers/tensorflow/c/c_api.h" ] || fail "no include/tensorflow/c/c_api.h in TENSORFLOW_DIR=$TENSORFLOW_DIR" \
		"Install TensorFlow's C headers there, or unset TENSORFLOW_DIR to have libtensorflow $version fetched."
	links=$(given_links)
	mkdir -p "$links/lib"
	ln -sfn "$(cd "$headers" && pwd)" "$links/include"
	libraries=$(cd "$libraries" && pwd)
	link_libraries "$libraries" "$links/lib"
	[ -e "$links/lib/libtensorflow.so" ] || [ -e "$links/lib/libtensorflow.dylib" ] || fail "no libtensorflow.so in $libraries" \
		"TENSORFLOW_DIR must hold lib/libtensorflow.so (or libtensorflow_cc.so.2)."
	echo "$libraries" >"$links/rpath"
}

check_space() {
	local free
	free=$(df -Pm "$cache" | awk 'NR==2 {print $4}')
	[ "$free" -ge "$needed_mb" ] || fail "only $free MB are free in $cache; libtensorflow needs $needed_mb MB" \
		"Free some space, or set FOVEA_CACHE to a directory on a larger disk."
}

checksum() {
	if command -v sha256sum >/dev/null; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d ' ' -f 1
}

fetch_wheel() { # fetch_wheel PACKAGE VERSION MB: prints the wheel's path
	local downloads=$cache/downloads wheel name=${1//-/_}
	if [ -n "${FOVEA_TENSORFLOW_WHEEL:-}" ] && [[ "$1" == tensorflow* ]]; then
		[ -r "$FOVEA_TENSORFLOW_WHEEL" ] || fail "FOVEA_TENSORFLOW_WHEEL=$FOVEA_TENSORFLOW_WHEEL cannot be read"
		echo "$FOVEA_TENSORFLOW_WHEEL"
		return
	fi
	mkdir -p "$downloads"
	wheel=$(find -L "$downloads" -name "$name-$2-*.whl" | head -n 1)
	if [ -z "$wheel" ]; then
		"$python" -m pip --version >/dev/null 2>&1 || fail "$python has no pip, which fetches libtensorflow's wheel" \
			"Install it (Debian: apt-get install python3-pip), name another Python by PYTHON=...," \
			"or point TENSORFLOW_DIR at an installed libtensorflow."
		echo "deps: fetching $1 $2 ($3 MB)" >&2
		# shellcheck disable=SC2046 # several words are meant
		"$python" -m pip download --quiet --no-deps --only-binary=:all: --python-version 3.11 \
			$(platforms) --dest "$downloads" "$1==$2" >&2 ||
			fail "pip could not fetch $1 $2 (its message is above)" \
				"Run make deps again to try once more, or set FOVEA_TENSORFLOW_WHEEL to a wheel fetched elsewhere."
		wheel=$(find "$downloads" -name "$name-$2-*.whl" | head -n 1)
	fi
	echo "$wheel"
}

verify_wheel() { # verify_wheel FILE SHA-256
	local actual
	actual=$(checksum "$1")
	[ "$actual" = "$2" ] && return
	[ "$1" = "${FOVEA_TENSORFLOW_WHEEL:-}" ] || rm -f "$1"
	fail "the checksum of $(basename "$1") is wrong" "expected SHA-256 $2" "found            $actual" \
		"The file was damaged on its way or is another build; run make deps again to fetch it anew."
}

unpack() { # unpack WHEEL DIR
	"$python" - "$1" "$2" <<-'PYTHON'
		import sys, zipfile, pathlib, shutil

		include = "tensorflow/include/"
		headers = tuple(include + part for part in (
		    "tensorflow/c/", "tensorflow/core/platform/ctstring", "tsl/platform/ctstring", "xla/tsl/c/"))
		wheel, target = zipfile.ZipFile(sys.argv[1]), pathlib.Path(sys.argv[2])
		for name in wheel.namelist():
		    if name.startswith("tensorflow/libtensorflow") and (".so" in name or ".dylib" in name):
		        place = target / "lib" / name.split("/")[-1]
		    elif name.startswith("nvidia/") and "/lib/" in name and ".so" in name:
		        place = target / name
		    elif name.startswith(headers) and name.endswith(".h"):
		        place = target / name.removeprefix("tensorflow/")
		    else:
		        continue
		    place.parent.mkdir(parents=True, exist_ok=True)
		    with wheel.open(name) as source, open(place, "wb") as sink:
		        shutil.copyfileobj(source, sink, 1 << 20)
	PYTHON
}

# Two makes at once: the second waits, then finds the work done.
lock() {
	exec 9>"$cache/.lock"
	if command -v flock >/dev/null; then flock 9; fi
}

bind() { # bind DIR: binds the library in DIR/lib, once
	[ "$(uname -s)-$(uname -m)" = Linux-x86_64 ] && [ "${FOVEA_BIND:-}" != 0 ] || return 0
	[ -d "$root/scripts/bind" ] && [ -w "$1/lib" ] && [ ! -e "$1/.bound" ] && command -v go >/dev/null || return 0
	rm -rf "$1"/lib/.bind-* # of one that was killed
	(cd "$root" && env -u CGO_CFLAGS -u CGO_LDFLAGS go run ./scripts/bind "$1/lib/libtensorflow_cc.so.2" libtensorflow_framework.so.2 >&2) ||
		echo "deps: libtensorflow is used as the wheel has it, which takes 0.1 s longer to load (why is above); rm $1/.bound makes the next make deps try again" >&2
	touch "$1/.bound"
}

# A library that an earlier version unpacked is bound, too. One that is bound stays so, which whoever wants another is told.
bind_installed() {
	if [ -e "$bundled/.bound" ] && [ "${FOVEA_BIND:-}" = 0 ]; then
		echo "deps: the library in $bundled was bound before: to have it as the wheel has it, rm -r $bundled and run make deps with FOVEA_BIND=0 again" >&2
	fi
	[ ! -e "$bundled/.bound" ] && [ -w "$bundled" ] || return 0
	lock
	bind "$bundled"
}

install_bundled() {
	if [ -e "$bundled/.complete" ]; then
		bind_installed
		return
	fi
	wheels >/dev/null || fail "there is no pinned libtensorflow ($variant build) for $(uname -s) on $(uname -m)" \
		"Install libtensorflow yourself and set TENSORFLOW_DIR to its directory."
	command -v "$python" >/dev/null || fail "$python is not installed; its pip fetches libtensorflow's wheel" \
		"Install Python 3 with pip, or point TENSORFLOW_DIR at an installed libtensorflow."
	mkdir -p "$cache" || fail "cannot create $cache" "Set FOVEA_CACHE to a directory that you may write."
	lock
	[ -e "$bundled/.complete" ] && return
	check_space

	local wheel package release sum mb
	rm -rf "$bundled" "$bundled.partial"
	while read -r package release sum mb; do
		wheel=$(fetch_wheel "$package" "$release" "$mb")
		verify_wheel "$wheel" "$sum"
		unpack "$wheel" "$bundled.partial" || fail "could not unpack $wheel into $cache (its message is above)" \
			"Free some space or set FOVEA_CACHE, then run make deps again: the fetched wheel is kept."
	done < <(wheels)
	mkdir -p "$bundled.partial/lib"
	(cd "$bundled.partial/lib" && for name in libtensorflow_cc:libtensorflow libtensorflow_framework:libtensorflow_framework; do
		if [ -e "${name%:*}.so.2" ]; then ln -sf "${name%:*}.so.2" "${name#*:}.so"; fi
		if [ -e "${name%:*}.2.dylib" ]; then ln -sf "${name%:*}.2.dylib" "${name#*:}.dylib"; fi
	done)
	bind "$bundled.partial"
	# The GPU build looks for CUDA in nvidia/ beside its own directory (its RUNPATH says so).
	echo "$bundled/lib" >"$bundled.partial/rpath"
	touch "$bundled.partial/.complete"
	mv "$bundled.partial" "$bundled"
	while read -r package release sum mb; do
		find "$cache/downloads" -name "${package//-/_}-$release-*.whl" -delete 2>/dev/null || true
	done < <(wheels)
	echo "deps: libtensorflow $version ($variant build) is in $bundled" >&2
}

install() {
	if [ -n "${TENSORFLOW_DIR:-}" ]; then install_given; else install_bundled; fi
}

quote() { printf "'%s'" "$(printf '%s' "$1" | sed "s/'/'\\\\''/g")"; }

# The name by which a program looks for the library when it runs.
soname() { # soname FILE
	local name
	name=$(readelf -d "$1" 2>/dev/null | sed -n 's/.*SONAME.*\[\(.*\)\]$/\1/p') || true
	echo "${name:-$(basename "$(readlink -f "$1")")}"
}

# The linker's flags for tests: without the tables that only debuggers read, and by gold, where there is one, which takes
# a third of the time. It does not look at LD_RUN_PATH.
test_flags() { # test_flags RPATH
	local flags
	case "$1" in
	*\'*) flags="-w -r \"$1\"" ;; # Go's quotes know no escapes
	*) flags="-w -r '$1'" ;;
	esac
	if command -v ld.gold >/dev/null; then flags+=" -extldflags=-fuse-ld=gold"; fi
	echo "$flags"
}

# The path of the library is told to the linker apart from the flags, so that programs made for others
# (scripts/programs.sh), which have another, share all that is compiled with the tests: Go compiles anew
# for other flags. For the same reason all is compiled with -trimpath.
environment() { # environment [programs]
	local dir flags defines=
	dir=$(directory)
	[ -e "$dir/rpath" ] || fail "libtensorflow is not set up yet" "Run make deps."
	flags="-O2 -g \"-L$dir/lib\""
	# The library is loaded when it is first needed (internal/libtensorflow): programs must not name it, but know its name.
	if [ "$(uname -s)" = Linux ]; then
		flags+=" -Wl,--as-needed"
		defines=" '-DFOVEA_LIBTENSORFLOW=\"$(soname "$dir/lib/libtensorflow.so")\"'"
	fi
	flags+=" -ltensorflow_framework"
	case "${1:-}-$(uname -s)" in
	programs-*) ;;
	-Darwin) flags+=" \"-Wl,-rpath,$(cat "$dir/rpath")\"" ;;
	*)
		echo "export LD_RUN_PATH=$(quote "$(cat "$dir/rpath")")"
		echo "export FOVEA_TEST_LDFLAGS=$(quote "$(test_flags "$(cat "$dir/rpath")")")"
		;;
	esac
	# The compiler's default flags are stated again, because setting the variable replaces them.
	echo "export CGO_CFLAGS=$(quote "-O2 -g \"-I$dir/include\" \"-fdebug-prefix-map=$dir=libtensorflow\"$defines")"
	echo "export CGO_LDFLAGS=$(quote "$flags")"
	case " ${GOFLAGS:-} " in
	*" -trimpath "*) ;;
	*) echo "export GOFLAGS=$(quote "${GOFLAGS:+$GOFLAGS }-trimpath")" ;;
	esac
}

case "${1:-}" in
install) install ;;
env) environment "${2:-}" ;;
dir) directory ;;
wheels) if [ -z "${TENSORFLOW_DIR:-}" ]; then wheels; fi ;;
*) fail "usage: scripts/deps.sh install|env|dir|wheels" ;;
esac
