// SPDX-License-Identifier: GPL-2.0
/*
 * The build id of the kernel, and numbers of C that the Rust side has copies of.
 */
#include <linux/build_bug.h>
#include <linux/buildid.h>
#include <linux/checkpoint.h>
#include <linux/fs.h>
#include <linux/eventpoll.h>
#include <linux/kdev_t.h>
#include <linux/major.h>
#include <linux/signal.h>
#include <linux/string.h>
#include <linux/timerfd.h>
#include <linux/utsname.h>

#include "../futex/futex.h"
#include "notes.h"

/**
 * checkpoint_build_id() - tell the build id of the kernel
 * @id: BUILD_ID_SIZE_MAX bytes, which are zero then if it has none
 */
void checkpoint_build_id(unsigned char *id)
{
	memset(id, 0, BUILD_ID_SIZE_MAX);
	/* What is wrong with the notes is that there is no id among them. */
	build_id_parse_buf(&__start_notes, id, &__stop_notes - &__start_notes);
}

/* image/task.rs: bytes of a build id, and of the version of a kernel. */
static_assert(BUILD_ID_SIZE_MAX == 20);
static_assert(sizeof(init_uts_ns.name.version) <= 68);

/* files/device.rs, task/process.rs, kapi/fs/timerfd.rs: numbers of the system calls. */
static_assert(MEM_MAJOR == 1);
static_assert(MINORBITS == 20);
static_assert(SIGSTOP == 19);
static_assert(TFD_TIMER_ABSTIME == 1 << 0);
static_assert(TFD_TIMER_CANCEL_ON_SET == 1 << 1);

/* kapi/signal/restart_block.rs: flags in the restart block of a futex wait. */
static_assert(FLAGS_SIZE_32 == 0x02);
static_assert(FLAGS_SHARED == 0x10);
static_assert(FLAGS_CLOCKRT == 0x20);
static_assert(FLAGS_HAS_TIMEOUT == 0x40);

/* image/files.rs, epoll: bits of what is registered. */
static_assert((__force u32)EPOLLIN == 1u << 0);
static_assert((__force u32)EPOLLOUT == 1u << 2);
static_assert((__force u32)EPOLLERR == 1u << 3);
static_assert((__force u32)EPOLLHUP == 1u << 4);
static_assert((__force u32)EPOLLEXCLUSIVE == 1u << 28);
static_assert((__force u32)EPOLLWAKEUP == 1u << 29);
static_assert((__force u32)EPOLLONESHOT == 1u << 30);
static_assert((__force u32)EPOLLET == 1u << 31);
