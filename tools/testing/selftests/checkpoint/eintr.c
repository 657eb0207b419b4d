// SPDX-License-Identifier: GPL-2.0
/*
 * System calls that end with EINTR when something wakes the task. A freeze does, but
 * it is no reason to end: where it can be, the call is made again. Here are those that
 * can be saved; see eintr_refused.c for the others.
 */
#include "eintr.h"

#include <time.h>

CKPT_FIXTURE_ARCH

/* Longer than any test lasts. */
#define LONG	100000

static pid_t sleeper;

static void *send_usr2(void *arg)
{
	ckpt_wait_go();
	CHECK_SYS(syscall(__NR_tgkill, getpid(), sleeper, SIGUSR2));
	return NULL;
}

/* Someone wakes the caller by SIGUSR2, which it has blocked, once the word has come. */
static void be_woken(void *(*fn)(void *))
{
	pthread_t thread;

	sleeper = sys_gettid();
	CHECK_EQ(0, pthread_create(&thread, NULL, fn, NULL));
}

/* ---- calls that can be saved ----------------------------------------- */

EINTR_CYCLE(sigwaitinfo_goes_on, .blocked = { BLOCKED(__NR_rt_sigtimedwait) })
{
	siginfo_t info;
	sigset_t set;

	block(&set, SIGUSR2);
	be_woken(send_usr2);
	ckpt_ready();
	CHECK_EQ(SIGUSR2, syscall(__NR_rt_sigtimedwait, &set, &info, NULL, 8));
	CHECK_EQ(SI_TKILL, info.si_code);
	CHECK_EQ(getpid(), info.si_pid);
}

static void *raise_sem(void *arg)
{
	ckpt_wait_go();
	CHECK_EQ(0, semop_by_one(0, 1));
	return NULL;
}

CKPT_SCENARIO(semop_goes_on, .blocked = { BLOCKED(__NR_semtimedop) })
{
	be_woken(raise_sem);
	ckpt_ready();
	CHECK(!semop_by_one(0, -1), "%s", strerror(errno));
}

TEST_F_TIMEOUT(cr, semop_goes_on, CKPT_TIMEOUT)
{
	EINTR_BEGIN();
	remove_sems();
	ASSERT_LE(0, sems(IPC_CREAT | 0600));
	EXPECT_EQ(0, ckpt_cycle(&semop_goes_on, variant->container));
	remove_sems();
}

static int asleep_in_sigtimedwait(void *run)
{
	return wait_asleep_in(run, __NR_rt_sigtimedwait);
}

/* The kernel does not know how much of the time is left: this error is seen. */
EINTR_CYCLE(time_limit_is_not_extended, .before = asleep_in_sigtimedwait)
{
	struct timespec limit = { .tv_sec = LONG };
	sigset_t set;

	block(&set, SIGUSR2);
	ckpt_ready();
	CHECK_EQ(-1, syscall(__NR_rt_sigtimedwait, &set, NULL, &limit, 8));
	CHECK_EQ(EINTR, errno);
	CHECK_EQ(LONG, limit.tv_sec);
	ckpt_wait_go();
}

/* ---- handlers -------------------------------------------------------- */

CKPT_SCENARIO(handler_interrupts, .blocked = { BLOCKED(__NR_rt_sigtimedwait) })
{
	sigset_t set;

	catch_usr1();
	block(&set, SIGUSR2);
	ckpt_ready();
	CHECK_EQ(-1, syscall(__NR_rt_sigtimedwait, &set, NULL, NULL, 8));
	CHECK_EQ(EINTR, errno);
	CHECK_EQ(1, handled);
}

/* A signal that comes while the task is frozen ends the call after all. */
TEST_F_TIMEOUT(cr, handler_interrupts, CKPT_TIMEOUT)
{
	int image = ckpt_image_new();
	struct ckpt_run run;
	int i;

	EINTR_BEGIN();
	ASSERT_EQ(0, ckpt_run_init(&run, &handler_interrupts, variant->container));
	/* Thawed after the checkpoint; saved with the signal; the signal comes after restart. */
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, ckpt_run_start(&run));
		ASSERT_EQ(0, ckpt_cgroup_freeze(&run.cg));
		if (i < 2)
			ASSERT_EQ(0, kill(run.pid, SIGUSR1));
		ASSERT_EQ(0, ckpt_run_checkpoint(&run, image, i ? CHECKPOINT_KILL : 0));
		ASSERT_EQ(0, ckpt_cgroup_thaw(&run.cg));
		if (i) {
			ASSERT_EQ(0, ckpt_run_restart(&run, image, i == 2 ? RESTART_FROZEN : 0));
			if (i == 2) {
				ASSERT_EQ(0, kill(run.pid, SIGUSR1));
				ASSERT_EQ(0, ckpt_cgroup_thaw(&run.cg));
			}
		}
		ASSERT_EQ(0, ckpt_run_finish(&run));
		ASSERT_EQ(0, ftruncate(image, 0));
		ASSERT_EQ(0, lseek(image, 0, SEEK_SET));
	}
	ckpt_run_fini(&run);
	close(image);
}

/*
 * Tasks get their registers at any place on their way to user mode, also while they
 * look for signals as they are to be frozen: handler and result are right everywhere.
 */
TEST_F_TIMEOUT(cr, frozen_while_restarted, CKPT_TIMEOUT)
{
	int image = ckpt_image_new();
	struct restart_args args;
	struct ckpt_run run;
	pid_t toggler;
	long pid;
	int i;

	EINTR_BEGIN();
	ASSERT_EQ(0, ckpt_run_init(&run, &handler_interrupts, variant->container));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, ckpt_cgroup_freeze(&run.cg));
	ASSERT_EQ(0, kill(run.pid, SIGUSR1));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL));
	ASSERT_EQ(0, ckpt_cgroup_thaw(&run.cg));
	for (i = 0; i < 20; i++) {
		toggler = fork();
		if (!toggler) {
			while (!ckpt_cgroup_write(&run.cg, "cgroup.freeze", "1") &&
			       !ckpt_cgroup_write(&run.cg, "cgroup.freeze", "0"))
				;
			_exit(1);
		}
		*run.board = run.saved;
		do {
			ASSERT_EQ(0, lseek(image, 0, SEEK_SET));
			ckpt_run_restart_args(&run, &args, image, 0);
			pid = sys_restart(&args, sizeof(args));
		} while (pid < 0 && errno == EBUSY);
		EXPECT_LT(0, pid) {
			ckpt_run_print_log(&run);
		}
		kill(toggler, SIGKILL);
		ASSERT_EQ(toggler, waitpid(toggler, NULL, 0));
		ASSERT_EQ(0, ckpt_cgroup_write(&run.cg, "cgroup.freeze", "0"));
		if (pid < 0)
			break;
		run.pid = pid;
		run.pidfd = args.pidfd;
		EXPECT_EQ(0, ckpt_run_finish(&run));
	}
	ckpt_run_fini(&run);
	close(image);
}

/* ---- stopped meanwhile ----------------------------------------------- */

/* Who waits in the child: its directory in /proc, for whoever is in another namespace. */
static int child_in_sigwait(void *arg)
{
	sigset_t set;

	block(&set, SIGUSR2);
	CHECK_SYS(readlink("/proc/thread-self", board->text, sizeof(board->text) - 1));
	ckpt_step(0);
	CHECK_EQ(-1, syscall(__NR_rt_sigtimedwait, &set, NULL, NULL, 8));
	CHECK_EQ(EINTR, errno);
	return 77;
}

/* That a stop ends the call is the kernel's own doing, see signal(7): it stays so. */
CKPT_CYCLE(stop_interrupts)
{
	char path[sizeof(board->text) + 16], buf[128];
	int status, nr;
	pid_t kid;

	kid = ckpt_fork(child_in_sigwait, NULL);
	ckpt_step_wait(0, 1);
	snprintf(path, sizeof(path), "/proc/%s/syscall", board->text);
	do {
		nr = -1;
		sscanf(ckpt_read_file(path, buf, sizeof(buf)), "%d", &nr);
	} while (nr != __NR_rt_sigtimedwait);
	CHECK_SYS(kill(kid, SIGSTOP));
	CHECK_EQ(kid, waitpid(kid, &status, WUNTRACED));
	CHECK(WIFSTOPPED(status), "status is 0x%x", status);
	ckpt_ready_wait();
	CHECK_SYS(kill(kid, SIGCONT));
	ckpt_wait_exit(kid, 77);
}

/* ---- calls of 32 bits ------------------------------------------------ */

#ifdef __x86_64__
CKPT_SCENARIO(ia32_sigwaitinfo_goes_on, .blocked = { BLOCKED(IA32_sigtimedwait) })
{
	sigset_t *set = low(sizeof(*set));

	block(set, SIGUSR2);
	be_woken(send_usr2);
	ckpt_ready();
	CHECK_EQ(SIGUSR2, ia32_call(IA32_sigtimedwait, (long)set, 0, 0, 8, 0));
}

TEST_F_TIMEOUT(cr, ia32_sigwaitinfo_goes_on, CKPT_TIMEOUT)
{
	EINTR_BEGIN();
	if (!has_ia32())
		SKIP(return, "this kernel has no 32-bit system calls");
	ASSERT_EQ(0, ckpt_cycle(&ia32_sigwaitinfo_goes_on, variant->container));
}
#endif

TEST_HARNESS_MAIN
