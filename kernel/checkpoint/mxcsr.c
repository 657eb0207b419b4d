// SPDX-License-Identifier: GPL-2.0
/*
 * Registers of SSE on x86: the header with what the CPU knows is private to the FPU's code.
 */
#include <linux/checkpoint_task.h>
#include <linux/kernel.h>
#include <linux/thread_info.h>
#include <linux/uaccess.h>
#include <asm/smap.h>

#include "../../arch/x86/kernel/fpu/legacy.h"

/**
 * checkpoint_mxcsr_mask() - tell which bits of MXCSR this CPU knows
 *
 * Return: these bits; to set another one would be a fault.
 */
u32 checkpoint_mxcsr_mask(void)
{
	return mxcsr_feature_mask;
}
