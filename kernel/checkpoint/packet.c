// SPDX-License-Identifier: GPL-2.0
/*
 * Packet sockets: what they are is in a header that is private to
 * net/packet/, which may be a module. All is set by the system calls.
 */
#include <linux/build_bug.h>
#include <linux/checkpoint_packet.h>
#include <linux/errno.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/if_packet.h>
#include <linux/net.h>
#include <linux/netdevice.h>
#include <linux/rcupdate.h>
#include <linux/rtnetlink.h>
#include <linux/sched/signal.h>
#include <linux/security.h>
#include <linux/skbuff.h>
#include <linux/sockptr.h>
#include <linux/string.h>
#include <net/sock.h>

#include "../../net/packet/internal.h"

/**
 * checkpoint_packet_get() - read what a packet socket is
 * @sk: the socket
 * @state: where to
 *
 * Return: 0; -EINTR if the caller was killed.
 */
int checkpoint_packet_get(struct sock *sk, struct checkpoint_packet *state)
{
	struct packet_sock *po = pkt_sk(sk);
	struct packet_fanout *fanout;
	struct packet_mclist *ml;
	int err;

	memset(state, 0, sizeof(*state));
	/*
	 * Without lock_sock(): who has it may wait for user memory. The tasks, which
	 * alone change all this, stand still.
	 */
	state->num = ntohs(READ_ONCE(po->num));
	state->ifindex = READ_ONCE(po->ifindex);
	state->version = READ_ONCE(po->tp_version);
	state->reserve = READ_ONCE(po->tp_reserve);
	state->ring = READ_ONCE(po->rx_ring.pg_vec) || READ_ONCE(po->tx_ring.pg_vec);
	state->vnet_hdr = READ_ONCE(po->vnet_hdr_sz);
	state->copy_thresh = READ_ONCE(po->copy_thresh);
	state->timestamp = READ_ONCE(po->tp_tstamp);
	state->flags = (packet_sock_flag(po, PACKET_SOCK_ORIGDEV) ? CHECKPOINT_PACKET_ORIGDEV : 0) |
		       (packet_sock_flag(po, PACKET_SOCK_AUXDATA) ? CHECKPOINT_PACKET_AUXDATA : 0) |
		       (packet_sock_flag(po, PACKET_SOCK_TX_HAS_OFF) ?
			CHECKPOINT_PACKET_TX_HAS_OFF : 0) |
		       (packet_sock_flag(po, PACKET_SOCK_TP_LOSS) ? CHECKPOINT_PACKET_LOSS : 0) |
		       (packet_sock_flag(po, PACKET_SOCK_QDISC_BYPASS) ?
			CHECKPOINT_PACKET_QDISC_BYPASS : 0) |
		       (READ_ONCE(po->prot_hook.ignore_outgoing) ?
			CHECKPOINT_PACKET_IGNORE_OUTGOING : 0);
	/* It may be closed meanwhile: packet_release() waits before it frees the group. */
	scoped_guard(rcu) {
		fanout = READ_ONCE(po->fanout);
		if (fanout) {
			state->fanout = true;
			state->fanout_id = fanout->id;
			state->fanout_type = fanout->type | fanout->flags << 8;
			state->fanout_max = fanout->max_num_members;
		}
	}
	state->err = READ_ONCE(sk->sk_err);
	state->queued = skb_queue_len_lockless(&sk->sk_receive_queue);

	err = rtnl_lock_killable();
	if (err)
		return err;
	for (ml = po->mclist; ml; ml = ml->next)
		state->members++;
	rtnl_unlock();
	return 0;
}

/**
 * checkpoint_packet_members() - read the memberships of a packet socket
 * @sk: the socket
 * @members: where to
 * @max: how many there is room for
 *
 * Return: how many were read, or -EINTR if the caller was killed.
 */
int checkpoint_packet_members(struct sock *sk, struct checkpoint_packet_member *members,
			      unsigned int max)
{
	struct packet_mclist *ml;
	unsigned int n = 0;
	int err;

	BUILD_BUG_ON(sizeof(members->addr) != sizeof(ml->addr));
	err = rtnl_lock_killable();
	if (err)
		return err;
	for (ml = pkt_sk(sk)->mclist; ml && n < max; ml = ml->next, n++) {
		members[n].ifindex = ml->ifindex;
		members[n].count = ml->count;
		members[n].type = ml->type;
		members[n].alen = min_t(unsigned int, ml->alen, sizeof(members[n].addr));
		memcpy(members[n].addr, ml->addr, sizeof(members[n].addr));
	}
	rtnl_unlock();
	return n;
}

/* A struct packet_mreq with room for the longest address. */
struct checkpoint_packet_mreq {
	int ifindex;
	unsigned short type;
	unsigned short alen;
	unsigned char addr[MAX_ADDR_LEN];
};

static int checkpoint_packet_option(struct socket *sock, int name, const void *value, int len)
{
	return do_sock_setsockopt(sock, false, SOL_PACKET, name, KERNEL_SOCKPTR((void *)value),
				  len);
}

/* Sets the options that differ from those of a new socket. */
static int checkpoint_packet_options(struct socket *sock, const struct checkpoint_packet *state)
{
	const struct {
		int name;
		int value;
	} options[] = {
		{ PACKET_VERSION, state->version },
		{ PACKET_RESERVE, state->reserve },
		{ PACKET_VNET_HDR_SZ, state->vnet_hdr },
		{ PACKET_COPY_THRESH, state->copy_thresh },
		{ PACKET_TIMESTAMP, state->timestamp },
		{ PACKET_ORIGDEV, !!(state->flags & CHECKPOINT_PACKET_ORIGDEV) },
		{ PACKET_AUXDATA, !!(state->flags & CHECKPOINT_PACKET_AUXDATA) },
		{ PACKET_TX_HAS_OFF, !!(state->flags & CHECKPOINT_PACKET_TX_HAS_OFF) },
		{ PACKET_LOSS, !!(state->flags & CHECKPOINT_PACKET_LOSS) },
		{ PACKET_QDISC_BYPASS, !!(state->flags & CHECKPOINT_PACKET_QDISC_BYPASS) },
		{ PACKET_IGNORE_OUTGOING, !!(state->flags & CHECKPOINT_PACKET_IGNORE_OUTGOING) },
	};
	int i, err = 0;

	for (i = 0; i < ARRAY_SIZE(options) && !err; i++)
		if (options[i].value)
			err = checkpoint_packet_option(sock, options[i].name, &options[i].value,
						       sizeof(options[i].value));
	return err;
}

/* Sets options, joins groups and binds as the system calls do. */
static int checkpoint_packet_settle(struct socket *sock, const struct checkpoint_packet *state,
				    const struct checkpoint_packet_member *members)
{
	struct sockaddr_ll addr = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(state->num),
		.sll_ifindex = state->ifindex,
	};
	unsigned int i, j;
	int err;

	BUILD_BUG_ON(offsetof(struct checkpoint_packet_mreq, addr) !=
		     offsetof(struct packet_mreq, mr_address));
	err = checkpoint_packet_options(sock, state);
	/* The last one comes first in the list. */
	for (i = state->members; i-- && !err;) {
		struct checkpoint_packet_mreq mreq = {
			.ifindex = members[i].ifindex,
			.type = members[i].type,
			.alen = members[i].alen,
		};

		memcpy(mreq.addr, members[i].addr, sizeof(mreq.addr));
		for (j = 0; j < members[i].count && !err; j++) {
			err = fatal_signal_pending(current) ? -EINTR :
			      checkpoint_packet_option(sock, PACKET_ADD_MEMBERSHIP, &mreq,
						       sizeof(mreq));
		}
	}
	if (!err && (state->num || state->ifindex)) {
		err = security_socket_bind(sock, (struct sockaddr *)&addr, sizeof(addr));
		if (!err)
			err = READ_ONCE(sock->ops)->bind(sock, (struct sockaddr_unsized *)&addr,
							 sizeof(addr));
	}
	if (!err && state->fanout) {
		struct fanout_args args = {
			.id = state->fanout_id,
			.type_flags = state->fanout_type,
			.max_num_members = state->fanout_max,
		};

		err = checkpoint_packet_option(sock, PACKET_FANOUT, &args, sizeof(args));
	}
	return err;
}

/**
 * checkpoint_packet_open() - bind a packet socket, with its options and groups
 * @sk: the socket
 * @state: what it is
 * @members: its memberships, @state->members of them
 *
 * As the system calls, with the rights that the caller acts with. From then on
 * it receives. What of its queue was not saved counts as dropped.
 *
 * Return: 0, also if it was closed; or an errno.
 */
int checkpoint_packet_open(struct sock *sk, const struct checkpoint_packet *state,
			   const struct checkpoint_packet_member *members)
{
	struct socket *sock;
	struct file *file;
	int err;

	/* With its file it is not closed meanwhile. */
	read_lock_bh(&sk->sk_callback_lock);
	sock = sk->sk_socket;
	file = sock && sock->file ? get_file_active(&sock->file) : NULL;
	read_unlock_bh(&sk->sk_callback_lock);
	if (!file)
		return 0;
	err = checkpoint_packet_settle(sock, state, members);
	if (!err) {
		/* bind(2) has set it if the device is down: here it may have been told. */
		WRITE_ONCE(sk->sk_err, state->err ? ENETDOWN : 0);
		atomic_add(state->queued, &pkt_sk(sk)->tp_drops);
	}
	fput(file);
	return err;
}
