// SPDX-License-Identifier: GPL-2.0
/* A program for 32-bit x86: "program SCENARIO BOARD [child]" runs a scenario, see ia32.c. */
#include "ia32.h"

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

int main(int argc, char **argv)
{
	unsigned int i;
	int fd;

	if (argc != 3 && argc != 4)
		return 97;
	is_child = argc == 4;
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
