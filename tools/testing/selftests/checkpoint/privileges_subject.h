/* SPDX-License-Identifier: GPL-2.0 */
/* Whom privileges restarts: a process with as little as there can be, which tells what it has. */
#ifndef CKPT_TEST_PRIVILEGES_SUBJECT_H
#define CKPT_TEST_PRIVILEGES_SUBJECT_H

#include "privileges_table.h"

#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/utsname.h>

enum { DONE = 1 };

#define SOCKET_FD	5

static uint64_t cap_set(const char *key)
{
	char buf[4096];
	char *at = strstr(ckpt_read_file("/proc/self/status", buf, sizeof(buf)), key);

	return at ? strtoull(at + strlen(key), NULL, 16) : 0;
}

static uint64_t status_number(const char *key)
{
	char buf[4096];
	char *at = strstr(ckpt_read_file("/proc/self/status", buf, sizeof(buf)), key);

	return at ? strtoull(at + strlen(key), NULL, 10) : 0;
}

static uint64_t started(void)
{
	char buf[1024];
	char *at = strrchr(ckpt_read_file("/proc/self/stat", buf, sizeof(buf)), ')');
	int field;

	for (field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	return at ? strtoull(at, NULL, 10) : 0;
}

static void probe_all(void)
{
	uint64_t *v = board->value;
	struct rlimit limit;
	struct utsname names;
	struct sched_param param;
	struct itimerval timer;
	struct rusage usage;
	struct stat st;
	char text[PATH_MAX], c = 0;
	sigset_t pending;
	cpu_set_t set;
	uid_t r, e, s;
	ssize_t n;
	int fd, sig = 0;

	getresuid(&r, &e, &s);
	v[RUID] = r;
	v[EUID] = e;
	v[SUID] = s;
	v[FSUID] = syscall(__NR_setfsuid, -1);
	getresgid(&r, &e, &s);
	v[RGID] = r;
	v[EGID] = e;
	v[GROUPS] = getgroups(0, NULL);
	v[PERMITTED] = cap_set("CapPrm:");
	v[EFFECTIVE] = cap_set("CapEff:");
	v[INHERITABLE] = cap_set("CapInh:");
	v[BOUNDING] = cap_set("CapBnd:");
	v[AMBIENT] = cap_set("CapAmb:");
	v[SECUREBITS] = prctl(PR_GET_SECUREBITS);
	v[NNP] = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
	v[DUMPABLE] = prctl(PR_GET_DUMPABLE);
	getrlimit(RLIMIT_NOFILE, &limit);
	v[NOFILE_SOFT] = limit.rlim_cur;
	v[NOFILE_HARD] = limit.rlim_max;
	getrlimit(RLIMIT_MEMLOCK, &limit);
	v[MEMLOCK_HARD] = limit.rlim_max;
	v[NICE] = getpriority(PRIO_PROCESS, 0);
	v[POLICY] = sched_getscheduler(0);
	sched_getparam(0, &param);
	v[PRIORITY] = param.sched_priority;
	sched_getaffinity(0, sizeof(set), &set);
	v[CPUS] = CPU_COUNT(&set);
	v[OOM] = atoi(ckpt_read_file("/proc/self/oom_score_adj", text, sizeof(text)));
	pread(3, &c, 1, 0);
	v[FILE_IS] = c;
	v[FILE_WRITABLE] = pwrite(3, &c, 1, 0) == 1;
	c = 0;
	fd = open("/proc/self/exe", O_RDONLY);
	n = readlink("/proc/self/exe", text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = 0;
	v[EXE_IS] = !strstr(text, "/privileges");
	close(fd);
	v[STARTED] = started();
	getrusage(RUSAGE_SELF, &usage);
	v[CPU_TIME] = usage.ru_utime.tv_sec;
	v[MDWE] = prctl(66 /* PR_GET_MDWE */, 0, 0, 0, 0);
	uname(&names);
	v[HOST] = names.nodename[0];
	v[LOCKED_KB] = status_number("VmLck:");
	CHECK_SYS(fstat(SOCKET_FD, &st));
	v[SOCKET_UID] = st.st_uid;
	/* IOPRIO_WHO_PROCESS; PR_GET_IO_FLUSHER: who may not ask has not set it either. */
	v[IO_PRIORITY] = syscall(__NR_ioprio_get, 1, 0);
	v[IO_FLUSHER] = prctl(58, 0, 0, 0, 0);
	v[PERSONALITY] = personality(0xffffffff);
	prctl(PR_GET_PDEATHSIG, &sig);
	v[PDEATH] = sig;
	sigpending(&pending);
	v[PENDING_USR2] = sigismember(&pending, SIGUSR2);
	getitimer(ITIMER_REAL, &timer);
	v[ITIMER] = timer.it_value.tv_sec;
	v[LEADS_SESSION] = getsid(0) == getpid();
}

/* What is checkpointed: it has as little as there can be, and tells what it finds. */
CKPT_SCENARIO(subject)
{
	struct sigevent nobody = { .sigev_notify = SIGEV_NONE };
	char path[320], *map;
	sigset_t signals;
	timer_t timer;

	CHECK_SYS(chdir("/"));
	CHECK_EQ(3, open(ckpt_path(path, sizeof(path), "own"), O_RDWR));
	map = mmap(NULL, CKPT_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memset(map, 1, CKPT_PAGE);
	CHECK_SYS(timerfd_create(CLOCK_BOOTTIME, 0));
	CHECK_EQ(SOCKET_FD, socket(AF_UNIX, SOCK_DGRAM, 0));
	/* So that there is a record of such controls; it takes no right. */
	CHECK_SYS(prctl(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_EARLY, 0, 0));
	/* The same of pending signals, timers and CPUs. */
	sigemptyset(&signals);
	sigaddset(&signals, SIGUSR1);
	sigaddset(&signals, SIGUSR2);
	CHECK_SYS(sigprocmask(SIG_BLOCK, &signals, NULL));
	CHECK_SYS(raise(SIGUSR1));
	CHECK_SYS(timer_create(CLOCK_MONOTONIC, &nobody, &timer));
	bound();
	ckpt_ready_wait();
	probe_all();
	ckpt_step(DONE);
	for (;;)
		pause();
}

#endif
