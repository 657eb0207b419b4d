// SPDX-License-Identifier: GPL-2.0
/*
 * TCP: holds on connections of tasks that were left frozen, to be killed when their
 * image is safe. They are kept here until that, or until the tasks are thawed instead.
 */
#include <linux/cgroup.h>
#include <linux/checkpoint.h>
#include <linux/checkpoint_tcp_sock.h>
#include <linux/init.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <net/mptcp.h>
#include <net/sock.h>

#include "tcp_hold.h"

/*
 * Holds on connections of tasks that were left frozen: one of each checkpoint, which
 * has the others. Changed under both locks, those that it has under the mutex.
 */
static LIST_HEAD(checkpoint_tcp_left);
static DEFINE_MUTEX(checkpoint_tcp_left_mutex);
/* Taken with css_set_lock held, which is taken in softirq. */
static DEFINE_SPINLOCK(checkpoint_tcp_left_lock);

static void checkpoint_tcp_sweep(struct work_struct *work);
static DECLARE_DELAYED_WORK(checkpoint_tcp_sweeper, checkpoint_tcp_sweep);

/* The tasks have died in another way than their checkpoint has meant. */
static bool checkpoint_tcp_is_dead(const struct checkpoint_tcp_hold *hold)
{
	const struct sock *sk = hold->sk;

	/* A subflow of Multipath TCP has no socket any more then, and is not dead yet. */
	return !hold->is_orphan &&
	       (sock_flag(sk, SOCK_DEAD) || (sk_is_mptcp(sk) && !READ_ONCE(sk->sk_socket)));
}

/* Takes @first, and what it has, out of checkpoint_tcp_left, into @over. */
static void checkpoint_tcp_take_out(struct checkpoint_tcp_hold *first, struct list_head *over)
{
	lockdep_assert_held(&checkpoint_tcp_left_mutex);

	spin_lock_irq(&checkpoint_tcp_left_lock);
	list_del(&first->list);
	spin_unlock_irq(&checkpoint_tcp_left_lock);
	list_splice_tail_init(&first->rest, over);
	list_add_tail(&first->list, over);
}

/* Takes those of @first whose sockets are dead out of checkpoint_tcp_left, into @over. */
static void checkpoint_tcp_take_dead(struct checkpoint_tcp_hold *first, struct list_head *over)
{
	struct checkpoint_tcp_hold *hold, *next;

	lockdep_assert_held(&checkpoint_tcp_left_mutex);

	list_for_each_entry_safe(hold, next, &first->rest, list) {
		if (checkpoint_tcp_is_dead(hold))
			list_move_tail(&hold->list, over);
	}
	if (!checkpoint_tcp_is_dead(first))
		return;
	if (list_empty(&first->rest)) {
		checkpoint_tcp_take_out(first, over);
		return;
	}
	/* Another one takes its place. */
	hold = list_first_entry(&first->rest, struct checkpoint_tcp_hold, list);
	list_del(&hold->list);
	INIT_LIST_HEAD(&hold->rest);
	list_splice_init(&first->rest, &hold->rest);
	spin_lock_irq(&checkpoint_tcp_left_lock);
	hold->is_thawed = first->is_thawed;
	list_replace(&first->list, &hold->list);
	spin_unlock_irq(&checkpoint_tcp_left_lock);
	list_add_tail(&first->list, over);
}

/* Ends holds of tasks that were thawed, or are dead. */
static void checkpoint_tcp_sweep(struct work_struct *work)
{
	struct checkpoint_tcp_hold *hold, *next;
	LIST_HEAD(over);
	bool left;

	mutex_lock(&checkpoint_tcp_left_mutex);
	list_for_each_entry_safe(hold, next, &checkpoint_tcp_left, list) {
		if (READ_ONCE(hold->is_thawed))
			checkpoint_tcp_take_out(hold, &over);
		else
			checkpoint_tcp_take_dead(hold, &over);
	}
	left = !list_empty(&checkpoint_tcp_left);
	mutex_unlock(&checkpoint_tcp_left_mutex);
	list_for_each_entry_safe(hold, next, &over, list)
		checkpoint_tcp_resume(hold);
	if (left)
		schedule_delayed_work(&checkpoint_tcp_sweeper, CHECKPOINT_TCP_SILENCE);
}

/* The hold in checkpoint_tcp_left of those that checkpoint @id has left; NULL: it has none. */
static struct checkpoint_tcp_hold *checkpoint_tcp_left_by(u64 id)
{
	struct checkpoint_tcp_hold *first;

	/* The latest come last. */
	list_for_each_entry_reverse(first, &checkpoint_tcp_left, list) {
		if (first->id == id)
			return first;
	}
	return NULL;
}

/**
 * checkpoint_tcp_leave() - keep the hold on a connection of tasks that are left frozen
 * @hold: the hold, which is gone for the caller
 * @id: the checkpoint
 * @state: what it has of the connection in its image; NULL: it listens
 *
 * Until checkpoint_tcp_end(), or until the tasks are thawed or dead.
 */
void checkpoint_tcp_leave(struct checkpoint_tcp_hold *hold, u64 id,
			  const struct checkpoint_tcp *state)
{
	struct checkpoint_tcp_hold *first;

	hold->id = id;
	if (state)
		hold->was = *state;
	hold->listens = !state;
	INIT_LIST_HEAD(&hold->rest);
	mutex_lock(&checkpoint_tcp_left_mutex);
	first = checkpoint_tcp_left_by(id);
	if (first) {
		list_add_tail(&hold->list, &first->rest);
	} else {
		spin_lock_irq(&checkpoint_tcp_left_lock);
		list_add_tail(&hold->list, &checkpoint_tcp_left);
		spin_unlock_irq(&checkpoint_tcp_left_lock);
	}
	mutex_unlock(&checkpoint_tcp_left_mutex);
	schedule_delayed_work(&checkpoint_tcp_sweeper, CHECKPOINT_TCP_SILENCE);
}

/* How many holds checkpoint @id has left. */
static size_t checkpoint_tcp_count_left(u64 id)
{
	struct checkpoint_tcp_hold *first;
	size_t n = 0;

	mutex_lock(&checkpoint_tcp_left_mutex);
	first = checkpoint_tcp_left_by(id);
	if (first)
		n = list_count_nodes(&first->rest) + 1;
	mutex_unlock(&checkpoint_tcp_left_mutex);
	return n;
}

/*
 * Gets one of the holds that checkpoint @id has left: the first of them, or with @rest
 * the next one. Returns its socket, with a reference, and what it was, or whether it
 * listens; NULL: there is none.
 */
static struct sock *checkpoint_tcp_next_left(u64 id, bool rest, struct checkpoint_tcp *was,
					     bool *listens)
{
	struct checkpoint_tcp_hold *hold;
	struct sock *sk = NULL;

	mutex_lock(&checkpoint_tcp_left_mutex);
	hold = checkpoint_tcp_left_by(id);
	if (hold && rest) {
		struct list_head *all = &hold->rest;

		hold = list_first_entry_or_null(all, struct checkpoint_tcp_hold, list);
		if (hold)
			list_move_tail(&hold->list, all);
	}
	if (hold) {
		sk = hold->sk;
		sock_hold(sk);
		*was = hold->was;
		*listens = hold->listens;
	}
	mutex_unlock(&checkpoint_tcp_left_mutex);
	return sk;
}

/**
 * checkpoint_tcp_left_still() - tell whether connections are as a checkpoint has left them
 * @id: the checkpoint
 * @was: set to what one of them was that is not
 * @family: set to its address family
 *
 * A task outside that has the socket, too, may have used it.  Those that are taken out
 * meanwhile are dead, or their tasks thawed, which the caller finds out.
 *
 * Return: 1: they are, 0: one has changed, or -EINTR if the caller was killed.
 */
int checkpoint_tcp_left_still(u64 id, struct checkpoint_tcp *was, int *family)
{
	size_t n = checkpoint_tcp_count_left(id), i;
	int still = 1;

	for (i = 0; i < n && still > 0; i++) {
		bool listens;
		struct sock *sk = checkpoint_tcp_next_left(id, i, was, &listens);

		if (!sk)
			break;
		*family = sk->sk_family;
		/* Nobody has come to one that listens. */
		still = listens ? 1 : checkpoint_tcp_is_still(sk, was);
		sock_put(sk);
		cond_resched();
	}
	return still;
}

/**
 * checkpoint_tcp_end() - end the holds that a checkpoint has left
 * @id: the checkpoint
 * @bury: the tasks are about to be killed, as checkpoint_tcp_bury(); else the
 *	connections go on
 */
void checkpoint_tcp_end(u64 id, bool bury)
{
	struct checkpoint_tcp_hold *hold, *next;
	LIST_HEAD(over);

	mutex_lock(&checkpoint_tcp_left_mutex);
	hold = checkpoint_tcp_left_by(id);
	if (hold)
		checkpoint_tcp_take_out(hold, &over);
	mutex_unlock(&checkpoint_tcp_left_mutex);
	list_for_each_entry_safe(hold, next, &over, list) {
		if (bury)
			checkpoint_tcp_bury(hold);
		else
			checkpoint_tcp_resume(hold);
	}
}

/**
 * checkpoint_thawed() - tell that tasks may run which a checkpoint has left frozen
 * @id: the checkpoint
 *
 * Their connections go on, a moment later. Called with cgroup_mutex held, and maybe
 * css_set_lock.
 */
void checkpoint_thawed(u64 id)
{
	struct checkpoint_tcp_hold *first;
	unsigned long flags;

	spin_lock_irqsave(&checkpoint_tcp_left_lock, flags);
	first = checkpoint_tcp_left_by(id);
	if (first)
		WRITE_ONCE(first->is_thawed, true);
	spin_unlock_irqrestore(&checkpoint_tcp_left_lock, flags);
	if (first)
		mod_delayed_work(system_percpu_wq, &checkpoint_tcp_sweeper, 0);
}

/*
 * A cgroup is removed whose tasks were killed in another way: nobody thaws it any more.
 * Others may have sockets of theirs.
 */
static int checkpoint_tcp_removed(struct notifier_block *nb, unsigned long action, void *data)
{
	const struct cgroup *cgrp = data;

	if (action == CGROUP_LIFETIME_OFFLINE && cgrp->freezer.left_by)
		checkpoint_thawed(cgrp->freezer.left_by);
	return NOTIFY_OK;
}

static struct notifier_block checkpoint_tcp_remover = {
	.notifier_call = checkpoint_tcp_removed,
};

static int __init checkpoint_tcp_init(void)
{
	return blocking_notifier_chain_register(&cgroup_lifetime_notifier,
						&checkpoint_tcp_remover);
}
core_initcall(checkpoint_tcp_init);
