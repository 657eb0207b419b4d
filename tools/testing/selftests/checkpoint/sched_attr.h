/* SPDX-License-Identifier: GPL-2.0 */
/* What sched_setattr(2) takes and sched_getattr(2) gives. */
#ifndef CKPT_TEST_SCHED_ATTR_H
#define CKPT_TEST_SCHED_ATTR_H

#include <stdint.h>

/* As the kernel has it; C libraries differ in whether they do. */
struct attr {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
	uint32_t util_min, util_max;
};

#endif
