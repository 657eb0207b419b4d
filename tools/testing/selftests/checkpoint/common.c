// SPDX-License-Identifier: GPL-2.0
/*
 * What the selftests of checkpoint(2) and restart(2) have in common: the life
 * of a scenario, as the test sees it.
 */
#define CKPT_NO_HARNESS
#include "common_private.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <linux/sched.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

static const char *phase = "start";
static struct ckpt_run *current_run;

void ckpt_diag(const char *fmt, ...)
{
	va_list ap;

	printf("# ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	fflush(stdout);
}

int sys_pidfd_open(pid_t pid)
{
	return syscall(__NR_pidfd_open, pid, 0);
}

static void on_alarm(int sig)
{
	ckpt_diag("gave up after %d s in phase: %s", CKPT_WATCHDOG, phase);
	if (current_run) {
		ckpt_run_print_log(current_run);
		ckpt_run_fini(current_run);
	}
	_exit(1);
}

void ckpt_watchdog(void)
{
	signal(SIGALRM, on_alarm);
	alarm(CKPT_WATCHDOG);
}

int ckpt_as_nobody(int (*fn)(void))
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (!pid) {
		if (setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534))
			_exit(255);
		_exit(fn());
	}
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) == 255)
		return -1;
	return WEXITSTATUS(status);
}

bool ckpt_containers_only(void)
{
	const char *variants = getenv("CKPT_VARIANTS");

	return variants && !strcmp(variants, "container");
}

size_t ckpt_page(void)
{
	return sysconf(_SC_PAGESIZE);
}

char *ckpt_two_pages(void)
{
	size_t page = ckpt_page();
	char *two = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0);

	if (two == MAP_FAILED || mprotect(two + page, page, PROT_NONE))
		return NULL;
	return two;
}

/* ---- a run ----------------------------------------------------------- */

int ckpt_image_new(void)
{
	int fd = memfd_create("image", MFD_CLOEXEC);

	if (fd < 0)
		ckpt_diag("memfd_create: %s", strerror(errno));
	return fd;
}

/* The board is at run->board_path; @flags are more ones of open(2) for it. */
static int init_at(struct ckpt_run *run, const struct ckpt_scenario *sc, bool container,
		   int flags)
{
	run->sc = sc;
	run->container = container;
	run->pidfd = -1;
	run->log_fd = memfd_create("log", MFD_CLOEXEC);
	run->cg.fd = -1;
	current_run = run;
	/* What the root leaves behind must come to us, or its pid stays in use. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	run->board = ckpt_map_board(run->board_path, O_RDWR | O_CREAT | flags);
	if (!run->board) {
		ckpt_diag("%s: %s", run->board_path, strerror(errno));
		return -1;
	}
	return ckpt_cgroup_new(&run->cg);
}

int ckpt_run_init(struct ckpt_run *run, const struct ckpt_scenario *sc, bool container)
{
	static unsigned int nr;
	const char *dir = getenv("CKPT_TMPDIR");

	memset(run, 0, sizeof(*run));
	snprintf(run->board_path, sizeof(run->board_path), "%s/ckpt-board-%d-%u",
		 dir ? dir : "/dev/shm", getpid(), nr++);
	return init_at(run, sc, container, O_EXCL);
}

int ckpt_run_init_at(struct ckpt_run *run, const struct ckpt_scenario *sc, bool container,
		     const char *board_path)
{
	memset(run, 0, sizeof(*run));
	snprintf(run->board_path, sizeof(run->board_path), "%s", board_path);
	return init_at(run, sc, container, 0);
}

void ckpt_take_board_back(struct ckpt_run *run)
{
	*run->board = run->saved;
	run->board->restarts = run->generation + 1;
	ckpt_set_mtime(run->board_path, &run->saved_mtime);
}

/* Wait for all our children, keeping the status of the run's root. */
static void reap(struct ckpt_run *run, bool all)
{
	int status;
	pid_t pid;

	for (;;) {
		pid = waitpid(-1, &status, __WALL | (all ? 0 : WNOHANG));
		if (pid < 0 && errno == EINTR)
			continue;
		if (pid <= 0)
			return;
		if (pid == run->pid) {
			run->status = status;
			run->pid = 0;
		}
	}
}

static void drop_pidfd(struct ckpt_run *run)
{
	if (run->pidfd >= 0)
		close(run->pidfd);
	run->pidfd = -1;
}

void ckpt_run_kill(struct ckpt_run *run)
{
	if (run->cg.fd < 0)
		return;
	ckpt_cgroup_write(&run->cg, "cgroup.kill", "1");
	ckpt_cgroup_write(&run->cg, "cgroup.freeze", "0");
	reap(run, true);
	drop_pidfd(run);
	/*
	 * A cgroup that cgroup.kill was once written to may kill what is later
	 * cloned into it, see kill_seq in the kernel: go on with a new one.
	 */
	ckpt_cgroup_del(&run->cg);
	ckpt_cgroup_new(&run->cg);
}

void ckpt_run_leave(struct ckpt_run *run)
{
	current_run = NULL;
	ckpt_run_kill(run);
	ckpt_cgroup_del(&run->cg);
	if (run->board)
		munmap(run->board, sizeof(*run->board));
	run->board = NULL;
	ckpt_run_forget_files(run);
	if (run->log_fd >= 0)
		close(run->log_fd);
	run->log_fd = -1;
}

void ckpt_run_fini(struct ckpt_run *run)
{
	ckpt_run_leave(run);
	unlink(run->board_path);
	ckpt_run_remove_files(run);
}

static void exec_scenario(struct ckpt_run *run)
{
	char self[PATH_MAX];
	char *argv[] = { self, SCENARIO_ARG, (char *)run->sc->name, run->board_path, NULL };
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	sigset_t none;
	int fd, sig;

	if (len < 0)
		_exit(97);
	self[len] = 0;
	alarm(0);
	for (sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	/* Nothing of ours may stay open: in a container that is a leak. */
	syscall(__NR_close_range, 0, ~0U, 0);
	fd = open("/dev/null", O_RDWR);
	dup(fd);
	dup(fd);
	execv(self, argv);
	_exit(97);
}

/* Wait until *@word is set; -1 if the scenario failed or ended before. */
static int await_board(struct ckpt_run *run, uint32_t *word)
{
	struct timespec look = { .tv_nsec = LOOK_AGAIN * 1000000 };

	while (!__atomic_load_n(word, __ATOMIC_SEQ_CST)) {
		reap(run, false);
		if (!run->pid || __atomic_load_n(&run->board->failed, __ATOMIC_SEQ_CST) == 2)
			return -1;
		ckpt_futex_wait(word, 0, &look);
	}
	return 0;
}

void ckpt_phase(const char *name)
{
	phase = name;
}

int ckpt_complain(struct ckpt_run *run, const char *what)
{
	ckpt_diag("%s (%s, %s): %s", run->sc->name,
		  run->container ? "container" : "subtree", phase, what);
	if (run->board->failed)
		ckpt_diag("  check failed: %s", run->board->msg);
	else if (!run->pid)
		ckpt_diag("  wait status of the root: 0x%x", run->status);
	return -1;
}

/* CLONE_NEWNET if containers are to have a network namespace of their own. */
static uint64_t own_network(void)
{
	const char *network = getenv("CKPT_NETWORK");

	return network && !strcmp(network, "own") ? CLONE_NEWNET : 0;
}

/* Switch the loopback device of a new network namespace on. */
static void switch_network_on(void)
{
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &ifr))
		_exit(97);
	close(fd);
}

int ckpt_run_start(struct ckpt_run *run)
{
	struct clone_args args = {
		.flags = CLONE_INTO_CGROUP | CLONE_PIDFD,
		.pidfd = (uintptr_t)&run->pidfd,
		.exit_signal = SIGCHLD,
		.cgroup = run->cg.fd,
	};
	long pid;

	memset(run->board, 0, sizeof(*run->board));
	ckpt_run_remove_files(run);
	run->generation = 0;
	drop_pidfd(run);
	run->status = 0;
	if (run->container)
		args.flags |= CLONE_NEWPID | run->sc->clone_flags | own_network();
	fflush(NULL);
	pid = syscall(__NR_clone3, &args, sizeof(args));
	if (pid < 0)
		return ckpt_complain(run, strerror(errno));
	if (!pid) {
		if (run->container && own_network() && !(run->sc->clone_flags & CLONE_NEWNET))
			switch_network_on();
		exec_scenario(run);
	}
	run->pid = pid;
	if (await_board(run, &run->board->ready))
		return ckpt_complain(run, "did not get ready");
	return ckpt_run_wait_blocked(run);
}

/* Is thread @tid asleep, and in which system call?  -1 if it is not. */
static int asleep_in(int tid)
{
	char path[64], buf[512];
	char *at;
	int nr;

	snprintf(path, sizeof(path), "/proc/%d/stat", tid);
	at = strrchr(ckpt_read_file(path, buf, sizeof(buf)), ')');
	if (!at || (at[2] != 'S' && at[2] != 'D'))
		return -1;
	snprintf(path, sizeof(path), "/proc/%d/syscall", tid);
	if (sscanf(ckpt_read_file(path, buf, sizeof(buf)), "%d", &nr) != 1)
		return -1;
	return nr;
}

/* How many of the wanted system calls have nobody asleep in them? */
static int count_missing(struct ckpt_run *run)
{
	int want[CKPT_MAX_BLOCKED];
	int missing = 0, wild = 0;
	char buf[8192];
	char *at, *save;
	int fd, i, nr;
	ssize_t n;

	memcpy(want, run->sc->blocked, sizeof(want));
	fd = ckpt_cgroup_open(&run->cg, "cgroup.threads", O_RDONLY);
	n = read(fd, buf, sizeof(buf) - 1);
	close(fd);
	buf[n > 0 ? n : 0] = 0;
	for (at = strtok_r(buf, "\n", &save); at; at = strtok_r(NULL, "\n", &save)) {
		nr = asleep_in(atoi(at));
		/* After a freeze a call may go on under this one's number. */
		if (nr == (run->sc->flags & SC_IA32 ? 0 : __NR_restart_syscall))
			wild++;
		for (i = 0; nr >= 0 && i < CKPT_MAX_BLOCKED; i++) {
			if (want[i] == BLOCKED(nr)) {
				want[i] = 0;
				break;
			}
		}
	}
	for (i = 0; i < CKPT_MAX_BLOCKED; i++)
		missing += !!want[i];
	return missing > wild ? missing - wild : 0;
}

int ckpt_run_wait_blocked(struct ckpt_run *run)
{
	while (count_missing(run)) {
		reap(run, false);
		if (!run->pid || __atomic_load_n(&run->board->failed, __ATOMIC_SEQ_CST) == 2)
			return ckpt_complain(run, "ended before it was blocked");
		poll(NULL, 0, 1);
	}
	return 0;
}

void ckpt_run_args(struct ckpt_run *run, struct checkpoint_args *args, int image_fd,
		   uint64_t flags)
{
	memset(args, 0, sizeof(*args));
	args->flags = flags | (run->container ? 0 : CHECKPOINT_SUBTREE);
	args->pidfd = run->pidfd;
	args->cgroup_fd = run->cg.fd;
	args->image_fd = image_fd;
	args->log_fd = run->log_fd;
	/* The kernel under test may be one with all debugging, in an emulator. */
	args->timeout_ms = 60000;
	ckpt_run_empty_log(run);
}

long ckpt_run_call(struct ckpt_run *run, int fd, uint64_t flags)
{
	struct checkpoint_args args;

	ckpt_run_args(run, &args, fd, flags);
	return sys_checkpoint(&args, sizeof(args));
}

void ckpt_run_restart_args(struct ckpt_run *run, struct restart_args *args, int image_fd,
			   uint64_t flags)
{
	memset(args, 0, sizeof(*args));
	args->flags = flags;
	args->image_fd = image_fd;
	args->log_fd = run->log_fd;
	args->cgroup_fd = run->cg.fd;
	args->pidfd = -1;
	/* Test and scenario write to the board at any time. */
	args->accept = (uintptr_t)(run->accept ? run->accept : run->board_path);
	args->accept_len = run->accept ? run->accept_len : strlen(run->board_path) + 1;
	ckpt_run_empty_log(run);
}

int ckpt_run_killed(struct ckpt_run *run, int error)
{
	int status;

	if (error) {
		ckpt_diag("checkpoint(2): %s", strerror(error));
		ckpt_run_print_log(run);
		return -1;
	}
	run->saved = *run->board;
	ckpt_get_mtime(run->board_path, &run->saved_mtime);
	/* What the root leaves behind is ours. */
	while (waitpid(-1, &status, 0) > 0) {
		if (!WIFSIGNALED(status))
			return -1;
	}
	run->pid = 0;
	close(run->pidfd);
	run->pidfd = -1;
	return ckpt_cgroup_wait_empty(&run->cg);
}

int ckpt_run_checkpoint(struct ckpt_run *run, int image_fd, uint64_t flags)
{
	struct checkpoint_args args;
	long id;

	ckpt_run_args(run, &args, image_fd, flags);
	id = sys_checkpoint(&args, sizeof(args));
	if (id <= 0) {
		ckpt_complain(run, id ? strerror(errno) : "checkpoint(2) returned 0");
		ckpt_run_print_log(run);
		return -1;
	}
	run->saved = *run->board;
	run->id = id;
	ckpt_get_mtime(run->board_path, &run->saved_mtime);
	if (flags & CHECKPOINT_KILL) {
		reap(run, true);
		if (ckpt_cgroup_wait_empty(&run->cg))
			return ckpt_complain(run, "tasks are left in the cgroup");
		if (!WIFSIGNALED(run->status) || WTERMSIG(run->status) != SIGKILL)
			return ckpt_complain(run, "the root was not killed");
		drop_pidfd(run);
	}
	/* Nothing changes them now: what they are is what belongs to the image. */
	if (flags & (CHECKPOINT_KILL | CHECKPOINT_FROZEN)) {
		ckpt_run_save_files(run);
		run->generation = run->saved.restarts;
	}
	return 0;
}

int ckpt_run_restart(struct ckpt_run *run, int image_fd, uint64_t flags)
{
	struct restart_args args;
	long pid;

	ckpt_take_board_back(run);
	ckpt_run_take_files_back(run);
	poll(NULL, 0, run->sc->down_ms);
	if (ckpt_lose(image_fd))
		return ckpt_complain(run, "nothing can be lost");
	if (ckpt_other_vdso(image_fd))
		return ckpt_complain(run, "no vDSO to take for another one");
	if (lseek(image_fd, 0, SEEK_SET) == -1 && errno != ESPIPE)
		return ckpt_complain(run, "cannot rewind the image");
	ckpt_run_restart_args(run, &args, image_fd, flags);
	pid = sys_restart(&args, sizeof(args));
	if (pid <= 0) {
		ckpt_complain(run, pid ? strerror(errno) : "restart(2) returned 0");
		ckpt_run_print_log(run);
		return -1;
	}
	run->pid = pid;
	run->status = 0;
	run->pidfd = args.pidfd;
	if (args.pidfd < 0)
		return ckpt_complain(run, "restart(2) gave no pidfd");
	ckpt_lost();
	return 0;
}

int ckpt_run_go(struct ckpt_run *run)
{
	__atomic_store_n(&run->board->go, 1, __ATOMIC_SEQ_CST);
	ckpt_futex_wake(&run->board->go);
	return 0;
}

int ckpt_run_finish(struct ckpt_run *run)
{
	struct pollfd pfd = { .fd = run->pidfd, .events = POLLIN };
	int ret = 0;

	while (run->pid) {
		poll(&pfd, 1, LOOK_AGAIN);
		reap(run, false);
		if (__atomic_load_n(&run->board->failed, __ATOMIC_SEQ_CST) == 2)
			break;
	}
	if (run->board->failed || !WIFEXITED(run->status) || WEXITSTATUS(run->status))
		ret = ckpt_complain(run, "is not what it was");
	ckpt_run_kill(run);
	return ret;
}

int ckpt_run_go_and_finish(struct ckpt_run *run)
{
	int ret;

	/* A signal that comes before a call is made again would not interrupt it. */
	if (ckpt_run_wait_blocked(run))
		return -1;
	if (run->sc->after && run->sc->after(run))
		return ckpt_complain(run, "the check from outside failed");
	ckpt_run_go(run);
	ret = ckpt_run_finish(run);
	/* What the kernel said of the restart may explain it. */
	if (ret)
		ckpt_run_print_log(run);
	return ret;
}

int ckpt_run_set_up(struct ckpt_run *run)
{
	if (ckpt_run_start(run))
		return -1;
	if (run->sc->before && run->sc->before(run))
		return ckpt_complain(run, "the set-up from outside failed");
	return 0;
}
