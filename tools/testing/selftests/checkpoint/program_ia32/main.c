// SPDX-License-Identifier: GPL-2.0
/* A program for 32-bit x86: "program SCENARIO BOARD" runs a scenario, see ia32.c. */
#include "ia32.h"

struct board *board;

static const struct {
	const char *name;
	void (*run)(void);
} scenarios[] = {
	{ "registers_in_loop", registers_in_loop },
	{ "registers_in_call", registers_in_call },
	{ "registers_in_handler", registers_in_handler },
	{ "sleep_with_remainder", sleep_with_remainder },
	{ "sleep_of_older_call", sleep_of_older_call },
	{ "poll_in_progress", poll_in_progress },
	{ "futex_in_progress", futex_in_progress },
	{ "vsyscall_in_progress", vsyscall_in_progress },
	{ "handler_on_stack", handler_on_stack },
	{ "thread_areas", thread_areas },
	{ "vdso_calls", vdso_calls },
	{ "robust_list", robust_list },
	{ "places", places },
	{ "family", family },
};

void fail(int line, const char *what, long seen, long want)
{
	uint32_t none = 0;

	if (__atomic_compare_exchange_n(&board->failed, &none, 1, false, __ATOMIC_SEQ_CST,
					__ATOMIC_SEQ_CST)) {
		snprintf(board->msg, sizeof(board->msg),
			 "32-bit program, line %d: %s is %ld (0x%lx), not %ld (0x%lx)", line, what,
			 seen, seen, want, want);
		__atomic_store_n(&board->failed, 2, __ATOMIC_SEQ_CST);
	}
	for (;;)
		CALL(__NR_exit_group, 99);
}

asm(
"	.text\n"
"	.globl call\n"
	CALL_BY("call", "int $0x80")
);

static void wake(uint32_t *word)
{
	CALL(NR_futex, word, FUTEX_WAKE, 0x7fffffff);
}

void ready(void)
{
	__atomic_store_n(&board->ready, 1, __ATOMIC_SEQ_CST);
	wake(&board->ready);
}

void wait_go(void)
{
	while (!__atomic_load_n(&board->go, __ATOMIC_SEQ_CST))
		CALL(NR_futex, &board->go, FUTEX_WAIT, 0, 0);
}

void step(unsigned int n)
{
	__atomic_add_fetch(&board->step[n], 1, __ATOMIC_SEQ_CST);
	wake(&board->step[n]);
}

void step_wait(unsigned int n, uint32_t count)
{
	uint32_t seen;

	while ((seen = __atomic_load_n(&board->step[n], __ATOMIC_SEQ_CST)) < count)
		CALL(NR_futex, &board->step[n], FUTEX_WAIT, seen, 0);
}

int main(int argc, char **argv)
{
	unsigned int i;
	int fd;

	if (argc != 3)
		return 97;
	fd = open(argv[2], O_RDWR);
	board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (fd < 0 || board == MAP_FAILED)
		return 98;
	close(fd);
	for (i = 0; i < sizeof(scenarios) / sizeof(*scenarios); i++) {
		if (!strcmp(scenarios[i].name, argv[1])) {
			scenarios[i].run();
			return 0;
		}
	}
	fail(__LINE__, argv[1], -1, 0);
}
