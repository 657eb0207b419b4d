/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the 32-bit programs of all architectures have in common: how they speak to the test, and
 * scenarios that are the same. The header of each, which includes this one, has the types, call(),
 * and numbers of system calls (NR_*): neither has a libc, and one no headers of its architecture.
 */
#ifndef CKPT_PROGRAM_32_H
#define CKPT_PROGRAM_32_H

/* struct ckpt_board of common.h: all its fields have the same place in 32-bit programs. */
struct board {
	uint32_t ready, go, failed, restarts, not_here;
	char msg[1024], text[1024];
	uint32_t step[256];
	uint64_t value[512] __attribute__((aligned(8)));
};

/* As in common.h. */
_Static_assert(__builtin_offsetof(struct board, step) == 2068 &&
	       __builtin_offsetof(struct board, value) == 3096, "not the board of common.h");

extern struct board *board;

/* It is not the root, but a child of a 64-bit program. */
extern bool is_child;

struct time64 {
	int64_t sec, nsec;
};

__attribute__((noreturn)) void fail(int line, const char *what, long seen, long want);

#define CHECK(cond) do {						\
	if (!(cond))							\
		fail(__LINE__, #cond, 0, 1);				\
} while (0)

#define CHECK_EQ(want, seen) do {					\
	long __want = (long)(want), __seen = (long)(seen);		\
	if (__want != __seen)						\
		fail(__LINE__, #seen, __seen, __want);			\
} while (0)

/* One that must not fail. */
#define CHECK_CALL(...) ({						\
	long __ret = CALL(__VA_ARGS__);					\
	if (__ret < 0 && __ret > -4096)					\
		fail(__LINE__, #__VA_ARGS__, __ret, 0);			\
	__ret;								\
})

/* A child leaves it to its parent to say that all is ready. */
void ready(void);
void wait_go(void);
void step(unsigned int n);
void step_wait(unsigned int n, uint32_t count);

/* As rt_sigaction(2) has it. */
struct action {
	void *fn;
	unsigned long flags;
	void *restorer;
	uint32_t mask[2];
};

#define WITH_INFO	0x00000004	/* SA_SIGINFO */
#define ON_STACK	0x08000000	/* SA_ONSTACK */

void set_action(int sig, void *fn, unsigned long flags);

/* A thread; each program has its own. Ends with its function. */
struct thread;

void thread_start(struct thread *t, void (*fn)(void *arg), void *arg, uint32_t mark);
void thread_join(struct thread *t);

/* Scenarios. */
void handler_on_stack(void);
void robust_list(void);
void family(void);

#endif /* CKPT_PROGRAM_32_H */
