/* SPDX-License-Identifier: GPL-2.0 */
/* Tests of what a caller of restart(2) may do only with a capability. */
#ifndef CKPT_TEST_RIGHTS_H
#define CKPT_TEST_RIGHTS_H

#include "common.h"

#include <linux/capability.h>

/* Of the calling process. */
__attribute__((unused)) static int drop_cap(int cap)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	if (syscall(__NR_capget, &header, data))
		return -1;
	data[cap / 32].effective &= ~(1u << cap % 32);
	data[cap / 32].permitted &= ~(1u << cap % 32);
	return syscall(__NR_capset, &header, data);
}

FIXTURE(rights)
{
	struct ckpt_run run;
	int image;
};

FIXTURE_SETUP(rights)
{
	CKPT_BEGIN();
	self->image = ckpt_image_new();
}

FIXTURE_TEARDOWN(rights)
{
	if (self->image > 0)
		ckpt_run_fini(&self->run);
}

/* Restart without the capability @cap fails, and the log has @text. */
__attribute__((unused))
static int needs(struct ckpt_run *run, int image, const struct ckpt_scenario *sc, int cap,
		 const char *text)
{
	struct restart_args args;

	if (ckpt_run_init(run, sc, false) || ckpt_run_start(run))
		return -1;
	if (ckpt_run_checkpoint(run, image, CHECKPOINT_KILL) || drop_cap(cap))
		return -1;
	lseek(image, 0, SEEK_SET);
	ckpt_run_restart_args(run, &args, image, 0);
	if (sys_restart(&args, sizeof(args)) != -1 || errno != EPERM) {
		ckpt_diag("it is restarted: %s", strerror(errno));
		return -1;
	}
	if (ckpt_run_log_has(run, text))
		return 0;
	ckpt_run_print_log(run);
	return -1;
}

#endif /* CKPT_TEST_RIGHTS_H */
