// SPDX-License-Identifier: GPL-2.0
/* System V message queues of an ipc namespace of its own. */
#include "common.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/ipc.h>
#include <sys/msg.h>

CKPT_FIXTURE

#define OWN	.flags = SC_CONTAINER, .clone_flags = CLONE_NEWIPC
#define KEY	0x434b504d

static struct {
	long type;
	unsigned char text[65536];
} buf;

static int queue(key_t key, int mode)
{
	return CHECK_SYS(msgget(key, IPC_CREAT | IPC_EXCL | mode));
}

static void put(int id, long type, size_t len, int seed)
{
	size_t i;

	buf.type = type;
	for (i = 0; i < len; i++)
		buf.text[i] = seed + i * 7;
	CHECK_SYS(msgsnd(id, &buf, len, IPC_NOWAIT));
}

static void get(int id, long ask, long type, size_t len, int seed)
{
	size_t i;

	memset(&buf, 0, sizeof(buf));
	CHECK_EQ(len, msgrcv(id, &buf, sizeof(buf.text), ask, IPC_NOWAIT));
	CHECK_EQ(type, buf.type);
	for (i = 0; i < len; i++)
		CHECK_EQ((unsigned char)(seed + i * 7), buf.text[i]);
}

static void stat_of(int id, struct msqid_ds *ds)
{
	memset(ds, 0, sizeof(*ds));
	CHECK_SYS(msgctl(id, IPC_STAT, ds));
}

static void same(int id, const struct msqid_ds *before)
{
	struct msqid_ds now;

	stat_of(id, &now);
	CHECK_EQ(before->msg_perm.__key, now.msg_perm.__key);
	CHECK_EQ(before->msg_perm.uid, now.msg_perm.uid);
	CHECK_EQ(before->msg_perm.gid, now.msg_perm.gid);
	CHECK_EQ(before->msg_perm.cuid, now.msg_perm.cuid);
	CHECK_EQ(before->msg_perm.cgid, now.msg_perm.cgid);
	CHECK_EQ(before->msg_perm.mode, now.msg_perm.mode);
	CHECK_EQ(before->msg_perm.__seq, now.msg_perm.__seq);
	CHECK_EQ(before->msg_stime, now.msg_stime);
	CHECK_EQ(before->msg_rtime, now.msg_rtime);
	CHECK_EQ(before->msg_ctime, now.msg_ctime);
	CHECK_EQ(before->msg_cbytes, now.msg_cbytes);
	CHECK_EQ(before->msg_qnum, now.msg_qnum);
	CHECK_EQ(before->msg_qbytes, now.msg_qbytes);
	CHECK_EQ(before->msg_lspid, now.msg_lspid);
	CHECK_EQ(before->msg_lrpid, now.msg_lrpid);
}

static int sends_one(void *arg)
{
	put(*(int *)arg, 9, 10, 9);
	return 0;
}

CKPT_CYCLE(messages, OWN)
{
	int gone = queue(KEY, 0600), id, empty;
	struct msqid_ds before[2];
	pid_t kid;

	CHECK_SYS(msgctl(gone, IPC_RMID, NULL));
	id = queue(KEY, 0640);
	empty = queue(IPC_PRIVATE, 0);
	stat_of(empty, &before[1]);
	before[1].msg_perm.uid = 1234;
	before[1].msg_perm.gid = 4321;
	before[1].msg_qbytes = 40000;
	CHECK_SYS(msgctl(empty, IPC_SET, &before[1]));
	put(id, 5, 0, 0);
	put(id, 1, 1, 1);
	put(id, 7, 8192, 2);
	put(id, 0x7fffffffffffL, 4000, 3);
	put(id, 5, 100, 4);
	get(id, 1, 1, 1, 1);
	kid = ckpt_fork(sends_one, &id);
	ckpt_wait_exit(kid, 0);
	stat_of(id, &before[0]);
	stat_of(empty, &before[1]);
	CHECK_EQ(kid, before[0].msg_lspid);
	CHECK_EQ(5, before[0].msg_qnum);
	ckpt_ready_wait();
	same(id, &before[0]);
	same(empty, &before[1]);
	CHECK_EQ(id, msgget(KEY, 0));
	/* By type, by order, by order of types. */
	get(id, 7, 7, 8192, 2);
	get(id, 0, 5, 0, 0);
	get(id, -8, 5, 100, 4);
	get(id, 0, 0x7fffffffffffL, 4000, 3);
	get(id, 0, 9, 10, 9);
	CHECK(msgrcv(id, &buf, 1, 0, IPC_NOWAIT) == -1 && errno == ENOMSG, "%s", strerror(errno));
	put(id, 1, 8192, 5);
	put(id, 1, 8192, 6);
	CHECK(msgsnd(id, &buf, 1, IPC_NOWAIT) == -1 && errno == EAGAIN, "it is full: %s",
	      strerror(errno));
	CHECK(msgrcv(gone, &buf, 1, 0, IPC_NOWAIT) == -1 && errno == EINVAL, "%s", strerror(errno));
}

static int receives(void *arg)
{
	CHECK_EQ(3, syscall(__NR_msgrcv, *(int *)arg, &buf, sizeof(buf.text), 2, 0));
	CHECK_EQ(2, buf.type);
	return 0;
}

static int sends(void *arg)
{
	buf.type = 3;
	CHECK_SYS(syscall(__NR_msgsnd, *(int *)arg, &buf, 8000, 0));
	return 0;
}

/* One waits for a message, one for room. */
CKPT_CYCLE(sleepers, OWN, .blocked = { BLOCKED(__NR_msgrcv), BLOCKED(__NR_msgsnd) })
{
	int id = queue(KEY, 0600);
	pid_t one, two;

	put(id, 1, 8192, 0);
	put(id, 1, 8000, 1);
	one = ckpt_fork(receives, &id);
	two = ckpt_fork(sends, &id);
	ckpt_ready_wait();
	put(id, 2, 3, 2);
	ckpt_wait_exit(one, 0);
	get(id, 0, 1, 8192, 0);
	ckpt_wait_exit(two, 0);
	get(id, 1, 1, 8000, 1);
	CHECK_EQ(8000, msgrcv(id, &buf, sizeof(buf.text), 3, IPC_NOWAIT));
}

#define LARGE	(20 << 20)

/* More than is read at a time, and more than a queue takes by default. */
CKPT_CYCLE(large, OWN)
{
	int id, fd, n;

	fd = CHECK_SYS(open("/proc/sys/kernel/msgmnb", O_WRONLY | O_CLOEXEC));
	CHECK_EQ(8, write(fd, "30000000", 8));
	CHECK_SYS(close(fd));
	id = queue(KEY, 0600);
	for (n = 0; n < LARGE / 8192; n++)
		put(id, n + 1, 8192, n);
	ckpt_ready_wait();
	for (n = 0; n < LARGE / 8192; n++)
		get(id, 0, n + 1, 8192, n);
	CHECK(msgrcv(id, &buf, 1, 0, IPC_NOWAIT) == -1 && errno == ENOMSG, "%s", strerror(errno));
}

#define MANY	500

CKPT_CYCLE(many, OWN)
{
	int id[MANY], fd, n;

	fd = CHECK_SYS(open("/proc/sys/kernel/msgmni", O_WRONLY | O_CLOEXEC));
	CHECK_EQ(4, write(fd, "1000", 4));
	CHECK_SYS(close(fd));
	for (n = 0; n < MANY; n++) {
		id[n] = queue(KEY + n, 0600);
		put(id[n], 1, n, n);
		put(id[n], 2, 1, n + 1);
	}
	ckpt_ready_wait();
	for (n = 0; n < MANY; n++) {
		CHECK_EQ(id[n], msgget(KEY + n, 0));
		get(id[n], 0, 1, n, n);
		get(id[n], 0, 2, 1, n + 1);
	}
}

TEST_HARNESS_MAIN
