// SPDX-License-Identifier: GPL-2.0
/*
 * Images that were changed on purpose, with checksums, lengths and counts that
 * are right: each field at its extremes, records that are missing, doubled or
 * exchanged, references to something else.  restart(2) refuses them and tells
 * why, or brings back something that is then looked at, runs, and is killed.
 * Either way nothing is left, nothing hangs, and the kernel has nothing to say.
 *
 * The images are made by ckptmutate (tools/checkpoint/image/), which the fuzzer
 * on the host shares.  CKPT_MUTATIONS is how many there are in all, CKPT_SEED
 * which ones; "mutate: SCENARIO SEED NUMBER" in the kernel log tells the one that
 * is to be looked at with CKPT_FIRST.
 */
#include "everything.h"
#include "fault.h"
#include "usage.h"

#include <dirent.h>
#include <sched.h>
#include <sys/prctl.h>

/* Where only the architecture's code is of interest there are fewer. */
#define MUTATIONS	(ckpt_containers_only() ? 1000 : 10000)
/* So many are made at a time. */
#define AT_ONCE		100
/* Seconds that a call may take; where one of the image itself takes long: so many times that. */
#define HANG		10
#define HANG_TIMES	20

CKPT_SCENARIO(one_process)
{
	everything(E_FILES | E_MEMORY | E_SIGNALS);
}

CKPT_SCENARIO(family)
{
	everything(E_FAMILY | E_THREADS);
}

CKPT_SCENARIO(users)
{
	everything(E_USERS | E_SESSIONS);
}

CKPT_SCENARIO(nested)
{
	everything(E_NESTED | E_IPC | E_FAMILY);
}

CKPT_SCENARIO(all, .before = e_reach)
{
	everything(E_ALL | E_OUTSIDE);
}

CKPT_SCENARIO(networks)
{
	everything(E_NETWORK);
}

static struct ckpt_run run;
static struct image im;
static struct ckpt_usage before;
static int image = -1;
static int lowest;
/* How many, and nanoseconds for all of them. */
static unsigned long refused, restarted, for_refused, for_restarted;

FIXTURE(mutate) { long huge; };

FIXTURE_SETUP(mutate)
{
	self->huge = -1;
	CKPT_BEGIN();
	e_huge_begin(&self->huge);
	/* Instead of an end after some minutes each call has its own. */
	alarm(0);
	ASSERT_EQ(0, ckpt_guard_start(HANG * HANG_TIMES));
}

FIXTURE_TEARDOWN(mutate)
{
	if (run.board)
		ckpt_run_fini(&run);
	e_huge_end(self->huge);
}

/* What ckptmutate writes for @count mutations from @first on; NULL if it can't. */
static FILE *mutations(const char *path, unsigned long seed, unsigned long first,
		       unsigned long count)
{
	char numbers[3][32];
	int status, out = memfd_create("mutations", MFD_CLOEXEC);
	pid_t pid;

	snprintf(numbers[0], sizeof(numbers[0]), "%lu", seed);
	snprintf(numbers[1], sizeof(numbers[1]), "%lu", first);
	snprintf(numbers[2], sizeof(numbers[2]), "%lu", count);
	fflush(NULL);
	pid = fork();
	if (!pid) {
		dup2(out, 1);
		execlp("ckptmutate", "ckptmutate", path, numbers[0], numbers[1], numbers[2], NULL);
		_exit(127);
	}
	if (waitpid(pid, &status, 0) != pid || status) {
		ckpt_diag("ckptmutate ends with status 0x%x", status);
		close(out);
		return NULL;
	}
	lseek(out, 0, SEEK_SET);
	return fdopen(out, "r");
}

/* The next mutation goes to the image; @what tells what it is. */
static int next_mutation(FILE *from, char *what, size_t size)
{
	static char *buf;
	static size_t room;
	uint32_t len[2];

	if (fread(len, sizeof(len), 1, from) != 1)
		return -1;
	if (len[0] + len[1] > room) {
		room = 2 * (len[0] + len[1]);
		buf = realloc(buf, room);
	}
	if (!buf || fread(buf, 1, len[0] + len[1], from) != len[0] + len[1])
		return -1;
	snprintf(what, size, "%.*s", (int)len[0], buf);
	return pwrite(image, buf + len[0], len[1], 0) == (ssize_t)len[1] &&
	       !ftruncate(image, len[1]) ? 0 : -1;
}

static void read_all(const char *dir, const char *name)
{
	char path[512], buf[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	while (read(fd, buf, sizeof(buf)) > 0)
		;
	close(fd);
}

/* As ps, top and a debugger do, which must not stumble. */
static void look_at_tasks(void)
{
	static const char * const files[] = {
		"stat", "status", "maps", "sched", "cmdline", "environ", "auxv", "limits", "syscall",
		"oom_score",
	};
	char buf[4096], dir[64], path[128], link[256];
	char *at, *save;
	struct dirent *d;
	unsigned int i;
	ssize_t n;
	DIR *fds;
	int fd;

	fd = openat(run.cg.fd, "cgroup.threads", O_RDONLY | O_CLOEXEC);
	n = read(fd, buf, sizeof(buf) - 1);
	close(fd);
	buf[n > 0 ? n : 0] = 0;
	for (at = strtok_r(buf, "\n", &save); at; at = strtok_r(NULL, "\n", &save)) {
		snprintf(dir, sizeof(dir), "/proc/%s", at);
		for (i = 0; i < sizeof(files) / sizeof(*files); i++)
			read_all(dir, files[i]);
		snprintf(path, sizeof(path), "%s/exe", dir);
		readlink(path, link, sizeof(link));
		snprintf(path, sizeof(path), "%s/fdinfo", dir);
		fds = opendir(path);
		while (fds && (d = readdir(fds)))
			read_all(path, d->d_name);
		if (fds)
			closedir(fds);
		getsid(atoi(at));
		sched_getscheduler(atoi(at));
	}
}

/* One restart, and the end of what it brought back. */
static int one(const char *what, bool frozen)
{
	uint64_t start = ckpt_now();
	struct restart_args args;
	long pid;
	int err;

	*run.board = run.saved;
	lseek(image, 0, SEEK_SET);
	ckpt_run_restart_args(&run, &args, image, frozen ? RESTART_FROZEN : 0);
	ckpt_guard_enter("restart(2) of %s", what);
	pid = sys_restart(&args, sizeof(args));
	err = errno;
	ckpt_guard_leave();
	if (pid == -1) {
		refused++;
		for_refused += ckpt_now() - start;
		if (ckpt_documented(&run, true, err))
			return -1;
		return nothing_left(&run, lowest);
	}
	restarted++;
	if (args.pidfd < 0) {
		ckpt_diag("no pidfd");
		return -1;
	}
	close(args.pidfd);
	ckpt_guard_enter("the tasks of %s", what);
	/* Some verify themselves, and may find that they are not what they were. */
	if (!frozen)
		ckpt_run_go(&run);
	look_at_tasks();
	if (image_end(&run, pid))
		return -1;
	if (frozen && ckpt_cgroup_thaw(&run.cg))
		return -1;
	ckpt_guard_leave();
	for_restarted += ckpt_now() - start;
	return nothing_left(&run, lowest);
}

/* A scenario's share of the mutations, in percent. */
static int share(struct ckpt_scenario *sc, bool container, unsigned int from_percent,
		 unsigned int to_percent)
{
	unsigned long all = ckpt_number("CKPT_MUTATIONS", MUTATIONS);
	unsigned long count = all * (to_percent - from_percent) / 100;
	unsigned long seed = ckpt_number("CKPT_SEED", 1);
	/* Each takes its own part of the turn through all fields. */
	unsigned long first = ckpt_number("CKPT_FIRST", all * from_percent / 100);
	unsigned long n, end = first + count;
	char path[300], what[700];
	FILE *from = NULL;
	uint64_t start, limit;
	int fd;

	image = ckpt_image_new();
	if (ckpt_run_init(&run, sc, container) || ckpt_run_start(&run) ||
	    (sc->before && sc->before(&run)) ||
	    ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL) || image_load(&im, image))
		return -1;
	snprintf(path, sizeof(path), "%s-image", run.board_path);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (write(fd, im.data, im.size) != (ssize_t)im.size)
		return -1;
	close(fd);
	/* What an image asks for is not more than others can do without. */
	ckpt_cgroup_write(&run.cg, "memory.max", "268435456");
	ckpt_cgroup_write(&run.cg, "memory.swap.max", "0");
	ckpt_cgroup_write(&run.cg, "pids.max", "500");
	ckpt_kmsg("mutate: %s", sc->name);
	lowest = lowest_free(&run);
	ckpt_diag("%s: %zu bytes, seed %lu, mutations %lu to %lu", sc->name, im.size, seed, first,
		  end - 1);
	/* What is only once made does not count. */
	start = ckpt_now();
	if (one("the image itself", true) || one("the image itself", false) || restarted != 2) {
		ckpt_run_print_log(&run);
		return -1;
	}
	limit = (ckpt_now() - start) / 2 * HANG_TIMES / 1000000000;
	ckpt_guard_limit(limit > HANG ? limit : HANG);
	ckpt_usage_now(&before);
	start = ckpt_now();
	for (n = first; n < end; n++) {
		if ((n - first) % AT_ONCE == 0) {
			if (from)
				fclose(from);
			lowest = lowest_free(&run);
			from = mutations(path, seed, n, end - n < AT_ONCE ? end - n : AT_ONCE);
			if (!from)
				return -1;
			lowest = lowest_free(&run);
		}
		if (next_mutation(from, what, sizeof(what)))
			return -1;
		ckpt_kmsg("mutate: %s %lu %lu: %s", sc->name, seed, n, what);
		if (one(what, n / 2 % 2)) {
			ckpt_diag("%s, seed %lu, mutation %lu: %s", sc->name, seed, n, what);
			return -1;
		}
	}
	if (from)
		fclose(from);
	unlink(path);
	if (refused < count / 10 || restarted < count / 20 + 2) {
		ckpt_diag("%lu refused, %lu restarted", refused, restarted);
		return -1;
	}
	ckpt_diag("%lu refused (%lu ms each), %lu restarted (%lu ms); %lu ms in all", refused,
		  for_refused / (refused + !refused) / 1000000, restarted,
		  for_restarted / restarted / 1000000,
		  (unsigned long)((ckpt_now() - start) / 1000000));
	if (ckpt_usage_same(&before))
		return -1;
	/* It still works: what went before has not spoilt anything. */
	return image_works(&run, &im, image);
}

/* Enough for each, however many there are: a call that hangs is ended before. */
static int seconds(void)
{
	return 600 + ckpt_number("CKPT_MUTATIONS", MUTATIONS);
}

#define SHARE(_name, _container, _from, _to)				\
	TEST_F_TIMEOUT(mutate, _name, seconds())			\
	{								\
		if (system("command -v ckptmutate >/dev/null"))		\
			SKIP(return, "ckptmutate (tools/checkpoint/) is not in the path"); \
		ASSERT_EQ(0, share(&_name, _container, _from, _to));	\
	}

/* The smaller the tree, and the faster it is made, the more there are in the same time. */
SHARE(one_process, false, 0, 50)
SHARE(family, false, 50, 70)
SHARE(users, false, 70, 80)
SHARE(nested, true, 80, 90)
SHARE(all, true, 90, 99)
SHARE(networks, true, 99, 100)

TEST_HARNESS_MAIN
