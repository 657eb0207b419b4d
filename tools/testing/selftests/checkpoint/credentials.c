// SPDX-License-Identifier: GPL-2.0
/* Ids, groups, capabilities, securebits: the same, and no more than before. */
#include "common.h"

#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>

CKPT_FIXTURE

/* Room for the status of a process with thousands of groups. */
#define TEXT	65536

#define CAP(x)	(1ull << (x))

/* The lines of status that tell of credentials, for this thread. */
static void credentials(char *out, size_t size)
{
	static const char * const keys[] = {
		"Uid:", "Gid:", "Groups:", "CapInh:", "CapPrm:", "CapEff:", "CapBnd:",
		"CapAmb:", "NoNewPrivs:",
	};
	char buf[TEXT];
	size_t used = 0;
	char *line, *save;
	unsigned int i;

	ckpt_read_file("/proc/thread-self/status", buf, sizeof(buf));
	out[0] = 0;
	for (line = strtok_r(buf, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		for (i = 0; i < ARRAY_SIZE(keys); i++)
			if (!strncmp(line, keys[i], strlen(keys[i])))
				used += snprintf(out + used, size - used, "%s\n", line);
	snprintf(out + used, size - used, "securebits %d\n", prctl(PR_GET_SECUREBITS));
	CHECK(strstr(out, "Uid:") && strstr(out, "CapAmb:"), "status cannot be read");
}

static void set_caps(uint64_t effective, uint64_t permitted, uint64_t inheritable)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = {
		{ effective, permitted, inheritable },
		{ effective >> 32, permitted >> 32, inheritable >> 32 },
	};

	CHECK_SYS(syscall(__NR_capset, &head, data));
}

static void same_afterwards(void)
{
	char before[TEXT], after[TEXT];

	credentials(before, sizeof(before));
	ckpt_step(0);
	ckpt_wait_go();
	credentials(after, sizeof(after));
	CHECK_STREQ(before, after);
}

/* Run @fn in a child and take it through what comes. */
static void in_child(int (*fn)(void *arg))
{
	char before[TEXT], after[TEXT];
	pid_t kid;

	credentials(before, sizeof(before));
	kid = ckpt_fork(fn, NULL);
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	credentials(after, sizeof(after));
	CHECK_STREQ(before, after);
	ckpt_wait_exit(kid, 0);
}

static int all_ids(void *arg)
{
	static const gid_t groups[] = { 70000, 100, 200, 65534, 5 };
	uid_t r, e, s;

	CHECK_SYS(setgroups(5, groups));
	CHECK_SYS(setresgid(1000, 1001, 1002));
	setfsgid(1003);
	CHECK_SYS(setresuid(2000, 0, 2002));
	setfsuid(2003);
	same_afterwards();
	CHECK_SYS(getresuid(&r, &e, &s));
	CHECK(r == 2000 && e == 0 && s == 2002, "uids %u %u %u", r, e, s);
	CHECK_SYS(getresgid(&r, &e, &s));
	CHECK(r == 1000 && e == 1001 && s == 1002, "gids %u %u %u", r, e, s);
	CHECK_EQ(2003, setfsuid(-1));
	CHECK_EQ(1003, setfsgid(-1));
	return 0;
}

CKPT_CYCLE(ids_and_groups)
{
	in_child(all_ids);
}

static int no_groups(void *arg)
{
	CHECK_SYS(setgroups(0, NULL));
	same_afterwards();
	CHECK_EQ(0, getgroups(0, NULL));
	return 0;
}

CKPT_CYCLE(empty_groups)
{
	in_child(no_groups);
}

static int many_groups(void *arg)
{
	static gid_t groups[3000], now[3000];
	int i;

	for (i = 0; i < 3000; i++)
		groups[i] = 100000 + i * 3;
	CHECK_SYS(setgroups(3000, groups));
	same_afterwards();
	CHECK_EQ(3000, getgroups(3000, now));
	CHECK(!memcmp(groups, now, sizeof(now)), "groups differ");
	return 0;
}

CKPT_CYCLE(three_thousand_groups)
{
	in_child(many_groups);
}

static int unprivileged(void *arg)
{
	CHECK_SYS(setgroups(0, NULL));
	CHECK_SYS(setresgid(1000, 1000, 1000));
	CHECK_SYS(setresuid(1000, 1000, 1000));
	same_afterwards();
	CHECK(setuid(0) == -1 && errno == EPERM, "got root back");
	CHECK(setgid(0) == -1 && errno == EPERM, "got the group back");
	CHECK(setgroups(0, NULL) == -1 && errno == EPERM, "may set groups");
	CHECK(open("/proc/1/environ", O_RDONLY) == -1 && errno == EACCES,
	      "may read what root's is");
	CHECK(sethostname("x", 1) == -1 && errno == EPERM, "may set the hostname");
	return 0;
}

CKPT_CYCLE(nothing_regained)
{
	in_child(unprivileged);
}

static int capability_sets(void *arg)
{
	int cap;

	for (cap = 0; cap < 41; cap++)
		if (cap % 3 == 1)
			CHECK_SYS(prctl(PR_CAPBSET_DROP, cap));
	set_caps(CAP(CAP_KILL), CAP(CAP_CHOWN) | CAP(CAP_KILL) | CAP(CAP_SETGID) |
		 CAP(CAP_AUDIT_WRITE), CAP(CAP_CHOWN) | CAP(CAP_SETGID));
	CHECK_SYS(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_CHOWN, 0, 0));
	same_afterwards();
	CHECK_EQ(1, prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_CHOWN, 0, 0));
	CHECK_EQ(0, prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_SETGID, 0, 0));
	/* Not effective, and what is not permitted cannot be had. */
	CHECK(setgid(77) == -1 && errno == EPERM, "may set the group");
	return 0;
}

CKPT_CYCLE(capabilities)
{
	in_child(capability_sets);
}

static int capable_user(void *arg)
{
	/* Another user that keeps some capabilities. */
	CHECK_SYS(prctl(PR_SET_KEEPCAPS, 1));
	CHECK_SYS(setresuid(3000, 3000, 3000));
	set_caps(CAP(CAP_KILL), CAP(CAP_KILL), 0);
	CHECK_SYS(prctl(PR_SET_KEEPCAPS, 1));
	same_afterwards();
	CHECK_EQ(1, prctl(PR_GET_KEEPCAPS));
	return 0;
}

CKPT_CYCLE(capabilities_of_user)
{
	in_child(capable_user);
}

static int with_securebits(void *arg)
{
	unsigned long bits = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |
			     SECBIT_NO_CAP_AMBIENT_RAISE;

	CHECK_SYS(prctl(PR_SET_SECUREBITS, bits));
	same_afterwards();
	CHECK_EQ(bits, prctl(PR_GET_SECUREBITS));
	CHECK(prctl(PR_SET_SECUREBITS, 0) == -1 && errno == EPERM, "a lock was opened");
	return 0;
}

CKPT_CYCLE(securebits)
{
	in_child(with_securebits);
}

/* Raw calls change one thread only, whatever the C library does otherwise. */
static void *other_user(void *arg)
{
	uid_t uid = (uintptr_t)arg;

	CHECK_SYS(syscall(__NR_setresuid, uid, uid, uid));
	same_afterwards();
	CHECK_EQ(uid, syscall(__NR_getuid));
	return NULL;
}

CKPT_CYCLE(threads_of_several_users)
{
	pthread_t thread[3];
	uintptr_t i;

	for (i = 0; i < 3; i++)
		CHECK_EQ(0, pthread_create(&thread[i], NULL, other_user, (void *)(4000 + i)));
	ckpt_step_wait(0, 3);
	ckpt_ready_wait();
	CHECK_EQ(0, getuid());
	for (i = 0; i < 3; i++)
		CHECK_EQ(0, pthread_join(thread[i], NULL));
}

TEST_HARNESS_MAIN
