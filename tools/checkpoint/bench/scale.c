// SPDX-License-Identifier: GPL-2.0
/*
 * What there can be much of: processes, threads, mappings, descriptors, timers, what
 * is registered with epoll, memory, address space, semaphores, queued messages, message
 * queues, pairs of Unix sockets, connections of TCP, sockets in one epoll set.
 *
 * usage: scale KIND NUMBER RESULT
 * RESULT gets "ready 0"; later, on SIGUSR1, "right 0", if all of them are still
 * there and as they were.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <mqueue.h>
#include <net/if.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define MIB	(1L << 20)

static long number;
static long page;

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void *map(size_t size, int flags)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		fail("mmap");
	return p;
}

static uint64_t pattern(long n)
{
	return n * 0x9e3779b97f4a7c15ULL + 1;
}

/* What the others answer to a question: how many have, and the sum of who they are. */
static struct answers {
	_Atomic long count;
	_Atomic long sum;
} *answers;

static void answer(long who)
{
	atomic_fetch_add(&answers->sum, who);
	atomic_fetch_add(&answers->count, 1);
}

static int all_answered(void)
{
	long others = number - 1;

	while (atomic_load(&answers->count) < others)
		usleep(1000);
	return atomic_load(&answers->sum) == others * (others + 1) / 2;
}

/* A process for each number from 1 on; SIGUSR2 is the question. */
static void make_processes(void)
{
	answers = map(page, MAP_SHARED);
	for (long n = 1; n < number; n++) {
		pid_t child = fork();
		sigset_t set;
		int sig;

		if (child < 0)
			fail("fork");
		if (child)
			continue;
		sigemptyset(&set);
		sigaddset(&set, SIGUSR2);
		while (!sigwait(&set, &sig))
			answer(n);
		_exit(1);
	}
}

static int check_processes(void)
{
	/* All but init, which the sender is. */
	if (kill(-1, SIGUSR2))
		fail("kill");
	return all_answered();
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t question = PTHREAD_COND_INITIALIZER;
static long asked;
static __thread long self;

static void *thread(void *arg)
{
	long seen = 0;

	self = (long)arg;
	pthread_mutex_lock(&lock);
	for (;;) {
		while (seen == asked)
			pthread_cond_wait(&question, &lock);
		seen = asked;
		answer(self);
	}
	return NULL;
}

static void make_threads(void)
{
	pthread_attr_t attr;
	pthread_t made;

	answers = map(page, MAP_PRIVATE);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, PTHREAD_STACK_MIN);
	for (long n = 1; n < number; n++)
		if (pthread_create(&made, &attr, thread, (void *)n))
			fail("pthread_create");
}

static int check_threads(void)
{
	pthread_mutex_lock(&lock);
	asked++;
	pthread_cond_broadcast(&question);
	pthread_mutex_unlock(&lock);
	return all_answered();
}

/* Every second page of it is read-only: so each is a mapping. */
static char *pages;

static void make_mappings(void)
{
	pages = map(number * page, MAP_PRIVATE);
	for (long n = 0; n < number; n++)
		*(uint64_t *)(pages + n * page) = pattern(n);
	for (long n = 0; n < number; n += 2)
		if (mprotect(pages + n * page, page, PROT_READ))
			fail("mprotect");
}

static int check_pages(long count)
{
	for (long n = 0; n < count; n++)
		if (*(uint64_t *)(pages + n * page) != pattern(n))
			return 0;
	return 1;
}

static int check_mappings(void)
{
	return check_pages(number);
}

/* What has so many descriptors; the number of the first. */
static int first;

static void allow_descriptors(void)
{
	struct rlimit limit = { number + 64, number + 64 };

	if (setrlimit(RLIMIT_NOFILE, &limit))
		fail("setrlimit");
}

/* Open files with a position each. */
static void make_descriptors(void)
{
	allow_descriptors();
	for (long n = 0; n < number; n++) {
		int fd = open("/proc/self/exe", O_RDONLY);

		if (fd < 0 || lseek(fd, n, SEEK_SET) != n)
			fail("open");
		if (!n)
			first = fd;
	}
}

static int check_descriptors(void)
{
	for (long n = 0; n < number; n++)
		if (lseek(first + n, 0, SEEK_CUR) != n)
			return 0;
	return 1;
}

/* POSIX timers, by the calls themselves, each with an interval of its own. */
static void make_timers(void)
{
	struct rlimit limit = { number + 64, number + 64 };
	struct itimerspec spec = { .it_value.tv_sec = 1000000 };
	int id;

	if (setrlimit(RLIMIT_SIGPENDING, &limit))
		fail("setrlimit");
	for (long n = 0; n < number; n++) {
		spec.it_interval.tv_sec = n + 1;
		if (syscall(SYS_timer_create, CLOCK_MONOTONIC, NULL, &id) || id != n ||
		    syscall(SYS_timer_settime, id, 0, &spec, NULL))
			fail("timer_create");
	}
}

static int check_timers(void)
{
	struct itimerspec spec;

	for (long n = 0; n < number; n++)
		if (syscall(SYS_timer_gettime, (int)n, &spec) || !spec.it_value.tv_sec ||
		    spec.it_interval.tv_sec != n + 1)
			return 0;
	return 1;
}

/* Eventfds with a counter each. */
static void make_eventfds(void)
{
	allow_descriptors();
	for (long n = 0; n < number; n++) {
		int fd = eventfd(n + 1, EFD_NONBLOCK);

		if (fd < 0)
			fail("eventfd");
		if (!n)
			first = fd;
	}
}

static int check_eventfds(void)
{
	for (long n = 0; n < number; n++) {
		uint64_t count;

		if (read(first + n, &count, sizeof(count)) != sizeof(count) || count != n + 1ul ||
		    write(first + n, &count, sizeof(count)) != sizeof(count))
			return 0;
	}
	return 1;
}

/* Timers, armed, with an interval each. */
static void make_timerfds(void)
{
	allow_descriptors();
	for (long n = 0; n < number; n++) {
		struct itimerspec spec = { .it_value.tv_sec = 1000000, .it_interval.tv_sec = n };
		int fd = timerfd_create(CLOCK_MONOTONIC, 0);

		if (fd < 0 || timerfd_settime(fd, 0, &spec, NULL))
			fail("timerfd");
		if (!n)
			first = fd;
	}
}

static int check_timerfds(void)
{
	for (long n = 0; n < number; n++) {
		struct itimerspec spec;

		if (timerfd_gettime(first + n, &spec) || !spec.it_value.tv_sec ||
		    spec.it_interval.tv_sec != n)
			return 0;
	}
	return 1;
}

/* Files that are registered with an epoll instance, each its own. */
static int instance;

static void make_epoll(void)
{
	struct rlimit limit = { number + 64, number + 64 };

	if (setrlimit(RLIMIT_NOFILE, &limit))
		fail("setrlimit");
	instance = epoll_create1(0);
	for (long n = 0; n < number; n++) {
		struct epoll_event event = { .events = EPOLLIN | EPOLLET, .data.u64 = n };
		int fd = open("/dev/random", O_RDONLY);

		if (fd < 0 || epoll_ctl(instance, EPOLL_CTL_ADD, fd, &event))
			fail("epoll_ctl");
		if (!n)
			first = fd;
	}
}

/* What is registered can be changed, and nothing else. */
static int check_epoll(void)
{
	for (long n = 0; n < number; n++) {
		struct epoll_event event = { .events = EPOLLIN | EPOLLET, .data.u64 = n };

		if (epoll_ctl(instance, EPOLL_CTL_MOD, first + n, &event))
			return 0;
	}
	return 1;
}

/* Memory, in MiB; no page is like another. */
static void make_memory(void)
{
	pages = map(number * MIB, MAP_PRIVATE);
	for (long n = 0; n < number * MIB / page; n++)
		*(uint64_t *)(pages + n * page) = pattern(n);
}

static int check_memory(void)
{
	return check_pages(number * MIB / page);
}

/* Address space, in GiB, with a page here and there. */
#define STEP	(2 * MIB)

static void make_space(void)
{
	pages = map(number * 1024 * MIB, MAP_PRIVATE | MAP_NORESERVE);
	/* No huge pages: memory for a page is what there is. */
	if (madvise(pages, number * 1024 * MIB, MADV_NOHUGEPAGE) && errno != EINVAL)
		fail("madvise");
	for (long n = 0; n < number * 1024 * MIB / STEP; n++)
		*(uint64_t *)(pages + n * STEP) = pattern(n);
}

static int check_space(void)
{
	for (long n = 0; n < number * 1024 * MIB / STEP; n++)
		if (*(uint64_t *)(pages + n * STEP) != pattern(n) ||
		    *(uint64_t *)(pages + n * STEP + STEP / 2))
			return 0;
	return 1;
}

/* Sets of one semaphore each, with an adjustment, in an ipc namespace of their own. */
static int *ids;

static void new_ipc(const char *path, const char *value)
{
	FILE *f;

	if (unshare(CLONE_NEWIPC))
		fail("unshare");
	f = fopen(path, "w");
	if (!f || fputs(value, f) < 0 || fclose(f))
		fail(path);
}

static void make_semaphores(void)
{
	struct sembuf up = { .sem_flg = SEM_UNDO };

	new_ipc("/proc/sys/kernel/sem", "32000 1000000 500 32768");
	ids = map(number * sizeof(*ids), MAP_PRIVATE);
	for (long n = 0; n < number; n++) {
		ids[n] = semget(IPC_PRIVATE, 1, 0600);
		up.sem_op = n % 1000 + 1;
		if (ids[n] < 0 || semop(ids[n], &up, 1))
			fail("semop");
	}
}

static int check_semaphores(void)
{
	for (long n = 0; n < number; n++)
		if (semctl(ids[n], 0, GETVAL) != n % 1000 + 1)
			return 0;
	return 1;
}

/* Messages of 1 KiB in one queue, in MiB. */
static struct {
	long type;
	uint64_t text[128];
} message;

static void make_messages(void)
{
	int id;

	new_ipc("/proc/sys/kernel/msgmnb", "2000000000");
	id = msgget(4711, IPC_CREAT | 0600);
	for (long n = 0; n < number * MIB / (long)sizeof(message.text); n++) {
		message.type = 1;
		message.text[n % 128] = pattern(n);
		if (msgsnd(id, &message, sizeof(message.text), 0))
			fail("msgsnd");
	}
}

static int check_messages(void)
{
	int id = msgget(4711, 0600);

	/* Each goes to the end again. */
	for (long n = 0; n < number * MIB / (long)sizeof(message.text); n++)
		if (msgrcv(id, &message, sizeof(message.text), 0, IPC_NOWAIT) != sizeof(message.text) ||
		    message.text[n % 128] != pattern(n) ||
		    msgsnd(id, &message, sizeof(message.text), IPC_NOWAIT))
			return 0;
	return 1;
}

/* POSIX message queues with a message each, in an ipc namespace of their own. */
static void make_queues(void)
{
	struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };
	struct mq_attr attr = { .mq_maxmsg = 1, .mq_msgsize = sizeof(long) };

	new_ipc("/proc/sys/fs/mqueue/queues_max", "1000000");
	if (setrlimit(RLIMIT_MSGQUEUE, &limit))
		fail("setrlimit");
	allow_descriptors();
	for (long n = 0; n < number; n++) {
		char name[32];
		int fd;

		snprintf(name, sizeof(name), "/%ld", n);
		fd = mq_open(name, O_RDWR | O_CREAT | O_EXCL | O_NONBLOCK, 0600, &attr);
		if (fd < 0 || mq_send(fd, (char *)&n, sizeof(n), 0))
			fail("mq_open");
		if (!n)
			first = fd;
	}
}

static int check_queues(void)
{
	for (long n = 0; n < number; n++) {
		long got;

		if (mq_receive(first + n, (char *)&got, sizeof(got), NULL) != sizeof(got) ||
		    got != n || mq_send(first + n, (char *)&got, sizeof(got), 0))
			return 0;
	}
	return 1;
}

static void allow_pairs(void)
{
	struct rlimit limit = { 2 * number + 64, 2 * number + 64 };

	if (setrlimit(RLIMIT_NOFILE, &limit))
		fail("setrlimit");
}

/* Both ends get something to read. */
static void fill_pair(long n, const int *pair)
{
	if (write(pair[0], &n, sizeof(n)) != sizeof(n) || write(pair[1], &n, sizeof(n)) != sizeof(n))
		fail("write");
	if (!n)
		first = pair[0];
}

/* Pairs of Unix sockets, with data on its way in both directions. */
static void make_pairs(void)
{
	allow_pairs();
	for (long n = 0; n < number; n++) {
		int pair[2];

		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair))
			fail("socketpair");
		fill_pair(n, pair);
	}
}

static int check_pairs(void)
{
	/* What comes goes back, and so is there again. */
	for (long n = 0; n < 2 * number; n++) {
		long got;

		if (read(first + n, &got, sizeof(got)) != sizeof(got) || got != n / 2 ||
		    write(first + (n ^ 1), &got, sizeof(got)) != sizeof(got))
			return 0;
	}
	return 1;
}

/* Connections of TCP, both ends here, with data in both, in a network namespace of their own. */
static void make_connections(void)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	socklen_t len = sizeof(addr);
	int at;

	allow_pairs();
	if (unshare(CLONE_NEWNET))
		fail("unshare");
	at = socket(AF_INET, SOCK_STREAM, 0);
	if (ioctl(at, SIOCSIFFLAGS, &lo) || bind(at, (struct sockaddr *)&addr, sizeof(addr)) ||
	    listen(at, 1) || getsockname(at, (struct sockaddr *)&addr, &len))
		fail("listen");
	for (long n = 0; n < number; n++) {
		int pair[2] = { socket(AF_INET, SOCK_STREAM, 0) };

		if (pair[0] < 0 || connect(pair[0], (struct sockaddr *)&addr, sizeof(addr)))
			fail("connect");
		pair[1] = accept(at, NULL, NULL);
		if (pair[1] < 0)
			fail("accept");
		fill_pair(n, pair);
	}
}

/* Unix sockets, all in one epoll set. */
static void make_sockets(void)
{
	struct rlimit limit = { number + 64, number + 64 };

	if (setrlimit(RLIMIT_NOFILE, &limit))
		fail("setrlimit");
	instance = epoll_create1(0);
	for (long n = 0; n + 1 < number; n += 2) {
		int pair[2];

		if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
			fail("socketpair");
		if (!n)
			first = pair[0];
		for (int i = 0; i < 2; i++) {
			struct epoll_event event = { .events = EPOLLIN, .data.u64 = n + i };

			if (epoll_ctl(instance, EPOLL_CTL_ADD, pair[i], &event))
				fail("epoll_ctl");
		}
	}
}

/* Each in its turn has something to read, and no other. */
static int check_sockets(void)
{
	for (long n = 0; n + 1 < number; n += 2) {
		struct epoll_event events[2];
		char c = 0;

		if (write(first + n, "x", 1) != 1 || epoll_wait(instance, events, 2, -1) != 1 ||
		    events[0].data.u64 != n + 1ul || read(first + n + 1, &c, 1) != 1 || c != 'x')
			return 0;
	}
	return 1;
}

static const struct kind {
	const char *name;
	void (*make)(void);
	int (*check)(void);
} kinds[] = {
	{ "processes", make_processes, check_processes },
	{ "threads", make_threads, check_threads },
	{ "mappings", make_mappings, check_mappings },
	{ "descriptors", make_descriptors, check_descriptors },
	{ "eventfds", make_eventfds, check_eventfds },
	{ "timerfds", make_timerfds, check_timerfds },
	{ "timers", make_timers, check_timers },
	{ "epoll", make_epoll, check_epoll },
	{ "memory", make_memory, check_memory },
	{ "space", make_space, check_space },
	{ "semaphores", make_semaphores, check_semaphores },
	{ "messages", make_messages, check_messages },
	{ "queues", make_queues, check_queues },
	{ "pairs", make_pairs, check_pairs },
	{ "connections", make_connections, check_pairs },
	{ "sockets", make_sockets, check_sockets },
};

static void say(const char *path, const char *word)
{
	char tmp[PATH_MAX];
	FILE *f;

	snprintf(tmp, sizeof(tmp), "%s.new", path);
	f = fopen(tmp, "w");
	if (!f || fprintf(f, "%s 0\n", word) < 0 || fclose(f) || rename(tmp, path))
		fail(path);
}

int main(int argc, char **argv)
{
	const struct kind *kind = kinds;
	const struct kind *end = kinds + sizeof(kinds) / sizeof(*kinds);
	sigset_t set;
	int sig;

	while (argc == 4 && kind < end && strcmp(kind->name, argv[1]))
		kind++;
	if (argc != 4 || kind == end) {
		fprintf(stderr, "usage: scale processes|threads|mappings|descriptors|eventfds|timerfds|timers|epoll|memory|space|"
			"semaphores|messages|queues|pairs|connections|sockets NUMBER RESULT\n");
		return 2;
	}
	number = strtol(argv[2], NULL, 0);
	page = sysconf(_SC_PAGESIZE);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	kind->make();
	say(argv[3], "ready");
	sigdelset(&set, SIGUSR2);
	while (!sigwait(&set, &sig)) {
		if (answers) {
			answers->count = 0;
			answers->sum = 0;
		}
		say(argv[3], kind->check() ? "right" : "wrong");
	}
	return 1;
}
