/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Files of everything.h that somebody watches, or that are no files to read: a lease, a directory
 * that tells by a signal (F_NOTIFY), a fanotify group with several marks, a path, a file of the
 * cgroup, and the device of userfaultfds.
 */
#ifndef CKPT_TEST_EVERYTHING_WATCHES_H
#define CKPT_TEST_EVERYTHING_WATCHES_H

#include "everything_steps.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/fanotify.h>
#include <sys/stat.h>

#define E_NOTED		(SIGRTMIN + 5)

static struct {
	int leased, dir, path, procs, fanotify, device;
	char noted[320];
} e_watch;

/* The file of the cgroup that tells who is in it; -1: none is found. */
static int e_open_procs(void)
{
	char text[512], path[600], *at;

	at = strstr(ckpt_read_file("/proc/self/cgroup", text, sizeof(text)), "0::/");
	if (!at)
		return -1;
	at += 4;
	at[strcspn(at, "\n")] = 0;
	snprintf(path, sizeof(path), "/sys/fs/cgroup/%s/cgroup.procs", at);
	return open(path, O_RDONLY | O_CLOEXEC);
}

/* A directory with what is in it, and a file of which something is ignored. */
static void e_set_up_marks(const char *path)
{
	e_watch.fanotify = fanotify_init(FAN_CLASS_NOTIF | FAN_NONBLOCK | FAN_CLOEXEC,
					 O_RDONLY | O_LARGEFILE);
	if (e_watch.fanotify < 0)
		return;
	CHECK_SYS(fanotify_mark(e_watch.fanotify, FAN_MARK_ADD, FAN_MODIFY | FAN_EVENT_ON_CHILD,
				AT_FDCWD, e_watch.noted));
	CHECK_SYS(fanotify_mark(e_watch.fanotify, FAN_MARK_ADD | FAN_MARK_IGNORED_MASK, FAN_MODIFY,
				AT_FDCWD, path));
}

static void e_set_up_watches(void)
{
	char path[320];
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, E_NOTED);
	CHECK_SYS(sigprocmask(SIG_BLOCK, &set, NULL));
	e_watch.leased = CHECK_SYS(open(ckpt_path(path, sizeof(path), "leased"),
					O_RDONLY | O_CREAT | O_CLOEXEC, 0600));
	CHECK_SYS(fcntl(e_watch.leased, F_SETLEASE, F_RDLCK));
	CHECK_SYS(mkdir(ckpt_path(e_watch.noted, sizeof(e_watch.noted), "noted"), 0700));
	e_watch.dir = CHECK_SYS(open(e_watch.noted, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	CHECK_SYS(fcntl(e_watch.dir, F_SETSIG, E_NOTED));
	CHECK_SYS(fcntl(e_watch.dir, F_NOTIFY, DN_CREATE | DN_MULTISHOT));
	e_set_up_marks(path);
	CHECK_SYS(mkfifo(ckpt_path(path, sizeof(path), "path"), 0600));
	e_watch.path = CHECK_SYS(open(path, O_PATH | O_CLOEXEC));
	e_watch.procs = e_open_procs();
	e_watch.device = open("/dev/userfaultfd", O_RDWR | O_CLOEXEC);
}

static void e_check_watches(void)
{
	struct timespec now = { 0 };
	struct stat st;
	siginfo_t info;
	char path[340];
	sigset_t set;
	char c;

	CHECK_EQ(F_RDLCK, fcntl(e_watch.leased, F_GETLEASE));
	snprintf(path, sizeof(path), "%s/new", e_watch.noted);
	/* Who was killed here may have left it. */
	rmdir(path);
	CHECK_SYS(mkdir(path, 0700));
	CHECK_SYS(rmdir(path));
	sigemptyset(&set);
	sigaddset(&set, E_NOTED);
	CHECK_EQ(E_NOTED, sigtimedwait(&set, &info, &now));
	CHECK_EQ(e_watch.dir, info.si_fd);
	CHECK(fcntl(e_watch.path, F_GETFL) & O_PATH, "it can be read from");
	CHECK_SYS(fstat(e_watch.path, &st));
	CHECK(S_ISFIFO(st.st_mode), "mode 0%o", st.st_mode);
	if (e_watch.procs >= 0)
		CHECK_EQ(1, pread(e_watch.procs, &c, 1, 0));
	if (e_watch.device >= 0) {
		CHECK_SYS(fstat(e_watch.device, &st));
		CHECK(S_ISCHR(st.st_mode), "mode 0%o", st.st_mode);
	}
	if (e_watch.fanotify >= 0)
		CHECK(fcntl(e_watch.fanotify, F_GETFL) & O_NONBLOCK, "another flag");
}

#endif
