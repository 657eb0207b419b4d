// SPDX-License-Identifier: GPL-2.0
/*
 * With whose rights files are opened: those that had opened them, if the caller
 * may take them on, else those of the task.
 */
#include "fault.h"

#include <pthread.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/xattr.h>

#define USER	65534

static struct ckpt_run run;
static int image = -1;

FIXTURE(rights) { int unused; };
FIXTURE_SETUP(rights)
{
	CKPT_BEGIN();
	if (getenv("CKPT_BASELINE"))
		SKIP(return, "needs checkpoint(2)");
	image = ckpt_image_new();
}

FIXTURE_TEARDOWN(rights)
{
	if (image >= 0)
		close(image);
	image = -1;
	if (run.board)
		ckpt_run_fini(&run);
}

static char *path_of(const char *name)
{
	static char path[320];

	snprintf(path, sizeof(path), "%s.%s", run.board_path, name);
	return path;
}

/* Scenarios are of a user, and so is their board. */
static int saved(const struct ckpt_scenario *sc)
{
	if (ckpt_run_init(&run, sc, false) || chown(run.board_path, USER, USER) ||
	    ckpt_run_start(&run))
		return -1;
	return ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL);
}

static void become_user(void)
{
	CHECK_SYS(setresgid(USER, USER, USER));
	CHECK_SYS(setresuid(USER, USER, USER));
	/* A change of ids takes it away, and with it the right to be looked at. */
	CHECK_SYS(prctl(PR_SET_DUMPABLE, 1));
}

static int refused(int err, const char *text)
{
	int lowest = lowest_free(&run);
	struct restart_args args;

	ckpt_take_board_back(&run);
	lseek(image, 0, SEEK_SET);
	ckpt_run_restart_args(&run, &args, image, 0);
	errno = 0;
	if (sys_restart(&args, sizeof(args)) != -1 || errno != err ||
	    !ckpt_run_log_has(&run, text)) {
		ckpt_diag("%s instead of %s and \"%s\"", strerror(errno), strerror(err), text);
		ckpt_run_print_log(&run);
		return -1;
	}
	return nothing_left(&run, lowest);
}

static int restarted(void)
{
	if (ckpt_run_restart(&run, image, 0))
		return -1;
	ckpt_run_go(&run);
	return ckpt_run_finish(&run);
}

/* ---- files of the user ----------------------------------------------------- */

CKPT_SCENARIO(of_a_user)
{
	char path[320];
	int fd;

	become_user();
	fd = CHECK_SYS(open(ckpt_path(path, sizeof(path), "file"), O_RDWR | O_CREAT, 0600));
	CHECK_EQ(4, write(fd, "mine", 4));
	ckpt_ready_wait();
	CHECK_EQ(1, pwrite(fd, "M", 1, 0));
}

/* Root, who may open all, gives the job of a user nothing that the user may not open. */
TEST_F_TIMEOUT(rights, taken_from_the_user, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, saved(&of_a_user));
	ASSERT_EQ(0, chown(path_of("file"), 0, 0));
	EXPECT_EQ(0, refused(EACCES, ".file: can't be opened with the rights of who had opened it"));
	ASSERT_EQ(0, chown(path_of("file"), USER, USER));
	EXPECT_EQ(0, restarted());
}

/* Where the user may not look, nothing is found for him. */
CKPT_SCENARIO(in_a_directory_of_a_user)
{
	char path[320], file[340];
	int fd;

	CHECK_SYS(mkdir(ckpt_path(path, sizeof(path), "dir"), 0700));
	CHECK_SYS(chown(path, USER, USER));
	become_user();
	snprintf(file, sizeof(file), "%s/file", path);
	fd = CHECK_SYS(open(file, O_RDWR | O_CREAT, 0600));
	ckpt_ready_wait();
	CHECK_EQ(1, pwrite(fd, "M", 1, 0));
	CHECK_SYS(unlink(file));
}

TEST_F_TIMEOUT(rights, in_a_closed_directory, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, saved(&in_a_directory_of_a_user));
	ASSERT_EQ(0, chown(path_of("dir"), 0, 0));
	EXPECT_EQ(0, refused(EACCES, "/file: can't be reached with the rights of who had opened it"));
	ASSERT_EQ(0, chown(path_of("dir"), USER, USER));
	EXPECT_EQ(0, restarted());
}

/* ---- files that root had opened for the user --------------------------------- */

CKPT_SCENARIO(opened_before)
{
	char path[320];
	int fd;

	fd = CHECK_SYS(open(ckpt_path(path, sizeof(path), "log"), O_RDWR | O_CREAT, 0600));
	CHECK_EQ(4, write(fd, "root", 4));
	become_user();
	CHECK(open(path, O_RDONLY) == -1 && errno == EACCES, "the user may open it");
	ckpt_ready_wait();
	CHECK_EQ(1, pwrite(fd, "R", 1, 0));
	CHECK(open(path, O_RDONLY) == -1 && errno == EACCES, "the user may open it");
}

/* Also in the second generation: the file was opened with the rights of root again. */
TEST_F_TIMEOUT(rights, opened_by_root, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, saved(&opened_before));
	ASSERT_EQ(0, ckpt_run_restart(&run, image, 0));
	ASSERT_EQ(0, ftruncate(image, 0));
	ASSERT_EQ(0, lseek(image, 0, SEEK_SET));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL));
	EXPECT_EQ(0, restarted());
}

static int lose_capabilities(const int *lost, int count)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];
	int i;

	if (syscall(__NR_capget, &head, data))
		return -1;
	for (i = 0; i < count; i++) {
		data[lost[i] / 32].effective &= ~(1u << lost[i] % 32);
		data[lost[i] / 32].permitted &= ~(1u << lost[i] % 32);
	}
	return syscall(__NR_capset, &head, data);
}

/* Restarts as the user, who may do all that is needed but open the files of others. */
static int restart_as_user(int err, const char *text)
{
	static const int lost[] = {
		CAP_SETUID, CAP_SETGID, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER, CAP_CHOWN,
	};
	struct restart_args args;
	int status, fd;
	pid_t pid;

	ckpt_take_board_back(&run);
	lseek(image, 0, SEEK_SET);
	fd = openat(run.cg.fd, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fchown(fd, USER, USER))
		return -1;
	close(fd);
	fflush(NULL);
	pid = fork();
	if (!pid) {
		long root;

		/* It must be in the cgroup, or it could not put others there. */
		ckpt_cgroup_move(&run.cg, getpid());
		if (prctl(PR_SET_KEEPCAPS, 1) || setresgid(USER, USER, USER) ||
		    setresuid(USER, USER, USER) || lose_capabilities(NULL, 0))
			_exit(100);
		if (lose_capabilities(lost, ARRAY_SIZE(lost)))
			_exit(101);
		{
			struct __user_cap_header_struct head = {
				.version = _LINUX_CAPABILITY_VERSION_3,
			};
			struct __user_cap_data_struct data[2];

			syscall(__NR_capget, &head, data);
			data[0].effective = data[0].permitted;
			data[1].effective = data[1].permitted;
			if (syscall(__NR_capset, &head, data))
				_exit(102);
		}
		ckpt_run_restart_args(&run, &args, image, 0);
		args.cgroup_fd = -1;
		root = sys_restart(&args, sizeof(args));
		if (root < 0)
			_exit(errno == err && err ? 0 : errno);
		if (err)
			_exit(103);
		ckpt_run_go(&run);
		waitpid(root, &status, __WALL);
		_exit(WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : 104);
	}
	waitpid(pid, &status, 0);
	if (!WIFEXITED(status) || WEXITSTATUS(status)) {
		ckpt_diag("the user got status 0x%x", status);
		if (run.board->failed)
			ckpt_diag("check failed: %s", run.board->msg);
		ckpt_run_print_log(&run);
		return -1;
	}
	if (text && !ckpt_run_log_has(&run, text)) {
		ckpt_diag("no line has \"%s\"", text);
		ckpt_run_print_log(&run);
		return -1;
	}
	return 0;
}

/* Who may not become root opens it with the rights of the task. */
TEST_F_TIMEOUT(rights, opened_by_root_for_a_user, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, saved(&opened_before));
	EXPECT_EQ(0, restart_as_user(EACCES, ".log: can't be opened with the rights"));
}

CKPT_SCENARIO(opened_for_all)
{
	char path[320];
	int fd;

	fd = CHECK_SYS(open(ckpt_path(path, sizeof(path), "log"), O_RDWR | O_CREAT, 0600));
	CHECK_SYS(fchmod(fd, 0666));
	become_user();
	ckpt_ready_wait();
	CHECK_EQ(1, pwrite(fd, "R", 1, 0));
}

TEST_F_TIMEOUT(rights, opened_by_root_for_all, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, saved(&opened_for_all));
	EXPECT_EQ(0, restart_as_user(0, NULL));
	EXPECT_EQ(0, restarted());
}

/* ---- directories ------------------------------------------------------------- */

/* As with "sudo -u user job" in a directory of root. */
CKPT_SCENARIO(in_a_directory_of_root)
{
	char path[320];

	CHECK_SYS(mkdir(ckpt_path(path, sizeof(path), "dir"), 0700));
	CHECK_SYS(chdir(path));
	become_user();
	CHECK(chdir(path) == -1 && errno == EACCES, "the user may enter it");
	ckpt_ready_wait();
	CHECK(chdir(path) == -1 && errno == EACCES, "the user may enter it");
}

TEST_F_TIMEOUT(rights, working_directory, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, saved(&in_a_directory_of_root));
	EXPECT_EQ(0, restarted());
	/* Another one, though accepted, is not entered for the user. */
	ASSERT_EQ(0, rmdir(path_of("dir")));
	ASSERT_EQ(0, mkdir(path_of("old"), 0700));
	ASSERT_EQ(0, mkdir(path_of("dir"), 0700));
	run.accept = "*";
	run.accept_len = 2;
	EXPECT_EQ(0, refused(EACCES, "can't be entered with the rights of the task"));
}

/* ---- named pipes ---------------------------------------------------------------- */

/* Who may only read it has got its reading end, and gets it again. */
CKPT_SCENARIO(reads_a_fifo)
{
	char path[320], c;
	int fd;

	CHECK_SYS(mkfifo(ckpt_path(path, sizeof(path), "fifo"), 0600));
	CHECK_SYS(chmod(path, 0644));
	become_user();
	CHECK(open(path, O_RDWR) == -1 && errno == EACCES, "the user may write");
	fd = CHECK_SYS(open(path, O_RDONLY | O_NONBLOCK));
	ckpt_ready_wait();
	CHECK_EQ(0, read(fd, &c, 1));
	CHECK(open(path, O_RDWR) == -1 && errno == EACCES, "the user may write");
}

TEST_F_TIMEOUT(rights, fifo_to_read, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, saved(&reads_a_fifo));
	EXPECT_EQ(0, restarted());
	ASSERT_EQ(0, chown(path_of("fifo"), 0, 0));
	EXPECT_EQ(0, restart_as_user(0, NULL));
}

/* Somebody outside who waits in open(2) for the other end of a named pipe. */
struct waiter {
	pthread_t thread;
	char path[320];
	pid_t tid;
	int fd;
};

static void *waits_in_open(void *arg)
{
	struct waiter *w = arg;

	__atomic_store_n(&w->tid, sys_gettid(), __ATOMIC_SEQ_CST);
	w->fd = open(w->path, O_RDONLY | O_CLOEXEC);
	return NULL;
}

/* It is asleep there. Who has been woken is not, or has left it. */
static bool still_waits(struct waiter *w)
{
	char path[64], buf[512], *at;

	snprintf(path, sizeof(path), "/proc/self/task/%d/syscall", w->tid);
	if (atoi(ckpt_read_file(path, buf, sizeof(buf))) != __NR_openat)
		return false;
	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", w->tid);
	at = strrchr(ckpt_read_file(path, buf, sizeof(buf)), ')');
	return at && at[2] == 'S';
}

static int start_waiter(struct waiter *w, const char *path)
{
	memset(w, 0, sizeof(*w));
	snprintf(w->path, sizeof(w->path), "%s", path);
	if (pthread_create(&w->thread, NULL, waits_in_open, w))
		return -1;
	while (!__atomic_load_n(&w->tid, __ATOMIC_SEQ_CST) || !still_waits(w))
		poll(NULL, 0, 1);
	return 0;
}

/* Gives it the other end. */
static int end_waiter(struct waiter *w)
{
	int fd = open(w->path, O_WRONLY | O_CLOEXEC);

	pthread_join(w->thread, NULL);
	close(fd);
	close(w->fd);
	return fd < 0 || w->fd < 0 ? -1 : 0;
}

/* The user may not have it any more, and who waits for its other end sees nothing of that. */
TEST_F_TIMEOUT(rights, fifo_of_another, CKPT_TIMEOUT)
{
	struct waiter waiter;

	ASSERT_EQ(0, saved(&reads_a_fifo));
	ASSERT_EQ(0, chmod(path_of("fifo"), 0600));
	ASSERT_EQ(0, start_waiter(&waiter, path_of("fifo")));
	EXPECT_EQ(0, refused(EACCES, ".fifo: can't be opened with the rights of who had opened it"));
	EXPECT_TRUE(still_waits(&waiter));
	EXPECT_EQ(0, restart_as_user(EACCES, ".fifo: can't be opened with the rights"));
	EXPECT_TRUE(still_waits(&waiter));
	/* The user may have it, but somebody has it open. */
	ASSERT_EQ(0, chmod(path_of("fifo"), 0644));
	EXPECT_EQ(0, refused(EBUSY, ".fifo: the named pipe is in use"));
	EXPECT_TRUE(still_waits(&waiter));
	ASSERT_EQ(0, end_waiter(&waiter));
	EXPECT_EQ(0, restarted());
}

/* What is in it is nothing that he could put there. */
CKPT_SCENARIO(reads_a_full_fifo)
{
	char path[320], buf[8] = "";
	int fd, w;

	CHECK_SYS(mkfifo(ckpt_path(path, sizeof(path), "fifo"), 0600));
	CHECK_SYS(chmod(path, 0644));
	fd = CHECK_SYS(open(path, O_RDONLY | O_NONBLOCK));
	w = CHECK_SYS(open(path, O_WRONLY));
	CHECK_EQ(4, write(w, "root", 4));
	CHECK_SYS(close(w));
	become_user();
	ckpt_ready_wait();
	CHECK_EQ(4, read(fd, buf, 8));
	CHECK_STREQ("root", buf);
}

TEST_F_TIMEOUT(rights, fifo_with_something_in_it, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, saved(&reads_a_full_fifo));
	EXPECT_EQ(0, restart_as_user(EACCES, ".fifo: something was in the named pipe, and the caller "
				     "may not write to it"));
	EXPECT_EQ(0, restarted());
}

/* ---- attributes that not everybody sees ------------------------------ */

CKPT_SCENARIO(hidden)
{
	int fd = CHECK_SYS(open("/dev/shm", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));

	if (fsetxattr(fd, "trusted.ckpt", "value", 5, 0)) {
		CHECK_EQ(EOPNOTSUPP, errno);
		board->value[0] = 1;
	}
	ckpt_ready_wait();
	CHECK_SYS(close(fd));
}

static long dry_run(void)
{
	struct checkpoint_args args;

	ckpt_run_args(&run, &args, -1, CHECKPOINT_DRY_RUN);
	return sys_checkpoint(&args, sizeof(args)) < 0 ? errno : 0;
}

/* Who does not see an attribute gets no image without it. */
TEST_F_TIMEOUT(rights, hidden_attribute, CKPT_TIMEOUT)
{
	static const int lost[] = { CAP_SYS_ADMIN };
	int status;
	pid_t pid;

	ASSERT_EQ(0, ckpt_run_init(&run, &hidden, false));
	ASSERT_EQ(0, ckpt_run_start(&run));
	if (run.board->value[0])
		SKIP(return, "tmpfs has no trusted.* here");
	fflush(NULL);
	pid = fork();
	if (!pid) {
		if (lose_capabilities(lost, 1))
			_exit(1);
		_exit(dry_run() == EPERM &&
		      ckpt_run_log_has(&run, "has extended attributes (trusted.*)") ? 0 : 2);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	if (status)
		ckpt_run_print_log(&run);
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, dry_run());
	ckpt_run_go(&run);
	ASSERT_EQ(0, ckpt_run_finish(&run));
}

TEST_HARNESS_MAIN
