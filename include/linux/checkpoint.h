/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the C and the Rust side of checkpoint/restart know of each other.
 */
#ifndef _LINUX_CHECKPOINT_H
#define _LINUX_CHECKPOINT_H

#include <uapi/linux/checkpoint.h>

long checkpoint_do(const struct checkpoint_args *args);
long restart_do(struct restart_args *args, __s32 __user *pidfd_out);

#endif /* _LINUX_CHECKPOINT_H */
