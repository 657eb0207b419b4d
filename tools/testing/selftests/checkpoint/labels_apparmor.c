// SPDX-License-Identifier: GPL-2.0
/*
 * Labels of AppArmor: profiles of threads, stacked ones, hats with the way back, the profile for the
 * next program.  They are given again if that is asked for and the caller's profile allows it; else
 * refused, with the label, the task and what to do.  The profiles are enforced, before and after.
 */
#include "labels.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>

#define APPARMOR	ATTR "apparmor/"
#define APPARMORFS	"/sys/kernel/security/apparmor/"
/* What profiles deny, and only they. */
#define DENIED		"/etc/hosts"

/* What a scenario does that is none of what is tested. */
#define ALL	"file, network, capability, unix, signal, ptrace,\n"
#define FLAGS	" flags=(attach_disconnected, mediate_deleted) "

static const char job[] =
	"profile ckpt_job" FLAGS "{\n" ALL
	"  deny " DENIED " r,\n"
	"  change_profile -> ckpt_next,\n"
	"  change_profile -> &ckpt_next,\n"
	"  ^hat" FLAGS "{\n" ALL
	"    deny /etc/passwd r,\n"
	"  }\n"
	"}\n";

static const char others[] =
	"profile ckpt_next" FLAGS "{\n" ALL "}\n"
	/* For who restarts: it may give a task ckpt_job, and no other. */
	"profile ckpt_caller" FLAGS "{\n" ALL
	"  change_profile -> ckpt_job,\n"
	"}\n";

static int aa_load(const char *text)
{
	return label_source("/tmp/ckpt-profiles", text) ||
	       system("apparmor_parser --config-file=/dev/null --policy-features=" APPARMORFS
		      "features --replace --skip-cache --quiet /tmp/ckpt-profiles 1>&2");
}

static int aa_remove(const char *name)
{
	return label_write(APPARMORFS ".remove", name, strlen(name) + 1);
}

static bool aa_has(const char *name)
{
	char all[4096], line[64];

	snprintf(line, sizeof(line), "%s (enforce)", name);
	return strstr(ckpt_read_file(APPARMORFS "profiles", all, sizeof(all)), line);
}

static const char *missing(void)
{
	char buf[64];

	if (strcmp(label_get(APPARMOR "current", buf, sizeof(buf)), "unconfined"))
		return "no AppArmor here, or a profile already";
	if (!label_fs("securityfs", "/sys/kernel/security", APPARMORFS ".replace"))
		return "no securityfs here";
	if (!label_tool("apparmor_parser"))
		return "no apparmor_parser here";
	return NULL;
}

static int load(void)
{
	if ((!aa_has("ckpt_job") && aa_load(job)) || (!aa_has("ckpt_caller") && aa_load(others)))
		return -1;
	return aa_has("ckpt_job") && aa_has("ckpt_next") && aa_has("ckpt_caller") ? 0 : -1;
}

LABELS_FIXTURE(missing, load)

static void check_profile(const char *attr, const char *profile)
{
	char path[64], buf[256];

	snprintf(path, sizeof(path), APPARMOR "%s", attr);
	label_get(path, buf, sizeof(buf));
	buf[strcspn(buf, " ")] = 0;
	CHECK(!strcmp(buf, profile), "%s is \"%s\"", attr, buf);
}

/* A thread of its own profile: AppArmor has them for each. */
static void *in_profile(void *arg)
{
	CHECK_EQ(0, label_put(APPARMOR "current", "changeprofile ckpt_job"));
	CHECK_EQ(0, label_put(APPARMOR "exec", "exec ckpt_next"));
	CHECK(!label_opens(DENIED, O_RDONLY), "its profile denies nothing");
	ckpt_step(0);
	ckpt_wait_go();
	check_profile("current", "ckpt_job");
	check_profile("exec", "ckpt_next");
	CHECK(!label_opens(DENIED, O_RDONLY), "its profile denies nothing");
	return NULL;
}

CKPT_SCENARIO(apparmor_threads)
{
	pthread_t thread;

	CHECK_EQ(0, pthread_create(&thread, NULL, in_profile, NULL));
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	check_profile("current", "unconfined");
	CHECK(label_opens(DENIED, O_RDONLY), "the profile of another thread");
	CHECK_EQ(0, pthread_join(thread, NULL));
}

TEST_F_TIMEOUT(labels, threads, CKPT_TIMEOUT)
{
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

TEST_F_TIMEOUT(labels, filtered, CKPT_TIMEOUT)
{
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
	CHECK(!label_opens(DENIED, O_RDONLY), "its profile denies nothing");
}

TEST_F_TIMEOUT(labels, stacked, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, save(&apparmor_stacked, variant->container));
	ASSERT_EQ(0, kept());
}

TEST_F_TIMEOUT(labels, no_such, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, save(&apparmor_threads, variant->container));
	ASSERT_EQ(0, aa_remove("ckpt_job"));
	ASSERT_EQ(0, refused(RESTART_KEEP_LSM, ENOENT, "can't have the security label \"ckpt_job\" "
			     "(AppArmor): no such profile is loaded"));
	ASSERT_EQ(0, aa_load(job));
	ASSERT_EQ(0, kept());
}

/* A hat: the token that it was entered with leads back, and no other. */
static int in_hat(void *arg)
{
	CHECK_EQ(0, label_put(APPARMOR "current", "changeprofile ckpt_job"));
	CHECK_EQ(0, label_put(APPARMOR "current", "changehat 00000000000012ab^hat"));
	ckpt_step(0);
	ckpt_wait_go();
	check_profile("current", "ckpt_job//hat");
	check_profile("prev", "ckpt_job");
	CHECK(!label_opens("/etc/passwd", O_RDONLY), "its hat denies nothing");
	CHECK(label_opens(DENIED, O_RDONLY), "the profile of its hat denies it");
	CHECK_EQ(0, label_put(APPARMOR "current", "changehat 00000000000012ab^"));
	check_profile("current", "ckpt_job");
	CHECK(!label_opens(DENIED, O_RDONLY), "its profile denies nothing");
	CHECK(label_opens("/etc/passwd", O_RDONLY), "its hat denies it");
	return 0;
}

CKPT_SCENARIO(apparmor_hat)
{
	pid_t pid = ckpt_fork(in_hat, NULL);

	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	ckpt_wait_exit(pid, 0);
}

TEST_F_TIMEOUT(labels, hat, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, save(&apparmor_hat, variant->container));
	ASSERT_EQ(0, refused(0, EACCES, "had the security label to go back to \"ckpt_job\" "
			     "(AppArmor), the caller has none"));
	ASSERT_EQ(0, kept());
}

/* Asked for, tasks get the label of the caller, and the log says so. */
CKPT_SCENARIO(apparmor_lost)
{
	CHECK_EQ(0, label_put(APPARMOR "current", "changeprofile ckpt_job"));
	ckpt_ready_wait();
	check_profile("current", "unconfined");
}

TEST_F_TIMEOUT(labels, of_caller, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, save(&apparmor_lost, variant->container));
	ASSERT_EQ(0, ckpt_run_restart(&run, first, RESTART_CALLER_CONFINEMENT));
	EXPECT_TRUE(ckpt_run_log_has(&run, "note: confinement: the tasks had the security label "
				     "\"ckpt_job\" (AppArmor); in its place is that of the caller, "
				     "\"unconfined\""));
	ASSERT_EQ(0, ckpt_run_go(&run));
	ASSERT_EQ(0, ckpt_run_finish(&run));
}

/* A caller that is confined itself gives what its profile lets it change to. */
CKPT_SCENARIO(apparmor_job)
{
	CHECK_EQ(0, label_put(APPARMOR "current", "changeprofile ckpt_job"));
	ckpt_ready_wait();
	check_profile("current", "ckpt_job");
	CHECK(!label_opens(DENIED, O_RDONLY), "its profile denies nothing");
}

CKPT_SCENARIO(apparmor_next)
{
	CHECK_EQ(0, label_put(APPARMOR "current", "changeprofile ckpt_next"));
	ckpt_ready_wait();
	check_profile("current", "ckpt_next");
}

static int become_caller(void)
{
	return label_put(APPARMOR "current", "changeprofile ckpt_caller");
}

static int lets_it(void)
{
	return become_caller() || restarted(RESTART_KEEP_LSM);
}

static int denies_it(void)
{
	return become_caller() ||
	       refused(RESTART_KEEP_LSM, EACCES, "can't have the security label \"ckpt_next\" "
		       "(AppArmor): the caller's profile does not let it change to it");
}

TEST_F_TIMEOUT(labels, confined_caller, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, save(&apparmor_job, variant->container));
	ASSERT_EQ(0, in_child(lets_it));
}

TEST_F_TIMEOUT(labels, denied, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, save(&apparmor_next, variant->container));
	ASSERT_EQ(0, in_child(denies_it));
	ASSERT_EQ(0, kept());
}

TEST_HARNESS_MAIN
