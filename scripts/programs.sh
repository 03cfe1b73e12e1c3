#!/usr/bin/env bash
# Builds the programs for everybody: they look for libtensorflow in a directory beside themselves, which
# is filled here, and hold no path of this machine. So any user can run them, also where the cache of
# who built them cannot be read, and their directory can be moved or copied elsewhere.
#
#   scripts/programs.sh BIN LIB MODULE [LDFLAGS [PACKAGE]]
#
# BIN is the directory of the programs, LIB that of the library, which is BIN/lib or beside BIN and named
# lib. MODULE is the directory of the Go module whose cmd/ is built, or only its PACKAGE. On the file
# system of the cache the library takes no space: it is a hard link.
set -euo pipefail
umask 022 # whatever the builder's is: programs are for all, as install(1) has it
cd "$(dirname "$0")/.."

mkdir -p "$1" "$2"
bin=$(cd "$1" && pwd) lib=$(cd "$2" && pwd) module=$3 ldflags=${4:-} package=${5:-./cmd/...}
eval "$(scripts/deps.sh env programs)"
unset LD_RUN_PATH
real=$(cat "$(scripts/deps.sh dir)/rpath")

fail() {
	echo "programs: $1" >&2
	exit 1
}

case "$lib" in
"$bin/lib") relative=lib ;;
"$(dirname "$bin")/lib") relative=../lib ;;
*) fail "the library's directory must be $bin/lib or $(dirname "$bin")/lib, not $lib" ;;
esac
case "$(go env GOOS)" in
darwin) origin=@loader_path ;;
*) origin='$ORIGIN' ;;
esac

# A file that not everybody may read is copied: the modes of files that are not ours stay as they are.
link_or_copy() { # link_or_copy FROM TO
	[ "$1" -ef "$2" ] && return
	# A copy has the time of its original.
	if [ -e "$2" ] && [ ! "$1" -nt "$2" ] && [ ! "$1" -ot "$2" ] && [ "$(wc -c <"$1")" -eq "$(wc -c <"$2")" ]; then return; fi
	rm -f "$2"
	if [ -n "$(find -L "$1" -perm -444)" ] && ln -L "$1" "$2" 2>/dev/null; then return; fi
	cp -pL "$1" "$2.partial" || fail "could not copy $1 to $2 (the message is above): free some space, or set FOVEA_CACHE to a directory on the file system of $2, where a hard link takes none"
	chmod 644 "$2.partial"
	mv "$2.partial" "$2"
}

for file in "$real"/libtensorflow{,_cc,_framework}.{so.2,2.dylib}; do
	if [ -e "$file" ]; then link_or_copy "$file" "$lib/${file##*/}"; fi
done
# Those that decode AVIF and HEIC are loaded from there, too.
for file in "$(scripts/codecs.sh dir)"/*.{so*,dylib}; do
	if [ -e "$file" ]; then link_or_copy "$file" "$lib/${file##*/}"; fi
done
# The GPU build looks for CUDA's libraries in nvidia/ beside its own directory.
if [ -d "$real/../nvidia" ]; then
	(cd "$real/.." && find -L nvidia -name '*.so*' -type f) | while read -r file; do
		mkdir -p "$(dirname "$lib/../$file")"
		link_or_copy "$real/../$file" "$lib/../$file"
	done
fi

# The compiler says nothing for as long as it takes.
if [ -z "$(find "$bin" -maxdepth 1 -type f -perm -100 -print -quit)" ]; then echo "compiling the programs: a minute or two the first time" >&2; fi
(cd "$module" && go build -ldflags "-r $origin/$relative $ldflags" -o "$bin/" "$package")
(cd "$module" && go list -f '{{if eq .Name "main"}}{{.ImportPath}}{{end}}' "$package") | while read -r program; do
	program=$bin/${program##*/}
	env -u LD_LIBRARY_PATH "$program" --help >/dev/null || fail "$program does not run with the library in $lib (the message is above)"
done
