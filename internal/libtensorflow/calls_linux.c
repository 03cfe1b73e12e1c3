#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// The functions below are for the program alone: the library must not find them in place of its own.
#pragma GCC visibility push(hidden)
#include "headers_linux.h"
#include "load.h"

// The names that the library goes by: as the one that the program was linked with is called, or else as TensorFlow's
// archives and its wheels call it.
#ifdef FOVEA_LIBTENSORFLOW
static const char *const names[] = {FOVEA_LIBTENSORFLOW};
#else
static const char *const names[] = {"libtensorflow.so.2", "libtensorflow_cc.so.2"};
#endif

static pthread_once_t once = PTHREAD_ONCE_INIT;
static void *library;
static char *failure;

static void load(void) {
	if (dlsym(RTLD_DEFAULT, "TF_Version")) library = dlopen(NULL, RTLD_NOW); // the program names it after all
	for (size_t i = 0; !library && i < sizeof names / sizeof *names; i++) {
		free(failure);
		library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
		failure = library ? NULL : strdup(dlerror());
	}
	// Those of other versions may lack functions: that is said before anything is computed.
#define CALL(type, name, parameters, arguments) \
	if (library && !failure && !dlsym(library, #name)) failure = strdup(dlerror());
#include "calls_linux.h"
#undef CALL
	if (failure) library = NULL;
}

static char *file_in(const Dl_serinfo *places) {
	for (size_t n = 0; n < sizeof names / sizeof *names; n++) {
		for (unsigned i = 0; i < places->dls_cnt; i++) {
			char *path;
			if (asprintf(&path, "%s/%s", places->dls_serpath[i].dls_name, names[n]) < 0) return NULL;
			if (access(path, R_OK) == 0) return path;
			free(path);
		}
	}
	return NULL;
}

char *fovea_libtensorflow_file(void) {
	void *program = dlopen(NULL, RTLD_LAZY);
	Dl_serinfo size, *places = NULL;
	if (program && dlinfo(program, RTLD_DI_SERINFOSIZE, &size) == 0) places = malloc(size.dls_size);
	if (!places) return NULL;
	char *path = NULL;
	if (dlinfo(program, RTLD_DI_SERINFOSIZE, places) == 0 && dlinfo(program, RTLD_DI_SERINFO, places) == 0) path = file_in(places);
	free(places);
	return path;
}

const char *fovea_libtensorflow_load(void) {
	pthread_once(&once, load);
	return library ? NULL : failure;
}

void *fovea_libtensorflow_symbol(const char *name) { return fovea_libtensorflow_load() ? NULL : dlsym(library, name); }

__attribute__((visibility("default"))) extern char *fovea_libtensorflow_missing(void); // in Go, which exports it: gold warns of others

// Ends the program, as the dynamic linker would have done at its start, if there is no library: Load was not asked.
static void *find(const char *name) {
	const char *missing = fovea_libtensorflow_missing();
	if (!missing) return dlsym(library, name);
	fprintf(stderr, "%s\n", missing);
	_Exit(1);
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
