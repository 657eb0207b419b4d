// SPDX-License-Identifier: GPL-2.0
/*
 * Labels of SELinux: domains of tasks, what they have chosen for what they make next, and types of
 * files and of objects of System V IPC.  They are given again if that is asked for and the policy
 * lets the caller do it; else refused, with the label, the task and what to do.  The test loads the
 * policy, which knows a few classes, allows what it does not know, and is enforced.  Labels have a
 * level (MLS) with categories, as those of containers and virtual machines: the caller has all of
 * them, its tasks have two.
 */
#include "labels.h"

#include <linux/memfd.h>
#include <pthread.h>
#include <sched.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/xattr.h>

#define SELINUXFS	"/sys/fs/selinux/"
#define CATEGORIES	1024
#define DOMAIN(name)	"u:r:" #name "_t:s0:c1,c7"
#define TYPE(name)	"u:object_r:" #name "_t:s0"
#define CALLER		"u:r:caller_t:s0-s0:c0.c1023"
/* Data of a category that the tasks have not. */
#define FOREIGN		"u:object_r:data_t:s0:c9"
#define IPC		"create read write getattr setattr associate unix_read unix_write destroy"

static const char classes[] =
	"class process class file class sem class msgq class shm\n"
	"sid kernel sid security sid unlabeled\n"
	"class process { transition dyntransition setcurrent setexec setfscreate setkeycreate\n"
	"	setsockcreate getattr }\n"
	"class file { open relabelfrom relabelto }\n"
	"class sem { " IPC " } class msgq { " IPC " enqueue } class shm { " IPC " lock }\n";

/* After the categories. */
static const char policy[] =
	"level s0:c0.c1023;\n"
	"mlsconstrain file open ( h1 dom l2 );\n"
	"policycap open_perms;\n"
	"attribute domain;\n"
	"type caller_t, domain; type job_t, domain; type next_t, domain; type vault_t, domain;\n"
	"type shut_t, domain;\n"
	"type data_t; type made_t; type secret_t; type locked_t; type net_t;\n"
	"role r; role r types { caller_t job_t next_t vault_t shut_t };\n"
	"allow domain self:process { setcurrent setexec setfscreate setkeycreate setsockcreate };\n"
	/* What others have made they may not even look at. */
	"allow { caller_t job_t } self:{ sem msgq shm } *;\n"
	"allow next_t self:sem ~setattr;\n"
	/* Files of /proc/PID have the label of the task. */
	"allow domain { data_t domain }:file *;\n"
	/* What one of them has chosen nobody may see. */
	"allow domain { domain -shut_t }:process getattr;\n"
	/* The caller may become three of them, and only one of these the fourth. */
	"allow caller_t { job_t next_t shut_t }:process dyntransition;\n"
	"allow next_t vault_t:process dyntransition;\n"
	"typebounds caller_t job_t;\n"
	/* Who may not open a file may still give one that label. */
	"allow caller_t { made_t secret_t }:file *;\n"
	"allow job_t made_t:file *;\n"
	"allow job_t secret_t:file relabelto;\n"
	"allow { next_t vault_t } { secret_t locked_t }:file { relabelfrom relabelto };\n"
	"user u roles { r } level s0 range s0 - s0:c0.c1023;\n"
	/* As the kernel shows it, but for the spaces. */
	"sid kernel u:r:caller_t:s0 - s0:c0.c1023\n"
	"sid security " TYPE(data) "\n"
	"sid unlabeled " TYPE(data) "\n"
	"fs_use_xattr ext4 " TYPE(data) ";\n"
	"fs_use_trans tmpfs " TYPE(data) ";\n";

/* Compile and load the policy. */
static int load(void)
{
	static char source[65536], binary[1 << 20];
	ssize_t n = -1;
	int fd, len, i;

	if (label_is(ATTR "current", CALLER))
		return 0;
	len = snprintf(source, sizeof(source), "%ssensitivity s0; dominance { s0 }\n", classes);
	for (i = 0; i < CATEGORIES; i++)
		len += snprintf(source + len, sizeof(source) - len, "category c%d;\n", i);
	snprintf(source + len, sizeof(source) - len, "%s", policy);
	if (label_source("/tmp/ckpt-policy.conf", source) ||
	    system("checkpolicy -M -c 33 -U allow -o /tmp/ckpt-policy /tmp/ckpt-policy.conf 1>&2"))
		return -1;
	fd = open("/tmp/ckpt-policy", O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, binary, sizeof(binary));
		close(fd);
	}
	if (n <= 0 || label_write(SELINUXFS "load", binary, n))
		return -1;
	return label_is(ATTR "current", CALLER) ? 0 : -1;
}

static const char *missing(void)
{
	/* This one is there from an earlier test. */
	if (label_is(ATTR "current", CALLER))
		return NULL;
	if (!label_is(ATTR "current", "kernel"))
		return "no SELinux here, or it has a policy";
	if (!label_fs("selinuxfs", "/sys/fs/selinux", SELINUXFS "load"))
		return "no selinuxfs here";
	if (!label_tool("checkpolicy"))
		return "no checkpolicy here";
	return NULL;
}

LABELS_FIXTURE(missing, load)

static void become(const char *label)
{
	CHECK_EQ(0, label_put(ATTR "current", label));
}

/* A file with a name, of the label @label. */
static void file_of(const char *path, const char *label)
{
	int fd = CHECK_SYS(open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666));

	CHECK_SYS(fsetxattr(fd, "security.selinux", label, strlen(label) + 1, 0));
	close(fd);
}

static char *label_of(int fd, char *buf, size_t size)
{
	memset(buf, 0, size);
	CHECK_SYS(fgetxattr(fd, "security.selinux", buf, size - 1));
	return buf;
}

/* ---- tasks and their files -------------------------------------------------------- */

static const char * const chosen[][2] = {
	{ ATTR "current", DOMAIN(job) }, { ATTR "exec", DOMAIN(next) },
	{ ATTR "fscreate", TYPE(made) }, { ATTR "keycreate", TYPE(data) },
	{ ATTR "sockcreate", TYPE(net) },
};

static void check_confined(const char *data, const char *secret, const char *foreign)
{
	CHECK(label_opens(data, O_RDWR), "may not open");
	CHECK(!label_opens(secret, O_RDONLY), "may open what only others may");
	CHECK(!label_opens(foreign, O_RDONLY), "may open what is of another category");
	CHECK(label_put(ATTR "current", CALLER) == -1 && errno == EACCES, "may go back");
}

static int in_domain(void *arg)
{
	char data[256], secret[256], foreign[256], buf[256];
	int memfd, removed;
	unsigned int i;

	file_of(ckpt_path(data, sizeof(data), "data"), TYPE(data));
	file_of(ckpt_path(secret, sizeof(secret), "secret"), TYPE(secret));
	file_of(ckpt_path(foreign, sizeof(foreign), "foreign"), FOREIGN);
	CHECK(label_opens(foreign, O_RDONLY), "the caller may not open what is of any category");
	for (i = 0; i < ARRAY_SIZE(chosen); i++)
		CHECK_EQ(0, label_put(chosen[i][0], chosen[i][1]));
	memfd = CHECK_SYS(memfd_create("labelled", 0));
	CHECK_SYS(fsetxattr(memfd, "security.selinux", TYPE(secret), sizeof(TYPE(secret)), 0));
	removed = CHECK_SYS(open(ckpt_path(buf, sizeof(buf), "removed"), O_RDWR | O_CREAT, 0600));
	CHECK_SYS(unlink(buf));
	CHECK_STREQ(TYPE(made), label_of(removed, buf, sizeof(buf)));
	check_confined(data, secret, foreign);
	ckpt_step(0);
	ckpt_wait_go();
	for (i = 0; i < ARRAY_SIZE(chosen); i++)
		CHECK(label_is(chosen[i][0], chosen[i][1]), "%s differs", chosen[i][0]);
	check_confined(data, secret, foreign);
	CHECK_STREQ(TYPE(secret), label_of(memfd, buf, sizeof(buf)));
	CHECK_STREQ(TYPE(made), label_of(removed, buf, sizeof(buf)));
	return 0;
}

CKPT_SCENARIO(selinux_tree)
{
	pid_t pid = ckpt_fork(in_domain, NULL);

	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	CHECK(label_is(ATTR "current", CALLER) && label_is(ATTR "fscreate", ""),
	      "root has other labels");
	ckpt_wait_exit(pid, 0);
}

TEST_F_TIMEOUT(labels, tree, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, save(&selinux_tree, variant->container));
	ASSERT_EQ(0, refused(0, EACCES, "had the security label \"" DOMAIN(job) "\" (SELinux), the "
			     "caller has \"" CALLER "\""));
	ASSERT_EQ(0, refused(0, EACCES, "had the security label for new files \"" TYPE(made) "\" "
			     "(SELinux), the caller has none"));
	ASSERT_EQ(0, kept());
}

/* What the caller has chosen for itself is none of its tasks'. */
CKPT_SCENARIO(selinux_plain)
{
	ckpt_ready_wait();
	CHECK(label_is(ATTR "fscreate", "") && label_is(ATTR "exec", ""), "has some of the caller");
}

static int with_fscreate(void)
{
	return label_put(ATTR "fscreate", TYPE(secret)) ||
	       label_put(ATTR "exec", DOMAIN(next)) || restarted(0);
}

TEST_F_TIMEOUT(labels, of_caller, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, save(&selinux_plain, variant->container));
	ASSERT_EQ(0, in_child(with_fscreate));
}

/* Asked for, tasks get the label of the caller, and the log says so. */
CKPT_SCENARIO(selinux_lost)
{
	become(DOMAIN(job));
	ckpt_ready_wait();
	CHECK(label_is(ATTR "current", CALLER), "not the label of the caller");
}

TEST_F_TIMEOUT(labels, lost, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, save(&selinux_lost, variant->container));
	ASSERT_EQ(0, ckpt_run_restart(&run, first, RESTART_CALLER_CONFINEMENT));
	EXPECT_TRUE(ckpt_run_log_has(&run, "note: confinement: the tasks had the security label \""
				     DOMAIN(job) "\" (SELinux); in its place is that of the caller, "
				     "\"" CALLER "\""));
	ASSERT_EQ(0, ckpt_run_go(&run));
	ASSERT_EQ(0, ckpt_run_finish(&run));
}

/* ---- threads: only to a bounded domain --------------------------------------------- */

static void *in_same(void *arg)
{
	ckpt_step(0);
	ckpt_wait_go();
	CHECK(label_is(ATTR "current", arg), "another label");
	return NULL;
}

static void with_threads(char *label)
{
	pthread_t thread;

	become(label);
	CHECK_EQ(0, pthread_create(&thread, NULL, in_same, label));
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	CHECK(label_is(ATTR "current", label), "another label");
	CHECK_EQ(0, pthread_join(thread, NULL));
}

CKPT_SCENARIO(selinux_bounded)
{
	with_threads(DOMAIN(job));
}

CKPT_SCENARIO(selinux_unbounded)
{
	with_threads(DOMAIN(next));
}

TEST_F_TIMEOUT(labels, bounded, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, save(&selinux_bounded, variant->container));
	ASSERT_EQ(0, kept());
}

TEST_F_TIMEOUT(labels, unbounded, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, save(&selinux_unbounded, variant->container));
	ASSERT_EQ(0, refused(RESTART_KEEP_LSM, EPERM, "can't have the security label \""
			     DOMAIN(next) "\" (SELinux): a process with threads"));
}

/* ---- what the policy denies -------------------------------------------------------- */

CKPT_SCENARIO(selinux_vault)
{
	become(DOMAIN(next));
	become(DOMAIN(vault));
	ckpt_ready_wait();
	CHECK(label_is(ATTR "current", DOMAIN(vault)), "another label");
}

/* Who has the label of all tasks needs to ask for none. */
static int in_vault(void)
{
	return label_put(ATTR "current", DOMAIN(next)) ||
	       label_put(ATTR "current", DOMAIN(vault)) || restarted(0);
}

TEST_F_TIMEOUT(labels, denied, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, save(&selinux_vault, variant->container));
	ASSERT_EQ(0, refused(RESTART_KEEP_LSM, EACCES, "can't have the security label \""
			     DOMAIN(vault) "\" (SELinux): the policy does not let the caller"));
	ASSERT_EQ(0, in_child(in_vault));
}

/* What a task has chosen for what it makes next is not for the eyes of the caller. */
CKPT_SCENARIO(selinux_shut)
{
	become(DOMAIN(shut));
	ckpt_ready_wait();
}

TEST_F_TIMEOUT(labels, unreadable, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, not_saved(&selinux_shut, variant->container, EACCES,
			       "its security label for the next program (SELinux) can't be read by "
			       "the caller: the policy has to allow it (getattr)"));
}

/* A label of a file that its maker can't give it. */
CKPT_SCENARIO(selinux_locked)
{
	int memfd = CHECK_SYS(memfd_create("labelled", 0));
	pid_t pid = ckpt_fork(ckpt_child_waits, NULL);
	char buf[256];

	ckpt_step_wait(0, 1);
	become(DOMAIN(next));
	CHECK_SYS(fsetxattr(memfd, "security.selinux", TYPE(locked), sizeof(TYPE(locked)), 0));
	ckpt_ready_wait();
	CHECK_STREQ(TYPE(locked), label_of(memfd, buf, sizeof(buf)));
	ckpt_wait_exit(pid, 0);
}

TEST_F_TIMEOUT(labels, locked, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, save(&selinux_locked, variant->container));
	ASSERT_EQ(0, refused(RESTART_KEEP_LSM, EACCES, "can't have the label \"" TYPE(locked) "\" "
			     "(security.selinux): the policy does not let the caller give it"));
}

/* The label of a socket is that of who makes it, or what that has chosen at that time. */
CKPT_SCENARIO(selinux_socket)
{
	int pair[2];

	CHECK_EQ(0, label_put(ATTR "sockcreate", TYPE(net)));
	CHECK_SYS(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	CHECK_EQ(0, label_put(ATTR "sockcreate", "\n"));
	ckpt_ready_wait();
}

TEST_F_TIMEOUT(labels, socket, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, save(&selinux_socket, variant->container));
	ASSERT_EQ(0, refused(RESTART_KEEP_LSM, EOPNOTSUPP, "can't have the label \"" TYPE(net) "\" "
			     "(security.selinux): a socket has the label of who makes it"));
}

/* ---- System V IPC -------------------------------------------------------------------- */

CKPT_SCENARIO(selinux_ipc, .flags = SC_CONTAINER, .clone_flags = CLONE_NEWIPC)
{
	struct { long type; char text[8]; } message = { 7, "message" };
	struct sembuf up = { .sem_op = 1 };
	int sem, queue, segment;
	char *memory;

	become(DOMAIN(job));
	sem = CHECK_SYS(semget(IPC_PRIVATE, 1, 0666));
	queue = CHECK_SYS(msgget(IPC_PRIVATE, 0666));
	segment = CHECK_SYS(shmget(IPC_PRIVATE, CKPT_PAGE, 0666));
	memory = (char *)CHECK_SYS(shmat(segment, NULL, 0));
	strcpy(memory, "segment");
	CHECK_SYS(semop(sem, &up, 1));
	CHECK_SYS(msgsnd(queue, &message, sizeof(message.text), 0));
	ckpt_ready_wait();
	CHECK_SYS(semop(sem, &up, 1));
	CHECK_EQ(2, semctl(sem, 0, GETVAL));
	memset(&message, 0, sizeof(message));
	CHECK_EQ(sizeof(message.text), msgrcv(queue, &message, sizeof(message.text), 7, IPC_NOWAIT));
	CHECK_STREQ("message", message.text);
	CHECK_STREQ("segment", memory);
	CHECK_SYS(shmdt(memory));
	memory = (char *)CHECK_SYS(shmat(segment, NULL, 0));
	CHECK_STREQ("segment", memory);
}

TEST_F_TIMEOUT(labels, ipc, CKPT_TIMEOUT)
{
	if (!variant->container)
		SKIP(return, "only makes sense in a container");
	ASSERT_EQ(0, save(&selinux_ipc, true));
	ASSERT_EQ(0, kept());
}

/* One that its maker may not change. */
CKPT_SCENARIO(selinux_ipc_fixed, .flags = SC_CONTAINER, .clone_flags = CLONE_NEWIPC)
{
	become(DOMAIN(next));
	CHECK_SYS(semget(IPC_PRIVATE, 1, 0666));
	ckpt_ready_wait();
}

TEST_F_TIMEOUT(labels, ipc_fixed, CKPT_TIMEOUT)
{
	if (!variant->container)
		SKIP(return, "only makes sense in a container");
	ASSERT_EQ(0, save(&selinux_ipc_fixed, true));
	ASSERT_EQ(0, refused(RESTART_KEEP_LSM, EACCES, "the policy does not let who has the security "
			     "label of its tasks change it"));
}

TEST_HARNESS_MAIN
