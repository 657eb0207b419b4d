// SPDX-License-Identifier: GPL-2.0
/*
 * What the Rust side uses of the freezer that kernel/cgroup/ keeps to itself:
 * its header does not become bindings for all of Rust.
 */
#include <linux/checkpoint.h>

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
