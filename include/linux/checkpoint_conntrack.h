/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Checkpoint/restart: connections that a network namespace tracks.
 */
#ifndef _LINUX_CHECKPOINT_CONNTRACK_H
#define _LINUX_CHECKPOINT_CONNTRACK_H

#include <linux/types.h>

/*
 * An attribute of IPCTNL_MSG_CT_NEW, beside those of enum ctattr_type: struct checkpoint_ct.
 * IPCTNL_MSG_EXP_NEW has it if there is more that can't be told.
 * Only sockets that no file has, those of checkpoint(2) and restart(2), are told it, or may
 * tell it.
 */
#define CHECKPOINT_CTA_MORE		0x3ff0

/* What a connection has. */
#define CHECKPOINT_CT_ACCT		0x001
#define CHECKPOINT_CT_TSTAMP		0x002
#define CHECKPOINT_CT_EVENTS		0x004
#define CHECKPOINT_CT_LABELS		0x008
#define CHECKPOINT_CT_SEQADJ		0x010
#define CHECKPOINT_CT_SYNPROXY		0x020
#define CHECKPOINT_CT_NAT		0x040

/* What none can be given. */
#define CHECKPOINT_CT_TIMEOUT		0x100
#define CHECKPOINT_CT_HELPER		0x200
#define CHECKPOINT_CT_SECMARK		0x400
#define CHECKPOINT_CT_TC		0x800

/**
 * struct checkpoint_ct - what a tracked connection has that netlink does not take
 * @packets: counters of packets, of the original direction and of replies
 * @bytes: the same of bytes
 * @start: when it began, in nanoseconds of CLOCK_REALTIME
 * @has: CHECKPOINT_CT_*
 * @masq_index: number of the device whose address it has taken; 0: it has not
 * @idle: GRE: after how many seconds it is forgotten without replies, and with them
 * @ctmask: events that are told of it
 * @expmask: events that are told of what it expects
 * @scale: TCP: scale of the window of each direction
 * @reserved: 0
 * @reserved2: 0
 * @stream: UDP: in how many milliseconds it is taken for a stream
 */
struct checkpoint_ct {
	u64 packets[2];
	u64 bytes[2];
	u64 start;
	u32 has;
	u32 masq_index;
	u32 idle[2];
	u16 ctmask;
	u16 expmask;
	u8 scale[2];
	u16 reserved;
	u32 reserved2;
	u32 stream;
};

#endif /* _LINUX_CHECKPOINT_CONNTRACK_H */
