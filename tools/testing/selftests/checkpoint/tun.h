/* SPDX-License-Identifier: GPL-2.0 */
/* Tun and tap devices of the namespace that the caller is in. */
#ifndef CKPT_TEST_TUN_H
#define CKPT_TEST_TUN_H

#include "rtnetlink.h"

#include <linux/if_packet.h>
#include <linux/if_tun.h>

/* Not in older headers. */
#ifndef IFF_BACKPRESSURE
#define IFF_BACKPRESSURE 0x0080
#endif

/* Opens what makes them; -1: there is none. */
__attribute__((unused)) static int tun_open(void)
{
	return open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
}

/* Attaches @fd to @name, which is made if there is none; 0, or -1 with errno. */
__attribute__((unused)) static int tun_try(int fd, const char *name, unsigned int flags)
{
	struct ifreq ifr = { .ifr_flags = (short)flags };

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	return ioctl(fd, TUNSETIFF, &ifr);
}

/* Opens a queue of @name. */
__attribute__((unused)) static int tun_attach(const char *name, unsigned int flags)
{
	int fd = CHECK_SYS(tun_open());

	CHECK_SYS(tun_try(fd, name, flags));
	return fd;
}

/* IFF_* of a queue, in @name the name of its device. */
__attribute__((unused)) static unsigned int tun_flags(int fd, char name[IFNAMSIZ])
{
	struct ifreq ifr = { .ifr_flags = 0 };

	CHECK_SYS(ioctl(fd, TUNGETIFF, &ifr));
	memcpy(name, ifr.ifr_name, IFNAMSIZ);
	return (unsigned short)ifr.ifr_flags;
}

#endif /* CKPT_TEST_TUN_H */
