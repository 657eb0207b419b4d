// SPDX-License-Identifier: GPL-2.0
/*
 * What tasks outside have as well: files are saved, and the log names them, also
 * what is below a file of an overlay; what would be torn apart is refused, with what
 * to do about it.
 */
#include "refuse.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>

static struct ckpt_run run;
static int image = -1;

FIXTURE(shared) { int unused; };
FIXTURE_VARIANT(shared) { bool container; };
FIXTURE_VARIANT_ADD(shared, container) { .container = true };
FIXTURE_VARIANT_ADD(shared, subtree) { .container = false };
FIXTURE_SETUP(shared)
{
	CKPT_BEGIN();
	if (getenv("CKPT_BASELINE"))
		SKIP(return, "needs checkpoint(2)");
	image = ckpt_image_new();
}

FIXTURE_TEARDOWN(shared)
{
	if (image >= 0)
		close(image);
	image = -1;
	if (run.board)
		ckpt_run_fini(&run);
}

/* checkpoint(2) is refused with EBUSY and a line that has @text. */
static int refused(uint64_t flags, const char *text)
{
	struct checkpoint_args args;

	ckpt_run_args(&run, &args, image, flags);
	errno = 0;
	if (sys_checkpoint(&args, sizeof(args)) != -1 || errno != EBUSY ||
	    !ckpt_run_log_has(&run, text)) {
		ckpt_diag("not refused by \"%s\": %s", text, strerror(errno));
		ckpt_run_print_log(&run);
		return -1;
	}
	return 0;
}

/* checkpoint(2) succeeds, and each of @count texts is in a line of its own. */
static int told(uint64_t flags, const char * const *text, int count)
{
	const char *at;
	int i, notes = 0;

	if (ckpt_run_checkpoint(&run, image, flags))
		return -1;
	for (at = ckpt_run_log(&run); (at = strstr(at, "note: ")); at++)
		notes++;
	for (i = 0; i < count; i++) {
		if (!ckpt_run_log_has(&run, text[i])) {
			ckpt_diag("no line has \"%s\"", text[i]);
			notes = -1;
		}
	}
	if (notes != count) {
		ckpt_diag("%d notes instead of %d", notes, count);
		ckpt_run_print_log(&run);
		return -1;
	}
	return 0;
}

/* ---- open files -------------------------------------------------------- */

/* The files whose descriptors are the first values of the board are ours, too. */
static int stolen[4];

static int steal(int count)
{
	int i;

	for (i = 0; i < count; i++) {
		stolen[i] = syscall(__NR_pidfd_getfd, run.pidfd, (int)run.board->value[i], 0);
		if (stolen[i] < 0)
			return -1;
	}
	return 0;
}

static void give_back(int count)
{
	while (count--)
		close(stolen[count]);
}

CKPT_SCENARIO(has_files)
{
	char path[320];
	int fd;

	fd = CHECK_SYS(open(ckpt_path(path, sizeof(path), "file"), O_RDWR | O_CREAT, 0600));
	CHECK_EQ(5, write(fd, "hello", 5));
	board->value[0] = fd;
	board->value[1] = CHECK_SYS(open("/usr", O_RDONLY | O_DIRECTORY));
	board->value[2] = CHECK_SYS(open("/dev/zero", O_RDONLY));
	ckpt_ready_wait();
	CHECK_EQ(5, lseek(fd, 0, SEEK_CUR));
	CHECK_EQ(1, write(fd, "!", 1));
}

TEST_F_TIMEOUT(shared, open_files, CKPT_TIMEOUT)
{
	static const char * const notes[] = {
		".file): a task outside shares it; after a restart it has one of its own",
		"(/usr): a task outside shares it; after a restart it has one of its own",
		"(/dev/zero): a task outside shares it; after a restart it has one of its own",
	};

	ASSERT_EQ(0, ckpt_run_init(&run, &has_files, variant->container));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, steal(3));
	EXPECT_EQ(0, refused(CHECKPOINT_STRICT | CHECKPOINT_DRY_RUN,
			     ".file): a task outside shares it: close it there, or do without"));
	EXPECT_TRUE(ckpt_run_log_has(&run, "failed: EBUSY, 3 refusals"));
	ASSERT_EQ(0, told(CHECKPOINT_KILL, notes, 3));
	give_back(3);
	ASSERT_EQ(0, ckpt_run_restart(&run, image, 0));
	ckpt_run_go(&run);
	EXPECT_EQ(0, ckpt_run_finish(&run));
}

/* Nobody shares anything: nothing is told, and nothing is refused by who is strict. */
TEST_F_TIMEOUT(shared, nothing, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, ckpt_run_init(&run, &has_files, variant->container));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, told(CHECKPOINT_KILL | CHECKPOINT_STRICT, NULL, 0));
	ASSERT_EQ(0, ckpt_run_restart(&run, image, 0));
	ckpt_run_go(&run);
	EXPECT_EQ(0, ckpt_run_finish(&run));
}

CKPT_SCENARIO(has_a_pipe)
{
	int fd[2];

	CHECK_SYS(pipe(fd));
	board->value[0] = fd[1];
	ckpt_ready_wait();
}

TEST_F_TIMEOUT(shared, pipes, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, ckpt_run_init(&run, &has_a_pipe, variant->container));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, steal(1));
	EXPECT_EQ(0, refused(CHECKPOINT_KILL, "a task outside shares it: leave it outside "
			     "(--external), start the tasks with a file instead, or checkpoint what "
			     "has the pipe as well"));
	give_back(1);
	ckpt_run_go(&run);
	EXPECT_EQ(0, ckpt_run_finish(&run));
}

/* ---- removed files -------------------------------------------------------- */

CKPT_SCENARIO(has_a_removed_file)
{
	char path[320];
	int fd;

	fd = CHECK_SYS(open(ckpt_path(path, sizeof(path), "gone"), O_RDWR | O_CREAT, 0600));
	CHECK_EQ(5, write(fd, "hello", 5));
	board->value[1] = CHECK_SYS(open(path, O_RDONLY));
	CHECK_SYS(unlink(path));
	board->value[0] = fd;
	ckpt_ready();
	/* Who only reads may go on to share it. */
	ckpt_step_wait(0, 1);
	CHECK_SYS(close(fd));
	ckpt_step(1);
	ckpt_wait_go();
}

/* Opened once more outside: another open file, of the same inode. */
TEST_F_TIMEOUT(shared, removed_file_of_others, CKPT_TIMEOUT)
{
	static const char * const notes[] = { ".gone): a task outside has it open too; after" };
	char link[64];
	uint32_t n;
	int fd;

	ASSERT_EQ(0, ckpt_run_init(&run, &has_a_removed_file, variant->container));
	ASSERT_EQ(0, ckpt_run_start(&run));
	snprintf(link, sizeof(link), "/proc/%d/fd/%d", run.pid, (int)run.board->value[0]);
	fd = open(link, O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, refused(CHECKPOINT_KILL, ".gone): a task outside has it open too: close it there, "
			     "or checkpoint what has it as well"));
	__atomic_store_n(&run.board->step[0], 1, __ATOMIC_SEQ_CST);
	syscall(__NR_futex, &run.board->step[0], 1, 1, NULL, NULL, 0);
	while (!(n = __atomic_load_n(&run.board->step[1], __ATOMIC_SEQ_CST)))
		syscall(__NR_futex, &run.board->step[1], 0, n, NULL, NULL, 0);
	/* Nobody can write to it any more: two of it are as good as one. */
	EXPECT_EQ(0, told(CHECKPOINT_DRY_RUN, notes, 1));
	EXPECT_EQ(0, refused(CHECKPOINT_DRY_RUN | CHECKPOINT_STRICT, ".gone): a task outside"));
	close(fd);
	EXPECT_EQ(0, told(CHECKPOINT_DRY_RUN, NULL, 0));
	ckpt_run_go(&run);
	EXPECT_EQ(0, ckpt_run_finish(&run));
}

/* ---- a part of a tree ------------------------------------------------------ */

/* What the child shares with its parent, which is not checkpointed. */
static char *memory;

static int with_shared_memory(void)
{
	memory = mmap(NULL, CKPT_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(memory != MAP_FAILED, "mmap: %s", strerror(errno));
	return CHECK_SYS(fork());
}

static int with_descriptors(void)
{
	return CHECK_SYS(sys_clone(CLONE_FILES | SIGCHLD));
}

static int with_directory(void)
{
	return CHECK_SYS(sys_clone(CLONE_FS | SIGCHLD));
}

/* The child tells its pid and waits; so does the parent, unless it waits in vfork(). */
#define SHARES(_name, _start)						\
	CKPT_SCENARIO(_name)						\
	{								\
		if (!(_start)()) {					\
			board->value[0] = getpid();			\
			ckpt_ready_wait();				\
			_exit(0);					\
		}							\
		ckpt_wait_go();						\
	}

SHARES(shares_memory, with_shared_memory)
SHARES(shares_descriptors, with_descriptors)
SHARES(shares_directory, with_directory)

CKPT_SCENARIO(shares_address_space)
{
	pid_t kid = vfork();

	if (!kid) {
		board->value[0] = syscall(__NR_getpid);
		ckpt_ready_wait();
		_exit(0);
	}
	CHECK(kid > 0, "vfork: %s", strerror(errno));
}

static int tells_its_pid(void *arg)
{
	board->value[0] = syscall(__NR_getpid);
	ckpt_ready_wait();
	return 0;
}

CKPT_SCENARIO(shares_signal_actions)
{
	static char stack[65536] __attribute__((aligned(16)));
	pid_t kid = CHECK_SYS(clone(tells_its_pid, stack + sizeof(stack),
				    CLONE_VM | CLONE_SIGHAND | SIGCHLD, NULL));

	ckpt_wait_exit(kid, 0);
}

/* Calls checkpoint(2) for the child in a cgroup of its own. */
static long checkpoint_child(uint64_t flags)
{
	struct checkpoint_args args;
	struct ckpt_cgroup cg;
	pid_t kid = run.board->value[0];
	int pidfd = sys_pidfd_open(kid);
	long ret = -1;

	if (!ckpt_cgroup_new(&cg)) {
		if (!ckpt_cgroup_move(&cg, kid)) {
			ckpt_run_args(&run, &args, -1, flags | CHECKPOINT_DRY_RUN);
			args.pidfd = pidfd;
			args.cgroup_fd = cg.fd;
			ret = sys_checkpoint(&args, sizeof(args));
		}
		ckpt_cgroup_move(&run.cg, kid);
		ckpt_cgroup_del(&cg);
	}
	close(pidfd);
	return ret;
}

static int child_refused(uint64_t flags, const char *text)
{
	errno = 0;
	if (checkpoint_child(flags) != -1 || errno != EBUSY || !ckpt_run_log_has(&run, text)) {
		ckpt_diag("not refused by \"%s\": %s", text, strerror(errno));
		ckpt_run_print_log(&run);
		return -1;
	}
	return 0;
}

#define PART_OF_A_TREE(_scenario, _check)				\
	TEST_F_TIMEOUT(shared, part_##_scenario, CKPT_TIMEOUT)		\
	{								\
		if (variant->container)					\
			SKIP(return, "only makes sense in a subtree");	\
		ASSERT_EQ(0, ckpt_run_init(&run, &_scenario, false));	\
		ASSERT_EQ(0, ckpt_run_start(&run));			\
		_check;							\
		ckpt_run_go(&run);					\
		EXPECT_EQ(0, ckpt_run_finish(&run));			\
	}

PART_OF_A_TREE(shares_memory, {
	EXPECT_EQ(0, child_refused(0, "a task outside shares it: end what was forked with it, or "
				   "checkpoint that as well"));
})

PART_OF_A_TREE(shares_address_space, {
	EXPECT_EQ(0, child_refused(0, "address space: used 2 times, 1 of them by these tasks: who "
				   "shares it (vfork, CLONE_VM) must be checkpointed with them"));
})

PART_OF_A_TREE(shares_signal_actions, {
	EXPECT_EQ(0, child_refused(0, "signal actions: a task outside shares them (CLONE_SIGHAND): "
				   "checkpoint both together"));
})

PART_OF_A_TREE(shares_descriptors, {
	EXPECT_EQ(0, child_refused(0, "descriptor table: a task outside has it too (CLONE_FILES)"));
})

PART_OF_A_TREE(shares_directory, {
	EXPECT_LT(0, checkpoint_child(0));
	EXPECT_TRUE(ckpt_run_log_has(&run, "note: "));
	EXPECT_TRUE(ckpt_run_log_has(&run, "root and working directory: a task outside shares them "
				     "(CLONE_FS); after"));
	EXPECT_EQ(0, child_refused(CHECKPOINT_STRICT, "root and working directory: a task outside"));
})

/* ---- an overlay ------------------------------------------------------------- */

/* Where it is mounted, below the directory of its layers. */
static char overlay[128];

static void umount_overlay(void)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/all", overlay);
	umount2(path, MNT_DETACH);
	umount2(overlay, MNT_DETACH);
	rmdir(overlay);
}

/* 0, or -1 with errno: there is no overlayfs here. */
static int mount_overlay(void)
{
	static const char * const layers[] = { "lower", "upper", "work", "all" };
	char path[160], options[512];
	int i, err;

	snprintf(overlay, sizeof(overlay), "/dev/shm/ckpt-overlay-%d", getpid());
	setenv("CKPT_OVERLAY", overlay, 1);
	snprintf(options, sizeof(options), "lowerdir=%s/lower,upperdir=%s/upper,workdir=%s/work",
		 overlay, overlay, overlay);
	if (mkdir(overlay, 0700) || mount("layers", overlay, "tmpfs", 0, NULL))
		return -1;
	for (i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "%s/%s", overlay, layers[i]);
		mkdir(path, 0700);
	}
	if (!mount("overlay", path, "overlay", 0, options))
		return 0;
	err = errno;
	umount_overlay();
	errno = err;
	return -1;
}

/* Maps a file of the overlay: the mapping has the file that is below. Returns the overlay's own. */
static int map_of_overlay(void)
{
	char path[300], *at;
	int fd;

	snprintf(path, sizeof(path), "%s/all/file", getenv("CKPT_OVERLAY"));
	fd = CHECK_SYS(open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600));
	CHECK_SYS(ftruncate(fd, CKPT_PAGE));
	at = mmap(NULL, CKPT_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(at != MAP_FAILED, "mmap: %s", strerror(errno));
	*at = 'm';
	return fd;
}

/* Nobody outside: that the overlay itself has what is below is nothing to be told. */
CKPT_SCENARIO(has_overlay)
{
	map_of_overlay();
	ckpt_ready_wait();
}

static int keeps_overlay(void)
{
	map_of_overlay();
	return CHECK_SYS(fork());
}

/* With two that are outside, one of which has nothing else of it either. */
static int maps_overlay(void)
{
	CHECK_SYS(close(map_of_overlay()));
	ckpt_fork(ckpt_child_waits, NULL);
	ckpt_step_wait(0, 1);
	return CHECK_SYS(fork());
}

SHARES(shares_overlay, keeps_overlay)
SHARES(shares_mapping, maps_overlay)

#define OF_OVERLAY	"/all/file): a task outside shares it; after a restart it has one of its own"

TEST_F_TIMEOUT(shared, overlay, CKPT_TIMEOUT)
{
	if (mount_overlay())
		SKIP(return, "no overlayfs: %s", strerror(errno));
	ASSERT_EQ(0, ckpt_run_init(&run, &has_overlay, variant->container));
	ASSERT_EQ(0, ckpt_run_start(&run));
	EXPECT_EQ(0, told(CHECKPOINT_DRY_RUN | CHECKPOINT_STRICT, NULL, 0));
	ckpt_run_go(&run);
	EXPECT_EQ(0, ckpt_run_finish(&run));
	umount_overlay();
}

/* A line of the log has both texts. */
static bool line_has(const char *log, const char *one, const char *other)
{
	char line[1024];
	size_t len;

	for (; *log; log += len + (log[len] == '\n')) {
		len = strcspn(log, "\n");
		snprintf(line, sizeof(line), "%.*s", (int)len, log);
		if (strstr(line, one) && strstr(line, other))
			return true;
	}
	return false;
}

/* What is mapped is noted, and what is open if that is said, or refused by who is strict. */
static int overlay_noted(const struct ckpt_scenario *sc, bool open)
{
	int ret = -1;

	if (ckpt_run_init(&run, sc, false) || ckpt_run_start(&run))
		return -1;
	if (checkpoint_child(0) > 0 && line_has(ckpt_run_log(&run), "mapped file (", OF_OVERLAY) &&
	    open == line_has(ckpt_run_log(&run), "descriptor ", OF_OVERLAY))
		ret = 0;
	if (ret)
		ckpt_run_print_log(&run);
	else
		ret = child_refused(CHECKPOINT_STRICT, "/all/file): a task outside shares it: close it there");
	ckpt_run_go(&run);
	return ckpt_run_finish(&run) || ret ? -1 : 0;
}

#define OVERLAY_OUTSIDE(_scenario, _open)				\
	TEST_F_TIMEOUT(shared, part_##_scenario, CKPT_TIMEOUT)		\
	{								\
		if (variant->container)					\
			SKIP(return, "only makes sense in a subtree");	\
		if (mount_overlay())					\
			SKIP(return, "no overlayfs: %s", strerror(errno)); \
		EXPECT_EQ(0, overlay_noted(&_scenario, _open));		\
		umount_overlay();					\
	}

OVERLAY_OUTSIDE(shares_overlay, true)
OVERLAY_OUTSIDE(shares_mapping, false)

/* ---- the tour of the README ------------------------------------------------ */

CKPT_SCENARIO(job)
{
	char name[65] = "";

	CHECK_SYS(sethostname("tour", 4));
	CHECK_EQ(7, write(1, "started", 7));
	ckpt_ready_wait();
	CHECK_EQ(5, write(1, " done", 5));
	CHECK_SYS(gethostname(name, sizeof(name)));
	CHECK_STREQ("tour", name);
}

/*
 * unshare --pid --uts --fork job <in >out 2>&1: the starter waits, with the same
 * standard descriptors and in the same uts namespace.
 */
static int starter(const char *in, const char *out)
{
	char self[512], procs[300];
	ssize_t len;
	int fd, status;
	pid_t pid;

	syscall(__NR_close_range, 0, ~0U, 0);
	if (open(in, O_RDONLY) != 0 || open(out, O_RDWR | O_CREAT, 0600) != 1 || dup(1) != 2)
		return 1;
	len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (len < 0 || unshare(CLONE_NEWPID | CLONE_NEWUTS))
		return 2;
	self[len] = 0;
	pid = fork();
	if (!pid) {
		setsid();
		snprintf(procs, sizeof(procs), "%s/cgroup.procs", run.cg.path);
		fd = open(procs, O_WRONLY | O_CLOEXEC);
		if (fd < 0 || write(fd, "0", 1) != 1)
			_exit(3);
		execl(self, self, "--scenario", "job", run.board_path, NULL);
		_exit(4);
	}
	return waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) ? 0 : 5;
}

TEST_F_TIMEOUT(shared, tour, CKPT_TIMEOUT)
{
	static const char * const notes[] = {
		"descriptor 0 (/dev/null): a task outside shares it; after",
		"descriptor 1 (", ".job.out): a task outside shares it; after",
		"uts namespace: a task outside is in it, too, or has it open; after",
	};
	struct checkpoint_args args;
	char out[320], buf[64];
	int status, fd, i, n = 0;
	const char *at;
	pid_t pid;

	if (!variant->container)
		SKIP(return, "only makes sense in a container");
	ASSERT_EQ(0, ckpt_run_init(&run, &job, true));
	snprintf(out, sizeof(out), "%s.job.out", run.board_path);
	fflush(NULL);
	pid = fork();
	if (!pid)
		_exit(starter("/dev/null", out));
	while (!__atomic_load_n(&run.board->ready, __ATOMIC_SEQ_CST)) {
		ASSERT_EQ(0, waitpid(pid, &status, WNOHANG));
		poll(NULL, 0, 1);
	}
	fd = openat(run.cg.fd, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	ASSERT_LT(0, read(fd, buf, sizeof(buf) - 1));
	close(fd);
	run.pidfd = sys_pidfd_open(atoi(buf));
	ASSERT_LE(0, run.pidfd);

	EXPECT_EQ(0, refused(CHECKPOINT_STRICT | CHECKPOINT_DRY_RUN, "uts namespace: a task outside"));
	EXPECT_TRUE(ckpt_run_log_has(&run, "failed: EBUSY, 3 refusals"));
	ckpt_run_args(&run, &args, image, CHECKPOINT_KILL);
	ASSERT_LT(0, sys_checkpoint(&args, sizeof(args))) {
		ckpt_run_print_log(&run);
	}
	for (at = ckpt_run_log(&run); (at = strstr(at, "note: ")); at++)
		n++;
	EXPECT_EQ(3, n);
	for (i = 0; i < 4; i++)
		EXPECT_TRUE(ckpt_run_log_has(&run, notes[i]));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_EQ(0, status);
	run.saved = *run.board;
	ckpt_get_mtime(run.board_path, &run.saved_mtime);
	close(run.pidfd);

	ASSERT_EQ(0, ckpt_run_restart(&run, image, 0));
	ckpt_run_go(&run);
	EXPECT_EQ(0, ckpt_run_finish(&run));
	ckpt_read_file(out, buf, sizeof(buf));
	EXPECT_STREQ("started done", buf);
}

TEST_HARNESS_MAIN
