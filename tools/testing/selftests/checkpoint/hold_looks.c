// SPDX-License-Identifier: GPL-2.0
/*
 * Somebody looks at tasks while they are checkpointed, as ps(1) and lsof(8) do: that has
 * references on what they have for moments, and is not taken for a task outside that shares it.
 */
#include "common.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#define ROUNDS	40
#define KIDS	3

/* Counts the looks that are over. */
static uint64_t *looks;
static struct ckpt_run run;
static int image = -1;
static pid_t looker;

FIXTURE(looks) { int unused; };
FIXTURE_VARIANT(looks) { bool container; };
FIXTURE_VARIANT_ADD(looks, container) { .container = true };
FIXTURE_VARIANT_ADD(looks, subtree) { .container = false };

FIXTURE_SETUP(looks)
{
	CKPT_BEGIN();
	if (getenv("CKPT_BASELINE"))
		SKIP(return, "needs checkpoint(2)");
}

static void look_away(void)
{
	if (looker <= 0)
		return;
	kill(looker, SIGKILL);
	waitpid(looker, NULL, 0);
	looker = 0;
}

FIXTURE_TEARDOWN(looks)
{
	look_away();
	if (run.board)
		ckpt_run_fini(&run);
}

/* ---- who is looked at -------------------------------------------------- */

static void *waits(void *arg)
{
	ckpt_step(0);
	ckpt_wait_go();
	return NULL;
}

/* Something of what can be shared with others. */
static int has_files(void *arg)
{
	int pipes[2], pair[2];
	char path[320];
	void *at;
	int fd;

	fd = CHECK_SYS(open(ckpt_path(path, sizeof(path), "looked"), O_RDWR | O_CREAT, 0600));
	CHECK_SYS(ftruncate(fd, CKPT_PAGE));
	at = mmap(NULL, CKPT_PAGE, PROT_READ, MAP_PRIVATE, fd, 0);
	CHECK(at != MAP_FAILED, "mmap: %s", strerror(errno));
	at = mmap(NULL, CKPT_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(at != MAP_FAILED, "mmap: %s", strerror(errno));
	CHECK_SYS(ckpt_pipe(pipes, 0));
	CHECK_SYS(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	CHECK_SYS(eventfd(3, 0));
	CHECK_SYS(chdir("/usr"));
	if (arg)
		waits(NULL);
	return 0;
}

CKPT_SCENARIO(looked_at)
{
	pthread_t thread;
	pid_t kid[KIDS];
	int i;

	has_files(NULL);
	for (i = 0; i < KIDS; i++)
		kid[i] = ckpt_fork(has_files, &run);
	CHECK_EQ(0, pthread_create(&thread, NULL, waits, NULL));
	ckpt_step_wait(0, KIDS + 1);
	ckpt_ready_wait();
	CHECK_EQ(0, pthread_join(thread, NULL));
	for (i = 0; i < KIDS; i++)
		ckpt_wait_exit(kid[i], 0);
}

/* ---- who looks --------------------------------------------------------- */

static void look_at_links(pid_t pid, const char *dir)
{
	char path[64], name[320], target[512];
	struct dirent *entry;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, dir);
	d = opendir(path);
	while (d && (entry = readdir(d))) {
		snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		if (readlink(name, target, sizeof(target)) < 0)
			errno = 0;
		if (!strcmp(dir, "fdinfo"))
			ckpt_read_file(name, target, sizeof(target));
	}
	if (d)
		closedir(d);
}

static void look_at(pid_t pid)
{
	static const char * const files[] = {
		"maps", "smaps_rollup", "environ", "cmdline", "stat", "status", "limits", "mountinfo",
	};
	static const char * const links[] = { "exe", "cwd", "root" };
	char path[64], buf[8192];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(files); i++) {
		snprintf(path, sizeof(path), "/proc/%d/%s", pid, files[i]);
		ckpt_read_file(path, buf, sizeof(buf));
	}
	for (i = 0; i < ARRAY_SIZE(links); i++) {
		snprintf(path, sizeof(path), "/proc/%d/%s", pid, links[i]);
		if (readlink(path, buf, sizeof(buf)) < 0)
			errno = 0;
	}
	look_at_links(pid, "fd");
	look_at_links(pid, "fdinfo");
	look_at_links(pid, "ns");
}

static void looks_on(void)
{
	char path[300], buf[4096];
	char *at, *save;

	alarm(0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(path, sizeof(path), "%s/cgroup.procs", run.cg.path);
	for (;;) {
		ckpt_read_file(path, buf, sizeof(buf));
		for (at = strtok_r(buf, "\n", &save); at; at = strtok_r(NULL, "\n", &save))
			look_at(atoi(at));
		__atomic_add_fetch(looks, 1, __ATOMIC_SEQ_CST);
	}
}

/* By turns without writing anything, and with an image; by turns what is shared is only noted. */
TEST_F_TIMEOUT(looks, as_ps_and_lsof, CKPT_TIMEOUT)
{
	struct checkpoint_args args;
	uint64_t before = 0;
	uint64_t flags;
	int i;

	looks = mmap(NULL, sizeof(*looks), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, looks);
	image = ckpt_image_new();
	ASSERT_EQ(0, ckpt_run_init(&run, &looked_at, variant->container));
	ASSERT_EQ(0, ckpt_run_start(&run));
	fflush(NULL);
	looker = fork();
	if (!looker)
		looks_on();
	ASSERT_LT(0, looker);
	for (i = 0; i < ROUNDS; i++) {
		/* It is at it again. */
		while (__atomic_load_n(looks, __ATOMIC_SEQ_CST) == before)
			poll(NULL, 0, 1);
		before = __atomic_load_n(looks, __ATOMIC_SEQ_CST);
		flags = (i % 8 ? CHECKPOINT_DRY_RUN : 0) | (i & 1 ? CHECKPOINT_STRICT : 0);
		ASSERT_EQ(0, ftruncate(image, 0));
		ASSERT_EQ(0, lseek(image, 0, SEEK_SET));
		ckpt_run_args(&run, &args, image, flags);
		if (sys_checkpoint(&args, sizeof(args)) > 0)
			continue;
		ckpt_diag("round %d: %s", i, strerror(errno));
		ckpt_run_print_log(&run);
		ASSERT_TRUE(false);
	}
	/* ckpt_run_finish() waits for all children of the test. */
	look_away();
	ckpt_run_go(&run);
	EXPECT_EQ(0, ckpt_run_finish(&run));
}

TEST_HARNESS_MAIN
