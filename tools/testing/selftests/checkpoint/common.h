/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the selftests of checkpoint(2) and restart(2) have in common.
 *
 * A *scenario* is a function that runs in a process of its own, executed
 * afresh, in a cgroup (and for containers a pid namespace) of its own.  It sets
 * something up, says that it is ready, waits for the word to go on, and then
 * proves that what it set up is still there.  ckpt_cycle() takes a scenario over
 * a checkpoint that lets it run on, over a checkpoint and restart, and over two
 * of them.  With CKPT_BASELINE in the environment it is only run undisturbed and
 * over a mere freeze, on any kernel: that must work before anything else can.
 * With CKPT_BOOT it is left behind as an image, and restarted after a power-off:
 * see common_boots.c.
 *
 * Test and scenario talk through the *board*: a small file that both have
 * mapped shared, and that therefore survives what happens to the scenario.  Its
 * content and time are taken back to the moment of the checkpoint before each
 * restart: a file that was changed since is not the one that was saved.
 */
#ifndef CKPT_TEST_COMMON_H
#define CKPT_TEST_COMMON_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <linux/checkpoint.h>

#ifndef __NR_checkpoint
#define __NR_checkpoint 473
#endif
#ifndef __NR_restart
#define __NR_restart 474
#endif

/*
 * Bytes of a page.  Where kernels have pages of different sizes it may be several
 * pages: what tests do to it is possible all the same.
 */
#if defined(__powerpc64__) || defined(__aarch64__)
#define CKPT_PAGE	65536ul
#else
#define CKPT_PAGE	4096ul
#endif
/* What ckpt_pipe() makes holds so many bytes. */
#define CKPT_PIPE_SIZE	65536

/* Seconds: when a test gives up by itself, and when the harness kills it. */
#define CKPT_WATCHDOG	280
#define CKPT_TIMEOUT	300

/* ---- system calls ---------------------------------------------------- */

static inline long sys_checkpoint(struct checkpoint_args *args, size_t size)
{
	return syscall(__NR_checkpoint, args, size);
}

static inline long sys_restart(struct restart_args *args, size_t size)
{
	return syscall(__NR_restart, args, size);
}

/* clone(2) with flags only: where they stand depends on the architecture. */
static inline long sys_clone(unsigned long flags)
{
#ifdef __s390__
	return syscall(__NR_clone, 0, flags, 0, 0, 0);
#else
	return syscall(__NR_clone, flags, 0, 0, 0, 0);
#endif
}

static inline pid_t sys_gettid(void)
{
	return syscall(__NR_gettid);
}

int sys_pidfd_open(pid_t pid);

/* ---- the board ------------------------------------------------------- */

#define CKPT_STEPS	256
#define CKPT_VALUES	512

struct ckpt_board {
	uint32_t ready;			/* Scenario: set up and waiting. */
	uint32_t go;			/* Test: verify yourself and finish. */
	uint32_t failed;		/* Scenario: a check failed, see msg. */
	uint32_t restarts;		/* Test: how often it was restarted. */
	uint32_t not_here;		/* Scenario: there is no such thing here. */
	char msg[1024];
	char text[1024];		/* For the scenario's own use. */
	uint32_t step[CKPT_STEPS];	/* Event counters with futex wake-ups. */
	uint64_t value[CKPT_VALUES];	/* For the scenario's own use. */
};

/* The 32-bit programs have it, too: program_32/common.h. */
_Static_assert(__builtin_offsetof(struct ckpt_board, step) == 2068 &&
	       __builtin_offsetof(struct ckpt_board, value) == 3096, "the 32-bit programs have another");

/* The scenario's mapping of its board. */
extern struct ckpt_board *board;

/* ---- scenario side --------------------------------------------------- */

/* Say that the set-up is done, or wait for the word to verify, or both. */
void ckpt_ready(void);
void ckpt_wait_go(void);
void ckpt_ready_wait(void);

/* The kernel or the machine has none of that: the test is skipped. */
__attribute__((noreturn)) void ckpt_not_here(void);

/* Raise the counter @step by one; wait until it is at least @count. */
void ckpt_step(unsigned int step);
void ckpt_step_wait(unsigned int step, uint32_t count);

/* Report a failed check to the test and exit from the process. */
__attribute__((noreturn, format(printf, 3, 4)))
void ckpt_fail(const char *file, int line, const char *fmt, ...);

#define CHECK(cond, fmt, ...) do {					\
	if (!(cond))							\
		ckpt_fail(__FILE__, __LINE__, "%s: " fmt, #cond, ##__VA_ARGS__); \
} while (0)

#define CHECK_EQ(want, seen) do {					\
	long long __want = (long long)(want), __seen = (long long)(seen); \
	if (__want != __seen)						\
		ckpt_fail(__FILE__, __LINE__,				\
			  "%s is %lld (0x%llx), not %s = %lld (0x%llx)", \
			  #seen, __seen, __seen, #want, __want, __want); \
} while (0)

#define CHECK_STREQ(want, seen) do {					\
	const char *__want = (want), *__seen = (seen);			\
	if (strcmp(__want, __seen))					\
		ckpt_fail(__FILE__, __LINE__, "%s is \"%s\", not \"%s\"", \
			  #seen, __seen, __want);			\
} while (0)

/* A system call that must not fail; evaluates to its result. */
#define CHECK_SYS(call) ({						\
	long __ret = (long)(call);					\
	if (__ret == -1)						\
		ckpt_fail(__FILE__, __LINE__, "%s: %s", #call, strerror(errno)); \
	__ret;								\
})

/* fork() where the child runs @fn(@arg) and exits with what it returns. */
pid_t ckpt_fork(int (*fn)(void *arg), void *arg);
/* For ckpt_fork(): raises counter 0, waits for the word to go on, and returns 0. */
int ckpt_child_waits(void *arg);
/* Wait for @pid, a child, and check that it exits with @code. */
void ckpt_wait_exit(pid_t pid, int code);
/* The state letter of the leader of the calling thread's group, as of /proc/PID/stat. */
char ckpt_leader_state(void);
/* A path for a file of the scenario's own, taken back and removed by the test. */
char *ckpt_path(char *buf, size_t size, const char *name);
/* The whole of a small file as a string, "" if it cannot be read. */
char *ckpt_read_file(const char *path, char *buf, size_t size);

/* The number that /proc has for @pid, which need not be the one that we have. */
pid_t ckpt_proc_number(pid_t pid);
/* pipe2() of CKPT_PIPE_SIZE bytes: how much others hold depends on the size of pages. */
int ckpt_pipe(int fd[2], int flags);
/* CLOCK_MONOTONIC in nanoseconds. */
uint64_t ckpt_now(void);

/* ---- test side ------------------------------------------------------- */

#define CKPT_MAX_BLOCKED 16
/* An entry of .blocked: a thread must be asleep in this system call. */
#define BLOCKED(nr)	((nr) + 1)

/* Scenario flags. */
#define SC_CONTAINER	(1u << 0)	/* Run it as a container only. */
#define SC_SUBTREE	(1u << 1)	/* Run it as a subtree only. */
#define SC_NO_ORIGINAL	(1u << 2)	/* It cannot run on next to its checkpoint. */

#define SC_IA32		(1u << 3)	/* .blocked are numbers of calls of 32 bits. */

struct ckpt_scenario {
	const char *name;
	void (*run)(void);
	unsigned int flags;
	unsigned int down_ms;		/* Let this pass before each restart. */
	uint64_t clone_flags;		/* More CLONE_NEW* for the container. */
	int blocked[CKPT_MAX_BLOCKED];	/* Awaited after READY and after restart. */
	/* Called in the test: before the checkpoint, after a restart. */
	int (*before)(void *run);
	int (*after)(void *run);
	struct ckpt_scenario *next;
};

struct ckpt_cgroup {
	char path[256];
	int fd;				/* Of its directory, -1 if there is none. */
};

#define CKPT_MAX_FILES	8

/* A file that the scenario made with ckpt_path(), as it was at the checkpoint. */
struct ckpt_saved_file {
	char path[320];
	char *data;
	size_t size;
	struct timespec mtime;
};

struct ckpt_run {
	const struct ckpt_scenario *sc;
	bool container;
	pid_t pid;			/* Of the root, a child of ours; 0 if none. */
	int pidfd;
	int status;			/* Of wait4(), once it is gone. */
	int log_fd;
	struct ckpt_cgroup cg;
	struct ckpt_board *board;
	char board_path[256];
	struct ckpt_board saved;	/* As it was at the last checkpoint. */
	struct timespec saved_mtime;
	long id;			/* Of that checkpoint. */
	struct ckpt_saved_file files[CKPT_MAX_FILES];
	unsigned int nr_files;
	unsigned int generation;	/* Restarts that led to what is saved. */
	const char *accept;		/* Paths that may differ, for restart(2). */
	size_t accept_len;
};

/* NULL if the tests can run here, or why not. */
const char *ckpt_missing(void);
/* Containers are enough here: CKPT_VARIANTS=container is in the environment. */
bool ckpt_containers_only(void);
/* When @path was modified. */
void ckpt_get_mtime(const char *path, struct timespec *mtime);
void ckpt_set_mtime(const char *path, const struct timespec *mtime);
/* Print a line of diagnostics. */
__attribute__((format(printf, 1, 2)))
void ckpt_diag(const char *fmt, ...);

int ckpt_cgroup_new(struct ckpt_cgroup *cg);
void ckpt_cgroup_del(struct ckpt_cgroup *cg);
int ckpt_cgroup_write(struct ckpt_cgroup *cg, const char *file, const char *text);
int ckpt_cgroup_move(struct ckpt_cgroup *cg, pid_t pid);
/* Freeze and wait until frozen; thaw. */
int ckpt_cgroup_freeze(struct ckpt_cgroup *cg);
int ckpt_cgroup_thaw(struct ckpt_cgroup *cg);
/* 1 if frozen, 0 if not, -1 if it cannot be read. */
int ckpt_cgroup_frozen(struct ckpt_cgroup *cg);
/* Wait until no task is left. */
int ckpt_cgroup_wait_empty(struct ckpt_cgroup *cg);

/* An empty file for an image, positioned at its start; rewind it for restart. */
int ckpt_image_new(void);

/*
 * The steps of a run.  All return 0, or -1 after having printed what is wrong.
 * ckpt_run_fini() is due after any ckpt_run_init(), whatever happened between.
 */
int ckpt_run_init(struct ckpt_run *run, const struct ckpt_scenario *sc, bool container);
int ckpt_run_start(struct ckpt_run *run);
int ckpt_run_wait_blocked(struct ckpt_run *run);
/* CHECKPOINT_SUBTREE is added as needed; with CHECKPOINT_KILL awaits the end. */
int ckpt_run_checkpoint(struct ckpt_run *run, int image_fd, uint64_t flags);
int ckpt_run_restart(struct ckpt_run *run, int image_fd, uint64_t flags);
/*
 * After a checkpoint with CHECKPOINT_KILL of the caller's own, which ended with the errno @error or 0:
 * notes what the board was, and awaits the end of the tasks.
 */
int ckpt_run_killed(struct ckpt_run *run, int error);
int ckpt_run_go(struct ckpt_run *run);
int ckpt_run_finish(struct ckpt_run *run);
void ckpt_run_kill(struct ckpt_run *run);
void ckpt_run_fini(struct ckpt_run *run);

/* Give the board its content and time of the checkpoint: ckpt_run_restart() does. */
void ckpt_take_board_back(struct ckpt_run *run);

/* More than the kernel writes into a log. */
#define CKPT_LOG_MAX	(1 << 21)
/* Takes out of a log what only a dry run tells: the names of all that tasks have. */
void ckpt_log_without_names(char *log);

/* For tests of single calls: arguments filled in for this run, log emptied. */
void ckpt_run_args(struct ckpt_run *run, struct checkpoint_args *args, int image_fd,
		   uint64_t flags);
/* checkpoint(2) of the run to @fd, and no more: what the call returns. */
long ckpt_run_call(struct ckpt_run *run, int fd, uint64_t flags);
void ckpt_run_restart_args(struct ckpt_run *run, struct restart_args *args, int image_fd,
			   uint64_t flags);
/*
 * Take what CKPT_LOSE names, if anything, out of the image in @fd before it is restarted, and tell
 * that it was: see common_lose.c. For tests that do without ckpt_run_restart().
 */
int ckpt_lose(int fd);
void ckpt_lost(void);
/* What the kernel wrote to the log, and whether a line of it has @text. */
const char *ckpt_run_log(struct ckpt_run *run);
bool ckpt_run_log_has(struct ckpt_run *run, const char *text);
void ckpt_run_print_log(struct ckpt_run *run);

/* The whole life of a scenario, see the top. */
int ckpt_cycle(const struct ckpt_scenario *sc, bool container);
/* Whether the last one has said that there is no such thing here. */
bool ckpt_was_not_here(void);

void ckpt_watchdog(void);
/* What @fn returns in a child that has no privileges; -1 if it did not come to that. */
int ckpt_as_nobody(int (*fn)(void));
/* The size of a page of this kernel: CKPT_PAGE, or less. */
size_t ckpt_page(void);
/* Two of these, of which only the first may be touched; NULL if there is no memory. */
char *ckpt_two_pages(void);
void ckpt_register(struct ckpt_scenario *sc);

/*
 * Define a scenario; the body of the function follows.  More members of struct
 * ckpt_scenario may be given: CKPT_SCENARIO(name, .flags = SC_CONTAINER) { ... }
 */
#define CKPT_SCENARIO(_name, ...)					\
	static void _name##_run(void);					\
	static struct ckpt_scenario _name = {				\
		.name = #_name, .run = _name##_run, __VA_ARGS__		\
	};								\
	/* Before the harness's constructors, which the scenario must not run. */ \
	__attribute__((constructor(200))) static void _name##_register(void) \
	{								\
		ckpt_register(&_name);					\
	}								\
	static void _name##_run(void)

#ifndef CKPT_NO_HARNESS
#include "kselftest_harness.h"

/* First thing in a test or fixture: can it run here?  Later it must come to an end. */
#define CKPT_BEGIN() do {						\
	const char *__why = ckpt_missing();				\
									\
	if (__why)							\
		SKIP(return, "%s", __why);				\
	ckpt_watchdog();						\
} while (0)

/*
 * The fixture of tests that run a scenario as container and as subtree. Which of
 * them it is makes no difference to code of the architecture: where the other one
 * has been tested on another architecture, ckpt_containers_only() leaves subtrees
 * out. CKPT_FIXTURE_ARCH is for programs that look at the architecture's code most
 * of all, and run both everywhere; CKPT_FIXTURE_IF for such whose _begin() finds out
 * more than CKPT_BEGIN() whether they can run.
 */
#define CKPT_FIXTURE		__CKPT_FIXTURE(false, CKPT_BEGIN)
#define CKPT_FIXTURE_ARCH	__CKPT_FIXTURE(true, CKPT_BEGIN)
#define CKPT_FIXTURE_IF(_begin)	__CKPT_FIXTURE(true, _begin)

#define __CKPT_FIXTURE(_arch, _begin)					\
	FIXTURE(cr) { int unused; };					\
	FIXTURE_VARIANT(cr) { bool container, arch; };			\
	FIXTURE_VARIANT_ADD(cr, container) { .container = true, .arch = _arch }; \
	FIXTURE_VARIANT_ADD(cr, subtree) { .container = false, .arch = _arch }; \
	FIXTURE_SETUP(cr)						\
	{								\
		_begin();						\
	}								\
	FIXTURE_TEARDOWN(cr) { }

/* A scenario and the test that takes it through ckpt_cycle(). */
#define CKPT_CYCLE(_name, ...)						\
	CKPT_SCENARIO(_name, __VA_ARGS__);				\
	TEST_F_TIMEOUT(cr, _name, CKPT_TIMEOUT)				\
	{								\
		if (!variant->container && (_name.flags & SC_CONTAINER)) \
			SKIP(return, "only makes sense in a container"); \
		if (variant->container && (_name.flags & SC_SUBTREE))	\
			SKIP(return, "only makes sense in a subtree");	\
		if (!variant->container && !variant->arch &&		\
		    !(_name.flags & SC_SUBTREE) && ckpt_containers_only()) \
			SKIP(return, "the same on all architectures: containers only here"); \
		ASSERT_EQ(0, ckpt_cycle(&_name, variant->container));	\
		if (ckpt_was_not_here())				\
			SKIP(return, "the kernel or the machine has none of it"); \
	}								\
	static void _name##_run(void)

#endif /* CKPT_NO_HARNESS */

#endif /* CKPT_TEST_COMMON_H */
