// SPDX-License-Identifier: GPL-2.0
/*
 * Mixes a table of numbers over and over and prints a checksum of it now and
 * then. Linked statically: no loader, no shared libraries. There must be a file
 * "go" for the last tenth of it.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define WORDS	(1U << 19)
#define STEPS	100
#define ROUNDS	4

static uint64_t next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static uint64_t mix(uint64_t *table, uint64_t *state)
{
	uint64_t sum = 0xcbf29ce484222325ULL;

	for (unsigned int i = 0; i < WORDS; i++) {
		uint64_t r = next(state);

		table[i] += table[r % WORDS] ^ r;
		sum = (sum ^ table[i]) * 0x100000001b3ULL;
	}
	return sum;
}

int main(void)
{
	uint64_t *table = calloc(WORDS, sizeof(*table));
	uint64_t state = 0x9e3779b97f4a7c15ULL;

	if (!table) {
		perror("mix");
		return 1;
	}
	for (int step = 1; step <= STEPS; step++) {
		uint64_t sum = 0;

		while (step > STEPS / 10 * 9 && access("go", F_OK))
			usleep(50000);
		for (int round = 0; round < ROUNDS; round++)
			sum = mix(table, &state);
		printf("step %d of %d: %016llx\n", step, STEPS, (unsigned long long)sum);
		fflush(stdout);
	}
	free(table);
	return 0;
}
