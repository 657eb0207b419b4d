// SPDX-License-Identifier: GPL-2.0
/*
 * Checkpoint/restart: rings of packet sockets (PACKET_RX_RING, PACKET_TX_RING).
 *
 * The kernel goes on to fill a ring while its tasks stand still: packet sockets
 * are not held. So a ring is saved as it was at one moment, that of
 * checkpoint_packet_ring_rest(): what comes later goes into frames or blocks that
 * were the kernel's then, one after the other, which are shown as such.
 */
#include <linux/checkpoint_packet.h>
#include <linux/checkpoint_socket.h>
#include <linux/cleanup.h>
#include <linux/cpumask.h>
#include <linux/errno.h>
#include <linux/hrtimer.h>
#include <linux/if_packet.h>
#include <linux/math.h>
#include <linux/mm.h>
#include <linux/mmap_lock.h>
#include <linux/mutex.h>
#include <linux/pagewalk.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/skbuff.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/vmalloc.h>
#include <net/sock.h>

#include "internal.h"

static struct tpacket_kbdq_core *blocks_of(struct packet_sock *po)
{
	return &po->rx_ring.prb_bdqc;
}

static struct tpacket_block_desc *current_block(struct packet_sock *po)
{
	struct tpacket_kbdq_core *pkc = blocks_of(po);

	return (struct tpacket_block_desc *)pkc->pkbdq[pkc->kactive_blk_num].buffer;
}

static struct packet_ring_buffer *ring_of(struct packet_sock *po, bool tx)
{
	return tx ? &po->tx_ring : &po->rx_ring;
}

static u64 block_size(const struct packet_ring_buffer *rb)
{
	return (u64)rb->pg_vec_pages << PAGE_SHIFT;
}

/* Its bytes, as they are mapped. With po->pg_vec_lock, as for all that follow. */
static u64 ring_size(const struct packet_ring_buffer *rb)
{
	return rb->pg_vec ? rb->pg_vec_len * block_size(rb) : 0;
}

/* What the kernel is to fill next, by its number in the ring: a block of TPACKET_V3, or a frame. */
static unsigned int current_unit(struct packet_sock *po)
{
	return po->tp_version == TPACKET_V3 ? blocks_of(po)->kactive_blk_num : po->rx_ring.head;
}

/* How many there are of these. */
static unsigned int units(struct packet_sock *po)
{
	return po->tp_version == TPACKET_V3 ? blocks_of(po)->knum_blocks :
					      po->rx_ring.frame_max + 1;
}

/* Whose that is, TP_STATUS_*. With the lock of the receive queue. */
static unsigned long current_status(struct packet_sock *po)
{
	struct packet_ring_buffer *rb = &po->rx_ring;
	union {
		struct tpacket_hdr *h1;
		struct tpacket2_hdr *h2;
		char *raw;
	} h;

	if (po->tp_version == TPACKET_V3)
		return READ_ONCE(current_block(po)->hdr.bh1.block_status);
	h.raw = rb->pg_vec[rb->head / rb->frames_per_block].buffer +
		rb->head % rb->frames_per_block * rb->frame_size;
	return po->tp_version == TPACKET_V1 ? READ_ONCE(h.h1->tp_status) :
					      READ_ONCE(h.h2->tp_status);
}

/*
 * Whether tasks, or who fills it now, have what the kernel is to fill next. With the lock of the
 * receive queue.
 */
static bool is_full(struct packet_sock *po)
{
	if (po->tp_version == TPACKET_V3)
		return current_status(po) & TP_STATUS_USER;
	return current_status(po) != TP_STATUS_KERNEL ||
	       test_bit(po->rx_ring.head, po->rx_ring.rx_owner_map);
}

/**
 * checkpoint_packet_ring_get() - read what rings a packet socket has
 * @sk: the socket
 * @rings: where to
 *
 * The tasks, which alone change that, stand still.
 *
 * Return: 0; -EINTR if the caller was killed.
 */
int checkpoint_packet_ring_get(struct sock *sk, struct checkpoint_packet_rings *rings)
{
	struct packet_sock *po = pkt_sk(sk);
	int i;

	memset(rings, 0, sizeof(*rings));
	if (mutex_lock_killable(&po->pg_vec_lock))
		return -EINTR;
	for (i = 0; i < 2; i++) {
		const struct packet_ring_buffer *rb = ring_of(po, i);
		struct checkpoint_packet_ring *ring = i ? &rings->tx : &rings->rx;

		if (!rb->pg_vec)
			continue;
		ring->block_size = block_size(rb);
		ring->block_nr = rb->pg_vec_len;
		ring->frame_size = rb->frame_size;
		ring->frame_nr = rb->frame_max + 1;
	}
	if (po->rx_ring.pg_vec && po->tp_version == TPACKET_V3) {
		rings->retire = ktime_to_ms(blocks_of(po)->interval_ktime);
		rings->priv = blocks_of(po)->blk_sizeof_priv;
		rings->features = blocks_of(po)->feature_req_word;
	}
	mutex_unlock(&po->pg_vec_lock);
	rings->version = po->tp_version;
	rings->reserve = po->tp_reserve;
	rings->vnet_hdr = po->vnet_hdr_sz;
	rings->has_off = packet_sock_flag(po, PACKET_SOCK_TX_HAS_OFF);
	rings->loss = packet_sock_flag(po, PACKET_SOCK_TP_LOSS);
	return 0;
}

/**
 * checkpoint_packet_ring_size() - tell how long a mapping of the rings of a packet socket is
 * @sk: the socket
 *
 * Return: bytes of both rings; 0: it has none, or the caller was killed.
 */
u64 checkpoint_packet_ring_size(struct sock *sk)
{
	struct packet_sock *po = pkt_sk(sk);
	u64 size;

	if (mutex_lock_killable(&po->pg_vec_lock))
		return 0;
	size = ring_size(&po->rx_ring) + ring_size(&po->tx_ring);
	mutex_unlock(&po->pg_vec_lock);
	return size;
}

/**
 * checkpoint_packet_ring_pending() - tell whether frames of a ring are on their way
 * @sk: the socket
 *
 * Return: whether somebody still reads frames of its ring that it has sent.
 */
bool checkpoint_packet_ring_pending(struct sock *sk)
{
	unsigned int __percpu *pending = pkt_sk(sk)->tx_ring.pending_refcnt;
	unsigned int count = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		count += READ_ONCE(*per_cpu_ptr(pending, cpu));
	/* tpacket_ubuf_complete() has set the status of the frame before. */
	smp_rmb();
	return count;
}

/**
 * checkpoint_packet_ring_rest() - bring the rings of a packet socket to rest
 * @sk: the socket, the lock of whose receive queue is held
 * @at: where to put where they are
 *
 * A block of TPACKET_V3 that has packets is given to its tasks, as its timer would
 * do. So what is saved ends with a block, and the next one is still empty.
 */
void checkpoint_packet_ring_rest(struct sock *sk, struct checkpoint_packet_at *at)
{
	struct packet_sock *po = pkt_sk(sk);
	struct tpacket_kbdq_core *pkc = blocks_of(po);

	if (po->tx_ring.pg_vec)
		at->tx = READ_ONCE(po->tx_ring.head);
	if (!po->rx_ring.pg_vec)
		return;
	if (po->tp_version == TPACKET_V3) {
		if (!pkc->reset_pending_on_curr_blk &&
		    current_block(po)->hdr.bh1.num_pkts) {
			/* As prb_retire_rx_blk_timer_expired(): what is copied must be there. */
			write_lock(&pkc->blk_fill_in_prog_lock);
			write_unlock(&pkc->blk_fill_in_prog_lock);
			prb_retire_current_block(pkc, po, TP_STATUS_BLK_TMO);
			prb_dispatch_next_block(pkc, po);
		}
		at->frozen = pkc->reset_pending_on_curr_blk;
		at->sequence = pkc->knxt_seq_num;
	}
	at->rx = current_unit(po);
	at->full = is_full(po);
}

/*
 * How many frames or blocks the kernel has filled since the ring was brought to
 * rest, and may have given to the tasks: those from @at->rx on. It is none that was
 * theirs, as they stand still. Once round it is all: the first one is theirs then, or is
 * still being filled while others are that came later.
 */
static unsigned int arrived(struct packet_sock *po, const struct checkpoint_packet_at *at)
{
	unsigned int now, count = units(po);

	if (at->full)
		return 0;
	guard(spinlock_bh)(&po->sk.sk_receive_queue.lock);
	now = current_unit(po);
	if (now != at->rx)
		return (now + count - at->rx) % count;
	return is_full(po) ? count : 0;
}

/* Where the status of a frame, or of a block of TPACKET_V3, is in a ring that receives. */
struct layout {
	u64 unit;		/* bytes of one */
	unsigned int in_block;	/* how many there are in a block */
	unsigned int at;	/* place of the status in it */
	unsigned int width;	/* bytes of that */
};

static struct layout layout_of(struct packet_sock *po)
{
	const struct packet_ring_buffer *rb = &po->rx_ring;

	if (po->tp_version == TPACKET_V3)
		return (struct layout){
			.unit = block_size(rb),
			.in_block = 1,
			.at = offsetof(struct tpacket_block_desc, hdr.bh1.block_status),
			.width = sizeof_field(struct tpacket_hdr_v1, block_status),
		};
	return (struct layout){
		.unit = rb->frame_size,
		.in_block = rb->frames_per_block,
		.width = po->tp_version == TPACKET_V1 ?
			 sizeof_field(struct tpacket_hdr, tp_status) :
			 sizeof_field(struct tpacket2_hdr, tp_status),
	};
}

/*
 * Makes @len bytes of a ring that receives, from @offset on, what they were when it was
 * brought to rest. Both are multiples of the size of a page, so that no status lies in
 * two. They were copied before: what they have of later frames is among those that are
 * looked for here.
 */
static void back_to_rest(struct packet_sock *po, const struct checkpoint_packet_at *at,
			 u64 offset, char *bytes, u64 len)
{
	const struct layout l = layout_of(po);
	unsigned int run = arrived(po, at), count = units(po), i, unit;
	u64 size = block_size(&po->rx_ring), block, base, pos;

	for (block = offset / size; run && block * size < offset + len; block++) {
		base = block * size + l.at;
		i = offset > base ? DIV_ROUND_UP_ULL(offset - base, l.unit) : 0;
		for (; i < l.in_block; i++) {
			pos = base + i * l.unit;
			if (pos >= offset + len)
				break;
			unit = block * l.in_block + i;
			if ((unit + count - at->rx) % count < run)
				memset(bytes + (pos - offset), TP_STATUS_KERNEL, l.width);
		}
	}
}

/* Copies @len bytes at @offset of a ring, which has them, or to there. */
static void copy_bytes(struct packet_ring_buffer *rb, u64 offset, char *bytes, u64 len, bool in)
{
	u64 size = block_size(rb);

	while (len) {
		char *there = rb->pg_vec[offset / size].buffer + offset % size;
		u64 n = min(len, size - offset % size);

		if (in)
			memcpy(there, bytes, n);
		else
			memcpy(bytes, there, n);
		offset += n;
		bytes += n;
		len -= n;
	}
}

/**
 * checkpoint_packet_ring_read() - read what a ring had when it was brought to rest
 * @sk: the socket
 * @at: of checkpoint_packet_ring_rest(); who was filling a frame then has done so since
 * @tx: of the ring that sends, else of that which receives
 * @offset: from where on, a multiple of the size of a page
 * @to: where to
 * @len: how many bytes, as well
 *
 * Return: 0; -EINVAL if it is not so long, -EINTR if the caller was killed.
 */
int checkpoint_packet_ring_read(struct sock *sk, const struct checkpoint_packet_at *at, bool tx,
				u64 offset, void *to, u64 len)
{
	struct packet_sock *po = pkt_sk(sk);
	struct packet_ring_buffer *rb = ring_of(po, tx);
	u64 size;

	if (mutex_lock_killable(&po->pg_vec_lock))
		return -EINTR;
	size = ring_size(rb);
	if (offset < size && len <= size - offset && PAGE_ALIGNED(offset) && PAGE_ALIGNED(len)) {
		copy_bytes(rb, offset, to, len, false);
		if (!tx)
			back_to_rest(po, at, offset, to, len);
	} else {
		size = 0;
	}
	mutex_unlock(&po->pg_vec_lock);
	return size ? 0 : -EINVAL;
}

/**
 * checkpoint_packet_ring_write() - write to a ring
 * @sk: the socket, which is not bound yet, and whose ring was stopped
 * @tx: to the ring that sends, else to that which receives
 * @offset: where to
 * @from: the bytes
 * @len: how many
 *
 * As its tasks could, to whom it is mapped.
 *
 * Return: 0; -EINVAL if it is not so long, -EINTR if the caller was killed.
 */
int checkpoint_packet_ring_write(struct sock *sk, bool tx, u64 offset, const void *from, u64 len)
{
	struct packet_sock *po = pkt_sk(sk);
	struct packet_ring_buffer *rb = ring_of(po, tx);
	u64 size;

	if (sk->sk_family != AF_PACKET)
		return -EINVAL;
	if (mutex_lock_killable(&po->pg_vec_lock))
		return -EINTR;
	size = ring_size(rb);
	if (offset < size && len <= size - offset)
		copy_bytes(rb, offset, (char *)from, len, true);
	else
		size = 0;
	mutex_unlock(&po->pg_vec_lock);
	return size ? 0 : -EINVAL;
}

/**
 * checkpoint_packet_ring_stop() - keep the timer of a new ring from giving blocks away
 * @sk: the socket, which is not bound yet
 *
 * Until checkpoint_packet_ring_go() its first block may seem to have packets. That was
 * opened as it was made: it is emptied, as what was zero is not in an image.
 *
 * Return: 0; -EINTR if the caller was killed.
 */
int checkpoint_packet_ring_stop(struct sock *sk)
{
	struct packet_sock *po = pkt_sk(sk);
	int err;

	/* With it packet_set_ring() makes a timer, and ends it. */
	err = checkpoint_sock_lock(sk);
	if (err)
		return err;
	if (po->rx_ring.pg_vec && po->tp_version == TPACKET_V3) {
		hrtimer_cancel(&blocks_of(po)->retire_blk_timer);
		memset(current_block(po), 0, sizeof(*current_block(po)));
	}
	release_sock(sk);
	return 0;
}

/**
 * checkpoint_packet_ring_go() - let rings go on where they were
 * @sk: the socket, which is not bound yet
 * @at: where that is
 *
 * Instead of packet_increment_head(), prb_close_block() and prb_freeze_queue(), which
 * keep within the ring by counting round it.
 *
 * Return: 0; -EINVAL if there is no such place, -EINTR if the caller was killed.
 */
int checkpoint_packet_ring_go(struct sock *sk, const struct checkpoint_packet_at *at)
{
	struct packet_sock *po = pkt_sk(sk);
	struct tpacket_kbdq_core *pkc = blocks_of(po);
	bool rx, v3;

	if (mutex_lock_killable(&po->pg_vec_lock))
		return -EINTR;
	rx = po->rx_ring.pg_vec;
	v3 = rx && po->tp_version == TPACKET_V3;
	if (at->rx >= (rx ? units(po) : 1) ||
	    at->tx > (po->tx_ring.pg_vec ? po->tx_ring.frame_max : 0) ||
	    v3 != !!at->sequence || (at->frozen && !v3)) {
		mutex_unlock(&po->pg_vec_lock);
		return -EINVAL;
	}
	spin_lock_bh(&sk->sk_receive_queue.lock);
	if (v3) {
		pkc->kactive_blk_num = at->rx;
		if (at->frozen) {
			/* Whoever finds the block free opens it, which sets all else. */
			pkc->knxt_seq_num = at->sequence;
			pkc->reset_pending_on_curr_blk = 1;
		} else {
			/* It was open, and empty. */
			pkc->knxt_seq_num = at->sequence - 1;
			prb_open_block(pkc, current_block(po));
		}
	} else if (rx) {
		po->rx_ring.head = at->rx;
	}
	spin_unlock_bh(&sk->sk_receive_queue.lock);
	if (po->tx_ring.pg_vec) {
		spin_lock_bh(&sk->sk_write_queue.lock);
		po->tx_ring.head = at->tx;
		spin_unlock_bh(&sk->sk_write_queue.lock);
	}
	if (v3)
		hrtimer_start(&pkc->retire_blk_timer, pkc->interval_ktime,
			      HRTIMER_MODE_REL_SOFT);
	mutex_unlock(&po->pg_vec_lock);
	return 0;
}

/* The page at @offset of what is mapped of a packet socket: first what receives. */
static struct page *page_at(struct packet_sock *po, u64 offset)
{
	int i;

	for (i = 0; i < 2; i++) {
		struct packet_ring_buffer *rb = ring_of(po, i);
		u64 size = ring_size(rb), block = block_size(rb);

		if (offset < size) {
			void *addr = rb->pg_vec[offset / block].buffer + offset % block;

			return is_vmalloc_addr(addr) ? vmalloc_to_page(addr) : virt_to_page(addr);
		}
		offset -= size;
	}
	return NULL;
}

/**
 * checkpoint_packet_ring_maps() - is all of a mapping memory of the rings of a packet socket?
 * @sk: the socket that is mapped
 * @mm: the address space, which has users
 * @start: address of the mapping
 * @len: its length
 * @offset: where in the rings it begins
 *
 * Pages can be taken out of it (MADV_DONTNEED), and a mapping can become longer than the
 * rings (mremap(2)): who touches what is not there is killed.
 *
 * Return: 1: it is; 0: it is not; -EINTR: SIGKILL came.
 */
int checkpoint_packet_ring_maps(struct sock *sk, struct mm_struct *mm, unsigned long start,
				unsigned long len, u64 offset)
{
	struct packet_sock *po = pkt_sk(sk);
	struct vm_area_struct *vma;
	struct folio_walk fw;
	unsigned long pos;
	int ret;

	ret = mmap_read_lock_killable(mm);
	if (ret)
		return ret;
	/* In the order of packet_mmap(). */
	ret = mutex_lock_killable(&po->pg_vec_lock);
	if (ret)
		goto out;
	vma = vma_lookup(mm, start);
	ret = vma && vma->vm_end - start >= len;
	for (pos = 0; pos < len && ret > 0; pos += PAGE_SIZE) {
		struct page *page = page_at(po, offset + pos);

		if (!page || !folio_walk_start(&fw, vma, start + pos, 0)) {
			ret = 0;
			break;
		}
		ret = fw.page == page;
		folio_walk_end(&fw, vma);
		if (fatal_signal_pending(current))
			ret = -EINTR;
		cond_resched();
	}
	mutex_unlock(&po->pg_vec_lock);
out:
	mmap_read_unlock(mm);
	return ret;
}
