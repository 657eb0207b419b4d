// SPDX-License-Identifier: GPL-2.0
/*
 * Rounds of checkpoint (dry runs, and such that let the tree run on) and of
 * restart, while a second process, the pest (soak_pest.h), kills, stops,
 * continues, traces, freezes and moves tasks of the tree at random moments of the
 * call.
 *
 * Whatever it does, a call succeeds or ends with an errno and a line that tells
 * why; what it did not kill is alive and answers; nothing is left of a restart
 * that failed; and from each image that checkpoint(2) calls complete the tree
 * can go on.
 *
 * CKPT_ROUNDS is how many rounds there are in all, CKPT_SEED what chance begins
 * with (the moments depend on the machine, too).
 */
#include "fault.h"
#include "soak_pest.h"
#include "usage.h"

#include <dirent.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <sys/resource.h>

#define ROUNDS		500
#define TREES		4
/* Seconds: a freeze, tasks that are to stop, and those that are to end have theirs. */
#define HANG		100
#define TIMEOUT_MS	20000

/* ---- the trees ------------------------------------------------------- */

/* Steps of the board. */
enum { READY, POKE };

/* Values of the board: the last poke that each task answered, by slot; how many slots. */
#define SLOT		0
#define SLOTS		300

#define THREADS		12
#define DESCRIPTORS	600

static void wait_poke(uint32_t seen)
{
	syscall(__NR_futex, &board->step[POKE], FUTEX_WAIT, seen, NULL, NULL, 0);
}

/* A task that answers each poke, until the word to go on comes. */
static void answer(unsigned int slot)
{
	uint32_t now;

	ckpt_step(READY);
	while (!__atomic_load_n(&board->go, __ATOMIC_SEQ_CST)) {
		now = __atomic_load_n(&board->step[POKE], __ATOMIC_SEQ_CST);
		__atomic_store_n(&board->value[SLOT + slot], now, __ATOMIC_SEQ_CST);
		wait_poke(now);
	}
}

static unsigned int new_slot(void)
{
	return board->value[SLOTS]++;
}

static void *thread_answers(void *arg)
{
	answer((uintptr_t)arg);
	return NULL;
}

static void threads(unsigned int count)
{
	pthread_t thread;

	while (count--)
		CHECK_EQ(0, pthread_create(&thread, NULL, thread_answers,
					   (void *)(uintptr_t)new_slot()));
}

static int child(void *arg)
{
	answer((uintptr_t)arg);
	return 0;
}

static void children(unsigned int count)
{
	while (count--)
		ckpt_fork(child, (void *)(uintptr_t)new_slot());
}

/* So many that to look at them takes a while. */
static int child_with_files(void *arg)
{
	struct rlimit limit = { 2 * DESCRIPTORS, 2 * DESCRIPTORS };
	int i;

	CHECK_SYS(setrlimit(RLIMIT_NOFILE, &limit));
	for (i = 0; i < DESCRIPTORS; i++)
		CHECK_SYS(open("/dev/null", O_RDONLY));
	answer((uintptr_t)arg);
	return 0;
}

static int child_with_threads(void *arg)
{
	uintptr_t first = (uintptr_t)arg;
	pthread_t thread;
	uintptr_t i;

	for (i = 1; i < 4; i++)
		CHECK_EQ(0, pthread_create(&thread, NULL, thread_answers, (void *)(first + i)));
	answer(first);
	return 0;
}

/* Stopped, and answers each time that it is continued. */
static int child_stops(void *arg)
{
	bool first = true;

	while (!__atomic_load_n(&board->go, __ATOMIC_SEQ_CST)) {
		__atomic_store_n(&board->value[SLOT + (uintptr_t)arg],
				 __atomic_load_n(&board->step[POKE], __ATOMIC_SEQ_CST),
				 __ATOMIC_SEQ_CST);
		if (first)
			ckpt_step(READY);
		first = false;
		CHECK_SYS(kill(getpid(), SIGSTOP));
	}
	return 0;
}

/* The child answers, the parent waits in vfork(). */
static int child_vforks(void *arg)
{
	pid_t kid = vfork();

	if (!kid) {
		answer((uintptr_t)arg);
		_exit(0);
	}
	CHECK(kid > 0, "vfork: %s", strerror(errno));
	ckpt_wait_exit(kid, 0);
	return 0;
}

static void zombies(unsigned int count)
{
	siginfo_t info;
	pid_t kid;

	while (count--) {
		kid = CHECK_SYS(fork());
		if (!kid)
			_exit(3);
		CHECK_SYS(waitid(P_PID, kid, &info, WEXITED | WNOWAIT));
	}
}

static int group_of_its_own(void *arg)
{
	CHECK_SYS(setsid());
	answer((uintptr_t)arg);
	return 0;
}

/* The root answers as well, and says that all is ready. */
static void root(void)
{
	unsigned int slot = new_slot();

	ckpt_step_wait(READY, slot);
	ckpt_ready();
	answer(slot);
	_exit(0);
}

CKPT_SCENARIO(of_threads)
{
	threads(THREADS);
	root();
}

CKPT_SCENARIO(of_descriptors)
{
	ckpt_fork(child_with_files, (void *)(uintptr_t)new_slot());
	children(3);
	root();
}

CKPT_SCENARIO(of_a_family)
{
	unsigned int slot;

	zombies(3);
	ckpt_fork(child_stops, (void *)(uintptr_t)new_slot());
	ckpt_fork(child_vforks, (void *)(uintptr_t)new_slot());
	ckpt_fork(child_vforks, (void *)(uintptr_t)new_slot());
	slot = new_slot();
	new_slot();
	new_slot();
	new_slot();
	ckpt_fork(child_with_threads, (void *)(uintptr_t)slot);
	children(2);
	root();
}

CKPT_SCENARIO(of_namespaces)
{
	struct clone_args args = { .flags = CLONE_NEWPID, .exit_signal = SIGCHLD };
	unsigned int slot = new_slot();
	pid_t inner;

	new_slot();
	inner = CHECK_SYS(syscall(__NR_clone3, &args, sizeof(args)));
	if (!inner) {
		ckpt_fork(child_vforks, (void *)(uintptr_t)(slot + 1));
		answer(slot);
		_exit(0);
	}
	ckpt_fork(group_of_its_own, (void *)(uintptr_t)new_slot());
	zombies(1);
	threads(2);
	root();
}

/* ---- the test -------------------------------------------------------- */

enum call { DRY_RUN, RUN_ON, RESTART, CALLS };

static const char * const call_name[] = { "dry run", "checkpoint", "restart" };

static struct ckpt_run run;
static struct ckpt_cgroup other;
static struct ckpt_usage before;
static int image = -1, scratch = -1;
static int lowest;
/* How many tasks the tree has when none is missing. */
static int tasks;
static uint64_t seed;
/* Microseconds that each call takes, about. */
static unsigned int takes[CALLS] = { 200000, 300000, 500000 };
static unsigned int good[CALLS], bad[CALLS], killed, reborn;

FIXTURE(soak) { int unused; };

FIXTURE_SETUP(soak)
{
	CKPT_BEGIN();
	alarm(0);
	ASSERT_EQ(0, ckpt_guard_start(HANG));
	ASSERT_EQ(0, pest_start());
	ckpt_kmsg("soak");
}

FIXTURE_TEARDOWN(soak)
{
	if (run.board)
		ckpt_run_fini(&run);
	if (other.fd > 0)
		ckpt_cgroup_del(&other);
}

static int tasks_now(void)
{
	pid_t all[64];

	return cgroup_numbers(run.cg.path, "cgroup.threads", all, 64);
}

/* How many do not answer, or not yet. */
static int silent(uint32_t poke)
{
	unsigned int i, slots = run.board->value[SLOTS];
	int n = 0;

	for (i = 0; i < slots; i++)
		n += __atomic_load_n(&run.board->value[SLOT + i], __ATOMIC_SEQ_CST) != poke;
	return n;
}

/*
 * All that the pest has not killed go on, and say so. Of a tree of @whole tasks, unless that is 0, some
 * may be missing.
 */
static int all_of_answer(int whole)
{
	uint32_t poke = run.board->step[POKE] + 1;
	siginfo_t info = { .si_pid = 0 };
	pid_t all[64];
	int n, missing;

	ckpt_guard_enter("waiting for answers, after%s", pest->told);
	__atomic_store_n(&run.board->step[POKE], poke, __ATOMIC_SEQ_CST);
	for (;;) {
		missing = whole ? whole - tasks_now() : 0;
		if (silent(poke) <= missing)
			break;
		if (waitid(P_PID, run.pid, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) ||
		    info.si_pid) {
			ckpt_diag("the root is gone: %s", run.board->msg);
			return -1;
		}
		/* What was stopped, be it by the pest, is not for ever. */
		n = cgroup_numbers(run.cg.path, "cgroup.procs", all, 64);
		while (n--)
			kill(all[n], SIGCONT);
		futex_wake(&run.board->step[POKE]);
		poll(NULL, 0, 2);
	}
	ckpt_guard_leave();
	if (run.board->failed && !missing) {
		ckpt_diag("check failed: %s", run.board->msg);
		return -1;
	}
	return 0;
}

static int all_answer(void)
{
	return all_of_answer(0);
}

/* The system is as quick as before: processes can be made, and all be looked at. */
static int responsive(void)
{
	struct dirent *d;
	char path[300], buf[1024];
	DIR *proc;
	pid_t pid;

	ckpt_guard_enter("a look at all processes");
	proc = opendir("/proc");
	while (proc && (d = readdir(proc))) {
		snprintf(path, sizeof(path), "/proc/%s/stat", d->d_name);
		if (atoi(d->d_name))
			ckpt_read_file(path, buf, sizeof(buf));
	}
	if (proc)
		closedir(proc);
	pid = fork();
	if (!pid)
		_exit(0);
	if (waitpid(pid, NULL, 0) != pid)
		return -1;
	ckpt_guard_leave();
	return 0;
}

static void set_pest(enum call call, const char *cgroup)
{
	pest->seed = ckpt_random(&seed);
	pest->window_us = takes[call] + takes[call] / 4;
	/* Some rounds are undisturbed. */
	pest->deeds = ckpt_below(&seed, DEEDS + 1);
	pest->may_kill = ckpt_below(&seed, 3) != 0;
	pest->kills = 0;
	pest->harm = 0;
	pest->told[0] = 0;
	snprintf(pest->cgroup, sizeof(pest->cgroup), "%s", cgroup);
	snprintf(pest->other, sizeof(pest->other), "%s", other.path);
}

/* The call in the company of the pest; its result, errno as it set it. */
static long disturbed(enum call call, long (*fn)(void))
{
	uint64_t start;
	unsigned int us;
	long ret;
	int err;

	ckpt_guard_enter("%s", call_name[call]);
	start = ckpt_now();
	pest_tell();
	ret = fn();
	err = errno;
	us = (ckpt_now() - start) / 1000;
	if (ret > 0)
		takes[call] = (takes[call] * 7 + us) / 8;
	ckpt_guard_enter("the pest, in %s:%s", call_name[call], pest->told);
	pest_await();
	pest_tell();
	pest_await();
	ckpt_guard_leave();
	(ret > 0 ? good : bad)[call]++;
	errno = err;
	return ret;
}

static struct checkpoint_args checkpoint_args;
static struct restart_args restart_args;

static long call_checkpoint(void)
{
	return sys_checkpoint(&checkpoint_args, sizeof(checkpoint_args));
}

static long call_restart(void)
{
	return sys_restart(&restart_args, sizeof(restart_args));
}

static int verdict(enum call call, long ret, int err)
{
	if (ret > 0)
		return 0;
	if (!pest->harm) {
		ckpt_diag("%s gave %ld, errno %d, though nothing was done", call_name[call], ret, err);
		ckpt_run_print_log(&run);
		return -1;
	}
	return ckpt_documented(&run, call == RESTART, err);
}

/*
 * Success means that it can be restarted, whatever has happened meanwhile. Whom the pest has killed is
 * in the image or not, and what his parent found after the checkpoint does not belong to it.
 */
static int go_on_from_image(void)
{
	run.saved = *run.board;
	run.saved.failed = 0;
	ckpt_run_kill(&run);
	if (ckpt_run_restart(&run, scratch, 0))
		return -1;
	reborn++;
	if (!pest->kills)
		return all_answer();
	if (all_of_answer(tasks))
		return -1;
	if (run.board->failed || tasks_now() < tasks)
		ckpt_run_kill(&run);
	return 0;
}

/* A checkpoint of the tree; what is left of the tree goes on, be it from the image. */
static int round_of_checkpoint(enum call call)
{
	long ret;
	int err;

	set_pest(call, run.cg.path);
	if (ftruncate(scratch, 0) || lseek(scratch, 0, SEEK_SET))
		return -1;
	ckpt_run_args(&run, &checkpoint_args, scratch, call == DRY_RUN ? CHECKPOINT_DRY_RUN : 0);
	checkpoint_args.timeout_ms = TIMEOUT_MS;
	ret = disturbed(call, call_checkpoint);
	err = errno;
	if (verdict(call, ret, err))
		return -1;
	if (ckpt_cgroup_frozen(&run.cg)) {
		ckpt_diag("the cgroup is left frozen");
		return -1;
	}
	if (lowest_free(&run) != lowest) {
		ckpt_diag("a descriptor is left behind");
		return -1;
	}
	if (pest->kills) {
		killed++;
		ckpt_run_kill(&run);
	} else if (all_answer()) {
		return -1;
	}
	if (call == RUN_ON && ret > 0 && (!run.pid || ckpt_below(&seed, 3) == 0))
		return go_on_from_image();
	return 0;
}

static int round_of_restart(void)
{
	long ret;
	int err;

	if (run.pid)
		ckpt_run_kill(&run);
	set_pest(RESTART, run.cg.path);
	*run.board = run.saved;
	lseek(image, 0, SEEK_SET);
	ckpt_run_restart_args(&run, &restart_args, image, 0);
	ret = disturbed(RESTART, call_restart);
	err = errno;
	if (verdict(RESTART, ret, err))
		return -1;
	if (ret < 0) {
		if (nothing_left(&run, lowest - 1))
			return -1;
		/* It may be one that tasks can't be made in any more. */
		ckpt_run_kill(&run);
		return 0;
	}
	run.pid = ret;
	run.status = 0;
	run.pidfd = restart_args.pidfd;
	if (!pest->kills)
		return all_answer();
	killed++;
	ckpt_run_kill(&run);
	return 0;
}

static int soak(struct ckpt_scenario *sc, bool container)
{
	unsigned long rounds = ckpt_number("CKPT_ROUNDS", ROUNDS) / TREES, n;
	enum call call;
	int ret;

	seed = ckpt_number("CKPT_SEED", 1);
	image = ckpt_image_new();
	scratch = ckpt_image_new();
	if (ckpt_run_init(&run, sc, container) || ckpt_cgroup_new(&other) || ckpt_run_start(&run) ||
	    all_answer() || ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL) ||
	    ckpt_run_restart(&run, image, 0) || all_answer())
		return -1;
	lowest = lowest_free(&run);
	tasks = tasks_now();
	ckpt_diag("%s: %lu rounds, seed %lu", sc->name, rounds, (unsigned long)seed);
	for (n = 0; n < rounds; n++) {
		call = ckpt_below(&seed, 4);
		if (call == CALLS)
			call = DRY_RUN;
		/* There must be a tree; once there is one it is not made anew for nothing. */
		if (!run.pid)
			call = RESTART;
		ckpt_kmsg("soak: %s, round %lu: %s", sc->name, n, call_name[call]);
		ret = call == RESTART ? round_of_restart() : round_of_checkpoint(call);
		if (ret) {
			ckpt_diag("%s, round %lu (%s), seed %lu. The pest did:%s", sc->name, n,
				  call_name[call], ckpt_number("CKPT_SEED", 1), pest->told);
			return -1;
		}
		if (n % 50 == 49 && responsive())
			return -1;
		/* What is made once is made by now. */
		if (n == rounds / 4) {
			if (run.pid)
				ckpt_run_kill(&run);
			if (ftruncate(scratch, 0))
				return -1;
			ckpt_usage_now(&before);
		}
	}
	for (call = 0; call < CALLS; call++)
		ckpt_diag("%s: %u succeeded, %u did not; %u ms", call_name[call], good[call], bad[call],
			  takes[call] / 1000);
	ckpt_diag("%u times it was killed, %u times it went on from the image", killed, reborn);
	if (run.pid)
		ckpt_run_kill(&run);
	if (rounds > 50 && (!good[DRY_RUN] || !good[RUN_ON] || !good[RESTART] || !bad[RESTART] || !killed)) {
		ckpt_diag("the rounds are not what they should be");
		return -1;
	}
	/* Without what the last of them has written. */
	if (ftruncate(scratch, 0) || ckpt_usage_same(&before))
		return -1;
	/* And in the end all is as in the beginning. */
	if (ckpt_run_restart(&run, image, 0) || all_answer())
		return -1;
	ckpt_run_go(&run);
	__atomic_add_fetch(&run.board->step[POKE], 1, __ATOMIC_SEQ_CST);
	futex_wake(&run.board->step[POKE]);
	return ckpt_run_finish(&run);
}

static int seconds(void)
{
	return 900 + ckpt_number("CKPT_ROUNDS", ROUNDS) / TREES * 8;
}

#define SOAK(_name, _container)						\
	TEST_F_TIMEOUT(soak, _name, seconds())				\
	{								\
		ASSERT_EQ(0, soak(&_name, _container));			\
	}

SOAK(of_threads, false)
SOAK(of_descriptors, true)
SOAK(of_a_family, false)
SOAK(of_namespaces, true)

TEST_HARNESS_MAIN
