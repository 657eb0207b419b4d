// SPDX-License-Identifier: GPL-2.0

#include <linux/cgroup.h>
#include <linux/cred.h>
#include <linux/elf.h>
#include <linux/ipc_namespace.h>
#include <linux/nsproxy.h>
#include <linux/pid_namespace.h>
#include <linux/sched/mm.h>
#include <linux/security.h>
#include <linux/time_namespace.h>
#include <linux/timekeeping.h>
#include <linux/uaccess.h>
#include <linux/user_namespace.h>
#include <linux/utsname.h>

/* Arguments. */

__rust_helper int rust_helper_copy_struct_from_user(void *dst, size_t ksize, const void __user *src,
						    size_t usize)
{
	return copy_struct_from_user(dst, ksize, src, usize);
}

/* Time. */

__rust_helper u64 rust_helper_ktime_get_boottime_ns(void)
{
	return ktime_get_boottime_ns();
}

__rust_helper u64 rust_helper_ktime_get_real_ns(void)
{
	return ktime_get_real_ns();
}

/* Cgroups. */

__rust_helper void rust_helper_css_set_lock_irq(void)
{
	spin_lock_irq(&css_set_lock);
}

__rust_helper void rust_helper_css_set_unlock_irq(void)
{
	spin_unlock_irq(&css_set_lock);
}

__rust_helper u64 rust_helper_checkpoint_ktime_get_ns(void)
{
	return ktime_get_ns();
}

/* Unlike a timeout in jiffies this one ends when it is due, not up to two ticks later. */
__rust_helper void rust_helper_checkpoint_pause(u64 ns)
{
	ktime_t due = ns_to_ktime(ns);

	set_current_state(TASK_KILLABLE);
	schedule_hrtimeout_range(&due, ns / 4, HRTIMER_MODE_REL);
}

/* Credentials. */

__rust_helper bool rust_helper_may_setgroups(void)
{
	return may_setgroups();
}

__rust_helper int rust_helper_cred_fix_setuid(struct cred *new, const struct cred *old)
{
	return security_task_fix_setuid(new, old, LSM_SETID_RES);
}

__rust_helper int rust_helper_cred_fix_setgid(struct cred *new, const struct cred *old)
{
	return security_task_fix_setgid(new, old, LSM_SETID_RES);
}

__rust_helper int rust_helper_cred_fix_setgroups(struct cred *new, const struct cred *old)
{
	return security_task_fix_setgroups(new, old);
}

__rust_helper int rust_helper_cred_capset(struct cred *new, const struct cred *old,
					  const kernel_cap_t *effective,
					  const kernel_cap_t *inheritable,
					  const kernel_cap_t *permitted)
{
	return security_capset(new, old, effective, inheritable, permitted);
}

__rust_helper void rust_helper_put_group_info(struct group_info *groups)
{
	put_group_info(groups);
}

/* Namespaces. */

__rust_helper void rust_helper_get_uts_ns(struct uts_namespace *ns)
{
	get_uts_ns(ns);
}

__rust_helper void rust_helper_put_uts_ns(struct uts_namespace *ns)
{
	put_uts_ns(ns);
}

__rust_helper int rust_helper_uts_ns_count(const struct uts_namespace *ns)
{
	return ns_ref_read(ns);
}

__rust_helper void rust_helper_get_ipc_ns(struct ipc_namespace *ns)
{
	get_ipc_ns(ns);
}

__rust_helper int rust_helper_ipc_ns_count(const struct ipc_namespace *ns)
{
	return ns_ref_read(ns);
}

__rust_helper int rust_helper_nsproxy_count(const struct nsproxy *ns)
{
	return refcount_read(&ns->count);
}

__rust_helper void rust_helper_nsproxy_get(struct nsproxy *ns)
{
	get_nsproxy(ns);
}

__rust_helper void rust_helper_nsproxy_put(struct nsproxy *ns)
{
	put_nsproxy(ns);
}

#ifdef CONFIG_ARM64
#include "checkpoint_arm64.c"
#endif

#ifdef CONFIG_PPC64
#include "checkpoint_powerpc.c"
#endif

#ifdef CONFIG_S390
#include "checkpoint_s390.c"
#endif
#ifdef CONFIG_X86
#include "checkpoint_x86.c"
#endif

/* AT_HWCAP, AT_HWCAP2, ... of new programs. */
__rust_helper u64 rust_helper_checkpoint_hwcap(unsigned int word)
{
	switch (word) {
	case 0:
		return ELF_HWCAP;
#ifdef ELF_HWCAP2
	case 1:
		return ELF_HWCAP2;
#endif
#ifdef ELF_HWCAP3
	case 2:
		return ELF_HWCAP3;
#endif
#ifdef ELF_HWCAP4
	case 3:
		return ELF_HWCAP4;
#endif
	default:
		return 0;
	}
}
