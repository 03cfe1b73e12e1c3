// The library that is loaded: references of all kinds, to itself and to what it needs.
#include <stdio.h>

int own(void) { return 1; }
int both(void) { return 2; } // second.c has one, too, which this one takes the place of
int second(void);
int seen_by_second(void);

static int four(void) { return 4; }
static int (*resolve(void))(void) { return four; }
int chosen(void) __attribute__((ifunc("resolve")));

__thread int thread = 5;
int numbers[4] = {6, 7, 8, 9};
extern int only_one;
__asm__(".data\n.globl only_one\n.type only_one, @gnu_unique_object\n.size only_one, 4\nonly_one: .long 10\n.text");

int (*functions[])(void) = {own, both, chosen, second};
int *places[] = {&numbers[2], &only_one};
int *changed = &numbers[0];

__attribute__((constructor)) static void change(void) { changed = &numbers[3]; }

int sum(int weight) { return weight * own(); }

void report(void) {
	for (int i = 0; i < 4; i++) printf("%d ", functions[i]());
	printf("%d %d %d %d %d %d %d\n", *places[0], *places[1], *changed, thread, seen_by_second(), sum(3), both());
}
