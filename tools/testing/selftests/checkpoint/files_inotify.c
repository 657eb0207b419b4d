// SPDX-License-Identifier: GPL-2.0
/* inotify: watches, watch descriptors, and events that were not read: none lost, none more. */
#include "common.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>

CKPT_FIXTURE

/* A directory of the scenario's own, which stays until its end. */
static char dir[300];

static void make_dir(void)
{
	ckpt_path(dir, sizeof(dir), "dir");
	CHECK(!mkdir(dir, 0700) || errno == EEXIST, "%s: %s", dir, strerror(errno));
}

static const char *in_dir(const char *name)
{
	static char path[2][400];
	static int n;

	n = !n;
	snprintf(path[n], sizeof(path[n]), "%s/%s", dir, name);
	return path[n];
}

static int open_in(const char *name, int flags)
{
	return CHECK_SYS(open(in_dir(name), flags | O_CREAT, 0600));
}

static void touch(const char *name)
{
	CHECK_SYS(close(open_in(name, O_RDWR)));
}

static int waiting(int fd)
{
	int n = -1;

	CHECK_SYS(ioctl(fd, FIONREAD, &n));
	return n;
}

/* The next event is this one. */
static void expect(int fd, int wd, uint32_t mask, const char *name)
{
	char buf[sizeof(struct inotify_event) + 272] __attribute__((aligned(8)));
	struct inotify_event *event = (void *)buf;
	size_t len = name ? strlen(name) + 1 : 0;
	size_t size = sizeof(*event);
	int left = waiting(fd);

	/* Room for this one, and for no other after it. */
	size += (len + size - 1) / size * size;
	CHECK((size_t)left >= size, "%d bytes are waiting, not %zu of %#x", left, size, mask);
	CHECK_EQ(size, read(fd, buf, size));
	CHECK_EQ(wd, event->wd);
	CHECK_EQ(mask, event->mask);
	CHECK_STREQ(name ? name : "", event->len ? event->name : "");
	CHECK_EQ(left - size, waiting(fd));
}

static void drain(int fd)
{
	char buf[4096];

	while (waiting(fd))
		CHECK_SYS(read(fd, buf, sizeof(buf)));
}

/* Number and mask of each watch, as the kernel tells them. */
static char *watches_of(int fd, char *buf, size_t size)
{
	char path[64], line[512], *at = buf;
	unsigned int wd, mask;
	unsigned long long ino, dev;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	file = fopen(path, "r");
	CHECK(file, "%s: %s", path, strerror(errno));
	*at = 0;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "inotify wd:%x ino:%llx sdev:%llx mask:%x", &wd, &ino, &dev,
			   &mask) == 4)
			at += snprintf(at, buf + size - at, "%x %llx %x\n", wd, ino, mask);
	fclose(file);
	return buf;
}

static int new_instance(int flags)
{
	make_dir();
	return CHECK_SYS(inotify_init1(flags));
}

/* Masks and numbers, with gaps; the next number is the next one. */
CKPT_CYCLE(watches)
{
	char before[1024], after[1024];
	int fd = new_instance(IN_CLOEXEC | IN_NONBLOCK);

	touch("file");
	touch("other");
	CHECK_EQ(1, inotify_add_watch(fd, "/", IN_CREATE));
	CHECK_EQ(2, inotify_add_watch(fd, dir, IN_CREATE | IN_DELETE | IN_EXCL_UNLINK));
	CHECK_EQ(3, inotify_add_watch(fd, in_dir("file"), IN_MODIFY | IN_ONESHOT));
	CHECK_EQ(4, inotify_add_watch(fd, "/dev", IN_ONLYDIR));
	CHECK_EQ(5, inotify_add_watch(fd, "/etc", IN_ATTRIB));
	CHECK_EQ(6, inotify_add_watch(fd, in_dir("other"), IN_MODIFY));
	CHECK_EQ(6, inotify_add_watch(fd, in_dir("other"), IN_OPEN | IN_MASK_ADD));
	CHECK_SYS(inotify_rm_watch(fd, 1));
	CHECK_EQ(7, inotify_add_watch(fd, "/", IN_CREATE));
	CHECK_SYS(inotify_rm_watch(fd, 7));
	drain(fd);
	watches_of(fd, before, sizeof(before));
	ckpt_ready_wait();
	CHECK_STREQ(before, watches_of(fd, after, sizeof(after)));
	CHECK_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	CHECK_EQ(O_RDONLY | O_NONBLOCK, fcntl(fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK));
	CHECK(read(fd, after, sizeof(after)) == -1 && errno == EAGAIN, "nothing happened");
	CHECK_EQ(-1, inotify_rm_watch(fd, 1));
	touch("new");
	CHECK_SYS(unlink(in_dir("new")));
	expect(fd, 2, IN_CREATE, "new");
	expect(fd, 2, IN_DELETE, "new");
	CHECK_EQ(1, pwrite(open_in("other", O_RDWR), "x", 1, 0));
	expect(fd, 6, IN_OPEN, NULL);
	expect(fd, 6, IN_MODIFY, NULL);
	CHECK_EQ(1, pwrite(open_in("file", O_RDWR), "x", 1, 0));
	expect(fd, 3, IN_MODIFY, NULL);
	expect(fd, 3, IN_IGNORED, NULL);
	CHECK_EQ(8, inotify_add_watch(fd, "/", IN_CREATE));
	/* What is watched is what was watched. */
	CHECK_EQ(2, inotify_add_watch(fd, dir, IN_CREATE));
	CHECK_EQ(0, waiting(fd));
}

/* Two instances see the same; one is read before, the other one after. */
CKPT_CYCLE(queued)
{
	static char before[1 << 16], after[1 << 16];
	char name[256];
	int first = new_instance(0), second = new_instance(0);
	int n, i;

	touch("seen");
	memset(name, 'n', 255);
	name[255] = 0;
	for (i = 0; i < 2; i++) {
		CHECK_EQ(1, inotify_add_watch(i ? second : first, dir, IN_ALL_EVENTS));
		CHECK_EQ(2, inotify_add_watch(i ? second : first, in_dir("seen"), IN_ALL_EVENTS));
	}
	touch("a");
	CHECK_SYS(rename(in_dir("a"), in_dir("b")));
	CHECK_SYS(mkdir(in_dir("sub"), 0700));
	CHECK_SYS(rename(in_dir("sub"), in_dir("sub2")));
	CHECK_SYS(rmdir(in_dir("sub2")));
	CHECK_SYS(unlink(in_dir("b")));
	touch(name);
	CHECK_SYS(unlink(in_dir(name)));
	CHECK_SYS(chmod(in_dir("seen"), 0644));
	CHECK_EQ(1, write(open_in("seen", O_WRONLY), "x", 1));
	CHECK_SYS(inotify_rm_watch(first, 2));
	CHECK_SYS(inotify_rm_watch(second, 2));
	n = CHECK_SYS(read(first, before, sizeof(before)));
	CHECK_EQ(n, waiting(second));
	ckpt_ready_wait();
	CHECK_EQ(0, waiting(first));
	CHECK_EQ(n, waiting(second));
	/* What is new is behind it; the last event is not the same as the first new one. */
	touch("c");
	CHECK_EQ(n, read(second, after, n));
	CHECK(!memcmp(before, after, n), "events differ");
	for (i = 0; i < 2; i++) {
		expect(i ? second : first, 1, IN_CREATE, "c");
		expect(i ? second : first, 1, IN_OPEN, "c");
		expect(i ? second : first, 1, IN_CLOSE_WRITE, "c");
	}
	CHECK_SYS(unlink(in_dir("c")));
}

/* An event that is the same as the last one in the queue is dropped, that one restored or not. */
CKPT_CYCLE(merged)
{
	int fd = new_instance(0), file, on_dir;

	file = open_in("file", O_RDWR);
	on_dir = inotify_add_watch(fd, dir, IN_ATTRIB);
	CHECK_SYS(fchmod(file, 0600));
	ckpt_ready_wait();
	CHECK_SYS(fchmod(file, 0600));
	expect(fd, on_dir, IN_ATTRIB, "file");
	CHECK_EQ(0, waiting(fd));
}

static unsigned int queue_limit(void)
{
	char buf[32];

	return atoi(ckpt_read_file("/proc/sys/fs/inotify/max_queued_events", buf, sizeof(buf)));
}

/* The queue was full, and some of it was read since. */
CKPT_CYCLE(overflow)
{
	unsigned int limit = queue_limit(), i;
	int fd = new_instance(0), files[2], n;

	files[0] = open_in("0", O_RDWR);
	files[1] = open_in("1", O_RDWR);
	CHECK_EQ(1, inotify_add_watch(fd, dir, IN_ATTRIB));
	for (i = 0; i < limit + 2; i++)
		CHECK_SYS(fchmod(files[i % 2], 0600));
	for (i = 0; i < 3; i++)
		expect(fd, 1, IN_ATTRIB, i % 2 ? "1" : "0");
	CHECK_SYS(fchmod(files[0], 0600));
	CHECK_SYS(fchmod(files[1], 0600));
	/* It does not fit any more. */
	CHECK_SYS(fchmod(files[0], 0600));
	n = waiting(fd);
	ckpt_ready_wait();
	CHECK_EQ(n, waiting(fd));
	CHECK_SYS(fchmod(files[0], 0600));
	CHECK_EQ(n, waiting(fd));
	for (i = 3; i < limit; i++)
		expect(fd, 1, IN_ATTRIB, i % 2 ? "1" : "0");
	expect(fd, -1, IN_Q_OVERFLOW, NULL);
	expect(fd, 1, IN_ATTRIB, "0");
	expect(fd, 1, IN_ATTRIB, "1");
	CHECK_EQ(0, waiting(fd));
	CHECK_SYS(fchmod(files[1], 0600));
	expect(fd, 1, IN_ATTRIB, "1");
}

/* Whatever checkpoint and restart do with files, those who watch them do not see it. */
CKPT_CYCLE(not_seen)
{
	int fd = new_instance(0), file, fifo, removed;
	void *map;

	file = open_in("file", O_RDWR | O_APPEND);
	CHECK_EQ(3, write(file, "abc", 3));
	CHECK(!mkfifo(in_dir("fifo"), 0600) || errno == EEXIST, "%s", strerror(errno));
	fifo = CHECK_SYS(open(in_dir("fifo"), O_RDWR));
	CHECK_EQ(5, write(fifo, "fifo!", 5));
	map = mmap(NULL, CKPT_PAGE, PROT_READ, MAP_SHARED, open_in("file", O_RDONLY), 0);
	CHECK(map != MAP_FAILED, "%s", strerror(errno));
	removed = open_in("removed", O_RDWR);
	CHECK_EQ(1, inotify_add_watch(fd, dir, IN_ALL_EVENTS));
	CHECK_EQ(2, inotify_add_watch(fd, in_dir("file"), IN_ALL_EVENTS));
	CHECK_EQ(3, inotify_add_watch(fd, in_dir("fifo"), IN_ALL_EVENTS));
	CHECK_EQ(4, inotify_add_watch(fd, in_dir("removed"), IN_ALL_EVENTS));
	CHECK_SYS(unlink(in_dir("removed")));
	CHECK_EQ(4, write(removed, "gone", 4));
	CHECK_EQ(5, inotify_add_watch(fd, "/proc/self/exe", IN_ALL_EVENTS & ~IN_ACCESS));
	drain(fd);
	ckpt_ready_wait();
	CHECK_EQ(0, waiting(fd));
	CHECK_SYS(fchmod(file, 0600));
	expect(fd, 1, IN_ATTRIB, "file");
	expect(fd, 2, IN_ATTRIB, NULL);
	CHECK_EQ(0, waiting(fd));
}

/* It goes when the last one closes it. */
static void gone(const char *where)
{
	int fd = CHECK_SYS(inotify_init1(0)), file;
	char path[300];

	snprintf(path, sizeof(path), "%s/ckpt-XXXXXX", where);
	file = CHECK_SYS(mkostemp(path, 0));
	CHECK_EQ(1, inotify_add_watch(fd, path, IN_ALL_EVENTS));
	CHECK_SYS(unlink(path));
	drain(fd);
	CHECK_EQ(1, write(file, "x", 1));
	ckpt_ready_wait();
	expect(fd, 1, IN_MODIFY, NULL);
	CHECK_EQ(0, waiting(fd));
	CHECK_SYS(ftruncate(file, 0));
	expect(fd, 1, IN_MODIFY, NULL);
	CHECK_SYS(close(file));
	expect(fd, 1, IN_CLOSE_WRITE, NULL);
	expect(fd, 1, IN_DELETE_SELF, NULL);
	expect(fd, 1, IN_IGNORED, NULL);
	CHECK_EQ(-1, inotify_rm_watch(fd, 1));
}

CKPT_CYCLE(removed_in_memory)
{
	gone("/dev/shm");
}

CKPT_CYCLE(removed_on_disk)
{
	gone("/var/tmp");
}

/* What is watched is the file, whatever it is called, and not what has its name now. */
CKPT_CYCLE(renamed)
{
	int fd = new_instance(0);

	touch("was");
	CHECK(!mkdir(in_dir("d1"), 0700) || errno == EEXIST, "%s", strerror(errno));
	CHECK_EQ(1, inotify_add_watch(fd, in_dir("was"), IN_MODIFY));
	CHECK_EQ(2, inotify_add_watch(fd, in_dir("d1"), IN_CREATE | IN_DELETE));
	/* Left from a run before. */
	rmdir(in_dir("d2"));
	CHECK_SYS(rename(in_dir("was"), in_dir("is")));
	CHECK_SYS(rename(in_dir("d1"), in_dir("d2")));
	touch("was");
	drain(fd);
	ckpt_ready_wait();
	CHECK_EQ(1, pwrite(open_in("was", O_RDWR), "x", 1, 0));
	CHECK_EQ(0, waiting(fd));
	CHECK_EQ(1, pwrite(open_in("is", O_RDWR), "x", 1, 0));
	expect(fd, 1, IN_MODIFY, NULL);
	touch("d2/f");
	CHECK_SYS(unlink(in_dir("d2/f")));
	expect(fd, 2, IN_CREATE, "f");
	expect(fd, 2, IN_DELETE, "f");
}

/* Of two names the one is left that the watch was not made by. */
CKPT_CYCLE(other_name)
{
	int fd = new_instance(0);

	touch("one");
	unlink(in_dir("two"));
	CHECK_SYS(link(in_dir("one"), in_dir("two")));
	CHECK_EQ(1, inotify_add_watch(fd, in_dir("one"), IN_MODIFY));
	CHECK_SYS(unlink(in_dir("one")));
	ckpt_ready_wait();
	CHECK_EQ(1, pwrite(open_in("two", O_RDWR), "x", 1, 0));
	expect(fd, 1, IN_MODIFY, NULL);
	CHECK_EQ(0, waiting(fd));
}

/* A link itself, a device, a mount point. */
CKPT_CYCLE(of_all_types)
{
	char before[1024], after[1024];
	int fd = new_instance(0);

	unlink(in_dir("link"));
	CHECK_SYS(symlink("/nowhere", in_dir("link")));
	CHECK_EQ(1, inotify_add_watch(fd, in_dir("link"), IN_ALL_EVENTS | IN_DONT_FOLLOW));
	CHECK_EQ(2, inotify_add_watch(fd, "/dev/null", IN_OPEN));
	CHECK_EQ(3, inotify_add_watch(fd, "/dev/shm", IN_DELETE_SELF));
	CHECK_EQ(4, inotify_add_watch(fd, "/", IN_DELETE_SELF));
	watches_of(fd, before, sizeof(before));
	ckpt_ready_wait();
	CHECK_STREQ(before, watches_of(fd, after, sizeof(after)));
	CHECK_SYS(close(CHECK_SYS(open("/dev/null", O_RDONLY))));
	expect(fd, 2, IN_OPEN, NULL);
}

static volatile sig_atomic_t signals, signal_fd;

static void on_signal(int sig, siginfo_t *info, void *context)
{
	signals++;
	signal_fd = info->si_fd;
}

/* It tells of new events by a signal, but not of those that it had before. */
CKPT_CYCLE(signals_of_events)
{
	struct sigaction sa = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO };
	int fd = new_instance(0);

	CHECK_SYS(sigaction(SIGRTMIN + 1, &sa, NULL));
	CHECK_SYS(fcntl(fd, F_SETOWN, getpid()));
	CHECK_SYS(fcntl(fd, F_SETSIG, SIGRTMIN + 1));
	CHECK_SYS(fcntl(fd, F_SETFL, O_ASYNC));
	CHECK_EQ(1, inotify_add_watch(fd, dir, IN_CREATE | IN_DELETE));
	touch("new");
	CHECK_EQ(1, signals);
	CHECK_SYS(unlink(in_dir("new")));
	CHECK_EQ(2, signals);
	ckpt_ready_wait();
	CHECK_EQ(2, signals);
	touch("new");
	CHECK_EQ(3, signals);
	CHECK_EQ(fd, signal_fd);
	CHECK_SYS(unlink(in_dir("new")));
	CHECK_EQ(4, signals);
	CHECK(fcntl(fd, F_GETFL) & O_ASYNC, "flags 0x%x", fcntl(fd, F_GETFL));
}

static int instance;

static void *reads(void *arg)
{
	expect(instance, 1, IN_CREATE, "comes");
	return NULL;
}

/* Asleep in read(2): expect() asks for the size first, so this reads by itself. */
static void *sleeps(void *arg)
{
	char buf[4096] __attribute__((aligned(8)));
	struct inotify_event *event = (void *)buf;

	CHECK_EQ(sizeof(*event) + 16, read(instance, buf, sizeof(buf)));
	CHECK_EQ(1, event->wd);
	CHECK_EQ(IN_CREATE, event->mask);
	CHECK_STREQ("comes", event->name);
	return NULL;
}

CKPT_CYCLE(sleeper, .blocked = { BLOCKED(__NR_read) })
{
	pthread_t thread;

	instance = new_instance(0);
	CHECK_EQ(1, inotify_add_watch(instance, dir, IN_CREATE));
	CHECK_EQ(0, pthread_create(&thread, NULL, sleeps, NULL));
	ckpt_ready_wait();
	touch("comes");
	CHECK_EQ(0, pthread_join(thread, NULL));
	CHECK_SYS(unlink(in_dir("comes")));
	touch("comes");
	CHECK_EQ(0, pthread_create(&thread, NULL, reads, NULL));
	CHECK_EQ(0, pthread_join(thread, NULL));
	CHECK_SYS(unlink(in_dir("comes")));
}

static int reads_events(void *arg)
{
	int fd = *(int *)arg;

	ckpt_step(0);
	ckpt_wait_go();
	touch("child");
	expect(fd, 1, IN_CREATE, "before");
	expect(fd, 1, IN_CREATE, "child");
	CHECK_SYS(unlink(in_dir("child")));
	ckpt_step(1);
	return 0;
}

/* Parent and child have the same instance, by different numbers. */
CKPT_CYCLE(shared)
{
	int fd = new_instance(0), copy = CHECK_SYS(dup(fd));
	pid_t kid;

	CHECK_EQ(1, inotify_add_watch(fd, dir, IN_CREATE));
	unlink(in_dir("before"));
	unlink(in_dir("child"));
	touch("before");
	kid = ckpt_fork(reads_events, &copy);
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	ckpt_step_wait(1, 1);
	CHECK_EQ(0, waiting(fd));
	ckpt_wait_exit(kid, 0);
	touch("parent");
	expect(copy, 1, IN_CREATE, "parent");
	CHECK_SYS(unlink(in_dir("parent")));
}

/* All that lies in a few directories. */
CKPT_CYCLE(many)
{
	static const char * const where[] = { "/etc", "/bin/", "/lib/", "/usr" };
	int fd = new_instance(0), count = 0, i, last = 0;
	static char before[1 << 18], after[1 << 18];
	struct dirent *entry;
	char path[600];
	DIR *list;

	for (i = 0; i < 4; i++) {
		list = opendir(where[i]);
		if (!list)
			continue;
		while ((entry = readdir(list)) && count < 2000) {
			snprintf(path, sizeof(path), "%s/%s", where[i], entry->d_name);
			last = inotify_add_watch(fd, path, IN_DELETE_SELF | IN_DONT_FOLLOW);
			count += last > count;
		}
		closedir(list);
	}
	CHECK(count > 20, "%d files are too few", count);
	watches_of(fd, before, sizeof(before));
	ckpt_ready_wait();
	CHECK_STREQ(before, watches_of(fd, after, sizeof(after)));
	for (i = 1; i <= count; i++)
		CHECK_SYS(inotify_rm_watch(fd, i));
	CHECK_EQ(count * sizeof(struct inotify_event), waiting(fd));
	CHECK_EQ(count + 1, inotify_add_watch(fd, dir, IN_CREATE));
}

/* On an overlay: what lies below only, above only, in both; a file that is copied up meanwhile. */
static char overlay[128];

CKPT_SCENARIO(on_overlay)
{
	char before[1024], after[1024];
	int fd = CHECK_SYS(inotify_init1(IN_NONBLOCK)), file;

	snprintf(dir, sizeof(dir), "%s/all", getenv("CKPT_OVERLAY"));
	CHECK_EQ(1, inotify_add_watch(fd, dir, IN_CREATE));
	CHECK_EQ(2, inotify_add_watch(fd, in_dir("low"), IN_OPEN));
	CHECK_EQ(3, inotify_add_watch(fd, in_dir("up"), IN_OPEN));
	CHECK_EQ(4, inotify_add_watch(fd, in_dir("both"), IN_OPEN));
	CHECK_EQ(5, inotify_add_watch(fd, in_dir("copied"), IN_ATTRIB));
	file = open_in("copied", O_RDWR);
	drain(fd);
	watches_of(fd, before, sizeof(before));
	ckpt_ready_wait();
	CHECK_STREQ(before, watches_of(fd, after, sizeof(after)));
	CHECK_SYS(fchmod(file, 0600));
	expect(fd, 5, IN_ATTRIB, NULL);
	CHECK_SYS(close(CHECK_SYS(open(in_dir("low"), O_RDONLY))));
	expect(fd, 2, IN_OPEN, NULL);
	CHECK_SYS(close(CHECK_SYS(open(in_dir("up"), O_RDONLY))));
	expect(fd, 3, IN_OPEN, NULL);
	CHECK_SYS(close(CHECK_SYS(open(in_dir("both"), O_RDONLY))));
	expect(fd, 4, IN_OPEN, NULL);
	CHECK_EQ(0, waiting(fd));
}

static int make_at(const char *layer, const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s/%s", overlay, layer, name);
	return close(open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600));
}

TEST_F_TIMEOUT(cr, on_overlay, CKPT_TIMEOUT)
{
	static const char * const layers[] = { "lower", "upper", "work", "all" };
	char path[256], options[512];
	int i;

	snprintf(overlay, sizeof(overlay), "/dev/shm/ckpt-overlay-%d", getpid());
	ASSERT_EQ(0, mkdir(overlay, 0700));
	ASSERT_EQ(0, mount("layers", overlay, "tmpfs", 0, NULL));
	for (i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "%s/%s", overlay, layers[i]);
		ASSERT_EQ(0, mkdir(path, 0700));
	}
	ASSERT_EQ(0, make_at("lower", "low") | make_at("upper", "up") | make_at("lower", "both") |
		  make_at("upper", "both") | make_at("lower", "copied"));
	snprintf(options, sizeof(options), "lowerdir=%s/lower,upperdir=%s/upper,workdir=%s/work",
		 overlay, overlay, overlay);
	ASSERT_EQ(0, mount("overlay", path, "overlay", 0, options));
	setenv("CKPT_OVERLAY", overlay, 1);
	EXPECT_EQ(0, ckpt_cycle(&on_overlay, variant->container));
	EXPECT_EQ(0, umount2(path, MNT_DETACH));
	EXPECT_EQ(0, umount2(overlay, MNT_DETACH));
	EXPECT_EQ(0, rmdir(overlay));
}

TEST_HARNESS_MAIN
