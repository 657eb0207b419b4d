// SPDX-License-Identifier: GPL-2.0
/* A program that checkpoints itself: a number first, 0 when it comes back. */
#include "common.h"
#include "fault.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

FIXTURE(self) {
	struct ckpt_run run;
};

FIXTURE_SETUP(self)
{
	CKPT_BEGIN();
}

FIXTURE_TEARDOWN(self) { }

static const char *image_path(char *buf, size_t size)
{
	return ckpt_path(buf, size, "image");
}

/* Checkpoint the calling process, and all that is in its cgroup. */
static long checkpoint_self(uint64_t flags)
{
	struct checkpoint_args args = {
		.flags = flags | (getpid() == 1 ? 0 : CHECKPOINT_SUBTREE),
		.pidfd = -1, .cgroup_fd = -1, .log_fd = -1, .timeout_ms = 60000,
	};
	char path[300];
	long id;
	int fd;

	fd = CHECK_SYS(open(image_path(path, sizeof(path)), O_RDWR | O_CREAT | O_TRUNC, 0600));
	args.image_fd = fd;
	id = sys_checkpoint(&args, sizeof(args));
	CHECK(id >= 0, "checkpoint(2): %s", strerror(errno));
	CHECK_SYS(close(fd));
	return id;
}

/* Pass by this point as the original (with an id) or as the restarted one. */
static void passed(long id)
{
	__atomic_add_fetch(&board->value[id > 0 ? 0 : 1], 1, __ATOMIC_SEQ_CST);
}

CKPT_SCENARIO(alone)
{
	volatile int local = 815;
	pid_t pid = getpid();

	ckpt_ready_wait();
	passed(checkpoint_self(0));
	CHECK_EQ(815, local);
	CHECK_EQ(pid, getpid());
}

static void *thread_on_go(void *arg)
{
	pid_t tid = sys_gettid();

	ckpt_step(0);
	ckpt_step_wait(1, 1);
	CHECK_EQ(tid, sys_gettid());
	return arg;
}

CKPT_SCENARIO(with_threads)
{
	pthread_t thread[3];
	void *ret;
	uintptr_t i;

	for (i = 0; i < 3; i++)
		CHECK_EQ(0, pthread_create(&thread[i], NULL, thread_on_go, (void *)i));
	ckpt_step_wait(0, 3);
	ckpt_ready_wait();
	passed(checkpoint_self(0));
	ckpt_step(1);
	for (i = 0; i < 3; i++) {
		CHECK_EQ(0, pthread_join(thread[i], &ret));
		CHECK_EQ(i, (uintptr_t)ret);
	}
}

static int child_on_go(void *arg)
{
	pid_t parent = getppid();

	ckpt_step(0);
	ckpt_step_wait(1, 1);
	CHECK_EQ(parent, getppid());
	return 17;
}

CKPT_SCENARIO(with_children)
{
	pid_t kid[3];
	int i;

	for (i = 0; i < 3; i++)
		kid[i] = ckpt_fork(child_on_go, NULL);
	ckpt_step_wait(0, 3);
	ckpt_ready_wait();
	passed(checkpoint_self(0));
	ckpt_step(1);
	for (i = 0; i < 3; i++)
		ckpt_wait_exit(kid[i], 17);
}

/* What the image goes into, and out of whose reach it is kept: the caller's own descriptor. */
static struct checkpoint_args args_out_of(struct checkpoint_rule *rule, int fd)
{
	*rule = (struct checkpoint_rule){ .fd = fd, .action = CHECKPOINT_RULE_CLOSE };
	return (struct checkpoint_args){
		.flags = getpid() == 1 ? 0 : CHECKPOINT_SUBTREE,
		.pidfd = -1, .cgroup_fd = -1, .log_fd = -1, .timeout_ms = 60000, .image_fd = fd,
		.rules = (uintptr_t)rule, .rules_count = 1,
	};
}

/* More than the buffer of a socket holds. */
static unsigned char much[1 << 20];

/*
 * The image goes to somebody outside, and has to wait for him again and again: that the others of
 * the tree were frozen must not look like a signal to the caller.
 */
CKPT_SCENARIO(into_socket)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct checkpoint_rule rule;
	struct checkpoint_args args;
	pthread_t thread;
	pid_t kid;
	size_t i;
	long id;
	int fd;

	for (i = 0; i < sizeof(much); i++)
		much[i] = i * 7 >> 3;
	kid = ckpt_fork(child_on_go, NULL);
	CHECK_EQ(0, pthread_create(&thread, NULL, thread_on_go, NULL));
	ckpt_step_wait(0, 2);
	ckpt_ready_wait();
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", getenv("CKPT_SOCKET"));
	fd = CHECK_SYS(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
	CHECK_SYS(connect(fd, (struct sockaddr *)&addr, sizeof(addr)));
	args = args_out_of(&rule, fd);
	id = sys_checkpoint(&args, sizeof(args));
	CHECK(id >= 0, "checkpoint(2): %s", strerror(errno));
	passed(id);
	/* It is left out of the image. */
	CHECK_EQ(id ? 0 : -1, close(fd));
	for (i = 0; i < sizeof(much); i++)
		if (much[i] != (unsigned char)(i * 7 >> 3))
			CHECK(false, "byte %zu is %d", i, much[i]);
	ckpt_step(1);
	CHECK_EQ(0, pthread_join(thread, NULL));
	ckpt_wait_exit(kid, 17);
}

/* A pipe of which the tree has an end may be one that nobody empties. */
CKPT_SCENARIO(into_pipe)
{
	struct checkpoint_rule rule;
	struct checkpoint_args args;
	char path[300], log[1024];
	pid_t kid;
	int fd;

	kid = ckpt_fork(child_on_go, NULL);
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	fd = CHECK_SYS(open(getenv("CKPT_PIPE"), O_WRONLY | O_CLOEXEC));
	args = args_out_of(&rule, fd);
	args.log_fd = CHECK_SYS(open(ckpt_path(path, sizeof(path), "log"), O_RDWR | O_CREAT, 0600));
	CHECK_EQ(-1, sys_checkpoint(&args, sizeof(args)));
	CHECK_EQ(EDEADLK, errno);
	ckpt_read_file(path, log, sizeof(log));
	CHECK(strstr(log, "the image goes to a file that the frozen tasks use"), "the log has: %s",
	      log);
	ckpt_step(1);
	ckpt_wait_exit(kid, 17);
}

/* Two checkpoints of the same program have numbers that grow. */
CKPT_SCENARIO(twice)
{
	long first, second;

	ckpt_ready_wait();
	first = checkpoint_self(0);
	second = checkpoint_self(0);
	CHECK(first > 0, "the first gave %ld", first);
	CHECK(!second || second > first, "%ld after %ld", second, first);
	passed(second);
}

#ifdef __x86_64__
/* As arch/x86/checkpoint/mm.rs has it in image_mm.context[2]: it can't be switched on any more. */
#define MASKING_LOCKED	(1 << 2)

/* More than one batch of an image holds: then a thread of the kernel's helps the caller. */
#define HELPED		(40u << 20)

/*
 * Linear address masking can be switched on by a process that never had threads. Those that help the
 * caller in the kernel are none to it.
 */
CKPT_SCENARIO(helped)
{
	long first, second, ret;
	unsigned char *all;
	size_t at;

	all = mmap(NULL, HELPED, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(all != MAP_FAILED, "mmap: %s", strerror(errno));
	for (at = 0; at < HELPED; at += ckpt_page())
		all[at] = at / ckpt_page() % 255 + 1;
	ckpt_ready_wait();
	first = checkpoint_self(0);
	CHECK(first > 0, "the first gave %ld", first);
	/* The image of this one tells what the first has left behind. */
	second = checkpoint_self(0);
	/* ARCH_ENABLE_TAGGED_ADDR: EBUSY if it is locked; ENODEV: no such CPU; EINVAL: nor kernel. */
	ret = syscall(__NR_arch_prctl, 0x4002, 6);
	CHECK(!ret || errno == ENODEV || errno == EINVAL, "masking: %s", strerror(errno));
	passed(second);
}

/* The image says that masking can be switched on. */
static int can_mask(struct ckpt_run *run)
{
	struct image im = { .data = NULL };
	uint64_t mode = MASKING_LOCKED;
	char path[300];
	int fd;

	snprintf(path, sizeof(path), "%s.image", run->board_path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && !image_load(&im, fd))
		mode = image_get(&im, image_body(&im, IMAGE_KIND_MM) + IMAGE_AT(mm, context[2]), 8);
	free(im.data);
	close(fd);
	return mode & MASKING_LOCKED ? -1 : 0;
}
#endif

/* A caller that is not the root but in the tree is refused. */
CKPT_SCENARIO(inside_but_not_root)
{
	struct checkpoint_args args = {
		.flags = CHECKPOINT_SUBTREE | CHECKPOINT_DRY_RUN,
		.cgroup_fd = -1, .image_fd = -1, .log_fd = -1, .timeout_ms = 60000,
	};
	pid_t kid, root = getpid();

	ckpt_ready_wait();
	kid = CHECK_SYS(fork());
	if (!kid) {
		args.pidfd = CHECK_SYS(sys_pidfd_open(root));
		CHECK_EQ(-1, sys_checkpoint(&args, sizeof(args)));
		CHECK_EQ(EDEADLK, errno);
		_exit(0);
	}
	ckpt_wait_exit(kid, 0);
}

/* A task from outside is in the pid namespace of an init that has no other task. */
CKPT_SCENARIO(visited)
{
	struct checkpoint_args args = {
		.pidfd = -1, .cgroup_fd = -1, .timeout_ms = 60000,
	};
	char path[300], log[1024];
	struct stat st;
	int i;

	CHECK_EQ(1, getpid());
	args.image_fd = CHECK_SYS(open(image_path(path, sizeof(path)), O_RDWR | O_CREAT, 0600));
	args.log_fd = CHECK_SYS(open(ckpt_path(path, sizeof(path), "log"), O_RDWR | O_CREAT, 0600));
	ckpt_ready();
	ckpt_step_wait(0, 1);
	for (i = 0; i < 2; i++) {
		CHECK_SYS(ftruncate(args.log_fd, 0));
		CHECK_SYS(lseek(args.log_fd, 0, SEEK_SET));
		args.flags = i ? 0 : CHECKPOINT_DRY_RUN;
		CHECK_EQ(-1, sys_checkpoint(&args, sizeof(args)));
		CHECK_EQ(EBUSY, errno);
		ckpt_read_file(path, log, sizeof(log));
		CHECK(strstr(log, "is in the pid namespace but not in the tree of its init"),
		      "the log has: %s", log);
		CHECK_SYS(fstat(args.image_fd, &st));
		CHECK_EQ(0, st.st_size);
	}
	/* When it is gone nothing is in the way. */
	ckpt_step(1);
	ckpt_wait_go();
	CHECK(sys_checkpoint(&args, sizeof(args)) > 0, "checkpoint(2): %s", strerror(errno));
}

/* A process in the pid namespace of the run's init, which is not its parent. */
static pid_t visit(struct ckpt_run *run)
{
	int own = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC), ns;
	char path[64];
	pid_t pid;

	snprintf(path, sizeof(path), "/proc/%d/ns/pid", run->pid);
	ns = open(path, O_RDONLY | O_CLOEXEC);
	if (own < 0 || ns < 0 || setns(ns, CLONE_NEWPID))
		return -1;
	fflush(NULL);
	pid = fork();
	if (!pid) {
		for (;;)
			pause();
	}
	if (setns(own, CLONE_NEWPID))
		ckpt_diag("setns: %s", strerror(errno));
	close(own);
	close(ns);
	return pid;
}

/* The original has come to its end: restart from what it wrote, to the end again. */
static int reborn(struct ckpt_run *run)
{
	char path[300];
	int fd, ret;

	if (run->board->value[0] != 1 || run->board->value[1]) {
		ckpt_diag("the original passed %llu times",
			  (unsigned long long)run->board->value[0]);
		return -1;
	}
	snprintf(path, sizeof(path), "%s.image", run->board_path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	run->saved = *run->board;
	run->saved.step[1] = 0;
	/* It was written to after the checkpoint, nobody knows when first. */
	run->accept = run->board_path;
	run->accept_len = strlen(run->board_path) + 1;
	ret = ckpt_run_restart(run, fd, 0);
	close(fd);
	if (!ret)
		ret = ckpt_run_finish(run);
	if (!ret && run->board->value[1] != 1) {
		ckpt_diag("the restarted one did not get 0");
		ret = -1;
	}
	return ret;
}

/* Original to its end, then restart from what it wrote, to the end again. */
static int life(struct ckpt_run *run, const struct ckpt_scenario *sc, bool container)
{
	int ret = -1;

	if (ckpt_run_init(run, sc, container) || ckpt_run_start(run))
		goto out;
	ckpt_run_go(run);
	if (!ckpt_run_finish(run))
		ret = reborn(run);
out:
	ckpt_run_fini(run);
	return ret;
}

/* Who takes the image: a thread, as the end of a run waits for all processes. */
struct taker {
	struct ckpt_run *run;
	int listener;
	int err;
};

/* Writes what comes by a connection to the image of the run. */
static void *take_image(void *arg)
{
	struct taker *taker = arg;
	char path[300], buf[65536];
	ssize_t n = -1;
	int from, to;

	snprintf(path, sizeof(path), "%s.image", taker->run->board_path);
	to = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	from = accept4(taker->listener, NULL, NULL, SOCK_CLOEXEC);
	if (to >= 0 && from >= 0)
		while ((n = read(from, buf, sizeof(buf))) > 0 && write(to, buf, n) == n)
			;
	taker->err = n ? -1 : 0;
	close(from);
	close(to);
	return NULL;
}

/* As life(); the image comes by a socket, which has a path as those are for all network namespaces. */
static int life_by_socket(struct ckpt_run *run, bool container)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct taker taker = { .run = run };
	pthread_t thread;
	int ret = -1;

	taker.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (ckpt_run_init(run, &into_socket, container))
		goto out;
	/* None of the files that a run begins without. */
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%.90s-socket", run->board_path);
	setenv("CKPT_SOCKET", addr.sun_path, 1);
	if (bind(taker.listener, (struct sockaddr *)&addr, sizeof(addr)) ||
	    listen(taker.listener, 1) || ckpt_run_start(run) ||
	    pthread_create(&thread, NULL, take_image, &taker))
		goto out;
	ckpt_run_go(run);
	ret = ckpt_run_finish(run);
	/* Nobody waits for one who can't connect any more. */
	shutdown(taker.listener, SHUT_RDWR);
	pthread_join(thread, NULL);
	if (!ret && taker.err) {
		ckpt_diag("the image was not taken");
		ret = -1;
	}
	if (!ret)
		ret = reborn(run);
out:
	ckpt_run_fini(run);
	close(taker.listener);
	unlink(addr.sun_path);
	return ret;
}

#define SELF_TEST(_name, _scenario, _container)				\
	TEST_F_TIMEOUT(self, _name, CKPT_TIMEOUT)			\
	{								\
		if (getenv("CKPT_BASELINE"))				\
			SKIP(return, "needs checkpoint(2)");		\
		ASSERT_EQ(0, life(&self->run, &_scenario, _container));	\
	}

SELF_TEST(alone_subtree, alone, false)
SELF_TEST(alone_container, alone, true)
SELF_TEST(threads_subtree, with_threads, false)
SELF_TEST(threads_container, with_threads, true)
SELF_TEST(children_subtree, with_children, false)
SELF_TEST(children_container, with_children, true)
SELF_TEST(twice_subtree, twice, false)

#ifdef __x86_64__
TEST_F_TIMEOUT(self, masking_subtree, CKPT_TIMEOUT)
{
	if (getenv("CKPT_BASELINE"))
		SKIP(return, "needs checkpoint(2)");
	ASSERT_EQ(0, ckpt_run_init(&self->run, &helped, false));
	EXPECT_EQ(0, ckpt_run_start(&self->run));
	ckpt_run_go(&self->run);
	EXPECT_EQ(0, ckpt_run_finish(&self->run));
	EXPECT_EQ(0, can_mask(&self->run));
	EXPECT_EQ(0, reborn(&self->run));
	ckpt_run_fini(&self->run);
}
#endif

TEST_F_TIMEOUT(self, socket_subtree, CKPT_TIMEOUT)
{
	if (getenv("CKPT_BASELINE"))
		SKIP(return, "needs checkpoint(2)");
	ASSERT_EQ(0, life_by_socket(&self->run, false));
}

TEST_F_TIMEOUT(self, socket_container, CKPT_TIMEOUT)
{
	if (getenv("CKPT_BASELINE"))
		SKIP(return, "needs checkpoint(2)");
	ASSERT_EQ(0, life_by_socket(&self->run, true));
}

TEST_F_TIMEOUT(self, pipe, CKPT_TIMEOUT)
{
	char name[64];
	int fd[2];

	if (getenv("CKPT_BASELINE"))
		SKIP(return, "needs checkpoint(2)");
	ASSERT_EQ(0, pipe2(fd, O_CLOEXEC));
	snprintf(name, sizeof(name), "/proc/%d/fd/%d", getpid(), fd[1]);
	setenv("CKPT_PIPE", name, 1);
	ASSERT_EQ(0, ckpt_run_init(&self->run, &into_pipe, false));
	EXPECT_EQ(0, ckpt_run_start(&self->run));
	ckpt_run_go(&self->run);
	EXPECT_EQ(0, ckpt_run_finish(&self->run));
	ckpt_run_fini(&self->run);
	close(fd[0]);
	close(fd[1]);
}

TEST_F_TIMEOUT(self, not_the_root, CKPT_TIMEOUT)
{
	if (getenv("CKPT_BASELINE"))
		SKIP(return, "needs checkpoint(2)");
	ASSERT_EQ(0, ckpt_run_init(&self->run, &inside_but_not_root, false));
	EXPECT_EQ(0, ckpt_run_start(&self->run));
	ckpt_run_go(&self->run);
	EXPECT_EQ(0, ckpt_run_finish(&self->run));
	ckpt_run_fini(&self->run);
}

/* Its visitor would be left out of the image without a word. */
TEST_F_TIMEOUT(self, visited_container, CKPT_TIMEOUT)
{
	struct ckpt_board *own = board;
	pid_t visitor;

	if (getenv("CKPT_BASELINE"))
		SKIP(return, "needs checkpoint(2)");
	ASSERT_EQ(0, ckpt_run_init(&self->run, &visited, true));
	ASSERT_EQ(0, ckpt_run_start(&self->run));
	visitor = visit(&self->run);
	ASSERT_LT(0, visitor);
	board = self->run.board;
	ckpt_step(0);
	while (!__atomic_load_n(&board->step[1], __ATOMIC_SEQ_CST) &&
	       !__atomic_load_n(&board->failed, __ATOMIC_SEQ_CST))
		sched_yield();
	board = own;
	EXPECT_EQ(0, kill(visitor, SIGKILL));
	EXPECT_EQ(visitor, waitpid(visitor, NULL, 0));
	ckpt_run_go(&self->run);
	EXPECT_EQ(0, ckpt_run_finish(&self->run));
	ckpt_run_fini(&self->run);
}

TEST_HARNESS_MAIN
