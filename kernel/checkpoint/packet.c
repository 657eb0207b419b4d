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

static int checkpoint_packet_value(struct socket *sock, int name, int value)
{
	return value ? checkpoint_packet_option(sock, name, &value, sizeof(value)) : 0;
}

/*
 * Sets the options that differ from those of a new socket. The first ones can't be set
 * where there is a ring: they were before that.
 */
static int checkpoint_packet_options(struct socket *sock, const struct checkpoint_packet *state)
{
	const struct {
		int name;
		int value;
	} options[] = {
		{ PACKET_VERSION, state->version },
		{ PACKET_RESERVE, state->reserve },
		{ PACKET_VNET_HDR_SZ, state->vnet_hdr },
		{ PACKET_TX_HAS_OFF, !!(state->flags & CHECKPOINT_PACKET_TX_HAS_OFF) },
		{ PACKET_LOSS, !!(state->flags & CHECKPOINT_PACKET_LOSS) },
		{ PACKET_COPY_THRESH, state->copy_thresh },
		{ PACKET_TIMESTAMP, state->timestamp },
		{ PACKET_ORIGDEV, !!(state->flags & CHECKPOINT_PACKET_ORIGDEV) },
		{ PACKET_AUXDATA, !!(state->flags & CHECKPOINT_PACKET_AUXDATA) },
		{ PACKET_QDISC_BYPASS, !!(state->flags & CHECKPOINT_PACKET_QDISC_BYPASS) },
		{ PACKET_IGNORE_OUTGOING, !!(state->flags & CHECKPOINT_PACKET_IGNORE_OUTGOING) },
	};
	const struct packet_sock *po = pkt_sk(sock->sk);
	int i = 0, err = 0;

	if (po->rx_ring.pg_vec || po->tx_ring.pg_vec) {
		if (po->tp_version != state->version || po->tp_reserve != state->reserve ||
		    po->vnet_hdr_sz != state->vnet_hdr ||
		    packet_sock_flag(po, PACKET_SOCK_TX_HAS_OFF) !=
			!!(state->flags & CHECKPOINT_PACKET_TX_HAS_OFF) ||
		    packet_sock_flag(po, PACKET_SOCK_TP_LOSS) !=
			!!(state->flags & CHECKPOINT_PACKET_LOSS))
			return -EINVAL;
		i = 5;
	}
	for (; i < ARRAY_SIZE(options) && !err; i++)
		err = checkpoint_packet_value(sock, options[i].name, options[i].value);
	return err;
}

static int checkpoint_packet_ring(struct socket *sock, int name,
				  const struct checkpoint_packet_rings *rings,
				  const struct checkpoint_packet_ring *ring)
{
	/* As long as it is for all versions: the others look at its first half. */
	struct tpacket_req3 req = {
		.tp_block_size = ring->block_size,
		.tp_block_nr = ring->block_nr,
		.tp_frame_size = ring->frame_size,
		.tp_frame_nr = ring->frame_nr,
	};

	if (!ring->block_nr)
		return 0;
	if (name == PACKET_RX_RING && rings->version == TPACKET_V3) {
		req.tp_retire_blk_tov = rings->retire;
		req.tp_sizeof_priv = rings->priv;
		req.tp_feature_req_word = rings->features;
	}
	return checkpoint_packet_option(sock, name, &req, sizeof(req));
}

/* Returns the file of a socket, with which that is not closed meanwhile; NULL: it was closed. */
static struct file *checkpoint_packet_file(struct sock *sk)
{
	struct socket *sock;
	struct file *file;

	read_lock_bh(&sk->sk_callback_lock);
	sock = sk->sk_socket;
	file = sock && sock->file ? get_file_active(&sock->file) : NULL;
	read_unlock_bh(&sk->sk_callback_lock);
	return file;
}

/**
 * checkpoint_packet_make_rings() - give a new packet socket its rings
 * @sk: the socket, which has no options yet
 * @rings: what rings
 *
 * As the system calls, with the rights that the caller acts with. May sleep.
 *
 * Return: 0, or an errno: -EINVAL if there can't be such rings, -ENOMEM if there is no
 * memory for them, -EOPNOTSUPP if packet sockets are a module.
 */
int checkpoint_packet_make_rings(struct sock *sk, const struct checkpoint_packet_rings *rings)
{
	struct file *file = checkpoint_packet_file(sk);
	struct socket *sock;
	int err;

	if (!file)
		return -EBADF;
	sock = sock_from_file(file);
	err = checkpoint_packet_value(sock, PACKET_VERSION, rings->version);
	if (!err)
		err = checkpoint_packet_value(sock, PACKET_RESERVE, rings->reserve);
	if (!err)
		err = checkpoint_packet_value(sock, PACKET_VNET_HDR_SZ, rings->vnet_hdr);
	if (!err)
		err = checkpoint_packet_value(sock, PACKET_TX_HAS_OFF, rings->has_off);
	if (!err)
		err = checkpoint_packet_value(sock, PACKET_LOSS, rings->loss);
	if (!err)
		err = checkpoint_packet_ring(sock, PACKET_RX_RING, rings, &rings->rx);
	if (!err)
		err = checkpoint_packet_ring_stop(sk);
	if (!err)
		err = checkpoint_packet_ring(sock, PACKET_TX_RING, rings, &rings->tx);
	fput(file);
	return err;
}

/**
 * checkpoint_packet_rest() - read where a packet socket is, at one moment
 * @sk: the socket
 * @at: where to
 *
 * What comes later is not in the image. See checkpoint_packet_ring_rest(), too.
 */
void checkpoint_packet_rest(struct sock *sk, struct checkpoint_packet_at *at)
{
	struct packet_sock *po = pkt_sk(sk);

	memset(at, 0, sizeof(*at));
	spin_lock_bh(&sk->sk_receive_queue.lock);
	checkpoint_packet_ring_rest(sk, at);
	at->queued = skb_queue_len(&sk->sk_receive_queue);
	at->packets = po->stats.stats3.tp_packets;
	at->freezes = po->stats.stats3.tp_freeze_q_cnt;
	at->drops = atomic_read(&po->tp_drops);
	spin_unlock_bh(&sk->sk_receive_queue.lock);
}

/**
 * checkpoint_packet_settled() - wait until what was being received before is there
 *
 * tpacket_rcv() fills a frame after it has taken it, without a lock. As packet_set_ring().
 */
void checkpoint_packet_settled(void)
{
	synchronize_net();
}

/*
 * Lets it go on where it was. For the counts: instead of what receives, which adds to
 * them, and PACKET_STATISTICS, which sets them to zero; they may be any.
 */
static int checkpoint_packet_go(struct sock *sk, const struct checkpoint_packet *state,
				const struct checkpoint_packet_at *at)
{
	struct packet_sock *po = pkt_sk(sk);
	int err;

	err = checkpoint_packet_ring_go(sk, at);
	if (err)
		return err;
	spin_lock_bh(&sk->sk_receive_queue.lock);
	po->stats.stats3.tp_packets = at->packets;
	po->stats.stats3.tp_freeze_q_cnt = at->freezes;
	spin_unlock_bh(&sk->sk_receive_queue.lock);
	/* What of its queue was not saved has come before, and was not dropped then. */
	atomic_set(&po->tp_drops, at->drops + state->lost);
	return 0;
}

/* Sets options, joins groups and binds as the system calls do. */
static int checkpoint_packet_settle(struct socket *sock, const struct checkpoint_packet *state,
				    const struct checkpoint_packet_member *members,
				    const struct checkpoint_packet_at *at)
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
	if (!err)
		err = checkpoint_packet_go(sock->sk, state, at);
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
 * @at: where it was
 *
 * As the system calls, with the rights that the caller acts with. From then on
 * it receives. What of its queue was not saved counts as dropped.
 *
 * Return: 0, also if it was closed; or an errno.
 */
int checkpoint_packet_open(struct sock *sk, const struct checkpoint_packet *state,
			   const struct checkpoint_packet_member *members,
			   const struct checkpoint_packet_at *at)
{
	struct file *file = checkpoint_packet_file(sk);
	int err;

	if (!file)
		return 0;
	err = checkpoint_packet_settle(sock_from_file(file), state, members, at);
	/* bind(2) has set it if the device is down: here it may have been told. */
	if (!err)
		WRITE_ONCE(sk->sk_err, state->err ? ENETDOWN : 0);
	fput(file);
	return err;
}

#if !IS_BUILTIN(CONFIG_PACKET)
/* Of their rings only they know, and they may be no module. */
int checkpoint_packet_ring_get(struct sock *sk, struct checkpoint_packet_rings *rings)
{
	return -EOPNOTSUPP;
}

u64 checkpoint_packet_ring_size(struct sock *sk)
{
	return 0;
}

bool checkpoint_packet_ring_pending(struct sock *sk)
{
	return false;
}

void checkpoint_packet_ring_rest(struct sock *sk, struct checkpoint_packet_at *at)
{
}

int checkpoint_packet_ring_read(struct sock *sk, const struct checkpoint_packet_at *at, bool tx,
				u64 offset, void *to, u64 len)
{
	return -EOPNOTSUPP;
}

int checkpoint_packet_ring_write(struct sock *sk, bool tx, u64 offset, const void *from, u64 len)
{
	return -EOPNOTSUPP;
}

int checkpoint_packet_ring_stop(struct sock *sk)
{
	return -EOPNOTSUPP;
}

int checkpoint_packet_ring_go(struct sock *sk, const struct checkpoint_packet_at *at)
{
	return at->rx || at->tx || at->sequence || at->frozen ? -EOPNOTSUPP : 0;
}

int checkpoint_packet_ring_maps(struct sock *sk, struct mm_struct *mm, unsigned long start,
				unsigned long len, u64 offset)
{
	return 0;
}
#endif
