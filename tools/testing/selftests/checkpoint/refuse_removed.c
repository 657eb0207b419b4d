// SPDX-License-Identifier: GPL-2.0
/*
 * Paths (O_PATH) to what was removed, and is no regular file, that can't be saved: another name is
 * left, or two were removed; it has extended attributes; somebody outside has the pipe or the
 * socket that is found there. A socket that is found by another name than that which was removed.
 * And what is open and was removed: a named pipe with attributes, a file in a directory that is
 * hidden, a program that nobody may execute.
 */
#include "refuse_outside.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>

REFUSE_FIXTURE

#define OUTSIDE	": a task outside has it open too: close it there, or checkpoint what has it as well"

static char path[320], other[320];

/* Makes a link and another name of it; its path. */
static int link_of_two_names(void)
{
	CHECK_SYS(symlink("nowhere", ckpt_path(path, sizeof(path), "link")));
	CHECK_SYS(link(path, ckpt_path(other, sizeof(other), "other")));
	return CHECK_SYS(open(path, O_PATH | O_NOFOLLOW));
}

static void is_link(int fd, nlink_t links)
{
	struct stat st;

	CHECK_SYS(fstat(fd, &st));
	CHECK(S_ISLNK(st.st_mode), "mode 0%o", st.st_mode);
	CHECK_EQ(links, st.st_nlink);
}

REFUSE(other_name_is_left)
{
	int fd = link_of_two_names();

	CHECK_SYS(unlink(path));
	EXPECT_FD(fd, "*", "has been removed: make it again, or close it");
	ckpt_ready_wait();
	is_link(fd, 1);
	CHECK_SYS(unlink(other));
}

REFUSE(removed_by_two_names)
{
	int fd[2] = { link_of_two_names() };

	fd[1] = CHECK_SYS(open(other, O_PATH | O_NOFOLLOW));
	CHECK_SYS(unlink(path));
	CHECK_SYS(unlink(other));
	EXPECT_FD(fd[1], "*", "was removed by two of its names, and can get one only: have it closed by one "
		  "of them");
	ckpt_ready_wait();
	is_link(fd[0], 0);
	is_link(fd[1], 0);
}

REFUSE(link_with_attribute)
{
	int fd;

	CHECK_SYS(symlink("nowhere", ckpt_path(path, sizeof(path), "link")));
	fd = CHECK_SYS(open(path, O_PATH | O_NOFOLLOW));
	CHECK_HERE(lsetxattr(path, "trusted.ckpt", "value", 5, 0));
	CHECK_SYS(unlink(path));
	EXPECT_FD(fd, "*", "was removed, and has extended attributes: have them removed");
	ckpt_ready_wait();
	is_link(fd, 0);
}

REFUSE(fifo_with_attribute)
{
	int fd;

	CHECK_SYS(mkfifo(ckpt_path(path, sizeof(path), "fifo"), 0600));
	fd = CHECK_SYS(open(path, O_RDWR));
	CHECK_HERE(setxattr(path, "trusted.ckpt", "value", 5, 0));
	CHECK_SYS(unlink(path));
	EXPECT_FD(fd, "*", "was removed, and has extended attributes: have them removed");
	ckpt_ready_wait();
	CHECK_EQ(1, write(fd, "x", 1));
}

/* A file in a directory that is mounted over by now. */
REFUSE(hidden_file)
{
	char below[400];
	int fd;

	CHECK_SYS(mkdir(ckpt_path(path, sizeof(path), "mnt"), 0700));
	snprintf(below, sizeof(below), "%s/file", path);
	fd = CHECK_SYS(open(below, O_RDWR | O_CREAT, 0600));
	CHECK_SYS(unlink(below));
	CHECK_SYS(mount("none", path, "tmpfs", 0, NULL));
	EXPECT_FD(fd, "*", "was removed, and another mount hides its directory: unmount that "
		  "first");
	ckpt_ready_wait();
	CHECK_SYS(umount(path));
	CHECK_SYS(rmdir(path));
	CHECK_EQ(1, write(fd, "x", 1));
}

/* Executed by the next one, which is removed and may not be executed any more. */
CKPT_SCENARIO(from_a_copy)
{
	CHECK_SYS(chmod("/proc/self/exe", 0600));
	CHECK_SYS(unlink(ckpt_path(path, sizeof(path), "prog")));
	expect_refusal(getpid(), UNSUPPORTED, "*: the program's file has been removed, and nobody "
		       "may execute it: give it that right (chmod +x /proc/PID/exe)");
	ckpt_ready_wait();
	CHECK_SYS(access("/proc/self/exe", F_OK));
}

REFUSE(program_for_nobody)
{
	char prog[320], buf[1 << 16];
	int from = CHECK_SYS(open("/proc/self/exe", O_RDONLY | O_CLOEXEC)), to;
	ssize_t n;

	ckpt_path(prog, sizeof(prog), "prog");
	to = CHECK_SYS(open(prog, O_WRONLY | O_CREAT | O_CLOEXEC, 0700));
	while ((n = CHECK_SYS(read(from, buf, sizeof(buf)))) > 0)
		CHECK_EQ(n, write(to, buf, n));
	CHECK_SYS(close(to));
	/* The name of the board is that of a file without its end. */
	ckpt_path(path, sizeof(path), "");
	path[strlen(path) - 1] = 0;
	execl(prog, prog, "--scenario", "from_a_copy", path, NULL);
	CHECK(false, "execl: %s", strerror(errno));
}

/* A device on a filesystem that is mounted over by now. */
REFUSE(hidden_device)
{
	char below[400];
	struct stat st;
	int fd;

	CHECK_SYS(mkdir(ckpt_path(path, sizeof(path), "mnt"), 0700));
	snprintf(below, sizeof(below), "%s/device", path);
	CHECK_SYS(mknod(below, S_IFBLK | 0600, makedev(7, 0)));
	fd = CHECK_SYS(open(below, O_PATH));
	CHECK_SYS(unlink(below));
	CHECK_SYS(mount("none", path, "tmpfs", 0, NULL));
	EXPECT_FD(fd, "*", "was removed, and another mount hides what it was in: unmount that first");
	ckpt_ready_wait();
	CHECK_SYS(umount(path));
	CHECK_SYS(rmdir(path));
	CHECK_SYS(fstat(fd, &st));
	CHECK_EQ(makedev(7, 0), st.st_rdev);
}

/* Somebody outside has both ends of the pipe. */
REFUSE(fifo_outside, .before = take_outside, .after = give_back)
{
	int fd, end;

	CHECK_SYS(mkfifo(ckpt_path(path, sizeof(path), "fifo"), 0600));
	fd = CHECK_SYS(open(path, O_PATH));
	end = CHECK_SYS(open(path, O_RDWR));
	CHECK_SYS(unlink(path));
	expect_refusal(getpid(), "EBUSY", "descriptor %d (*)" OUTSIDE, fd);
	is_taken(end);
	CHECK_SYS(close(end));
	ckpt_step(1);
	ckpt_wait_go();
	CHECK_SYS(fcntl(fd, F_GETFD));
}

/* Somebody outside has the socket that is bound there. */
REFUSE(socket_outside, .before = take_outside, .after = give_back)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int sock = CHECK_SYS(socket(AF_UNIX, SOCK_DGRAM, 0)), fd;

	CHECK(strlen(ckpt_path(path, sizeof(path), "sock")) < sizeof(addr.sun_path), "%s", path);
	strcpy(addr.sun_path, path);
	CHECK_SYS(bind(sock, (struct sockaddr *)&addr, sizeof(addr)));
	fd = CHECK_SYS(open(path, O_PATH));
	CHECK_SYS(unlink(path));
	expect_refusal(getpid(), "EBUSY", "descriptor %d (*)" OUTSIDE, fd);
	is_taken(sock);
	CHECK_SYS(close(sock));
	ckpt_step(1);
	ckpt_wait_go();
	CHECK_SYS(fcntl(fd, F_GETFD));
}

/* Others find it by a name that is not known. */
REFUSE(socket_with_other_name)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int sock = CHECK_SYS(socket(AF_UNIX, SOCK_DGRAM, 0)), end;

	CHECK(strlen(ckpt_path(path, sizeof(path), "sock")) < sizeof(addr.sun_path), "%s", path);
	strcpy(addr.sun_path, path);
	CHECK_SYS(bind(sock, (struct sockaddr *)&addr, sizeof(addr)));
	CHECK_SYS(link(path, ckpt_path(other, sizeof(other), "other")));
	CHECK_SYS(unlink(path));
	EXPECT_FD(sock, "*", "what it is bound to was removed by this name, and another one (a hard link) is "
		  "left: remove that, too");
	ckpt_ready_wait();
	CHECK(strlen(other) < sizeof(addr.sun_path), "%s", other);
	strcpy(addr.sun_path, other);
	end = CHECK_SYS(socket(AF_UNIX, SOCK_DGRAM, 0));
	CHECK_SYS(connect(end, (struct sockaddr *)&addr, sizeof(addr)));
	CHECK_SYS(unlink(other));
}

TEST_HARNESS_MAIN
