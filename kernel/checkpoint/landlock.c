// SPDX-License-Identifier: GPL-2.0
/*
 * Whether Landlock restricts somebody: its headers are private to security/landlock/.
 */
#include <linux/checkpoint_security.h>
#include <linux/cred.h>
#include <linux/security.h>
#include <linux/string.h>

#ifdef CONFIG_SECURITY_LANDLOCK
#include "../../security/landlock/cred.h"
#endif

/**
 * checkpoint_landlocked() - tell whether Landlock restricts a task
 * @task: the task
 *
 * Return: whether it does.
 */
bool checkpoint_landlocked(struct task_struct *task)
{
#ifdef CONFIG_SECURITY_LANDLOCK
	return landlock_initialized && landlocked(task);
#else
	return false;
#endif
}

/**
 * checkpoint_landlock_hides() - tell whether a task has the log of Landlock off
 * @task: the task
 *
 * Return: whether what domains below it deny is not logged
 * (LANDLOCK_RESTRICT_SELF_LOG_SUBDOMAINS_OFF), which it may have without a domain.
 */
bool checkpoint_landlock_hides(struct task_struct *task)
{
	bool hides = false;

#ifdef CONFIG_SECURITY_LANDLOCK_LOG
	if (landlock_initialized) {
		rcu_read_lock();
		hides = landlock_cred(__task_cred(task))->log_subdomains_off;
		rcu_read_unlock();
	}
#endif
	return hides;
}

/**
 * checkpoint_cred_confined() - tell whether credentials are more confined than the caller
 * @cred: those that somebody has registered for others to act with
 *
 * Return: whether Landlock restricts them, or a security module has labels for them that
 * are not those of current.
 */
bool checkpoint_cred_confined(const struct cred *cred)
{
#ifdef CONFIG_SECURITY
	struct lsm_prop theirs, ours;

#ifdef CONFIG_SECURITY_LANDLOCK
	if (landlock_initialized && landlock_cred(cred)->domain)
		return true;
#endif
	lsmprop_init(&theirs);
	lsmprop_init(&ours);
	security_cred_getlsmprop(cred, &theirs);
	security_current_getlsmprop_subj(&ours);
	return memcmp(&theirs, &ours, sizeof(theirs));
#else
	return false;
#endif
}
