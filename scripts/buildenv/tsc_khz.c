// SPDX-License-Identifier: GPL-2.0
/* Prints by how many thousands the time stamp counter goes on in a second. */
#include <stdio.h>
#include <time.h>
#include <x86intrin.h>

static unsigned long long now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_RAW, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

/* Counter and clock of the same moment: the shortest of some tries. */
static void read_both(unsigned long long *tsc, unsigned long long *ns)
{
	unsigned long long least = ~0ull;

	for (int i = 0; i < 100; i++) {
		unsigned long long before = __rdtsc(), clock = now_ns(), after = __rdtsc();

		if (after - before < least) {
			least = after - before;
			*tsc = before + least / 2;
			*ns = clock;
		}
	}
}

int main(void)
{
	struct timespec wait = { .tv_nsec = 200000000 };
	unsigned long long tsc[2], ns[2];

	read_both(&tsc[0], &ns[0]);
	nanosleep(&wait, NULL);
	read_both(&tsc[1], &ns[1]);
	printf("%.0f\n", (double)(tsc[1] - tsc[0]) / (double)(ns[1] - ns[0]) * 1e6);
	return 0;
}
