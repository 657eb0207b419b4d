// SPDX-License-Identifier: GPL-2.0
/* Files of procfs and sysfs: of the tree's own tasks, of those that are gone, and others. */
#include "common.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>

CKPT_FIXTURE

static char text[65536];

static char *slurp_fd(int fd)
{
	ssize_t n = CHECK_SYS(pread(fd, text, sizeof(text) - 1, 0));

	text[n] = 0;
	return text;
}

/* @fd is a "status" of @pid, as we number it. */
static void is_status_of(int fd, pid_t pid)
{
	char *line = strstr(slurp_fd(fd), "NSpid:"), *end;

	CHECK(line, "%s", text);
	end = strchr(line, '\n');
	*end = 0;
	CHECK_EQ(pid, atoi(strrchr(line, '\t') + 1));
}

static int open_of(pid_t nr, const char *name, int flags)
{
	char path[128];

	snprintf(path, sizeof(path), "/proc/%d%s", nr, name);
	return CHECK_SYS(open(path, flags));
}

static const char *const own[] = {
	"stat", "statm", "status", "cmdline", "limits", "comm", "oom_score", "wchan", "maps", "smaps",
	"smaps_rollup", "environ", "auxv", "syscall", "personality", "mounts", "mountinfo", "net/dev",
};

CKPT_CYCLE(own_files)
{
	int fd[sizeof(own) / sizeof(own[0])];
	char path[64];
	unsigned int i;

	for (i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		snprintf(path, sizeof(path), "/proc/self/%s", own[i]);
		fd[i] = open(path, O_RDONLY);
		CHECK(fd[i] >= 0 || errno == ENOENT, "%s: %s", path, strerror(errno));
	}
	ckpt_ready_wait();
	for (i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		if (fd[i] < 0)
			continue;
		CHECK(pread(fd[i], text, sizeof(text), 0) > 0, "%s is empty", own[i]);
		if (!strcmp(own[i], "status"))
			is_status_of(fd[i], getpid());
		if (!strcmp(own[i], "maps"))
			CHECK(strstr(slurp_fd(fd[i]), "[stack]"), "%s", text);
	}
}

/* What it has mapped, also later, is there for it by way of mem and pagemap. */
static void own_memory(void)
{
	volatile unsigned int *page = mmap(NULL, CKPT_PAGE, PROT_READ | PROT_WRITE,
					   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int mem = CHECK_SYS(open("/proc/self/mem", O_RDWR));
	int pagemap = CHECK_SYS(open("/proc/self/pagemap", O_RDONLY));
	unsigned int value = 0;
	uint64_t entry;

	CHECK(page != MAP_FAILED, "no memory");
	*page = 1;
	CHECK_SYS(lseek(mem, (uintptr_t)page, SEEK_SET));
	ckpt_ready_wait();
	CHECK_EQ((uintptr_t)page, lseek(mem, 0, SEEK_CUR));
	CHECK_EQ(sizeof(value), read(mem, &value, sizeof(value)));
	CHECK_EQ(1, value);
	value = 2;
	CHECK_EQ(sizeof(value), pwrite(mem, &value, sizeof(value), (uintptr_t)page));
	CHECK_EQ(2, *page);
	CHECK_EQ(8, pread(pagemap, &entry, 8, (uintptr_t)page / getpagesize() * 8));
	CHECK(entry >> 63, "0x%llx: not present", (unsigned long long)entry);
}

CKPT_CYCLE(memory)
{
	own_memory();
}

/* The files are those of another user when they are opened again. */
CKPT_CYCLE(memory_of_user)
{
	CHECK_SYS(setgid(1000));
	CHECK_SYS(setuid(1000));
	CHECK_SYS(prctl(PR_SET_DUMPABLE, 1));
	own_memory();
}

CKPT_CYCLE(directories)
{
	int self = CHECK_SYS(open("/proc/self", O_RDONLY | O_DIRECTORY));
	int fds = CHECK_SYS(open("/proc/self/fd", O_RDONLY | O_DIRECTORY));
	int root = CHECK_SYS(open("/proc", O_RDONLY | O_DIRECTORY));
	int name = CHECK_SYS(open("/proc/self/task", O_PATH));
	int self_link = CHECK_SYS(open("/proc/self", O_PATH | O_NOFOLLOW));
	int cwd_link = open_of(ckpt_proc_number(getpid()), "/cwd", O_PATH | O_NOFOLLOW);
	char link[8], path[64], to[64] = "", cwd[64];
	int fd;

	ckpt_ready_wait();
	fd = CHECK_SYS(openat(self, "status", O_RDONLY));
	is_status_of(fd, getpid());
	snprintf(path, sizeof(path), "%d", root);
	CHECK_EQ(5, readlinkat(fds, path, link, sizeof(link)));
	CHECK(!memcmp(link, "/proc", 5), "%.5s", link);
	fd = CHECK_SYS(openat(root, "self/status", O_RDONLY));
	is_status_of(fd, getpid());
	CHECK(fcntl(name, F_GETFL) & O_PATH, "flags 0x%x", fcntl(name, F_GETFL));
	CHECK_SYS(readlinkat(self_link, "", to, sizeof(to) - 1));
	CHECK_EQ(ckpt_proc_number(getpid()), atoi(to));
	memset(to, 0, sizeof(to));
	CHECK_SYS(readlinkat(cwd_link, "", to, sizeof(to) - 1));
	CHECK(getcwd(cwd, sizeof(cwd)), "%s", strerror(errno));
	CHECK_STREQ(cwd, to);
	snprintf(path, sizeof(path), "%d/status", ckpt_proc_number(getpid()));
	fd = CHECK_SYS(openat(name, path, O_RDONLY));
	is_status_of(fd, getpid());
}

CKPT_CYCLE(of_child)
{
	pid_t pid = ckpt_fork(ckpt_child_waits, NULL), nr;
	int status, directory, thread, net;
	char path[64];

	ckpt_step_wait(0, 1);
	nr = ckpt_proc_number(pid);
	status = open_of(nr, "/status", O_RDONLY);
	directory = open_of(nr, "", O_RDONLY | O_DIRECTORY);
	net = open_of(nr, "/net/dev", O_RDONLY);
	snprintf(path, sizeof(path), "/task/%d/status", nr);
	thread = open_of(nr, path, O_RDONLY);
	ckpt_ready();
	CHECK(strstr(slurp_fd(net), "lo:"), "%s", text);
	ckpt_wait_go();
	ckpt_wait_exit(pid, 0);
	CHECK(read(status, text, 1) == -1 && errno == ESRCH, "it is still there");
	CHECK(openat(directory, "status", O_RDONLY) == -1, "it is still there");
	CHECK(read(thread, text, 1) == -1 && errno == ESRCH, "it is still there");
}

/* Its files are not those of whoever has its number then. */
CKPT_CYCLE(of_living_child)
{
	pid_t pid = ckpt_fork(ckpt_child_waits, NULL), nr;
	int status, directory, fd;

	ckpt_step_wait(0, 1);
	nr = ckpt_proc_number(pid);
	status = open_of(nr, "/status", O_RDONLY);
	directory = open_of(nr, "", O_RDONLY | O_DIRECTORY);
	ckpt_ready_wait();
	is_status_of(status, pid);
	fd = openat(directory, "status", O_RDONLY);
	if (fd >= 0)
		is_status_of(fd, pid);
	ckpt_wait_exit(pid, 0);
}

static void *named_thread(void *arg)
{
	char name[16];

	CHECK_SYS(prctl(PR_SET_NAME, "named"));
	*(int *)arg = CHECK_SYS(open("/proc/thread-self/comm", O_RDWR));
	ckpt_step(1);
	ckpt_wait_go();
	ckpt_step_wait(2, 1);
	CHECK_SYS(prctl(PR_GET_NAME, name));
	CHECK_STREQ("other", name);
	return NULL;
}

CKPT_CYCLE(of_thread)
{
	char name[32] = "";
	pthread_t id;
	int fd;

	CHECK_EQ(0, pthread_create(&id, NULL, named_thread, &fd));
	ckpt_step_wait(1, 1);
	ckpt_ready_wait();
	CHECK_EQ(6, pread(fd, name, sizeof(name), 0));
	CHECK_STREQ("named\n", name);
	CHECK_EQ(5, write(fd, "other", 5));
	ckpt_step(2);
	CHECK_EQ(0, pthread_join(id, NULL));
}

static void *ending_thread(void *arg)
{
	*(int *)arg = CHECK_SYS(open("/proc/thread-self/stat", O_RDONLY));
	return NULL;
}

static int pauses(void *arg)
{
	for (;;)
		pause();
	return 0;
}

/* What is open of who is gone finds nobody, and not whoever has the number by then. */
CKPT_CYCLE(of_the_dead)
{
	static const char *const names[] = { "/status", "/stat", "/cmdline", "/comm", "/oom_score_adj" };
	pid_t pid = ckpt_fork(pauses, NULL), nr = ckpt_proc_number(pid);
	int fd[5], directory, name, thread, why, i;
	struct stat st;
	pthread_t id;

	for (i = 0; i < 5; i++)
		fd[i] = open_of(nr, names[i], i < 3 ? O_RDONLY : O_RDWR);
	directory = open_of(nr, "", O_RDONLY | O_DIRECTORY);
	name = open_of(nr, "/limits", O_PATH);
	CHECK_SYS(kill(pid, SIGKILL));
	CHECK_EQ(pid, waitpid(pid, NULL, 0));
	CHECK_EQ(0, pthread_create(&id, NULL, ending_thread, &thread));
	CHECK_EQ(0, pthread_join(id, NULL));
	while (pread(thread, text, 1, 0) == 1)
		sched_yield();
	CHECK_EQ(-1, openat(directory, "status", O_RDONLY));
	why = errno;
	ckpt_ready_wait();
	for (i = 0; i < 5; i++) {
		CHECK(read(fd[i], text, 1) == -1 && errno == ESRCH, "%s: %s", names[i],
		      strerror(errno));
		CHECK_SYS(fstat(fd[i], &st));
		CHECK(S_ISREG(st.st_mode), "mode 0%o", st.st_mode);
	}
	CHECK(write(fd[3], "x", 1) == -1 && errno == ESRCH, "comm: %s", strerror(errno));
	CHECK(read(thread, text, 1) == -1 && errno == ESRCH, "thread: %s", strerror(errno));
	CHECK_EQ(-1, openat(directory, "status", O_RDONLY));
	CHECK_EQ(why, errno);
	CHECK_SYS(fstat(directory, &st));
	CHECK(S_ISDIR(st.st_mode), "mode 0%o", st.st_mode);
	CHECK(fcntl(name, F_GETFL) & O_PATH, "flags 0x%x", fcntl(name, F_GETFL));
}

/* Reading goes on where it was, in what there is then. */
CKPT_CYCLE(positions)
{
	int version = CHECK_SYS(open("/proc/version", O_RDONLY));
	int comm = CHECK_SYS(open("/proc/self/comm", O_RDONLY));
	char all[1024] = "", rest[1024] = "", byte;

	CHECK(pread(version, all, sizeof(all) - 1, 0) > 20, "%s", all);
	CHECK_EQ(1, read(comm, &byte, 1));
	CHECK_EQ(10, read(version, rest, 10));
	ckpt_ready_wait();
	CHECK_EQ(10, lseek(version, 0, SEEK_CUR));
	memset(rest, 0, sizeof(rest));
	CHECK(read(version, rest, sizeof(rest) - 1) > 10, "%s", rest);
	CHECK_STREQ(all + 10, rest);
	CHECK_EQ(0, read(version, rest, 1));
	/* It is made when it is read. */
	CHECK_SYS(prctl(PR_SET_NAME, "abcdef"));
	CHECK_EQ(1, lseek(comm, 0, SEEK_CUR));
	CHECK_SYS(lseek(comm, 0, SEEK_SET));
	CHECK_EQ(7, read(comm, rest, sizeof(rest)));
	CHECK(!memcmp("abcdef\n", rest, 7), "%.7s", rest);
}

CKPT_CYCLE(own_settings)
{
	int comm = CHECK_SYS(open("/proc/self/comm", O_WRONLY | O_APPEND));
	int adj = CHECK_SYS(open("/proc/self/oom_score_adj", O_RDWR));
	char name[16];

	ckpt_ready_wait();
	CHECK_EQ(O_WRONLY | O_APPEND, fcntl(comm, F_GETFL) & (O_ACCMODE | O_APPEND));
	CHECK_EQ(3, write(comm, "new", 3));
	CHECK_SYS(prctl(PR_GET_NAME, name));
	CHECK_STREQ("new", name);
	CHECK_EQ(3, write(adj, "500", 3));
	CHECK_EQ(500, atoi(slurp_fd(adj)));
}

CKPT_CYCLE(of_the_system)
{
	int meminfo = CHECK_SYS(open("/proc/meminfo", O_RDONLY));
	int ostype = CHECK_SYS(open("/proc/sys/kernel/ostype", O_RDONLY));
	int directory = CHECK_SYS(open("/proc/sys", O_RDONLY | O_DIRECTORY));
	int writable = CHECK_SYS(open("/proc/sys/kernel/panic", O_RDWR));
	int seqnum = CHECK_SYS(open("/sys/kernel/uevent_seqnum", O_RDONLY));
	int sys = CHECK_SYS(open("/sys", O_RDONLY | O_DIRECTORY));
	int name = CHECK_SYS(open("/sys/kernel", O_PATH));
	char panic[16] = "";
	ssize_t n;

	ckpt_ready_wait();
	CHECK(strstr(slurp_fd(meminfo), "MemTotal"), "%s", text);
	CHECK_STREQ("Linux\n", slurp_fd(ostype));
	CHECK_SYS(close(CHECK_SYS(openat(directory, "kernel/ostype", O_RDONLY))));
	n = CHECK_SYS(pread(writable, panic, sizeof(panic), 0));
	CHECK_EQ(n, pwrite(writable, panic, n, 0));
	CHECK(*slurp_fd(seqnum), "it is empty");
	CHECK_SYS(close(CHECK_SYS(openat(sys, "kernel/uevent_seqnum", O_RDONLY))));
	CHECK_SYS(close(CHECK_SYS(openat(name, "uevent_seqnum", O_RDONLY))));
}

CKPT_CYCLE(working_directory)
{
	char buf[64] = "";

	CHECK_SYS(chdir("/proc/sys/kernel"));
	ckpt_ready_wait();
	CHECK(getcwd(buf, sizeof(buf)), "%s", strerror(errno));
	CHECK_STREQ("/proc/sys/kernel", buf);
	CHECK_SYS(access("ostype", R_OK));
}

TEST_HARNESS_MAIN
