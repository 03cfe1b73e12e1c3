#define _GNU_SOURCE
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "quiet_linux.h"

static int verbose;

// What was held back before it was known whether the user wants it, that is, while the
// libraries were being loaded.
static char held[8192];
static size_t held_size;

// A message of TensorFlow opens in one of two forms: "2024-01-31 12:00:00.123456: I path.cc:1]",
// which its own logger writes, and "I0000 00:00:1706702400.123456 1 path.cc:1]", Abseil's.
// Returns the level's letter, or 0 when the line opens no message.
static char level(const char *line, size_t n) {
	static const char preamble[] = "WARNING: All log messages before absl::InitializeLog()";
	if (n >= sizeof preamble - 1 && memcmp(line, preamble, sizeof preamble - 1) == 0) return 'I';
	if (n > 30 && isdigit((unsigned char)line[0]) && line[4] == '-' && line[26] == ':' && line[29] == ' ')
		return line[28];
	if (n > 6 && strchr("IWEF", line[0]) && isdigit((unsigned char)line[1]) && isdigit((unsigned char)line[4]) && line[5] == ' ')
		return line[0];
	return 0;
}

// The GPU build calls these errors, and says them at every start: the first comes from its two
// libraries' both bringing CUDA's plugins, the second from a machine without a driver, of which
// the program itself speaks where it matters.
static int harmless(const char *line, size_t n) {
	static const char *const known[] = {
		"Unable to register cuFFT factory", "Unable to register cuDNN factory",
		"Unable to register cuBLAS factory", "failed call to cuInit",
	};
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if (memmem(line, n, known[i], strlen(known[i]))) return 1;
	return 0;
}

static void emit(const char *text, size_t n) {
	while (n > 0) {
		ssize_t written = write(2, text, n);
		if (written <= 0) return;
		text += written;
		n -= written;
	}
}

static void hold(const char *text, size_t n) {
	if (n > sizeof held - held_size) n = sizeof held - held_size;
	memcpy(held + held_size, text, n);
	held_size += n;
}

// A message comes in one call; its further lines share the fate of its first.
static ssize_t filter(void *cookie, const char *text, size_t size) {
	int drop = 0;
	(void)cookie;
	for (size_t start = 0; start < size;) {
		const char *line = text + start;
		const char *newline = memchr(line, '\n', size - start);
		size_t n = newline ? (size_t)(newline - line) + 1 : size - start;
		char letter = level(line, n);
		if (letter) drop = letter == 'I' || letter == 'W' || harmless(line, n);
		if (!drop || verbose) emit(line, n);
		else hold(line, n);
		start += n;
	}
	return size;
}

void fovea_verbose(void) {
	verbose = 1;
	emit(held, held_size);
	held_size = 0;
}

// C's stderr, which only C code writes to, becomes the filter; descriptor 2 stays as it is.
static void install(void) {
	cookie_io_functions_t functions = {.write = filter};
	FILE *filtered = fopencookie(NULL, "w", functions);
	if (!filtered) return;
	setvbuf(filtered, NULL, _IONBF, 0);
	stderr = filtered;
}

// TensorFlow speaks for the first time in its library's initializers, which run before
// main; only what stands in this section runs earlier.
__attribute__((section(".preinit_array"), used)) static void (*install_first)(void) = install;
