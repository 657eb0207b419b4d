// SPDX-License-Identifier: GPL-2.0
/* Relatives of 32-bit programs, of both kinds. */
#include "program.h"

/* Returns when it is another program. */
static long run(const char *path, const char *arg)
{
	const char *argv[] = { path, arg, NULL };
	int ends[2];
	long pid;
	char c;

	CHECK_CALL(NR_pipe2, ends, O_CLOEXEC);
	pid = CHECK_CALL(NR_fork);
	if (!pid) {
		CALL(NR_execve, path, argv, argv + 2);
		CALL(NR_exit, 127);
	}
	CALL(NR_close, ends[1]);
	CHECK_EQ(0, CALL(NR_read, ends[0], &c, 1));
	CALL(NR_close, ends[0]);
	return pid;
}

/* A child of 32 bits, one of 64 bits; and programs of 64 bits that are executed later. */
void family(void)
{
	long child, native;
	int status;

	child = CHECK_CALL(NR_fork);
	if (!child) {
		step(0);
		wait_go();
		CALL(NR_exit_group, 32);
	}
	native = run("/bin/sleep", "1000000");
	step_wait(0, 1);
	ready();
	wait_go();
	CHECK_EQ(child, CALL(NR_wait4, child, &status, 0, 0));
	CHECK_EQ(32 << 8, status);
	CHECK_CALL(NR_kill, native, SIGTERM);
	CHECK_EQ(native, CALL(NR_wait4, native, &status, 0, 0));
	CHECK_EQ(SIGTERM, status & 0x7f);
	child = run("/bin/true", NULL);
	CHECK_EQ(child, CALL(NR_wait4, child, &status, 0, 0));
	CHECK_EQ(0, status);
}
