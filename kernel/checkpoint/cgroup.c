// SPDX-License-Identifier: GPL-2.0
/*
 * What the Rust side uses of the freezer that kernel/cgroup/ keeps to itself,
 * whose header does not become bindings for all of Rust, and of cgroupfs.
 */
#include <linux/checkpoint.h>
#include <linux/checkpoint_fs.h>
#include <linux/dcache.h>
#include <linux/kernfs.h>
#include <linux/path.h>

#include "../cgroup/cgroup-internal.h"

/**
 * checkpoint_may_freeze() - may the caller write to cgroup.freeze?
 * @cgrp: the cgroup
 *
 * Context: may sleep.
 *
 * Return: 0, or -EACCES, -EPERM, -ENODEV.
 */
int checkpoint_may_freeze(struct cgroup *cgrp)
{
	return cgroup_may_freeze(cgrp);
}

/**
 * checkpoint_hold_broken() - has somebody broken the hold of the caller?
 * @cgrp: the cgroup that it holds
 */
bool checkpoint_hold_broken(struct cgroup *cgrp)
{
	return cgroup_freezer_broken(cgrp);
}

/**
 * checkpoint_hold_pin() - say whether the hold of the caller may end at any moment
 * @cgrp: the cgroup that it holds
 * @pin: it may not, as tasks are being read or changed
 *
 * Context: may sleep.
 *
 * Return: 0, or -ECANCELED if somebody has broken it.
 */
int checkpoint_hold_pin(struct cgroup *cgrp, bool pin)
{
	return cgroup_freezer_pin(cgrp, pin);
}

/**
 * checkpoint_cgroup_path() - tell where a file of cgroupfs (v2) and a cgroup are to each other
 * @cgrp: the cgroup
 * @path: the file or directory
 * @up: where the directory of the cgroup is, seen from the file; else the other way round
 * @buf: where the path goes, with a slash before each name
 * @size: bytes of @buf
 *
 * Return: the length of the path; -ENODEV: the file has gone with its cgroup.
 */
int checkpoint_cgroup_path(struct cgroup *cgrp, const struct path *path, bool up, char *buf,
			   size_t size)
{
	struct kernfs_node *kn = kernfs_node_from_dentry(path->dentry);

	if (!kn || atomic_read(&kn->active) < 0)
		return -ENODEV;
	return up ? kernfs_path_from_node(cgrp->kn, kn, buf, size) :
		    kernfs_path_from_node(kn, cgrp->kn, buf, size);
}
