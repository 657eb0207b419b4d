// SPDX-License-Identifier: GPL-2.0
/* Containers with a hostname of their own, and with pid namespaces inside. */
#include "pid_namespaces.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/utsname.h>

CKPT_FIXTURE

static void check_names(const char *host, const char *domain)
{
	struct utsname names;

	CHECK_SYS(uname(&names));
	CHECK_STREQ(host, names.nodename);
	CHECK_STREQ(domain, names.domainname);
}

CKPT_CYCLE(hostname, .flags = SC_CONTAINER, .clone_flags = CLONE_NEWUTS)
{
	struct utsname before, after;

	CHECK_SYS(sethostname("ckpt-host", 9));
	CHECK_SYS(setdomainname("ckpt.domain", 11));
	CHECK_SYS(uname(&before));
	ckpt_ready_wait();
	check_names("ckpt-host", "ckpt.domain");
	CHECK_SYS(uname(&after));
	CHECK_STREQ(before.release, after.release);
	CHECK_STREQ(before.machine, after.machine);
	/* It is still ours to change. */
	CHECK_SYS(sethostname("other", 5));
	check_names("other", "ckpt.domain");
}

static int with_own_names(void *arg)
{
	const char *name = arg;

	CHECK_SYS(unshare(CLONE_NEWUTS));
	CHECK_SYS(sethostname(name, strlen(name)));
	ckpt_step(0);
	ckpt_wait_go();
	check_names(name, "shared.domain");
	CHECK_SYS(sethostname("changed", 7));
	ckpt_step(1);
	ckpt_step_wait(1, 2);
	check_names("changed", "shared.domain");
	return 0;
}

CKPT_CYCLE(several_hostnames, .flags = SC_CONTAINER, .clone_flags = CLONE_NEWUTS)
{
	pid_t one, two;

	CHECK_SYS(sethostname("root", 4));
	CHECK_SYS(setdomainname("shared.domain", 13));
	one = ckpt_fork(with_own_names, "one");
	two = ckpt_fork(with_own_names, "two");
	ckpt_step_wait(0, 2);
	ckpt_ready_wait();
	ckpt_wait_exit(one, 0);
	ckpt_wait_exit(two, 0);
	check_names("root", "shared.domain");
}

static int inner_child(void *arg)
{
	pid_t pid = getpid();

	CHECK_EQ(2, pid);
	ckpt_step(0);
	ckpt_wait_go();
	CHECK_EQ(2, getpid());
	CHECK_EQ(1, getppid());
	return 81;
}

CKPT_CYCLE(nested_pid, .flags = SC_CONTAINER)
{
	pid_t inner = fork_in_new_pidns();

	if (!inner) {
		pid_t kid;

		CHECK_EQ(1, getpid());
		kid = ckpt_fork(inner_child, NULL);
		ckpt_step(0);
		ckpt_wait_go();
		CHECK_EQ(1, getpid());
		CHECK_EQ(0, getppid());
		ckpt_step_wait(1, 1);
		ckpt_wait_exit(kid, 81);
		_exit(82);
	}
	ckpt_step_wait(0, 2);
	ckpt_ready_wait();
	CHECK_EQ(1, getpid());
	CHECK_SYS(kill(inner, 0));
	CHECK_SYS(kill(inner + 1, 0));
	ckpt_step(1);
	ckpt_wait_exit(inner, 82);
}

/* It comes before the init of its namespace: its parent is older than that of the init. */
CKPT_CYCLE(sent_into_namespace, .flags = SC_CONTAINER)
{
	pid_t one = ckpt_fork(sender, NULL);
	pid_t other = ckpt_fork(starter_of_init, NULL);

	ckpt_step_wait(2, 1);
	ckpt_ready_wait();
	ckpt_wait_exit(one, 84);
	ckpt_wait_exit(other, 86);
}

static int nothing(void *arg)
{
	return 0;
}

/* The pid that the next child gets, which comes and goes. */
static pid_t next_pid(void)
{
	pid_t kid = ckpt_fork(nothing, NULL);

	ckpt_wait_exit(kid, 0);
	return kid;
}

/* The next one is the one after the last one, not the first that is free. */
CKPT_CYCLE(next_pid_is_new, .flags = SC_CONTAINER)
{
	pid_t inner, last = 0;
	int i;

	inner = fork_in_new_pidns();
	if (!inner) {
		for (i = 0; i < 7; i++)
			last = next_pid();
		CHECK_EQ(8, last);
		ckpt_step(0);
		ckpt_wait_go();
		CHECK_EQ(9, next_pid());
		_exit(83);
	}
	ckpt_step_wait(0, 1);
	for (i = 0; i < 20; i++)
		last = next_pid();
	ckpt_ready_wait();
	ckpt_wait_exit(inner, 83);
	/* That of the inner one's child in between. */
	CHECK_EQ(last + 2, next_pid());
}

static int write_setting(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int ret = fd < 0 || write(fd, value, strlen(value)) < 0 ? -1 : 0;

	close(fd);
	return ret;
}

static int setting(const char *path)
{
	char buf[32];

	return atoi(ckpt_read_file(path, buf, sizeof(buf)));
}

CKPT_CYCLE(settings_of_pid_namespace, .flags = SC_CONTAINER)
{
	static const char max[] = "/proc/sys/kernel/pid_max";
	static const char noexec[] = "/proc/sys/vm/memfd_noexec";
	bool can;

	CHECK_SYS(write_setting(max, "5000"));
	can = !write_setting(noexec, "1");
	CHECK(can || errno == ENOENT, "memfd_noexec: %s", strerror(errno));
	CHECK_EQ(5000, setting(max));
	ckpt_ready_wait();
	CHECK_EQ(5000, setting(max));
	if (can)
		CHECK_EQ(1, setting(noexec));
	CHECK_SYS(write_setting(max, "6000"));
	CHECK_EQ(6000, setting(max));
}

TEST_HARNESS_MAIN
