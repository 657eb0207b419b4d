// SPDX-License-Identifier: GPL-2.0
/*
 * Paths (O_PATH) to what lies on no filesystem, opened by way of /proc/self/fd: there is no path to
 * find it by again. It may be closed by then, so that it would not be refused itself.
 */
#include "refuse.h"

#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/io_uring.h>
#include <linux/perf_event.h>
#include <linux/userfaultfd.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

REFUSE_FIXTURE

#define OBJECT	"an anonymous kernel object can't be saved yet"
#define OTHER	"neither file nor directory, opened with O_PATH can't be saved yet"

/* There is only a path to @fd left. */
static void only_path(int fd, const char *what)
{
	char path[64];
	int left;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	left = CHECK_SYS(open(path, O_PATH | O_CLOEXEC));
	CHECK_SYS(close(fd));
	EXPECT_FD(left, "*", what);
	ckpt_ready_wait();
	CHECK(fcntl(left, F_GETFL) & O_PATH, "it is more than a path");
}

REFUSE(socket_of_unix)
{
	only_path(CHECK_SYS(socket(AF_UNIX, SOCK_STREAM, 0)), OTHER);
}

REFUSE(socket_of_inet)
{
	only_path(CHECK_HERE(socket(AF_INET, SOCK_DGRAM, 0)), OTHER);
}

REFUSE(eventfd_object)
{
	only_path(CHECK_SYS(eventfd(0, 0)), OBJECT);
}

REFUSE(signalfd_object)
{
	sigset_t set;

	sigemptyset(&set);
	only_path(CHECK_SYS(signalfd(-1, &set, 0)), OBJECT);
}

REFUSE(timerfd_object)
{
	only_path(CHECK_SYS(timerfd_create(CLOCK_MONOTONIC, 0)), OBJECT);
}

REFUSE(epoll_instance)
{
	only_path(CHECK_SYS(epoll_create1(0)), OBJECT);
}

REFUSE(inotify_instance)
{
	only_path(CHECK_SYS(inotify_init1(0)), OBJECT);
}

REFUSE(fanotify_group)
{
	only_path(CHECK_HERE(fanotify_init(FAN_CLASS_NOTIF, O_RDONLY)), OBJECT);
}

REFUSE(io_uring_instance)
{
	struct io_uring_params params = { 0 };

	only_path(CHECK_HERE(syscall(__NR_io_uring_setup, 1, &params)), OBJECT);
}

REFUSE(userfaultfd_object)
{
	only_path(CHECK_HERE(syscall(__NR_userfaultfd, O_CLOEXEC)), OBJECT);
}

/* The counter ends with its descriptor. */
REFUSE(performance_counter)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE, .size = sizeof(attr), .config = PERF_COUNT_SW_DUMMY,
	};

	only_path(CHECK_HERE(syscall(__NR_perf_event_open, &attr, 0, -1, -1, 0)),
		  "a performance counter can't be saved yet");
}

REFUSE(bpf_map_object)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 8, .max_entries = 1,
	};

	only_path(CHECK_HERE(syscall(__NR_bpf, BPF_MAP_CREATE, &attr, sizeof(attr))),
		  "a BPF map can't be saved yet");
}

REFUSE(filesystem_context)
{
	only_path(CHECK_HERE(syscall(__NR_fsopen, "tmpfs", 0)),
		  "a filesystem context can't be saved yet");
}

TEST_HARNESS_MAIN
