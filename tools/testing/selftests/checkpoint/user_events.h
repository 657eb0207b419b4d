/* SPDX-License-Identifier: GPL-2.0 */
/* User events: the kernel tells a program whether somebody listens to one of its own. */
#ifndef CKPT_TEST_USER_EVENTS_H
#define CKPT_TEST_USER_EVENTS_H

#include <fcntl.h>
#include <stdint.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/mount.h>

/* As linux/user_events.h has them. */
struct user_reg {
	uint32_t size;
	uint8_t bit, bytes;
	uint16_t flags;
	uint64_t address, name;
	uint32_t index;
} __attribute__((packed));

#define DIAG_IOCSREG	_IOWR('*', 0, struct user_reg *)
#define USER_EVENTS	"/sys/kernel/tracing/user_events_data"

/* The file by which programs have events; -1: the kernel has none. */
static inline int user_events_open(void)
{
	if (access(USER_EVENTS, W_OK))
		mount("tracefs", "/sys/kernel/tracing", "tracefs", 0, NULL);
	return open(USER_EVENTS, O_RDWR | O_CLOEXEC);
}

#endif
