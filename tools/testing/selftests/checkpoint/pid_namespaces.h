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

#endif /* CKPT_TEST_PID_NAMESPACES_H */
