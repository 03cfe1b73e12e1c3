// A library whose reference means something else each time that it is loaded from elsewhere.
#include <stdlib.h>
#include <string.h>

int one = 1, two = 2;
int *either = &one;

__attribute__((constructor)) static void choose(void) {
	const char *from = getenv("LD_LIBRARY_PATH");
	if (from && strstr(from, ".bind-")) either = &two;
}

int *get(void) { return either == &one ? &one : &two; }
