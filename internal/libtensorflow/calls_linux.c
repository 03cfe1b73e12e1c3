#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The functions below are for the program alone: the library must not find them in place of its own.
#pragma GCC visibility push(hidden)
#include "headers_linux.h"
#include "load.h"

// The name that the library goes by, as it would stand in the program if it were linked with it.
#ifndef FOVEA_LIBTENSORFLOW
#define FOVEA_LIBTENSORFLOW "libtensorflow.so.2"
#endif

static pthread_once_t once = PTHREAD_ONCE_INIT;
static void *library;
static char *failure;

static void load(void) {
	library = dlopen(FOVEA_LIBTENSORFLOW, RTLD_NOW | RTLD_LOCAL);
	if (!library) failure = strdup(dlerror());
}

const char *fovea_libtensorflow_load(void) {
	pthread_once(&once, load);
	return library ? NULL : failure;
}

void *fovea_libtensorflow_symbol(const char *name) { return fovea_libtensorflow_load() ? NULL : dlsym(library, name); }

// Ends the program, as the dynamic linker would have done at its start, if there is no such function.
static void *find(const char *name) {
	const char *missing = fovea_libtensorflow_load();
	void *function = missing ? NULL : dlsym(library, name);
	if (function) return function;
	fprintf(stderr, "TensorFlow's C library cannot be used: %s\n", missing ? missing : dlerror());
	_Exit(127);
}

#define CALL(type, name, parameters, arguments)                                     \
	type name parameters {                                                      \
		static _Atomic(void *) known;                                       \
		void *function = atomic_load_explicit(&known, memory_order_relaxed); \
		if (!function) {                                                    \
			function = find(#name);                                     \
			atomic_store_explicit(&known, function, memory_order_relaxed); \
		}                                                                   \
		return ((type(*) parameters)function)arguments;                     \
	}
#include "calls_linux.h"
