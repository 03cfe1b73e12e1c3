#!/usr/bin/env bash
# TensorFlow's libraries look up their own symbols at every start: half a million searches by name, a quarter of a second.
#
# Versions: tensorflow-cpu 2.21.0, beside onnxruntime 1.32.0 (Python wheels), glibc 2.36, binutils 2.40. Seen 2026-11-30.
#
# One would guess: a library that is loaded whole knows where its own functions and tables are, and the dynamic linker has
# to search only for what the library takes from others, such as malloc. ONNX Runtime is made so: 4,453 references by name, none
# to itself.
#
# What happens: libtensorflow_cc and libtensorflow_framework were linked without -Bsymbolic or a version script, and with
# -z now. So each of their 650,972 references by name, 516,463 of which lead to the library that they are in, is searched for
# when the library is loaded, by its C++ name of a hundred letters and more, in case that the program has another function
# of that name. Loading takes 0.25 s (AMD EPYC, Zen 4), that of ONNX Runtime 0.004 s; two thirds of it is this search. It was
# 0.17 s and 417,159 references with 2.18.1.
#
# Who is hurt: programs that run for a moment, such as commands, functions in clouds, tests and workers that are started
# anew; each of them waits, and no cache helps, since the search is in the process. `import tensorflow` does the same.
#
# Remedy: write the places into a copy of the library, as -Bsymbolic would have (relocations of the type R_X86_64_RELATIVE in
# place of those by name): 2.18.1 then loads in 0.054 s. prelink(8) did so once.
#
# Exits with 0 while this is so, with 1 when the behaviour has changed.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

python3 -m pip -q download --disable-pip-version-check --no-deps tensorflow-cpu==2.21.0 --python-version 3.12 --only-binary=:all:
python3 -m pip -q download --disable-pip-version-check --no-deps onnxruntime==1.32.0 --python-version 3.12 --only-binary=:all:
python3 -c 'import glob, zipfile
for file in glob.glob("*.whl"):
    wheel = zipfile.ZipFile(file)
    for name in wheel.namelist():
        if name.startswith(("tensorflow/libtensorflow", "onnxruntime/capi/libonnxruntime")):
            wheel.extract(name)'

# The references by name, and those of them to a symbol that is in the library itself.
count() {
	readelf --relocs --wide "$@" | awk '$3 ~ /^R_X86_64_(64|GLOB_DAT|JUMP_SLOT)$/ { all++; if ($4 !~ /^0+$/) own++ } END { print all + 0, own + 0 }'
}
read -r all own < <(count tensorflow/*)
read -r others theirs < <(count onnxruntime/capi/libonnxruntime.so.*)
echo "references by name: TensorFlow $all, $own of them to itself; ONNX Runtime $others, $theirs of them to itself"
[ "$own" -gt 400000 ] && [ "$theirs" -eq 0 ] || { echo "the behaviour has changed"; exit 1; }

cat > load.c <<'C'
#include <dlfcn.h>
#include <stdio.h>
#include <time.h>

int main(int argc, char **argv) {
	struct timespec a, b;
	(void)argc;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
	if (!dlopen(argv[1], RTLD_NOW)) return fprintf(stderr, "%s\n", dlerror()), 1;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
	printf("%.0f\n", (double)(b.tv_sec - a.tv_sec) * 1e3 + (double)(b.tv_nsec - a.tv_nsec) / 1e6);
	return 0;
}
C
cc -O2 -o load load.c -ldl
./load "$dir/tensorflow/libtensorflow_cc.so.2" >/dev/null 2>&1 # so that the files are in memory
slow=$(./load "$dir/tensorflow/libtensorflow_cc.so.2" 2>/dev/null)
fast=$(./load "$(echo "$dir"/onnxruntime/capi/libonnxruntime.so.*)" 2>/dev/null)
echo "loading takes $slow and $fast ms of processor time"
[ "$slow" -gt $((10 * fast)) ] || { echo "the behaviour has changed"; exit 1; }
echo "as told above"
