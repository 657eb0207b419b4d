// SPDX-License-Identifier: GPL-2.0
/*
 * Memory policies of NUMA: of threads, of mappings, and of shared memory. On a
 * machine with one node they say little, but are there; with more (numa=fake=2)
 * pages are on the nodes that they want.
 */
#include "common.h"

#include "fault.h"
#include "memory.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/vfs.h>
#include <linux/magic.h>

#ifndef __NR_set_mempolicy_home_node
#define __NR_set_mempolicy_home_node 450
#endif

/* As the kernel has them: there need be no headers of libnuma. */
#define PREFERRED	1
#define BIND		2
#define INTERLEAVE	3
#define LOCAL		4
#define PREFERRED_MANY	5
#define WEIGHTED	6
#define STATIC		(1 << 15)
#define RELATIVE	(1 << 14)
#define BALANCING	(1 << 13)
#define OF_NODE		1
#define OF_ADDR		2
#define ALLOWED		4

#define NODES		1024
#define WORDS		(NODES / (8 * sizeof(long)))
#define RW		(PROT_READ | PROT_WRITE)

static const char *missing(void)
{
	const char *why = ckpt_missing();

	if (why)
		return why;
	if (syscall(__NR_get_mempolicy, NULL, NULL, 0, NULL, 0) && errno == ENOSYS)
		return "the kernel has no memory policies (CONFIG_NUMA)";
	return NULL;
}

#define BEGIN() do {							\
	const char *__why = missing();					\
									\
	if (__why)							\
		SKIP(return, "%s", __why);				\
	ckpt_watchdog();						\
} while (0)

CKPT_FIXTURE_IF(BEGIN)

/* A policy with the lower nodes: of all those that there are not more than two are used. */
struct policy {
	int mode;
	unsigned long nodes[WORDS];
};

/* The first two nodes that may be used, a bit for each. */
static unsigned long two_nodes(void)
{
	unsigned long nodes[WORDS] = {}, first;

	CHECK_SYS(syscall(__NR_get_mempolicy, NULL, nodes, NODES, NULL, ALLOWED));
	first = nodes[0] & -nodes[0];
	return first | ((nodes[0] & ~first) & -(nodes[0] & ~first));
}

static bool are_two(void)
{
	return __builtin_popcountl(two_nodes()) == 2;
}

/* The higher of them. */
static int last_node(void)
{
	return 8 * sizeof(long) - 1 - __builtin_clzl(two_nodes());
}

static struct policy of_task(void)
{
	struct policy p = {};

	CHECK_SYS(syscall(__NR_get_mempolicy, &p.mode, p.nodes, NODES, NULL, 0));
	return p;
}

static struct policy of_addr(const void *addr)
{
	struct policy p = {};

	CHECK_SYS(syscall(__NR_get_mempolicy, &p.mode, p.nodes, NODES, addr, OF_ADDR));
	return p;
}

static void check_policy(const struct policy *want, struct policy seen)
{
	CHECK_EQ(want->mode, seen.mode);
	CHECK(!memcmp(want->nodes, seen.nodes, sizeof(seen.nodes)), "nodes %lx, not %lx",
	      seen.nodes[0], want->nodes[0]);
}

/* On which node a page is, which is there. */
static int node_of(const void *addr)
{
	int node = -1;

	CHECK_SYS(syscall(__NR_get_mempolicy, &node, NULL, 0, addr, OF_NODE | OF_ADDR));
	return node;
}

static void bind_memory(void *addr, size_t len, int mode, unsigned long nodes)
{
	CHECK_SYS(syscall(__NR_mbind, addr, len, mode, nodes ? &nodes : NULL,
			  nodes ? 8 * sizeof(nodes) : 0, 0));
}

static void bind_task(int mode, unsigned long nodes)
{
	CHECK_SYS(syscall(__NR_set_mempolicy, mode, nodes ? &nodes : NULL,
			  nodes ? 8 * sizeof(nodes) : 0));
}

static char *map(size_t pages, int flags, int fd)
{
	char *p = mmap(NULL, pages * CKPT_PAGE, RW, flags, fd, 0);

	CHECK(p != MAP_FAILED, "mmap: %s", strerror(errno));
	/* Pages of the usual size go where the policy of each wants them. */
	CHECK(!madvise(p, pages * CKPT_PAGE, MADV_NOHUGEPAGE) || errno == EINVAL, "madvise: %s",
	      strerror(errno));
	return p;
}

/* ---- threads ------------------------------------------------------------ */

static const int modes[] = {
	BIND, PREFERRED, INTERLEAVE, PREFERRED_MANY, WEIGHTED, LOCAL, BIND | STATIC,
	PREFERRED | STATIC, INTERLEAVE | RELATIVE, BIND | BALANCING, 0,
};

#define MODES	(sizeof(modes) / sizeof(modes[0]))

static void *thread_with_policy(void *arg)
{
	const int mode = modes[(long)arg];
	unsigned long nodes = two_nodes();
	struct policy before;

	if ((mode & 7) == PREFERRED)
		nodes &= -nodes;
	if (mode & RELATIVE)
		nodes = 1;
	if (mode)
		bind_task(mode, mode == LOCAL ? 0 : nodes);
	before = of_task();
	CHECK_EQ(mode, before.mode);
	ckpt_step(0);
	ckpt_wait_go();
	check_policy(&before, of_task());
	return NULL;
}

/* Each thread has its own, and the one without any has none. */
CKPT_CYCLE(of_threads)
{
	pthread_t thread[MODES];
	struct policy none = {};
	unsigned long i;

	for (i = 0; i < MODES; i++)
		CHECK_EQ(0, pthread_create(&thread[i], NULL, thread_with_policy, (void *)i));
	ckpt_step_wait(0, MODES);
	ckpt_ready_wait();
	check_policy(&none, of_task());
	for (i = 0; i < MODES; i++)
		CHECK_EQ(0, pthread_join(thread[i], NULL));
}

static int child_without(void *unused)
{
	struct policy none = {};

	bind_task(0, 0);
	ckpt_step(0);
	ckpt_wait_go();
	check_policy(&none, of_task());
	return 0;
}

/* A child that has dropped what it had inherited. */
CKPT_CYCLE(of_parent_only)
{
	struct policy before;
	pid_t kid;

	bind_task(INTERLEAVE, two_nodes());
	before = of_task();
	kid = ckpt_fork(child_without, NULL);
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	check_policy(&before, of_task());
	ckpt_wait_exit(kid, 0);
}

/* Memory that has no policy itself is where that of the task wants it. */
CKPT_CYCLE(memory_of_task)
{
	const int pages = 8;
	char *p = map(pages, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	int i;

	bind_task(BIND, 1ul << last_node());
	fill(p, pages * CKPT_PAGE, 1);
	CHECK_EQ(last_node(), node_of(p));
	ckpt_ready_wait();
	for (i = 0; i < pages; i++)
		CHECK_EQ(last_node(), node_of(p + i * CKPT_PAGE));
	check_fill(p, pages * CKPT_PAGE, 1);
}

/* ---- mappings ----------------------------------------------------------- */

/* Pages of one mapping, each with another policy, and what is around them without any. */
CKPT_CYCLE(of_mappings)
{
	const int pages = MODES + 2;
	char *p = map(pages, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	unsigned long both = two_nodes();
	struct policy before[pages];
	int i;

	for (i = 0; i < (int)MODES; i++) {
		const int mode = modes[i];

		bind_memory(p + (i + 1) * CKPT_PAGE, CKPT_PAGE, mode,
			    !mode || mode == LOCAL ? 0 : mode & RELATIVE ? 1 :
			    (mode & 7) == PREFERRED ? both & -both : both);
	}
	for (i = 0; i < pages; i += 2)
		p[i * CKPT_PAGE] = 1 + i;
	for (i = 0; i < pages; i++)
		before[i] = of_addr(p + i * CKPT_PAGE);
	CHECK_EQ(0, before[0].mode);
	CHECK_EQ(BIND, before[1].mode);
	ckpt_ready_wait();
	for (i = 0; i < pages; i++) {
		check_policy(&before[i], of_addr(p + i * CKPT_PAGE));
		CHECK_EQ(i % 2 ? 0 : 1 + i, p[i * CKPT_PAGE]);
	}
}

/* Contents are on the nodes where they were, and what is touched later goes there. */
CKPT_CYCLE(pages_of_mappings)
{
	const int pages = 16;
	char *turns = map(pages, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	char *bound = map(pages, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	char *home = map(pages, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	int node[pages], last = last_node(), i;
	bool has_home;

	bind_memory(turns, pages * CKPT_PAGE, INTERLEAVE, two_nodes());
	bind_memory(bound, pages * CKPT_PAGE, BIND, 1ul << last);
	bind_memory(home, pages * CKPT_PAGE, BIND, two_nodes());
	has_home = !syscall(__NR_set_mempolicy_home_node, home, pages * CKPT_PAGE, last, 0);
	CHECK(has_home || errno == ENOSYS, "set_mempolicy_home_node: %s", strerror(errno));
	fill(turns, pages * CKPT_PAGE, 1);
	fill(bound, pages * CKPT_PAGE / 2, 2);
	fill(home, pages * CKPT_PAGE / 2, 3);
	for (i = 0; i < pages; i++)
		node[i] = node_of(turns + i * CKPT_PAGE);
	CHECK(!are_two() || node[0] != node[1], "pages follow each other on node %d", node[0]);
	ckpt_ready_wait();
	check_fill(turns, pages * CKPT_PAGE, 1);
	check_fill(bound, pages * CKPT_PAGE / 2, 2);
	check_fill(home, pages * CKPT_PAGE / 2, 3);
	fill(bound + pages * CKPT_PAGE / 2, pages * CKPT_PAGE / 2, 4);
	fill(home + pages * CKPT_PAGE / 2, pages * CKPT_PAGE / 2, 5);
	for (i = 0; i < pages; i++) {
		CHECK_EQ(node[i], node_of(turns + i * CKPT_PAGE));
		CHECK_EQ(last, node_of(bound + i * CKPT_PAGE));
		if (has_home)
			CHECK_EQ(last, node_of(home + i * CKPT_PAGE));
	}
}

static int shares_since_fork(void *arg)
{
	char *p = arg;
	struct policy before = of_addr(p);

	p[CKPT_PAGE] = 2;
	ckpt_step(0);
	ckpt_wait_go();
	check_policy(&before, of_addr(p));
	CHECK_EQ(1, p[0]);
	CHECK_EQ(2, p[CKPT_PAGE]);
	CHECK_EQ(last_node(), node_of(p));
	CHECK_EQ(last_node(), node_of(p + CKPT_PAGE));
	return 0;
}

/* What fork() shares. */
CKPT_CYCLE(forked)
{
	char *p = map(4, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	struct policy before;
	pid_t kid;

	bind_memory(p, 2 * CKPT_PAGE, BIND, 1ul << last_node());
	p[0] = 1;
	p[CKPT_PAGE] = 1;
	before = of_addr(p);
	kid = ckpt_fork(shares_since_fork, p);
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	check_policy(&before, of_addr(p));
	CHECK_EQ(0, of_addr(p + 2 * CKPT_PAGE).mode);
	CHECK_EQ(1, p[CKPT_PAGE]);
	ckpt_wait_exit(kid, 0);
}

/* ---- shared memory ------------------------------------------------------ */

/*
 * The memory has what was said last, by whichever mapping; a range of it has another one; and what lies
 * behind a mapping that is gone.
 */
static void has_policies(char *p, char *other, int pages)
{
	struct policy before[pages];
	int i, last = last_node();

	bind_memory(p, 4 * CKPT_PAGE, BIND, two_nodes());
	bind_memory(other + 2 * CKPT_PAGE, 4 * CKPT_PAGE, INTERLEAVE, two_nodes());
	bind_memory(other + 6 * CKPT_PAGE, CKPT_PAGE, BIND | STATIC, 1ul << last);
	CHECK_SYS(munmap(other, pages * CKPT_PAGE));
	for (i = 0; i < pages; i++)
		before[i] = of_addr(p + i * CKPT_PAGE);
	CHECK_EQ(BIND, before[0].mode);
	CHECK_EQ(INTERLEAVE, before[2].mode);
	CHECK_EQ(BIND | STATIC, before[6].mode);
	CHECK_EQ(0, before[7].mode);
	p[6 * CKPT_PAGE] = 6;
	ckpt_ready_wait();
	for (i = 0; i < pages; i++)
		check_policy(&before[i], of_addr(p + i * CKPT_PAGE));
	CHECK_EQ(6, p[6 * CKPT_PAGE]);
	CHECK_EQ(last, node_of(p + 6 * CKPT_PAGE));
}

CKPT_CYCLE(of_memfds)
{
	int fd = CHECK_SYS(memfd_create("policies", MFD_CLOEXEC));

	CHECK_SYS(ftruncate(fd, 8 * CKPT_PAGE));
	has_policies(map(8, MAP_SHARED, fd), map(8, MAP_SHARED, fd), 8);
}

/* Of the memory itself: no mapping has it any more. */
CKPT_CYCLE(of_unmapped_memfds)
{
	int fd = CHECK_SYS(memfd_create("policies", MFD_CLOEXEC));
	struct policy before;
	char *p;

	CHECK_SYS(ftruncate(fd, CKPT_PAGE));
	p = map(1, MAP_SHARED, fd);
	bind_memory(p, CKPT_PAGE, BIND, two_nodes());
	before = of_addr(p);
	CHECK_SYS(munmap(p, CKPT_PAGE));
	ckpt_ready_wait();
	check_policy(&before, of_addr(map(1, MAP_SHARED, fd)));
}

CKPT_CYCLE(of_shared_memory)
{
	char *p = map(8, MAP_SHARED | MAP_ANONYMOUS, -1);
	char *other = mremap(p, 0, 8 * CKPT_PAGE, MREMAP_MAYMOVE);

	CHECK(other != MAP_FAILED, "mremap: %s", strerror(errno));
	has_policies(p, other, 8);
}

CKPT_CYCLE(of_removed_files)
{
	struct statfs fs;
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/dev/shm/policies-%d", getpid());
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0)
		CHECK_SYS(unlink(path));
	if (fd < 0 || fstatfs(fd, &fs) || fs.f_type != TMPFS_MAGIC) {
		/* No tmpfs is there. */
		ckpt_not_here();
	}
	CHECK_SYS(ftruncate(fd, 8 * CKPT_PAGE));
	has_policies(map(8, MAP_SHARED, fd), map(8, MAP_SHARED, fd), 8);
}

CKPT_CYCLE(of_segments)
{
	int id = CHECK_SYS(shmget(IPC_PRIVATE, CKPT_PAGE, 0600));
	char *p = shmat(id, NULL, 0);
	struct policy before;

	CHECK(p != (void *)-1, "shmat: %s", strerror(errno));
	bind_memory(p, CKPT_PAGE, BIND, two_nodes());
	before = of_addr(p);
	CHECK_SYS(shmdt(p));
	p = shmat(id, NULL, 0);
	CHECK(p != (void *)-1, "shmat: %s", strerror(errno));
	CHECK_SYS(shmctl(id, IPC_RMID, NULL));
	ckpt_ready_wait();
	check_policy(&before, of_addr(p));
}

/* ---- elsewhere ---------------------------------------------------------- */

CKPT_SCENARIO(wants_nodes)
{
	int fd = CHECK_SYS(memfd_create("policies", MFD_CLOEXEC));
	struct policy task, memory, shared;
	char *p = map(1, MAP_PRIVATE | MAP_ANONYMOUS, -1), *q;

	CHECK_SYS(ftruncate(fd, CKPT_PAGE));
	q = map(1, MAP_SHARED, fd);
	bind_task(BIND, two_nodes());
	bind_memory(p, CKPT_PAGE, BIND | STATIC, two_nodes());
	bind_memory(q, CKPT_PAGE, INTERLEAVE, two_nodes());
	task = of_task();
	memory = of_addr(p);
	shared = of_addr(q);
	ckpt_ready_wait();
	check_policy(&task, of_task());
	check_policy(&memory, of_addr(p));
	check_policy(&shared, of_addr(q));
}

#define WANT(cond) do {							\
	if (!(cond)) {							\
		ckpt_diag("line %d: %s", __LINE__, #cond);		\
		return -1;						\
	}								\
} while (0)

#define MISSING	"memory policy: not all of its nodes are here"

/* @bytes of a field of the first record of a kind become @value. */
#define CHANGED(_kind, _type, _field, _value, _bytes, _text)			\
	WANT(!image_hostile(run, im, fd, image_body(im, IMAGE_KIND_##_kind) +	\
			    IMAGE_AT(_type, _field), _value, _bytes, _text))

static int restarts_elsewhere(struct ckpt_run *run, struct image *im, int fd)
{
	const unsigned long both = 3;

	WANT(!ckpt_run_start(run));
	WANT(!ckpt_run_checkpoint(run, fd, CHECKPOINT_KILL));
	WANT(!image_load(im, fd));
	/* A node that is not there, and one that no kernel of ours has a bit for. */
	CHANGED(TASK_POLICY, task_policy, nodes, both | 1ul << 40, 8, MISSING);
	CHANGED(TASK_POLICY, task_policy, nodes[15], 1ul << 63, 8, MISSING);
	CHANGED(MEMORY_POLICY, memory_policy, nodes, both | 1ul << 40, 8, MISSING);
	CHANGED(MEMORY_POLICY, memory_policy, home, 41, 4, "impossible home node");
	/* What no kernel has. */
	CHANGED(TASK_POLICY, task_policy, mode, 0, 4, "unknown memory policy");
	CHANGED(TASK_POLICY, task_policy, mode, 7, 4, "unknown memory policy");
	CHANGED(TASK_POLICY, task_policy, mode, LOCAL, 4, "impossible number of nodes");
	CHANGED(TASK_POLICY, task_policy, nodes, 0, 8, "impossible number of nodes");
	CHANGED(TASK_POLICY, task_policy, flags, 3, 4, "flags that do not go together");
	CHANGED(TASK_POLICY, task_policy, flags, 1, 4, "nodes are asked for, or not");
	CHANGED(TASK_POLICY, task_policy, last, 1, 4, "impossible place among the nodes");
	CHANGED(MEMORY_POLICY, memory_policy, end, 0, 8, "memory policy");
	CHANGED(MEMORY_POLICY, memory_policy, flags, 4, 4, "flags that do not go together");
	WANT(!image_works(run, im, fd));
	return 0;
}

/* Where its nodes are missing it is refused by name. */
TEST_F_TIMEOUT(cr, elsewhere, CKPT_TIMEOUT)
{
	struct image im = {};
	struct ckpt_run run;
	int fd = ckpt_image_new(), ret;

	ret = ckpt_run_init(&run, &wants_nodes, variant->container);
	if (!ret)
		ret = restarts_elsewhere(&run, &im, fd);
	ckpt_run_fini(&run);
	free(im.data);
	close(fd);
	ASSERT_EQ(0, ret);
}

TEST_HARNESS_MAIN
