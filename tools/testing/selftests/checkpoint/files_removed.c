// SPDX-License-Identifier: GPL-2.0
/*
 * Paths (O_PATH) to what was removed and is no regular file: symbolic links, FIFOs, devices, files of
 * sockets. Each is what it was, and who has its path opens the pipe that is found there, or connects to
 * the socket, as before.
 */
#include "sockets.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/time.h>

CKPT_FIXTURE

/* Longer than what an inode has room for. */
#define LONG_TARGET	300

static char *by_path(int fd)
{
	static char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return path;
}

/* What /proc shows for a descriptor. */
static char *name_of(int fd, char *name, size_t size)
{
	ssize_t n = CHECK_SYS(readlink(by_path(fd), name, size - 1));

	name[n] = 0;
	return name;
}

/* Gives what is at @path somebody else's, with a time, and removes it; its path. */
static int remove_it(const char *path)
{
	const struct timespec times[2] = { { 1000000000, 3 }, { 1000000000, 5 } };
	int fd = CHECK_SYS(open(path, O_PATH | O_NOFOLLOW));
	struct stat st;

	CHECK_SYS(lchown(path, 1234, 5678));
	CHECK_SYS(utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW));
	CHECK_SYS(unlink(path));
	CHECK_SYS(fstat(fd, &st));
	CHECK_EQ(0, st.st_nlink);
	return fd;
}

/* It has type, permissions, owner and time, and no name. */
static void is_removed(int fd, mode_t mode, const char *path)
{
	struct stat st;

	CHECK_SYS(fstat(fd, &st));
	CHECK_EQ(mode, st.st_mode);
	CHECK_EQ(1234, st.st_uid);
	CHECK_EQ(5678, st.st_gid);
	CHECK_EQ(1000000000, st.st_mtim.tv_sec);
	CHECK_EQ(5, st.st_mtim.tv_nsec);
	CHECK_EQ(0, st.st_nlink);
	CHECK_EQ(O_PATH, fcntl(fd, F_GETFL) & O_PATH);
	CHECK(faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == -1 && errno == ENOENT,
	      "its name is back");
}

static void same_inode(int a, int b)
{
	struct stat st[2];

	CHECK_SYS(fstat(a, &st[0]));
	CHECK_SYS(fstat(b, &st[1]));
	CHECK_EQ(st[0].st_ino, st[1].st_ino);
	CHECK_EQ(st[0].st_dev, st[1].st_dev);
}

/* ---- symbolic links ----------------------------------------------------------- */

static void links(const char *at)
{
	char path[2][340], target[LONG_TARGET + 1], is[LONG_TARGET + 2], was[2][400], now[400];
	int fd[2], again, i;
	struct stat st;

	memset(target, 'x', LONG_TARGET);
	target[LONG_TARGET] = 0;
	for (i = 0; i < 2; i++) {
		snprintf(path[i], sizeof(path[i]), "%s-%d", at, i);
		CHECK_SYS(symlink(i ? target : "/nowhere", path[i]));
		fd[i] = remove_it(path[i]);
		name_of(fd[i], was[i], sizeof(was[i]));
	}
	again = CHECK_SYS(open(by_path(fd[0]), O_PATH));
	ckpt_ready_wait();
	for (i = 0; i < 2; i++) {
		is_removed(fd[i], S_IFLNK | 0777, path[i]);
		CHECK_STREQ(was[i], name_of(fd[i], now, sizeof(now)));
		CHECK_EQ(O_NOFOLLOW, fcntl(fd[i], F_GETFL) & O_NOFOLLOW);
		memset(is, 0, sizeof(is));
		CHECK_EQ((long)strlen(i ? target : "/nowhere"),
			 readlinkat(fd[i], "", is, sizeof(is) - 1));
		CHECK_STREQ(i ? target : "/nowhere", is);
		CHECK_SYS(fstat(fd[i], &st));
		CHECK_EQ((long)strlen(is), st.st_size);
	}
	same_inode(fd[0], again);
}

CKPT_CYCLE(links_in_memory)
{
	char path[64];

	snprintf(path, sizeof(path), "/dev/shm/ckpt-link-%d", getpid());
	links(path);
}

CKPT_CYCLE(links_on_disk)
{
	char path[64];

	snprintf(path, sizeof(path), "/var/tmp/ckpt-link-%d", getpid());
	links(path);
}

/* The directory is gone, too, and something else has the name of another link. */
CKPT_CYCLE(link_without_a_place)
{
	char dir[320], path[2][400], buf[16] = "";
	int fd[2], i;

	CHECK_SYS(mkdir(ckpt_path(dir, sizeof(dir), "dir"), 0700));
	snprintf(path[0], sizeof(path[0]), "%s/link", dir);
	ckpt_path(path[1], sizeof(path[1]), "replaced");
	for (i = 0; i < 2; i++) {
		CHECK_SYS(symlink("away", path[i]));
		fd[i] = remove_it(path[i]);
	}
	CHECK_SYS(rmdir(dir));
	CHECK_SYS(mkdir(path[1], 0700));
	ckpt_ready_wait();
	for (i = 0; i < 2; i++) {
		CHECK_EQ(4, readlinkat(fd[i], "", buf, sizeof(buf)));
		CHECK_STREQ("away", buf);
	}
	is_removed(fd[0], S_IFLNK | 0777, path[0]);
	CHECK(access(dir, F_OK) == -1 && errno == ENOENT, "the directory is back");
	CHECK_EQ(0, access(path[1], F_OK));
}

/* ---- FIFOs -------------------------------------------------------------------- */

/* Nobody has it open, until somebody opens it by its path. */
CKPT_CYCLE(fifo)
{
	char path[320], was[400], now[400], buf[8] = "";
	int fd, end;

	CHECK_SYS(mkfifo(ckpt_path(path, sizeof(path), "fifo"), 0640));
	CHECK_SYS(chmod(path, 0640));
	fd = remove_it(path);
	name_of(fd, was, sizeof(was));
	ckpt_ready_wait();
	is_removed(fd, S_IFIFO | 0640, path);
	CHECK_STREQ(was, name_of(fd, now, sizeof(now)));
	end = CHECK_SYS(open(by_path(fd), O_RDWR | O_NONBLOCK));
	CHECK_EQ(2, write(end, "ab", 2));
	CHECK_EQ(2, read(end, buf, sizeof(buf)));
	CHECK_STREQ("ab", buf);
}

/* The path is first or last of those that have it, and leads to what they have. */
static void fifo_with_ends(bool first)
{
	char path[320], buf[16] = "";
	int fd = -1, r, w, more;

	CHECK_SYS(mkfifo(ckpt_path(path, sizeof(path), "fifo"), 0600));
	if (first)
		fd = CHECK_SYS(open(path, O_PATH));
	r = CHECK_SYS(open(path, O_RDONLY | O_NONBLOCK));
	w = CHECK_SYS(open(path, O_WRONLY));
	if (!first)
		fd = CHECK_SYS(open(path, O_PATH));
	CHECK_SYS(fchown(w, 1234, 5678));
	CHECK_SYS(fchmod(w, 0640));
	CHECK_SYS(unlink(path));
	CHECK_EQ(7, write(w, "content", 7));
	ckpt_ready_wait();
	same_inode(fd, r);
	same_inode(fd, w);
	CHECK_EQ(7, read(r, buf, sizeof(buf)));
	CHECK_STREQ("content", buf);
	more = CHECK_SYS(open(by_path(fd), O_WRONLY));
	CHECK_EQ(4, write(more, "more", 4));
	CHECK_EQ(4, read(r, buf, sizeof(buf)));
	CHECK(!memcmp(buf, "more", 4), "%.4s", buf);
	CHECK_SYS(close(more));
	CHECK_SYS(close(w));
	CHECK_EQ(0, read(r, buf, 1));
}

CKPT_CYCLE(path_before_the_ends)
{
	fifo_with_ends(true);
}

CKPT_CYCLE(path_after_the_ends)
{
	fifo_with_ends(false);
}

/* It had two names: the path was opened by one, the ends by the other. */
CKPT_CYCLE(path_of_another_name)
{
	char path[2][320], was[2][400], now[400], buf[16] = "";
	int fd, end;

	CHECK_SYS(mkfifo(ckpt_path(path[0], sizeof(path[0]), "fifo"), 0600));
	CHECK_SYS(link(path[0], ckpt_path(path[1], sizeof(path[1]), "pipe")));
	fd = CHECK_SYS(open(path[0], O_PATH));
	end = CHECK_SYS(open(path[1], O_RDWR | O_NONBLOCK));
	CHECK_SYS(unlink(path[0]));
	CHECK_SYS(unlink(path[1]));
	name_of(fd, was[0], sizeof(was[0]));
	name_of(end, was[1], sizeof(was[1]));
	CHECK(strcmp(was[0], was[1]), "both have the name %s", was[0]);
	ckpt_ready_wait();
	same_inode(fd, end);
	CHECK_STREQ(was[0], name_of(fd, now, sizeof(now)));
	CHECK_STREQ(was[1], name_of(end, now, sizeof(now)));
	CHECK_EQ(3, write(CHECK_SYS(open(by_path(fd), O_WRONLY)), "abc", 3));
	CHECK_EQ(3, read(end, buf, sizeof(buf)));
	CHECK_STREQ("abc", buf);
}

/* ---- devices ------------------------------------------------------------------ */

/* Of each sort, also of such as are never open: the path is all that there is of them. */
CKPT_CYCLE(devices)
{
	static const struct {
		mode_t type;
		unsigned int major, minor;
	} nodes[] = {
		{ S_IFCHR, 1, 5 }, { S_IFCHR, 10, 99 }, { S_IFBLK, 7, 0 }, { S_IFBLK, 240, 0xfffff },
	};
	char path[ARRAY_SIZE(nodes)][320], name[16], c = 1;
	int fd[ARRAY_SIZE(nodes)], open_too;
	struct stat st;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(nodes); i++) {
		snprintf(name, sizeof(name), "device-%zu", i);
		CHECK_SYS(mknod(ckpt_path(path[i], sizeof(path[i]), name), nodes[i].type | 0640,
				makedev(nodes[i].major, nodes[i].minor)));
		CHECK_SYS(chmod(path[i], 0640));
		fd[i] = remove_it(path[i]);
	}
	open_too = CHECK_SYS(open(by_path(fd[0]), O_RDONLY));
	ckpt_ready_wait();
	for (i = 0; i < ARRAY_SIZE(nodes); i++) {
		is_removed(fd[i], nodes[i].type | 0640, path[i]);
		CHECK_SYS(fstat(fd[i], &st));
		CHECK_EQ(makedev(nodes[i].major, nodes[i].minor), st.st_rdev);
	}
	same_inode(fd[0], open_too);
	CHECK_EQ(1, read(CHECK_SYS(open(by_path(fd[0]), O_RDONLY)), &c, 1));
	CHECK_EQ(0, c);
}

/* ---- files of sockets --------------------------------------------------------- */

static int bind_to(int type, char path[static 320])
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = CHECK_SYS(socket(AF_UNIX, type, 0));

	CHECK(strlen(ckpt_path(path, 320, "sock")) < sizeof(addr.sun_path), "%s", path);
	strcpy(addr.sun_path, path);
	CHECK_SYS(bind(fd, (struct sockaddr *)&addr, sizeof(addr)));
	CHECK_SYS(chmod(path, 0640));
	return fd;
}

/* connect(2) by the path @fd; 0, or -1 with errno. */
static int connect_by(int sock, int fd)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	strcpy(addr.sun_path, by_path(fd));
	return connect(sock, (struct sockaddr *)&addr, sizeof(addr));
}

/* Nobody has the socket any more. */
CKPT_CYCLE(socket_of_nobody)
{
	char path[320];
	int sock = bind_to(SOCK_STREAM, path), fd;

	CHECK_SYS(close(sock));
	fd = remove_it(path);
	ckpt_ready_wait();
	is_removed(fd, S_IFSOCK | 0640, path);
	sock = CHECK_SYS(socket(AF_UNIX, SOCK_STREAM, 0));
	CHECK(connect_by(sock, fd) == -1 && errno == ECONNREFUSED, "somebody is there: %s",
	      strerror(errno));
}

/* One listens, with a connection that waits and one that it has accepted. */
CKPT_CYCLE(socket_that_listens)
{
	struct sockaddr_un addr = {};
	socklen_t len = sizeof(addr);
	int listener, fd, waiting, end[2], sock;
	char path[320];

	listener = bind_to(SOCK_STREAM, path);
	CHECK_SYS(listen(listener, 5));
	fd = remove_it(path);
	end[0] = CHECK_SYS(socket(AF_UNIX, SOCK_STREAM, 0));
	CHECK_SYS(connect_by(end[0], fd));
	end[1] = CHECK_SYS(accept(listener, NULL, NULL));
	waiting = CHECK_SYS(socket(AF_UNIX, SOCK_STREAM, 0));
	CHECK_SYS(connect_by(waiting, fd));
	send_text(waiting, "waits");
	send_text(end[0], "accepted");
	ckpt_ready_wait();
	is_removed(fd, S_IFSOCK | 0640, path);
	CHECK_SYS(getsockname(listener, (struct sockaddr *)&addr, &len));
	CHECK_STREQ(path, addr.sun_path);
	expect_text(end[1], "accepted");
	sock = CHECK_SYS(socket(AF_UNIX, SOCK_STREAM, 0));
	CHECK_SYS(connect_by(sock, fd));
	send_text(sock, "comes later");
	expect_text(CHECK_SYS(accept(listener, NULL, NULL)), "waits");
	expect_text(CHECK_SYS(accept(listener, NULL, NULL)), "comes later");
	CHECK_SYS(close(listener));
	sock = CHECK_SYS(socket(AF_UNIX, SOCK_STREAM, 0));
	CHECK(connect_by(sock, fd) == -1 && errno == ECONNREFUSED, "somebody is there: %s",
	      strerror(errno));
}

CKPT_CYCLE(socket_for_datagrams)
{
	char path[320];
	int sock = bind_to(SOCK_DGRAM, path), fd = remove_it(path), other;

	ckpt_ready_wait();
	is_removed(fd, S_IFSOCK | 0640, path);
	expect_empty(sock);
	other = CHECK_SYS(socket(AF_UNIX, SOCK_DGRAM, 0));
	CHECK_SYS(connect_by(other, fd));
	send_text(other, "datagram");
	expect_text(sock, "datagram");
}

TEST_HARNESS_MAIN
