// SPDX-License-Identifier: GPL-2.0
/*
 * What the selftests of checkpoint(2) and restart(2) have in common: cgroups,
 * the board, and the life of a scenario.
 */
#define CKPT_NO_HARNESS
#include "common.h"

#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <time.h>
#include <linux/futex.h>
#include <linux/magic.h>
#include <linux/sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#define SCENARIO_ARG	"--scenario"
/* Milliseconds between two looks at what cannot wake us. */
#define LOOK_AGAIN	50

struct ckpt_board *board;

static const char *board_path;
static struct ckpt_scenario *scenarios;
static const char *cgroup_root = "/sys/fs/cgroup";
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

uint64_t ckpt_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

char *ckpt_path(char *buf, size_t size, const char *name)
{
	snprintf(buf, size, "%s.%s", board_path, name);
	return buf;
}

char *ckpt_slurp(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t n;

	if (fd >= 0) {
		while (len < size - 1 && (n = read(fd, buf + len, size - 1 - len)) > 0)
			len += n;
		close(fd);
	}
	buf[len] = 0;
	return buf;
}

static void futex_wake(uint32_t *word)
{
	syscall(__NR_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

static void futex_wait(uint32_t *word, uint32_t val, const struct timespec *timeout)
{
	syscall(__NR_futex, word, FUTEX_WAIT, val, timeout, NULL, 0);
}

/* ---- scenario side --------------------------------------------------- */

void ckpt_fail(const char *file, int line, const char *fmt, ...)
{
	const char *base = strrchr(file, '/');
	uint32_t none = 0;
	va_list ap;
	int len;

	/* The first failure is the one that tells; 1 while it is written. */
	if (__atomic_compare_exchange_n(&board->failed, &none, 1, false,
					__ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
		len = snprintf(board->msg, sizeof(board->msg), "%s:%d: ",
			       base ? base + 1 : file, line);
		va_start(ap, fmt);
		vsnprintf(board->msg + len, sizeof(board->msg) - len, fmt, ap);
		va_end(ap);
		__atomic_store_n(&board->failed, 2, __ATOMIC_SEQ_CST);
	}
	_exit(99);
}

void ckpt_ready(void)
{
	__atomic_store_n(&board->ready, 1, __ATOMIC_SEQ_CST);
	futex_wake(&board->ready);
}

void ckpt_wait_go(void)
{
	while (!__atomic_load_n(&board->go, __ATOMIC_SEQ_CST))
		futex_wait(&board->go, 0, NULL);
}

void ckpt_ready_wait(void)
{
	ckpt_ready();
	ckpt_wait_go();
}

void ckpt_step(unsigned int step)
{
	__atomic_add_fetch(&board->step[step], 1, __ATOMIC_SEQ_CST);
	futex_wake(&board->step[step]);
}

void ckpt_step_wait(unsigned int step, uint32_t count)
{
	uint32_t seen;

	while ((seen = __atomic_load_n(&board->step[step], __ATOMIC_SEQ_CST)) < count)
		futex_wait(&board->step[step], seen, NULL);
}

pid_t ckpt_fork(int (*fn)(void *arg), void *arg)
{
	pid_t pid = CHECK_SYS(fork());

	if (!pid)
		_exit(fn(arg));
	return pid;
}

void ckpt_wait_exit(pid_t pid, int code)
{
	int status;
	pid_t got;

	do {
		got = waitpid(pid, &status, __WALL);
	} while (got < 0 && errno == EINTR);
	CHECK(got == pid, "waitpid(%d) gave %d: %s", pid, got, strerror(errno));
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == code,
	      "status of %d is 0x%x, not exit code %d", pid, status, code);
}

void ckpt_register(struct ckpt_scenario *sc)
{
	sc->next = scenarios;
	scenarios = sc;
}

static struct ckpt_board *map_board(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);
	void *map = MAP_FAILED;

	if (fd >= 0 && (!(flags & O_CREAT) || !ftruncate(fd, sizeof(*board))))
		map = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (fd >= 0)
		close(fd);
	return map == MAP_FAILED ? NULL : map;
}

/*
 * "prog --scenario name board" runs the scenario in a process that holds
 * nothing of the test.  It is done in a constructor so that the harness's own,
 * which map memory, never run.
 */
__attribute__((constructor(300)))
static void scenario_main(int argc, char **argv)
{
	const struct ckpt_scenario *sc;

	if (argc != 4 || strcmp(argv[1], SCENARIO_ARG))
		return;
	board_path = argv[3];
	board = map_board(board_path, O_RDWR);
	if (!board)
		_exit(98);
	for (sc = scenarios; sc; sc = sc->next) {
		if (!strcmp(sc->name, argv[2])) {
			sc->run();
			_exit(0);
		}
	}
	ckpt_fail(__FILE__, __LINE__, "no scenario %s", argv[2]);
}

/* ---- cgroups --------------------------------------------------------- */

static int cgroup_open(struct ckpt_cgroup *cg, const char *file, int flags)
{
	return openat(cg->fd, file, flags | O_CLOEXEC);
}

int ckpt_cgroup_write(struct ckpt_cgroup *cg, const char *file, const char *text)
{
	int fd = cgroup_open(cg, file, O_WRONLY);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = write(fd, text, strlen(text));
	close(fd);
	return n == (ssize_t)strlen(text) ? 0 : -1;
}

int ckpt_cgroup_new(struct ckpt_cgroup *cg)
{
	static unsigned int nr;

	snprintf(cg->path, sizeof(cg->path), "%s/ckpt-test-%d-%u", cgroup_root, getpid(), nr++);
	cg->fd = -1;
	if (mkdir(cg->path, 0755)) {
		ckpt_diag("mkdir %s: %s", cg->path, strerror(errno));
		return -1;
	}
	cg->fd = open(cg->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return cg->fd < 0 ? -1 : 0;
}

int ckpt_cgroup_move(struct ckpt_cgroup *cg, pid_t pid)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", pid);
	return ckpt_cgroup_write(cg, "cgroup.procs", text);
}

/* The number after @key in cgroup.events, -1 if it cannot be read. */
static int cgroup_event(struct ckpt_cgroup *cg, const char *key, int *fdp)
{
	char buf[256];
	char *at;
	ssize_t n;
	int fd = *fdp;

	if (fd < 0) {
		fd = cgroup_open(cg, "cgroup.events", O_RDONLY);
		*fdp = fd;
	}
	if (fd < 0)
		return -1;
	n = pread(fd, buf, sizeof(buf) - 1, 0);
	if (n < 0)
		return -1;
	buf[n] = 0;
	at = strstr(buf, key);
	return at ? atoi(at + strlen(key)) : -1;
}

static int cgroup_await(struct ckpt_cgroup *cg, const char *key, int want)
{
	struct pollfd pfd = { .fd = -1, .events = POLLPRI };
	int fd = -1;
	int got;

	while ((got = cgroup_event(cg, key, &fd)) >= 0 && got != want) {
		pfd.fd = fd;
		poll(&pfd, 1, LOOK_AGAIN);
	}
	if (fd >= 0)
		close(fd);
	return got == want ? 0 : -1;
}

int ckpt_cgroup_freeze(struct ckpt_cgroup *cg)
{
	if (ckpt_cgroup_write(cg, "cgroup.freeze", "1"))
		return -1;
	return cgroup_await(cg, "frozen ", 1);
}

int ckpt_cgroup_thaw(struct ckpt_cgroup *cg)
{
	if (ckpt_cgroup_write(cg, "cgroup.freeze", "0"))
		return -1;
	return cgroup_await(cg, "frozen ", 0);
}

int ckpt_cgroup_frozen(struct ckpt_cgroup *cg)
{
	int fd = -1;
	int got = cgroup_event(cg, "frozen ", &fd);

	if (fd >= 0)
		close(fd);
	return got;
}

int ckpt_cgroup_wait_empty(struct ckpt_cgroup *cg)
{
	return cgroup_await(cg, "populated ", 0);
}

void ckpt_cgroup_del(struct ckpt_cgroup *cg)
{
	if (cg->fd < 0)
		return;
	ckpt_cgroup_write(cg, "cgroup.kill", "1");
	ckpt_cgroup_write(cg, "cgroup.freeze", "0");
	ckpt_cgroup_wait_empty(cg);
	close(cg->fd);
	cg->fd = -1;
	/* A task leaves the cgroup a little before it lets go of it. */
	while (rmdir(cg->path) && errno == EBUSY)
		poll(NULL, 0, 1);
}

const char *ckpt_missing(void)
{
	struct checkpoint_args args = { 0 };
	struct statfs fs;

	if (geteuid())
		return "needs root";
	if (!statfs(cgroup_root, &fs) && fs.f_type == SYSFS_MAGIC)
		mount("none", cgroup_root, "cgroup2", 0, NULL);
	if (statfs(cgroup_root, &fs) || fs.f_type != CGROUP2_SUPER_MAGIC) {
		/* As a system with both versions of cgroups has it. */
		cgroup_root = "/sys/fs/cgroup/unified";
		if (statfs(cgroup_root, &fs) || fs.f_type != CGROUP2_SUPER_MAGIC)
			return "needs cgroup v2 at /sys/fs/cgroup";
	}
	if (getenv("CKPT_BASELINE"))
		return NULL;
	if (sys_checkpoint(&args, 0) == -1 && errno == ENOSYS)
		return "the kernel has no CONFIG_CHECKPOINT";
	return NULL;
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

/* ---- a run ----------------------------------------------------------- */

int ckpt_image_new(void)
{
	int fd = memfd_create("image", MFD_CLOEXEC);

	if (fd < 0)
		ckpt_diag("memfd_create: %s", strerror(errno));
	return fd;
}

static void forget_files(struct ckpt_run *run)
{
	while (run->nr_files)
		free(run->files[--run->nr_files].data);
}

/* The scenario's files, in the directory of the board and with its name. */
static void each_file(struct ckpt_run *run, void (*fn)(struct ckpt_run *run, const char *path))
{
	size_t len = strlen(run->board_path);
	char pattern[sizeof(run->board_path) + 2];
	glob_t found;
	size_t i;

	snprintf(pattern, sizeof(pattern), "%.*s.*", (int)len, run->board_path);
	if (!glob(pattern, GLOB_NOSORT, NULL, &found)) {
		for (i = 0; i < found.gl_pathc; i++)
			fn(run, found.gl_pathv[i]);
		globfree(&found);
	}
}

static void remove_file(struct ckpt_run *run, const char *path)
{
	if (remove(path))
		ckpt_diag("%s: %s", path, strerror(errno));
}

static void save_file(struct ckpt_run *run, const char *path)
{
	struct ckpt_saved_file *file = &run->files[run->nr_files];
	struct stat st;
	int fd;

	if (lstat(path, &st) || !S_ISREG(st.st_mode) || run->nr_files == CKPT_MAX_FILES)
		return;
	snprintf(file->path, sizeof(file->path), "%s", path);
	file->size = st.st_size;
	file->data = malloc(st.st_size + 1);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (pread(fd, file->data, file->size, 0) != (ssize_t)file->size)
		ckpt_diag("%s: %s", path, strerror(errno));
	close(fd);
	run->nr_files++;
}

static void take_files_back(struct ckpt_run *run)
{
	struct ckpt_saved_file *file;
	unsigned int i;
	int fd;

	for (i = 0; i < run->nr_files; i++) {
		file = &run->files[i];
		fd = open(file->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		if (pwrite(fd, file->data, file->size, 0) != (ssize_t)file->size ||
		    ftruncate(fd, file->size))
			ckpt_diag("%s: %s", file->path, strerror(errno));
		close(fd);
	}
}

int ckpt_run_init(struct ckpt_run *run, const struct ckpt_scenario *sc, bool container)
{
	static unsigned int nr;
	const char *dir = getenv("CKPT_TMPDIR");

	memset(run, 0, sizeof(*run));
	run->sc = sc;
	run->container = container;
	run->pidfd = -1;
	run->log_fd = memfd_create("log", MFD_CLOEXEC);
	run->cg.fd = -1;
	current_run = run;
	/* What the root leaves behind must come to us, or its pid stays in use. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	snprintf(run->board_path, sizeof(run->board_path), "%s/ckpt-board-%d-%u",
		 dir ? dir : "/dev/shm", getpid(), nr++);
	run->board = map_board(run->board_path, O_RDWR | O_CREAT | O_EXCL);
	if (!run->board) {
		ckpt_diag("%s: %s", run->board_path, strerror(errno));
		return -1;
	}
	return ckpt_cgroup_new(&run->cg);
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

void ckpt_run_fini(struct ckpt_run *run)
{
	current_run = NULL;
	ckpt_run_kill(run);
	ckpt_cgroup_del(&run->cg);
	if (run->board)
		munmap(run->board, sizeof(*run->board));
	run->board = NULL;
	unlink(run->board_path);
	each_file(run, remove_file);
	forget_files(run);
	if (run->log_fd >= 0)
		close(run->log_fd);
	run->log_fd = -1;
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
		futex_wait(word, 0, &look);
	}
	return 0;
}

static int complain(struct ckpt_run *run, const char *what)
{
	ckpt_diag("%s (%s, %s): %s", run->sc->name,
		  run->container ? "container" : "subtree", phase, what);
	if (run->board->failed)
		ckpt_diag("  check failed: %s", run->board->msg);
	else if (!run->pid)
		ckpt_diag("  wait status of the root: 0x%x", run->status);
	return -1;
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
	each_file(run, remove_file);
	run->generation = 0;
	drop_pidfd(run);
	run->status = 0;
	if (run->container)
		args.flags |= CLONE_NEWPID | run->sc->clone_flags;
	fflush(NULL);
	pid = syscall(__NR_clone3, &args, sizeof(args));
	if (pid < 0)
		return complain(run, strerror(errno));
	if (!pid)
		exec_scenario(run);
	run->pid = pid;
	if (await_board(run, &run->board->ready))
		return complain(run, "did not get ready");
	return ckpt_run_wait_blocked(run);
}

/* Is thread @tid asleep, and in which system call?  -1 if it is not. */
static int asleep_in(int tid)
{
	char path[64], buf[512];
	char *at;
	int nr;

	snprintf(path, sizeof(path), "/proc/%d/stat", tid);
	at = strrchr(ckpt_slurp(path, buf, sizeof(buf)), ')');
	if (!at || (at[2] != 'S' && at[2] != 'D'))
		return -1;
	snprintf(path, sizeof(path), "/proc/%d/syscall", tid);
	if (sscanf(ckpt_slurp(path, buf, sizeof(buf)), "%d", &nr) != 1)
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
	fd = cgroup_open(&run->cg, "cgroup.threads", O_RDONLY);
	n = read(fd, buf, sizeof(buf) - 1);
	close(fd);
	buf[n > 0 ? n : 0] = 0;
	for (at = strtok_r(buf, "\n", &save); at; at = strtok_r(NULL, "\n", &save)) {
		nr = asleep_in(atoi(at));
		/* After a freeze a call may go on under this one's number. */
		if (nr == __NR_restart_syscall)
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
			return complain(run, "ended before it was blocked");
		poll(NULL, 0, 1);
	}
	return 0;
}

static void empty_log(struct ckpt_run *run)
{
	ftruncate(run->log_fd, 0);
	lseek(run->log_fd, 0, SEEK_SET);
}

const char *ckpt_run_log(struct ckpt_run *run)
{
	static char log[1 << 16];
	ssize_t n = pread(run->log_fd, log, sizeof(log) - 1, 0);

	log[n > 0 ? n : 0] = 0;
	return log;
}

bool ckpt_run_log_has(struct ckpt_run *run, const char *text)
{
	return strstr(ckpt_run_log(run), text);
}

void ckpt_run_print_log(struct ckpt_run *run)
{
	static char copy[1 << 16];
	char *at, *save;

	snprintf(copy, sizeof(copy), "%s", ckpt_run_log(run));
	for (at = strtok_r(copy, "\n", &save); at; at = strtok_r(NULL, "\n", &save))
		ckpt_diag("  log: %s", at);
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
	args->deadline_ms = 60000;
	empty_log(run);
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
	empty_log(run);
}

int ckpt_run_checkpoint(struct ckpt_run *run, int image_fd, uint64_t flags)
{
	struct checkpoint_args args;
	long id;

	ckpt_run_args(run, &args, image_fd, flags);
	id = sys_checkpoint(&args, sizeof(args));
	if (id <= 0) {
		complain(run, id ? strerror(errno) : "checkpoint(2) returned 0");
		ckpt_run_print_log(run);
		return -1;
	}
	run->saved = *run->board;
	if (flags & CHECKPOINT_KILL) {
		reap(run, true);
		if (ckpt_cgroup_wait_empty(&run->cg))
			return complain(run, "tasks are left in the cgroup");
		if (!WIFSIGNALED(run->status) || WTERMSIG(run->status) != SIGKILL)
			return complain(run, "the root was not killed");
		drop_pidfd(run);
		forget_files(run);
		each_file(run, save_file);
		run->generation = run->saved.restarts;
	}
	return 0;
}

int ckpt_run_restart(struct ckpt_run *run, int image_fd, uint64_t flags)
{
	struct restart_args args;
	long pid;

	*run->board = run->saved;
	run->board->restarts = run->generation + 1;
	take_files_back(run);
	poll(NULL, 0, run->sc->down_ms);
	if (lseek(image_fd, 0, SEEK_SET) == -1 && errno != ESPIPE)
		return complain(run, "cannot rewind the image");
	ckpt_run_restart_args(run, &args, image_fd, flags);
	pid = sys_restart(&args, sizeof(args));
	if (pid <= 0) {
		complain(run, pid ? strerror(errno) : "restart(2) returned 0");
		ckpt_run_print_log(run);
		return -1;
	}
	run->pid = pid;
	run->status = 0;
	run->pidfd = args.pidfd;
	if (args.pidfd < 0)
		return complain(run, "restart(2) gave no pidfd");
	return 0;
}

int ckpt_run_go(struct ckpt_run *run)
{
	__atomic_store_n(&run->board->go, 1, __ATOMIC_SEQ_CST);
	futex_wake(&run->board->go);
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
		ret = complain(run, "is not what it was");
	ckpt_run_kill(run);
	return ret;
}

static int go_and_finish(struct ckpt_run *run)
{
	int ret;

	if (run->sc->after && run->sc->after(run))
		return complain(run, "the check from outside failed");
	ckpt_run_go(run);
	ret = ckpt_run_finish(run);
	/* What the kernel said of the restart may explain it. */
	if (ret)
		ckpt_run_print_log(run);
	return ret;
}

static int start(struct ckpt_run *run)
{
	if (ckpt_run_start(run))
		return -1;
	if (run->sc->before && run->sc->before(run))
		return complain(run, "the set-up from outside failed");
	return 0;
}

/* What holds without checkpoints: if it does not, the scenario is wrong. */
static int baseline(struct ckpt_run *run)
{
	phase = "undisturbed";
	if (start(run) || go_and_finish(run))
		return -1;
	phase = "frozen and thawed";
	if (start(run))
		return -1;
	if (ckpt_cgroup_freeze(&run->cg) || ckpt_cgroup_thaw(&run->cg))
		return complain(run, "could not be frozen and thawed");
	return go_and_finish(run);
}

static int cycle(struct ckpt_run *run, int first, int second)
{
	if (!(run->sc->flags & SC_NO_ORIGINAL)) {
		phase = "original beside its checkpoint";
		if (start(run) || ckpt_run_checkpoint(run, first, 0) || go_and_finish(run))
			return -1;
		ftruncate(first, 0);
		lseek(first, 0, SEEK_SET);
	}

	phase = "checkpoint";
	if (start(run) || ckpt_run_checkpoint(run, first, CHECKPOINT_KILL))
		return -1;
	phase = "first restart";
	if (ckpt_run_restart(run, first, 0) || go_and_finish(run))
		return -1;

	/* The same image once more, for the second generation. */
	phase = "second generation, checkpoint";
	if (ckpt_run_restart(run, first, 0) || ckpt_run_wait_blocked(run) ||
	    ckpt_run_checkpoint(run, second, CHECKPOINT_KILL))
		return -1;
	phase = "second generation, restart";
	if (ckpt_run_restart(run, second, 0) || go_and_finish(run))
		return -1;
	return 0;
}

int ckpt_cycle(const struct ckpt_scenario *sc, bool container)
{
	int first = ckpt_image_new();
	int second = ckpt_image_new();
	struct ckpt_run run;
	int ret;

	ret = ckpt_run_init(&run, sc, container);
	if (!ret)
		ret = getenv("CKPT_BASELINE") ? baseline(&run) : cycle(&run, first, second);
	ckpt_run_fini(&run);
	close(first);
	close(second);
	return ret;
}
