// Threads that help with one picture. A batch is split among the cores by its pictures; where there are fewer of these
// than cores, those without one would do nothing.

#ifndef FOVEA_CONVOLUTION_CREW_H_
#define FOVEA_CONVOLUTION_CREW_H_

#include <stddef.h>
#include <stdint.h>

// crew_part does one part of a job. The work memory may hold anything.
typedef void crew_part(const void *job, int64_t part, float *memory);

// crew_parts is how many parts of some things there are in all of them.
static inline int64_t crew_parts(int64_t all, int64_t part) { return (all + part - 1) / part; }

// crew_work does the parts of a job, 0 to count - 1, each once and in any order, and returns when all are done. memory
// is the caller's work memory, of that many floats; helpers have their own. They help as long as no more threads are at
// work here than there are cores.
void crew_work(crew_part *part, const void *job, int64_t count, size_t floats, float *memory);

#endif
