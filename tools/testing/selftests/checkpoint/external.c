// SPDX-License-Identifier: GPL-2.0
/*
 * Open files that stay outside at a checkpoint, and files of the caller of restart(2) in place of
 * those of the image.
 */
#include "common.h"

#include <fcntl.h>
#include <pty.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <termios.h>

/* Where the scenarios have the end of the test's pipe, and a child of theirs. */
#define FD	77
#define CHILD_FD 78

/* In the environment: the path of the end of the test's pipe, or where its socket listens. */
#define END	"CKPT_END"

/* Of the board: who has CHILD_FD. */
#define CHILD	0

/* Counters. */
enum { STARTED, WRITE };

static struct ckpt_run run;
static int image = -1;

/* The end of the test's pipe, at @fd. */
static void open_end(int fd)
{
	int end = CHECK_SYS(open(getenv(END), O_WRONLY));

	CHECK_EQ(fd, dup2(end, fd));
	CHECK_SYS(close(end));
}

static void say(int fd, const char *text)
{
	CHECK_EQ(strlen(text), write(fd, text, strlen(text)));
}

static int child(void *arg)
{
	CHECK_EQ(CHILD_FD, dup2(FD, CHILD_FD));
	CHECK_SYS(close(FD));
	board->value[CHILD] = getpid();
	ckpt_step(STARTED);
	ckpt_wait_go();
	say(CHILD_FD, "child\n");
	return 0;
}

/* Two processes write to one open file, by a descriptor of their own each. */
CKPT_SCENARIO(writers)
{
	pid_t kid;

	open_end(FD);
	kid = ckpt_fork(child, NULL);
	ckpt_step_wait(STARTED, 1);
	say(FD, "before\n");
	ckpt_ready_wait();
	ckpt_wait_exit(kid, 0);
	say(FD, "after\n");
	CHECK_EQ(1, fcntl(FD, F_GETFL) & O_ACCMODE);
}

/* A file that is mapped, and one that is not. */
CKPT_SCENARIO(mapped)
{
	char path[320];
	char *map;
	int fd;

	fd = CHECK_SYS(open(ckpt_path(path, sizeof(path), "mapped"), O_RDWR | O_CREAT, 0600));
	CHECK_SYS(ftruncate(fd, CKPT_PAGE));
	CHECK_EQ(FD, dup2(fd, FD));
	map = mmap(NULL, CKPT_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(map != MAP_FAILED, "mmap: %s", strerror(errno));
	ckpt_ready_wait();
	CHECK_EQ(0, map[0]);
}

/* A log that it writes to. */
CKPT_SCENARIO(logger)
{
	char path[320];
	int fd;

	fd = CHECK_SYS(open(ckpt_path(path, sizeof(path), "log"), O_WRONLY | O_CREAT, 0600));
	CHECK_EQ(FD, dup2(fd, FD));
	CHECK_SYS(close(fd));
	say(FD, "before\n");
	ckpt_ready_wait();
	say(FD, "after\n");
}

/* A file that it has locked, has a lease of, and gets the signals of. */
CKPT_SCENARIO(owns)
{
	char path[320];
	int fd;

	fd = CHECK_SYS(open(ckpt_path(path, sizeof(path), "owned"), O_RDONLY | O_CREAT, 0600));
	CHECK_EQ(FD, dup2(fd, FD));
	CHECK_SYS(close(fd));
	CHECK_SYS(flock(FD, LOCK_SH));
	CHECK_SYS(fcntl(FD, F_SETLEASE, F_RDLCK));
	CHECK_SYS(fcntl(FD, F_SETOWN, getpid()));
	ckpt_ready_wait();
	CHECK_EQ(F_UNLCK, fcntl(FD, F_GETLEASE));
	CHECK_EQ(0, fcntl(FD, F_GETOWN));
}

/* A terminal that it writes to and reads from. */
CKPT_SCENARIO(at_terminal)
{
	struct winsize size;
	char key;
	int fd;

	fd = CHECK_SYS(open(getenv(END), O_RDWR | O_NOCTTY));
	CHECK_EQ(FD, dup2(fd, FD));
	CHECK_SYS(close(fd));
	say(FD, "before\n");
	ckpt_ready_wait();
	CHECK_EQ(1, isatty(FD));
	/* It is another one, of another size. */
	CHECK_SYS(ioctl(FD, TIOCGWINSZ, &size));
	CHECK_EQ(board->restarts ? 33 : 25, size.ws_row);
	CHECK_EQ(1, read(FD, &key, 1));
	CHECK_EQ('q', key);
	say(FD, "after\n");
}

/* A socket by which it talks with somebody. */
CKPT_SCENARIO(at_socket)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	const char *name = getenv(END);
	char word[8] = "";
	int fd;

	memcpy(addr.sun_path + 1, name, strlen(name));
	fd = CHECK_SYS(socket(AF_UNIX, SOCK_STREAM, 0));
	CHECK_SYS(connect(fd, (struct sockaddr *)&addr,
			  offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name)));
	CHECK_EQ(FD, dup2(fd, FD));
	CHECK_SYS(close(fd));
	say(FD, "before\n");
	ckpt_ready_wait();
	CHECK_EQ(5, recv(FD, word, 5, MSG_WAITALL));
	CHECK_STREQ("word\n", word);
	say(FD, "after\n");
	CHECK_SYS(shutdown(FD, SHUT_WR));
}

FIXTURE(external) { int p[2]; };
FIXTURE_VARIANT(external) { bool container; };
FIXTURE_VARIANT_ADD(external, container) { .container = true };
FIXTURE_VARIANT_ADD(external, subtree) { .container = false };

FIXTURE_SETUP(external)
{
	CKPT_BEGIN();
	image = ckpt_image_new();
	ASSERT_EQ(0, pipe2(self->p, O_CLOEXEC));
}

FIXTURE_TEARDOWN(external)
{
	if (run.board)
		ckpt_run_fini(&run);
	close(image);
	close(self->p[0]);
	close(self->p[1]);
}

static int start_at(const struct ckpt_scenario *sc, bool container, const char *end)
{
	if (setenv(END, end, 1) || ckpt_run_init(&run, sc, container))
		return -1;
	return ckpt_run_start(&run);
}

static int start(const struct ckpt_scenario *sc, bool container, int fd)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", getpid(), fd);
	return start_at(sc, container, path);
}

/* checkpoint(2) with @list outside; 0, or the errno. */
static int checkpoint(uint64_t flags, const struct checkpoint_fd *list, unsigned int count)
{
	struct checkpoint_args args;

	ckpt_run_args(&run, &args, image, flags);
	args.external = (uintptr_t)list;
	args.external_count = count;
	if (lseek(image, 0, SEEK_SET) || ftruncate(image, 0))
		return -1;
	if (sys_checkpoint(&args, sizeof(args)) > 0)
		return 0;
	return errno;
}

/* The same, after which the tasks are gone, and all is as it was then. */
static int checkpoint_and_kill(const struct checkpoint_fd *list, unsigned int count)
{
	return ckpt_run_killed(&run, checkpoint(CHECKPOINT_KILL, list, count));
}

/* restart(2) with @list in place; 0, or the errno. */
static int restart(const struct restart_fd *list, unsigned int count)
{
	struct restart_args args;
	long pid;

	ckpt_take_board_back(&run);
	lseek(image, 0, SEEK_SET);
	ckpt_run_restart_args(&run, &args, image, 0);
	args.fds = (uintptr_t)list;
	args.fds_count = count;
	pid = sys_restart(&args, sizeof(args));
	if (pid < 0)
		return errno;
	run.pid = pid;
	run.pidfd = args.pidfd;
	run.status = 0;
	return 0;
}

/* What comes from @fd until nobody has the other end. */
static const char *all_of(int fd)
{
	static char text[256];
	size_t len = 0;
	ssize_t n;

	while ((n = read(fd, text + len, sizeof(text) - 1 - len)) > 0)
		len += n;
	text[len] = 0;
	return text;
}

/* Who reads what the tasks write stays outside, and another one takes its place, twice. */
TEST_F_TIMEOUT(external, other_end, CKPT_TIMEOUT)
{
	const struct checkpoint_fd out = { .pid = 0, .fd = FD };
	struct restart_fd in = { .pid = 0, .fd = FD };
	int next[2], i;

	ASSERT_EQ(0, start(&writers, variant->container, self->p[1]));
	ASSERT_EQ(0, close(self->p[1]));
	self->p[1] = -1;
	ASSERT_EQ(EBUSY, checkpoint(0, NULL, 0));
	ASSERT_EQ(0, checkpoint(CHECKPOINT_DRY_RUN, &out, 1));
	ASSERT_EQ(0, checkpoint_and_kill(&out, 1));
	ASSERT_STREQ("before\n", all_of(self->p[0]));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(EBADF, restart(NULL, 0));
		ASSERT_TRUE(ckpt_run_log_has(&run, "was left outside: give another one"));
		ASSERT_EQ(0, pipe2(next, O_CLOEXEC));
		in.own_fd = next[0];
		ASSERT_EQ(EBADF, restart(&in, 1));
		ASSERT_TRUE(ckpt_run_log_has(&run, "is written to"));
		in.own_fd = next[1];
		ASSERT_EQ(0, restart(&in, 1));
		close(next[1]);
		close(self->p[0]);
		self->p[0] = next[0];
		if (!i)
			ASSERT_EQ(0, checkpoint_and_kill(&out, 1));
	}
	ckpt_run_go(&run);
	ASSERT_EQ(0, ckpt_run_finish(&run));
	ASSERT_STREQ("child\nafter\n", all_of(self->p[0]));
}

struct terminal { int master, slave; };

/* One that changes nothing of what is written to it, with so many rows. */
static int new_terminal(struct terminal *t, int rows)
{
	struct winsize size = { .ws_row = rows, .ws_col = 80 };
	struct termios raw = { .c_cflag = CS8 | CREAD, .c_cc[VMIN] = 1 };

	return openpty(&t->master, &t->slave, NULL, &raw, &size);
}

static void close_terminal(struct terminal *t)
{
	close(t->slave);
	close(t->master);
}

/* Do just these bytes come from the terminal? */
static bool shows(struct terminal *t, const char *want)
{
	char text[16] = "";
	size_t len = 0;
	ssize_t n;

	while (len < strlen(want) && (n = read(t->master, text + len, sizeof(text) - 1 - len)) > 0)
		len += n;
	return !strcmp(text, want);
}

/* A terminal stays outside, and the tasks come back at another one, twice. */
TEST_F_TIMEOUT(external, terminal, CKPT_TIMEOUT)
{
	const struct checkpoint_fd out = { .pid = 0, .fd = FD };
	struct restart_fd in = { .pid = 0, .fd = FD };
	struct terminal first, next;
	int i;

	ASSERT_EQ(0, new_terminal(&first, 25));
	ASSERT_EQ(0, start(&at_terminal, variant->container, first.slave));
	ASSERT_TRUE(shows(&first, "before\n"));
	ASSERT_EQ(EOPNOTSUPP, checkpoint(0, NULL, 0));
	ASSERT_TRUE(ckpt_run_log_has(&run, "a pseudoterminal can't be saved yet"));
	ASSERT_EQ(0, checkpoint(CHECKPOINT_DRY_RUN, &out, 1));
	ASSERT_EQ(0, checkpoint_and_kill(&out, 1));
	close_terminal(&first);
	ASSERT_EQ(EBADF, restart(NULL, 0));
	ASSERT_TRUE(ckpt_run_log_has(&run, "was left outside: give another one"));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, new_terminal(&next, 33));
		in.own_fd = next.slave;
		ASSERT_EQ(0, restart(&in, 1));
		if (!i) {
			ASSERT_EQ(0, checkpoint_and_kill(&out, 1));
			close_terminal(&next);
		}
	}
	ASSERT_EQ(1, write(next.master, "q", 1));
	ckpt_run_go(&run);
	ASSERT_EQ(0, ckpt_run_finish(&run));
	ASSERT_TRUE(shows(&next, "after\n"));
	close_terminal(&next);
}

/* A socket that listens where the kernel chooses; -1 if there is none. */
static int new_listener(char name[8])
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	socklen_t len = sizeof(addr);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (bind(fd, (struct sockaddr *)&addr, sizeof(sa_family_t)) || listen(fd, 1) ||
	    getsockname(fd, (struct sockaddr *)&addr, &len))
		return -1;
	snprintf(name, 8, "%.5s", addr.sun_path + 1);
	return fd;
}

/* A socket stays outside with who is connected to it, and another one takes its place, twice. */
TEST_F_TIMEOUT(external, socket, CKPT_TIMEOUT)
{
	const struct checkpoint_fd out = { .pid = 0, .fd = FD };
	struct restart_fd in = { .pid = 0, .fd = FD, .own_fd = self->p[1] };
	int listener, first, next[2], i;
	char name[8];

	listener = new_listener(name);
	ASSERT_LE(0, listener);
	ASSERT_EQ(0, start_at(&at_socket, variant->container, name));
	first = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	ASSERT_LE(0, first);
	close(listener);
	ASSERT_EQ(EBUSY, checkpoint(0, NULL, 0));
	ASSERT_TRUE(ckpt_run_log_has(&run, "the socket that it is connected to is outside: leave "
		    "this one outside, too (--external)"));
	ASSERT_EQ(0, checkpoint(CHECKPOINT_DRY_RUN, &out, 1));
	ASSERT_EQ(0, checkpoint_and_kill(&out, 1));
	ASSERT_STREQ("before\n", all_of(first));
	close(first);
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(EBADF, restart(NULL, 0));
		ASSERT_TRUE(ckpt_run_log_has(&run, "was left outside: give another one"));
		/* One that can't be read from. */
		in.own_fd = self->p[1];
		ASSERT_EQ(EBADF, restart(&in, 1));
		ASSERT_TRUE(ckpt_run_log_has(&run, "is read from"));
		ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, next));
		in.own_fd = next[1];
		ASSERT_EQ(0, restart(&in, 1));
		close(next[1]);
		if (i)
			break;
		ASSERT_EQ(0, checkpoint_and_kill(&out, 1));
		/* It is the tasks that had it. */
		ASSERT_STREQ("", all_of(next[0]));
		close(next[0]);
	}
	ASSERT_EQ(5, write(next[0], "word\n", 5));
	ckpt_run_go(&run);
	ASSERT_EQ(0, ckpt_run_finish(&run));
	ASSERT_STREQ("after\n", all_of(next[0]));
	close(next[0]);
}

/* It is enough to name the descriptor of one process that has the open file. */
TEST_F_TIMEOUT(external, by_another_process, CKPT_TIMEOUT)
{
	struct checkpoint_fd out = { .fd = CHILD_FD };
	struct restart_fd in = { .fd = CHILD_FD };
	int next[2];

	if (variant->container)
		SKIP(return, "the test can't tell the pid of the child");
	ASSERT_EQ(0, start(&writers, false, self->p[1]));
	out.pid = run.board->value[CHILD];
	in.pid = out.pid;
	ASSERT_EQ(0, checkpoint_and_kill(&out, 1));
	ASSERT_EQ(0, pipe2(next, O_CLOEXEC));
	in.own_fd = next[1];
	ASSERT_EQ(0, restart(&in, 1));
	close(next[1]);
	ckpt_run_go(&run);
	ASSERT_EQ(0, ckpt_run_finish(&run));
	ASSERT_STREQ("child\nafter\n", all_of(next[0]));
	close(next[0]);
}

/* A file of the image has another one in its place, without a word at the checkpoint. */
TEST_F_TIMEOUT(external, in_place_of_a_file, CKPT_TIMEOUT)
{
	struct restart_fd in = { .pid = 0, .fd = FD, .own_fd = self->p[1] };

	ASSERT_EQ(0, start(&logger, variant->container, 0));
	ASSERT_EQ(0, checkpoint_and_kill(NULL, 0));
	ASSERT_EQ(0, restart(&in, 1));
	close(self->p[1]);
	self->p[1] = -1;
	ckpt_run_go(&run);
	ASSERT_EQ(0, ckpt_run_finish(&run));
	ASSERT_STREQ("after\n", all_of(self->p[0]));
}

static void give_unowned(struct __test_metadata *_metadata, bool container, bool outside)
{
	const struct checkpoint_fd out = { .pid = 0, .fd = FD };
	struct restart_fd in = { .pid = 0, .fd = FD };
	int other = memfd_create("other", MFD_CLOEXEC), again;
	char path[64];

	ASSERT_LE(0, other);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", other);
	again = open(path, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, again);
	ASSERT_EQ(0, start(&owns, container, 0));
	ASSERT_EQ(0, checkpoint_and_kill(&out, outside));
	if (outside)
		ASSERT_TRUE(ckpt_run_log_has(&run, "stay outside, too"));
	in.own_fd = other;
	ASSERT_EQ(0, restart(&in, 1));
	if (!outside)
		ASSERT_TRUE(ckpt_run_log_has(&run, "are now those of descriptor"));
	ASSERT_EQ(0, flock(again, LOCK_EX | LOCK_NB));
	ASSERT_EQ(0, fcntl(other, F_GETOWN));
	ckpt_run_go(&run);
	ASSERT_EQ(0, ckpt_run_finish(&run));
	close(other);
	close(again);
}

/* What an open file owns stays outside with it. */
TEST_F_TIMEOUT(external, owns_outside, CKPT_TIMEOUT)
{
	give_unowned(_metadata, variant->container, true);
}

/* A file that is given keeps what it has. */
TEST_F_TIMEOUT(external, owns_in_place, CKPT_TIMEOUT)
{
	give_unowned(_metadata, variant->container, false);
}

/* What is mapped stays what it is. */
TEST_F_TIMEOUT(external, mapped, CKPT_TIMEOUT)
{
	const struct checkpoint_fd out = { .pid = 0, .fd = FD };
	struct restart_fd in = { .pid = 0, .fd = FD };
	int other;

	ASSERT_EQ(0, start(&mapped, variant->container, 0));
	ASSERT_EQ(EBUSY, checkpoint(0, &out, 1));
	ASSERT_TRUE(ckpt_run_log_has(&run, "is mapped, so that its descriptor can't stay outside"));
	ASSERT_EQ(0, checkpoint_and_kill(NULL, 0));
	other = memfd_create("other", MFD_CLOEXEC);
	ASSERT_LE(0, other);
	in.own_fd = other;
	ASSERT_EQ(EINVAL, restart(&in, 1));
	ASSERT_TRUE(ckpt_run_log_has(&run, "that a task of the image has mapped"));
	close(other);
	ASSERT_EQ(0, restart(NULL, 0));
	ckpt_run_go(&run);
	ASSERT_EQ(0, ckpt_run_finish(&run));
}

/* Descriptors that there are not, and lists that are none. */
TEST_F_TIMEOUT(external, wrong, CKPT_TIMEOUT)
{
	struct checkpoint_fd out = { .pid = 0, .fd = FD };
	struct restart_fd in[2] = {
		{ .pid = 0, .fd = FD, .own_fd = self->p[1] },
		{ .pid = 0, .fd = FD, .own_fd = self->p[0] },
	};
	char *edge = ckpt_two_pages();

	ASSERT_NE(NULL, edge);
	ASSERT_EQ(0, start(&writers, variant->container, self->p[1]));
	out.fd = FD + 100;
	ASSERT_EQ(EBADF, checkpoint(0, &out, 1));
	ASSERT_TRUE(ckpt_run_log_has(&run, "has no descriptor 177 that could stay outside"));
	out.fd = FD;
	out.pid = getpid();
	ASSERT_EQ(ESRCH, checkpoint(0, &out, 1));
	ASSERT_TRUE(ckpt_run_log_has(&run, "it is no process of the tree"));
	out.pid = -1;
	ASSERT_EQ(EINVAL, checkpoint(0, &out, 1));
	out.pid = 0;
	ASSERT_EQ(E2BIG, checkpoint(0, &out, 4097));
	ASSERT_EQ(EFAULT, checkpoint(0, (void *)(edge + ckpt_page() - sizeof(out) / 2), 1));
	ASSERT_EQ(0, checkpoint_and_kill(&out, 1));

	ASSERT_EQ(E2BIG, restart(in, 4097));
	ASSERT_EQ(EFAULT, restart((void *)(edge + ckpt_page() - sizeof(in[0]) / 2), 1));
	in[0].flags = ~RESTART_FD_OPTIONAL;
	ASSERT_EQ(EINVAL, restart(in, 1));
	in[0].flags = 0;
	in[0].own_fd = image + 1000;
	ASSERT_EQ(EBADF, restart(in, 1));
	in[0].own_fd = self->p[1];
	in[0].pid = 0x7fffffff;
	ASSERT_EQ(ESRCH, restart(in, 1));
	in[0].pid = 0;
	in[0].fd = FD + 100;
	ASSERT_EQ(EBADF, restart(in, 1));
	ASSERT_TRUE(ckpt_run_log_has(&run, "the image has no such one"));
	in[0].fd = FD;
	/* One open file can't become two. */
	ASSERT_EQ(EINVAL, restart(in, 2));
	ASSERT_TRUE(ckpt_run_log_has(&run, "it is the same open file as one that got another"));
	/* The first one counts if the other may be left away; so does one that is not there. */
	in[1].flags = RESTART_FD_OPTIONAL;
	ASSERT_EQ(0, restart(in, 2));
	ckpt_run_kill(&run);
	while (waitpid(-1, NULL, 0) > 0)
		;
	ASSERT_EQ(0, ckpt_cgroup_wait_empty(&run.cg));
	in[1].fd = FD + 100;
	ASSERT_EQ(0, restart(in, 2));
	ckpt_run_go(&run);
	ASSERT_EQ(0, ckpt_run_finish(&run));
}

/* A list of what nothing is saved of. */
TEST_F_TIMEOUT(external, only_killed, CKPT_TIMEOUT)
{
	const struct checkpoint_fd out = { .pid = 0, .fd = FD };
	struct checkpoint_args args;

	ASSERT_EQ(0, start(&writers, variant->container, self->p[1]));
	ckpt_run_args(&run, &args, -1, CHECKPOINT_KILL_ONLY);
	args.id = 1;
	args.external = (uintptr_t)&out;
	args.external_count = 1;
	ASSERT_EQ(-1, sys_checkpoint(&args, sizeof(args)));
	ASSERT_EQ(EINVAL, errno);
	ckpt_run_go(&run);
	ASSERT_EQ(0, ckpt_run_finish(&run));
}

TEST_HARNESS_MAIN
