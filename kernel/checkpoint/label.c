// SPDX-License-Identifier: GPL-2.0
/*
 * Labels of security modules: of tasks, and of credentials.
 *
 * They are read and set by the functions behind /proc/PID/attr, with the checks of
 * the modules. What only the modules know is in their private headers.
 */
#include <linux/checkpoint_security.h>
#include <linux/cred.h>
#include <linux/ctype.h>
#include <linux/key.h>
#include <linux/sched/signal.h>
#include <linux/sched/user.h>
#include <linux/security.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/user_namespace.h>
#include <uapi/linux/lsm.h>

#ifdef CONFIG_SECURITY_APPARMOR
#include "../../security/apparmor/include/cred.h"
#include "../../security/apparmor/include/secid.h"
#include "../../security/apparmor/include/task.h"
#endif

/* image/labels.rs: numbers of the system call ABI. */
static_assert(LSM_ATTR_CURRENT == 100);
static_assert(LSM_ATTR_EXEC == 101);
static_assert(LSM_ATTR_FSCREATE == 102);
static_assert(LSM_ATTR_KEYCREATE == 103);
static_assert(LSM_ATTR_PREV == 104);
static_assert(LSM_ATTR_SOCKCREATE == 105);

#ifdef CONFIG_SECURITY
/* How AppArmor tells the mode of a profile, behind its name. */
static const char * const modes[] = {
	" (enforce)", " (complain)", " (kill)", " (unconfined)", " (user)", " (mixed)",
};

/*
 * Bytes of the label @text, of at most @len, without what follows it for readers: @mode tells that
 * AppArmor has written one.  Else what looks so is part of a name.
 */
static size_t label_len(bool mode, const char *text, size_t len)
{
	unsigned int n;

	len = strnlen(text, len);
	if (len && text[len - 1] == '\n')
		len--;
	for (n = 0; mode && n < ARRAY_SIZE(modes); n++) {
		size_t tail = strlen(modes[n]);

		if (len > tail && !memcmp(text + len - tail, modes[n], tail))
			return len - tail;
	}
	return len;
}

static int copy_label(bool mode, const char *text, size_t len, char *to, size_t size)
{
	size_t n;

	len = label_len(mode, text, len);
	if (len > size)
		return -E2BIG;
	/* No image may have such, nor does a log. */
	for (n = 0; n < len; n++)
		if (isascii(text[n]) && iscntrl(text[n]))
			return -EILSEQ;
	memcpy(to, text, len);
	return len;
}

static int prop_label(struct lsm_prop *prop, int module, char *to, size_t size)
{
	struct lsm_context ctx = {};
	bool mode = false;
	int ret;

#ifdef CONFIG_SECURITY_APPARMOR
	mode = module == LSM_ID_APPARMOR && apparmor_display_secid_mode;
#endif

	ret = security_lsmprop_to_secctx(prop, &ctx, module);
	if (ret == -EOPNOTSUPP)
		return 0;
	if (ret < 0)
		return ret;
	ret = copy_label(mode, ctx.context, ctx.len, to, size);
	security_release_secctx(&ctx);
	return ret;
}
#endif

/**
 * checkpoint_may_save() - ask whether a task may be saved
 * @task: the task
 *
 * Return: as security_checkpoint(), which is a function in some configurations only.
 */
int checkpoint_may_save(struct task_struct *task)
{
	return security_checkpoint(task);
}

/**
 * checkpoint_may_restart() - ask whether tasks may be made of an image
 * @image: the image
 * @flags: flags of the call
 * @tasks: how many tasks
 *
 * Return: as security_restart().
 */
int checkpoint_may_restart(struct file *image, u64 flags, unsigned int tasks)
{
	return security_restart(image, flags, tasks);
}

/**
 * checkpoint_label_active() - tell whether a security module labels tasks
 * @module: LSM_ID_*
 *
 * Return: whether it does.
 */
bool checkpoint_label_active(int module)
{
#ifdef CONFIG_SECURITY
	struct lsm_prop prop;

	security_current_getlsmprop_subj(&prop);
	return security_lsmprop_to_secctx(&prop, NULL, module) >= 0;
#else
	return false;
#endif
}

/**
 * checkpoint_task_label() - read the label of a task
 * @task: the task; of the caller the label with which it acts is read
 * @module: LSM_ID_*
 * @to: where to
 * @size: bytes there
 *
 * Return: bytes of the label, 0: the module is not active; -E2BIG: it is too long;
 * -EILSEQ: it has control characters; or another errno.
 */
int checkpoint_task_label(struct task_struct *task, int module, char *to, size_t size)
{
#ifdef CONFIG_SECURITY
	struct lsm_prop prop;

	lsmprop_init(&prop);
	if (task == current)
		security_current_getlsmprop_subj(&prop);
	else
		security_task_getlsmprop_obj(task, &prop);
	return prop_label(&prop, module, to, size);
#else
	return 0;
#endif
}

/**
 * checkpoint_cred_label() - read the label in credentials
 * @cred: the credentials
 * @module: LSM_ID_*
 * @to: where to
 * @size: bytes there
 *
 * Return: as checkpoint_task_label().
 */
int checkpoint_cred_label(const struct cred *cred, int module, char *to, size_t size)
{
#ifdef CONFIG_SECURITY
	struct lsm_prop prop;

	lsmprop_init(&prop);
#ifdef CONFIG_SECURITY_APPARMOR
	/* It has no hook that tells of credentials. */
	if (module == LSM_ID_APPARMOR && apparmor_initialized) {
		struct aa_label *label = aa_get_newest_cred_label(cred);
		int ret;

		prop.apparmor.label = label;
		ret = prop_label(&prop, module, to, size);
		aa_put_label(label);
		return ret;
	}
#endif
	security_cred_getlsmprop(cred, &prop);
	return prop_label(&prop, module, to, size);
#else
	return 0;
#endif
}

/**
 * checkpoint_task_attr() - read another label that a task has chosen
 * @task: the task
 * @module: LSM_ID_*
 * @attr: the name that it has in /proc/PID/attr
 * @to: where to
 * @size: bytes there
 *
 * Return: bytes of the label, 0: it has chosen none, or the module knows none; -EACCES:
 * the caller may not ask; or another errno.
 */
int checkpoint_task_attr(struct task_struct *task, int module, const char *attr, char *to,
			 size_t size)
{
#ifdef CONFIG_SECURITY
	char *text = NULL;
	int ret;

	ret = security_getprocattr(task, module, attr, &text);
	if (ret == -EINVAL || ret == -EOPNOTSUPP)
		ret = 0;
	if (ret > 0 && text)
		ret = copy_label(module == LSM_ID_APPARMOR, text, ret, to, size);
	kfree(text);
	return ret;
#else
	return 0;
#endif
}

/**
 * checkpoint_set_attr() - choose a label for the running task
 * @module: LSM_ID_*
 * @attr: the name that it has in /proc/PID/attr
 * @value: what would be written there, which may be changed
 * @size: bytes of that; 0: none
 *
 * As a write to /proc/self/attr, with the module's own checks.
 *
 * Return: 0, or an errno.
 */
int checkpoint_set_attr(int module, const char *attr, char *value, size_t size)
{
#ifdef CONFIG_SECURITY
	int ret;

	if (size > PAGE_SIZE)
		return -E2BIG;
	/* Its opener is the task itself, which acts with its own credentials. */
	if (current_cred() != current_real_cred())
		return -EBUSY;
	ret = mutex_lock_killable(&current->signal->cred_guard_mutex);
	if (ret)
		return ret;
	ret = security_setprocattr(module, attr, value, size);
	mutex_unlock(&current->signal->cred_guard_mutex);
	return ret < 0 ? ret : 0;
#else
	return -EOPNOTSUPP;
#endif
}

/**
 * checkpoint_label_token() - read what AppArmor has noted beside the labels of a task
 * @task: the task, which does not run or is the caller
 *
 * In a hat: the number by which the task gets out of it.  With a label for the next
 * program: whether it is stacked on the one that the task has.
 *
 * Return: that number.
 */
u64 checkpoint_label_token(struct task_struct *task)
{
#ifdef CONFIG_SECURITY_APPARMOR
	if (apparmor_initialized)
		return task_ctx(task)->token;
#endif
	return 0;
}

/**
 * checkpoint_forget_profiles() - forget profiles that the running task may change to
 *
 * As apparmor_bprm_committed_creds(): what a hat was entered from, and the profile for
 * the next program.
 */
void checkpoint_forget_profiles(void)
{
#ifdef CONFIG_SECURITY_APPARMOR
	if (apparmor_initialized)
		aa_clear_task_ctx_trans(task_ctx(current));
#endif
}

/**
 * checkpoint_relabel_cred() - make credentials with the label of the running task
 * @of: credentials that the running task may take on, in all but their label
 *
 * Return: credentials that have what @of has, and of the running task what security
 * modules have noted in its own; NULL: there is no memory.
 */
struct cred *checkpoint_relabel_cred(const struct cred *of)
{
	struct cred *new = prepare_creds();

	if (!new)
		return NULL;
	new->uid = of->uid;
	new->gid = of->gid;
	new->suid = of->suid;
	new->sgid = of->sgid;
	new->euid = of->euid;
	new->egid = of->egid;
	new->fsuid = of->fsuid;
	new->fsgid = of->fsgid;
	new->securebits = of->securebits;
	new->cap_inheritable = of->cap_inheritable;
	new->cap_permitted = of->cap_permitted;
	new->cap_effective = of->cap_effective;
	new->cap_bset = of->cap_bset;
	new->cap_ambient = of->cap_ambient;
#ifdef CONFIG_KEYS
	new->jit_keyring = of->jit_keyring;
	key_put(new->session_keyring);
	new->session_keyring = key_get(of->session_keyring);
	key_put(new->process_keyring);
	new->process_keyring = key_get(of->process_keyring);
	key_put(new->thread_keyring);
	new->thread_keyring = key_get(of->thread_keyring);
	key_put(new->request_key_auth);
	new->request_key_auth = key_get(of->request_key_auth);
#endif
	free_uid(new->user);
	new->user = get_uid(of->user);
	put_group_info(new->group_info);
	new->group_info = get_group_info(of->group_info);
	if (set_cred_ucounts(new)) {
		abort_creds(new);
		return NULL;
	}
	return new;
}
