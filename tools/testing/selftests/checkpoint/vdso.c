// SPDX-License-Identifier: GPL-2.0
/*
 * Programs of a kernel with another vDSO: the old code stays where it was, its entry
 * points lead into this kernel's, and who was interrupted in it goes on there.
 *
 * All images are changed so that their vDSO is none of this kernel's
 * (common_vdso.c): in a second generation there are three of them. Other tests are
 * run so as well.
 */
#include "common.h"

#include <elf.h>
#include <libgen.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/random.h>
#include <sys/time.h>
#include <time.h>
#include <ucontext.h>

/* Before anything is restarted, and for the programs that are run. */
__attribute__((constructor(150))) static void other_vdso(void)
{
	setenv("CKPT_VDSO", "other", 1);
}

static void begin(const char **why)
{
	*why = getauxval(AT_SYSINFO_EHDR) ? NULL : "this kernel has no vDSO";
}

#define VDSO_BEGIN() do {						\
	const char *no_vdso;						\
									\
	CKPT_BEGIN();							\
	begin(&no_vdso);						\
	if (no_vdso)							\
		SKIP(return, "%s", no_vdso);				\
} while (0)

CKPT_FIXTURE_IF(VDSO_BEGIN)

static const clockid_t clocks[] = {
	CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_MONOTONIC_RAW,
};

static const clockid_t coarse_clocks[] = { CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE };

static int64_t ns(const struct timespec *ts)
{
	return ts->tv_sec * 1000000000ll + ts->tv_nsec;
}

static int64_t by_vdso(clockid_t id)
{
	struct timespec ts;

	CHECK_SYS(clock_gettime(id, &ts));
	return ns(&ts);
}

static int64_t by_call(clockid_t id)
{
	struct timespec ts;

	CHECK_SYS(syscall(__NR_clock_gettime, id, &ts));
	return ns(&ts);
}

static void check_between(const char *what, int64_t before, int64_t now, int64_t after)
{
	CHECK(before <= now && now <= after, "%s: %lld, then %lld, then %lld", what,
	      (long long)before, (long long)now, (long long)after);
}

/* All that the vDSO tells is what the kernel tells. */
static void check_calls(void)
{
	unsigned char random[2][64];
	struct timespec ts, res;
	struct timeval tv;
	unsigned int i, cpu, node;
	int64_t before;

	for (i = 0; i < ARRAY_SIZE(clocks); i++) {
		before = by_call(clocks[i]);
		check_between("clock", before, by_vdso(clocks[i]), by_call(clocks[i]));
		CHECK_SYS(clock_getres(clocks[i], &ts));
		CHECK_SYS(syscall(__NR_clock_getres, clocks[i], &res));
		CHECK_EQ(ns(&res), ns(&ts));
	}
	for (i = 0; i < ARRAY_SIZE(coarse_clocks); i++) {
		before = by_call(coarse_clocks[i]);
		check_between("coarse clock", before, by_vdso(coarse_clocks[i]),
			      by_call(coarse_clocks[i]));
	}
	before = by_call(CLOCK_REALTIME) / 1000;
	CHECK_SYS(gettimeofday(&tv, NULL));
	check_between("gettimeofday", before, tv.tv_sec * 1000000ll + tv.tv_usec,
		      by_call(CLOCK_REALTIME) / 1000);
	before = by_call(CLOCK_REALTIME_COARSE) / 1000000000;
	check_between("time", before, time(NULL), by_call(CLOCK_REALTIME) / 1000000000);
	CHECK_SYS(getcpu(&cpu, &node));
	CHECK(cpu < 1 << 16, "CPU %u", cpu);
	for (i = 0; i < 2; i++)
		CHECK_EQ((ssize_t)sizeof(random[i]), getrandom(random[i], sizeof(random[i]), 0));
	CHECK(memcmp(random[0], random[1], sizeof(random[0])), "random numbers come again");
}

CKPT_CYCLE(calls)
{
	pid_t kid;

	check_calls();
	ckpt_ready_wait();
	check_calls();
	/* Those that are made now have the same memory, and the next program its own vDSO. */
	kid = CHECK_SYS(fork());
	if (!kid) {
		check_calls();
		_exit(0);
	}
	ckpt_wait_exit(kid, 0);
}

/* Start and end of the line of /proc/self/maps that has @name; 0: there is none. */
static unsigned long line_of(const char *name, unsigned long *end)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	unsigned long start = 0;
	char line[256];

	CHECK(maps, "maps: %s", strerror(errno));
	while (!start && fgets(line, sizeof(line), maps))
		if (strstr(line, name))
			CHECK_EQ(2, sscanf(line, "%lx-%lx", &start, end));
	fclose(maps);
	return start;
}

CKPT_CYCLE(where_it_is)
{
	unsigned long old = getauxval(AT_SYSINFO_EHDR), end = 0;
	static char head[64];

	memcpy(head, (char *)old, sizeof(head));
	CHECK_EQ(old, line_of("[vdso]", &end));
	ckpt_ready_wait();
	CHECK_EQ(old, getauxval(AT_SYSINFO_EHDR));
	CHECK(!memcmp(head, (char *)old, sizeof(head)), "another file is there");
	CHECK(line_of("[vdso]", &end), "there is no vDSO");
	if (board->restarts)
		CHECK(line_of("[vdso]", &end) != old, "the vDSO is where the old one was");
}

/* ---- tasks in it ------------------------------------------------------ */

#define SPINNERS	3

static int stop;

static void *spin(void *arg)
{
	clockid_t id = clocks[1 + (long)arg % 2];
	int64_t last = by_vdso(id), now;

	ckpt_step(0);
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		now = by_vdso(id);
		CHECK(now >= last, "clock %d went from %lld to %lld", id, (long long)last,
		      (long long)now);
		last = now;
		time(NULL);
		by_vdso(CLOCK_MONOTONIC_COARSE);
	}
	return NULL;
}

/* Wherever they are interrupted. */
CKPT_CYCLE(threads_spin)
{
	pthread_t threads[SPINNERS];
	long i;

	for (i = 0; i < SPINNERS; i++)
		CHECK_EQ(0, pthread_create(&threads[i], NULL, spin, (void *)i));
	ckpt_step_wait(0, SPINNERS);
	ckpt_ready_wait();
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (i = 0; i < SPINNERS; i++)
		CHECK_EQ(0, pthread_join(threads[i], NULL));
	check_calls();
}

#if __SIZEOF_POINTER__ == 8
/* Bytes at the beginning of an entry point that a jump may take. */
#define JUMP	16

static unsigned long vdso_start, vdso_end;
static volatile sig_atomic_t caught;

static unsigned long interrupted_at(const ucontext_t *uc)
{
#if defined(__x86_64__)
	return uc->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
	return uc->uc_mcontext.pc;
#elif defined(__powerpc64__)
	return uc->uc_mcontext.gp_regs[32];
#elif defined(__s390x__)
	return uc->uc_mcontext.psw.addr;
#else
	return 0;
#endif
}

/* Is @at behind the beginning of all entry points of the vDSO? */
static bool is_within(unsigned long at)
{
	const Elf64_Ehdr *elf = (void *)vdso_start;
	const Elf64_Phdr *segment = (void *)(vdso_start + elf->e_phoff);
	const Elf64_Dyn *dyn = NULL;
	unsigned long symbols = 0, names = 0;
	const Elf64_Sym *s;
	unsigned int i;

	if (at < vdso_start || at >= vdso_end)
		return false;
	for (i = 0; i < elf->e_phnum; i++)
		if (segment[i].p_type == PT_DYNAMIC)
			dyn = (void *)(vdso_start + segment[i].p_offset);
	for (; dyn && dyn->d_tag != DT_NULL; dyn++) {
		if (dyn->d_tag == DT_SYMTAB)
			symbols = dyn->d_un.d_ptr;
		if (dyn->d_tag == DT_STRTAB)
			names = dyn->d_un.d_ptr;
	}
	for (s = (void *)(vdso_start + symbols); (unsigned long)s < vdso_start + names; s++)
		if (s->st_shndx && at - vdso_start - s->st_value < JUMP)
			return false;
	return true;
}

static void in_handler(int sig, siginfo_t *info, void *uc)
{
	if (caught || !is_within(interrupted_at(uc)))
		return;
	caught = 1;
	ckpt_ready_wait();
}

/*
 * A signal handler returns into the middle of a function that reads the clock: where
 * the old kernel had its data there is still some.
 */
CKPT_CYCLE(handler_returns_into_it)
{
	struct itimerval often = { { 0, 1000 }, { 0, 1000 } }, off = {};
	struct sigaction sa = { .sa_sigaction = in_handler, .sa_flags = SA_SIGINFO | SA_RESTART };
	int64_t last, now;

	vdso_start = getauxval(AT_SYSINFO_EHDR);
	CHECK_EQ(vdso_start, line_of("[vdso]", &vdso_end));
	CHECK_SYS(sigaction(SIGALRM, &sa, NULL));
	CHECK_SYS(setitimer(ITIMER_REAL, &often, NULL));
	for (last = by_vdso(CLOCK_MONOTONIC); !caught; last = now) {
		now = by_vdso(CLOCK_MONOTONIC);
		CHECK(now >= last, "went from %lld to %lld", (long long)last, (long long)now);
	}
	CHECK_SYS(setitimer(ITIMER_REAL, &off, NULL));
	check_calls();
}
#endif

#ifdef __x86_64__
/* The lowest entry point of the vDSO. */
static unsigned long an_entry(void)
{
	unsigned long at = vdso_start + sizeof(Elf64_Ehdr);

	while (at < vdso_end && is_within(at))
		at++;
	CHECK(at < vdso_end, "the vDSO has no entry points");
	return at;
}

static void within_entry(int sig, siginfo_t *info, void *context)
{
	greg_t *ip = &((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP], at = *ip;

	*ip = an_entry() + 1;
	ckpt_ready_wait();
	*ip = at;
}

/* What stands there is the middle of a jump then: it is in no register, only on the stack. */
CKPT_SCENARIO(handler_returns_to_entry);
TEST_F_TIMEOUT(cr, handler_returns_to_entry, CKPT_TIMEOUT)
{
	int image = ckpt_image_new();
	struct ckpt_run run;
	bool told = false;

	if (getenv("CKPT_BOOT"))
		SKIP(return, "its image must be refused");
	ASSERT_EQ(0, ckpt_run_init(&run, &handler_returns_to_entry, variant->container));
	EXPECT_EQ(0, ckpt_run_start(&run)) goto out;
	EXPECT_EQ(0, ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL)) goto out;
	EXPECT_EQ(-1, ckpt_run_restart(&run, image, 0)) goto out;
	told = ckpt_run_log_has(&run, "has a signal handler that returns to ");
	EXPECT_TRUE(told);
out:
	ckpt_run_fini(&run);
	close(image);
}

static void handler_returns_to_entry_run(void)
{
	struct sigaction sa = { .sa_sigaction = within_entry, .sa_flags = SA_SIGINFO };

	vdso_start = getauxval(AT_SYSINFO_EHDR);
	CHECK_EQ(vdso_start, line_of("[vdso]", &vdso_end));
	CHECK_SYS(sigaction(SIGUSR1, &sa, NULL));
	CHECK_SYS(raise(SIGUSR1));
}
#endif

/* ---- all scenarios of others ----------------------------------------- */

FIXTURE(others) { int unused; };
FIXTURE_VARIANT(others) { const char *program; };
FIXTURE_VARIANT_ADD(others, signals) { .program = "signals" };
#ifdef __x86_64__
FIXTURE_VARIANT_ADD(others, clocks) { .program = "clocks" };
FIXTURE_VARIANT_ADD(others, stopped) { .program = "stopped" };
FIXTURE_VARIANT_ADD(others, ia32) { .program = "ia32" };
#endif
#ifdef __aarch64__
FIXTURE_VARIANT_ADD(others, aarch32) { .program = "aarch32" };
#endif

FIXTURE_SETUP(others)
{
	const char *why = ckpt_missing();

	if (why)
		SKIP(return, "%s", why);
	begin(&why);
	if (why)
		SKIP(return, "%s", why);
	if (getenv("CKPT_BOOT"))
		SKIP(return, "they are run by themselves");
}

FIXTURE_TEARDOWN(others)
{
}

/* Prints what is in @fd, none of which is a result of ours. */
static void print(int fd)
{
	char line[512];
	FILE *file;

	lseek(fd, 0, SEEK_SET);
	file = fdopen(dup(fd), "r");
	while (file && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = 0;
		ckpt_diag("| %s", line);
	}
	if (file)
		fclose(file);
}

/* It gives up by itself if it hangs. */
TEST_F_TIMEOUT(others, go_on, 1200)
{
	char path[PATH_MAX], dir[PATH_MAX] = "";
	int status, out = memfd_create("output", 0);
	pid_t pid;

	ASSERT_LT(0, readlink("/proc/self/exe", dir, sizeof(dir) - 1));
	ASSERT_GT(PATH_MAX, snprintf(path, sizeof(path), "%s/%s", dirname(dir), variant->program));
	pid = fork();
	if (!pid) {
		dup2(out, 1);
		dup2(out, 2);
		execl(path, path, NULL);
		_exit(127);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFEXITED(status));
	if (WEXITSTATUS(status) == KSFT_SKIP)
		SKIP(return, "%s is skipped here", variant->program);
	if (WEXITSTATUS(status))
		print(out);
	ASSERT_EQ(0, WEXITSTATUS(status));
	close(out);
}

TEST_HARNESS_MAIN
