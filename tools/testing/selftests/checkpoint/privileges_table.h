/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The tables of privileges: what an image asks for, whose task is to be saved,
 * and what comes of it for each kind of caller.
 */
#ifndef CKPT_TEST_PRIVILEGES_TABLE_H
#define CKPT_TEST_PRIVILEGES_TABLE_H

#include "common.h"

#include "sockets_tcp_keys.h"

#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#define CAP(x)	(1ull << (x))
#define ALL_CAPS ((1ull << (CAP_LAST_CAP + 1)) - 1)

#define UID	1000
#define OTHER_UID 2000

#ifndef PR_SET_MDWE
#define PR_SET_MDWE		65
#define PR_MDWE_REFUSE_EXEC_GAIN 1
#endif

/* ---- the callers ----------------------------------------------------- */

enum caller { ROOT, HELPER, USERNS, CR_ONLY, OWNER, OTHER, CALLERS };

static const struct {
	const char *name;
	uid_t uid;
	uint64_t caps;
	bool userns;			/* Root of a user and a pid namespace of its own. */
} callers[CALLERS] = {
	[ROOT]    = { .name = "root", 0, ALL_CAPS },
	/* What a restart by somebody else than root wants at least. */
	[HELPER]  = { .name = "a user with CAP_CHECKPOINT_RESTORE, SYS_ADMIN and SYS_TIME", UID,
		      CAP(CAP_CHECKPOINT_RESTORE) | CAP(CAP_SYS_ADMIN) | CAP(CAP_SYS_TIME) },
	[USERNS]  = { .name = "root of a user namespace", UID, 0, true },
	[CR_ONLY] = { .name = "a user with CAP_CHECKPOINT_RESTORE only", UID, CAP(CAP_CHECKPOINT_RESTORE) },
	[OWNER]   = { .name = "the owner without capabilities", UID, 0 },
	[OTHER]   = { .name = "another user", OTHER_UID, 0 },
};

/* Have these and no other capabilities. */
static int set_caps(uint64_t caps)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = {
		{ caps, caps, 0 }, { caps >> 32, caps >> 32, 0 },
	};

	return syscall(__NR_capset, &head, data);
}

/* ---- the table of restarts ------------------------------------------- */

/* Values of the board, by which a restored task tells what it has. */
enum probe {
	NOTHING, RUID, EUID, SUID, FSUID, RGID, EGID, GROUPS, PERMITTED, EFFECTIVE, INHERITABLE,
	BOUNDING, AMBIENT, SECUREBITS, NNP, DUMPABLE, NOFILE_SOFT, NOFILE_HARD, MEMLOCK_HARD, NICE,
	POLICY, PRIORITY, CPUS, OOM, FILE_IS, FILE_WRITABLE, EXE_IS, STARTED, CPU_TIME, MDWE, HOST,
	LOCKED_KB, SOCKET_UID, IO_PRIORITY, IO_FLUSHER, PERSONALITY, PDEATH, PENDING_USR2, ITIMER,
	LEADS_SESSION, PROBES
};

/* A cell: it is had; it is not, be it refused or left out; or the errno of the refusal. */
#define HAS	0
#define NOT	-1

#define IN_CONTAINER	(1u << 0)	/* Of an image of a container. */
#define AT_LEAST	(1u << 1)	/* The probe gives this or more. */
#define MADE_BY_USERNS	(1u << 2)	/* The image is that of the root of a user namespace. */
#define FREEZES		(1u << 3)	/* RESTART_FROZEN, into a cgroup that is root's to freeze. */
#define MADE_BY_HELPER	(1u << 4)	/* The image is that of a user. */
#define ACCEPTED	(1u << 5)	/* Files may be other ones than were saved. */

struct row {
	const char *name;
	const char *change[3];
	enum probe probe;
	uint64_t value;
	/* ROOT, HELPER, USERNS, CR_ONLY, OWNER, OTHER */
	int want[CALLERS];
	unsigned int flags;
	/* In the caller, before it calls. */
	void (*before)(void);
};

/* Whoever may not choose pids, or set clocks, gets nothing at all. */
#define NOBODY	EPERM, EPERM, EPERM

static void without_new_privs(void)
{
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

static void with_mdwe(void)
{
	prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0);
}

static void few_files(void)
{
	struct rlimit limit = { 256, 256 };

	setrlimit(RLIMIT_NOFILE, &limit);
}

static void no_locked_memory(void)
{
	struct rlimit limit = { 0, 0 };

	setrlimit(RLIMIT_MEMLOCK, &limit);
}

static void bound(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static void small_bounding_set(void)
{
	prctl(PR_CAPBSET_DROP, CAP_SYS_MODULE);
}

static void locked_securebits(void)
{
	prctl(PR_SET_SECUREBITS, SECBIT_NOROOT | SECBIT_NOROOT_LOCKED);
}

/* Of credentials those of the task come last: files were opened before it had them. */
static const struct row rows[] = {
	{ .name = "nothing in particular", { }, NOTHING, 0, { HAS, HAS, HAS, NOBODY } },

	/* Ids */
	/* Who has these may not open the file that the task has open. */
	{ .name = "other user ids", { "credentials[last].uid=3000", "credentials[last].effective=0", "credentials[last].permitted=0" },
	  RUID, 3000, { EACCES, EPERM, EINVAL, NOBODY } },
	{ .name = "the user ids of root", { "credentials[last].uid=0" }, RUID, 0, { HAS, EPERM, HAS, NOBODY } },
	{ .name = "the effective uid of root", { "credentials[last].uid[1]=0" }, EUID, 0,
	  { HAS, EPERM, HAS, NOBODY } },
	{ .name = "the saved uid of root", { "credentials[last].uid[2]=0" }, SUID, 0, { HAS, EPERM, HAS, NOBODY } },
	{ .name = "the filesystem uid of root", { "credentials[last].uid[3]=0" }, FSUID, 0,
	  { HAS, EPERM, HAS, NOBODY } },
	{ .name = "other group ids", { "credentials[last].gid=3000" }, RGID, 3000, { HAS, EPERM, EINVAL, NOBODY } },
	{ .name = "the effective gid of root", { "credentials[last].gid[1]=0" }, EGID, 0,
	  { HAS, EPERM, HAS, NOBODY } },
	{ .name = "a supplementary group", { "credentials[last].numbers=0" }, GROUPS, 1,
	  { HAS, EPERM, EPERM, NOBODY } },

	/* Capabilities */
	{ .name = "a capability that is permitted", { "credentials[last].permitted=0x1ffffffffff" }, PERMITTED, ALL_CAPS,
	  { HAS, EPERM, HAS, NOBODY } },
	{ .name = "a capability that is effective", { "credentials[last].permitted=0x1ffffffffff",
	  "credentials[last].effective=0x1ffffffffff" }, EFFECTIVE, ALL_CAPS, { HAS, EPERM, HAS, NOBODY } },
	{ .name = "a capability that is inheritable", { "credentials[last].inheritable=0x20" }, INHERITABLE, 0x20,
	  { HAS, EPERM, HAS, NOBODY } },
	{ .name = "a capability that is ambient", { "credentials[last].permitted=0x1ffffffffff",
	  "credentials[last].inheritable=0x20", "credentials[last].ambient=0x20" }, AMBIENT, 0x20,
	  { HAS, EPERM, HAS, NOBODY } },
	{ .name = "an ambient capability that is not inheritable", {
	  "credentials[last].permitted=0x1ffffffffff", "credentials[last].ambient=0x20" }, AMBIENT, 0x20,
	  { EINVAL, EINVAL, EINVAL, EINVAL, EINVAL, EINVAL } },
	{ .name = "an ambient capability that is not permitted", { "credentials[last].permitted=0",
	  "credentials[last].effective=0", "credentials[last].ambient=0x20" }, AMBIENT, 0x20,
	  { EINVAL, EINVAL, EINVAL, EINVAL, EINVAL, EINVAL } },
	{ .name = "less in the bounding set", { "credentials[last].bounding=0" }, BOUNDING, 0,
	  { HAS, EPERM, HAS, NOBODY } },
	{ .name = "more in the bounding set", { "credentials[last].bounding=0x1ffffffffff" }, BOUNDING, ALL_CAPS,
	  { EPERM, HAS, EPERM, NOBODY }, 0, small_bounding_set },
	{ .name = "SECBIT_NOROOT", { "credentials[last].securebits=1" }, SECUREBITS, SECBIT_NOROOT,
	  { HAS, EPERM, HAS, NOBODY } },
	{ .name = "SECBIT_KEEP_CAPS", { "credentials[last].securebits=16" }, SECUREBITS, SECBIT_KEEP_CAPS,
	  { HAS, HAS, HAS, NOBODY } },
	{ .name = "securebits without the caller's locks", { "credentials[last].securebits=0" }, SECUREBITS, 0,
	  { EPERM, HAS, EPERM, NOBODY }, 0, locked_securebits },
	{ .name = "no_new_privs", { "task.flags|=1" }, NNP, 1, { HAS, HAS, HAS, NOBODY } },
	{ .name = "privileges by exec, of a caller without", { }, NNP, 0,
	  { EPERM, EPERM, EPERM, EPERM, EPERM, EPERM }, 0, without_new_privs },

	/* What a process may be seen, killed and slowed down by */
	{ .name = "no core dumps", { "process.dumpable=0" }, DUMPABLE, 0, { HAS, HAS, HAS, NOBODY } },
	{ .name = "core dumps that are root's", { "process.dumpable=2" }, DUMPABLE, 2,
	  { HAS, EPERM, EPERM, NOBODY } },
	{ .name = "an OOM adjustment that is higher", { "process.oom_score_adj=500" }, OOM, 500,
	  { HAS, HAS, HAS, NOBODY } },
	{ .name = "an OOM adjustment that is lower", { "process.oom_score_adj=-500" }, OOM, -500,
	  { HAS, EACCES, EACCES, NOBODY } },
	{ .name = "an OOM adjustment that may become lower", { "process.oom_score_adj_min=-900" }, NOTHING, 0,
	  { HAS, EACCES, EACCES, NOBODY } },
	{ .name = "a lower limit", { "process.rlimits[14]=100", "process.rlimits[15]=100" }, NOFILE_HARD, 100,
	  { HAS, HAS, HAS, NOBODY }, 0, few_files },
	{ .name = "a higher limit", { "process.rlimits[14]=100", "process.rlimits[15]=1000" }, NOFILE_HARD, 1000,
	  { HAS, EPERM, EPERM, NOBODY }, 0, few_files },
	{ .name = "a nice value that is higher", { "task.nice=5" }, NICE, 5, { HAS, HAS, HAS, NOBODY } },
	{ .name = "a nice value that is lower", { "task.nice=-5" }, NICE, -5, { HAS, EPERM, EPERM, NOBODY } },
	{ .name = "SCHED_BATCH", { "task.policy=3" }, POLICY, SCHED_BATCH, { HAS, HAS, HAS, NOBODY } },
	{ .name = "SCHED_IDLE", { "task.policy=5" }, POLICY, SCHED_IDLE, { HAS, HAS, HAS, NOBODY } },
	{ .name = "SCHED_FIFO", { "task.policy=1", "task.rt_priority=5" }, PRIORITY, 5,
	  { HAS, EPERM, EPERM, NOBODY } },
	{ .name = "SCHED_RR", { "task.policy=2", "task.rt_priority=5" }, POLICY, SCHED_RR,
	  { HAS, EPERM, EPERM, NOBODY } },
	/* What sched_setaffinity(2) gives anybody. */
	{ .name = "a second CPU", { "CPU affinity.numbers=3" }, CPUS, 2, { HAS, HAS, HAS, NOBODY } },
	{ .name = "a second CPU, of a caller that is bound to one", { "CPU affinity.numbers=3" },
	  CPUS, 2, { HAS, HAS, HAS, NOBODY }, 0, bound },
	{ .name = "CPU times", { "task.utime=5000000000000", "task.counted_utime=5000000000000",
	  "task.runtime=5000000000000" }, CPU_TIME, 4000, { HAS, HAS, HAS, NOBODY }, AT_LEAST },
	{ .name = "a real-time I/O priority", { "thread controls.io_priority=0x2004" }, IO_PRIORITY, 0x2004,
	  { HAS, HAS, EPERM, NOBODY } },
	{ .name = "an I/O flusher", { "thread controls.flags|=4" }, IO_FLUSHER, 1,
	  { HAS, EPERM, EPERM, NOBODY } },
	{ .name = "locked memory beyond the limit", { "mapping[0].flags|=0x10" }, LOCKED_KB, 4,
	  { HAS, NOT, NOT, NOT, NOT, NOT }, AT_LEAST, no_locked_memory },
	{ .name = "memory that may become executable", { "address space.flags|=4" }, MDWE, 0,
	  { NOT, NOT, NOT, NOT, NOT, NOT }, 0, with_mdwe },
	{ .name = "a start in the past", { "task.start_boottime=1", "task.start_monotonic=1" }, STARTED, 0,
	  { HAS, HAS, NOT, NOBODY } },

	/* Personality, signals, timers, session: what anybody may have, and what nobody may */
	{ .name = "a personality", { "task.personality=0x0040000" }, PERSONALITY, ADDR_NO_RANDOMIZE,
	  { HAS, HAS, HAS, NOBODY } },
	{ .name = "a signal at the death of the parent", { "task.pdeath_signal=12" }, PDEATH, SIGUSR2,
	  { HAS, HAS, HAS, NOBODY } },
	{ .name = "a signal that is pending", { "pending signals.bare=0x800" }, PENDING_USR2, 1,
	  { HAS, HAS, HAS, NOBODY } },
	{ .name = "SIGKILL that is pending", { "pending signals.bare=0x100" }, NOTHING, 0,
	  { EINVAL, EINVAL, EINVAL, EINVAL, EINVAL, EINVAL } },
	{ .name = "an interval timer", { "process.flags|=0x20",
	  "process.itimer_real=9000000000000000" }, ITIMER, 1000, { HAS, HAS, HAS, NOBODY }, AT_LEAST },
	{ .name = "a POSIX timer that wakes the machine", {
	  "POSIX timers.numbers=0,9,1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0" }, NOTHING, 0,
	  { HAS, EPERM, EPERM, NOBODY } },
	{ .name = "the session of the caller", { "task.sid=0", "task.pgid=0", "process.flags&=~0x10" },
	  LEADS_SESSION, 0, { HAS, HAS, HAS, NOBODY } },

	{ .name = "an alarm clock", { "timerfd.clock=9" }, NOTHING, 0, { HAS, EPERM, EPERM, NOBODY } },

	/* Files. What was put in a file's place is not that file, whoever may open it. */
	{ .name = "a file that only root may read", { "open file[@OWN].path=SECRET" }, FILE_IS, 's',
	  { NOT, NOT, NOT, NOT, NOT, NOT } },
	{ .name = "a file that only root may write", { "open file[@OWN].path=THEIRS" }, FILE_IS, 't',
	  { NOT, NOT, NOT, NOT, NOT, NOT } },
	{ .name = "a symbolic link to root's file", { "open file[@OWN].path=LINK" }, FILE_IS, 's',
	  { NOT, NOT, NOT, NOT, NOT, NOT } },
	{ .name = "root's file, which is accepted", { "open file[@OWN].path=SECRET" }, FILE_IS, 's',
	  { HAS, EACCES, EACCES, NOT, NOT, NOT }, ACCEPTED },
	{ .name = "root's file for a user, which is accepted", { "open file[@OWN].path=SECRET" },
	  FILE_IS, 's', { EACCES, EACCES, NOT, NOT, NOT, NOT }, ACCEPTED | MADE_BY_HELPER },
	{ .name = "a device", { "open file[@/dev/null].path=/dev/kmsg" }, NOTHING, 0,
	  { NOT, NOT, NOT, NOT, NOT, NOT } },
	{ .name = "a program that is a data file", { "address space.exe=@OWN" }, EXE_IS, 1,
	  { NOT, NOT, NOT, NOT, NOT, NOT } },
	{ .name = "a program that is a device", { "address space.exe=@/dev/null" }, EXE_IS, 1,
	  { NOT, NOT, NOT, NOT, NOT, NOT } },
	{ .name = "another root directory", { "filesystem context.root=@/" }, NOTHING, 0,
	  { HAS, EPERM, HAS, NOBODY } },

	/* Sockets */
	{ .name = "a socket of another user", { "socket.owner[0]=3000" }, SOCKET_UID, 3000,
	  { HAS, NOT, NOT, NOBODY } },

	/* Namespaces, confinement, cgroups */
	{ .name = "a hostname of its own", { "uts namespace.nodename[0]=88" }, HOST, 'X',
	  { HAS, HAS, HAS, NOBODY }, IN_CONTAINER },
	{ .name = "tasks of a user namespace", { }, NOTHING, 0,
	  { EACCES, EACCES, HAS, EACCES, EACCES, EACCES }, MADE_BY_USERNS },
	{ .name = "a cgroup that is frozen", { }, NOTHING, 0,
	  { HAS, EACCES, EACCES, EACCES, EACCES, EACCES }, FREEZES },
};

#define ROWS	ARRAY_SIZE(rows)

/* ---- the table of checkpoints ---------------------------------------- */

static void of_owner(void)
{
	setgroups(0, NULL);
	setresgid(UID, UID, UID);
	setresuid(UID, UID, UID);
	prctl(PR_SET_DUMPABLE, 1);
}

static void of_root(void)
{
}

static void of_other(void)
{
	setgroups(0, NULL);
	setresgid(OTHER_UID, OTHER_UID, OTHER_UID);
	setresuid(OTHER_UID, OTHER_UID, OTHER_UID);
	prctl(PR_SET_DUMPABLE, 1);
}

static void not_dumpable(void)
{
	of_owner();
	prctl(PR_SET_DUMPABLE, 0);
}

static void with_capability(void)
{
	setgroups(0, NULL);
	setresgid(UID, UID, UID);
	prctl(PR_SET_KEEPCAPS, 1);
	setresuid(UID, UID, UID);
	set_caps(CAP(CAP_KILL));
	prctl(PR_SET_DUMPABLE, 1);
}

static void in_userns(void)
{
	of_owner();
	if (unshare(CLONE_NEWUSER))
		_exit(1);
	prctl(PR_SET_DUMPABLE, 1);
}

static void with_other_gid(void)
{
	setgroups(0, NULL);
	setresgid(UID, OTHER_UID, UID);
	setresuid(UID, UID, UID);
	prctl(PR_SET_DUMPABLE, 1);
}

/* What its filters do is what only an administrator may read. */
static void with_filter(void)
{
	struct sock_filter all[] = { BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };
	struct sock_fprog program = { .len = 1, .filter = all };

	of_owner();
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		_exit(1);
}

/* A key that the kernel tells only to who administers the network. */
static void with_key(void)
{
	int fd;

	of_owner();
	fd = socket(AF_INET, SOCK_STREAM, 0);
	if (fd < 0 || set_md5(fd, "a secret", 32))
		_exit(1);
}

static bool no_keys(void)
{
	return !has_option(MD5_EXT);
}

static const struct target {
	const char *name;
	void (*become)(void);
	int want[CALLERS];
	bool freeze_is_roots;
	/* Whether this kernel has no such thing. */
	bool (*missing)(void);
} targets[] = {
	{ .name = "a process of the owner", of_owner, { HAS, HAS, EPERM, HAS, HAS, EPERM } },
	{ .name = "a process of root", of_root, { HAS, EPERM, EPERM, EPERM, EPERM, EPERM } },
	{ .name = "a process of another user", of_other, { HAS, EPERM, EPERM, EPERM, EPERM, HAS } },
	{ .name = "a process that is not dumpable", not_dumpable, { HAS, EPERM, EPERM, EPERM, EPERM, EPERM } },
	{ .name = "a process with a capability", with_capability, { HAS, EPERM, EPERM, EPERM, EPERM, EPERM } },
	{ .name = "a process with another effective group", with_other_gid,
	  { HAS, EPERM, EPERM, EPERM, EPERM, EPERM } },
	{ .name = "a process in a user namespace", in_userns,
	  { EOPNOTSUPP, EOPNOTSUPP, EPERM, EOPNOTSUPP, EOPNOTSUPP, EPERM } },
	{ .name = "a process in a cgroup that only root may freeze", of_owner,
	  { HAS, EACCES, EPERM, EACCES, EACCES, EPERM }, true },
	{ .name = "a process with a filter of seccomp", with_filter,
	  { HAS, HAS, EPERM, EPERM, EPERM, EPERM } },
	{ .name = "a process with a key of TCP", with_key,
	  { HAS, EOPNOTSUPP, EPERM, EOPNOTSUPP, EOPNOTSUPP, EPERM }, .missing = no_keys },
};

#define TARGETS	ARRAY_SIZE(targets)

#endif /* CKPT_TEST_PRIVILEGES_TABLE_H */
