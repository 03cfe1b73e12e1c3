#define _GNU_SOURCE // names of registers
#include "emulate.h"

#include <errno.h>
#include <immintrin.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <ucontext.h>

#define WIDE __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni")))

enum { tiles = 8, most_rows = 16, most_bytes = 64 };

struct tile {
	uint8_t bytes[most_rows][most_bytes];
};

// What a thread has in its tile registers.
static __thread struct {
	int rows[tiles], row_bytes[tiles];
	struct tile of[tiles];
} state;

// instruction is one of AMX's, decoded: VEX prefix of three bytes, opcode, ModRM and address.
struct instruction {
	int opcode, prefix; // 0: none, 1: 66, 2: F3, 3: F2
	int first, second, third; // tiles: in ModRM's register, in its other part, in the VEX prefix
	int in_memory;
	uint8_t *at;
	int64_t stride; // the index register, which is no part of the address
	size_t length;
};

// of_register is the place of a register, by the number that instructions have for it.
static int64_t of_register(const ucontext_t *context, int number) {
	static const int places[] = {
		REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
		REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15,
	};
	return context->uc_mcontext.gregs[places[number]];
}

// decode_address reads what follows ModRM, at p.
static const uint8_t *decode_address(const ucontext_t *context, const uint8_t *p, int modrm, int vex, struct instruction *i) {
	const int mode = modrm >> 6, base_high = vex & 0x20 ? 0 : 8, index_high = vex & 0x40 ? 0 : 8;
	int64_t address = 0;
	int base = modrm & 7, with_base = 1;
	if (base == 4) {
		const int sib = *p++, index = (sib >> 3 & 7) | index_high;
		if (index != 4) i->stride = (int64_t)((uint64_t)of_register(context, index) << (sib >> 6));
		base = sib & 7;
		with_base = base != 5 || mode != 0;
	} else if (base == 5 && mode == 0) { // relative to the next instruction, which begins after the displacement
		with_base = 0;
		address = (int64_t)(uintptr_t)p + 4;
	}
	if (with_base) address = of_register(context, base | base_high);
	if (mode == 1) {
		address += (int8_t)*p++;
	} else if (mode == 2 || !with_base) {
		int32_t displacement;
		memcpy(&displacement, p, sizeof displacement);
		address += displacement;
		p += sizeof displacement;
	}
	i->at = (uint8_t *)(uintptr_t)address;
	return p;
}

static int decode(const ucontext_t *context, struct instruction *i) {
	const uint8_t *const begin = (const uint8_t *)(uintptr_t)context->uc_mcontext.gregs[REG_RIP], *p = begin;
	if (p[0] != 0xc4 || (p[1] & 0x1f) != 2 || (p[2] & 0x84) != 0) return 0; // map 0F38, W0, 128 bits
	const int vex = p[1], modrm = p[4];
	*i = (struct instruction){.opcode = p[3], .prefix = p[2] & 3, .first = modrm >> 3 & 7, .second = modrm & 7, .third = ~(p[2] >> 3) & 7, .in_memory = modrm >> 6 != 3};
	p += 5;
	if (i->in_memory) p = decode_address(context, p, modrm, vex, i);
	i->length = (size_t)(p - begin);
	return 1;
}

static void configure(const uint8_t *from) {
	memset(&state, 0, sizeof state);
	for (int t = 0; t < tiles; t++) {
		uint16_t bytes;
		memcpy(&bytes, from + 16 + 2 * t, sizeof bytes);
		state.row_bytes[t] = bytes;
		state.rows[t] = from[48 + t];
	}
}

static void load(const struct instruction *i) {
	const int t = i->first;
	memset(&state.of[t], 0, sizeof state.of[t]);
	for (int row = 0; row < state.rows[t]; row++) memcpy(state.of[t].bytes[row], i->at + row * i->stride, (size_t)state.row_bytes[t]);
}

static void store(const struct instruction *i) {
	const int t = i->first;
	for (int row = 0; row < state.rows[t]; row++) memcpy(i->at + row * i->stride, state.of[t].bytes[row], (size_t)state.row_bytes[t]);
}

static uint32_t four_bytes(const struct tile *a, int row, int k) {
	uint32_t four;
	memcpy(&four, a->bytes[row] + 4 * k, sizeof four);
	return four;
}

// multiply_bytes is TDPBUSD: sums of four products each of unsigned with signed bytes.
WIDE static void multiply_bytes(struct tile *sums, int rows, const struct tile *a, const struct tile *b, int depth) {
	for (int row = 0; row < rows; row++) {
		__m512i sum = _mm512_loadu_si512(sums->bytes[row]);
		for (int k = 0; k < depth; k++) sum = _mm512_dpbusd_epi32(sum, _mm512_set1_epi32((int)four_bytes(a, row, k)), _mm512_loadu_si512(b->bytes[k]));
		_mm512_storeu_si512(sums->bytes[row], sum);
	}
}

// multiply_halves is TDPBF16PS: products of the first and of the second bfloat16 of each pair are summed apart.
WIDE static void multiply_halves(struct tile *sums, int rows, const struct tile *a, const struct tile *b, int depth) {
	const __m512i upper = _mm512_set1_epi32((int)0xffff0000);
	for (int row = 0; row < rows; row++) {
		__m512 even = _mm512_setzero_ps(), odd = even;
		for (int k = 0; k < depth; k++) {
			const __m512i x = _mm512_set1_epi32((int)four_bytes(a, row, k)), y = _mm512_loadu_si512(b->bytes[k]);
			even = _mm512_fmadd_ps(_mm512_castsi512_ps(_mm512_slli_epi32(x, 16)), _mm512_castsi512_ps(_mm512_slli_epi32(y, 16)), even);
			odd = _mm512_fmadd_ps(_mm512_castsi512_ps(_mm512_and_si512(x, upper)), _mm512_castsi512_ps(_mm512_and_si512(y, upper)), odd);
		}
		_mm512_storeu_ps(sums->bytes[row], _mm512_add_ps(_mm512_loadu_ps(sums->bytes[row]), _mm512_add_ps(even, odd)));
	}
}

static int compute(const struct instruction *i) {
	struct tile *first = &state.of[i->first];
	const struct tile *second = &state.of[i->second], *third = &state.of[i->third];
	const int rows = state.rows[i->first], depth = state.row_bytes[i->second] / 4;
	switch (i->in_memory << 16 | i->prefix << 8 | i->opcode) {
	case 1 << 16 | 0 << 8 | 0x49: configure(i->at); return 1;       // LDTILECFG
	case 0 << 16 | 0 << 8 | 0x49: memset(&state, 0, sizeof state); return 1; // TILERELEASE
	case 0 << 16 | 3 << 8 | 0x49: memset(first, 0, sizeof *first); return 1; // TILEZERO
	case 1 << 16 | 3 << 8 | 0x4b: load(i); return 1;                // TILELOADD
	case 1 << 16 | 2 << 8 | 0x4b: store(i); return 1;               // TILESTORED
	case 0 << 16 | 2 << 8 | 0x5c: multiply_halves(first, rows, second, third, depth); return 1;
	case 0 << 16 | 1 << 8 | 0x5e: multiply_bytes(first, rows, second, third, depth); return 1;
	}
	return 0;
}

static struct sigaction before;

static void handle(int number, siginfo_t *information, void *argument) {
	ucontext_t *context = argument;
	struct instruction i;
	(void)number;
	(void)information;
	int done = 0;
	for (; decode(context, &i) && compute(&i); done++) context->uc_mcontext.gregs[REG_RIP] += (greg_t)i.length; // one signal for all in a row
	if (done == 0) sigaction(SIGILL, &before, NULL); // whose turn it is, as the instruction is met again
}

int fovea_amx_emulate(void) {
	struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_ONSTACK};
	sigemptyset(&action.sa_mask);
	return sigaction(SIGILL, &action, &before) == 0 ? 0 : errno;
}
