// SPDX-License-Identifier: GPL-2.0
/*
 * checkpoint(2) and restart(2): the entry points.
 *
 * SYSCALL_DEFINE() makes what an architecture's entry code, tracing and CFI
 * want of a system call; nothing in Rust does that yet. All else is in
 * checkpoint.rs.
 */
#include <linux/checkpoint.h>
#include <linux/syscalls.h>
#include <linux/uaccess.h>

static_assert(sizeof(struct checkpoint_args) == CHECKPOINT_ARGS_SIZE_VER0);
static_assert(sizeof(struct restart_args) == RESTART_ARGS_SIZE_VER0);

SYSCALL_DEFINE2(checkpoint, struct checkpoint_args __user *, uargs, size_t, size)
{
	struct checkpoint_args args;
	int ret;

	if (size < CHECKPOINT_ARGS_SIZE_VER0)
		return -EINVAL;
	if (size > PAGE_SIZE)
		return -E2BIG;
	ret = copy_struct_from_user(&args, sizeof(args), uargs, size);
	if (ret)
		return ret;
	return checkpoint_do(&args);
}

SYSCALL_DEFINE2(restart, struct restart_args __user *, uargs, size_t, size)
{
	struct restart_args args;
	long ret;

	if (size < RESTART_ARGS_SIZE_VER0)
		return -EINVAL;
	if (size > PAGE_SIZE)
		return -E2BIG;
	ret = copy_struct_from_user(&args, sizeof(args), uargs, size);
	if (ret)
		return ret;
	args.pidfd = -1;
	ret = restart_do(&args, &uargs->pidfd);
	return ret;
}
