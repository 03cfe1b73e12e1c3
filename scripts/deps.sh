#!/usr/bin/env bash
# Gets libtensorflow (TensorFlow's C API and its headers) and says how to link with it.
#
#   scripts/deps.sh install   fetch, verify and unpack it, unless that is done already
#   scripts/deps.sh env       print shell exports for `go build` (for: eval "$(make env)")
#   scripts/deps.sh dir       print the directory that holds include/ and lib/
#
# The library comes out of the tensorflow-cpu wheel of the Python registry, pinned by its
# SHA-256. Only shared libraries and C headers are unpacked; no Python of it is ever run.
#
# Settings (environment):
#   TENSORFLOW_DIR          an installed libtensorflow to use instead: a directory with include/
#                           and lib/ (as the libtensorflow archive unpacks), or the tensorflow/
#                           directory of an installed Python package
#   FOVEA_CACHE             where to keep it (default: $XDG_CACHE_HOME/fovea or ~/.cache/fovea)
#   FOVEA_TENSORFLOW_WHEEL  a wheel file fetched beforehand, for machines without a registry
#   PYTHON                  the Python whose pip fetches the wheel (default: python3)
set -euo pipefail

version=2.18.1
wheel_sha256=810c75d7149d2da0cb2092187817b0dcabb80728ca9f9cf3a61f3f42fadd1298
needed_mb=1200 # the wheel (230 MB) and what is unpacked of it (690 MB), with room to spare

python=${PYTHON:-python3}
cache=${FOVEA_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/fovea}
bundled=$cache/libtensorflow-cpu-$version

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
		for file in "$1/lib$name.so" "$1/lib$name.so.2" "$1/lib${name}_cc.so.2"; do
			if [ -e "$file" ]; then
				ln -sfn "$file" "$2/lib$name.so"
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
	[ -e "$links/lib/libtensorflow.so" ] || fail "no libtensorflow.so in $libraries" \
		"TENSORFLOW_DIR must hold lib/libtensorflow.so (or libtensorflow_cc.so.2)."
	echo "$libraries" >"$links/rpath"
}

check_space() {
	local free
	free=$(df -Pm "$cache" | awk 'NR==2 {print $4}')
	[ "$free" -ge "$needed_mb" ] || fail "only $free MB are free in $cache; libtensorflow needs $needed_mb MB" \
		"Free some space, or set FOVEA_CACHE to a directory on a larger disk."
}

checksum() { sha256sum "$1" | cut -d ' ' -f 1; }

fetch_wheel() { # prints the wheel's path
	local downloads=$cache/downloads wheel
	if [ -n "${FOVEA_TENSORFLOW_WHEEL:-}" ]; then
		[ -r "$FOVEA_TENSORFLOW_WHEEL" ] || fail "FOVEA_TENSORFLOW_WHEEL=$FOVEA_TENSORFLOW_WHEEL cannot be read"
		echo "$FOVEA_TENSORFLOW_WHEEL"
		return
	fi
	mkdir -p "$downloads"
	wheel=$(find "$downloads" -name "tensorflow_cpu-$version-*.whl" | head -n 1)
	if [ -z "$wheel" ]; then
		"$python" -m pip --version >/dev/null 2>&1 || fail "$python has no pip, which fetches libtensorflow's wheel" \
			"Install it (Debian: apt-get install python3-pip), name another Python by PYTHON=...," \
			"or point TENSORFLOW_DIR at an installed libtensorflow."
		echo "deps: fetching tensorflow-cpu $version (230 MB)" >&2
		"$python" -m pip download --quiet --no-deps --only-binary=:all: --python-version 3.11 \
			--platform manylinux2014_x86_64 --dest "$downloads" "tensorflow-cpu==$version" >&2 ||
			fail "pip could not fetch tensorflow-cpu $version (its message is above)" \
				"Run make deps again to try once more, or set FOVEA_TENSORFLOW_WHEEL to a wheel fetched elsewhere."
		wheel=$(find "$downloads" -name "tensorflow_cpu-$version-*.whl" | head -n 1)
	fi
	echo "$wheel"
}

unpack() { # unpack WHEEL DIR
	"$python" - "$1" "$2" <<-'PYTHON'
		import sys, zipfile, pathlib, shutil

		include = "tensorflow/include/"
		headers = tuple(include + part for part in (
		    "tensorflow/c/", "tensorflow/core/platform/ctstring", "tsl/platform/ctstring", "xla/tsl/c/"))
		wheel, target = zipfile.ZipFile(sys.argv[1]), pathlib.Path(sys.argv[2])
		for name in wheel.namelist():
		    if name.startswith("tensorflow/libtensorflow") and ".so" in name:
		        place = target / "lib" / name.split("/")[-1]
		    elif name.startswith(headers) and name.endswith(".h"):
		        place = target / name.removeprefix("tensorflow/")
		    else:
		        continue
		    place.parent.mkdir(parents=True, exist_ok=True)
		    with wheel.open(name) as source, open(place, "wb") as sink:
		        shutil.copyfileobj(source, sink, 1 << 20)
	PYTHON
}

install_bundled() {
	[ -e "$bundled/.complete" ] && return
	case "$(uname -s)-$(uname -m)" in
	Linux-x86_64) ;;
	*) fail "there is no pinned libtensorflow for $(uname -s) on $(uname -m)" \
		"Install libtensorflow yourself and set TENSORFLOW_DIR to its directory." ;;
	esac
	command -v "$python" >/dev/null || fail "$python is not installed; its pip fetches libtensorflow's wheel" \
		"Install Python 3 with pip, or point TENSORFLOW_DIR at an installed libtensorflow."
	mkdir -p "$cache" || fail "cannot create $cache" "Set FOVEA_CACHE to a directory that you may write."
	# Two makes at once: the second waits, then finds the work done.
	exec 9>"$cache/.lock"
	if command -v flock >/dev/null; then flock 9; fi
	[ -e "$bundled/.complete" ] && return
	check_space

	local wheel actual
	wheel=$(fetch_wheel)
	actual=$(checksum "$wheel")
	if [ "$actual" != "$wheel_sha256" ]; then
		[ -n "${FOVEA_TENSORFLOW_WHEEL:-}" ] || rm -f "$wheel"
		fail "the checksum of $(basename "$wheel") is wrong" "expected SHA-256 $wheel_sha256" "found            $actual" \
			"The file was damaged on its way or is another build; run make deps again to fetch it anew."
	fi
	rm -rf "$bundled" "$bundled.partial"
	unpack "$wheel" "$bundled.partial" || fail "could not unpack $wheel into $cache (its message is above)" \
		"Free some space or set FOVEA_CACHE, then run make deps again: the fetched wheel is kept."
	(cd "$bundled.partial/lib" && ln -sf libtensorflow_cc.so.2 libtensorflow.so &&
		ln -sf libtensorflow_framework.so.2 libtensorflow_framework.so)
	echo "$bundled/lib" >"$bundled.partial/rpath"
	touch "$bundled.partial/.complete"
	mv "$bundled.partial" "$bundled"
	[ -n "${FOVEA_TENSORFLOW_WHEEL:-}" ] || rm -f "$wheel"
	echo "deps: libtensorflow $version is in $bundled" >&2
}

install() {
	if [ -n "${TENSORFLOW_DIR:-}" ]; then install_given; else install_bundled; fi
}

quote() { printf "'%s'" "$(printf '%s' "$1" | sed "s/'/'\\\\''/g")"; }

environment() {
	local dir
	dir=$(directory)
	[ -e "$dir/rpath" ] || fail "libtensorflow is not set up yet" "Run make deps."
	# The compiler's default flags are stated again, because setting the variable replaces them.
	echo "export CGO_CFLAGS=$(quote "-O2 -g \"-I$dir/include\"")"
	echo "export CGO_LDFLAGS=$(quote "-O2 -g \"-L$dir/lib\" \"-Wl,-rpath,$(cat "$dir/rpath")\" -ltensorflow_framework")"
}

case "${1:-}" in
install) install ;;
env) environment ;;
dir) directory ;;
*) fail "usage: scripts/deps.sh install|env|dir" ;;
esac
