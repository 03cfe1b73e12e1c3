#include "ready.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "pages.h"

struct kernel {
	int64_t number, floats;
	float *memory;
	struct kernel *next;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct kernel *kept; // in no order
static int64_t last;

static int64_t keep(struct kernel *k) {
	pthread_mutex_lock(&mutex);
	k->number = ++last;
	k->next = kept;
	kept = k;
	pthread_mutex_unlock(&mutex);
	return k->number;
}

int64_t ready_pack(enum wide_arithmetic arithmetic, enum wide_instructions instructions, int64_t in, int64_t out, const float *hwio) {
	struct kernel *k = malloc(sizeof *k);
	if (k == NULL) return 0;
	k->floats = (int64_t)wide_kernel_floats(arithmetic, in, out);
	k->memory = own_pages((size_t)k->floats * sizeof *k->memory);
	if (k->memory != NULL && wide_pack_kernel(arithmetic, instructions, in, out, hwio, k->memory)) return keep(k);
	if (k->memory != NULL) munmap(k->memory, (size_t)k->floats * sizeof *k->memory);
	free(k);
	return 0;
}

float *ready_take(int64_t number, int64_t *floats) {
	float *memory = NULL;
	pthread_mutex_lock(&mutex);
	for (struct kernel **at = &kept; *at != NULL; at = &(*at)->next) {
		struct kernel *k = *at;
		if (k->number != number) continue;
		memory = k->memory;
		*floats = k->floats;
		*at = k->next;
		free(k);
		break;
	}
	pthread_mutex_unlock(&mutex);
	return memory;
}

void ready_drop(int64_t number) {
	int64_t floats = 0;
	float *memory = ready_take(number, &floats);
	if (memory != NULL) munmap(memory, (size_t)floats * sizeof *memory);
}
