// SPDX-License-Identifier: GPL-2.0

/* What arch/powerpc/checkpoint/ needs of macros and inline functions. */

#include <asm/cpu_has_feature.h>
#include <asm/cputable.h>
#include <asm/mmu.h>
#include <asm/mmu_context.h>
#include <asm/reg.h>
#include <asm/vdso.h>
#include <linux/pkeys.h>

/* Numbers that arch/powerpc/checkpoint/ has too. */
static_assert((DEXCR_PR_IBRTPD | DEXCR_PR_SRAPD | DEXCR_PR_NPHIE) == 0x1c000000UL);
static_assert(DEXCR_PR_NPHIE == 0x04000000UL);
static_assert(~SRR1_MSR_BITS == 0x783f0000UL);

extern char vdso64_start, vdso64_end;

__rust_helper const void *rust_helper_checkpoint_vdso(size_t *len)
{
	*len = &vdso64_end - &vdso64_start;
	return &vdso64_start;
}

__rust_helper bool rust_helper_checkpoint_ppc_is_32bit(struct task_struct *t)
{
	return is_tsk_32bit_task(t);
}

__rust_helper bool rust_helper_checkpoint_ppc_is_elf2(struct task_struct *t)
{
	return test_tsk_thread_flag(t, TIF_ELF2ABI);
}

__rust_helper void rust_helper_checkpoint_ppc_set_elf2(struct task_struct *t)
{
	set_tsk_thread_flag(t, TIF_ELF2ABI);
}

__rust_helper bool rust_helper_checkpoint_ppc_has_tm(void)
{
	return cpu_has_feature(CPU_FTR_TM);
}

__rust_helper bool rust_helper_checkpoint_ppc_has_dexcr(void)
{
	return cpu_has_feature(CPU_FTR_ARCH_31);
}

__rust_helper unsigned long rust_helper_checkpoint_ppc_msr_user(void)
{
	return MSR_USER64 & ~MSR_HV;
}

__rust_helper bool rust_helper_checkpoint_ppc_in_syscall(struct task_struct *t)
{
	return trap_is_syscall(task_pt_regs(t));
}

/* Registers of the running task that only a switch of tasks saves. */
__rust_helper void rust_helper_checkpoint_ppc_save_sprs(void)
{
	struct thread_struct *thread = &current->thread;

#ifdef CONFIG_ALTIVEC
	if (cpu_has_feature(CPU_FTR_ALTIVEC))
		thread->vrsave = mfspr(SPRN_VRSAVE);
#endif
	if (cpu_has_feature(CPU_FTR_DSCR))
		thread->dscr = mfspr(SPRN_DSCR);
	if (cpu_has_feature(CPU_FTR_ARCH_207S))
		thread->tar = mfspr(SPRN_TAR);
	if (cpu_has_feature(CPU_FTR_DEXCR_NPHIE))
		thread->hashkeyr = mfspr(SPRN_HASHKEYR);
	if (cpu_has_feature(CPU_FTR_ARCH_31))
		thread->dexcr = mfspr(SPRN_DEXCR);
}

/* What exec does to the keys' rights of the running task. */
__rust_helper void rust_helper_checkpoint_ppc_reset_key_rights(void)
{
#ifdef CONFIG_PPC_MEM_KEYS
	current->thread.regs->amr = default_amr;
	current->thread.regs->iamr = default_iamr;
#endif
}

__rust_helper bool rust_helper_checkpoint_ppc_has_key_rights(struct task_struct *t)
{
#ifdef CONFIG_PPC_MEM_KEYS
	return arch_pkeys_enabled() && (t->thread.regs->amr != default_amr ||
					t->thread.regs->iamr != default_iamr);
#else
	return false;
#endif
}

__rust_helper bool rust_helper_checkpoint_ppc_has_keys(struct mm_struct *mm)
{
#ifdef CONFIG_PPC_MEM_KEYS
	return arch_pkeys_enabled() &&
	       (mm_pkey_allocation_map(mm) | 1) != (reserved_allocation_mask | 1);
#else
	return false;
#endif
}

__rust_helper bool rust_helper_checkpoint_ppc_has_subpage_prot(struct mm_struct *mm)
{
#ifdef CONFIG_PPC_SUBPAGE_PROT
	return mm->context.hash_context && mm->context.hash_context->spt;
#else
	return false;
#endif
}
