// How many additions and multiplications a second this CPU can do at most: loops of nothing but an
// instruction on registers, its sums independent of each other. Prints a line for each instruction
// that the CPU has: its name, the type of its products, and Gop/s of a core, by the processor time
// of the fastest of several runs, on as many threads as there are CPUs (cores share limits on
// power, and threads of a core share its units).
//
//	cc -O2 -pthread -o limits scripts/peers/limits.c && ./limits
#define _GNU_SOURCE
#include <cpuid.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 12, STEPS = 400000 };

// Twelve sums, which hide the latency of two units; the factors stay in registers 13 and 14.
#define TWELVE(I) I("0") I("1") I("2") I("3") I("4") I("5") I("6") I("7") I("8") I("9") I("10") I("11")
#define LOOP(NAME, FILL, I)                                                                          \
	static void NAME(long n) {                                                                        \
		__asm__ volatile(FILL "1:\n\t" TWELVE(I) "dec %0\n\tjnz 1b\n\tvzeroupper" : "+r"(n)::"cc", "memory", "rax", \
			"xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", \
			"xmm12", "xmm13", "xmm14");                                                                  \
	}
// The factors are numbers that make sense in every type: zeros would save power, and time with it.
#define FACTORS "vzeroall\n\tmovl $0x3f9d3f9d, %%eax\n\tvmovd %%eax, %%xmm13\n\t"
#define FILL256 FACTORS "vpbroadcastd %%xmm13, %%ymm13\n\tvmovdqa %%ymm13, %%ymm14\n\t"
#define FILL512 FACTORS "vpbroadcastd %%xmm13, %%zmm13\n\tvmovdqa64 %%zmm13, %%zmm14\n\t"
#define FMA512(R) "vfmadd231ps %%zmm13, %%zmm14, %%zmm" R "\n\t"
#define BF16(R) "vdpbf16ps %%zmm13, %%zmm14, %%zmm" R "\n\t"
#define WSSD(R) "vpdpwssd %%zmm13, %%zmm14, %%zmm" R "\n\t"
#define BUSD(R) "vpdpbusd %%zmm13, %%zmm14, %%zmm" R "\n\t"
#define FMA256(R) "vfmadd231ps %%ymm13, %%ymm14, %%ymm" R "\n\t"
#define MADD(R) "vpmaddwd %%ymm13, %%ymm14, %%ymm12\n\tvpaddd %%ymm12, %%ymm" R ", %%ymm" R "\n\t"
#define AVXWSSD(R) "%{vex%} vpdpwssd %%ymm13, %%ymm14, %%ymm" R "\n\t"
#define AVXBUSD(R) "%{vex%} vpdpbusd %%ymm13, %%ymm14, %%ymm" R "\n\t"
LOOP(fma512, FILL512, FMA512)
LOOP(bf16, FILL512, BF16)
LOOP(wssd, FILL512, WSSD)
LOOP(busd, FILL512, BUSD)
LOOP(fma256, FILL256, FMA256)
LOOP(madd, FILL256, MADD)
LOOP(avxwssd, FILL256, AVXWSSD)
LOOP(avxbusd, FILL256, AVXBUSD)

// Four tiles of sums, from two and two tiles of 16 rows of 64 bytes.
struct tiles { uint8_t palette, start, reserved[14]; uint16_t columns[16]; uint8_t rows[16]; };
#define TILES(NAME, OP)                                                                               \
	static void NAME(long n) {                                                                        \
		struct tiles t = {.palette = 1};                                                              \
		for (int i = 0; i < 8; i++) { t.columns[i] = 64; t.rows[i] = 16; }                            \
		__asm__ volatile("ldtilecfg %1\n\t"                                                            \
			"tilezero %%tmm0\n\ttilezero %%tmm1\n\ttilezero %%tmm2\n\ttilezero %%tmm3\n\t"                  \
			"tilezero %%tmm4\n\ttilezero %%tmm5\n\ttilezero %%tmm6\n\ttilezero %%tmm7\n\t"                  \
			"1:\n\t" OP " %%tmm6, %%tmm4, %%tmm0\n\t" OP " %%tmm7, %%tmm4, %%tmm1\n\t"                      \
			OP " %%tmm6, %%tmm5, %%tmm2\n\t" OP " %%tmm7, %%tmm5, %%tmm3\n\t"                              \
			"dec %0\n\tjnz 1b\n\ttilerelease" : "+r"(n) : "m"(t) : "cc", "memory");                        \
	}
TILES(amxbf16, "tdpbf16ps")
TILES(amxint8, "tdpbusd")

static int bit(unsigned leaf, unsigned sub, int reg, int n) {
	unsigned r[4];
	if (!__get_cpuid_count(leaf, sub, &r[0], &r[1], &r[2], &r[3])) return 0;
	return r[reg] >> n & 1;
}
static unsigned long long enabled(void) { // what the system keeps of registers: XCR0
	unsigned low = 0, high = 0;
	if (bit(1, 0, 2, 27)) __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	return (unsigned long long)high << 32 | low;
}
static int avx2(void) { return (enabled() & 0x6) == 0x6 && bit(7, 0, 1, 5) && bit(1, 0, 2, 12); }
static int avx512(void) { return (enabled() & 0xe6) == 0xe6 && bit(7, 0, 1, 16); }
static int has_bf16(void) { return avx512() && bit(7, 1, 0, 5); }
static int vnni(void) { return avx512() && bit(7, 0, 2, 11); }
static int avxvnni(void) { return avx2() && bit(7, 1, 0, 4); }
static int amx(int n) { // 22: bfloat16, 25: int8
	enum { ARCH_REQ_XCOMP_PERM = 0x1023, TILE_DATA = 18 };
	return (enabled() & 0x60000) == 0x60000 && bit(7, 0, 3, 24) && bit(7, 0, 3, n) &&
		syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, TILE_DATA) == 0;
}
static int amx_bf16(void) { return amx(22); }
static int amx_int8(void) { return amx(25); }

struct limit {
	const char *name, *type;
	int (*there)(void);
	void (*loop)(long);
	double operations; // of one pass of the loop
	long steps;
} limits[] = {
	{"FMA-AVX2", "float32", avx2, fma256, 12 * 8 * 2, STEPS},
	{"FMA-AVX512", "float32", avx512, fma512, 12 * 16 * 2, STEPS},
	{"VDPBF16PS", "bfloat16", has_bf16, bf16, 12 * 32 * 2, STEPS},
	{"VPMADDWD-AVX2", "int16", avx2, madd, 12 * 16 * 2, STEPS},
	{"VPDPWSSD-AVX", "int16", avxvnni, avxwssd, 12 * 16 * 2, STEPS},
	{"VPDPWSSD", "int16", vnni, wssd, 12 * 32 * 2, STEPS},
	{"VPDPBUSD-AVX", "int8", avxvnni, avxbusd, 12 * 32 * 2, STEPS},
	{"VPDPBUSD", "int8", vnni, busd, 12 * 64 * 2, STEPS},
	{"TDPBF16PS", "bfloat16", amx_bf16, amxbf16, 4 * 16 * 16 * 32 * 2, STEPS / 8},
	{"TDPBUSD", "int8", amx_int8, amxint8, 4 * 16 * 16 * 64 * 2, STEPS / 8},
};

static double processor(void) {
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec + 1e-9 * t.tv_nsec;
}

struct run { struct limit *limit; double best; };
static void *measure(void *argument) {
	struct run *run = argument;
	for (int i = 0; i < ROUNDS; i++) {
		double begin = processor();
		run->limit->loop(run->limit->steps);
		double rate = run->limit->operations * run->limit->steps / (processor() - begin) / 1e9;
		if (rate > run->best) run->best = rate;
	}
	return NULL;
}

int main(void) {
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
		if (!limits[i].there()) continue;
		pthread_t threads[cpus];
		struct run runs[cpus];
		double sum = 0;
		for (long t = 0; t < cpus; t++) {
			runs[t] = (struct run){&limits[i], 0};
			if (pthread_create(&threads[t], NULL, measure, &runs[t])) { perror("limits: start a thread"); return 1; }
		}
		for (long t = 0; t < cpus; t++) { pthread_join(threads[t], NULL); sum += runs[t].best; }
		printf("%s %s %.0f\n", limits[i].name, limits[i].type, sum / cpus);
	}
	return 0;
}
