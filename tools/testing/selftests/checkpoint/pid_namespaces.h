/* SPDX-License-Identifier: GPL-2.0 */
/* Children in other pid namespaces than their parent. */
#ifndef CKPT_TEST_PID_NAMESPACES_H
#define CKPT_TEST_PID_NAMESPACES_H

#include "common.h"

#include <sched.h>
#include <signal.h>
#include <unistd.h>
#include <linux/sched.h>
#include <sys/syscall.h>

/* As fork(); the child is the init of a new one. */
__attribute__((unused)) static pid_t fork_in_new_pidns(void)
{
	struct clone_args args = { .flags = CLONE_NEWPID, .exit_signal = SIGCHLD };

	return CHECK_SYS(syscall(__NR_clone3, &args, sizeof(args)));
}

/* Has the children to come made in that of @of. */
__attribute__((unused)) static void set_pid_namespace(pid_t of)
{
	int fd = CHECK_SYS(syscall(__NR_pidfd_open, of, 0));

	CHECK_SYS(setns(fd, CLONE_NEWPID));
	CHECK_SYS(close(fd));
}

__attribute__((unused)) static int sent_inside(void *arg)
{
	CHECK_EQ(2, getpid());
	ckpt_step(1);
	ckpt_wait_go();
	CHECK_EQ(2, getpid());
	CHECK_EQ(0, getppid());
	return 83;
}

/*
 * The parent of a process in another namespace than its own, which is not the init of that. The
 * init is the child of starter_of_init(), which runs beside it: both are there at step 2.
 */
__attribute__((unused)) static int sender(void *arg)
{
	pid_t kid;

	ckpt_step_wait(0, 1);
	set_pid_namespace(board->value[0]);
	kid = ckpt_fork(sent_inside, NULL);
	set_pid_namespace(getpid());
	ckpt_step_wait(1, 1);
	ckpt_step(2);
	ckpt_wait_go();
	ckpt_wait_exit(kid, 83);
	ckpt_step(3);
	return 84;
}

__attribute__((unused)) static int starter_of_init(void *arg)
{
	pid_t inner = fork_in_new_pidns();

	if (!inner) {
		ckpt_step_wait(3, 1);
		_exit(85);
	}
	board->value[0] = inner;
	ckpt_step(0);
	ckpt_wait_go();
	ckpt_wait_exit(inner, 85);
	return 86;
}

#endif /* CKPT_TEST_PID_NAMESPACES_H */
