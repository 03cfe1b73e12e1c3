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

int64_t ready_keep(float *memory, int64_t floats) {
	struct kernel *k = malloc(sizeof *k);
	if (k == NULL) {
		munmap(memory, (size_t)floats * sizeof *memory);
		return 0;
	}
	pthread_mutex_lock(&mutex);
	*k = (struct kernel){.number = ++last, .floats = floats, .memory = memory, .next = kept};
	kept = k;
	const int64_t number = k->number;
	pthread_mutex_unlock(&mutex);
	return number;
}

int64_t ready_pack(enum wide_arithmetic arithmetic, enum wide_instructions instructions, int64_t in, int64_t out, const float *hwio) {
	const int64_t floats = (int64_t)wide_kernel_floats(arithmetic, in, out);
	float *memory = own_pages((size_t)floats * sizeof *memory);
	if (memory == NULL) return 0;
	if (wide_pack_kernel(arithmetic, instructions, in, out, hwio, memory)) return ready_keep(memory, floats);
	munmap(memory, (size_t)floats * sizeof *memory);
	return 0;
}

// find is where the kernel of that number is linked to, or NULL. The mutex is held.
static struct kernel **find(int64_t number) {
	for (struct kernel **at = &kept; *at != NULL; at = &(*at)->next)
		if ((*at)->number == number) return at;
	return NULL;
}

const float *ready_look(int64_t number, int64_t *floats) {
	const float *memory = NULL;
	pthread_mutex_lock(&mutex);
	struct kernel **at = find(number);
	if (at != NULL) {
		memory = (*at)->memory;
		*floats = (*at)->floats;
	}
	pthread_mutex_unlock(&mutex);
	return memory;
}

float *ready_take(int64_t number, int64_t *floats) {
	float *memory = NULL;
	pthread_mutex_lock(&mutex);
	struct kernel **at = find(number);
	if (at != NULL) {
		struct kernel *k = *at;
		memory = k->memory;
		*floats = k->floats;
		*at = k->next;
		free(k);
	}
	pthread_mutex_unlock(&mutex);
	return memory;
}

void ready_drop(int64_t number) {
	int64_t floats = 0;
	float *memory = ready_take(number, &floats);
	if (memory != NULL) munmap(memory, (size_t)floats * sizeof *memory);
}
