// SPDX-License-Identifier: GPL-2.0
/* System V semaphores of an ipc namespace of its own, and what is undone when a process exits. */
#include "common.h"

#include <sched.h>
#include <signal.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/wait.h>

CKPT_FIXTURE

#define OWN	.flags = SC_CONTAINER, .clone_flags = CLONE_NEWIPC
#define KEY	0x434b5053

union semun {
	int val;
	struct semid_ds *buf;
	unsigned short *array;
};

static int set(key_t key, int nsems, int mode)
{
	return CHECK_SYS(semget(key, nsems, IPC_CREAT | IPC_EXCL | mode));
}

static void op(int id, int n, int by, int flags)
{
	struct sembuf sop = { .sem_num = n, .sem_op = by, .sem_flg = flags };

	CHECK_SYS(semop(id, &sop, 1));
}

static int value(int id, int n)
{
	return CHECK_SYS(semctl(id, n, GETVAL));
}

static void set_value(int id, int n, int to)
{
	union semun arg = { .val = to };

	CHECK_SYS(semctl(id, n, SETVAL, arg));
}

static void stat_of(int id, struct semid_ds *ds)
{
	union semun arg = { .buf = ds };

	memset(ds, 0, sizeof(*ds));
	CHECK_SYS(semctl(id, 0, IPC_STAT, arg));
}

static void same(int id, const struct semid_ds *before)
{
	struct semid_ds now;

	stat_of(id, &now);
	CHECK_EQ(before->sem_perm.__key, now.sem_perm.__key);
	CHECK_EQ(before->sem_perm.uid, now.sem_perm.uid);
	CHECK_EQ(before->sem_perm.gid, now.sem_perm.gid);
	CHECK_EQ(before->sem_perm.cuid, now.sem_perm.cuid);
	CHECK_EQ(before->sem_perm.cgid, now.sem_perm.cgid);
	CHECK_EQ(before->sem_perm.mode, now.sem_perm.mode);
	CHECK_EQ(before->sem_perm.__seq, now.sem_perm.__seq);
	CHECK_EQ(before->sem_nsems, now.sem_nsems);
	CHECK_EQ(before->sem_otime, now.sem_otime);
	CHECK_EQ(before->sem_ctime, now.sem_ctime);
}

static int changes_one(void *arg)
{
	op(*(int *)arg, 2, 7, 0);
	return 0;
}

CKPT_CYCLE(values, OWN)
{
	int gone = set(KEY, 1, 0600), id, other;
	struct semid_ds before[2];
	pid_t kid;

	CHECK_SYS(semctl(gone, 0, IPC_RMID));
	id = set(KEY, 5, 0640);
	other = set(IPC_PRIVATE, 1, 0606);
	set_value(id, 0, 32767);
	op(id, 1, 3, 0);
	kid = ckpt_fork(changes_one, &id);
	ckpt_wait_exit(kid, 0);
	stat_of(id, &before[0]);
	before[0].sem_perm.uid = 1234;
	before[0].sem_perm.gid = 4321;
	CHECK_SYS(semctl(id, 0, IPC_SET, (union semun) { .buf = &before[0] }));
	stat_of(id, &before[0]);
	stat_of(other, &before[1]);
	ckpt_ready_wait();
	same(id, &before[0]);
	same(other, &before[1]);
	CHECK_EQ(id, semget(KEY, 0, 0));
	CHECK_EQ(32767, value(id, 0));
	CHECK_EQ(3, value(id, 1));
	CHECK_EQ(7, value(id, 2));
	CHECK_EQ(0, value(id, 3));
	CHECK_EQ(0, value(other, 0));
	CHECK_EQ(getpid(), semctl(id, 0, GETPID));
	CHECK_EQ(getpid(), semctl(id, 1, GETPID));
	/* It has exited: its pid is still known. */
	CHECK_EQ(kid, semctl(id, 2, GETPID));
	CHECK_EQ(0, semctl(id, 3, GETPID));
	op(id, 1, -3, 0);
	CHECK(semctl(gone, 0, GETVAL) == -1 && errno == EINVAL, "%s", strerror(errno));
}

static int takes_with_undo(void *arg)
{
	op(*(int *)arg, 0, -2, SEM_UNDO);
	op(*(int *)arg, 1, 4, SEM_UNDO);
	ckpt_step(0);
	ckpt_step_wait(1, 1);
	return 0;
}

/* What a process has taken comes back when it exits: those of each by itself. */
CKPT_CYCLE(undo, OWN)
{
	int id = set(KEY, 3, 0600);
	pid_t one, two;

	set_value(id, 0, 10);
	one = ckpt_fork(takes_with_undo, &id);
	two = ckpt_fork(takes_with_undo, &id);
	op(id, 2, 1, SEM_UNDO);
	ckpt_step_wait(0, 2);
	CHECK_EQ(6, value(id, 0));
	CHECK_EQ(8, value(id, 1));
	ckpt_ready_wait();
	CHECK_EQ(6, value(id, 0));
	CHECK_EQ(8, value(id, 1));
	CHECK_EQ(1, value(id, 2));
	CHECK_SYS(kill(one, SIGKILL));
	CHECK_EQ(one, waitpid(one, NULL, 0));
	CHECK_EQ(8, value(id, 0));
	CHECK_EQ(4, value(id, 1));
	ckpt_step(1);
	ckpt_wait_exit(two, 0);
	CHECK_EQ(10, value(id, 0));
	CHECK_EQ(0, value(id, 1));
	CHECK_EQ(1, value(id, 2));
}

static int shares(void *arg)
{
	int id = *(int *)arg;
	pid_t kid;

	kid = sys_clone(CLONE_SYSVSEM | SIGCHLD);
	CHECK_SYS(kid);
	if (!kid) {
		op(id, 0, -3, SEM_UNDO);
		ckpt_step(0);
		ckpt_step_wait(1, 1);
		_exit(0);
	}
	ckpt_step_wait(1, 1);
	ckpt_wait_exit(kid, 0);
	/* The list is ours, too. */
	CHECK_EQ(7, value(id, 0));
	ckpt_step(2);
	ckpt_step_wait(3, 1);
	return 0;
}

/* Who shares a list (CLONE_SYSVSEM): the last to exit has it undone. */
CKPT_CYCLE(shared_undo, OWN)
{
	int id = set(KEY, 1, 0600);
	pid_t kid;

	set_value(id, 0, 10);
	kid = ckpt_fork(shares, &id);
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	CHECK_EQ(7, value(id, 0));
	ckpt_step(1);
	ckpt_step_wait(2, 1);
	CHECK_EQ(7, value(id, 0));
	ckpt_step(3);
	ckpt_wait_exit(kid, 0);
	CHECK_EQ(10, value(id, 0));
}

static int sleeps(void *arg)
{
	struct sembuf sops[2] = {
		{ .sem_num = 0, .sem_op = -1 },
		{ .sem_num = 1, .sem_op = -2, .sem_flg = SEM_UNDO },
	};

	CHECK_SYS(syscall(__NR_semtimedop, *(int *)arg, sops, 2, NULL));
	ckpt_step(1);
	ckpt_step_wait(2, 1);
	return 0;
}

CKPT_CYCLE(sleeper, OWN, .blocked = { BLOCKED(__NR_semtimedop) })
{
	int id = set(KEY, 2, 0600);
	pid_t kid = ckpt_fork(sleeps, &id);

	op(id, 1, 2, 0);
	ckpt_ready_wait();
	CHECK_EQ(2, value(id, 1));
	op(id, 0, 1, 0);
	ckpt_step_wait(1, 1);
	CHECK_EQ(0, value(id, 0));
	CHECK_EQ(0, value(id, 1));
	CHECK_EQ(kid, semctl(id, 0, GETPID));
	ckpt_step(2);
	ckpt_wait_exit(kid, 0);
	CHECK_EQ(2, value(id, 1));
}

#define MANY	10000
#define SETS	1000

static int has_some_of_each(void *arg)
{
	int *id = arg, n;

	for (n = 0; n < SETS; n++)
		op(id[n], n % 3, n, SEM_UNDO);
	ckpt_step(0);
	ckpt_step_wait(1, 1);
	return 0;
}

CKPT_CYCLE(many, OWN)
{
	int big = set(KEY, MANY, 0600), id[SETS], n;
	unsigned short values[MANY];
	pid_t kid;

	for (n = 0; n < MANY; n++)
		values[n] = n;
	CHECK_SYS(semctl(big, 0, SETALL, (union semun) { .array = values }));
	for (n = 0; n < SETS; n++)
		id[n] = set(IPC_PRIVATE, 3, 0600);
	kid = ckpt_fork(has_some_of_each, id);
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	memset(values, 0, sizeof(values));
	CHECK_SYS(semctl(big, 0, GETALL, (union semun) { .array = values }));
	for (n = 0; n < MANY; n++)
		CHECK_EQ(n, values[n]);
	for (n = 0; n < SETS; n++)
		CHECK_EQ(n, value(id[n], n % 3));
	ckpt_step(1);
	ckpt_wait_exit(kid, 0);
	for (n = 0; n < SETS; n++)
		CHECK_EQ(0, value(id[n], n % 3));
}

TEST_HARNESS_MAIN
