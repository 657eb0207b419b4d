/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What many calls may leave behind where no single one can be caught at it:
 * objects of the kernel, open files, memory.  And what must not happen in any
 * of them: that it does not come to an end.
 */
#ifndef CKPT_TEST_USAGE_H
#define CKPT_TEST_USAGE_H

#include "common.h"

#define USAGE_COUNTS	24

/* How much of what is in use, all over the system. */
struct ckpt_usage {
	long count[USAGE_COUNTS];
};

void ckpt_usage_now(struct ckpt_usage *usage);
/*
 * Wait until no more is in use than in @before, but for what comes and goes by
 * itself.  -1, after it was told what, if some of it stays.
 */
int ckpt_usage_same(const struct ckpt_usage *before);

/* Objects of a cache of the slab that are in use; 0: the kernel does not tell. */
long ckpt_objects(const char *cache);

/*
 * Begin to watch the calling process: between ckpt_guard_enter() and
 * ckpt_guard_leave() no more than @seconds may pass.  If they do, it is told
 * where that was, and the process is killed.  To be called before
 * ckpt_run_init(), lest the watcher becomes a child of the caller.
 */
int ckpt_guard_start(unsigned int seconds);
/* Another limit, for what is entered from now on. */
void ckpt_guard_limit(unsigned int seconds);
__attribute__((format(printf, 1, 2)))
void ckpt_guard_enter(const char *fmt, ...);
void ckpt_guard_leave(void);

/* A line in the kernel log, so that what it says of itself comes after it. */
__attribute__((format(printf, 1, 2)))
void ckpt_kmsg(const char *fmt, ...);

/* The number in the environment variable @name, or @fallback. */
unsigned long ckpt_number(const char *name, unsigned long fallback);

/* Random numbers that are the same for the same seed. */
uint64_t ckpt_random(uint64_t *state);
static inline unsigned int ckpt_below(uint64_t *state, unsigned int n)
{
	return (ckpt_random(state) >> 20) % n;
}

/*
 * Is @err one that Documentation/checkpoint/abi.rst has for the call, and does
 * the log of the run tell why?  -1, after it was told, if not.
 */
int ckpt_documented(struct ckpt_run *run, bool restart, int err);

#endif /* CKPT_TEST_USAGE_H */
