// SPDX-License-Identifier: GPL-2.0
/* What arch/s390/checkpoint/ needs; part of checkpoint.c. */

#include <linux/array_size.h>
#include <linux/sched.h>
#include <linux/sched/task_stack.h>
#include <linux/string.h>
#include <asm/cpufeature.h>
#include <asm/facility.h>
#include <asm/fpu.h>
#include <asm/ptrace.h>

/* Numbers that arch/s390/checkpoint/ has too. */
static_assert(PSW_USER_BITS == 0x0705000000000000UL);
static_assert(PSW_MASK_USER == 0x0000ff0180000000UL);
static_assert(PSW_ASC_HOME == 0x0000c00000000000UL);
static_assert(PSW_MASK_EA == 0x0000000100000000UL);
static_assert(PSW_MASK_BA == 0x0000000080000000UL);

/*
 * Takes from the running task what it has of its creator's thread and exec() does not take away:
 * what the machine wrote down when a transaction of that one was aborted, and its floating point
 * and vector registers.  An image of a CPU without vectors has only a part of them.
 */
__rust_helper void rust_helper_checkpoint_s390_reset(void)
{
	memset(&current->thread.trap_tdb, 0, sizeof(current->thread.trap_tdb));
	/* Once saved, they are loaded from here on the way to user mode. */
	save_user_fpu_regs();
	memset(&current->thread.ufpu, 0, sizeof(current->thread.ufpu));
}

/* What STFLE tells a program, 64 facilities at a time: the first one is the highest bit. */
__rust_helper u64 rust_helper_checkpoint_s390_facilities(unsigned int word)
{
	return word < ARRAY_SIZE(stfle_fac_list) ? stfle_fac_list[word] : 0;
}

__rust_helper bool rust_helper_checkpoint_s390_has_vx(void)
{
	return cpu_has_vx();
}

/* Length of the instruction and number of the system call that @t is in; 0: in none. */
__rust_helper u32 rust_helper_checkpoint_s390_call(struct task_struct *t)
{
	struct pt_regs *regs = task_pt_regs(t);

	return test_pt_regs_flag(regs, PIF_SYSCALL) ? regs->int_code : 0;
}

__rust_helper void rust_helper_checkpoint_s390_call_set(struct task_struct *t, u32 code)
{
	struct pt_regs *regs = task_pt_regs(t);

	t->thread.system_call = code;
	regs->int_code = code;
	if (code)
		set_pt_regs_flag(regs, PIF_SYSCALL);
	else
		clear_pt_regs_flag(regs, PIF_SYSCALL);
}

/* What the system call returns that the running task comes from. */
__rust_helper void rust_helper_checkpoint_s390_result_set(long result)
{
	task_pt_regs(current)->gprs[2] = result;
}

__rust_helper void rust_helper_checkpoint_s390_last_break_set(struct task_struct *t, u64 addr)
{
	t->thread.last_break = addr;
	task_pt_regs(t)->last_break = addr;
}
