// SPDX-License-Identifier: GPL-2.0

#include <linux/binfmts.h>
#include <linux/checkpoint_ptrace.h>
#include <linux/compat.h>
#include <linux/elf.h>
#include <linux/prctl.h>
#include <linux/sched/signal.h>
#include <linux/sched/task_stack.h>
#include <linux/thread_info.h>
#include <asm/cpufeature.h>
#include <asm/debug-monitors.h>
#include <asm/fpsimd.h>
#include <asm/gcs.h>
#include <asm/mman.h>
#include <asm/mte.h>
#include <asm/pointer_auth.h>
#include <asm/por.h>
#include <asm/processor.h>
#include <asm/vdso.h>

/* Numbers that arch/arm64/checkpoint/ has too. */
static_assert(DBG_SPSR_SS == 1 << 21);
static_assert(SVCR_ZA_MASK == 1 << 1);
static_assert(POR_EL0_INIT == 7);
static_assert(PROT_BTI == 0x10 && PROT_MTE == 0x20);
#ifdef CONFIG_COMPAT
static_assert(AARCH32_VECTORS_BASE == 0xffff0000);
#endif

/* Has this machine the registers of that note? */
__rust_helper bool rust_helper_checkpoint_has_note(u32 note)
{
	switch (note) {
	case NT_PRFPREG:
		return system_supports_fpsimd();
	case NT_ARM_SVE:
		return system_supports_sve();
	case NT_ARM_SSVE:
	case NT_ARM_ZA:
		return system_supports_sme();
	case NT_ARM_ZT:
		return system_supports_sme2();
	case NT_ARM_FPMR:
		return system_supports_fpmr();
	case NT_ARM_PAC_MASK:
	case NT_ARM_PAC_ENABLED_KEYS:
	case NT_ARM_PACA_KEYS:
		return system_supports_address_auth();
	case NT_ARM_PACG_KEYS:
		return system_supports_generic_auth();
	case NT_ARM_POE:
		return system_supports_poe();
	case NT_ARM_GCS:
		return system_supports_gcs();
	default:
		return true;
	}
}

/*
 * What pt_regs do not show of @t, which is stopped for its tracer: x7, in AArch32 r12, instead of
 * which it has something else at the entry and at the exit of a call; the first argument of the
 * call; where the call is that was interrupted, if restart_block.arch_data says so.  False: it is
 * not stopped.
 */
__rust_helper bool rust_helper_checkpoint_arm64_stop(struct task_struct *t, u64 words[3])
{
	struct pt_regs *regs = task_pt_regs(t);

	if (!task_is_traced(t))
		return false;
	words[0] = checkpoint_is_at_call(t) ? t->thread.stopped_reg :
		   regs->regs[is_compat_thread(task_thread_info(t)) ? 12 : 7];
	words[1] = regs->orig_x0;
	words[2] = t->restart_block.arch_data ? t->thread.restart_addr : 0;
	return true;
}

__rust_helper void rust_helper_checkpoint_arm64_stop_set(struct task_struct *t, const u64 words[3])
{
	t->thread.stopped_reg = words[0];
	task_pt_regs(t)->orig_x0 = words[1];
	t->thread.restart_addr = words[2];
}

/* Has every CPU this vector length, in bytes? */
__rust_helper bool rust_helper_checkpoint_has_vl(enum vec_type type, unsigned int vl)
{
#ifdef CONFIG_ARM64_SVE
	return sve_vl_valid(vl) && vl <= VL_ARCH_MAX &&
	       vq_available(type, sve_vq_from_vl(vl));
#else
	return false;
#endif
}

/* Bytes of the note with registers of vl bytes; flags as in its header. */
__rust_helper size_t rust_helper_checkpoint_sve_size(unsigned int vl, unsigned int flags)
{
	return ALIGN(SVE_PT_SIZE(sve_vq_from_vl(vl), flags), SVE_VQ_BYTES);
}

__rust_helper size_t rust_helper_checkpoint_za_size(unsigned int vl)
{
	return ALIGN(ZA_PT_SIZE(sve_vq_from_vl(vl)), SVE_VQ_BYTES);
}

/* A task that does not run has no vector registers but those of FPSIMD, which are zero. */
__rust_helper void rust_helper_checkpoint_forget_vectors(struct task_struct *t)
{
	fpsimd_flush_task_state(t);
	clear_tsk_thread_flag(t, TIF_SVE);
	clear_tsk_thread_flag(t, TIF_SME);
	t->thread.svcr = 0;
	t->thread.fp_type = FP_STATE_FPSIMD;
	t->thread.uw.fpmr = 0;
	memset(&t->thread.uw.fpsimd_state, 0, sizeof(t->thread.uw.fpsimd_state));
}

/* What prctl(PR_SET_TAGGED_ADDR_CTRL) takes here. */
__rust_helper unsigned long rust_helper_checkpoint_tagged_addr_mask(void)
{
	unsigned long mask = PR_TAGGED_ADDR_ENABLE;

	if (system_supports_mte()) {
		mask |= PR_MTE_TCF_SYNC | PR_MTE_TCF_ASYNC | PR_MTE_TAG_MASK;
		if (cpus_have_cap(ARM64_MTE_STORE_ONLY))
			mask |= PR_MTE_STORE_ONLY;
	}
	return mask;
}

__rust_helper unsigned long rust_helper_checkpoint_pac_mask(void)
{
	return ptrauth_user_pac_mask();
}

__rust_helper bool rust_helper_checkpoint_tif(struct task_struct *t, int flag)
{
	return test_tsk_thread_flag(t, flag);
}

__rust_helper bool rust_helper_checkpoint_has_hw_breakpoint(struct task_struct *t)
{
#ifdef CONFIG_HAVE_HW_BREAKPOINT
	for (int i = 0; i < ARM_MAX_BRP; i++)
		if (t->thread.debug.hbp_break[i])
			return true;
	for (int i = 0; i < ARM_MAX_WRP; i++)
		if (t->thread.debug.hbp_watch[i])
			return true;
#endif
	return false;
}

/* Tags of a page: 4 bits for each 16 bytes. */
__rust_helper bool rust_helper_checkpoint_page_tags_get(struct page *page, void *tags)
{
	if (!system_supports_mte() || !page_mte_tagged(page))
		return false;
	mte_save_page_tags(page_address(page), tags);
	return true;
}

__rust_helper void rust_helper_checkpoint_page_tags_set(struct page *page, const void *tags)
{
	bool first;

	if (!system_supports_mte())
		return;
	first = try_page_mte_tagging(page);
	mte_restore_page_tags(page_address(page), tags);
	if (first)
		set_page_mte_tagged(page);
}

/* To a new page. Those of hugetlbfs have tags as a whole, and mappings with such are refused. */
__rust_helper void rust_helper_checkpoint_page_tags_copy(struct page *to, struct page *from)
{
	if (system_supports_mte() && !PageHuge(from) && page_mte_tagged(from) &&
	    try_page_mte_tagging(to)) {
		mte_copy_page_tags(page_address(to), page_address(from));
		set_page_mte_tagged(to);
	}
}

/* Programs of 32 bits. */

/* 0: this machine runs none; 1: it does; 2: some of its CPUs do. */
__rust_helper unsigned int rust_helper_checkpoint_aarch32(void)
{
#ifdef CONFIG_COMPAT
	if (static_branch_unlikely(&arm64_mismatched_32bit_el0))
		return 2;
	return system_supports_32bit_el0();
#else
	return 0;
#endif
}

/* Bytes of address space that such a program reaches. */
__rust_helper unsigned long rust_helper_checkpoint_aarch32_size(void)
{
#ifdef CONFIG_COMPAT
	return TASK_SIZE_32;
#else
	return 0;
#endif
}

/*
 * Makes the new address space of the running task that of such a program, or of one of 64 bits,
 * as setup_new_exec() and arch_setup_new_exec() do: it has what that of its parent has.  The task
 * itself is of 64 bits yet.
 */
__rust_helper void rust_helper_checkpoint_set_aarch32(bool narrow)
{
	struct linux_binfmt *format = &elf_format;

	current->mm->context.flags = 0;
	current->mm->task_size = TASK_SIZE;
#ifdef CONFIG_COMPAT
	if (narrow) {
		current->mm->context.flags = MMCF_AARCH32;
		current->mm->task_size = TASK_SIZE_32;
		format = &compat_elf_format;
	}
#endif
	/* Core files are made in the format of the program. */
	set_binfmt(format);
}

/* The page by which signal handlers return. */
__rust_helper unsigned long rust_helper_checkpoint_sigpage(struct mm_struct *mm)
{
#ifdef CONFIG_COMPAT
	return (unsigned long)mm->context.sigpage;
#else
	return 0;
#endif
}

__rust_helper void rust_helper_checkpoint_set_sigpage(struct mm_struct *mm, unsigned long addr)
{
#ifdef CONFIG_COMPAT
	mm->context.sigpage = (void *)addr;
#endif
}

__rust_helper int rust_helper_checkpoint_aarch32_map_page(unsigned long addr)
{
#ifdef CONFIG_COMPAT
	return aarch32_map_page(addr);
#else
	return -EOPNOTSUPP;
#endif
}

__rust_helper const void *rust_helper_checkpoint_aarch32_page(bool vectors)
{
#ifdef CONFIG_COMPAT
	return aarch32_page(vectors);
#else
	return NULL;
#endif
}

__rust_helper void rust_helper_checkpoint_make_aarch32(struct task_struct *t)
{
	set_tsk_thread_flag(t, TIF_32BIT);
}

/* The thread pointer that only a task of 32 bits can write by itself: tpidr_el0. */
__rust_helper unsigned long rust_helper_checkpoint_aarch32_tls(struct task_struct *t)
{
	if (t == current)
		tls_preserve_current_state();
	return t->thread.uw.tp2_value;
}

__rust_helper void rust_helper_checkpoint_set_aarch32_tls(struct task_struct *t, unsigned long tls)
{
	t->thread.uw.tp2_value = tls;
}
