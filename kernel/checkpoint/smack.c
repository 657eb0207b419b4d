// SPDX-License-Identifier: GPL-2.0
/*
 * What Smack keeps in credentials besides a label.
 */
#include <linux/checkpoint_security.h>
#include <linux/cred.h>
#include <linux/list.h>
#include <uapi/linux/lsm.h>

#ifdef CONFIG_SECURITY_SMACK
#include "../../security/smack/smack.h"
#endif

/**
 * checkpoint_smack_rules() - tell whether a task is restricted by access rules of its own
 * @task: the task, which does not run or is the caller
 *
 * Return: whether something was written to load-self or load-self2 for it.
 */
bool checkpoint_smack_rules(struct task_struct *task)
{
#ifdef CONFIG_SECURITY_SMACK
	/* Only then do credentials have something of it. */
	if (!checkpoint_label_active(LSM_ID_SMACK))
		return false;
	scoped_guard(rcu)
		return !list_empty(&smack_cred(__task_cred(task))->smk_rules);
#endif
	return false;
}

/**
 * checkpoint_smack_relabels() - tell whether a task may give itself some other labels
 * @task: the task, which does not run or is the caller
 *
 * Return: whether there are labels in relabel-self for it.
 */
bool checkpoint_smack_relabels(struct task_struct *task)
{
#ifdef CONFIG_SECURITY_SMACK
	if (!checkpoint_label_active(LSM_ID_SMACK))
		return false;
	scoped_guard(rcu)
		return !list_empty(&smack_cred(__task_cred(task))->smk_relabel);
#endif
	return false;
}

/**
 * checkpoint_smack_no_relabels() - take from the running task that it may relabel itself
 *
 * As a write of nothing to relabel-self, which needs CAP_MAC_ADMIN as it may also add
 * labels: this only takes away.
 *
 * Return: 0, or -ENOMEM.
 */
int checkpoint_smack_no_relabels(void)
{
#ifdef CONFIG_SECURITY_SMACK
	struct cred *new;

	if (!checkpoint_smack_relabels(current))
		return 0;
	new = prepare_creds();
	if (!new)
		return -ENOMEM;
	smk_destroy_label_list(&smack_cred(new)->smk_relabel);
	commit_creds(new);
#endif
	return 0;
}
