// SPDX-License-Identifier: GPL-2.0
/* Records of audit: one for each call, also for one that fails. */
#include "labels.h"

#include <linux/audit.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#ifndef AUDIT_CHECKPOINT
#define AUDIT_CHECKPOINT	1340
#endif
#ifndef AUDIT_RESTART
#define AUDIT_RESTART		1341
#endif

/* Switch audit on or off. */
static int audit_switch(bool on)
{
	struct {
		struct nlmsghdr head;
		struct audit_status status;
	} message = {
		.head = {
			.nlmsg_len = NLMSG_LENGTH(sizeof(struct audit_status)),
			.nlmsg_type = AUDIT_SET,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
		},
		.status = { .mask = AUDIT_STATUS_ENABLED, .enabled = on },
	};
	struct {
		struct nlmsghdr head;
		struct nlmsgerr error;
	} answer = { 0 };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_AUDIT);
	int ret = -1;

	if (fd >= 0 && send(fd, &message, sizeof(message), 0) == sizeof(message) &&
	    recv(fd, &answer, sizeof(answer), 0) >= (ssize_t)sizeof(answer.head) + 4 &&
	    answer.head.nlmsg_type == NLMSG_ERROR)
		ret = answer.error.error;
	if (fd >= 0)
		close(fd);
	return ret;
}

/* A socket that gets all records. */
static int audit_open(void)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_AUDIT);

	if (fd >= 0 && bind(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* Wait for a record of @type that has @text. */
static int audit_wait(int fd, unsigned int type, const char *text)
{
	static char buf[16384];
	struct nlmsghdr *head = (struct nlmsghdr *)buf;
	ssize_t n;

	while ((n = recv(fd, buf, sizeof(buf) - 1, 0)) > 0 || errno == ENOBUFS) {
		if (n < (ssize_t)sizeof(*head))
			continue;
		buf[n] = 0;
		if (head->nlmsg_type != type)
			continue;
		if (strstr(NLMSG_DATA(head), text))
			return 0;
		ckpt_diag("another record: %s", (char *)NLMSG_DATA(head));
	}
	return 1;
}

CKPT_FIXTURE

CKPT_SCENARIO(audited)
{
	ckpt_ready_wait();
}

TEST_F_TIMEOUT(cr, audit, CKPT_TIMEOUT)
{
	struct checkpoint_args args;
	int fd = audit_open(), full;
	char text[128];
	long id;

	if (fd < 0 || audit_switch(true))
		SKIP(return, "no audit here");
	first = ckpt_image_new();
	ASSERT_EQ(0, save(&audited, variant->container));
	snprintf(text, sizeof(text), " image=%ld flags=", run.id);
	ASSERT_LT(0, run.id);
	ASSERT_EQ(0, audit_wait(fd, AUDIT_CHECKPOINT, text));
	ASSERT_EQ(0, ckpt_run_restart(&run, first, 0));
	ASSERT_EQ(0, audit_wait(fd, AUDIT_RESTART, text));
	/* One that fails before anything is known. */
	ASSERT_EQ(0, refused(1ULL << 63, EINVAL, "a flag is not known"));
	ASSERT_EQ(0, audit_wait(fd, AUDIT_RESTART,
				"root=0 image=0 flags=0x8000000000000000 exit=-22 res=0"));
	/* One that only looks, and one that fails when all is known but the image. */
	ckpt_run_args(&run, &args, -1, CHECKPOINT_DRY_RUN);
	id = sys_checkpoint(&args, sizeof(args));
	ASSERT_LT(0, id);
	snprintf(text, sizeof(text), " root=%d image=%ld flags=0x%llx exit=0 res=1", run.pid, id,
		 (unsigned long long)args.flags);
	ASSERT_EQ(0, audit_wait(fd, AUDIT_CHECKPOINT, text));
	full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	ckpt_run_args(&run, &args, full, 0);
	ASSERT_EQ(-1, sys_checkpoint(&args, sizeof(args)));
	ASSERT_EQ(ENOSPC, errno);
	snprintf(text, sizeof(text), " root=%d image=0 flags=0x%llx exit=%d res=0", run.pid,
		 (unsigned long long)args.flags, -ENOSPC);
	ASSERT_EQ(0, audit_wait(fd, AUDIT_CHECKPOINT, text));
	close(full);
	close(fd);
	ASSERT_EQ(0, audit_switch(false));
	ASSERT_EQ(0, ckpt_run_go(&run));
	ASSERT_EQ(0, ckpt_run_finish(&run));
	ckpt_run_fini(&run);
}

TEST_HARNESS_MAIN
