// SPDX-License-Identifier: GPL-2.0
/*
 * Devices that each new network namespace has, as drivers of tunnels make them: what they were told stays, and
 * a restart where new namespaces have others is refused. And tunnels that ioctl(2) makes by such a device.
 *
 * net.core.fb_tunnels_only_for_init_net says whether they have them: tests set it, and set it back.
 */
#include "tunnels.h"
#include "advice.h"

#include <linux/ip.h>

#define SETTING	"/proc/sys/net/core/fb_tunnels_only_for_init_net"

static const struct checkpoint_args nothing;
static const struct restart_args nothing_given;

/* Sets whether new namespaces have them; returns what that was, or -1: it can't be set. */
static int set_fallbacks(int value)
{
	int fd = open(SETTING, O_RDWR | O_CLOEXEC), old = -1;
	char text[8] = "";

	if (fd < 0)
		return -1;
	if (read(fd, text, sizeof(text) - 1) > 0) {
		old = atoi(text);
		snprintf(text, sizeof(text), "%d", value);
		if (pwrite(fd, text, strlen(text), 0) != (ssize_t)strlen(text))
			old = -1;
	}
	close(fd);
	return old;
}

/* Has a new namespace the device @name? */
static bool has_fallback(const char *name)
{
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(unshare(CLONE_NEWNET) || !if_nametoindex(name));
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
	       !WEXITSTATUS(status);
}

FIXTURE(fallback) {
	int old;
};

FIXTURE_SETUP(fallback)
{
	CKPT_BEGIN();
	image = ckpt_image_new();
	self->old = set_fallbacks(0);
	if (self->old < 0)
		SKIP(return, "%s can't be set", SETTING);
	if (!has_fallback("tunl0")) {
		set_fallbacks(self->old);
		self->old = -1;
		SKIP(return, "the kernel has no tunnels of IP in IP");
	}
}

FIXTURE_TEARDOWN(fallback)
{
	if (self->old >= 0)
		set_fallbacks(self->old);
	finish();
}

/* A tunnel was made by one. */
CKPT_SCENARIO(with_fallback, .flags = SC_CONTAINER, .clone_flags = CLONE_NEWNET)
{
	struct ip_tunnel_parm parm = {
		.name = "t0",
		.iph = {
			.version = 4, .ihl = 5, .protocol = IPPROTO_IPIP, .ttl = 9,
			.saddr = htonl(0x0a010001), .daddr = htonl(0x0a010009),
		},
	};
	struct ifreq ifr = { .ifr_data = (void *)&parm };
	unsigned int index = if_nametoindex("tunl0"), own;

	switch_lo(true);
	CHECK(index > 1, "there is no tunl0");
	CHECK_SYS(of_device("tunl0", SIOCADDTUNNEL, &ifr));
	own = if_nametoindex("t0");
	ckpt_ready_wait();
	CHECK_EQ(index, if_nametoindex("tunl0"));
	CHECK_EQ(own, if_nametoindex("t0"));
	memset(&parm, 0, sizeof(parm));
	ifr.ifr_data = (void *)&parm;
	CHECK_SYS(of_device("t0", SIOCGETTUNNEL, &ifr));
	CHECK_EQ(9, parm.iph.ttl);
	CHECK_EQ(htonl(0x0a010009), parm.iph.daddr);
}

TEST_F_TIMEOUT(fallback, stays, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, start(&with_fallback, true));
	ASSERT_EQ(0, checkpoint_and_kill(&nothing)) {
		ckpt_run_print_log(&run);
	}
	/* New ones have none. */
	ASSERT_EQ(0, set_fallbacks(1));
	ASSERT_EQ(EINVAL, restart(0, &nothing_given));
	ASSERT_TRUE(ckpt_run_log_has(&run, "its network namespace had the device "));
	ASSERT_EQ(1, set_fallbacks(0));
	ASSERT_EQ(0, restart(0, &nothing_given)) {
		ckpt_run_print_log(&run);
	}
	ASSERT_EQ(0, go());
}

/* One that has none. */
CKPT_SCENARIO(without_fallback, .flags = SC_CONTAINER, .clone_flags = CLONE_NEWNET)
{
	switch_lo(true);
	CHECK(!if_nametoindex("tunl0"), "there is a tunl0");
	ckpt_ready_wait();
	CHECK(!if_nametoindex("tunl0"), "there is a tunl0");
}

TEST_F_TIMEOUT(fallback, has_none, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, set_fallbacks(1));
	ASSERT_EQ(0, start(&without_fallback, true));
	ASSERT_EQ(1, set_fallbacks(0));
	/* Which a restart could not make then. */
	ASSERT_EQ(EOPNOTSUPP, checkpoint(0, &nothing));
	ASSERT_TRUE(ckpt_run_log_has(&run, "which a new one has"));
	ASSERT_EQ(0, set_fallbacks(1));
	ASSERT_EQ(0, checkpoint_and_kill(&nothing)) {
		ckpt_run_print_log(&run);
	}
	ASSERT_EQ(1, set_fallbacks(0));
	ASSERT_EQ(EINVAL, restart(0, &nothing_given));
	ASSERT_TRUE(ckpt_run_log_has(&run, "new network namespaces here have the device "));
	ASSERT_EQ(0, set_fallbacks(1));
	ASSERT_EQ(0, restart(0, &nothing_given));
	ASSERT_EQ(0, go());
}

TEST_HARNESS_MAIN
