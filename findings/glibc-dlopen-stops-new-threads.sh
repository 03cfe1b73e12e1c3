#!/usr/bin/env bash
# While glibc loads a library, no thread can be created: with TensorFlow's, for a tenth of a second and more.
#
# Versions: glibc 2.36 (Debian 12), libtensorflow_cc.so.2 of tensorflow-cpu 2.18.1 (Python wheel), gcc 12.2. Seen 2026-11-30.
#
# One would guess: dlopen in a thread of its own is a way to load a large library beside other work, and all that the other
# threads do goes on meanwhile. That is why start-ups are written so.
#
# What happens: pthread_create waits until the library's symbols have been resolved (417,000 of them here), because both need
# the same lock, which guards the layout of thread-local storage. It waits even for a library that adds next to nothing to that,
# and starts at once again while the library's own initializers run. Nothing says so: the creating thread sleeps, at 0 % of
# a processor. The longest creation takes more than a third of the whole loading here, and some 0.05 ms otherwise.
#
# Who is hurt: runtimes that make threads when they need some, not when the program says so. A goroutine of Go that calls C,
# or finds no idle thread, stands still, and with it whoever waits for it (work beside the loading took 0.15 s longer in a
# program of ours); so do pools that grow on demand, and a server's thread for each connection. Python, Java and Node.js that
# load a native module in the background create no thread meanwhile, either.
#
# Remedy: create the threads before, as many as will be needed, then load.
#
# Exits with 0 while this is so, with 1 when the behaviour has changed.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

python3 -m pip -q download --disable-pip-version-check --no-deps tensorflow-cpu==2.18.1 --python-version 3.11 --only-binary=:all:
python3 -c 'import glob, zipfile
wheel = zipfile.ZipFile(glob.glob("*.whl")[0])
for name in wheel.namelist():
    if name.startswith("tensorflow/libtensorflow"):
        wheel.extract(name)'

cat > threads.c <<'C'
#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

static double now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static atomic_int loaded;
static double loading;
static const char *why;

static void *load(void *name) {
	const double begin = now();
	if (!dlopen(name, RTLD_NOW)) why = dlerror();
	loading = now() - begin;
	atomic_store(&loaded, 1);
	return NULL;
}

static void *nothing(void *unused) { return unused; }

// longest creates threads until it may end, and returns how long one took at most, in ms.
static double longest(int (*end)(int), int *count) {
	double most = 0;
	for (*count = 0; !end(*count); (*count)++) {
		pthread_t thread;
		const double begin = now();
		pthread_create(&thread, NULL, nothing, NULL);
		const double took = now() - begin;
		if (took > most) most = took;
		pthread_join(thread, NULL);
	}
	return most;
}

static int after_some(int count) { return count == 1000; }
static int when_loaded(int count) {
	(void)count;
	return atomic_load(&loaded);
}

int main(int argc, char **argv) {
	int count;
	(void)argc;
	const double idle = longest(after_some, &count);
	pthread_t loader;
	pthread_create(&loader, NULL, load, argv[1]);
	const double busy = longest(when_loaded, &count);
	pthread_join(loader, NULL);
	if (why) return printf("%s\n", why), 1;
	printf("loading took %.0f ms; meanwhile, the longest of %d creations of a thread took %.1f ms; before, the longest of 1000 took %.2f ms\n", loading, count, busy, idle);
	return busy < loading / 3;
}
C
cc -O2 -o threads threads.c -ldl -lpthread
for _ in 1 2 3; do
	./threads "$dir/tensorflow/libtensorflow_cc.so.2" 2>/dev/null || { echo "the behaviour has changed"; exit 1; }
done
echo "as told above"
