#include <dlfcn.h>
#include <stdio.h>

int main(int count, char **arguments) {
	void *library = dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL);
	if (!library) return fprintf(stderr, "%s\n", dlerror()), 1;
	((void (*)(void))dlsym(library, "report"))();
	return 0;
}
