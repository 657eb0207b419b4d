/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What tests of the rights that calls ask for single kinds of objects have in common: who calls has
 * one right less than root, or the image gives who had made the object less than that took.
 */
#ifndef CKPT_TEST_BOUNDS_RIGHTS_H
#define CKPT_TEST_BOUNDS_RIGHTS_H

#include "fault.h"

#include <linux/capability.h>

#define USER	1000
#define NONE	-1

static struct ckpt_run run;
static int image = -1;

/* For good: who has it permitted only may take it again. */
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

/* The user that this one is, and acts as, from now on; back again with 0. */
__attribute__((unused)) static void be(uid_t uid)
{
	CHECK_SYS(setresuid(uid, uid, 0));
}

FIXTURE(rights) { int unused; };

FIXTURE_SETUP(rights)
{
	CKPT_BEGIN();
	image = ckpt_image_new();
}

FIXTURE_TEARDOWN(rights)
{
	if (run.board)
		ckpt_run_fini(&run);
}

/* In a child: restart(2) without @cap fails with @err and a line that has @text. */
__attribute__((unused)) static int fails(int cap, int err, const char *text)
{
	int low = lowest_free(&run);
	struct restart_args args;
	long ret;

	if (cap != NONE && drop_cap(cap))
		return -1;
	lseek(image, 0, SEEK_SET);
	ckpt_run_restart_args(&run, &args, image, 0);
	ret = sys_restart(&args, sizeof(args));
	if (ret == -1 && errno == err && ckpt_run_log_has(&run, text))
		return nothing_left(&run, low);
	ckpt_diag("%ld, errno %d, not %d: %s", ret, errno, err, text);
	ckpt_run_print_log(&run);
	return -1;
}

__attribute__((unused)) static int denied(int cap, int err, const char *text)
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (!pid)
		_exit(fails(cap, err, text) ? 1 : 0);
	return waitpid(pid, &status, 0) == pid && !status ? 0 : -1;
}

__attribute__((unused)) static int saved(const struct ckpt_scenario *sc, bool container)
{
	return ckpt_run_init(&run, sc, container) || ckpt_run_start(&run) ||
	       ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL) ? -1 : 0;
}

/* Who has all rights restarts it. */
__attribute__((unused)) static int works(void)
{
	if (ckpt_run_restart(&run, image, 0))
		return -1;
	ckpt_run_go(&run);
	return ckpt_run_finish(&run);
}

__attribute__((unused))
static int needs(const struct ckpt_scenario *sc, bool container, int cap, int err,
		 const char *text)
{
	return saved(sc, container) || denied(cap, err, text) ? -1 : works();
}

/* In a child: restart(2) without @cap works, and tells a line that has @text, if any. */
static int takes(int cap, const char *text)
{
	int low = lowest_free(&run);
	struct restart_args args;
	long ret;

	if (drop_cap(cap))
		return -1;
	ckpt_take_board_back(&run);
	lseek(image, 0, SEEK_SET);
	ckpt_run_restart_args(&run, &args, image, 0);
	ret = sys_restart(&args, sizeof(args));
	if (ret < 0 || (text && !ckpt_run_log_has(&run, text))) {
		ckpt_diag("%ld, errno %d: %s", ret, errno, text ? : "");
		ckpt_run_print_log(&run);
	}
	if (ret < 0)
		return -1;
	close(args.pidfd);
	if (image_end(&run, ret) || nothing_left(&run, low))
		return -1;
	return text && !ckpt_run_log_has(&run, text) ? -1 : 0;
}

__attribute__((unused))
static int lets(const struct ckpt_scenario *sc, bool container, int cap, const char *text)
{
	int status;
	pid_t pid;

	if (saved(sc, container))
		return -1;
	fflush(NULL);
	pid = fork();
	if (!pid)
		_exit(takes(cap, text) ? 1 : 0);
	return waitpid(pid, &status, 0) == pid && !status ? works() : -1;
}

/* checkpoint(2) of @sc fails so without @cap, which its tasks lack as well; with it, it works. */
__attribute__((unused))
static int shows(const struct ckpt_scenario *sc, bool container, int cap, int err,
		 const char *text)
{
	struct checkpoint_args args;
	int status;
	pid_t pid;

	if (ckpt_run_init(&run, sc, container) || ckpt_run_start(&run))
		return -1;
	fflush(NULL);
	pid = fork();
	if (!pid) {
		if (drop_cap(cap))
			_exit(1);
		ckpt_run_args(&run, &args, image, 0);
		_exit(sys_checkpoint(&args, sizeof(args)) == -1 && errno == err &&
		      ckpt_run_log_has(&run, text) ? 0 : 2);
	}
	if (waitpid(pid, &status, 0) != pid || status) {
		ckpt_diag("status 0x%x, not errno %d: %s", status, err, text);
		ckpt_run_print_log(&run);
		return -1;
	}
	if (ftruncate(image, 0) || lseek(image, 0, SEEK_SET) ||
	    ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL))
		return -1;
	return works();
}

/* Of the credentials in the image all with the most capabilities have none any more. */
static int take_caps(struct image *im)
{
	size_t at, len, body;
	uint64_t most = 0, caps;
	int pass;

	for (pass = 0; pass < 2; pass++) {
		for (at = HEADER_LEN; at < im->meta_end && (len = record_len(im, at)); at += len) {
			if (image_get(im, at, 2) != IMAGE_KIND_CRED)
				continue;
			body = at + RECORD_LEN;
			caps = image_get(im, body + IMAGE_AT(cred, permitted), 8);
			if (!pass) {
				most = caps > most ? caps : most;
			} else if (caps == most) {
				image_put64(im, body + IMAGE_AT(cred, permitted), 0);
				image_put64(im, body + IMAGE_AT(cred, effective), 0);
				image_put64(im, body + IMAGE_AT(cred, ambient), 0);
			}
		}
	}
	image_fix(im);
	return most ? 0 : -1;
}

/* By the image, who has made what is in @sc had no right to that: @err, and @text. Else it works. */
__attribute__((unused))
static int forged(const struct ckpt_scenario *sc, bool container, int err, const char *text)
{
	struct image im, good;
	int ret;

	if (saved(sc, container) || image_load(&im, image) || image_load(&good, image) ||
	    take_caps(&im) || pwrite(image, im.data, im.size, 0) != (ssize_t)im.size)
		return -1;
	ret = denied(NONE, err, text);
	if (pwrite(image, good.data, good.size, 0) != (ssize_t)good.size)
		ret = -1;
	free(im.data);
	free(good.data);
	return ret ? : works();
}

#endif
