// SPDX-License-Identifier: GPL-2.0
/*
 * checkpoint(2) and restart(2): the entry points.
 *
 * SYSCALL_DEFINE() makes what an architecture's entry code, tracing and CFI
 * want of a system call; nothing in Rust does that yet. All else is in
 * syscall.rs.
 */
#include <linux/checkpoint.h>
#include <linux/syscalls.h>

static_assert(sizeof(struct checkpoint_args) == CHECKPOINT_ARGS_SIZE_VER3);
static_assert(sizeof(struct restart_args) == RESTART_ARGS_SIZE_VER3);

SYSCALL_DEFINE2(checkpoint, struct checkpoint_args __user *, uargs, size_t, size)
{
	return checkpoint_do(uargs, size);
}

SYSCALL_DEFINE2(restart, struct restart_args __user *, uargs, size_t, size)
{
	return restart_do(uargs, size);
}
