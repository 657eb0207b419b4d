// SPDX-License-Identifier: GPL-2.0
/*
 * What is measured: a process with so much memory, so many threads and child
 * processes.  One thread stamps the monotonic clock: the largest gap between two
 * stamps is the time for which the process stood still.  It sleeps between them,
 * unless it is to be busy: then it wants a processor while it is checkpointed, too.
 *
 * usage: workload MIB THREADS PROCESSES BUSY RESULT
 * RESULT gets "ready FORK_NS", the floor; later, on SIGUSR1, "gap NS".
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FORKS	10
/* Between two stamps, unless busy. */
#define SLEEP_NS	100000

static _Atomic int64_t largest;
static int busy;

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void *stamp(void *unused)
{
	struct timespec nap = { .tv_nsec = SLEEP_NS };
	int64_t last = now();

	for (;;) {
		int64_t t;

		if (!busy)
			nanosleep(&nap, NULL);
		t = now();
		if (t - last > atomic_load(&largest))
			atomic_store(&largest, t - last);
		last = t;
	}
	return unused;
}

static void *sleeper(void *unused)
{
	for (;;)
		pause();
	return unused;
}

/* The shortest time that fork() takes: the floor of any snapshot. */
static int64_t fork_time(void)
{
	int64_t least = INT64_MAX;

	for (int i = 0; i < FORKS; i++) {
		int64_t t = now();
		pid_t child = fork();

		if (!child)
			_exit(0);
		t = now() - t;
		if (child < 0) {
			perror("fork");
			exit(1);
		}
		waitpid(child, NULL, 0);
		if (t < least)
			least = t;
	}
	return least;
}

static void say(const char *path, const char *word, int64_t value)
{
	char tmp[4096];
	FILE *f;

	snprintf(tmp, sizeof(tmp), "%s.new", path);
	f = fopen(tmp, "w");
	if (!f || fprintf(f, "%s %lld\n", word, (long long)value) < 0 || fclose(f) ||
	    rename(tmp, path)) {
		perror(path);
		exit(1);
	}
}

int main(int argc, char **argv)
{
	pthread_t thread;
	sigset_t set;
	size_t size;
	char *memory;
	int signal;

	if (argc != 6) {
		fprintf(stderr, "usage: workload MIB THREADS PROCESSES BUSY RESULT\n");
		return 2;
	}
	busy = atoi(argv[4]);
	size = strtoul(argv[1], NULL, 0) << 20;
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED) {
		perror("mmap");
		return 1;
	}
	/* No page like another, and none zero. */
	for (size_t at = 0; at < size; at += sizeof(uint64_t))
		*(uint64_t *)(memory + at) = at * 0x9e3779b97f4a7c15ULL + 1;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	for (int i = 1; i < atoi(argv[3]); i++) {
		if (!fork()) {
			memory[0]++;
			for (;;)
				pause();
		}
	}
	for (int i = 2; i < atoi(argv[2]); i++)
		if (pthread_create(&thread, NULL, sleeper, NULL))
			return 1;
	say(argv[5], "ready", fork_time());
	if (pthread_create(&thread, NULL, stamp, NULL))
		return 1;
	for (;;) {
		if (sigwait(&set, &signal))
			return 1;
		if (signal == SIGUSR1)
			say(argv[5], "gap", atomic_exchange(&largest, 0));
		else
			say(argv[5], "cleared", atomic_exchange(&largest, 0));
	}
}
