// SPDX-License-Identifier: GPL-2.0

/* What only x86 has. */

#include <linux/binfmts.h>
#include <linux/pkeys.h>
#include <linux/string.h>
#include <linux/thread_info.h>
#include <asm/cpuid/api.h>
#include <asm/elf.h>
#include <asm/fpu/api.h>
#include <asm/fpu/regset.h>
#include <asm/fpu/xstate.h>
#include <asm/ia32.h>
#include <asm/pkru.h>
#include <asm/processor.h>
#include <asm/processor-flags.h>
#include <asm/ldt.h>
#include <asm/shstk.h>
#include <asm/signal.h>
#include <asm/vdso.h>
#include <linux/prctl.h>

/* Numbers that arch/x86/checkpoint/ has too. */
static_assert((X86_EFLAGS_CF | X86_EFLAGS_PF | X86_EFLAGS_AF | X86_EFLAGS_ZF | X86_EFLAGS_SF |
	       X86_EFLAGS_TF | X86_EFLAGS_DF | X86_EFLAGS_OF | X86_EFLAGS_NT | X86_EFLAGS_RF |
	       X86_EFLAGS_AC | X86_EFLAGS_ID) == 0x00254dd5);
static_assert((X86_EFLAGS_IF | X86_EFLAGS_FIXED) == 0x0202);
static_assert(offsetof(struct fxregs_state, mxcsr) == 24);
static_assert(offsetof(struct xregs_state, header) == 512);
static_assert(sizeof(struct xstate_header) == 64);
static_assert(sizeof(struct user_desc) == 16);

/* ACTION_IA32 of the image. */
static_assert(SA_IA32_ABI == 1U << 25);

/*
 * Takes from the running task what it has of its creator's thread and exec() would take away by
 * other means than flush_thread() and arch_setup_new_exec(), or would not.  It has no I/O bitmap:
 * so a level of I/O privileges is without effect already, and there is nothing that
 * task_update_io_bitmap() would have to do.
 */
__rust_helper void rust_helper_checkpoint_x86_reset(void)
{
	struct thread_struct *thread = &current->thread;

	reset_thread_features();
	set_tsc_mode(PR_TSC_ENABLE);
	thread->iopl_emul = 0;
	/* Of the last fault: they would stand in the next signal frame. */
	thread->cr2 = 0;
	thread->trap_nr = 0;
	thread->error_code = 0;
}

/* Memory protection keys. */

__rust_helper int rust_helper_checkpoint_pkeys(void)
{
	return arch_max_pkey();
}

__rust_helper void rust_helper_checkpoint_reach_all_keys(void)
{
	write_pkru(0);
}

__rust_helper u32 rust_helper_checkpoint_task_pkru(struct task_struct *t)
{
	/* The thread's copy is that of when it was last scheduled out. */
	return t == current ? read_pkru() : t->thread.pkru;
}

/* The process may use, or let a guest use, state that is there on demand only: AMX. */
__rust_helper bool rust_helper_checkpoint_task_has_dynamic_xstate(struct task_struct *t)
{
	struct fpu *fpu = x86_task_fpu(t->group_leader);

	return (fpu->perm.__state_perm | fpu->guest_perm.__state_perm) &
	       XFEATURE_MASK_USER_DYNAMIC;
}

/* Tasks that have executed a 32-bit program. */

__rust_helper bool rust_helper_checkpoint_has_ia32(void)
{
	return ia32_enabled();
}

__rust_helper bool rust_helper_checkpoint_task_addr32(struct task_struct *t)
{
	return test_tsk_thread_flag(t, TIF_ADDR32);
}

/* Makes the running task, with a new address space, one of a 32-bit or 64-bit program. */
__rust_helper void rust_helper_checkpoint_set_mode(bool ia32)
{
	unsigned int personality = current->personality;

	if (ia32)
		set_personality_ia32(false);
	else
		set_personality_64bit();
	/* That is in the image. */
	current->personality = personality;
	current->mm->task_size = TASK_SIZE;
	/* Core files are made in the format of the program. */
#ifdef CONFIG_IA32_EMULATION
	set_binfmt(ia32 ? &compat_elf_format : &elf_format);
#else
	set_binfmt(&elf_format);
#endif
}

__rust_helper const struct vdso_image *rust_helper_checkpoint_vdso_image(bool ia32)
{
#ifdef CONFIG_IA32_EMULATION
	if (ia32)
		return &vdso32_image;
#endif
	return ia32 ? NULL : &vdso64_image;
}

/* Register sets of 32-bit tasks: the one of thread areas is in no other view. */
__rust_helper const struct user_regset_view *rust_helper_checkpoint_ia32_view(void)
{
#ifdef CONFIG_IA32_EMULATION
	return &user_x86_32_view;
#else
	return NULL;
#endif
}

/* CPU features. A leaf that the CPU does not have reads as 0. */

__rust_helper void rust_helper_checkpoint_cpuid(u32 leaf, u32 subleaf, u32 *regs)
{
	memset(regs, 0, 4 * sizeof(*regs));
	if (leaf > cpuid_eax(leaf & 0x80000000))
		return;
	if (subleaf && leaf == 7 && subleaf > cpuid_eax(7))
		return;
	cpuid_count(leaf, subleaf, &regs[0], &regs[1], &regs[2], &regs[3]);
}
