/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What inet.c and inet_queue.c have in common.
 */
#ifndef _CHECKPOINT_INET_H
#define _CHECKPOINT_INET_H

#include <linux/string.h>
#include <linux/types.h>

/* Puts an address of IPv4 where one of IPv6 may be. */
static inline void checkpoint_inet_addr4(u8 *to, __be32 addr)
{
	memcpy(to, &addr, sizeof(addr));
}

#endif /* _CHECKPOINT_INET_H */
