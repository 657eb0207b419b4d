// SPDX-License-Identifier: GPL-2.0
/*
 * Open files that can't be saved, and that only a message of a Unix socket has (SCM_RIGHTS): each is
 * refused by its name and kind, as one that a descriptor shows is.
 */
#include "refuse.h"

#include "flight.h"
#include "tun.h"

#include <pty.h>

REFUSE_FIXTURE

#define IN_MESSAGE(name, what)						\
	expect_refusal(getpid(), UNSUPPORTED, "file in a message (" name "): " what)

/* Both ends of a pseudoterminal. */
REFUSE(terminal)
{
	int master, slave;
	char c = 0;

	begin();
	CHECK_SYS(openpty(&master, &slave, NULL, NULL, NULL));
	put_away(master);
	put_away(slave);
	IN_MESSAGE("*", "*pseudoterminal can't be saved yet");
	IN_MESSAGE("*", "a pseudoterminal can't be saved yet");
	ckpt_ready_wait();
	master = take_out();
	slave = take_out();
	CHECK_EQ(2, write(master, "t\n", 2));
	CHECK_EQ(1, read(slave, &c, 1));
	CHECK_EQ('t', c);
}

/* A queue of a tap device of the caller's network. */
REFUSE(tap_outside)
{
	char name[IFNAMSIZ];
	int fd;

	begin();
	if (access("/dev/net/tun", R_OK | W_OK))
		not_here();
	snprintf(name, sizeof(name), "ckpt%d", getpid());
	put_away(tun_attach(name, IFF_TAP | IFF_NO_PI));
	IN_MESSAGE("/dev/net/tun", "its device is in a network namespace that stays outside: have the tasks "
		   "in one of their own, or close it");
	ckpt_ready_wait();
	fd = take_out();
	CHECK(tun_flags(fd, name) & IFF_TAP, "it is no tap device");
}

/* What reads the log of the kernel. */
REFUSE(kernel_log)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);

	if (fd < 0)
		not_here();
	begin();
	put_away(fd);
	IN_MESSAGE("*kmsg", "the kernel log can't be saved yet");
	ckpt_ready_wait();
	CHECK_SYS(fcntl(take_out(), F_GETFD));
}

TEST_HARNESS_MAIN
