#define _GNU_SOURCE
#include "crew.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "call.h"

// task is a job that somebody waits for.
struct task {
	crew_part *part;
	const void *job;
	int64_t count;
	size_t floats;
	atomic_int_least64_t next; // part
	int helpers;
	pthread_cond_t left; // by the last helper
	struct task *other;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t posted = PTHREAD_COND_INITIALIZER;
// Guarded by the mutex; busy, the number of threads at work, is read without it, too.
static struct task *tasks;
static int cores, threads;
static atomic_int busy;

static int count_cores(void) {
	cpu_set_t set;
	return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

static void take_parts(struct task *t, float *memory, int helps) {
	while (!helps || busy <= cores) {
		const int64_t part = atomic_fetch_add(&t->next, 1);
		if (part >= t->count) return;
		t->part(t->job, part, memory);
	}
}

static struct task *open_task(void) {
	struct task *t = tasks;
	while (t != NULL && t->next >= t->count) t = t->other;
	return busy < cores ? t : NULL;
}

static void *help(void *unused) {
	pthread_mutex_lock(&mutex);
	for (;;) {
		struct task *t = open_task();
		if (t == NULL) {
			pthread_cond_wait(&posted, &mutex);
			continue;
		}
		t->helpers++;
		busy++;
		pthread_mutex_unlock(&mutex);
		float *memory = t->floats > 0 ? fovea_convolution_work_memory(t->floats) : NULL;
		const int able = memory != NULL || t->floats == 0;
		if (able) take_parts(t, memory, 1);
		pthread_mutex_lock(&mutex);
		busy--;
		if (--t->helpers == 0) pthread_cond_signal(&t->left);
		if (!able) pthread_cond_wait(&posted, &mutex); // others have enough perhaps
	}
	return unused;
}

// call_helpers wakes as many threads as have a core, or makes them. Without enough threads, work takes longer.
static void call_helpers(int64_t parts) {
	for (int n = cores - busy; n > 0 && parts > 1; n--, parts--) {
		pthread_t thread;
		if (threads < cores - 1 && pthread_create(&thread, NULL, help, NULL) == 0) {
			pthread_detach(thread);
			threads++;
		} else {
			pthread_cond_signal(&posted);
		}
	}
}

void crew_work(crew_part *part, const void *job, int64_t count, size_t floats, float *memory) {
	struct task t = {.part = part, .job = job, .count = count, .floats = floats, .left = PTHREAD_COND_INITIALIZER};
	pthread_mutex_lock(&mutex);
	if (cores == 0) cores = count_cores();
	busy++;
	t.other = tasks;
	tasks = &t;
	call_helpers(count);
	pthread_mutex_unlock(&mutex);
	take_parts(&t, memory, 0);
	pthread_mutex_lock(&mutex);
	struct task **at = &tasks;
	while (*at != &t) at = &(*at)->other;
	*at = t.other;
	while (t.helpers > 0) pthread_cond_wait(&t.left, &mutex);
	busy--;
	pthread_mutex_unlock(&mutex);
	pthread_cond_destroy(&t.left);
}
