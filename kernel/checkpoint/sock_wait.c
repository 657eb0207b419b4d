// SPDX-License-Identifier: GPL-2.0
/*
 * Calls of sockets that wait with a limit, and go on with what is left of it when
 * only the freezer has interrupted them: include/linux/checkpoint_sock_wait.h.
 */
#include <linux/checkpoint_filter.h>
#include <linux/checkpoint_sock_wait.h>
#include <linux/compat.h>
#include <linux/export.h>
#include <linux/file.h>
#include <linux/in.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/minmax.h>
#include <linux/net.h>
#include <linux/ptrace.h>
#include <linux/restart_block.h>
#include <linux/sched.h>
#include <linux/sched/task_stack.h>
#include <linux/seccomp.h>
#include <linux/thread_info.h>
#include <linux/timekeeping.h>
#include <net/sock.h>
#include <asm/syscall.h>
#include <asm/unistd.h>

/**
 * checkpoint_sock_interrupted() - note when a wait would have been over
 * @timeo: how much of it is left, in jiffies
 *
 * By the task that waits, as sock_intr_errno(): nothing else knows that time. Who
 * asks for the result does not always return it: so the number of switches tells
 * whether what is noted is of the call that the task returns from.
 */
void checkpoint_sock_interrupted(long timeo)
{
	ktime_t now = ktime_get();

	if (timeo == MAX_SCHEDULE_TIMEOUT) {
		current->sock_wait.end = 0;
		return;
	}
	/* One that goes on has its end: what is left in ticks would be more each time. */
	if (current->sock_wait.until)
		current->sock_wait.end = current->sock_wait.until;
	else if (timeo / HZ >= KTIME_SEC_MAX / 2)
		current->sock_wait.end = KTIME_MAX;
	else
		current->sock_wait.end = ktime_add_safe(now, jiffies64_to_nsecs(timeo));
	current->sock_wait.switches = current->nvcsw;
}
EXPORT_SYMBOL(checkpoint_sock_interrupted);

/**
 * checkpoint_sock_left() - for how long a call that goes on may wait
 * @timeo: for how long the socket lets a call wait, in jiffies
 *
 * Return: what is left, 0 if that is over, and not more than @timeo.
 */
long checkpoint_sock_left(long timeo)
{
	s64 left = ktime_sub(current->sock_wait.until, ktime_get());

	if (left <= 0)
		return 0;
	/* Not less than is left. */
	return min_t(u64, timeo, nsecs_to_jiffies64(left) + 1);
}
EXPORT_SYMBOL(checkpoint_sock_left);

/*
 * Families whose waits all ask for what is left of their time. Of those of IP, SCTP and SMC
 * answer a connect(2) that is made again without a wait.
 */
static bool is_of_family(int fd)
{
	const struct sock *sk;
	struct socket *sock;

	CLASS(fd, f)(fd);

	if (fd_empty(f))
		return false;
	sock = sock_from_file(fd_file(f));
	if (!sock || !sock->sk)
		return false;
	sk = sock->sk;
	switch (READ_ONCE(sk->sk_family)) {
	case AF_INET:
	case AF_INET6:
		return sk->sk_type == SOCK_RAW ||
		       (sk->sk_protocol != IPPROTO_SCTP && sk->sk_protocol != IPPROTO_SMC);
	case AF_UNIX:
	case AF_NETLINK:
	case AF_PACKET:
		return true;
	default:
		return false;
	}
}

/*
 * Whether restart_syscall(2) may be called: a filter may end a task with that. Calls of
 * sockets with a limit have never needed it so far.
 */
static bool may_restart(void)
{
#ifdef CONFIG_SECCOMP_FILTER
	int nr = __NR_restart_syscall;

#ifdef CONFIG_COMPAT
#if defined(CONFIG_X86_64)
	if (in_ia32_syscall())
		nr = __NR_ia32_restart_syscall;
#elif defined(CONFIG_ARM64)
	if (is_compat_task())
		nr = __NR_compat32_restart_syscall;
#endif
#endif
	return checkpoint_seccomp_allows(nr);
#else
	return seccomp_mode(&current->seccomp) != SECCOMP_MODE_STRICT;
#endif
}

/**
 * checkpoint_sock_keep() - have a call go on with what is left of its time
 * @nr: its number
 * @first: its first argument, which not all architectures keep
 * @fd: the socket
 *
 * To be called by a task that returns from the call with -EINTR, and was woken
 * only by the freezer. May sleep.
 *
 * Return: whether the call is to end with -ERESTART_RESTARTBLOCK; its restart block
 * is set then.
 */
bool checkpoint_sock_keep(unsigned int nr, unsigned long first, int fd)
{
	struct restart_block *block = &current->restart_block;
	ktime_t end = current->sock_wait.end;

	current->sock_wait.end = 0;
	if (!end || current->sock_wait.switches != current->nvcsw || !is_of_family(fd))
		return false;
	if (!may_restart())
		return false;
	block->sock.nr = nr;
	block->sock.first = first;
	block->sock.end = end;
	set_restart_fn(block, checkpoint_sock_go_on);
	return true;
}

/**
 * checkpoint_sock_go_on() - make a call again that was interrupted
 * @block: the restart block of the current task
 *
 * By restart_syscall(2). All arguments but the first are in the registers still, or
 * what has got there since: a handler, or an image, may have restart_syscall(2) called
 * with others. So the filters of the task are asked of this call, too.
 */
long checkpoint_sock_go_on(struct restart_block *block)
{
	struct pt_regs *regs = current_pt_regs();
	unsigned long args[6];
	long ret;

	/* It may come from an image. */
	if (!checkpoint_is_socket_call(block->sock.nr))
		return -EINTR;
	syscall_get_arguments(current, regs, args);
	args[0] = block->sock.first;
	syscall_set_arguments(current, regs, args);
	syscall_set_nr(current, regs, block->sock.nr);
	current->sock_wait.until = block->sock.end;
	ret = checkpoint_call_of_regs(regs);
	current->sock_wait.until = 0;

	switch (ret) {
	case -EALREADY:
		/* connect(2), which has begun what it finds begun; its time is over. */
		return -EINPROGRESS;
	case -ERESTARTSYS:
	case -ERESTARTNOINTR:
	case -ERESTARTNOHAND:
		/* The number of the call is not in the registers of all architectures. */
		return set_restart_fn(block, checkpoint_sock_go_on);
	default:
		return ret;
	}
}
