// SPDX-License-Identifier: GPL-2.0
/*
 * Memory protection keys of x86-64: which are allocated, the keys of mappings,
 * the rights of each thread (PKRU), memory that may be executed only.
 */
#include "fault.h"

#ifdef __x86_64__
#include <cpuid.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>

#define PAGE	4096

#ifndef SEGV_PKUERR
#define SEGV_PKUERR	4
#endif

static bool has_keys(void)
{
	unsigned int a, b, c, d;

	/* OSPKE: the kernel has switched them on. */
	return __get_cpuid_count(7, 0, &a, &b, &c, &d) && c & 1 << 4;
}

#define PKEYS_BEGIN() do {						\
	CKPT_BEGIN();							\
	if (!has_keys())						\
		SKIP(return, "this CPU has no memory protection keys");	\
} while (0)

CKPT_FIXTURE_IF(PKEYS_BEGIN)

static unsigned int rdpkru(void)
{
	unsigned int a, d;

	asm volatile("rdpkru" : "=a" (a), "=d" (d) : "c" (0));
	return a;
}

static void wrpkru(unsigned int rights)
{
	asm volatile("wrpkru" : : "a" (rights), "c" (0), "d" (0) : "memory");
}

static char *map(unsigned int pages, int prot)
{
	char *at = mmap(NULL, pages * PAGE, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(at != MAP_FAILED, "mmap: %s", strerror(errno));
	return at;
}

/* A page with @byte in it and the key @key. */
static char *page_with(int key, char byte)
{
	char *at = map(1, PROT_READ | PROT_WRITE);

	memset(at, byte, PAGE);
	CHECK_SYS(pkey_mprotect(at, PAGE, PROT_READ | PROT_WRITE, key));
	return at;
}

static __thread sigjmp_buf after_fault;
static __thread volatile int fault_code, fault_key;

static void on_fault(int sig, siginfo_t *info, void *context)
{
	fault_code = info->si_code;
	fault_key = info->si_pkey;
	siglongjmp(after_fault, 1);
}

static void catch_faults(void)
{
	struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };

	CHECK_SYS(sigaction(SIGSEGV, &action, NULL));
}

enum how { READ, WRITE };

/* The key that forbids it; -1: nothing does. What else there is to it fails. */
static int forbidden(volatile char *at, enum how how)
{
	/* A handler begins with the rights of a new program, and is left by a jump. */
	volatile unsigned int rights = rdpkru();

	fault_code = 0;
	if (!sigsetjmp(after_fault, 1)) {
		if (how == WRITE)
			*at = *at;
		else
			(void)*at;
		return -1;
	}
	wrpkru(rights);
	CHECK_EQ(SEGV_PKUERR, fault_code);
	return fault_key;
}

/* The key of the mapping at @at. */
static int key_of(const void *at)
{
	FILE *file = fopen("/proc/self/smaps", "r");
	char *line = NULL;
	unsigned long start, end;
	bool found = false;
	int key = -1;
	size_t size = 0;

	CHECK(file, "smaps: %s", strerror(errno));
	while (key < 0 && getline(&line, &size, file) > 0) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			found = start <= (uintptr_t)at && (uintptr_t)at < end;
		else if (found)
			sscanf(line, "ProtectionKey: %d", &key);
	}
	free(line);
	fclose(file);
	CHECK(key >= 0, "no mapping, or no key, at %p", at);
	return key;
}

/* ---- rights ---------------------------------------------------------- */

CKPT_CYCLE(access_denied)
{
	int key = CHECK_SYS(pkey_alloc(0, 0));
	char *at = page_with(key, 'd');

	catch_faults();
	CHECK_EQ(-1, forbidden(at, WRITE));
	CHECK_SYS(pkey_set(key, PKEY_DISABLE_ACCESS));
	CHECK_EQ(key, forbidden(at, READ));
	ckpt_ready_wait();
	CHECK_EQ(PKEY_DISABLE_ACCESS, pkey_get(key));
	CHECK_EQ(key, forbidden(at, READ));
	CHECK_EQ(key, forbidden(at, WRITE));
	CHECK_SYS(pkey_set(key, 0));
	CHECK_EQ(-1, forbidden(at, WRITE));
	CHECK_EQ('d', at[PAGE - 1]);
}

CKPT_CYCLE(write_disabled)
{
	int key = CHECK_SYS(pkey_alloc(0, PKEY_DISABLE_WRITE));
	char *at = page_with(key, 'w');

	catch_faults();
	ckpt_ready_wait();
	CHECK_EQ('w', at[0]);
	CHECK_EQ(-1, forbidden(at, READ));
	CHECK_EQ(key, forbidden(at, WRITE));
	CHECK_SYS(pkey_set(key, 0));
	CHECK_EQ(-1, forbidden(at, WRITE));
}

/* The rights that a system call finds are used by the kernel too. */
CKPT_CYCLE(denied_to_system_calls)
{
	int key = CHECK_SYS(pkey_alloc(0, 0)), fds[2];
	char *at = page_with(key, 's');

	CHECK_SYS(pipe(fds));
	CHECK_SYS(pkey_set(key, PKEY_DISABLE_ACCESS));
	ckpt_ready_wait();
	CHECK_EQ(-1, write(fds[1], at, 1));
	CHECK_EQ(EFAULT, errno);
	CHECK_SYS(pkey_set(key, 0));
	CHECK_EQ(1, write(fds[1], at, 1));
}

#define THREADS	4

static char *shared_page[2];
static int shared_key[2];

/* Each of them other rights for the two keys, one all that there are. */
static const unsigned int thread_rights[THREADS][2] = {
	{ 0, PKEY_DISABLE_ACCESS },
	{ PKEY_DISABLE_ACCESS, 0 },
	{ PKEY_DISABLE_WRITE, PKEY_DISABLE_WRITE },
	{ 0, 0 },
};

static void *with_rights(void *arg)
{
	const unsigned int *rights = thread_rights[(uintptr_t)arg];
	unsigned int all;
	int i;

	for (i = 0; i < 2; i++)
		CHECK_SYS(pkey_set(shared_key[i], rights[i]));
	all = rdpkru();
	ckpt_step(0);
	ckpt_wait_go();
	CHECK_EQ(all, rdpkru());
	for (i = 0; i < 2; i++) {
		CHECK_EQ(rights[i], (unsigned int)pkey_get(shared_key[i]));
		CHECK_EQ(rights[i] == PKEY_DISABLE_ACCESS ? shared_key[i] : -1,
			 forbidden(shared_page[i], READ));
		CHECK_EQ(rights[i] ? shared_key[i] : -1, forbidden(shared_page[i], WRITE));
	}
	return NULL;
}

CKPT_CYCLE(rights_of_threads)
{
	pthread_t thread[THREADS];
	uintptr_t i;

	catch_faults();
	for (i = 0; i < 2; i++) {
		shared_key[i] = CHECK_SYS(pkey_alloc(0, 0));
		shared_page[i] = page_with(shared_key[i], 't');
	}
	for (i = 1; i < THREADS; i++)
		CHECK_EQ(0, pthread_create(&thread[i], NULL, with_rights, (void *)i));
	ckpt_step_wait(0, THREADS - 1);
	ckpt_ready();
	with_rights(NULL);
	for (i = 1; i < THREADS; i++)
		CHECK_EQ(0, pthread_join(thread[i], NULL));
}

/* ---- keys ------------------------------------------------------------ */

CKPT_CYCLE(next_key)
{
	int key[4], i;

	for (i = 0; i < 4; i++)
		key[i] = CHECK_SYS(pkey_alloc(0, 0));
	CHECK_SYS(pkey_free(key[1]));
	ckpt_ready_wait();
	/* The one that is free, and then those that never were taken. */
	CHECK_EQ(key[1], pkey_alloc(0, 0));
	CHECK_EQ(key[3] + 1, pkey_alloc(0, 0));
	for (i = 0; i < 4; i++)
		CHECK_SYS(pkey_free(key[i]));
	CHECK_EQ(-1, pkey_free(key[0]));
	CHECK_EQ(EINVAL, errno);
}

CKPT_CYCLE(all_keys)
{
	int count = 0;

	while (pkey_alloc(0, 0) >= 0)
		count++;
	CHECK(count > 10, "%d keys", count);
	ckpt_ready_wait();
	CHECK_EQ(-1, pkey_alloc(0, 0));
	CHECK_EQ(ENOSPC, errno);
}

/* Even the one that all memory has. */
CKPT_CYCLE(key_zero)
{
	CHECK_SYS(pkey_free(0));
	ckpt_ready_wait();
	CHECK_EQ(0, pkey_alloc(0, 0));
	CHECK_EQ(1, pkey_alloc(0, 0));
}

/* Memory keeps a key that is free again. */
CKPT_CYCLE(freed_while_in_use)
{
	int key = CHECK_SYS(pkey_alloc(0, 0));
	char *at = page_with(key, 'f');

	catch_faults();
	CHECK_SYS(pkey_free(key));
	CHECK_SYS(pkey_set(key, PKEY_DISABLE_ACCESS));
	ckpt_ready_wait();
	CHECK_EQ(key, forbidden(at, READ));
	CHECK_EQ(key, key_of(at));
	CHECK_EQ(-1, pkey_mprotect(at, PAGE, PROT_READ, key));
	CHECK_EQ(EINVAL, errno);
	CHECK_EQ(key, pkey_alloc(0, 0));
	CHECK_SYS(pkey_mprotect(at, PAGE, PROT_READ, key));
	CHECK_EQ('f', *at);
}

CKPT_CYCLE(keys_of_mappings)
{
	int key[3], i, want[9], fd;
	char *at[9], path[300];

	for (i = 0; i < 3; i++)
		key[i] = CHECK_SYS(pkey_alloc(0, i < 2 ? PKEY_DISABLE_ACCESS : 0));
	fd = CHECK_SYS(open(ckpt_path(path, sizeof(path), "mapped"), O_RDWR | O_CREAT, 0600));
	CHECK_SYS(ftruncate(fd, 2 * PAGE));
	/* Next to each other, of which two differ in nothing but the key. */
	at[0] = map(4, PROT_READ | PROT_WRITE);
	at[1] = at[0] + PAGE;
	at[2] = at[1] + PAGE;
	at[3] = at[2] + PAGE;
	memset(at[0], 'm', 4 * PAGE);
	CHECK_SYS(pkey_mprotect(at[1], PAGE, PROT_READ | PROT_WRITE, key[0]));
	CHECK_SYS(pkey_mprotect(at[2], PAGE, PROT_READ, key[1]));
	CHECK_SYS(pkey_mprotect(at[3], PAGE, PROT_NONE, key[1]));
	/* Locked while that was allowed: to lock memory is to bring it in. */
	at[4] = page_with(key[2], 'l');
	CHECK_SYS(mlock(at[4], PAGE));
	CHECK_SYS(pkey_set(key[2], PKEY_DISABLE_ACCESS));
	at[5] = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK_SYS(pkey_mprotect(at[5], PAGE, PROT_READ | PROT_WRITE, key[0]));
	at[6] = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, PAGE);
	CHECK_SYS(pkey_mprotect(at[6], PAGE, PROT_READ, key[1]));
	at[7] = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK_SYS(pkey_mprotect(at[7], PAGE, PROT_READ | PROT_WRITE, key[2]));
	/* Without a key, a mapping like it would get the one for memory to execute only. */
	at[8] = map(1, PROT_READ);
	CHECK_SYS(pkey_mprotect(at[8], PAGE, PROT_EXEC, 0));
	for (i = 0; i < 9; i++)
		want[i] = key_of(at[i]);
	CHECK_EQ(key[0], want[1]);
	CHECK_EQ(key[2], want[7]);
	CHECK_EQ(0, want[8]);
	catch_faults();
	ckpt_ready_wait();
	for (i = 0; i < 9; i++)
		CHECK_EQ(want[i], key_of(at[i]));
	CHECK_EQ(key[2], forbidden(at[4], READ));
	CHECK_EQ(key[1], forbidden(at[6], READ));
	wrpkru(0);
	for (i = 0; i < 3; i++)
		CHECK_EQ('m', at[i][PAGE - 1]);
	CHECK_EQ('l', at[4][0]);
	CHECK_EQ(-1, forbidden(at[7], WRITE));
	/* None of it has taken a key. */
	CHECK_EQ(key[2] + 1, pkey_alloc(0, 0));
}

/* mprotect(2) changes the access only. */
CKPT_CYCLE(kept_by_mprotect)
{
	int key = CHECK_SYS(pkey_alloc(0, 0));
	char *at = page_with(key, 'p');

	CHECK_SYS(mprotect(at, PAGE, PROT_READ));
	ckpt_ready_wait();
	CHECK_EQ(key, key_of(at));
	CHECK_SYS(mprotect(at, PAGE, PROT_READ | PROT_WRITE));
	CHECK_EQ(key, key_of(at));
	CHECK_EQ('p', *at);
}

static int in_child(void *arg)
{
	int more = CHECK_SYS(pkey_alloc(0, 0));
	char *at = page_with(more, 'c');

	CHECK_SYS(pkey_set(more, PKEY_DISABLE_ACCESS));
	ckpt_step(0);
	ckpt_wait_go();
	CHECK_EQ(more, forbidden(at, READ));
	CHECK_EQ(more + 1, pkey_alloc(0, 0));
	return 0;
}

/* Parent and child each have keys of their own after fork(). */
CKPT_CYCLE(after_fork)
{
	int key = CHECK_SYS(pkey_alloc(0, 0));
	char *at = page_with(key, 'o');
	pid_t pid;

	catch_faults();
	pid = ckpt_fork(in_child, NULL);
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	CHECK_EQ(-1, forbidden(at, WRITE));
	CHECK_EQ(key + 1, pkey_alloc(0, 0));
	ckpt_wait_exit(pid, 0);
}

/* ---- memory that may be executed only -------------------------------- */

/* mov $@value, %eax; ret */
static char *function(int value)
{
	char *at = map(1, PROT_READ | PROT_WRITE);

	at[0] = 0xb8;
	memcpy(at + 1, &value, 4);
	at[5] = 0xc3;
	return at;
}

CKPT_CYCLE(execute_only)
{
	char *at = function(4711), *more = function(4712);
	int key, taken;

	catch_faults();
	CHECK_SYS(mprotect(at, PAGE, PROT_EXEC));
	key = forbidden(at, READ);
	CHECK(key > 0, "the kernel has used no key");
	taken = CHECK_SYS(pkey_alloc(0, 0));
	ckpt_ready_wait();
	CHECK_EQ(4711, ((int (*)(void))at)());
	CHECK_EQ(key, forbidden(at, READ));
	CHECK_EQ(key, key_of(at));
	/* It is the kernel's own. */
	CHECK_EQ(-1, pkey_free(key));
	CHECK_EQ(-1, pkey_mprotect(more, PAGE, PROT_READ, key));
	CHECK_SYS(mprotect(more, PAGE, PROT_EXEC));
	CHECK_EQ(key, forbidden(more, READ));
	CHECK_EQ(4712, ((int (*)(void))more)());
	CHECK_SYS(mprotect(at, PAGE, PROT_READ));
	CHECK_EQ(-1, forbidden(at, READ));
	CHECK_EQ(0, key_of(at));
	CHECK_EQ(taken + 1, pkey_alloc(0, 0));
}

/* There was no key left for it. */
CKPT_CYCLE(execute_only_without_key)
{
	char *at = function(815);

	while (pkey_alloc(0, 0) >= 0)
		;
	catch_faults();
	CHECK_SYS(mprotect(at, PAGE, PROT_EXEC));
	CHECK_SYS(pkey_free(9));
	ckpt_ready_wait();
	CHECK_EQ(0, key_of(at));
	CHECK_EQ(-1, forbidden(at, READ));
	CHECK_EQ(9, pkey_alloc(0, 0));
}

/* ---- hostile images -------------------------------------------------- */

#define MM		IMAGE_KIND_MM
#define MM_CONTEXT	IMAGE_AT(mm, context)
#define VMA		IMAGE_KIND_VMA
#define VMA_PKEY	IMAGE_AT(vma, pkey)

CKPT_SCENARIO(with_a_key)
{
	int key = CHECK_SYS(pkey_alloc(0, 0));
	char *at = page_with(key, 'h');

	ckpt_ready_wait();
	CHECK_EQ('h', *at);
	CHECK_EQ(key, key_of(at));
}

FIXTURE(images) { int unused; };
FIXTURE_SETUP(images)
{
	PKEYS_BEGIN();
}
FIXTURE_TEARDOWN(images) { }

TEST_F_TIMEOUT(images, impossible_keys, CKPT_TIMEOUT)
{
	static const char keys[] = "address space: impossible memory protection keys";
	static const char only[] = "address space: execute-only key that is not allocated";
	int image = ckpt_image_new();
	struct ckpt_run run;
	struct image im;

	if (getenv("CKPT_BASELINE"))
		SKIP(return, "needs checkpoint(2)");
	ASSERT_EQ(0, ckpt_run_init(&run, &with_a_key, false));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL));
	ASSERT_EQ(0, image_load(&im, image));
#define HOSTILE(_kind, _at, ...)						\
	ASSERT_EQ(0, image_hostile(&run, &im, image, image_body(&im, _kind) + (_at), __VA_ARGS__))
	HOSTILE(MM, MM_CONTEXT, 1 << 16 | 2, 8, keys);
	HOSTILE(MM, MM_CONTEXT, 1ull << 63, 8, keys);
	/* Not allocated, none that there is, and a number that does not fit. */
	HOSTILE(MM, MM_CONTEXT + 8, 3 + 1, 8, only);
	HOSTILE(MM, MM_CONTEXT + 8, 16 + 1, 8, only);
	HOSTILE(MM, MM_CONTEXT + 8, 1 << 16 | 2, 8, only);
	HOSTILE(MM, MM_CONTEXT + 8, ~0ull, 8, only);
	HOSTILE(VMA, VMA_PKEY, 16, 4, "impossible protection key");
	HOSTILE(VMA, VMA_PKEY, 31, 4, "impossible protection key");
	HOSTILE(VMA, VMA_PKEY, 32, 4, "impossible protection key");
	HOSTILE(VMA, VMA_PKEY, ~0u, 4, "impossible protection key");
	ASSERT_EQ(0, image_works(&run, &im, image));
	ckpt_run_fini(&run);
}

#else /* !__x86_64__ */

#include "common.h"

TEST(pkeys)
{
	SKIP(return, "protection keys are saved on x86-64 only");
}

#endif

TEST_HARNESS_MAIN
