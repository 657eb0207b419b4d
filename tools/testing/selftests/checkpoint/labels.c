// SPDX-License-Identifier: GPL-2.0
/*
 * Labels of security modules: given again if that is asked for, and if the module
 * lets the caller do it; else refused, with the label, the task and what to do.
 * Which module there is depends on lsm= of the guest: the tests of others are skipped.
 */
#include "labels.h"

#include <sched.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sys/ipc.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/xattr.h>

#ifndef AUDIT_CHECKPOINT
#define AUDIT_CHECKPOINT	1340
#endif
#ifndef AUDIT_RESTART
#define AUDIT_RESTART		1341
#endif

#define JOB	"ckpt-job"

static struct ckpt_run run;
static int first = -1, second = -1;

FIXTURE(labels) { int unused; };

FIXTURE_VARIANT(labels) { bool container; };
FIXTURE_VARIANT_ADD(labels, container) { .container = true };
FIXTURE_VARIANT_ADD(labels, subtree) { .container = false };

FIXTURE_SETUP(labels)
{
	CKPT_BEGIN();
	first = ckpt_image_new();
	second = ckpt_image_new();
}

FIXTURE_TEARDOWN(labels)
{
	if (run.board)
		ckpt_run_fini(&run);
}

static int save(const struct ckpt_scenario *sc, bool container)
{
	return ckpt_run_init(&run, sc, container) || ckpt_run_start(&run) ||
	       ckpt_run_checkpoint(&run, first, CHECKPOINT_KILL);
}

/* restart(2) with @flags fails with @error, and a line of the log has @text. */
static int refused(uint64_t flags, int error, const char *text)
{
	struct restart_args args;

	lseek(first, 0, SEEK_SET);
	ckpt_run_restart_args(&run, &args, first, flags);
	if (sys_restart(&args, sizeof(args)) == -1 && errno == error &&
	    ckpt_run_log_has(&run, text))
		return 0;
	ckpt_diag("not refused with %s and \"%s\"", strerror(error), text);
	ckpt_run_print_log(&run);
	return 1;
}

/* It is restarted with its labels, saved and restarted once more, and finds them. */
static int kept(void)
{
	return ckpt_run_restart(&run, first, RESTART_KEEP_LSM) ||
	       ckpt_run_checkpoint(&run, second, CHECKPOINT_KILL) ||
	       ckpt_run_restart(&run, second, RESTART_KEEP_LSM) || ckpt_run_go(&run) ||
	       ckpt_run_finish(&run);
}

/* What @fn returns in a child. */
static int in_child(int (*fn)(void))
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (!pid) {
		ckpt_watchdog();
		_exit(fn());
	}
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return 1;
	return WEXITSTATUS(status);
}

/* Without CAP_MAC_ADMIN from now on. */
static int lose_mac_admin(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	if (prctl(PR_CAPBSET_DROP, CAP_MAC_ADMIN) || syscall(__NR_capget, &head, data))
		return -1;
	data[1].permitted &= ~(1u << (CAP_MAC_ADMIN - 32));
	data[1].effective &= ~(1u << (CAP_MAC_ADMIN - 32));
	data[1].inheritable &= ~(1u << (CAP_MAC_ADMIN - 32));
	return syscall(__NR_capset, &head, data);
}

/* ---- Smack -------------------------------------------------------------- */

#define NEEDS_SMACK()	do {							\
	if (!label_is(SMACK_CURRENT, "_"))					\
		SKIP(return, "no Smack here, or a label already");		\
} while (0)

/* The label of what @fd shows. */
static char *smack_of(int fd, char *buf, size_t size)
{
	memset(buf, 0, size);
	CHECK_SYS(fgetxattr(fd, "security.SMACK64", buf, size - 1));
	return buf;
}

static int labelled(void *arg)
{
	char of_memfd[256], of_socket[256], buf[256];
	int memfd, pair[2], chosen;

	CHECK_EQ(0, label_put(SMACK_CURRENT, JOB));
	memfd = CHECK_SYS(memfd_create("labelled", 0));
	chosen = CHECK_SYS(memfd_create("of another", 0));
	CHECK_SYS(fsetxattr(chosen, "security.SMACK64", "ckpt-data", 9, 0));
	CHECK_SYS(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	CHECK_SYS(fsetxattr(pair[1], "security.SMACK64", "ckpt-net", 8, 0));
	smack_of(memfd, of_memfd, sizeof(of_memfd));
	smack_of(pair[0], of_socket, sizeof(of_socket));
	CHECK_EQ(0, lose_mac_admin());
	ckpt_step(0);
	ckpt_wait_go();
	CHECK(label_is(SMACK_CURRENT, JOB), "another label");
	CHECK_STREQ(of_memfd, smack_of(memfd, buf, sizeof(buf)));
	CHECK_STREQ("ckpt-data", smack_of(chosen, buf, sizeof(buf)));
	CHECK_STREQ(of_socket, smack_of(pair[0], buf, sizeof(buf)));
	CHECK_STREQ("ckpt-net", smack_of(pair[1], buf, sizeof(buf)));
	CHECK(label_put(SMACK_CURRENT, "_") == -1, "may take another label");
	return 0;
}

CKPT_SCENARIO(smack_tree)
{
	pid_t pid = ckpt_fork(labelled, NULL);

	ckpt_step_wait(0, 1);
	CHECK_EQ(0, lose_mac_admin());
	ckpt_ready_wait();
	CHECK(label_is(SMACK_CURRENT, "_"), "root has another label");
	ckpt_wait_exit(pid, 0);
}

TEST_F_TIMEOUT(labels, smack, CKPT_TIMEOUT)
{
	NEEDS_SMACK();
	ASSERT_EQ(0, save(&smack_tree, variant->container));
	ASSERT_EQ(0, refused(0, EACCES,
			     "had the security label \"" JOB "\" (Smack), the caller has \"_\""));
	ASSERT_EQ(0, kept());
}

static int without_right(void)
{
	return lose_mac_admin() ||
	       refused(RESTART_KEEP_LSM, EPERM, "can't have the security label \"" JOB
		       "\" (Smack): the caller needs CAP_MAC_ADMIN");
}

TEST_F_TIMEOUT(labels, smack_denied, CKPT_TIMEOUT)
{
	NEEDS_SMACK();
	ASSERT_EQ(0, save(&smack_tree, variant->container));
	ASSERT_EQ(0, in_child(without_right));
	ASSERT_EQ(0, kept());
}

/* The label alone: files of others take CAP_MAC_ADMIN. */
static int only_labelled(void *arg)
{
	CHECK_EQ(0, label_put(SMACK_CURRENT, JOB));
	CHECK_EQ(0, lose_mac_admin());
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
	CHECK_EQ(0, lose_mac_admin());
	ckpt_ready_wait();
	ckpt_wait_exit(pid, 0);
}

/* Who has the label in relabel-self needs no capability, and hands that right to nobody. */
static int with_relabel_self(void)
{
	siginfo_t info = { 0 };

	if (label_put(SMACKFS "relabel-self", JOB " ckpt-other") || lose_mac_admin() ||
	    ckpt_run_restart(&run, first, RESTART_KEEP_LSM))
		return 1;
	ckpt_run_go(&run);
	return waitid(P_PIDFD, run.pidfd, &info, WEXITED) || info.si_code != CLD_EXITED ||
	       info.si_status || run.board->failed;
}

TEST_F_TIMEOUT(labels, smack_relabel_self, CKPT_TIMEOUT)
{
	NEEDS_SMACK();
	if (!label_fs("smackfs", "/sys/fs/smackfs", SMACKFS "relabel-self"))
		SKIP(return, "no smackfs here");
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

TEST_F_TIMEOUT(labels, smack_of_caller, CKPT_TIMEOUT)
{
	NEEDS_SMACK();
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

TEST_F_TIMEOUT(labels, smack_ipc, CKPT_TIMEOUT)
{
	NEEDS_SMACK();
	if (!variant->container)
		SKIP(return, "only makes sense in a container");
	ASSERT_EQ(0, save(&smack_ipc, true));
	ASSERT_EQ(0, kept());
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

static int not_saved(const struct ckpt_scenario *sc, bool container, const char *text)
{
	struct checkpoint_args args;

	if (ckpt_run_init(&run, sc, container) || ckpt_run_start(&run))
		return 1;
	ckpt_run_args(&run, &args, -1, CHECKPOINT_DRY_RUN | (container ? 0 : CHECKPOINT_SUBTREE));
	if (sys_checkpoint(&args, sizeof(args)) == -1 && errno == EOPNOTSUPP &&
	    ckpt_run_log_has(&run, text))
		return ckpt_run_go(&run) || ckpt_run_finish(&run);
	ckpt_run_print_log(&run);
	return 1;
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

TEST_F_TIMEOUT(labels, smack_ipc_mixed, CKPT_TIMEOUT)
{
	NEEDS_SMACK();
	if (!variant->container)
		SKIP(return, "only makes sense in a container");
	ASSERT_EQ(0, not_saved(&smack_ipc_mixed, true,
			       "other tasks in it have another security label"));
}

TEST_F_TIMEOUT(labels, smack_rules, CKPT_TIMEOUT)
{
	NEEDS_SMACK();
	if (!label_fs("smackfs", "/sys/fs/smackfs", SMACKFS "load-self2"))
		SKIP(return, "no smackfs here");
	ASSERT_EQ(0, not_saved(&smack_rules, variant->container,
			       "is restricted by access rules of its own (load-self of Smack)"));
}

TEST_F_TIMEOUT(labels, smack_relabels, CKPT_TIMEOUT)
{
	NEEDS_SMACK();
	if (!label_fs("smackfs", "/sys/fs/smackfs", SMACKFS "relabel-self"))
		SKIP(return, "no smackfs here");
	ASSERT_EQ(0, not_saved(&smack_relabels, variant->container,
			       "may give itself some other labels (relabel-self of Smack)"));
}

/* ---- AppArmor ----------------------------------------------------------- */

#define NEEDS_APPARMOR()	do {						\
	char __buf[64];								\
										\
	if (strcmp(label_get(APPARMOR "current", __buf, sizeof(__buf)), "unconfined"))	\
		SKIP(return, "no AppArmor here, or a profile already");		\
	if (!label_fs("securityfs", "/sys/kernel/security", APPARMORFS ".replace"))	\
		SKIP(return, "no securityfs here");				\
	ASSERT_EQ(0, aa_load("ckpt_job"));					\
	ASSERT_EQ(0, aa_load("ckpt_next"));					\
} while (0)

static void check_profile(const char *attr, const char *profile)
{
	char path[64], buf[256];

	snprintf(path, sizeof(path), APPARMOR "%s", attr);
	label_get(path, buf, sizeof(buf));
	CHECK(!strncmp(buf, profile, strlen(profile)), "%s is \"%s\"", attr, buf);
}

/* A thread of its own profile: AppArmor has them for each. */
static void *in_profile(void *arg)
{
	CHECK_EQ(0, label_put(APPARMOR "current", "changeprofile ckpt_job"));
	CHECK_EQ(0, label_put(APPARMOR "exec", "exec ckpt_next"));
	ckpt_step(0);
	ckpt_wait_go();
	check_profile("current", "ckpt_job");
	check_profile("exec", "ckpt_next");
	return NULL;
}

CKPT_SCENARIO(apparmor_threads)
{
	pthread_t thread;

	CHECK_EQ(0, pthread_create(&thread, NULL, in_profile, NULL));
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	check_profile("current", "unconfined");
	CHECK_EQ(0, pthread_join(thread, NULL));
}

TEST_F_TIMEOUT(labels, apparmor, CKPT_TIMEOUT)
{
	NEEDS_APPARMOR();
	ASSERT_EQ(0, save(&apparmor_threads, variant->container));
	ASSERT_EQ(0, refused(0, EACCES, "had the security label \"ckpt_job\" (AppArmor), the caller "
			     "has \"unconfined\""));
	ASSERT_EQ(0, refused(0, EACCES, "had the security label for the next program \"ckpt_next\" "
			     "(AppArmor), the caller has none"));
	ASSERT_EQ(0, kept());
}

/*
 * With no_new_privs it could choose neither any more: a restart lets it do that before its
 * filters, which come with that.
 */
static int filtered(void *arg)
{
	struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog all = { .len = 1, .filter = &allow };

	CHECK_EQ(0, label_put(APPARMOR "current", "changeprofile ckpt_job"));
	CHECK_EQ(0, label_put(APPARMOR "exec", "exec ckpt_next"));
	CHECK_SYS(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	CHECK_SYS(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &all));
	ckpt_step(0);
	ckpt_wait_go();
	check_profile("current", "ckpt_job");
	check_profile("exec", "ckpt_next");
	CHECK_EQ(1, prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
	return 0;
}

CKPT_SCENARIO(apparmor_filtered)
{
	pid_t pid = ckpt_fork(filtered, NULL);

	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	ckpt_wait_exit(pid, 0);
}

TEST_F_TIMEOUT(labels, apparmor_filtered, CKPT_TIMEOUT)
{
	NEEDS_APPARMOR();
	ASSERT_EQ(0, save(&apparmor_filtered, variant->container));
	ASSERT_EQ(0, kept());
}

/* Several profiles at once: each has to let it do what it does. */
CKPT_SCENARIO(apparmor_stacked)
{
	CHECK_EQ(0, label_put(APPARMOR "current", "changeprofile ckpt_job"));
	CHECK_EQ(0, label_put(APPARMOR "current", "stack ckpt_next"));
	ckpt_ready_wait();
	check_profile("current", "ckpt_job//&ckpt_next");
}

TEST_F_TIMEOUT(labels, apparmor_stacked, CKPT_TIMEOUT)
{
	NEEDS_APPARMOR();
	ASSERT_EQ(0, save(&apparmor_stacked, variant->container));
	ASSERT_EQ(0, kept());
}

TEST_F_TIMEOUT(labels, apparmor_no_such, CKPT_TIMEOUT)
{
	NEEDS_APPARMOR();
	ASSERT_EQ(0, save(&apparmor_threads, variant->container));
	ASSERT_EQ(0, aa_remove("ckpt_job"));
	ASSERT_EQ(0, refused(RESTART_KEEP_LSM, ENOENT, "can't have the security label \"ckpt_job\" "
			     "(AppArmor): no such profile is loaded"));
	ASSERT_EQ(0, aa_load("ckpt_job"));
	ASSERT_EQ(0, kept());
}

/* ---- SELinux, without a policy: it allows all, and knows some names -------- */

#define NEEDS_SELINUX()	do {							\
	if (!label_is(ATTR "current", "kernel"))				\
		SKIP(return, "no SELinux here, or it has a policy");		\
} while (0)

static const char * const selinux_attrs[][2] = {
	{ ATTR "current", "unlabeled" }, { ATTR "exec", "init" }, { ATTR "fscreate", "file" },
	{ ATTR "keycreate", "security" }, { ATTR "sockcreate", "any_socket" },
};

static int in_domain(void *arg)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(selinux_attrs); i++)
		CHECK_EQ(0, label_put(selinux_attrs[i][0], selinux_attrs[i][1]));
	ckpt_step(0);
	ckpt_wait_go();
	for (i = 0; i < ARRAY_SIZE(selinux_attrs); i++)
		CHECK(label_is(selinux_attrs[i][0], selinux_attrs[i][1]), "%s differs",
		      selinux_attrs[i][0]);
	return 0;
}

CKPT_SCENARIO(selinux_tree)
{
	pid_t pid = ckpt_fork(in_domain, NULL);

	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	CHECK(label_is(ATTR "current", "kernel") && label_is(ATTR "fscreate", ""),
	      "root has other labels");
	ckpt_wait_exit(pid, 0);
}

TEST_F_TIMEOUT(labels, selinux, CKPT_TIMEOUT)
{
	NEEDS_SELINUX();
	ASSERT_EQ(0, save(&selinux_tree, variant->container));
	ASSERT_EQ(0, refused(0, EACCES, "had the security label \"unlabeled\" (SELinux), the caller "
			     "has \"kernel\""));
	ASSERT_EQ(0, refused(0, EACCES, "had the security label for new files \"file\" (SELinux), "
			     "the caller has none"));
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
	siginfo_t info = { 0 };

	if (label_put(ATTR "fscreate", "file") || label_put(ATTR "exec", "init") ||
	    ckpt_run_restart(&run, first, 0))
		return 1;
	ckpt_run_go(&run);
	return waitid(P_PIDFD, run.pidfd, &info, WEXITED) || info.si_code != CLD_EXITED ||
	       info.si_status || run.board->failed;
}

TEST_F_TIMEOUT(labels, selinux_of_caller, CKPT_TIMEOUT)
{
	NEEDS_SELINUX();
	ASSERT_EQ(0, save(&selinux_plain, variant->container));
	ASSERT_EQ(0, in_child(with_fscreate));
}

/* ---- audit ---------------------------------------------------------------- */

/* Switch audit on or off. */
static int audit_switch(bool on)
{
	struct {
		struct nlmsghdr head;
		struct audit_status status;
	} message = {
		.head = {
			.nlmsg_len = NLMSG_LENGTH(sizeof(struct audit_status)),
			.nlmsg_type = AUDIT_SET,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
		},
		.status = { .mask = AUDIT_STATUS_ENABLED, .enabled = on },
	};
	struct {
		struct nlmsghdr head;
		struct nlmsgerr error;
	} answer = { 0 };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_AUDIT);
	int ret = -1;

	if (fd >= 0 && send(fd, &message, sizeof(message), 0) == sizeof(message) &&
	    recv(fd, &answer, sizeof(answer), 0) >= (ssize_t)sizeof(answer.head) + 4 &&
	    answer.head.nlmsg_type == NLMSG_ERROR)
		ret = answer.error.error;
	if (fd >= 0)
		close(fd);
	return ret;
}

/* A socket that gets all records. */
static int audit_open(void)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_AUDIT);

	if (fd >= 0 && bind(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* Wait for a record of @type that has @text. */
static int audit_wait(int fd, unsigned int type, const char *text)
{
	static char buf[16384];
	struct nlmsghdr *head = (struct nlmsghdr *)buf;
	ssize_t n;

	while ((n = recv(fd, buf, sizeof(buf) - 1, 0)) > 0 || errno == ENOBUFS) {
		if (n < (ssize_t)sizeof(*head))
			continue;
		buf[n] = 0;
		if (head->nlmsg_type != type)
			continue;
		if (strstr(NLMSG_DATA(head), text))
			return 0;
		ckpt_diag("another record: %s", (char *)NLMSG_DATA(head));
	}
	return 1;
}

CKPT_SCENARIO(audited)
{
	ckpt_ready_wait();
}

TEST_F_TIMEOUT(labels, audit, CKPT_TIMEOUT)
{
	char text[64];
	int fd = audit_open();

	if (fd < 0 || audit_switch(true))
		SKIP(return, "no audit here");
	ASSERT_EQ(0, save(&audited, variant->container));
	snprintf(text, sizeof(text), " image=%ld flags=", run.id);
	ASSERT_EQ(0, audit_wait(fd, AUDIT_CHECKPOINT, text));
	ASSERT_EQ(0, ckpt_run_restart(&run, first, 0));
	ASSERT_EQ(0, audit_wait(fd, AUDIT_RESTART, text));
	/* One that fails before anything is known. */
	ASSERT_EQ(0, refused(1ULL << 63, EINVAL, "a flag is not known"));
	ASSERT_EQ(0, audit_wait(fd, AUDIT_RESTART,
				"root=0 image=0 flags=0x8000000000000000 exit=-22 res=0"));
	close(fd);
	ASSERT_EQ(0, audit_switch(false));
	ASSERT_EQ(0, ckpt_run_go(&run));
	ASSERT_EQ(0, ckpt_run_finish(&run));
}

TEST_HARNESS_MAIN
