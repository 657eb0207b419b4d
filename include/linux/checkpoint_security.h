/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Checkpoint/restart: security modules, and records for audit.
 */
#ifndef _LINUX_CHECKPOINT_SECURITY_H
#define _LINUX_CHECKPOINT_SECURITY_H

#include <linux/types.h>

struct cred;
struct file;
struct task_struct;

/* Of kernel/checkpoint/label.c and smack.c: labels of security modules. */
int checkpoint_may_save(struct task_struct *task);
int checkpoint_may_restart(struct file *image, u64 flags, unsigned int tasks);
bool checkpoint_label_active(int module);
int checkpoint_task_label(struct task_struct *task, int module, char *to, size_t size);
int checkpoint_cred_label(const struct cred *cred, int module, char *to, size_t size);
int checkpoint_task_attr(struct task_struct *task, int module, const char *attr, char *to,
			 size_t size);
int checkpoint_set_attr(int module, const char *attr, char *value, size_t size);
u64 checkpoint_label_token(struct task_struct *task);
void checkpoint_forget_profiles(void);
struct cred *checkpoint_relabel_cred(const struct cred *of);
bool checkpoint_smack_rules(struct task_struct *task);
bool checkpoint_smack_relabels(struct task_struct *task);
int checkpoint_smack_no_relabels(void);

/* Of kernel/checkpoint/landlock.c. */
bool checkpoint_landlocked(struct task_struct *task);
bool checkpoint_landlock_hides(struct task_struct *task);
bool checkpoint_cred_confined(const struct cred *cred);

/* Of kernel/checkpoint/audit.c. */
void checkpoint_audit(bool restart, u32 pid, u64 id, u64 flags, long ret);

#endif /* _LINUX_CHECKPOINT_SECURITY_H */
