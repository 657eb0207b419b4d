/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What tasks share of scheduling: kernel/checkpoint/sched.c,
 * kernel/sched/core_sched.c, kernel/sched/autogroup.c.
 */
#ifndef _LINUX_CHECKPOINT_SCHED_H
#define _LINUX_CHECKPOINT_SCHED_H

#include <linux/types.h>

struct task_struct;

unsigned long checkpoint_core_of(struct task_struct *p, unsigned int *refs);
int checkpoint_core_set(struct task_struct *task, struct task_struct *from);
unsigned long checkpoint_autogroup_of(struct task_struct *p, unsigned int *refs);
void checkpoint_autogroup_join(struct task_struct *p, struct task_struct *with);

unsigned long checkpoint_get_cookie(struct task_struct *task);
bool checkpoint_cookie_is_outside(struct task_struct *task, unsigned int inside);
int checkpoint_set_cookie(struct task_struct *task, struct task_struct *from);
unsigned long checkpoint_get_autogroup(struct task_struct *task);
bool checkpoint_autogroup_is_outside(struct task_struct *task, unsigned int inside);
int checkpoint_new_autogroup(struct task_struct *task);
int checkpoint_autogroup_set_nice(struct task_struct *task, int nice);
void checkpoint_join_autogroup(struct task_struct *task, struct task_struct *with);

#endif /* _LINUX_CHECKPOINT_SCHED_H */
