// SPDX-License-Identifier: GPL-2.0

#include <linux/cgroup.h>
#include <linux/checkpoint.h>
#include <linux/crc32c.h>
#include <linux/cred.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/fs_struct.h>
#include <linux/highmem.h>
#include <linux/hugetlb.h>
#include <linux/io_uring_types.h>
#include <linux/mempolicy.h>
#include <linux/mm.h>
#include <linux/mm_inline.h>
#include <linux/namei.h>
#include <linux/nsproxy.h>
#include <linux/pagemap.h>
#include <linux/pagewalk.h>
#include <linux/perf_event.h>
#include <linux/pid_namespace.h>
#include <linux/pipe_fs_i.h>
#include <linux/rseq.h>
#include <linux/sched.h>
#include <linux/sched/cputime.h>
#include <linux/sched/exec_state.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/sched/task_stack.h>
#include <linux/security.h>
#include <linux/shmem_fs.h>
#include <linux/swapops.h>
#include <linux/task_work.h>
#include <linux/time_namespace.h>
#include <linux/timekeeping.h>
#include <linux/uio.h>
#include <linux/user_namespace.h>
#include <linux/userfaultfd_k.h>
#include <linux/ipc.h>
#include <../../ipc/util.h>
#include "../../mm/internal.h"
#include <linux/utsname.h>
#include <asm/syscall.h>

/* Tasks. */

__rust_helper struct pt_regs *rust_helper_task_pt_regs(struct task_struct *t)
{
	return task_pt_regs(t);
}

__rust_helper bool rust_helper_cgroup_task_frozen(struct task_struct *t)
{
	return cgroup_task_frozen(t);
}

__rust_helper struct cgroup *rust_helper_task_dfl_cgroup(struct task_struct *t)
{
	return task_dfl_cgroup(t);
}

__rust_helper void rust_helper_cgroup_get(struct cgroup *cgrp)
{
	cgroup_get(cgrp);
}

__rust_helper void rust_helper_cgroup_put(struct cgroup *cgrp)
{
	cgroup_put(cgrp);
}

__rust_helper struct cgroup *rust_helper_cgroup_parent(struct cgroup *cgrp)
{
	return cgroup_parent(cgrp);
}

__rust_helper struct task_struct *rust_helper_next_thread(struct task_struct *t)
{
	return __next_thread(t);
}

__rust_helper void rust_helper_tasklist_read_lock(void)
{
	read_lock(&tasklist_lock);
}

__rust_helper void rust_helper_tasklist_read_unlock(void)
{
	read_unlock(&tasklist_lock);
}

__rust_helper void rust_helper_tasklist_write_lock(void)
{
	write_lock_irq(&tasklist_lock);
}

__rust_helper void rust_helper_tasklist_write_unlock(void)
{
	write_unlock_irq(&tasklist_lock);
}

__rust_helper void rust_helper_task_lock(struct task_struct *t)
{
	task_lock(t);
}

__rust_helper void rust_helper_task_unlock(struct task_struct *t)
{
	task_unlock(t);
}

__rust_helper struct sighand_struct *
rust_helper_lock_task_sighand(struct task_struct *t, unsigned long *flags)
{
	return lock_task_sighand(t, flags);
}

__rust_helper void rust_helper_unlock_task_sighand(struct task_struct *t,
						   unsigned long *flags)
{
	unlock_task_sighand(t, flags);
}

__rust_helper struct pid *rust_helper_task_pid_type(struct task_struct *t,
						    enum pid_type type)
{
	return type == PIDTYPE_PID ? task_pid(t) :
	       type == PIDTYPE_TGID ? task_tgid(t) :
	       type == PIDTYPE_PGID ? task_pgrp(t) : task_session(t);
}

__rust_helper struct pid *rust_helper_get_pid(struct pid *pid)
{
	return get_pid(pid);
}

__rust_helper struct pid_namespace *rust_helper_ns_of_pid(struct pid *pid)
{
	return ns_of_pid(pid);
}

__rust_helper struct pid_namespace *
rust_helper_task_active_pid_ns(struct task_struct *t)
{
	return task_active_pid_ns(t);
}

__rust_helper bool rust_helper_fatal_signal_pending(struct task_struct *t)
{
	return fatal_signal_pending(t);
}

__rust_helper void rust_helper_set_tif_sigpending(struct task_struct *t)
{
	set_tsk_thread_flag(t, TIF_SIGPENDING);
}

__rust_helper void rust_helper_set_restore_sigmask(void)
{
	set_restore_sigmask();
}

__rust_helper bool rust_helper_test_tsk_restore_sigmask(struct task_struct *t)
{
	return test_tsk_restore_sigmask(t);
}

__rust_helper unsigned int rust_helper_task_exec_state_dumpable(struct task_struct *t)
{
	return task_exec_state_get_dumpable(t);
}

__rust_helper bool rust_helper_task_no_new_privs(struct task_struct *t)
{
	return task_no_new_privs(t);
}

__rust_helper void rust_helper_task_set_no_new_privs(struct task_struct *t)
{
	task_set_no_new_privs(t);
}

__rust_helper void rust_helper_rseq_force_update(void)
{
	rseq_force_update();
}

__rust_helper const struct cred *rust_helper_task_cred_get(struct task_struct *t)
{
	return get_task_cred(t);
}

__rust_helper const struct cred *rust_helper_current_cred(void)
{
	return current_cred();
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

/* Files. */

__rust_helper bool rust_helper_close_on_exec(unsigned int fd, const struct files_struct *files)
{
	return close_on_exec(fd, files);
}

__rust_helper struct inode *rust_helper_file_inode(const struct file *f)
{
	return file_inode(f);
}

__rust_helper bool rust_helper_d_unlinked(const struct dentry *d)
{
	return d_unlinked(d);
}

__rust_helper loff_t rust_helper_i_size_read(const struct inode *inode)
{
	return i_size_read(inode);
}

__rust_helper unsigned long rust_helper_file_count(struct file *f)
{
	return file_count(f);
}

__rust_helper void rust_helper_pipe_lock_it(struct pipe_inode_info *pipe)
{
	mutex_lock(&pipe->mutex);
}

__rust_helper void rust_helper_pipe_unlock_it(struct pipe_inode_info *pipe)
{
	mutex_unlock(&pipe->mutex);
}

__rust_helper int rust_helper_pipe_buf_confirm(struct pipe_inode_info *pipe,
					       struct pipe_buffer *buf)
{
	return pipe_buf_confirm(pipe, buf);
}

__rust_helper void rust_helper_path_get(const struct path *path)
{
	path_get(path);
}

__rust_helper void rust_helper_path_put(const struct path *path)
{
	path_put(path);
}

__rust_helper void rust_helper_get_fs_root(struct fs_struct *fs, struct path *root)
{
	get_fs_root(fs, root);
}

__rust_helper void rust_helper_get_fs_pwd(struct fs_struct *fs, struct path *pwd)
{
	get_fs_pwd(fs, pwd);
}

__rust_helper void rust_helper_fs_struct_hold(struct fs_struct *fs)
{
	read_seqlock_excl(&fs->seq);
	fs->users++;
	read_sequnlock_excl(&fs->seq);
}

__rust_helper bool rust_helper_fs_struct_drop(struct fs_struct *fs)
{
	bool last;

	read_seqlock_excl(&fs->seq);
	last = !--fs->users;
	read_sequnlock_excl(&fs->seq);
	return last;
}

__rust_helper int rust_helper_path_permission(const struct path *path, int mask)
{
	return path_permission(path, mask);
}

__rust_helper int rust_helper_security_path_chroot(const struct path *path)
{
	return security_path_chroot(path);
}

__rust_helper bool rust_helper_pipe_is_watch_queue(const struct pipe_inode_info *pipe)
{
	return pipe_has_watch_queue(pipe);
}

__rust_helper unsigned int rust_helper_pipe_buffers_used(const struct pipe_inode_info *pipe)
{
	return pipe_buf_usage(pipe);
}

__rust_helper struct pipe_buffer *
rust_helper_pipe_buffer_at(const struct pipe_inode_info *pipe, unsigned int n)
{
	return pipe_buf(pipe, pipe->tail + n);
}

__rust_helper bool rust_helper_pipe_buffer_is_ready(const struct pipe_buffer *buf)
{
	return !buf->ops->confirm || folio_test_uptodate(page_folio(buf->page));
}

/* Memory. */

__rust_helper void rust_helper_vma_iter_set_up(struct vma_iterator *vmi,
					       struct mm_struct *mm, unsigned long addr)
{
	vma_iter_init(vmi, mm, addr);
}

__rust_helper struct vm_area_struct *rust_helper_vma_next(struct vma_iterator *vmi)
{
	return vma_next(vmi);
}

__rust_helper int rust_helper_mmap_read_lock_killable(struct mm_struct *mm)
{
	return mmap_read_lock_killable(mm);
}

__rust_helper int rust_helper_mmap_write_lock_killable(struct mm_struct *mm)
{
	return mmap_write_lock_killable(mm);
}

__rust_helper void rust_helper_mmap_write_unlock(struct mm_struct *mm)
{
	mmap_write_unlock(mm);
}

__rust_helper bool rust_helper_vma_is_anonymous(struct vm_area_struct *vma)
{
	return vma_is_anonymous(vma);
}

__rust_helper bool rust_helper_vma_uffd_armed(struct vm_area_struct *vma)
{
	return userfaultfd_armed(vma);
}

__rust_helper const char *rust_helper_vma_special_name(struct vm_area_struct *vma)
{
	return arch_vma_name(vma) ?:
	       vma->vm_ops && vma->vm_ops->name ? vma->vm_ops->name(vma) : NULL;
}

__rust_helper bool rust_helper_vma_has_policy(struct vm_area_struct *vma)
{
#ifdef CONFIG_NUMA
	return vma->vm_policy;
#else
	return false;
#endif
}

__rust_helper bool rust_helper_task_has_mempolicy(struct task_struct *t)
{
#ifdef CONFIG_NUMA
	return t->mempolicy;
#else
	return false;
#endif
}

__rust_helper unsigned long rust_helper_mm_flags_word(struct mm_struct *mm)
{
	return __mm_flags_get_word(mm);
}

__rust_helper void rust_helper_mm_flag_set(int flag, struct mm_struct *mm)
{
	mm_flags_set(flag, mm);
}

__rust_helper void rust_helper_mm_flag_clear(int flag, struct mm_struct *mm)
{
	mm_flags_clear(flag, mm);
}

__rust_helper bool rust_helper_pte_is_none(pte_t *pte)
{
	return pte_none(ptep_get(pte));
}

__rust_helper bool rust_helper_pte_is_present(pte_t *pte)
{
	return pte_present(ptep_get(pte));
}

__rust_helper bool rust_helper_pte_is_marker(pte_t *pte)
{
	pte_t p = ptep_get(pte);

	return !pte_none(p) && !pte_present(p) &&
	       softleaf_is_marker(softleaf_from_pte(p));
}

__rust_helper struct page *rust_helper_pte_normal_page(struct vm_area_struct *vma,
						       unsigned long addr, pte_t *pte)
{
	return vm_normal_page(vma, addr, ptep_get(pte));
}

__rust_helper bool rust_helper_page_is_anon(const struct page *page)
{
	return PageAnon(page);
}

__rust_helper void rust_helper_get_page(struct page *page)
{
	get_page(page);
}

__rust_helper void rust_helper_put_page(struct page *page)
{
	put_page(page);
}

__rust_helper unsigned int rust_helper_page_mapcount_is_one(struct page *page)
{
	return folio_maybe_mapped_shared(page_folio(page)) ? 0 : 1;
}

__rust_helper const char *rust_helper_vma_given_name(struct vm_area_struct *vma)
{
#ifdef CONFIG_ANON_VMA_NAME
	return vma->anon_name ? vma->anon_name->name : NULL;
#else
	return NULL;
#endif
}

__rust_helper int rust_helper_vma_give_name(unsigned long start, unsigned long len,
					    const char *name)
{
#ifdef CONFIG_ANON_VMA_NAME
	struct anon_vma_name *anon_name = anon_vma_name_alloc(name);
	int ret;

	if (!anon_name)
		return -ENOMEM;
	ret = madvise_set_anon_name(current->mm, start, len, anon_name);
	anon_vma_name_put(anon_name);
	return ret;
#else
	return -EOPNOTSUPP;
#endif
}

__rust_helper void rust_helper_membarrier_set_state(struct mm_struct *mm, int state)
{
	guard(preempt)();
	atomic_set(&mm->membarrier_state, state);
	membarrier_update_current_mm(mm);
}

__rust_helper struct page *rust_helper_folio_page_at(struct folio *folio, pgoff_t index)
{
	return folio_file_page(folio, index);
}

__rust_helper void rust_helper_flush_page(struct page *page)
{
	flush_dcache_page(page);
}

__rust_helper void rust_helper_mm_cid_before_exec(struct task_struct *t)
{
	sched_mm_cid_before_execve(t);
}

__rust_helper void rust_helper_mm_cid_after_exec(struct task_struct *t)
{
	sched_mm_cid_after_execve(t);
}

__rust_helper void rust_helper_bvec_of_page(struct bio_vec *bv, struct page *page,
					    unsigned int len, unsigned int offset)
{
	bvec_set_page(bv, page, len, offset);
}

__rust_helper u32 rust_helper_crc32c_update(u32 crc, const void *p, size_t len)
{
	return crc32c(crc, p, len);
}

__rust_helper void *rust_helper_kmap_page(struct page *page)
{
	return kmap_local_page(page);
}

__rust_helper void rust_helper_kunmap_page(const void *addr)
{
	kunmap_local(addr);
}

__rust_helper bool rust_helper_is_hugetlb_file(const struct file *f)
{
	return is_file_hugepages(f);
}

__rust_helper int rust_helper_import_dest_ubuf(void __user *buf, size_t len,
					       struct iov_iter *i)
{
	return import_ubuf(ITER_DEST, buf, len, i);
}

__rust_helper void rust_helper_get_user_ns(struct user_namespace *ns)
{
	get_user_ns(ns);
}

__rust_helper bool rust_helper_access_ok_range(unsigned long addr, unsigned long len)
{
	return access_ok((void __user *)addr, len);
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

__rust_helper void rust_helper_checkpoint_cgroup_lock(void)
{
	cgroup_lock();
}

__rust_helper void rust_helper_checkpoint_cgroup_unlock(void)
{
	cgroup_unlock();
}

__rust_helper u64 rust_helper_checkpoint_ktime_get_ns(void)
{
	return ktime_get_ns();
}

__rust_helper unsigned long rust_helper_checkpoint_msecs_to_jiffies(unsigned int ms)
{
	return msecs_to_jiffies(ms);
}

/* State of tasks. */

__rust_helper long rust_helper_task_syscall_nr(struct task_struct *t)
{
	return syscall_get_nr(t, task_pt_regs(t));
}

__rust_helper long rust_helper_task_syscall_error(struct task_struct *t)
{
	return syscall_get_error(t, task_pt_regs(t));
}

__rust_helper void rust_helper_task_times(struct task_struct *t, u64 *utime, u64 *stime)
{
	task_cputime_adjusted(t, utime, stime);
}

__rust_helper struct io_context *rust_helper_task_io_context(struct task_struct *t)
{
#ifdef CONFIG_BLOCK
	return t->io_context;
#else
	return NULL;
#endif
}

__rust_helper void rust_helper_clear_tsk_restore_sigmask(struct task_struct *t)
{
	clear_tsk_restore_sigmask(t);
}

__rust_helper void rust_helper_set_tsk_restore_sigmask(struct task_struct *t)
{
#ifdef TIF_RESTORE_SIGMASK
	set_tsk_thread_flag(t, TIF_RESTORE_SIGMASK);
#else
	t->restore_sigmask = true;
#endif
}

__rust_helper void rust_helper_clear_tif_sigpending(struct task_struct *t)
{
	clear_tsk_thread_flag(t, TIF_SIGPENDING);
}

__rust_helper void rust_helper_signal_times(struct signal_struct *sig, u64 *cutime, u64 *cstime,
					    u64 *utime, u64 *stime, u64 *runtime)
{
	unsigned int seq;

	do {
		seq = read_seqbegin(&sig->stats_lock);
		*cutime = sig->cutime;
		*cstime = sig->cstime;
		*utime = sig->utime;
		*stime = sig->stime;
		*runtime = sig->sum_sched_runtime;
	} while (read_seqretry(&sig->stats_lock, seq));
}

__rust_helper void rust_helper_signal_times_set(struct signal_struct *sig, u64 cutime, u64 cstime,
						u64 utime, u64 stime)
{
	write_seqlock_irq(&sig->stats_lock);
	sig->cutime = cutime;
	sig->cstime = cstime;
	sig->utime = utime;
	sig->stime = stime;
	sig->sum_sched_runtime = utime + stime;
	write_sequnlock_irq(&sig->stats_lock);
}

__rust_helper void rust_helper_current_times_set(u64 utime, u64 stime)
{
	/* The tick adds to them. */
	local_irq_disable();
	current->utime = utime;
	current->stime = stime;
	current->se.sum_exec_runtime = utime + stime;
	local_irq_enable();
}

__rust_helper bool rust_helper_task_rseq(struct task_struct *t, u64 *addr, u32 *len, u32 *sig,
					 bool *slice)
{
#ifdef CONFIG_RSEQ
	*addr = (unsigned long)t->rseq.usrptr;
	*len = t->rseq.len;
	*sig = t->rseq.sig;
#ifdef CONFIG_RSEQ_SLICE_EXTENSION
	*slice = t->rseq.slice.state.enabled;
#else
	*slice = false;
#endif
	return t->rseq.usrptr;
#else
	return false;
#endif
}

__rust_helper void rust_helper_current_rseq_renew(void)
{
#ifdef CONFIG_RSEQ
	struct rseq __user *rseq = current->rseq.usrptr;

	if (!rseq)
		return;
	/*
	 * The restored area has the ids of the CPU where the task was. The
	 * kernel insists that it has those that it wrote itself: begin as a
	 * registration does. rseq_cs stays: the critical section is aborted.
	 */
	if (put_user(RSEQ_CPU_ID_UNINITIALIZED, &rseq->cpu_id_start) ||
	    put_user(RSEQ_CPU_ID_UNINITIALIZED, &rseq->cpu_id) ||
	    put_user(0, &rseq->node_id) || put_user(0, &rseq->mm_cid)) {
		force_sig(SIGSEGV);
		return;
	}
	current->rseq.ids.cpu_id = RSEQ_CPU_ID_UNINITIALIZED;
	current->rseq.ids.mm_cid = 0;
	current->rseq.ids.node_id = 0;
	rseq_force_update();
#endif
}

__rust_helper bool rust_helper_current_rseq_set(u64 addr, u32 len, u32 sig)
{
#ifdef CONFIG_RSEQ
	/* Not rseq_register(): it would forget the critical section that the task is in. */
	current->rseq.usrptr = (struct rseq __user *)(unsigned long)addr;
	current->rseq.len = len;
	current->rseq.sig = sig;
	current->rseq.event.has_rseq =
		IS_ENABLED(CONFIG_GENERIC_IRQ_ENTRY) && len > 32 ? 2 : 1;
	rseq_force_update();
	return true;
#else
	return false;
#endif
}

__rust_helper bool rust_helper_task_user_dispatch(struct task_struct *t)
{
#ifdef CONFIG_GENERIC_ENTRY
	return test_task_syscall_work(t, SYSCALL_USER_DISPATCH);
#else
	return false;
#endif
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

__rust_helper bool rust_helper_cap_valid_bits(u64 caps)
{
	return !(caps & ~CAP_VALID_MASK);
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

__rust_helper void rust_helper_nsproxy_get(struct nsproxy *ns)
{
	get_nsproxy(ns);
}

__rust_helper void rust_helper_nsproxy_put(struct nsproxy *ns)
{
	put_nsproxy(ns);
}

/* Scheduling. */

__rust_helper void rust_helper_task_cpus_user(struct task_struct *t, struct cpumask *mask)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&t->pi_lock, flags);
	if (t->user_cpus_ptr)
		cpumask_copy(mask, t->user_cpus_ptr);
	else
		cpumask_setall(mask);
	raw_spin_unlock_irqrestore(&t->pi_lock, flags);
}

__rust_helper bool rust_helper_task_has_perf_events(struct task_struct *t)
{
#ifdef CONFIG_PERF_EVENTS
	bool some;

	struct perf_event_context *ctx;

	rcu_read_lock();
	ctx = READ_ONCE(t->perf_event_ctxp);
	some = !list_empty_careful(&t->perf_event_list) ||
	       (ctx && READ_ONCE(ctx->nr_events));
	rcu_read_unlock();
	return some;
#else
	return false;
#endif
}

__rust_helper bool rust_helper_task_has_io_uring(struct task_struct *t)
{
#ifdef CONFIG_IO_URING
	return t->io_uring && !xa_empty(&t->io_uring->xa);
#else
	return false;
#endif
}

__rust_helper unsigned long rust_helper_checkpoint_task_size_max(void)
{
	return TASK_SIZE_MAX;
}

__rust_helper void rust_helper_checkpoint_forget_robust(struct task_struct *t)
{
	t->futex.robust_list = NULL;
#ifdef CONFIG_COMPAT
	t->futex.compat_robust_list = NULL;
#endif
}

__rust_helper bool rust_helper_task_has_sem_undo(struct task_struct *t)
{
#ifdef CONFIG_SYSVIPC
	struct sem_undo_list *list = t->sysvsem.undo_list;

	/* The task does not run: nobody else adds to the list. */
	return list && !list_empty_careful(&list->list_proc);
#else
	return false;
#endif
}
