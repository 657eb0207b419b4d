/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _KERNEL_CHECKPOINT_NOTES_H
#define _KERNEL_CHECKPOINT_NOTES_H

/* The notes of the kernel, between symbols of the linker script: kernel/ksysfs.c shows them. */
extern const void __start_notes;
extern const void __stop_notes;

#endif
