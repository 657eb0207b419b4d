// SPDX-License-Identifier: GPL-2.0
/*
 * A security module for the tests of checkpoint(2) and restart(2): it has the hooks
 * of both, and no other. It is switched on by lsm=checkpoint_test, and decides by
 * what tests can choose.
 */
#include <linux/array_size.h>
#include <linux/errno.h>
#include <linux/fs.h>
#include <linux/init.h>
#include <linux/lsm_hooks.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <uapi/linux/checkpoint.h>
#include <uapi/linux/lsm.h>

/* A task of this name may not be saved. */
#define SHUT "ckpt-shut"

/* Tasks may not be made of an image with more. */
#define TASKS_MAX 2

static int may_save(struct task_struct *task)
{
	char comm[TASK_COMM_LEN];

	get_task_comm(comm, task);
	return strcmp(comm, SHUT) ? 0 : -EACCES;
}

static int may_restart(struct file *image, u64 flags, unsigned int tasks)
{
	if (flags & RESTART_CALLER_CONFINEMENT)
		return -EPERM;
	/* An image that comes through a pipe may be anybody's. */
	if (!S_ISREG(file_inode(image)->i_mode))
		return -EINVAL;
	return tasks > TASKS_MAX ? -EACCES : 0;
}

static const struct lsm_id id = {
	.name = "checkpoint_test",
	.id = LSM_ID_UNDEF,
};

static struct security_hook_list hooks[] __ro_after_init = {
	LSM_HOOK_INIT(checkpoint, may_save),
	LSM_HOOK_INIT(restart, may_restart),
};

static int __init test_lsm_init(void)
{
	security_add_hooks(hooks, ARRAY_SIZE(hooks), &id);
	return 0;
}

DEFINE_LSM(checkpoint_test) = {
	.id = &id,
	.init = test_lsm_init,
};
