// SPDX-License-Identifier: GPL-2.0
/* Memory that processes share, with each other or with files. */
#include "common.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <linux/futex.h>
#include <sys/vfs.h>
#include <linux/magic.h>

CKPT_FIXTURE

#define PAGE	CKPT_PAGE
#define PAGES	32
#define RW	(PROT_READ | PROT_WRITE)

static void fill(void *at, size_t size, uint64_t seed)
{
	uint64_t *word = at;
	size_t i;

	for (i = 0; i < size / 8; i++)
		word[i] = (seed + i) * 0x9e3779b97f4a7c15ull;
}

static void check_fill(const void *at, size_t size, uint64_t seed)
{
	const uint64_t *word = at;
	size_t i;

	for (i = 0; i < size / 8; i++)
		CHECK(word[i] == (seed + i) * 0x9e3779b97f4a7c15ull,
		      "offset %zu of %p has 0x%llx, not 0x%llx", i * 8, at,
		      (unsigned long long)word[i],
		      (unsigned long long)((seed + i) * 0x9e3779b97f4a7c15ull));
}

static void *map_shared(size_t size, int fd)
{
	void *map = mmap(NULL, size, RW, MAP_SHARED | (fd < 0 ? MAP_ANONYMOUS : 0), fd, 0);

	CHECK(map != MAP_FAILED, "%s", strerror(errno));
	return map;
}

/* Both have what was there, and each sees what the other writes from now on. */
static int peer(void *arg)
{
	char *map = arg;

	fill(map + PAGE, PAGE, 2);
	ckpt_step(0);
	ckpt_wait_go();
	check_fill(map, PAGE, 1);
	check_fill(map + PAGE, PAGE, 2);
	ckpt_step(1);
	ckpt_step_wait(2, 1);
	check_fill(map, PAGE, 3);
	fill(map + PAGE, PAGE, 4);
	ckpt_step(3);
	return 0;
}

static void both_ways(char *map)
{
	pid_t kid;
	int i;

	for (i = 0; i < (int)(PAGES * PAGE); i += PAGE)
		CHECK_EQ(0, map[i]);
	fill(map, PAGE, 1);
	kid = ckpt_fork(peer, map);
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	check_fill(map, PAGE, 1);
	check_fill(map + PAGE, PAGE, 2);
	/* Pages that nobody had touched are still zero, and shared too. */
	for (i = 2 * PAGE; i < (int)(PAGES * PAGE); i += PAGE)
		CHECK_EQ(0, map[i]);
	ckpt_step_wait(1, 1);
	fill(map, PAGE, 3);
	ckpt_step(2);
	ckpt_step_wait(3, 1);
	check_fill(map + PAGE, PAGE, 4);
	ckpt_wait_exit(kid, 0);
}

CKPT_CYCLE(anonymous)
{
	both_ways(map_shared(PAGES * PAGE, -1));
}

/* More than any machine has: nothing of it is set aside in advance. */
CKPT_CYCLE(anonymous_noreserve)
{
	size_t size = 1ul << 42;
	char *map = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	CHECK(map != MAP_FAILED, "%s", strerror(errno));
	map[0] = 1;
	map[size - 1] = 2;
	ckpt_ready_wait();
	CHECK_EQ(1, map[0]);
	CHECK_EQ(2, map[size - 1]);
}

static int make_file(const char *path)
{
	int fd = CHECK_SYS(open(path, O_RDWR | O_CREAT | O_TRUNC, 0600));

	CHECK_SYS(ftruncate(fd, PAGES * PAGE));
	return fd;
}

CKPT_CYCLE(linked_file)
{
	char path[300], page[PAGE];
	char *map;
	int fd;

	fd = make_file(ckpt_path(path, sizeof(path), "shared"));
	map = map_shared(PAGES * PAGE, fd);
	close(fd);
	both_ways(map);
	/* And the file has it all. */
	fd = CHECK_SYS(open(path, O_RDONLY));
	CHECK_EQ(PAGE, pread(fd, page, PAGE, 0));
	check_fill(page, PAGE, 3);
	CHECK_EQ(PAGE, pread(fd, page, PAGE, PAGE));
	check_fill(page, PAGE, 4);
}

CKPT_CYCLE(unlinked_file)
{
	char path[300];
	char *map;
	int fd;

	fd = make_file(ckpt_path(path, sizeof(path), "unlinked"));
	map = map_shared(PAGES * PAGE, fd);
	CHECK_SYS(unlink(path));
	close(fd);
	both_ways(map);
	CHECK(access(path, F_OK), "the file has its name back");
}

/* A directory on tmpfs, where the C library keeps its named semaphores. */
static const char *tmpfs_path(char *buf, size_t size)
{
	struct statfs fs;

	if (statfs("/dev/shm", &fs) || fs.f_type != TMPFS_MAGIC)
		return ckpt_path(buf, size, "sem");
	snprintf(buf, size, "/dev/shm/ckpt-test-%d", getpid());
	return buf;
}

static int sem_peer(void *arg)
{
	sem_t *sem = arg;

	ckpt_step(0);
	CHECK_SYS(sem_wait(&sem[0]));
	CHECK_EQ(1, board->go);
	CHECK_SYS(sem_post(&sem[1]));
	return 0;
}

/* As multiprocessing of Python does: semaphores in an unlinked file on tmpfs. */
CKPT_CYCLE(semaphores_in_unlinked_tmpfs)
{
	char path[300];
	sem_t *sem;
	pid_t kid;
	int fd, left;

	fd = make_file(tmpfs_path(path, sizeof(path)));
	sem = map_shared(PAGES * PAGE, fd);
	CHECK_SYS(unlink(path));
	close(fd);
	CHECK_SYS(sem_init(&sem[0], 1, 0));
	CHECK_SYS(sem_init(&sem[1], 1, 0));
	CHECK_SYS(sem_init(&sem[2], 1, 41));
	kid = ckpt_fork(sem_peer, sem);
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	CHECK_SYS(sem_getvalue(&sem[2], &left));
	CHECK_EQ(41, left);
	CHECK_SYS(sem_post(&sem[0]));
	CHECK_SYS(sem_wait(&sem[1]));
	ckpt_wait_exit(kid, 0);
}

static int futex_peer(void *arg)
{
	uint32_t *word = arg;

	ckpt_step(0);
	while (!__atomic_load_n(word, __ATOMIC_SEQ_CST))
		syscall(__NR_futex, word, FUTEX_WAIT, 0, NULL, NULL, 0);
	return 0;
}

/* The two must still be woken by each other, through one and the same page. */
CKPT_CYCLE(futex_between_processes,
	   .blocked = { BLOCKED(__NR_futex), BLOCKED(__NR_futex), BLOCKED(__NR_futex) })
{
	uint32_t *word = map_shared(PAGE, -1);
	long woken = 0;
	pid_t kid[2];
	int i;

	for (i = 0; i < 2; i++)
		kid[i] = ckpt_fork(futex_peer, word);
	ckpt_step_wait(0, 2);
	ckpt_ready_wait();
	/* They go to sleep again by themselves; the word says when to stop. */
	while (woken < 2) {
		woken += CHECK_SYS(syscall(__NR_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0));
		sched_yield();
	}
	__atomic_store_n(word, 1, __ATOMIC_SEQ_CST);
	CHECK_SYS(syscall(__NR_futex, word, FUTEX_WAKE, 2, NULL, NULL, 0));
	for (i = 0; i < 2; i++)
		ckpt_wait_exit(kid[i], 0);
}

struct shared_lock {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	uint64_t turn[2];
	bool stop;
};

static int lock_peer(void *arg)
{
	struct shared_lock *sh = arg;

	pthread_mutex_lock(&sh->lock);
	ckpt_step(0);
	while (!sh->stop) {
		if (sh->turn[1] < sh->turn[0]) {
			sh->turn[1]++;
			pthread_cond_signal(&sh->cond);
		} else {
			pthread_cond_wait(&sh->cond, &sh->lock);
		}
	}
	pthread_mutex_unlock(&sh->lock);
	return 0;
}

CKPT_CYCLE(mutex_between_processes)
{
	struct shared_lock *sh = map_shared(PAGE, -1);
	pthread_mutexattr_t mattr;
	pthread_condattr_t cattr;
	pid_t kid;
	int i;

	pthread_mutexattr_init(&mattr);
	pthread_mutexattr_setpshared(&mattr, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(&sh->lock, &mattr);
	pthread_condattr_init(&cattr);
	pthread_condattr_setpshared(&cattr, PTHREAD_PROCESS_SHARED);
	pthread_cond_init(&sh->cond, &cattr);
	kid = ckpt_fork(lock_peer, sh);
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	pthread_mutex_lock(&sh->lock);
	for (i = 0; i < 100; i++) {
		sh->turn[0]++;
		pthread_cond_signal(&sh->cond);
		while (sh->turn[1] < sh->turn[0])
			pthread_cond_wait(&sh->cond, &sh->lock);
	}
	sh->stop = true;
	pthread_cond_signal(&sh->cond);
	pthread_mutex_unlock(&sh->lock);
	CHECK_EQ(100, sh->turn[1]);
	ckpt_wait_exit(kid, 0);
}

/* One object at two addresses of one process, one of them not writable. */
CKPT_CYCLE(mapped_twice)
{
	char path[300];
	char *one, *two;
	int fd;

	fd = make_file(ckpt_path(path, sizeof(path), "twice"));
	CHECK_SYS(unlink(path));
	one = map_shared(PAGES * PAGE, fd);
	two = mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED, fd, PAGE);
	CHECK(two != MAP_FAILED, "%s", strerror(errno));
	close(fd);
	fill(one + PAGE, PAGE, 6);
	ckpt_ready_wait();
	check_fill(two, PAGE, 6);
	fill(one + 2 * PAGE, PAGE, 8);
	check_fill(two + PAGE, PAGE, 8);
	CHECK_SYS(munmap(one, PAGES * PAGE));
	check_fill(two, PAGE, 6);
}

/* A private mapping of an object that others write shows what they write. */
CKPT_CYCLE(private_view_of_shared_file)
{
	char path[300];
	char *shared, *view;
	int fd;

	fd = make_file(ckpt_path(path, sizeof(path), "view"));
	shared = map_shared(PAGES * PAGE, fd);
	view = mmap(NULL, PAGES * PAGE, RW, MAP_PRIVATE, fd, 0);
	CHECK(view != MAP_FAILED, "%s", strerror(errno));
	close(fd);
	fill(shared, 2 * PAGE, 1);
	fill(view + PAGE, PAGE, 5);
	ckpt_ready_wait();
	check_fill(view, PAGE, 1);
	check_fill(view + PAGE, PAGE, 5);
	check_fill(shared, 2 * PAGE, 1);
	fill(shared, 2 * PAGE, 9);
	check_fill(view, PAGE, 9);
	check_fill(view + PAGE, PAGE, 5);
}

/* Two processes, not threads of one, in one and the same memory. */
static int same_mm(void *arg)
{
	volatile int *word = arg;

	ckpt_step(0);
	ckpt_wait_go();
	while (*word != 5)
		sched_yield();
	*word = 6;
	return 0;
}

CKPT_CYCLE(shared_address_space)
{
	static char stack[65536] __attribute__((aligned(16)));
	static volatile int word;
	pid_t kid;

	kid = CHECK_SYS(clone(same_mm, stack + sizeof(stack), CLONE_VM | SIGCHLD,
			      (void *)&word));
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	word = 5;
	ckpt_wait_exit(kid, 0);
	CHECK_EQ(6, word);
}

static char stacks[3][65536] __attribute__((aligned(16)));
static volatile int caught, told;

static void on_usr1(int sig)
{
	caught++;
}

static int same_actions(void *arg)
{
	ckpt_step(0);
	ckpt_wait_go();
	/* What one sets is what the others have. */
	signal(SIGUSR1, on_usr1);
	told = 1;
	ckpt_step(1);
	ckpt_step_wait(2, 1);
	return 0;
}

/* Two processes with the same signal actions (CLONE_SIGHAND). */
CKPT_CYCLE(shared_signal_actions)
{
	pid_t kid = CHECK_SYS(clone(same_actions, stacks[0] + sizeof(stacks[0]),
				    CLONE_VM | CLONE_SIGHAND | SIGCHLD, NULL));

	signal(SIGUSR2, SIG_IGN);
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	ckpt_step_wait(1, 1);
	CHECK_EQ(1, told);
	CHECK_SYS(raise(SIGUSR1));
	CHECK_EQ(1, caught);
	/* Ignored by the one that did not say so, too. */
	CHECK_SYS(kill(kid, SIGUSR2));
	ckpt_step(2);
	ckpt_wait_exit(kid, 0);
}

/* Actions of its own, in memory that it shares. */
CKPT_CYCLE(own_signal_actions)
{
	pid_t kid = CHECK_SYS(clone(same_actions, stacks[0] + sizeof(stacks[0]),
				    CLONE_VM | SIGCHLD, NULL));

	signal(SIGUSR1, SIG_IGN);
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	ckpt_step_wait(1, 1);
	CHECK_EQ(1, told);
	CHECK_SYS(raise(SIGUSR1));
	CHECK_EQ(0, caught);
	ckpt_step(2);
	ckpt_wait_exit(kid, 0);
}

static int makes_sibling(void *arg)
{
	int flags = CLONE_VM | CLONE_PARENT | (arg ? CLONE_SIGHAND : 0);

	board->value[0] = CHECK_SYS(clone(same_actions, stacks[1] + sizeof(stacks[1]), flags | SIGCHLD,
					  NULL));
	ckpt_wait_go();
	ckpt_step_wait(1, 1);
	CHECK_EQ(1, told);
	CHECK_EQ(arg ? 1 : 0, signal(SIGUSR1, SIG_DFL) == on_usr1);
	ckpt_step(2);
	return 0;
}

static void siblings(void *with_actions)
{
	pid_t kid = ckpt_fork(makes_sibling, with_actions);

	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	ckpt_wait_exit(kid, 0);
	ckpt_wait_exit(board->value[0], 0);
	CHECK_EQ(0, told);
}

/* Memory that is shared by two children, and not by their parent. */
CKPT_CYCLE(memory_of_siblings)
{
	siblings(NULL);
}

/* The same with signal actions. */
CKPT_CYCLE(signal_actions_of_siblings)
{
	siblings(stacks);
}

TEST_HARNESS_MAIN
