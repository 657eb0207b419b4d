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
#include <asm/vdso.h>
#include "../../arch/x86/kernel/fpu/legacy.h"

__rust_helper u32 rust_helper_checkpoint_mxcsr_mask(void)
{
	return mxcsr_feature_mask;
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
