/* SPDX-License-Identifier: GPL-2.0 */
/* System V IPC and a POSIX message queue of everything.h, in a namespace of their own. */
#ifndef CKPT_TEST_EVERYTHING_IPC_H
#define CKPT_TEST_EVERYTHING_IPC_H

#include "everything_steps.h"

#include <mqueue.h>
#include <sched.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>

static pid_t e_ipc;

static int e_has_ipc(void *arg)
{
	struct { long type; char text[32]; } message = { .type = 5, .text = E_TEXT };
	struct sembuf up = { .sem_num = 1, .sem_op = 3, .sem_flg = SEM_UNDO };
	struct mq_attr attr = { .mq_maxmsg = 2, .mq_msgsize = sizeof(message.text) };
	int removed, kept, sems, queue;
	char *p, *q;
	mqd_t named;

	CHECK_SYS(unshare(CLONE_NEWIPC));
	removed = CHECK_SYS(shmget(IPC_PRIVATE, CKPT_PAGE, 0600));
	p = shmat(removed, NULL, 0);
	CHECK(p != (void *)-1, "shmat: %s", strerror(errno));
	CHECK_SYS(shmctl(removed, IPC_RMID, NULL));
	strcpy(p, E_TEXT);
	kept = CHECK_SYS(shmget(4711, 1, IPC_CREAT | 0600));
	sems = CHECK_SYS(semget(4712, 2, IPC_CREAT | 0600));
	CHECK_SYS(semop(sems, &up, 1));
	queue = CHECK_SYS(msgget(4713, IPC_CREAT | 0600));
	CHECK_SYS(msgsnd(queue, &message, sizeof(message.text), 0));
	named = mq_open("/everything", O_CREAT | O_EXCL | O_RDWR | O_NONBLOCK, 0600, &attr);
	if (named >= 0)
		CHECK_SYS(mq_send(named, E_TEXT, sizeof(E_TEXT), 6));
	ckpt_step(E_READY);
	ckpt_wait_go();
	CHECK_STREQ(E_TEXT, p);
	CHECK_EQ(kept, shmget(4711, 0, 0));
	q = shmat(kept, NULL, SHM_RDONLY);
	CHECK(q != (void *)-1, "shmat: %s", strerror(errno));
	CHECK_EQ(sems, semget(4712, 0, 0));
	CHECK_EQ(3, semctl(sems, 1, GETVAL));
	CHECK_EQ(queue, msgget(4713, 0));
	memset(&message, 0, sizeof(message));
	CHECK_EQ(sizeof(message.text),
		 msgrcv(queue, &message, sizeof(message.text), 0, IPC_NOWAIT));
	CHECK_EQ(5, message.type);
	CHECK_STREQ(E_TEXT, message.text);
	if (named >= 0) {
		CHECK_EQ(sizeof(E_TEXT),
			 mq_receive(named, message.text, sizeof(message.text), NULL));
		CHECK_STREQ(E_TEXT, message.text);
	}
	return 69;
}

static void e_set_up_ipc(void)
{
	e_ipc = ckpt_fork(e_has_ipc, NULL);
}

static void e_check_ipc(void)
{
	ckpt_wait_exit(e_ipc, 69);
}

#endif
