// SPDX-License-Identifier: GPL-2.0
/*
 * Labels of Smack: given again if that is asked for and the caller may do it, by CAP_MAC_ADMIN or
 * relabel-self; else refused, with the label, the task and what to do.  Rules that the test loads say
 * what the label may do, before and after.
 */
#include "labels.h"

#include <mqueue.h>
#include <sched.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/xattr.h>

#define SMACK_CURRENT	ATTR "smack/current"
#define SMACKFS		"/sys/fs/smackfs/"

#define JOB	"ckpt-job"
#define DATA	"ckpt-data"
#define SECRET	"ckpt-secret"

/* What is not here is denied; the floor is what everything else has. */
static const char * const rules[] = {
	JOB " _ rwxatl", "_ " JOB " rwxatl", JOB " " DATA " rwxat", "_ " DATA " rwxat",
};

static const char *missing(void)
{
	if (!label_is(SMACK_CURRENT, "_"))
		return "no Smack here, or a label already";
	if (!label_fs("smackfs", "/sys/fs/smackfs", SMACKFS "load2"))
		return "no smackfs here";
	return NULL;
}

static int load(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rules); i++)
		if (label_put(SMACKFS "load2", rules[i]))
			return -1;
	return 0;
}

LABELS_FIXTURE(missing, load)

/* The label of what @fd shows, or one of the others that it has, by the end of its name. */
static char *smack_of(int fd, const char *which, char *buf, size_t size)
{
	char name[64];

	snprintf(name, sizeof(name), "security.SMACK64%s", which);
	memset(buf, 0, size);
	CHECK_SYS(fgetxattr(fd, name, buf, size - 1));
	return buf;
}

/* A file with a name, of the label @label: everybody may use it who has that label's. */
static void file_of(const char *path, const char *label)
{
	int fd = CHECK_SYS(open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666));

	CHECK_SYS(fsetxattr(fd, "security.SMACK64", label, strlen(label), 0));
	close(fd);
}

/* What the policy lets the label do, and what not. */
static void check_confined(const char *data, const char *secret)
{
	CHECK(label_is(SMACK_CURRENT, JOB), "another label");
	CHECK(label_opens(data, O_RDWR), "may not write");
	CHECK(!label_opens(secret, O_RDONLY), "may read what only others may");
	CHECK(label_put(SMACK_CURRENT, "_") == -1, "may take another label");
}

#ifndef SCM_SECURITY
#define SCM_SECURITY	0x03
#endif

/* The label that is told with the next message of @fd, which is @text (SO_PASSSEC). */
static char *label_with(int fd, const char *text, char *buf, size_t size)
{
	char control[CMSG_SPACE(256)] = {}, got[16] = "";
	struct iovec iov = { .iov_base = got, .iov_len = sizeof(got) - 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg;

	memset(buf, 0, size);
	CHECK_EQ((long)strlen(text), recvmsg(fd, &msg, MSG_DONTWAIT));
	CHECK_STREQ(text, got);
	cmsg = CMSG_FIRSTHDR(&msg);
	CHECK(cmsg && cmsg->cmsg_level == SOL_SOCKET && cmsg->cmsg_type == SCM_SECURITY, "no label");
	CHECK(cmsg->cmsg_len - CMSG_LEN(0) < size, "a label of %zu bytes", (size_t)cmsg->cmsg_len);
	memcpy(buf, CMSG_DATA(cmsg), cmsg->cmsg_len - CMSG_LEN(0));
	return buf;
}

/* Opens what is at @path with @flags, gives it the label DATA, and removes it. */
static int removed_of(const char *path, int flags)
{
	int fd;

	CHECK_SYS(lsetxattr(path, "security.SMACK64", DATA, strlen(DATA), 0));
	fd = CHECK_SYS(open(path, flags | O_CLOEXEC));
	CHECK_SYS(flags & O_DIRECTORY ? rmdir(path) : unlink(path));
	return fd;
}

/* That what @fd shows, maybe as a path only, has the label DATA. */
static void is_data(int fd)
{
	char path[64], buf[256] = "";

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	CHECK_SYS(getxattr(path, "security.SMACK64", buf, sizeof(buf) - 1));
	CHECK_STREQ(DATA, buf);
}

static int labelled(void *arg)
{
	char data[256], secret[256], of_memfd[256], of_socket[256], buf[256], above[256];
	int memfd, pair[2], chosen, removed[5], one = 1;
	unsigned int i;

	file_of(ckpt_path(data, sizeof(data), "data"), DATA);
	file_of(ckpt_path(secret, sizeof(secret), "secret"), SECRET);
	CHECK_EQ(0, label_put(SMACK_CURRENT, JOB));
	memfd = CHECK_SYS(memfd_create("labelled", 0));
	chosen = CHECK_SYS(memfd_create("of another", 0));
	CHECK_SYS(fsetxattr(chosen, "security.SMACK64", DATA, strlen(DATA), 0));
	/*
	 * A socket itself has the label of who makes it, and others for what it receives and
	 * sends. A stream tells that of a message only with SO_PASSCRED.
	 */
	CHECK_SYS(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair));
	CHECK(fsetxattr(pair[1], "security.SMACK64", DATA, strlen(DATA), 0) == -1,
	      "a socket takes a label");
	CHECK_SYS(fsetxattr(pair[1], "security.SMACK64IPIN", "ckpt-in", 7, 0));
	CHECK_SYS(fsetxattr(pair[1], "security.SMACK64IPOUT", "ckpt-out", 8, 0));
	/* A message has the one that its sender gives to what it sends. */
	CHECK_SYS(setsockopt(pair[0], SOL_SOCKET, SO_PASSSEC, &one, sizeof(one)));
	CHECK_EQ(4, send(pair[1], "sent", 4, MSG_NOSIGNAL));
	/* What was removed is made anew: a directory, an end of a FIFO, paths of that and of a link. */
	CHECK_SYS(mkdir(ckpt_path(buf, sizeof(buf), "dir"), 0700));
	removed[0] = removed_of(buf, O_DIRECTORY);
	CHECK_SYS(mkfifo(ckpt_path(buf, sizeof(buf), "fifo"), 0600));
	removed[1] = removed_of(buf, O_RDWR);
	CHECK_SYS(mkfifo(ckpt_path(buf, sizeof(buf), "fifo"), 0600));
	removed[2] = removed_of(buf, O_PATH);
	CHECK_SYS(symlink("nowhere", ckpt_path(buf, sizeof(buf), "link")));
	removed[3] = removed_of(buf, O_PATH | O_NOFOLLOW);
	/* What is made where it was gets more labels by now. */
	CHECK_SYS(mkdir(ckpt_path(above, sizeof(above), "above"), 0777));
	CHECK_SYS(mkdir(ckpt_path(buf, sizeof(buf), "above/dir"), 0700));
	removed[4] = removed_of(buf, O_DIRECTORY);
	CHECK_SYS(setxattr(above, "security.SMACK64", DATA, strlen(DATA), 0));
	CHECK_SYS(setxattr(above, "security.SMACK64TRANSMUTE", "TRUE", 4, 0));
	smack_of(memfd, "", of_memfd, sizeof(of_memfd));
	smack_of(pair[0], "", of_socket, sizeof(of_socket));
	CHECK_EQ(0, lose_cap(CAP_MAC_ADMIN));
	CHECK_EQ(0, lose_cap(CAP_MAC_OVERRIDE));
	check_confined(data, secret);
	ckpt_step(0);
	ckpt_wait_go();
	check_confined(data, secret);
	CHECK_STREQ(of_memfd, smack_of(memfd, "", buf, sizeof(buf)));
	CHECK_STREQ(DATA, smack_of(chosen, "", buf, sizeof(buf)));
	for (i = 0; i < ARRAY_SIZE(removed); i++)
		is_data(removed[i]);
	CHECK(fgetxattr(removed[4], "security.SMACK64TRANSMUTE", buf, sizeof(buf)) <= 0,
	      "it gives its label to what is made there");
	CHECK_STREQ(of_socket, smack_of(pair[0], "", buf, sizeof(buf)));
	CHECK_STREQ(of_socket, smack_of(pair[1], "", buf, sizeof(buf)));
	CHECK_STREQ("ckpt-in", smack_of(pair[1], "IPIN", buf, sizeof(buf)));
	CHECK_STREQ("ckpt-out", smack_of(pair[1], "IPOUT", buf, sizeof(buf)));
	CHECK_STREQ("ckpt-out", label_with(pair[0], "sent", buf, sizeof(buf)));
	return 0;
}

CKPT_SCENARIO(smack_tree)
{
	pid_t pid = ckpt_fork(labelled, NULL);

	ckpt_step_wait(0, 1);
	CHECK_EQ(0, lose_cap(CAP_MAC_ADMIN));
	ckpt_ready_wait();
	CHECK(label_is(SMACK_CURRENT, "_"), "root has another label");
	ckpt_wait_exit(pid, 0);
}

TEST_F_TIMEOUT(labels, tree, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, save(&smack_tree, variant->container));
	ASSERT_EQ(0, refused(0, EACCES,
			     "had the security label \"" JOB "\" (Smack), the caller has \"_\""));
	ASSERT_EQ(0, kept());
}

static int without_right(void)
{
	return lose_cap(CAP_MAC_ADMIN) ||
	       refused(RESTART_KEEP_LSM, EPERM, "can't have the security label \"" JOB
		       "\" (Smack): the caller needs CAP_MAC_ADMIN");
}

TEST_F_TIMEOUT(labels, denied, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, save(&smack_tree, variant->container));
	ASSERT_EQ(0, in_child(without_right));
	ASSERT_EQ(0, kept());
}

/* The label alone: files of others take CAP_MAC_ADMIN. */
static int only_labelled(void *arg)
{
	CHECK_EQ(0, label_put(SMACK_CURRENT, JOB));
	CHECK_EQ(0, lose_cap(CAP_MAC_ADMIN));
	ckpt_step(0);
	ckpt_wait_go();
	CHECK(label_is(SMACK_CURRENT, JOB), "another label");
	CHECK(label_put(SMACK_CURRENT, "ckpt-other") == -1, "may take another label");
	return 0;
}

CKPT_SCENARIO(smack_label_alone)
{
	pid_t pid = ckpt_fork(only_labelled, NULL);

	ckpt_step_wait(0, 1);
	CHECK_EQ(0, lose_cap(CAP_MAC_ADMIN));
	ckpt_ready_wait();
	ckpt_wait_exit(pid, 0);
}

/* Who has the label in relabel-self needs no capability, and hands that right to nobody. */
static int with_relabel_self(void)
{
	return label_put(SMACKFS "relabel-self", JOB " ckpt-other") ||
	       lose_cap(CAP_MAC_ADMIN) || restarted(RESTART_KEEP_LSM);
}

TEST_F_TIMEOUT(labels, relabel_self, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, save(&smack_label_alone, variant->container));
	ASSERT_EQ(0, in_child(with_relabel_self));
}

/* Asked for, tasks get the label of the caller, and the log says so. */
CKPT_SCENARIO(smack_lost)
{
	CHECK_EQ(0, label_put(SMACK_CURRENT, JOB));
	ckpt_ready_wait();
	CHECK(label_is(SMACK_CURRENT, "_"), "not the label of the caller");
}

TEST_F_TIMEOUT(labels, of_caller, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, save(&smack_lost, variant->container));
	ASSERT_EQ(0, ckpt_run_restart(&run, first, RESTART_CALLER_CONFINEMENT));
	EXPECT_TRUE(ckpt_run_log_has(&run, "note: confinement: the tasks had the security label \""
				     JOB "\" (Smack); in its place is that of the caller, \"_\""));
	ASSERT_EQ(0, ckpt_run_go(&run));
	ASSERT_EQ(0, ckpt_run_finish(&run));
}

/* What is in an ipc namespace has the label of its tasks: others may not write to it. */
CKPT_SCENARIO(smack_ipc, .flags = SC_CONTAINER, .clone_flags = CLONE_NEWIPC)
{
	struct sembuf up = { .sem_op = 1 };
	int id;

	CHECK_EQ(0, label_put(SMACK_CURRENT, JOB));
	id = CHECK_SYS(semget(IPC_PRIVATE, 1, 0666));
	CHECK_SYS(prctl(PR_CAPBSET_DROP, CAP_MAC_OVERRIDE));
	CHECK_SYS(setresuid(1000, 1000, 1000));
	CHECK_SYS(semop(id, &up, 1));
	ckpt_ready_wait();
	CHECK(label_is(SMACK_CURRENT, JOB), "another label");
	CHECK_SYS(semop(id, &up, 1));
	CHECK_EQ(2, semctl(id, 0, GETVAL));
}

TEST_F_TIMEOUT(labels, ipc, CKPT_TIMEOUT)
{
	if (!variant->container)
		SKIP(return, "only makes sense in a container");
	ASSERT_EQ(0, save(&smack_ipc, true));
	ASSERT_EQ(0, kept());
}

/* A POSIX message queue has a label that can be chosen, and that is not the one of its tasks. */
CKPT_SCENARIO(smack_queue, .flags = SC_CONTAINER, .clone_flags = CLONE_NEWIPC)
{
	struct mq_attr attr = { .mq_maxmsg = 2, .mq_msgsize = 8 };
	char buf[256], text[8] = "";
	mqd_t queue;

	CHECK_EQ(0, label_put(SMACK_CURRENT, JOB));
	queue = CHECK_SYS(mq_open("/labelled", O_RDWR | O_CREAT | O_EXCL, 0600, &attr));
	CHECK_SYS(fsetxattr(queue, "security.SMACK64", DATA, strlen(DATA), 0));
	CHECK_SYS(mq_send(queue, "sent", 5, 1));
	ckpt_ready_wait();
	CHECK(label_is(SMACK_CURRENT, JOB), "another label");
	CHECK_STREQ(DATA, smack_of(queue, "", buf, sizeof(buf)));
	CHECK_EQ(5, mq_receive(queue, text, sizeof(text), NULL));
	CHECK_STREQ("sent", text);
}

TEST_F_TIMEOUT(labels, queue, CKPT_TIMEOUT)
{
	if (!variant->container)
		SKIP(return, "only makes sense in a container");
	ASSERT_EQ(0, save(&smack_queue, true));
	ASSERT_EQ(0, kept());
}

/* The sender gives another label to what it sends, after it has sent something. */
CKPT_SCENARIO(smack_sent_before)
{
	char buf[256];
	int pair[2], one = 1;

	CHECK_SYS(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair));
	CHECK_SYS(setsockopt(pair[0], SOL_SOCKET, SO_PASSSEC, &one, sizeof(one)));
	CHECK_SYS(fsetxattr(pair[1], "security.SMACK64IPOUT", JOB, strlen(JOB), 0));
	CHECK_EQ(4, send(pair[1], "sent", 4, MSG_NOSIGNAL));
	CHECK_SYS(fsetxattr(pair[1], "security.SMACK64IPOUT", DATA, strlen(DATA), 0));
	ckpt_ready_wait();
	CHECK_STREQ(JOB, label_with(pair[0], "sent", buf, sizeof(buf)));
}

TEST_F_TIMEOUT(labels, sent_before, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, not_saved(&smack_sent_before, variant->container, EOPNOTSUPP,
			       "a message in it has another security label than its sender: have "
			       "it read"));
}

/* Its own rules restrict a task further: these are not saved. */
CKPT_SCENARIO(smack_rules)
{
	CHECK_EQ(0, label_put(SMACKFS "load-self2", JOB " ckpt-data r"));
	ckpt_ready_wait();
}

CKPT_SCENARIO(smack_relabels)
{
	CHECK_EQ(0, label_put(SMACKFS "relabel-self", JOB));
	ckpt_ready_wait();
}

/* Which task makes the objects of a namespace again is not known: all have one label. */
CKPT_SCENARIO(smack_ipc_mixed, .flags = SC_CONTAINER, .clone_flags = CLONE_NEWIPC)
{
	int id = CHECK_SYS(semget(IPC_PRIVATE, 1, 0600));
	pid_t pid = ckpt_fork(only_labelled, NULL);

	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	ckpt_wait_exit(pid, 0);
	CHECK_SYS(semctl(id, 0, IPC_RMID));
}

TEST_F_TIMEOUT(labels, ipc_mixed, CKPT_TIMEOUT)
{
	if (!variant->container)
		SKIP(return, "only makes sense in a container");
	ASSERT_EQ(0, not_saved(&smack_ipc_mixed, true, EOPNOTSUPP,
			       "other tasks in it have another security label"));
}

TEST_F_TIMEOUT(labels, rules, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, not_saved(&smack_rules, variant->container, EOPNOTSUPP,
			       "is restricted by access rules of its own (load-self of Smack)"));
}

TEST_F_TIMEOUT(labels, relabels, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, not_saved(&smack_relabels, variant->container, EOPNOTSUPP,
			       "may give itself some other labels (relabel-self of Smack)"));
}

TEST_HARNESS_MAIN
