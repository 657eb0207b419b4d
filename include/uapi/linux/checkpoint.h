/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * Application checkpoint/restart: the arguments of checkpoint(2) and restart(2).
 *
 * See Documentation/checkpoint/abi.rst.
 */
#ifndef _UAPI_LINUX_CHECKPOINT_H
#define _UAPI_LINUX_CHECKPOINT_H

#include <linux/types.h>

/*
 * checkpoint_args.flags
 *
 * Without CHECKPOINT_SUBTREE the root task must be the init process of a pid
 * namespace, and what the tasks share is checked to be shared by nobody else.
 */
#define CHECKPOINT_SUBTREE	(1ULL << 0) /* Root need not be a pid namespace's init. */
#define CHECKPOINT_KILL		(1ULL << 1) /* After success: kill the tasks. */
#define CHECKPOINT_FROZEN	(1ULL << 2) /* After success: leave the cgroup frozen. */
#define CHECKPOINT_DRY_RUN	(1ULL << 3) /* Report what would be refused, write nothing. */
#define CHECKPOINT_STRICT	(1ULL << 4) /* Refuse files that are shared with others, too. */
#define CHECKPOINT_KILL_ONLY	(1ULL << 5) /* Kill what was left frozen, write nothing. */

/**
 * struct checkpoint_args - the extensible argument of checkpoint(2)
 * @flags: CHECKPOINT_* flags.
 * @pidfd: The root task, or -1 for the calling process.
 * @cgroup_fd: Directory of the cgroup (v2) to freeze, or -1 for the root task's own.
 * @image_fd: Where the image goes; -1 is allowed with CHECKPOINT_DRY_RUN, and needed with
 *            CHECKPOINT_KILL_ONLY.
 * @log_fd: Where messages go, one line each, or -1.
 * @timeout_ms: Milliseconds within which all tasks must have frozen, 0 for 10 seconds.
 * @reserved: Must be zero.
 * @id: With CHECKPOINT_KILL_ONLY: the checkpoint that has left the tasks frozen. Else zero.
 */
struct checkpoint_args {
	__aligned_u64 flags;
	__s32 pidfd;
	__s32 cgroup_fd;
	__s32 image_fd;
	__s32 log_fd;
	__u32 timeout_ms;
	__u32 reserved;
	__aligned_u64 id;
};

#define CHECKPOINT_ARGS_SIZE_VER0	40 /* sizeof the first published struct */

/*
 * restart_args.flags
 */
#define RESTART_FROZEN		(1ULL << 0) /* Leave the restarted tasks' cgroup frozen. */
#define RESTART_SIBLING		(1ULL << 1) /* The root becomes a sibling of the caller. */
#define RESTART_STRICT		(1ULL << 2) /* Files must be the same in all that is known. */
#define RESTART_CALLER_CONFINEMENT (1ULL << 3) /* Labels, user namespace: as the caller's. */

/**
 * struct restart_args - the extensible argument of restart(2)
 * @flags: RESTART_* flags.
 * @image_fd: Where the image is read from, from its current position.
 * @log_fd: Where messages go, one line each, or -1.
 * @cgroup_fd: Directory of the cgroup (v2) to restart into, or -1 for the caller's.
 * @pidfd: Out: a pidfd of the restarted root task, close-on-exec.
 * @accept: Patterns of paths whose files may differ from those that were saved: strings
 *          with a NUL each, one after the other.
 * @accept_len: Bytes of @accept, NULs included; 0 for no patterns.
 * @reserved: Must be zero.
 */
struct restart_args {
	__aligned_u64 flags;
	__s32 image_fd;
	__s32 log_fd;
	__s32 cgroup_fd;
	__s32 pidfd;
	__aligned_u64 accept;
	__u32 accept_len;
	__u32 reserved;
};

#define RESTART_ARGS_SIZE_VER0		40 /* sizeof the first published struct */

#endif /* _UAPI_LINUX_CHECKPOINT_H */
