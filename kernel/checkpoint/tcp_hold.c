// SPDX-License-Identifier: GPL-2.0
/*
 * TCP: connections whose other end is outside are held while they are saved, so
 * that nothing is acknowledged which the image does not have.
 *
 * The tasks are killed with their connections held, which end without a segment.
 * From then on their addresses are silent (tcp_silence.c).
 */
#include <linux/capability.h>
#include <linux/checkpoint_tcp.h>
#include <linux/checkpoint_tcp_sock.h>
#include <linux/jiffies.h>
#include <linux/minmax.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/snmp.h>
#include <linux/tcp.h>
#include <linux/workqueue.h>
#include <net/inet_connection_sock.h>
#include <net/mptcp.h>
#include <net/net_namespace.h>
#include <net/sock.h>
#include <net/tcp.h>

#include "tcp.h"
#include "tcp_hold.h"

DEFINE_STATIC_KEY_FALSE(checkpoint_tcp_holds);

/* When a socket is looked at again that somebody else had locked, or has still. */
#define CHECKPOINT_TCP_AGAIN	(HZ / 10)

/*
 * How long tasks that are killed may take until what they listen with is closed. If it is not
 * then somebody else has it, too, whom it is for.
 */
#define CHECKPOINT_TCP_DYING	(5 * HZ)

/* Frees a hold whose socket is free of it. */
static void checkpoint_tcp_put(struct checkpoint_tcp_hold *hold)
{
	sock_put(hold->sk);
	static_branch_dec(&checkpoint_tcp_holds);
	kfree(hold->silence);
	kfree(hold);
}

/**
 * checkpoint_tcp_hold() - hold a TCP connection, a socket that is to become one, or one that
 *	listens
 * @sk: the socket
 *
 * What arrives from now on is dropped; what is on its way through the stack may
 * still be taken in until checkpoint_tcp_hold_settle(). Who connects to one that listens
 * is not answered: neither the first segment, nor that which ends the handshake.
 *
 * It takes the right that TCP_REPAIR takes, of the caller: the other end is not
 * told when a connection ends.
 *
 * Return: the hold, or an error pointer: -EPERM if the caller may not, -ENOTCONN
 * if it is none of these any more, -EBUSY if it is held, or under repair, -EINTR if
 * the caller was killed.
 */
struct checkpoint_tcp_hold *checkpoint_tcp_hold(struct sock *sk)
{
	struct checkpoint_tcp_hold *hold;
	int err;

	if (!ns_capable(sock_net(sk)->user_ns, CAP_NET_ADMIN))
		return ERR_PTR(-EPERM);
	hold = kzalloc_obj(*hold, GFP_KERNEL_ACCOUNT);
	if (!hold)
		return ERR_PTR(-ENOMEM);
	hold->silence = kzalloc_obj(*hold->silence, GFP_KERNEL_ACCOUNT);
	if (!hold->silence) {
		kfree(hold);
		return ERR_PTR(-ENOMEM);
	}
	static_branch_inc(&checkpoint_tcp_holds);
	err = checkpoint_tcp_lock(sk, NULL);
	if (err)
		goto out;
	if (!((1 << sk->sk_state) & (CHECKPOINT_TCP_KEPT | TCPF_CLOSE | TCPF_LISTEN)))
		err = -ENOTCONN;
	else if (tcp_sk(sk)->repair ||
		 test_and_set_bit(CHECKPOINT_INET_HELD, &inet_sk(sk)->inet_flags))
		err = -EBUSY;
	hold->is_new = sk->sk_state == TCP_CLOSE;
	hold->is_orphan = sock_flag(sk, SOCK_DEAD);
	checkpoint_tcp_unlock(sk);
	if (err)
		goto out;
	sock_hold(sk);
	hold->sk = sk;
	hold->stamp = jiffies;
	return hold;
out:
	static_branch_dec(&checkpoint_tcp_holds);
	kfree(hold->silence);
	kfree(hold);
	return ERR_PTR(err);
}

/**
 * checkpoint_tcp_hold_settle() - wait for what has passed before sockets were held
 *
 * Nothing is taken in any more after that.
 */
void checkpoint_tcp_hold_settle(void)
{
	/* Segments are received in a read-side critical section. */
	synchronize_rcu_expedited();
}

/* The time that passed in the meantime does not count for @sk. */
static void checkpoint_tcp_shift(struct sock *sk, u32 held)
{
	struct inet_connection_sock *icsk = inet_csk(sk);
	struct tcp_sock *tp = tcp_sk(sk);

	tp->rcv_tstamp += held;
	icsk->icsk_ack.lrcvtime += held;
	tp->lsndtime += held;
	if (icsk->icsk_probes_tstamp)
		icsk->icsk_probes_tstamp += held;
	if (tp->retrans_stamp) {
		/* Its clock is finer: of a jiffy that had begun it would be ahead of that. */
		u32 whole = held ? held - 1 : 0;

		tp->retrans_stamp += tp->tcp_usec_ts ? jiffies_to_usecs(whole) :
						       jiffies_to_msecs(whole);
		/* For which 0 is none. */
		tp->retrans_stamp = tp->retrans_stamp ? : 1;
	}
}

/*
 * What was on its way while @sk was held measures that time, and not the way: no round-trip
 * time is taken from it, as of what tcp_sendmsg_locked() takes under TCP_REPAIR. What comes
 * back with an end (tcp_send_fin()) is not marked there.
 */
static void checkpoint_tcp_untime(struct sock *sk)
{
	struct sk_buff *skb;

	skb_rbtree_walk(skb, &sk->tcp_rtx_queue)
		TCP_SKB_CB(skb)->sacked |= TCPCB_REPAIRED;
}

/*
 * For how long the clocks of the socket of @hold have stood still, in jiffies: those of a
 * new one since it was connected (tcp_hints.c).
 */
static u32 checkpoint_tcp_stood(const struct checkpoint_tcp_hold *hold)
{
	const struct sock *sk = hold->sk;

	if (!hold->is_new)
		return jiffies - hold->stamp;
	return sk->sk_state == TCP_SYN_SENT ? 0 : tcp_jiffies32 - tcp_sk(sk)->lsndtime;
}

/*
 * How much the keepalive timer of @sk had left @stood jiffies ago. The other end is asked
 * as soon as it is let go of, and has the time to answer that.
 */
static unsigned long checkpoint_tcp_keepalive_left(const struct sock *sk, u32 stood)
{
	const struct inet_connection_sock *icsk = inet_csk(sk);
	const struct tcp_sock *tp = tcp_sk(sk);
	s32 most = max(keepalive_time_when(tp), keepalive_intvl_when(tp));
	s32 left = (u32)icsk->icsk_keepalive_timer.expires - (tcp_jiffies32 - stood);

	return clamp_t(s32, left, min_t(s32, icsk->icsk_rto, most), most);
}

/*
 * Asks the other end of @sk what it has got, and tells it what has come here, when it is
 * let go of.
 */
static void checkpoint_tcp_ask(struct sock *sk, bool is_new)
{
	struct inet_connection_sock *icsk = inet_csk(sk);

	tcp_send_ack(sk);
	tcp_send_window_probe(sk);
	/* It was sent again, and is once more: tcp_hints.c. */
	if (is_new && icsk->icsk_ca_state == TCP_CA_Loss)
		tcp_xmit_retransmit_queue(sk);
	tcp_push_pending_frames(sk);
	/* The probe is for one state only. */
	if (sk->sk_state != TCP_ESTABLISHED && icsk->icsk_probes_out)
		tcp_write_wakeup(sk, LINUX_MIB_TCPKEEPALIVE);
	/*
	 * There was a window for it after all: as tcp_send_probe0(). The stamp would be left
	 * behind, and the next window that is closed would count from it.
	 */
	if (tcp_sk(sk)->packets_out) {
		icsk->icsk_probes_tstamp = 0;
		/* That of others is of retransmissions. */
		if (is_new)
			icsk->icsk_backoff = 0;
	}
}

/* As checkpoint_tcp_resume(). False: somebody else has locked the socket. */
static bool checkpoint_tcp_try_resume(struct checkpoint_tcp_hold *hold)
{
	struct sock *sk = hold->sk;
	struct tcp_sock *tp = tcp_sk(sk);

	if (!((1 << inet_sk_state_load(sk)) & (TCPF_CLOSE | TCPF_LISTEN)))
		checkpoint_tcp_break_silence(sk);
	if (!checkpoint_tcp_trylock(sk, 0))
		return false;
	tp->repair = 0;
	tp->repair_queue = TCP_NO_QUEUE;
	clear_bit(CHECKPOINT_INET_HELD, &inet_sk(sk)->inet_flags);
	if (!((1 << sk->sk_state) & (TCPF_CLOSE | TCPF_LISTEN))) {
		u32 stood = checkpoint_tcp_stood(hold);

		tcp_mstamp_refresh(tp);
		checkpoint_tcp_shift(sk, stood);
		checkpoint_tcp_untime(sk);
		/*
		 * What it is asked below the other end has a whole timeout for: not what is left
		 * of one since segments were sent, as tcp_rearm_rto() has it after a loss probe.
		 * One that asks for a window may have run out: below that is asked.
		 */
		if (tp->packets_out)
			tcp_reset_xmit_timer(sk, ICSK_TIME_RETRANS, inet_csk(sk)->icsk_rto, true);
		else
			inet_csk_clear_xmit_timer(sk, ICSK_TIME_PROBE0);
		/* One that was closed, and waits for the other end, ends by the same timer. */
		if (sk->sk_state == TCP_FIN_WAIT2 && sock_flag(sk, SOCK_DEAD))
			tcp_reset_keepalive_timer(sk, tcp_fin_time(sk));
		else if (sock_flag(sk, SOCK_KEEPOPEN))
			tcp_reset_keepalive_timer(sk, checkpoint_tcp_keepalive_left(sk, stood));
	}
	/* It may have been closed meanwhile, by who was killed in some other way. */
	if (!((1 << sk->sk_state) & (TCPF_CLOSE | TCPF_LISTEN | TCPF_SYN_SENT)))
		checkpoint_tcp_ask(sk, hold->is_new);
	checkpoint_tcp_unlock(sk);
	checkpoint_tcp_put(hold);
	return true;
}

/* Ends the connection of @sk, which is locked, without a segment. */
static void checkpoint_tcp_end_now(struct sock *sk)
{
	tcp_sk(sk)->repair = 1;
	if (sk_is_mptcp(sk)) {
		checkpoint_tcp_end_subflow(sk);
		return;
	}
	if (sock_flag(sk, SOCK_DEAD)) {
		/* Others had it, and have closed it before it was buried: as tcp_abort(). */
		local_bh_disable();
		bh_lock_sock(sk);
		tcp_done(sk);
		bh_unlock_sock(sk);
		local_bh_enable();
		return;
	}
	/* Others have it: as connect(2) with AF_UNSPEC under TCP_REPAIR. */
	sk->sk_disconnects++;
	sk->sk_prot->disconnect(sk, 0);
}

/*
 * As checkpoint_tcp_bury(). False: the socket is to be looked at again, as somebody
 * else has locked it, or as it is not closed yet.
 */
static bool checkpoint_tcp_try_bury(struct checkpoint_tcp_hold *hold)
{
	struct sock *sk = hold->sk;
	struct tcp_sock *tp = tcp_sk(sk);
	bool is_over = true;

	if (!checkpoint_tcp_trylock(sk, 0))
		return false;
	if (sk->sk_state == TCP_LISTEN) {
		/* Who is let in before the tasks are dead is reset then. */
		is_over = time_after(jiffies, hold->stamp + CHECKPOINT_TCP_DYING);
	} else if (sk->sk_state != TCP_CLOSE) {
		/*
		 * Who has it closes it; one that was closed nobody does, and a subflow stays a
		 * while with what it is of.
		 */
		is_over = hold->is_ending || hold->is_orphan || sk_is_mptcp(sk);
		hold->is_ending = true;
		tp->repair = 1;
		if (is_over)
			checkpoint_tcp_end_now(sk);
	}
	if (is_over) {
		tp->repair = 0;
		tp->repair_queue = TCP_NO_QUEUE;
		clear_bit(CHECKPOINT_INET_BURIED, &inet_sk(sk)->inet_flags);
		clear_bit(CHECKPOINT_INET_HELD, &inet_sk(sk)->inet_flags);
	}
	checkpoint_tcp_unlock(sk);
	if (is_over)
		checkpoint_tcp_put(hold);
	return is_over;
}

/* Holds that have an end, but whose sockets are looked at again; changed under the mutex. */
static LIST_HEAD(checkpoint_tcp_later);
static DEFINE_MUTEX(checkpoint_tcp_later_mutex);

static void checkpoint_tcp_retry(struct work_struct *work);
static DECLARE_DELAYED_WORK(checkpoint_tcp_retrier, checkpoint_tcp_retry);

/*
 * Ends @hold. A task outside that has the socket, too, may hold its lock in the midst
 * of a page fault which user space answers when it likes: nobody waits for that.
 */
static void checkpoint_tcp_let_go(struct checkpoint_tcp_hold *hold)
{
	if (hold->is_buried ? checkpoint_tcp_try_bury(hold) : checkpoint_tcp_try_resume(hold))
		return;
	mutex_lock(&checkpoint_tcp_later_mutex);
	list_add_tail(&hold->list, &checkpoint_tcp_later);
	mutex_unlock(&checkpoint_tcp_later_mutex);
	schedule_delayed_work(&checkpoint_tcp_retrier, CHECKPOINT_TCP_AGAIN);
}

/* Looks again at those that had to wait. */
static void checkpoint_tcp_retry(struct work_struct *work)
{
	struct checkpoint_tcp_hold *hold, *next;
	LIST_HEAD(later);

	mutex_lock(&checkpoint_tcp_later_mutex);
	list_splice_init(&checkpoint_tcp_later, &later);
	mutex_unlock(&checkpoint_tcp_later_mutex);
	list_for_each_entry_safe(hold, next, &later, list)
		checkpoint_tcp_let_go(hold);
}

/**
 * checkpoint_tcp_resume() - let go of a connection, which goes on
 * @hold: the hold, which is gone for the caller
 *
 * Its timers run again; the other end is asked what it has got, and told what
 * has come here. That comes later if somebody else has locked the socket.
 */
void checkpoint_tcp_resume(struct checkpoint_tcp_hold *hold)
{
	hold->is_buried = false;
	checkpoint_tcp_let_go(hold);
}

/**
 * checkpoint_tcp_resume_now() - let go of a connection, which goes on, before it is closed
 * @hold: the hold, which is gone afterwards
 *
 * No file shows the socket: only who looks at all sockets locks it, for a moment. If it
 * were closed while it is still held then the other end would not be told, ever.
 */
void checkpoint_tcp_resume_now(struct checkpoint_tcp_hold *hold)
{
	hold->is_buried = false;
	while (!checkpoint_tcp_try_resume(hold))
		schedule_timeout_uninterruptible(1);
}

/**
 * checkpoint_tcp_bury() - let a connection end without a segment
 * @hold: the hold, which is gone for the caller
 *
 * When it is closed nothing is sent, and for a minute nothing that arrives for it
 * is answered by a reset. It stays held until then. Who has it besides the tasks that
 * are about to be killed gets ECONNABORTED, a moment later. One that listens goes on for
 * them instead.
 */
void checkpoint_tcp_bury(struct checkpoint_tcp_hold *hold)
{
	struct sock *sk = hold->sk;

	hold->is_buried = true;
	/* Who has it locked now may be the last one that closes it, before its turn comes. */
	set_bit(CHECKPOINT_INET_BURIED, &inet_sk(sk)->inet_flags);
	if (!((1 << inet_sk_state_load(sk)) & (TCPF_CLOSE | TCPF_LISTEN)))
		checkpoint_tcp_silence(hold);
	/* How long it was held is for who goes on. */
	hold->stamp = jiffies;
	checkpoint_tcp_let_go(hold);
}

/**
 * checkpoint_tcp_reset() - reset the connection of a socket that is held
 * @hold: the hold, which is gone afterwards
 *
 * The other end is told, as by who closes a socket with data in it. No file shows the socket:
 * only who looks at all sockets locks it, for a moment.
 */
void checkpoint_tcp_reset(struct checkpoint_tcp_hold *hold)
{
	struct sock *sk = hold->sk;

	lock_sock(sk);
	tcp_sk(sk)->repair = 0;
	clear_bit(CHECKPOINT_INET_HELD, &inet_sk(sk)->inet_flags);
	if (sk->sk_state != TCP_CLOSE) {
		checkpoint_tcp_break_silence(sk);
		sk->sk_prot->disconnect(sk, O_NONBLOCK);
	}
	release_sock(sk);
	checkpoint_tcp_put(hold);
}
