/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The image format: kinds of records, structures, and values of their fields.
 * Numbers are little-endian. Written by tools/checkpoint/image/src/bin/ckptformat.rs
 * from the definitions in kernel/checkpoint/image/.
 */
#ifndef CKPT_TEST_FORMAT_H
#define CKPT_TEST_FORMAT_H

#include <assert.h>
#include <stdint.h>

#define IMAGE_KIND_CONTAINER 1
#define IMAGE_KIND_TRAILER 3
#define IMAGE_KIND_TASK 16
#define IMAGE_KIND_PROCESS 17
#define IMAGE_KIND_DEAD_PID 18
#define IMAGE_KIND_REGS 19
#define IMAGE_KIND_SIGHAND 20
#define IMAGE_KIND_PENDING 21
#define IMAGE_KIND_CRED 22
#define IMAGE_KIND_AFFINITY 23
#define IMAGE_KIND_TIMERS 24
#define IMAGE_KIND_SECCOMP_FILTER 25
#define IMAGE_KIND_SECCOMP 26
#define IMAGE_KIND_CONTROLS 27
#define IMAGE_KIND_DEADLINE 28
#define IMAGE_KIND_MM 64
#define IMAGE_KIND_VMA 65
#define IMAGE_KIND_GUARDS 67
#define IMAGE_KIND_FILES 96
#define IMAGE_KIND_FILE 97
#define IMAGE_KIND_INODE 98
#define IMAGE_KIND_PIPE 100
#define IMAGE_KIND_PIPE_BUFFER 101
#define IMAGE_KIND_FS 102
#define IMAGE_KIND_PATH 103
#define IMAGE_KIND_TIMERFD 104
#define IMAGE_KIND_EPOLL 107
#define IMAGE_KIND_LOCKS 108
#define IMAGE_KIND_FILE_OWNER 109
#define IMAGE_KIND_LEASE 110
#define IMAGE_KIND_XATTR 111
#define IMAGE_KIND_REMOVED 112
#define IMAGE_KIND_INOTIFY 114
#define IMAGE_KIND_INOTIFY_WATCH 115
#define IMAGE_KIND_INOTIFY_EVENT 116
#define IMAGE_KIND_PIDFD_TARGET 118
#define IMAGE_KIND_PROC_ENTRY 119
#define IMAGE_KIND_LEFT_OUT 120
#define IMAGE_KIND_UTS 128
#define IMAGE_KIND_PID_NS 129
#define IMAGE_KIND_IPC_NS 130
#define IMAGE_KIND_SEGMENT 176
#define IMAGE_KIND_SEM_SET 177
#define IMAGE_KIND_SEM_UNDO 178
#define IMAGE_KIND_UNDO_LIST 179
#define IMAGE_KIND_MSG_QUEUE 180
#define IMAGE_KIND_MESSAGE 181
#define IMAGE_KIND_POSIX_QUEUE 182
#define IMAGE_KIND_POSIX_MESSAGE 183
#define IMAGE_KIND_CGROUP_ENTRY 184
#define IMAGE_KIND_URING_FILES 185
#define IMAGE_KIND_URING_PERSONALITIES 186
#define IMAGE_KIND_FANOTIFY 187
#define IMAGE_KIND_FANOTIFY_MARK 188
#define IMAGE_KIND_AIO 190
#define IMAGE_KIND_URING 191
#define IMAGE_KIND_CONFINEMENT 192
#define IMAGE_KIND_LABEL 193
#define IMAGE_KIND_SOCKET 196
#define IMAGE_KIND_IN_FLIGHT 197
#define IMAGE_KIND_USERFAULTFD 199
#define IMAGE_KIND_WATCHED 200
#define IMAGE_KIND_URING_BUFFERS 201
#define IMAGE_KIND_URING_REQUESTS 202
#define IMAGE_KIND_HUGE_PAGES 204
#define IMAGE_KIND_URING_IO 205
#define IMAGE_KIND_NET_NS 206
#define IMAGE_KIND_URING_GROUP 207
#define IMAGE_KIND_TASK_POLICY 208
#define IMAGE_KIND_MEMORY_POLICY 209
#define IMAGE_KIND_META_SUMS 210
#define IMAGE_KIND_BATCH 211
#define IMAGE_KIND_INDEX 212
#define IMAGE_KIND_PTRACER 213
#define IMAGE_KIND_TRACED 214
#define IMAGE_KIND_MOUNT 216
#define IMAGE_KIND_EPOLL_ITEMS 224
#define IMAGE_KIND_UNIX_SOCKET 225
#define IMAGE_KIND_UNIX_MESSAGE 226
#define IMAGE_KIND_INET_SOCKET 227
#define IMAGE_KIND_INET_MESSAGE 228
#define IMAGE_KIND_SOCKET_FILTER 230
#define IMAGE_KIND_TCP_SOCKET 231
#define IMAGE_KIND_TCP_DATA 232
#define IMAGE_KIND_CRED_LABEL 233
#define IMAGE_KIND_TASK_LABEL 234
#define IMAGE_KIND_FILE_LABEL 235
#define IMAGE_KIND_NETLINK_SOCKET 237
#define IMAGE_KIND_NETLINK_MESSAGE 238
#define IMAGE_KIND_PACKET_SOCKET 239
#define IMAGE_KIND_NET_REQUEST 240
#define IMAGE_KIND_NET_PEER 241
#define IMAGE_KIND_TUN_DEVICE 242
#define IMAGE_KIND_TUN_QUEUE 243
#define IMAGE_KIND_TUN_PACKET 244
#define IMAGE_KIND_TCP_AO 245
#define IMAGE_KIND_TCP_KEY 246
#define IMAGE_KIND_UDP_CORK 247
#define IMAGE_KIND_INET_MEMBER 248
#define IMAGE_KIND_SOCKET_ERROR 249
#define IMAGE_KIND_GENERIC_FAMILY 250
#define IMAGE_KIND_INET_HEADER 251
#define IMAGE_KIND_URING_USER 252
#define IMAGE_KIND_MPTCP_SOCKET 256
#define IMAGE_KIND_PACKET_FRAME 257
#define IMAGE_KIND_URING_THREAD 258
#define IMAGE_KIND_URING_FUTEXES 259
#define IMAGE_KIND_CORE_COOKIE 260
#define IMAGE_KIND_AUTOGROUP 261
#define IMAGE_KIND_URING_LINK 262
#define IMAGE_KIND_FANOTIFY_EVENT 265
#define IMAGE_KIND_VDSO 266
#define IMAGE_KIND_FANOTIFY_FID 267
#define IMAGE_KIND_UNIX_RECONNECT 270
#define IMAGE_KIND_NET_FALLBACK 275
#define IMAGE_KIND_NET_MOVED 276
#define IMAGE_KIND_TCP_HINTS 277
#define IMAGE_KIND_PACKET_RINGS 278
#define IMAGE_KIND_PACKET_MEMORY 279

/* Header.arch */
#define IMAGE_ARCH_X86_64 1
#define IMAGE_ARCH_ARM64 2
#define IMAGE_ARCH_PPC64LE 3
#define IMAGE_ARCH_S390X 4

/* Header.compat */
#define IMAGE_COMPAT_KILLED (1ull << 0)
#define IMAGE_COMPAT_RAN_ON (1ull << 1)

/* Header.incompat */
#define IMAGE_INCOMPAT_PARENT (1ull << 0)

/* Container.flags */
#define IMAGE_CONTAINER_WHOLE (1ull << 0)
#define IMAGE_CONTAINER_SELF (1ull << 1)

/* Task.state */
#define IMAGE_TASK_LIVE 0
#define IMAGE_TASK_ZOMBIE 1
#define IMAGE_TASK_DEAD_LEADER 2

/* Task.flags */
#define IMAGE_TASK_NO_NEW_PRIVS (1ull << 0)
#define IMAGE_TASK_FORKNOEXEC (1ull << 1)
#define IMAGE_TASK_SUPERPRIV (1ull << 2)
#define IMAGE_TASK_RESTORE_SIGMASK (1ull << 3)
#define IMAGE_TASK_VFORK (1ull << 4)
#define IMAGE_TASK_RESET_ON_FORK (1ull << 5)
#define IMAGE_TASK_RSEQ (1ull << 6)
#define IMAGE_TASK_IN_SYSCALL (1ull << 7)
#define IMAGE_TASK_PARENT_EXECED (1ull << 8)

/* Task.restart_kind */
#define IMAGE_RESTART_NONE 0
#define IMAGE_RESTART_NANOSLEEP 1
#define IMAGE_RESTART_POLL 2
#define IMAGE_RESTART_FUTEX 3
#define IMAGE_RESTART_SOCKET 4

/* Process.flags */
#define IMAGE_PROCESS_SUBREAPER (1ull << 0)
#define IMAGE_PROCESS_STOPPED (1ull << 1)
#define IMAGE_PROCESS_STOP_UNREPORTED (1ull << 2)
#define IMAGE_PROCESS_CONTINUED (1ull << 3)
#define IMAGE_PROCESS_SESSION_LEADER (1ull << 4)
#define IMAGE_PROCESS_ITIMER_REAL (1ull << 5)
#define IMAGE_PROCESS_ITIMER_VIRTUAL (1ull << 6)
#define IMAGE_PROCESS_ITIMER_PROF (1ull << 7)

/* Timers.flags */
#define IMAGE_TIMERS_CHOSEN_IDS (1ull << 0)

/* Timer.notify */
#define IMAGE_TIMER_SIGNAL 0
#define IMAGE_TIMER_NONE 1
#define IMAGE_TIMER_THREAD 2
#define IMAGE_TIMER_THREAD_ID 4

/* Timer.state */
#define IMAGE_TIMER_DISARMED 0
#define IMAGE_TIMER_ARMED 1
#define IMAGE_TIMER_WAITS 2

/* Timer.flags */
#define IMAGE_TIMER_RELATIVE (1ull << 0)
#define IMAGE_TIMER_PERIODIC (1ull << 1)
#define IMAGE_TIMER_IGNORED (1ull << 2)
#define IMAGE_TIMER_MODIFIED (1ull << 3)

/* SeccompFilter.flags */
#define IMAGE_SECCOMP_FILTER_LOG (1ull << 0)

/* Seccomp.mode */
#define IMAGE_SECCOMP_STRICT 1
#define IMAGE_SECCOMP_FILTERED 2

/* Controls.flags */
#define IMAGE_CONTROL_MCE (1ull << 0)
#define IMAGE_CONTROL_MCE_EARLY (1ull << 1)
#define IMAGE_CONTROL_IO_FLUSHER (1ull << 2)
#define IMAGE_CONTROL_SSB_DISABLE (1ull << 3)
#define IMAGE_CONTROL_SSB_FORCE_DISABLE (1ull << 4)
#define IMAGE_CONTROL_SSB_NOEXEC (1ull << 5)
#define IMAGE_CONTROL_IB_DISABLE (1ull << 6)
#define IMAGE_CONTROL_IB_FORCE_DISABLE (1ull << 7)
#define IMAGE_CONTROL_UTIL_MIN (1ull << 8)
#define IMAGE_CONTROL_UTIL_MAX (1ull << 9)
#define IMAGE_CONTROL_DISPATCH (1ull << 10)
#define IMAGE_CONTROL_NO_COUNTER (1ull << 11)

/* Deadline.flags */
#define IMAGE_DEADLINE_RECLAIM (1ull << 0)
#define IMAGE_DEADLINE_OVERRUN (1ull << 1)

/* Traced.flags */
#define IMAGE_TRACED_SEIZED (1ull << 0)
#define IMAGE_TRACED_SYSCALLS (1ull << 1)
#define IMAGE_TRACED_LISTENING (1ull << 2)
#define IMAGE_TRACED_INTERRUPTED (1ull << 3)
#define IMAGE_TRACED_NOTIFY (1ull << 4)
#define IMAGE_TRACED_DEQUEUED (1ull << 5)
#define IMAGE_TRACED_OWN_RIGHTS (1ull << 6)
#define IMAGE_TRACED_EMULATED (1ull << 7)
#define IMAGE_TRACED_GROUP_EXITS (1ull << 8)

/* Traced.stop */
#define IMAGE_TRACED_RUNS 0
#define IMAGE_TRACED_AT_SIGNAL 1
#define IMAGE_TRACED_AT_TRAP 2
#define IMAGE_TRACED_AT_EXIT 3
#define IMAGE_TRACED_AT_EVENT 4
#define IMAGE_TRACED_AT_ENTRY 5
#define IMAGE_TRACED_AT_SECCOMP 6
#define IMAGE_TRACED_AT_VFORK 7
#define IMAGE_TRACED_EXITING 8

/* Mm.flags */
#define IMAGE_MM_THP_DISABLE (1ull << 0)
#define IMAGE_MM_MDWE (1ull << 1)
#define IMAGE_MM_MDWE_NO_INHERIT (1ull << 2)
#define IMAGE_MM_LOCK_FUTURE (1ull << 3)
#define IMAGE_MM_LOCK_ONFAULT (1ull << 4)
#define IMAGE_MM_BOTTOM_UP (1ull << 5)
#define IMAGE_MM_THP_ADVISED (1ull << 6)
#define IMAGE_MM_BARRIER_PRIVATE (1ull << 8)
#define IMAGE_MM_BARRIER_GLOBAL (1ull << 9)
#define IMAGE_MM_BARRIER_SYNC_CORE (1ull << 10)
#define IMAGE_MM_BARRIER_RSEQ (1ull << 11)
#define IMAGE_MM_MERGE_ANY (1ull << 12)

/* Vma.kind */
#define IMAGE_VMA_ANON 1
#define IMAGE_VMA_FILE 2
#define IMAGE_VMA_SHARED 3
#define IMAGE_VMA_VDSO 4
#define IMAGE_VMA_AIO 5
#define IMAGE_VMA_ARCH 6

/* Vma.flags */
#define IMAGE_VMA_READ (1ull << 0)
#define IMAGE_VMA_WRITE (1ull << 1)
#define IMAGE_VMA_EXEC (1ull << 2)
#define IMAGE_VMA_GROWSDOWN (1ull << 3)
#define IMAGE_VMA_LOCKED (1ull << 4)
#define IMAGE_VMA_LOCKONFAULT (1ull << 5)
#define IMAGE_VMA_DONTFORK (1ull << 6)
#define IMAGE_VMA_WIPEONFORK (1ull << 7)
#define IMAGE_VMA_DONTDUMP (1ull << 8)
#define IMAGE_VMA_SEQUENTIAL (1ull << 9)
#define IMAGE_VMA_RANDOM (1ull << 10)
#define IMAGE_VMA_HUGEPAGE (1ull << 11)
#define IMAGE_VMA_NOHUGEPAGE (1ull << 12)
#define IMAGE_VMA_MERGEABLE (1ull << 13)
#define IMAGE_VMA_NORESERVE (1ull << 14)
#define IMAGE_VMA_SEALED (1ull << 15)
#define IMAGE_VMA_DROPPABLE (1ull << 16)
#define IMAGE_VMA_ACCOUNTED (1ull << 17)
#define IMAGE_VMA_BTI (1ull << 18)
#define IMAGE_VMA_MTE (1ull << 19)
#define IMAGE_VMA_SAO (1ull << 20)
#define IMAGE_VMA_SHADOW_STACK (1ull << 21)
#define IMAGE_VMA_WRITE_SEALED (1ull << 24)

/* HugePages.flags */
#define IMAGE_HUGE_RESERVED (1ull << 0)
#define IMAGE_HUGE_FORKED (1ull << 1)

/* MemoryPolicy.mode */
#define IMAGE_POLICY_PREFERRED 1
#define IMAGE_POLICY_BIND 2
#define IMAGE_POLICY_INTERLEAVE 3
#define IMAGE_POLICY_LOCAL 4
#define IMAGE_POLICY_PREFERRED_MANY 5
#define IMAGE_POLICY_WEIGHTED 6

/* MemoryPolicy.flags */
#define IMAGE_POLICY_STATIC (1ull << 0)
#define IMAGE_POLICY_RELATIVE (1ull << 1)
#define IMAGE_POLICY_BALANCING (1ull << 2)

/* Userfaultfd.flags */
#define IMAGE_USERFAULT_USER_ONLY (1ull << 0)
#define IMAGE_USERFAULT_NONBLOCK (1ull << 1)
#define IMAGE_USERFAULT_CLOEXEC (1ull << 2)
#define IMAGE_USERFAULT_INITIALIZED (1ull << 3)
#define IMAGE_USERFAULT_FORKED (1ull << 4)

/* Watched.modes */
#define IMAGE_WATCH_MISSING (1ull << 0)
#define IMAGE_WATCH_WP (1ull << 1)
#define IMAGE_WATCH_MINOR (1ull << 2)
#define IMAGE_WATCH_RWP (1ull << 3)

/* WatchedRun.state */
#define IMAGE_PAGES_PRESENT (1ull << 0)
#define IMAGE_PAGES_PROTECTED (1ull << 1)
#define IMAGE_PAGES_POISONED (1ull << 2)

/* Extent.kind */
#define IMAGE_EXTENT_MM 0
#define IMAGE_EXTENT_INODE 1
#define IMAGE_EXTENT_TAGGED 2
#define IMAGE_EXTENT_SHARED 3
#define IMAGE_EXTENT_PARENT 4

/* Fd.notify */
#define IMAGE_NOTIFY_ACCESS (1ull << 0)
#define IMAGE_NOTIFY_MODIFY (1ull << 1)
#define IMAGE_NOTIFY_CREATE (1ull << 2)
#define IMAGE_NOTIFY_DELETE (1ull << 3)
#define IMAGE_NOTIFY_RENAME (1ull << 4)
#define IMAGE_NOTIFY_ATTRIB (1ull << 5)
#define IMAGE_NOTIFY_MULTISHOT (1ull << 31)

/* OpenFile.kind */
#define IMAGE_FILE_REGULAR 1
#define IMAGE_FILE_DIRECTORY 2
#define IMAGE_FILE_UNLINKED 3
#define IMAGE_FILE_PIPE 4
#define IMAGE_FILE_FIFO 5
#define IMAGE_FILE_DEVICE 6
#define IMAGE_FILE_SHARED_ANON 7
#define IMAGE_FILE_EVENTFD 8
#define IMAGE_FILE_TIMERFD 9
#define IMAGE_FILE_SIGNALFD 10
#define IMAGE_FILE_EPOLL 11
#define IMAGE_FILE_MEMFD 12
#define IMAGE_FILE_ALIAS 13
#define IMAGE_FILE_PATH 14
#define IMAGE_FILE_INOTIFY 15
#define IMAGE_FILE_SYSV_SHM 17
#define IMAGE_FILE_MQUEUE 18
#define IMAGE_FILE_PIDFD 19
#define IMAGE_FILE_NAMESPACE 20
#define IMAGE_FILE_PROC 21
#define IMAGE_FILE_EXTERNAL 22
#define IMAGE_FILE_CGROUP 23
#define IMAGE_FILE_IO_URING 24
#define IMAGE_FILE_REOPENED 120
#define IMAGE_FILE_CONTENTS 28
#define IMAGE_FILE_SOCKET 25
#define IMAGE_FILE_FANOTIFY 26
#define IMAGE_FILE_EVENTS 30
#define IMAGE_FILE_USERFAULTFD 27
#define IMAGE_FILE_USERFAULTFD_DEVICE 203
#define IMAGE_FILE_TUN 243

/* OpenFile.flags */
#define IMAGE_OPEN_READ (1ull << 0)
#define IMAGE_OPEN_WRITE (1ull << 1)
#define IMAGE_OPEN_APPEND (1ull << 2)
#define IMAGE_OPEN_NONBLOCK (1ull << 3)
#define IMAGE_OPEN_DSYNC (1ull << 4)
#define IMAGE_OPEN_SYNC (1ull << 5)
#define IMAGE_OPEN_DIRECT (1ull << 6)
#define IMAGE_OPEN_NOATIME (1ull << 7)
#define IMAGE_OPEN_PATH (1ull << 8)
#define IMAGE_OPEN_LARGEFILE (1ull << 9)
#define IMAGE_OPEN_DIRECTORY (1ull << 10)
#define IMAGE_OPEN_NOFOLLOW (1ull << 11)
#define IMAGE_OPEN_RANDOM (1ull << 12)
#define IMAGE_OPEN_SEQUENTIAL (1ull << 13)
#define IMAGE_OPEN_NOREUSE (1ull << 14)
#define IMAGE_OPEN_EXEC (1ull << 15)
#define IMAGE_OPEN_SEMAPHORE (1ull << 16)
#define IMAGE_OPEN_FIRST (1ull << 20)
#define IMAGE_OPEN_NO_ACCESS (1ull << 21)
#define IMAGE_OPEN_ASYNC (1ull << 22)
#define IMAGE_OPEN_CREATED (1ull << 23)
#define IMAGE_OPEN_QUIET (1ull << 24)

/* Inode.flags */
#define IMAGE_INODE_LINKABLE (1ull << 0)
#define IMAGE_INODE_NORESERVE (1ull << 1)
#define IMAGE_INODE_MEMFD (1ull << 2)
#define IMAGE_INODE_NAMED (1ull << 3)

/* Timerfd.clock */
#define IMAGE_TIMERFD_CLOCK_REALTIME 0
#define IMAGE_TIMERFD_CLOCK_MONOTONIC 1
#define IMAGE_TIMERFD_CLOCK_BOOTTIME 7
#define IMAGE_TIMERFD_CLOCK_REALTIME_ALARM 8
#define IMAGE_TIMERFD_CLOCK_BOOTTIME_ALARM 9

/* Timerfd.flags */
#define IMAGE_TIMERFD_ARMED (1ull << 0)
#define IMAGE_TIMERFD_RELATIVE (1ull << 1)
#define IMAGE_TIMERFD_CANCEL_ON_SET (1ull << 2)
#define IMAGE_TIMERFD_CANCELED (1ull << 3)
#define IMAGE_TIMERFD_SET_ABSTIME (1ull << 4)
#define IMAGE_TIMERFD_SET_CANCEL_ON_SET (1ull << 5)

/* Uring.flags */
#define IMAGE_URING_URING_DRAIN_DISABLED (1ull << 0)
#define IMAGE_URING_URING_EVENTFD_ASYNC (1ull << 1)
#define IMAGE_URING_URING_OPS_RESTRICTED (1ull << 2)
#define IMAGE_URING_URING_REGISTERS_RESTRICTED (1ull << 3)
#define IMAGE_URING_URING_BOOTTIME (1ull << 4)
#define IMAGE_URING_URING_LIMITED (1ull << 5)
#define IMAGE_URING_URING_NAPI (1ull << 6)
#define IMAGE_URING_URING_NAPI_PREFERRED (1ull << 7)
#define IMAGE_URING_URING_THREAD (1ull << 8)
#define IMAGE_URING_URING_DRAIN_ACTIVE (1ull << 9)
#define IMAGE_URING_URING_DRAIN_NEXT (1ull << 10)
#define IMAGE_URING_URING_TOLD (1ull << 11)

/* UringRequest.kind */
#define IMAGE_URING_URING_REQUEST_POLL 1
#define IMAGE_URING_URING_REQUEST_TIMEOUT 2
#define IMAGE_URING_URING_REQUEST_FUTEX 3
#define IMAGE_URING_URING_REQUEST_FUTEXES 4
#define IMAGE_URING_URING_REQUEST_CHILD 5
#define IMAGE_URING_URING_REQUEST_WOKEN 6
#define IMAGE_URING_URING_REQUEST_WOKEN_BY 7

/* UringRequest.off */
#define IMAGE_URING_URING_CHILD_ANY 0
#define IMAGE_URING_URING_CHILD_PID 1
#define IMAGE_URING_URING_CHILD_GROUP 2

/* UringRequest.flags */
#define IMAGE_URING_FIXED (1ull << 0)
#define IMAGE_URING_ASYNC (1ull << 1)
#define IMAGE_URING_SKIP (1ull << 2)
#define IMAGE_URING_PENDING (1ull << 3)
#define IMAGE_URING_SELECT (1ull << 4)
#define IMAGE_URING_LINK (1ull << 5)
#define IMAGE_URING_HARDLINK (1ull << 6)
#define IMAGE_URING_ARMED (1ull << 7)
#define IMAGE_URING_SHARED (1ull << 8)
#define IMAGE_URING_DRAIN (1ull << 9)
#define IMAGE_URING_ALONE (1ull << 10)
#define IMAGE_URING_CREDS (1ull << 11)
#define IMAGE_URING_DEFERRED (1ull << 12)

/* UringRequest.timeout */
#define IMAGE_URING_ABS (1ull << 0)
#define IMAGE_URING_BOOTTIME (1ull << 2)
#define IMAGE_URING_REALTIME (1ull << 3)
#define IMAGE_URING_ETIME_SUCCESS (1ull << 5)
#define IMAGE_URING_MULTISHOT (1ull << 6)

/* UringIo.op */
#define IMAGE_URING_URING_IO_READV 1
#define IMAGE_URING_URING_IO_WRITEV 2
#define IMAGE_URING_URING_IO_SENDMSG 9
#define IMAGE_URING_URING_IO_RECVMSG 10
#define IMAGE_URING_URING_IO_ACCEPT 13
#define IMAGE_URING_URING_IO_CONNECT 16
#define IMAGE_URING_URING_IO_READ 22
#define IMAGE_URING_URING_IO_WRITE 23
#define IMAGE_URING_URING_IO_SEND 26
#define IMAGE_URING_URING_IO_RECV 27
#define IMAGE_URING_URING_IO_READ_MULTISHOT 49

/* UringIo.io_flags */
#define IMAGE_URING_BEGUN (1ull << 0)
#define IMAGE_URING_ABORTED (1ull << 1)

/* Fanotify.how */
#define IMAGE_FANOTIFY_UNPRIVILEGED (1ull << 0)

/* FanotifyFid.kind */
#define IMAGE_FANOTIFY_BY_OBJECT 1
#define IMAGE_FANOTIFY_BY_NAME 2
#define IMAGE_FANOTIFY_BY_ERROR 3

/* InotifyEvent.flags */
#define IMAGE_INOTIFY_ON_CHILD (1ull << 0)
#define IMAGE_INOTIFY_EXEC (1ull << 1)

/* Lock.kind */
#define IMAGE_LOCK_POSIX 1
#define IMAGE_LOCK_OFD 2
#define IMAGE_LOCK_FLOCK 3

/* FileOwner.kind */
#define IMAGE_OWNER_THREAD 1
#define IMAGE_OWNER_PROCESS 2
#define IMAGE_OWNER_GROUP 3

/* Lease.broken */
#define IMAGE_LEASE_DOWNGRADE (1ull << 0)
#define IMAGE_LEASE_UNLOCK (1ull << 1)

/* Inode.seals */
#define IMAGE_SEAL_SEAL (1ull << 0)
#define IMAGE_SEAL_SHRINK (1ull << 1)
#define IMAGE_SEAL_GROW (1ull << 2)
#define IMAGE_SEAL_WRITE (1ull << 3)
#define IMAGE_SEAL_FUTURE_WRITE (1ull << 4)
#define IMAGE_SEAL_EXEC (1ull << 5)

/* EpollItem.state */
#define IMAGE_EPOLL_IDLE 0
#define IMAGE_EPOLL_READY 1
#define IMAGE_EPOLL_REPORTED 2

/* EpollItem.events */
#define IMAGE_EPOLL_IN (1ull << 0)
#define IMAGE_EPOLL_OUT (1ull << 2)
#define IMAGE_EPOLL_ERR (1ull << 3)
#define IMAGE_EPOLL_HUP (1ull << 4)
#define IMAGE_EPOLL_EXCLUSIVE (1ull << 28)
#define IMAGE_EPOLL_WAKEUP (1ull << 29)
#define IMAGE_EPOLL_ONESHOT (1ull << 30)
#define IMAGE_EPOLL_ET (1ull << 31)

/* NetNs.flags */
#define IMAGE_NETNS_OUTSIDE (1ull << 0)
#define IMAGE_NETNS_LO_UP (1ull << 1)
#define IMAGE_NETNS_LO_WAS_UP (1ull << 2)

/* NetRequest.kind */
#define IMAGE_REQUEST_NEWLINK 16
#define IMAGE_REQUEST_SETLINK 19
#define IMAGE_REQUEST_NEWADDR 20
#define IMAGE_REQUEST_DELADDR 21
#define IMAGE_REQUEST_NEWROUTE 24
#define IMAGE_REQUEST_DELROUTE 25
#define IMAGE_REQUEST_NEWNEIGH 28
#define IMAGE_REQUEST_DELNEIGH 29
#define IMAGE_REQUEST_NEWRULE 32
#define IMAGE_REQUEST_DELRULE 33
#define IMAGE_REQUEST_NEWQDISC 36
#define IMAGE_REQUEST_CONNECTION 40
#define IMAGE_REQUEST_EXPECTATION 41
#define IMAGE_REQUEST_BORN 45
#define IMAGE_REQUEST_NUMBERS 46
#define IMAGE_REQUEST_BUCKETS 47
#define IMAGE_REQUEST_TIMEOUTS 48
#define IMAGE_REQUEST_NEWTCLASS 50
#define IMAGE_REQUEST_NEWTFILTER 51
#define IMAGE_REQUEST_NEWNEXTHOP 104
#define IMAGE_REQUEST_NEWLINKPROP 108
#define IMAGE_REQUEST_NEWTABLE 2560
#define IMAGE_REQUEST_NEWCHAIN 2563
#define IMAGE_REQUEST_NEWRULE_NFT 2566
#define IMAGE_REQUEST_NEWSET 2569
#define IMAGE_REQUEST_NEWELEM 2572
#define IMAGE_REQUEST_NEWOBJ 2578

/* NetRequest.flags */
#define IMAGE_NET_REQUEST_MAKE (1ull << 0)
#define IMAGE_NET_REQUEST_LATE (1ull << 1)

/* NetMoved.flags */
#define IMAGE_MOVED_CARRIER (1ull << 0)

/* Segment.flags */
#define IMAGE_SEGMENT_REMOVED (1ull << 0)
#define IMAGE_SEGMENT_LOCKED (1ull << 1)
#define IMAGE_SEGMENT_OUTSIDE (1ull << 2)

/* PosixQueue.flags */
#define IMAGE_QUEUE_REMOVED (1ull << 0)
#define IMAGE_QUEUE_EXECED (1ull << 1)

/* PosixQueue.notify */
#define IMAGE_QUEUE_NOTIFY_NONE 0
#define IMAGE_QUEUE_NOTIFY_SIGNAL 1

/* Confinement.flags */
#define IMAGE_CONFINEMENT_INIT_USER_NS (1ull << 0)
#define IMAGE_CONFINEMENT_SECCOMP (1ull << 1)
#define IMAGE_CONFINEMENT_LANDLOCK (1ull << 2)
#define IMAGE_CONFINEMENT_IO_URING (1ull << 3)
#define IMAGE_CONFINEMENT_CORE (1ull << 4)
#define IMAGE_CONFINEMENT_SMACK_RULES (1ull << 5)

/* CredLabel.attr */
#define IMAGE_LABEL_CURRENT 100
#define IMAGE_LABEL_EXEC 101
#define IMAGE_LABEL_FSCREATE 102
#define IMAGE_LABEL_KEYCREATE 103
#define IMAGE_LABEL_PREV 104
#define IMAGE_LABEL_SOCKCREATE 105

/* Mount.kind */
#define IMAGE_MOUNT_CALLER_ROOT 1

/* Socket.kind */
#define IMAGE_SOCKET_STREAM 1
#define IMAGE_SOCKET_DGRAM 2
#define IMAGE_SOCKET_RAW 3
#define IMAGE_SOCKET_SEQPACKET 5

/* Socket.form */
#define IMAGE_SOCKET_OPEN 0
#define IMAGE_SOCKET_WAITING 1
#define IMAGE_SOCKET_CLOSED 2

/* SocketOption.option */
#define IMAGE_OPTION_SNDBUF 1
#define IMAGE_OPTION_RCVBUF 2
#define IMAGE_OPTION_BUF_LOCK 3
#define IMAGE_OPTION_DEBUG 4
#define IMAGE_OPTION_REUSEADDR 5
#define IMAGE_OPTION_DONTROUTE 6
#define IMAGE_OPTION_BROADCAST 7
#define IMAGE_OPTION_KEEPALIVE 8
#define IMAGE_OPTION_OOBINLINE 9
#define IMAGE_OPTION_NO_CHECK 10
#define IMAGE_OPTION_PRIORITY 11
#define IMAGE_OPTION_LINGER 12
#define IMAGE_OPTION_PASSCRED 13
#define IMAGE_OPTION_PASSPIDFD 14
#define IMAGE_OPTION_PASSSEC 15
#define IMAGE_OPTION_PASSRIGHTS 16
#define IMAGE_OPTION_TIMESTAMP_OLD 17
#define IMAGE_OPTION_TIMESTAMPNS_OLD 18
#define IMAGE_OPTION_TIMESTAMP 19
#define IMAGE_OPTION_TIMESTAMPNS 20
#define IMAGE_OPTION_TIMESTAMPING_OLD 21
#define IMAGE_OPTION_TIMESTAMPING 22
#define IMAGE_OPTION_RCVTIMEO 23
#define IMAGE_OPTION_SNDTIMEO 24
#define IMAGE_OPTION_RCVLOWAT 25
#define IMAGE_OPTION_MARK 26
#define IMAGE_OPTION_RCVMARK 27
#define IMAGE_OPTION_RCVPRIORITY 28
#define IMAGE_OPTION_RXQ_OVFL 29
#define IMAGE_OPTION_WIFI_STATUS 30
#define IMAGE_OPTION_PEEK_OFF 31
#define IMAGE_OPTION_NOFCS 32
#define IMAGE_OPTION_SELECT_ERR_QUEUE 33
#define IMAGE_OPTION_BUSY_POLL 34
#define IMAGE_OPTION_PREFER_BUSY_POLL 35
#define IMAGE_OPTION_MAX_PACING_RATE 36
#define IMAGE_OPTION_BINDTOIFINDEX 37
#define IMAGE_OPTION_RESERVE_MEM 38
#define IMAGE_OPTION_INCOMING_CPU 39
#define IMAGE_OPTION_LOCK_FILTER 40
#define IMAGE_OPTION_INQ 41
#define IMAGE_OPTION_RIGHTS_NOTRUNC 42
#define IMAGE_OPTION_REUSEPORT 43
#define IMAGE_OPTION_ZEROCOPY 44
#define IMAGE_OPTION_TXTIME 45
#define IMAGE_OPTION_TXREHASH 46
#define IMAGE_OPTION_BUSY_POLL_BUDGET 47
#define IMAGE_OPTION_STAMP 48

/* NetlinkSocket.flags */
#define IMAGE_NETLINK_NETLINK_PKTINFO (1ull << 1)
#define IMAGE_NETLINK_NETLINK_BROADCAST_ERROR (1ull << 2)
#define IMAGE_NETLINK_NETLINK_NO_ENOBUFS (1ull << 3)
#define IMAGE_NETLINK_NETLINK_LISTEN_ALL_NSID (1ull << 4)
#define IMAGE_NETLINK_NETLINK_CAP_ACK (1ull << 5)
#define IMAGE_NETLINK_NETLINK_EXT_ACK (1ull << 6)
#define IMAGE_NETLINK_NETLINK_STRICT_CHK (1ull << 7)

/* NetlinkMessage.flags */
#define IMAGE_NETLINK_NETLINK_MESSAGE_NSID (1ull << 0)

/* PacketSocket.flags */
#define IMAGE_PACKET_PACKET_ORIGDEV (1ull << 0)
#define IMAGE_PACKET_PACKET_AUXDATA (1ull << 1)
#define IMAGE_PACKET_PACKET_TX_HAS_OFF (1ull << 2)
#define IMAGE_PACKET_PACKET_LOSS (1ull << 3)
#define IMAGE_PACKET_PACKET_QDISC_BYPASS (1ull << 4)
#define IMAGE_PACKET_PACKET_IGNORE_OUTGOING (1ull << 5)

/* TunDevice.has */
#define IMAGE_TUN_TUN_HAS_CARRIER (1ull << 0)
#define IMAGE_TUN_TUN_HAS_OFFLOAD (1ull << 1)
#define IMAGE_TUN_TUN_HAS_FILTERS (1ull << 2)

/* TunQueue.flags */
#define IMAGE_TUN_TUN_QUEUE_SHUT (1ull << 0)

/* TunPacket.flags */
#define IMAGE_TUN_TUN_PACKET_VLAN (1ull << 0)

/* InetMember.kind */
#define IMAGE_MEMBER_MEMBER_EXCLUDE 0
#define IMAGE_MEMBER_MEMBER_EMPTIED 1
#define IMAGE_MEMBER_MEMBER_INCLUDE 2
#define IMAGE_MEMBER_MEMBER_ANYCAST 3

/* InetHeader.kind */
#define IMAGE_HEADER_HEADER_OPTIONS 0
#define IMAGE_HEADER_HEADER_HOP 1
#define IMAGE_HEADER_HEADER_ROUTE_DST 2
#define IMAGE_HEADER_HEADER_ROUTE 3
#define IMAGE_HEADER_HEADER_DST 4
#define IMAGE_HEADER_HEADER_ADDRESS 5

/* SocketError.origin */
#define IMAGE_ERRQUEUE_ERROR_LOCAL 1
#define IMAGE_ERRQUEUE_ERROR_ICMP 2
#define IMAGE_ERRQUEUE_ERROR_ICMP6 3
#define IMAGE_ERRQUEUE_ERROR_STAMP 4
#define IMAGE_ERRQUEUE_ERROR_ZEROCOPY 5
#define IMAGE_ERRQUEUE_ERROR_TXTIME 6

/* SocketError.flags */
#define IMAGE_ERRQUEUE_ERROR_V6 (1ull << 0)
#define IMAGE_ERRQUEUE_ERROR_OPT_STATS (1ull << 1)

/* SocketOption.option, IPPROTO_IP */
#define IMAGE_OPTIONS_OPTION_IP_TOS 256
#define IMAGE_OPTIONS_OPTION_IP_TTL 257
#define IMAGE_OPTIONS_OPTION_IP_HDRINCL 258
#define IMAGE_OPTIONS_OPTION_IP_ROUTER_ALERT 259
#define IMAGE_OPTIONS_OPTION_IP_RECVOPTS 260
#define IMAGE_OPTIONS_OPTION_IP_RETOPTS 261
#define IMAGE_OPTIONS_OPTION_IP_PKTINFO 262
#define IMAGE_OPTIONS_OPTION_IP_MTU_DISCOVER 263
#define IMAGE_OPTIONS_OPTION_IP_RECVERR 264
#define IMAGE_OPTIONS_OPTION_IP_RECVTTL 265
#define IMAGE_OPTIONS_OPTION_IP_RECVTOS 266
#define IMAGE_OPTIONS_OPTION_IP_FREEBIND 267
#define IMAGE_OPTIONS_OPTION_IP_PASSSEC 268
#define IMAGE_OPTIONS_OPTION_IP_TRANSPARENT 269
#define IMAGE_OPTIONS_OPTION_IP_RECVORIGDSTADDR 270
#define IMAGE_OPTIONS_OPTION_IP_MINTTL 271
#define IMAGE_OPTIONS_OPTION_IP_NODEFRAG 272
#define IMAGE_OPTIONS_OPTION_IP_CHECKSUM 273
#define IMAGE_OPTIONS_OPTION_IP_BIND_ADDRESS_NO_PORT 274
#define IMAGE_OPTIONS_OPTION_IP_RECVFRAGSIZE 275
#define IMAGE_OPTIONS_OPTION_IP_RECVERR_RFC4884 276
#define IMAGE_OPTIONS_OPTION_IP_MULTICAST_TTL 277
#define IMAGE_OPTIONS_OPTION_IP_MULTICAST_LOOP 278
#define IMAGE_OPTIONS_OPTION_IP_MULTICAST_ALL 279
#define IMAGE_OPTIONS_OPTION_IP_UNICAST_IF 280
#define IMAGE_OPTIONS_OPTION_IP_MULTICAST_IF 281
#define IMAGE_OPTIONS_OPTION_IP_LOCAL_PORT_RANGE 282
#define IMAGE_OPTIONS_OPTION_IP_PKTOPTIONS 283

/* SocketOption.option, IPPROTO_IPV6 */
#define IMAGE_OPTIONS_OPTION_IPV6_UNICAST_HOPS 512
#define IMAGE_OPTIONS_OPTION_IPV6_MULTICAST_IF 513
#define IMAGE_OPTIONS_OPTION_IPV6_MULTICAST_HOPS 514
#define IMAGE_OPTIONS_OPTION_IPV6_MULTICAST_LOOP 515
#define IMAGE_OPTIONS_OPTION_IPV6_MULTICAST_ALL 516
#define IMAGE_OPTIONS_OPTION_IPV6_MTU_DISCOVER 517
#define IMAGE_OPTIONS_OPTION_IPV6_MTU 518
#define IMAGE_OPTIONS_OPTION_IPV6_RECVERR 519
#define IMAGE_OPTIONS_OPTION_IPV6_RECVERR_RFC4884 520
#define IMAGE_OPTIONS_OPTION_IPV6_FLOWINFO_SEND 521
#define IMAGE_OPTIONS_OPTION_IPV6_RECVPKTINFO 522
#define IMAGE_OPTIONS_OPTION_IPV6_2292PKTINFO 523
#define IMAGE_OPTIONS_OPTION_IPV6_RECVHOPLIMIT 524
#define IMAGE_OPTIONS_OPTION_IPV6_2292HOPLIMIT 525
#define IMAGE_OPTIONS_OPTION_IPV6_RECVRTHDR 526
#define IMAGE_OPTIONS_OPTION_IPV6_2292RTHDR 527
#define IMAGE_OPTIONS_OPTION_IPV6_RECVHOPOPTS 528
#define IMAGE_OPTIONS_OPTION_IPV6_2292HOPOPTS 529
#define IMAGE_OPTIONS_OPTION_IPV6_RECVDSTOPTS 530
#define IMAGE_OPTIONS_OPTION_IPV6_2292DSTOPTS 531
#define IMAGE_OPTIONS_OPTION_IPV6_TCLASS 532
#define IMAGE_OPTIONS_OPTION_IPV6_RECVTCLASS 533
#define IMAGE_OPTIONS_OPTION_IPV6_FLOWINFO 534
#define IMAGE_OPTIONS_OPTION_IPV6_RECVPATHMTU 535
#define IMAGE_OPTIONS_OPTION_IPV6_DONTFRAG 536
#define IMAGE_OPTIONS_OPTION_IPV6_FREEBIND 537
#define IMAGE_OPTIONS_OPTION_IPV6_TRANSPARENT 538
#define IMAGE_OPTIONS_OPTION_IPV6_RECVORIGDSTADDR 539
#define IMAGE_OPTIONS_OPTION_IPV6_RECVFRAGSIZE 540
#define IMAGE_OPTIONS_OPTION_IPV6_MINHOPCOUNT 541
#define IMAGE_OPTIONS_OPTION_IPV6_AUTOFLOWLABEL 542
#define IMAGE_OPTIONS_OPTION_IPV6_ADDR_PREFERENCES 543
#define IMAGE_OPTIONS_OPTION_IPV6_UNICAST_IF 544
#define IMAGE_OPTIONS_OPTION_IPV6_ROUTER_ALERT_ISOLATE 545
#define IMAGE_OPTIONS_OPTION_IPV6_2292PKTOPTIONS 546

/* SocketOption.option, IPPROTO_RAW */
#define IMAGE_OPTIONS_OPTION_RAW_ICMP_FILTER 768
#define IMAGE_OPTIONS_OPTION_RAW_V6_HDRINCL 769
#define IMAGE_OPTIONS_OPTION_RAW_V6_CHECKSUM 770

/* SocketOption.option, IPPROTO_UDP */
#define IMAGE_OPTIONS_OPTION_UDP_CORK 1024
#define IMAGE_OPTIONS_OPTION_UDP_NO_CHECK6_TX 1025
#define IMAGE_OPTIONS_OPTION_UDP_NO_CHECK6_RX 1026
#define IMAGE_OPTIONS_OPTION_UDP_SEGMENT 1027
#define IMAGE_OPTIONS_OPTION_UDP_GRO 1028

/* InetSocket.state */
#define IMAGE_INET_INET_NEW 0
#define IMAGE_INET_INET_BOUND 1
#define IMAGE_INET_INET_CONNECTED 2

/* InetSocket.locks */
#define IMAGE_INET_INET_LOCK_ADDR (1ull << 2)
#define IMAGE_INET_INET_LOCK_PORT (1ull << 3)
#define IMAGE_INET_INET_LOCK_CONNECT (1ull << 4)

/* InetSocket.shutdown */
#define IMAGE_INET_INET_SHUT_READ (1ull << 0)
#define IMAGE_INET_INET_SHUT_WRITE (1ull << 1)

/* SocketOption.option, IPPROTO_TCP */
#define IMAGE_OPTIONS_OPTION_TCP_NODELAY 1280
#define IMAGE_OPTIONS_OPTION_TCP_CORK 1281
#define IMAGE_OPTIONS_OPTION_TCP_KEEPIDLE 1282
#define IMAGE_OPTIONS_OPTION_TCP_KEEPINTVL 1283
#define IMAGE_OPTIONS_OPTION_TCP_KEEPCNT 1284
#define IMAGE_OPTIONS_OPTION_TCP_SYNCNT 1285
#define IMAGE_OPTIONS_OPTION_TCP_LINGER2 1286
#define IMAGE_OPTIONS_OPTION_TCP_DEFER_ACCEPT 1287
#define IMAGE_OPTIONS_OPTION_TCP_THIN_LINEAR 1288
#define IMAGE_OPTIONS_OPTION_TCP_USER_TIMEOUT 1289
#define IMAGE_OPTIONS_OPTION_TCP_FASTOPEN 1290
#define IMAGE_OPTIONS_OPTION_TCP_NOTSENT_LOWAT 1291
#define IMAGE_OPTIONS_OPTION_TCP_SAVE_SYN 1292
#define IMAGE_OPTIONS_OPTION_TCP_FASTOPEN_NO_COOKIE 1293
#define IMAGE_OPTIONS_OPTION_TCP_INQ 1294
#define IMAGE_OPTIONS_OPTION_TCP_TX_DELAY 1295
#define IMAGE_OPTIONS_OPTION_TCP_RTO_MAX_MS 1296
#define IMAGE_OPTIONS_OPTION_TCP_RTO_MIN_US 1297
#define IMAGE_OPTIONS_OPTION_TCP_DELACK_MAX_US 1298
#define IMAGE_OPTIONS_OPTION_TCP_WINDOW_CLAMP 1299
#define IMAGE_OPTIONS_OPTION_TCP_QUICKACK 1300
#define IMAGE_OPTIONS_OPTION_TCP_ZEROCOPY 1301

/* TcpSocket.state */
#define IMAGE_TCP_TCP_NEW 0
#define IMAGE_TCP_TCP_LISTENING 1
#define IMAGE_TCP_TCP_STARTED 2
#define IMAGE_TCP_TCP_CONNECTED 3
#define IMAGE_TCP_TCP_OVER 4
#define IMAGE_TCP_TCP_OUTSIDE 5

/* TcpSocket.flags */
#define IMAGE_TCP_TCP_SHUT_READ (1ull << 0)
#define IMAGE_TCP_TCP_SHUT_WRITE (1ull << 1)
#define IMAGE_TCP_TCP_DONE (1ull << 2)
#define IMAGE_TCP_TCP_LOCK_ADDRESS (1ull << 3)
#define IMAGE_TCP_TCP_LOCK_PORT (1ull << 4)
#define IMAGE_TCP_TCP_BOUND (1ull << 5)
#define IMAGE_TCP_TCP_URGENT_READ (1ull << 6)
#define IMAGE_TCP_TCP_CONNECTING (1ull << 7)
#define IMAGE_TCP_TCP_TOLD (1ull << 8)
#define IMAGE_TCP_TCP_V6ONLY (1ull << 9)
#define IMAGE_TCP_TCP_OF_CALLER (1ull << 10)

/* TcpSocket.outside */
#define IMAGE_TCP_OUTSIDE_KILLED (1ull << 0)
#define IMAGE_TCP_OUTSIDE_SACK (1ull << 1)
#define IMAGE_TCP_OUTSIDE_SCALES (1ull << 2)
#define IMAGE_TCP_OUTSIDE_STAMPS (1ull << 3)
#define IMAGE_TCP_OUTSIDE_STAMPS_US (1ull << 4)
#define IMAGE_TCP_OUTSIDE_ECN (1ull << 5)
#define IMAGE_TCP_OUTSIDE_FIN_SENT (1ull << 6)
#define IMAGE_TCP_OUTSIDE_FIN_ACKED (1ull << 7)
#define IMAGE_TCP_OUTSIDE_CLOSING (1ull << 8)

/* MptcpSocket.state */
#define IMAGE_MPTCP_MPTCP_NEW 0
#define IMAGE_MPTCP_MPTCP_BOUND 1
#define IMAGE_MPTCP_MPTCP_LISTENING 2

/* PacketFrame.flags */
#define IMAGE_PACKET_FRAME_VLAN (1ull << 0)
#define IMAGE_PACKET_FRAME_TCP (1ull << 1)
#define IMAGE_PACKET_FRAME_VALID (1ull << 2)
#define IMAGE_PACKET_FRAME_UNSUMMED (1ull << 3)

/* TcpAo.flags */
#define IMAGE_TCP_KEY_TCP_AO_REQUIRED (1ull << 0)
#define IMAGE_TCP_KEY_TCP_AO_ICMP (1ull << 1)

/* TcpKey.kind */
#define IMAGE_TCP_KEY_TCP_KEY_MD5 0
#define IMAGE_TCP_KEY_TCP_KEY_AO 1

/* TcpKey.flags */
#define IMAGE_TCP_KEY_TCP_KEY_DEVICE (1ull << 0)
#define IMAGE_TCP_KEY_TCP_KEY_NO_OPTIONS (1ull << 1)
#define IMAGE_TCP_KEY_TCP_KEY_CURRENT (1ull << 2)
#define IMAGE_TCP_KEY_TCP_KEY_NEXT (1ull << 3)

/* TcpKey.algorithm */
#define IMAGE_TCP_KEY_TCP_KEY_HMAC_SHA1 1
#define IMAGE_TCP_KEY_TCP_KEY_HMAC_SHA256 2
#define IMAGE_TCP_KEY_TCP_KEY_AES_128_CMAC 3

/* UdpCork.flags */
#define IMAGE_UDP_UDP_CORK_V6 (1ull << 0)
#define IMAGE_UDP_UDP_CORK_WHOLE (1ull << 1)

/* UnixSocket.state */
#define IMAGE_UNIX_UNIX_CLOSED 0
#define IMAGE_UNIX_UNIX_CONNECTED 1
#define IMAGE_UNIX_UNIX_LISTENING 2

/* UnixSocket.shutdown */
#define IMAGE_UNIX_UNIX_SHUT_READ (1ull << 0)
#define IMAGE_UNIX_UNIX_SHUT_WRITE (1ull << 1)

/* UnixSocket.scm */
#define IMAGE_UNIX_SCM_CREDENTIALS (1ull << 0)
#define IMAGE_UNIX_SCM_SECURITY (1ull << 1)
#define IMAGE_UNIX_SCM_PIDFD (1ull << 2)
#define IMAGE_UNIX_SCM_RIGHTS (1ull << 3)
#define IMAGE_UNIX_SCM_NOTRUNC (1ull << 4)

/* UnixMessage.flags */
#define IMAGE_UNIX_MESSAGE_OOB (1ull << 0)
#define IMAGE_UNIX_MESSAGE_IDS (1ull << 1)

struct image_header {
	uint8_t magic[8];
	uint32_t version;
	uint32_t header_len;
	uint32_t arch;
	uint32_t page_size;
	uint64_t compat;
	uint64_t incompat;
	uint64_t meta_len;
	uint64_t created_ns;
	uint64_t id;
	uint64_t boot;
	uint64_t parent_id;
	uint64_t parent_boot;
	uint32_t generation;
	uint32_t reserved;
	uint8_t release[64];
	uint8_t reserved2[24];
	uint64_t sum;
};

static_assert(sizeof(struct image_header) == 192, "image_header");

struct image_record_header {
	uint16_t kind;
	uint16_t version;
	uint32_t body_len;
	uint64_t payload_len;
};

static_assert(sizeof(struct image_record_header) == 16, "image_record_header");

struct image_note {
	uint8_t name[8];
	uint32_t note_type;
	uint32_t len;
};

static_assert(sizeof(struct image_note) == 16, "image_note");

struct image_action {
	uint64_t handler;
	uint64_t flags;
	uint64_t restorer;
	uint64_t mask;
};

static_assert(sizeof(struct image_action) == 32, "image_action");

struct image_timer {
	uint32_t id;
	int32_t clock;
	uint32_t notify;
	uint32_t signal;
	uint64_t value;
	uint32_t target;
	uint32_t clock_pid;
	uint32_t state;
	uint32_t flags;
	uint64_t expires;
	uint64_t interval;
	uint64_t overrun;
	uint64_t overrun_last;
};

static_assert(sizeof(struct image_timer) == 72, "image_timer");

struct image_instruction {
	uint16_t code;
	uint8_t jt;
	uint8_t jf;
	uint32_t k;
};

static_assert(sizeof(struct image_instruction) == 8, "image_instruction");

struct image_guard {
	uint64_t start;
	uint64_t end;
};

static_assert(sizeof(struct image_guard) == 16, "image_guard");

struct image_huge_range {
	uint64_t start;
	uint64_t end;
};

static_assert(sizeof(struct image_huge_range) == 16, "image_huge_range");

struct image_watched_run {
	uint64_t start;
	uint32_t pages;
	uint32_t state;
};

static_assert(sizeof(struct image_watched_run) == 16, "image_watched_run");

struct image_aio_event {
	uint64_t data;
	uint64_t obj;
	uint64_t res;
	uint64_t res2;
};

static_assert(sizeof(struct image_aio_event) == 32, "image_aio_event");

struct image_extent {
	uint32_t obj;
	uint32_t kind;
	uint64_t addr;
	uint32_t pages;
	uint32_t source;
	uint64_t from;
};

static_assert(sizeof(struct image_extent) == 32, "image_extent");

struct image_index_entry {
	uint32_t obj;
	uint32_t batch;
	uint64_t start;
	uint64_t end;
	uint64_t at;
};

static_assert(sizeof(struct image_index_entry) == 32, "image_index_entry");

struct image_fd {
	uint32_t fd;
	uint32_t file;
	uint32_t cloexec;
	uint32_t notify;
};

static_assert(sizeof(struct image_fd) == 16, "image_fd");

struct image_lock {
	uint64_t start;
	uint64_t end;
	uint32_t kind;
	uint32_t exclusive;
	uint32_t pid;
	uint32_t fd;
};

static_assert(sizeof(struct image_lock) == 32, "image_lock");

struct image_epoll_item {
	uint64_t data;
	uint32_t events;
	uint32_t file;
	uint32_t fd;
	uint32_t state;
	uint32_t signals;
	uint32_t reserved;
};

static_assert(sizeof(struct image_epoll_item) == 32, "image_epoll_item");

struct image_uring_file {
	uint64_t tag;
	uint32_t file;
	uint32_t index;
};

static_assert(sizeof(struct image_uring_file) == 16, "image_uring_file");

struct image_uring_personality {
	uint32_t id;
	uint32_t cred;
};

static_assert(sizeof(struct image_uring_personality) == 8, "image_uring_personality");

struct image_uring_buffer {
	uint64_t addr;
	uint64_t len;
	uint64_t tag;
	uint32_t index;
	uint32_t reserved;
};

static_assert(sizeof(struct image_uring_buffer) == 32, "image_uring_buffer");

struct image_uring_futex {
	uint64_t addr;
	uint32_t value;
	uint32_t shared;
};

static_assert(sizeof(struct image_uring_futex) == 16, "image_uring_futex");

struct image_uring_request {
	uint64_t user_data;
	uint64_t expires;
	uint64_t interval;
	uint32_t task;
	uint32_t kind;
	uint32_t flags;
	uint32_t file;
	uint32_t index;
	uint32_t events;
	uint32_t clock;
	uint32_t timeout;
	uint32_t off;
	uint32_t repeats;
	uint32_t target;
	uint32_t reserved;
};

static_assert(sizeof(struct image_uring_request) == 72, "image_uring_request");

struct image_uring_vec {
	uint64_t addr;
	uint64_t len;
};

static_assert(sizeof(struct image_uring_vec) == 16, "image_uring_vec");

struct image_uring_provided {
	uint64_t addr;
	uint32_t len;
	uint32_t bid;
};

static_assert(sizeof(struct image_uring_provided) == 16, "image_uring_provided");

struct image_id_range {
	uint32_t first;
	uint32_t host;
	uint32_t count;
};

static_assert(sizeof(struct image_id_range) == 12, "image_id_range");

struct image_semaphore {
	uint32_t value;
	uint32_t pid;
};

static_assert(sizeof(struct image_semaphore) == 8, "image_semaphore");

struct image_socket_option {
	uint32_t option;
	uint32_t reserved;
	uint64_t value;
	uint64_t second;
};

static_assert(sizeof(struct image_socket_option) == 24, "image_socket_option");

struct image_packet_member {
	uint32_t device;
	uint32_t count;
	uint32_t kind;
	uint32_t len;
	uint8_t addr[32];
};

static_assert(sizeof(struct image_packet_member) == 48, "image_packet_member");

struct image_tun_slot {
	uint32_t flags;
};

static_assert(sizeof(struct image_tun_slot) == 4, "image_tun_slot");

struct image_filter_step {
	uint16_t code;
	uint8_t jt;
	uint8_t jf;
	uint32_t k;
};

static_assert(sizeof(struct image_filter_step) == 8, "image_filter_step");

struct image_container {
	uint64_t flags;
	uint64_t monotonic_ns;
	uint64_t boottime_ns;
	uint32_t root;
	uint32_t tasks;
	uint32_t objects;
	uint32_t cpu_words;
	uint64_t cpu[8];
	uint8_t version[68];
	uint8_t build_id[20];
};

static_assert(sizeof(struct image_container) == 192, "image_container");

struct image_trailer {
	uint64_t total_len;
	uint64_t extents;
	uint64_t pages;
	uint64_t index_at;
	uint32_t batches;
	uint32_t blocks;
	uint64_t header;
	uint64_t sum;
};

static_assert(sizeof(struct image_trailer) == 56, "image_trailer");

struct image_task {
	uint64_t flags;
	uint32_t tid;
	uint32_t tgid;
	uint32_t parent;
	uint32_t pgid;
	uint32_t sid;
	uint32_t state;
	int32_t exit_signal;
	uint32_t exit_code;
	uint32_t mm;
	uint32_t files;
	uint32_t fs;
	uint32_t sighand;
	uint32_t cred;
	uint32_t uts;
	uint32_t pid_ns;
	uint32_t vfork_child;
	uint8_t comm[16];
	uint32_t personality;
	uint32_t pdeath_signal;
	int32_t nice;
	uint32_t policy;
	uint32_t rt_priority;
	uint32_t restart_kind;
	uint64_t restart[6];
	uint64_t restart_arch;
	uint64_t blocked;
	uint64_t saved_mask;
	uint64_t altstack;
	uint64_t altstack_len;
	uint32_t altstack_flags;
	uint32_t rseq_sig;
	uint64_t rseq;
	uint32_t rseq_len;
	uint32_t stop_signal;
	uint64_t set_child_tid;
	uint64_t clear_child_tid;
	uint64_t robust_list;
	uint64_t timer_slack;
	uint64_t timer_slack_default;
	uint64_t utime;
	uint64_t stime;
	uint64_t start_monotonic;
	uint64_t start_boottime;
	uint64_t slice;
	uint64_t compat_robust_list;
	uint64_t runtime;
	uint64_t counted_utime;
	uint64_t counted_stime;
	uint32_t ipc;
	uint32_t undo;
	uint32_t net;
	uint32_t reserved;
};

static_assert(sizeof(struct image_task) == 352, "image_task");

struct image_process {
	uint64_t flags;
	uint32_t tgid;
	int32_t oom_score_adj;
	int32_t oom_score_adj_min;
	uint32_t dumpable;
	uint32_t stop_signal;
	uint32_t reserved;
	uint64_t rlimits[16][2];
	uint64_t cutime;
	uint64_t cstime;
	uint64_t utime;
	uint64_t stime;
	uint64_t runtime;
	uint64_t counted_utime;
	uint64_t counted_stime;
	uint64_t shown_utime;
	uint64_t shown_stime;
	uint64_t itimer_real;
	uint64_t itimer_real_interval;
	uint64_t itimer_virtual;
	uint64_t itimer_virtual_interval;
	uint64_t itimer_prof;
	uint64_t itimer_prof_interval;
};

static_assert(sizeof(struct image_process) == 408, "image_process");

struct image_dead_pid {
	uint32_t pid;
	uint32_t pid_ns;
};

static_assert(sizeof(struct image_dead_pid) == 8, "image_dead_pid");

struct image_regs {
	uint32_t tid;
	uint32_t notes;
};

static_assert(sizeof(struct image_regs) == 8, "image_regs");

struct image_sighand {
	uint32_t obj;
	uint32_t reserved;
};

static_assert(sizeof(struct image_sighand) == 8, "image_sighand");

struct image_pending {
	uint32_t tid;
	uint32_t shared;
	uint64_t bare;
};

static_assert(sizeof(struct image_pending) == 16, "image_pending");

struct image_cred {
	uint32_t obj;
	uint32_t securebits;
	uint32_t uid[4];
	uint32_t gid[4];
	uint64_t inheritable;
	uint64_t permitted;
	uint64_t effective;
	uint64_t bounding;
	uint64_t ambient;
};

static_assert(sizeof(struct image_cred) == 80, "image_cred");

struct image_affinity {
	uint32_t tid;
	uint32_t reserved;
};

static_assert(sizeof(struct image_affinity) == 8, "image_affinity");

struct image_timers {
	uint32_t tgid;
	uint32_t next_id;
	uint32_t flags;
	uint32_t reserved;
};

static_assert(sizeof(struct image_timers) == 16, "image_timers");

struct image_seccomp_filter {
	uint32_t obj;
	uint32_t parent;
	uint32_t flags;
	uint32_t reserved;
};

static_assert(sizeof(struct image_seccomp_filter) == 16, "image_seccomp_filter");

struct image_seccomp {
	uint32_t tid;
	uint32_t mode;
	uint32_t filter;
	uint32_t reserved;
};

static_assert(sizeof(struct image_seccomp) == 16, "image_seccomp");

struct image_controls {
	uint32_t tid;
	uint32_t flags;
	uint32_t io_priority;
	uint32_t util_min;
	uint32_t util_max;
	uint32_t reserved;
	uint64_t dispatch;
	uint64_t dispatch_len;
	uint64_t dispatch_selector;
};

static_assert(sizeof(struct image_controls) == 48, "image_controls");

struct image_deadline {
	uint32_t tid;
	uint32_t flags;
	uint64_t runtime;
	uint64_t deadline;
	uint64_t period;
};

static_assert(sizeof(struct image_deadline) == 32, "image_deadline");

struct image_mm {
	uint32_t obj;
	uint32_t exe;
	uint32_t vmas;
	uint32_t flags;
	uint64_t code[2];
	uint64_t data[2];
	uint64_t brk[2];
	uint64_t stack;
	uint64_t args[2];
	uint64_t env[2];
	uint64_t mmap_base;
	uint64_t vdso;
	uint64_t vdso_len;
	uint32_t vdso_crc;
	uint32_t dump_filter;
	uint64_t context[4];
	uint32_t vdso_code;
	uint32_t futex_slots;
};

static_assert(sizeof(struct image_mm) == 176, "image_mm");

struct image_vma {
	uint64_t start;
	uint64_t end;
	uint64_t flags;
	uint64_t offset;
	uint32_t kind;
	uint32_t file;
	uint32_t pkey;
	uint32_t reserved;
	uint32_t forked;
	uint32_t reserved2;
};

static_assert(sizeof(struct image_vma) == 56, "image_vma");

struct image_guards {
	uint32_t regions;
	uint32_t reserved;
};

static_assert(sizeof(struct image_guards) == 8, "image_guards");

struct image_files {
	uint32_t obj;
	uint32_t reserved;
};

static_assert(sizeof(struct image_files) == 8, "image_files");

struct image_file {
	uint32_t obj;
	uint32_t kind;
	uint32_t flags;
	uint32_t inode;
	uint64_t pos;
	uint64_t size;
	uint32_t cred;
	uint32_t mode;
	uint64_t mtime;
	uint32_t mtime_nsec;
	uint32_t generation;
	uint64_t dev;
	uint64_t ino;
	uint32_t mount;
	uint32_t reserved;
};

static_assert(sizeof(struct image_file) == 80, "image_file");

struct image_inode {
	uint32_t obj;
	uint32_t mode;
	uint64_t size;
	uint32_t owner[2];
	uint64_t atime;
	uint64_t mtime;
	uint32_t atime_nsec;
	uint32_t mtime_nsec;
	uint32_t flags;
	uint32_t seals;
	uint32_t xattrs;
	uint32_t reserved;
	uint32_t mount;
	uint32_t reserved2;
};

static_assert(sizeof(struct image_inode) == 72, "image_inode");

struct image_pipe {
	uint32_t obj;
	uint32_t buffers;
	uint32_t size;
	uint32_t named;
	uint32_t owner[2];
	uint32_t removed;
	uint32_t reserved;
};

static_assert(sizeof(struct image_pipe) == 32, "image_pipe");

struct image_pipe_buffer {
	uint32_t packet;
	uint32_t reserved;
};

static_assert(sizeof(struct image_pipe_buffer) == 8, "image_pipe_buffer");

struct image_fs {
	uint32_t obj;
	uint32_t umask;
	uint32_t root;
	uint32_t pwd;
	uint32_t removed;
	uint32_t reserved;
};

static_assert(sizeof(struct image_fs) == 24, "image_fs");

struct image_path {
	uint32_t obj;
	uint32_t generation;
	uint64_t dev;
	uint64_t ino;
	uint32_t mount;
	uint32_t reserved;
};

static_assert(sizeof(struct image_path) == 32, "image_path");

struct image_timerfd {
	uint32_t obj;
	uint32_t clock;
	uint32_t flags;
	uint32_t reserved;
	uint64_t expires;
	uint64_t interval;
	uint64_t ticks;
};

static_assert(sizeof(struct image_timerfd) == 40, "image_timerfd");

struct image_epoll {
	uint32_t obj;
	uint32_t busy_poll_usecs;
	uint32_t busy_poll_budget;
	uint32_t prefer_busy_poll;
};

static_assert(sizeof(struct image_epoll) == 16, "image_epoll");

struct image_locks {
	uint32_t owner;
	uint32_t reserved;
};

static_assert(sizeof(struct image_locks) == 8, "image_locks");

struct image_file_owner {
	uint32_t file;
	uint32_t kind;
	uint32_t pid;
	uint32_t signal;
	uint32_t user[2];
	uint32_t signals;
	uint32_t fd;
};

static_assert(sizeof(struct image_file_owner) == 32, "image_file_owner");

struct image_lease {
	uint32_t file;
	uint32_t delegation;
	uint32_t exclusive;
	uint32_t pid;
	uint32_t fd;
	uint32_t reserved;
	uint32_t broken;
	uint32_t unused;
	uint64_t downgrade;
	uint64_t unlock;
};

static_assert(sizeof(struct image_lease) == 48, "image_lease");

struct image_xattr {
	uint32_t size;
	uint32_t reserved;
};

static_assert(sizeof(struct image_xattr) == 8, "image_xattr");

struct image_removed {
	uint32_t obj;
	uint32_t mode;
	uint32_t owner[2];
	uint64_t atime;
	uint64_t mtime;
	uint32_t atime_nsec;
	uint32_t mtime_nsec;
	uint32_t mount;
	uint32_t device;
	uint32_t file_type;
	uint32_t xattrs;
};

static_assert(sizeof(struct image_removed) == 56, "image_removed");

struct image_inotify {
	uint32_t obj;
	uint32_t watches;
	uint32_t events;
	uint32_t next;
};

static_assert(sizeof(struct image_inotify) == 16, "image_inotify");

struct image_inotify_watch {
	uint32_t wd;
	uint32_t mask;
	uint32_t inode;
	uint32_t mode;
	uint32_t generation;
	uint32_t mount;
	uint64_t dev;
	uint64_t ino;
};

static_assert(sizeof(struct image_inotify_watch) == 40, "image_inotify_watch");

struct image_inotify_event {
	int32_t wd;
	uint32_t mask;
	uint32_t cookie;
	uint32_t flags;
};

static_assert(sizeof(struct image_inotify_event) == 16, "image_inotify_event");

struct image_pidfd_target {
	uint32_t obj;
	uint32_t pid;
	uint32_t init;
	uint32_t exit_code;
	uint32_t coredump;
	uint32_t signal;
	uint32_t code;
	uint32_t number;
};

static_assert(sizeof(struct image_pidfd_target) == 32, "image_pidfd_target");

struct image_proc_entry {
	uint32_t obj;
	uint32_t process;
	uint32_t thread;
	uint32_t root;
	uint32_t in_task;
	uint32_t dead;
};

static_assert(sizeof(struct image_proc_entry) == 24, "image_proc_entry");

struct image_left_out {
	uint64_t start;
	uint64_t end;
};

static_assert(sizeof(struct image_left_out) == 16, "image_left_out");

struct image_uts {
	uint32_t obj;
	uint32_t reserved;
	uint8_t nodename[65];
	uint8_t domainname[65];
	uint8_t reserved2[6];
};

static_assert(sizeof(struct image_uts) == 144, "image_uts");

struct image_pid_ns {
	uint32_t obj;
	uint32_t parent;
	uint32_t last_pid;
	uint32_t pid_max;
	uint32_t memfd_noexec;
	uint32_t reserved;
};

static_assert(sizeof(struct image_pid_ns) == 24, "image_pid_ns");

struct image_ipc_ns {
	uint32_t obj;
	uint32_t inside;
	uint64_t shm_max;
	uint64_t shm_all;
	uint32_t shm_mni;
	uint32_t shm_rmid_forced;
	int32_t sem[4];
	uint32_t msg_max;
	uint32_t msg_mnb;
	uint32_t msg_mni;
	uint32_t mq[5];
	uint32_t shift;
	uint32_t seq[3];
	int32_t last_idx[3];
	uint32_t cursor[3];
	int32_t next_id[3];
	uint32_t reserved;
};

static_assert(sizeof(struct image_ipc_ns) == 136, "image_ipc_ns");

struct image_segment {
	uint32_t obj;
	uint32_t ns;
	uint32_t inode;
	uint32_t flags;
	uint32_t id;
	uint32_t key;
	uint32_t named;
	uint32_t mode;
	uint32_t owner[2];
	uint32_t creator[2];
	uint64_t atime;
	uint64_t dtime;
	uint64_t ctime;
	uint32_t cpid;
	uint32_t lpid;
	uint32_t maker;
	uint32_t reserved;
	uint64_t size;
};

static_assert(sizeof(struct image_segment) == 96, "image_segment");

struct image_sem_set {
	uint32_t obj;
	uint32_t ns;
	uint32_t id;
	uint32_t key;
	uint32_t mode;
	uint32_t nsems;
	uint32_t owner[2];
	uint32_t creator[2];
	uint32_t undos;
	uint32_t reserved;
	uint64_t otime;
	uint64_t ctime;
};

static_assert(sizeof(struct image_sem_set) == 64, "image_sem_set");

struct image_sem_undo {
	uint32_t list;
	uint32_t reserved;
};

static_assert(sizeof(struct image_sem_undo) == 8, "image_sem_undo");

struct image_undo_list {
	uint32_t obj;
	uint32_t ns;
	uint32_t tid;
	uint32_t reserved;
};

static_assert(sizeof(struct image_undo_list) == 16, "image_undo_list");

struct image_msg_queue {
	uint32_t obj;
	uint32_t ns;
	uint32_t id;
	uint32_t key;
	uint32_t mode;
	uint32_t messages;
	uint32_t owner[2];
	uint32_t creator[2];
	uint32_t lspid;
	uint32_t lrpid;
	uint64_t stime;
	uint64_t rtime;
	uint64_t ctime;
	uint64_t qbytes;
};

static_assert(sizeof(struct image_msg_queue) == 80, "image_msg_queue");

struct image_message {
	uint64_t mtype;
};

static_assert(sizeof(struct image_message) == 8, "image_message");

struct image_posix_queue {
	uint32_t obj;
	uint32_t ns;
	uint32_t flags;
	uint32_t mode;
	uint32_t owner[2];
	uint32_t user;
	uint32_t messages;
	uint32_t max_messages;
	uint32_t max_bytes;
	uint32_t process;
	uint32_t notify;
	uint32_t signal;
	uint32_t reserved;
	uint64_t value;
	uint64_t atime;
	uint64_t mtime;
	uint32_t atime_nsec;
	uint32_t mtime_nsec;
};

static_assert(sizeof(struct image_posix_queue) == 88, "image_posix_queue");

struct image_posix_message {
	uint32_t priority;
	uint32_t reserved;
};

static_assert(sizeof(struct image_posix_message) == 8, "image_posix_message");

struct image_cgroup_entry {
	uint32_t obj;
	uint32_t root;
	uint32_t cgroup;
	uint32_t reserved;
};

static_assert(sizeof(struct image_cgroup_entry) == 16, "image_cgroup_entry");

struct image_uring_files {
	uint32_t files;
	uint32_t reserved;
};

static_assert(sizeof(struct image_uring_files) == 8, "image_uring_files");

struct image_uring_personalities {
	uint32_t personalities;
	uint32_t reserved;
};

static_assert(sizeof(struct image_uring_personalities) == 8, "image_uring_personalities");

struct image_fanotify {
	uint32_t obj;
	uint32_t flags;
	uint32_t event_flags;
	uint32_t how;
	uint32_t marks;
	uint32_t events;
};

static_assert(sizeof(struct image_fanotify) == 24, "image_fanotify");

struct image_fanotify_mark {
	uint32_t mask;
	uint32_t ignored;
	uint32_t flags;
	uint32_t mode;
	uint32_t generation;
	uint32_t mount;
	uint64_t dev;
	uint64_t ino;
};

static_assert(sizeof(struct image_fanotify_mark) == 40, "image_fanotify_mark");

struct image_aio {
	uint32_t max_reqs;
	uint32_t head;
	uint32_t tail;
	uint32_t completed;
};

static_assert(sizeof(struct image_aio) == 16, "image_aio");

struct image_uring {
	uint32_t obj;
	uint32_t setup;
	uint32_t flags;
	uint32_t sq_entries;
	uint32_t cq_entries;
	uint32_t sq_head;
	uint32_t cq_tail;
	uint32_t rings;
	uint32_t slots;
	uint32_t files;
	uint32_t alloc_start;
	uint32_t alloc_end;
	uint32_t alloc_hint;
	uint32_t personalities;
	uint32_t next_personality;
	uint32_t eventfd;
	uint32_t issuer;
	uint32_t sqe_flags_allowed;
	uint32_t sqe_flags_required;
	uint32_t reserved;
	uint64_t ops_low;
	uint64_t ops_high;
	uint64_t registers;
	uint32_t buffer_slots;
	uint32_t buffers;
	uint32_t buffers_of;
	uint32_t requests;
	uint32_t timeouts;
	uint32_t timeouts_flushed;
	uint32_t ios;
	uint32_t groups;
	uint32_t groups_of;
	uint32_t links;
	uint32_t thread_of;
	uint32_t thread_idle;
	uint32_t thread_cpu;
	uint32_t workers_bounded;
	uint32_t workers_unbounded;
	uint32_t napi_usecs;
};

static_assert(sizeof(struct image_uring) == 168, "image_uring");

struct image_confinement {
	uint64_t flags;
	uint32_t uid_ranges;
	uint32_t gid_ranges;
	uint32_t labels;
	uint32_t reserved;
};

static_assert(sizeof(struct image_confinement) == 24, "image_confinement");

struct image_label {
	uint32_t module;
	uint32_t reserved;
};

static_assert(sizeof(struct image_label) == 8, "image_label");

struct image_socket {
	uint32_t obj;
	uint32_t family;
	uint32_t kind;
	uint32_t protocol;
	uint32_t form;
	uint32_t net;
	uint32_t owner[2];
};

static_assert(sizeof(struct image_socket) == 32, "image_socket");

struct image_in_flight {
	uint32_t files;
	uint32_t reserved;
};

static_assert(sizeof(struct image_in_flight) == 8, "image_in_flight");

struct image_userfaultfd {
	uint32_t obj;
	uint32_t mm;
	uint32_t flags;
	uint32_t features;
};

static_assert(sizeof(struct image_userfaultfd) == 16, "image_userfaultfd");

struct image_watched {
	uint32_t uffd;
	uint32_t modes;
	uint32_t runs;
	uint32_t reserved;
};

static_assert(sizeof(struct image_watched) == 16, "image_watched");

struct image_uring_buffers {
	uint32_t buffers;
	uint32_t reserved;
};

static_assert(sizeof(struct image_uring_buffers) == 8, "image_uring_buffers");

struct image_uring_requests {
	uint32_t requests;
	uint32_t reserved;
};

static_assert(sizeof(struct image_uring_requests) == 8, "image_uring_requests");

struct image_huge_pages {
	uint32_t shift;
	uint32_t flags;
	uint32_t ranges;
	uint32_t reserved;
	uint64_t asked;
};

static_assert(sizeof(struct image_huge_pages) == 24, "image_huge_pages");

struct image_uring_io {
	uint64_t user_data;
	uint64_t addr;
	uint64_t addr2;
	uint64_t control;
	uint64_t control_len;
	uint64_t pos;
	uint32_t task;
	uint32_t op;
	uint32_t flags;
	uint32_t file;
	uint32_t index;
	uint32_t len;
	uint32_t op_flags;
	uint32_t io_flags;
	uint32_t slot;
	uint32_t done;
	uint32_t nofile;
	uint32_t vecs;
	uint32_t name;
	uint32_t group;
	uint32_t limit;
	uint32_t total;
};

static_assert(sizeof(struct image_uring_io) == 112, "image_uring_io");

struct image_net_ns {
	uint32_t obj;
	uint32_t flags;
	uint32_t lo_mtu;
	uint32_t settings;
};

static_assert(sizeof(struct image_net_ns) == 16, "image_net_ns");

struct image_uring_group {
	uint64_t addr;
	uint32_t group;
	uint32_t entries;
	uint32_t head;
	uint32_t min_left;
	uint32_t buffers;
	uint32_t incremental;
};

static_assert(sizeof(struct image_uring_group) == 32, "image_uring_group");

struct image_task_policy {
	uint32_t tid;
	uint32_t mode;
	uint32_t flags;
	uint32_t last;
	uint32_t left;
	uint32_t reserved;
	uint64_t nodes[16];
	uint64_t asked[16];
};

static_assert(sizeof(struct image_task_policy) == 280, "image_task_policy");

struct image_memory_policy {
	uint64_t start;
	uint64_t end;
	uint32_t mode;
	uint32_t flags;
	uint32_t home;
	uint32_t reserved;
	uint64_t nodes[16];
	uint64_t asked[16];
};

static_assert(sizeof(struct image_memory_policy) == 288, "image_memory_policy");

struct image_meta_sums {
	uint64_t header;
	uint64_t sum;
};

static_assert(sizeof(struct image_meta_sums) == 16, "image_meta_sums");

struct image_batch {
	uint32_t number;
	uint32_t extents;
	uint32_t pages;
	uint32_t tagged;
	uint64_t at;
	uint64_t header;
	uint64_t reserved;
	uint64_t sum;
};

static_assert(sizeof(struct image_batch) == 48, "image_batch");

struct image_index {
	uint32_t number;
	uint32_t reserved;
	uint64_t at;
	uint64_t header;
	uint64_t reserved2[2];
	uint64_t sum;
};

static_assert(sizeof(struct image_index) == 48, "image_index");

struct image_ptracer {
	uint32_t tid;
	uint32_t tracer;
};

static_assert(sizeof(struct image_ptracer) == 8, "image_ptracer");

struct image_traced {
	uint32_t tid;
	uint32_t tracer;
	uint32_t options;
	uint32_t flags;
	uint32_t stop;
	uint32_t exit_code;
	uint64_t message;
	uint32_t result;
	uint32_t reserved;
};

static_assert(sizeof(struct image_traced) == 40, "image_traced");

struct image_mount {
	uint32_t obj;
	uint32_t kind;
	uint64_t reserved;
};

static_assert(sizeof(struct image_mount) == 16, "image_mount");

struct image_epoll_items {
	uint32_t epoll;
	uint32_t reserved;
};

static_assert(sizeof(struct image_epoll_items) == 8, "image_epoll_items");

struct image_unix_socket {
	uint32_t socket;
	uint32_t state;
	uint32_t peer;
	uint32_t listener;
	uint32_t backlog;
	uint32_t shutdown;
	uint32_t error;
	uint32_t scm;
	uint32_t peer_pid;
	uint32_t peer_cred;
	uint32_t name;
	uint32_t bound;
	uint32_t removed;
	uint32_t reserved;
};

static_assert(sizeof(struct image_unix_socket) == 56, "image_unix_socket");

struct image_unix_message {
	uint32_t to;
	uint32_t from;
	uint32_t flags;
	uint32_t pid;
	uint32_t uid;
	uint32_t gid;
	uint32_t files;
	uint32_t reserved;
	uint64_t time;
};

static_assert(sizeof(struct image_unix_message) == 40, "image_unix_message");

struct image_inet_socket {
	uint32_t socket;
	uint32_t state;
	uint32_t port;
	uint32_t peer_port;
	uint32_t device;
	uint32_t flow;
	uint32_t locks;
	uint32_t shutdown;
	uint32_t error;
	uint32_t stamp_key;
	uint32_t zerocopy_key;
	uint32_t v6only;
	uint8_t addr[16];
	uint8_t peer[16];
};

static_assert(sizeof(struct image_inet_socket) == 80, "image_inet_socket");

struct image_inet_message {
	uint32_t socket;
	uint32_t v6;
	uint8_t from[16];
	uint8_t to[16];
	uint8_t spec_dst[4];
	uint32_t from_port;
	uint32_t to_port;
	uint32_t device;
	uint32_t flow;
	uint32_t ttl;
	uint32_t frag_size;
	uint32_t gso_size;
	uint32_t mark;
	uint32_t priority;
	uint64_t time;
};

static_assert(sizeof(struct image_inet_message) == 88, "image_inet_message");

struct image_socket_filter {
	uint32_t socket;
	uint32_t len;
	uint32_t locked;
	uint32_t reserved;
};

static_assert(sizeof(struct image_socket_filter) == 16, "image_socket_filter");

struct image_tcp_socket {
	uint32_t socket;
	uint32_t state;
	uint32_t flags;
	uint32_t family;
	uint32_t backlog;
	uint32_t error;
	uint32_t mss;
	uint32_t port;
	uint32_t peer_port;
	uint32_t received;
	uint32_t sent;
	uint32_t urgent;
	uint32_t urgent_sent;
	uint32_t listener;
	uint8_t address[16];
	uint8_t peer_address[16];
	uint32_t outside;
	uint32_t send_first;
	uint32_t receive_next;
	uint32_t in_flight;
	uint32_t send_window;
	uint32_t send_window_max;
	uint32_t receive_window;
	uint32_t receive_window_max;
	uint32_t stamp;
	uint32_t stamp_recent;
	uint32_t segment;
	uint32_t send_scale;
	uint32_t receive_scale;
	uint32_t net;
};

static_assert(sizeof(struct image_tcp_socket) == 144, "image_tcp_socket");

struct image_tcp_data {
	uint32_t len;
	uint32_t sent;
};

static_assert(sizeof(struct image_tcp_data) == 8, "image_tcp_data");

struct image_cred_label {
	uint32_t cred;
	uint32_t module;
	uint32_t attr;
	uint32_t tid;
};

static_assert(sizeof(struct image_cred_label) == 16, "image_cred_label");

struct image_task_label {
	uint32_t tid;
	uint32_t module;
	uint32_t attr;
	uint32_t reserved;
	uint64_t token;
};

static_assert(sizeof(struct image_task_label) == 24, "image_task_label");

struct image_file_label {
	uint32_t file;
	uint32_t reserved;
};

static_assert(sizeof(struct image_file_label) == 8, "image_file_label");

struct image_netlink_socket {
	uint32_t socket;
	uint32_t flags;
	uint32_t port;
	uint32_t to;
	uint32_t to_group;
	uint32_t connected;
	uint32_t error;
	uint32_t dump;
	uint32_t dump_seq;
	uint32_t groups;
};

static_assert(sizeof(struct image_netlink_socket) == 40, "image_netlink_socket");

struct image_netlink_message {
	uint32_t socket;
	uint32_t port;
	uint32_t group;
	uint32_t pid;
	uint32_t uid;
	uint32_t gid;
	uint32_t flags;
	uint32_t nsid;
};

static_assert(sizeof(struct image_netlink_message) == 32, "image_netlink_message");

struct image_packet_socket {
	uint32_t socket;
	uint32_t flags;
	uint32_t num;
	uint32_t device;
	uint32_t version;
	uint32_t reserve;
	uint32_t vnet_hdr;
	uint32_t copy_thresh;
	uint32_t timestamp;
	uint32_t fanout_max;
	uint32_t fanout_id;
	uint32_t fanout_type;
	uint32_t error;
	uint32_t queued;
	uint32_t members;
	uint32_t reserved;
	uint32_t packets;
	uint32_t drops;
	uint32_t freezes;
	uint32_t rx;
	uint32_t tx;
	uint32_t frozen;
	uint64_t sequence;
};

static_assert(sizeof(struct image_packet_socket) == 96, "image_packet_socket");

struct image_net_request {
	uint32_t net;
	uint32_t kind;
	uint32_t flags;
	uint32_t reserved;
};

static_assert(sizeof(struct image_net_request) == 16, "image_net_request");

struct image_net_peer {
	uint32_t net;
	uint32_t peer;
	uint32_t number;
	uint32_t reserved;
};

static_assert(sizeof(struct image_net_peer) == 16, "image_net_peer");

struct image_tun_device {
	uint32_t net;
	uint32_t index;
	uint32_t flags;
	uint32_t arphrd;
	uint32_t owner;
	uint32_t group;
	uint32_t offload;
	uint32_t has;
	int32_t vnet_hdr_sz;
	int32_t sndbuf;
	uint32_t msg_enable;
	uint32_t rx_batched;
	uint32_t fprog_len;
	uint32_t txflt_count;
	uint64_t fprog_filter;
	uint32_t txflt_mask[2];
	uint8_t txflt_addr[48];
	uint8_t name[16];
	uint32_t queues;
	uint32_t disabled;
};

static_assert(sizeof(struct image_tun_device) == 144, "image_tun_device");

struct image_tun_queue {
	uint32_t obj;
	uint32_t net;
	uint32_t device;
	uint32_t number;
	uint32_t ifindex;
	int32_t sndbuf;
	uint32_t flags;
	uint32_t filter;
};

static_assert(sizeof(struct image_tun_queue) == 32, "image_tun_queue");

struct image_tun_packet {
	uint32_t queue;
	uint32_t flags;
	uint16_t protocol;
	uint16_t vlan_proto;
	uint16_t vlan_tci;
	uint8_t header[10];
	uint8_t reserved[8];
};

static_assert(sizeof(struct image_tun_packet) == 32, "image_tun_packet");

struct image_tcp_ao {
	uint32_t flags;
	uint32_t send_first;
	uint32_t receive_first;
	uint32_t send_wraps;
	uint32_t receive_wraps;
	uint32_t reserved;
	uint64_t good;
	uint64_t bad;
	uint64_t not_found;
	uint64_t missing;
	uint64_t icmp;
};

static_assert(sizeof(struct image_tcp_ao) == 64, "image_tcp_ao");

struct image_tcp_key {
	uint32_t kind;
	uint32_t flags;
	uint32_t family;
	uint32_t prefix;
	uint32_t device;
	uint32_t send_id;
	uint32_t receive_id;
	uint32_t mac;
	uint32_t algorithm;
	uint32_t reserved;
	uint64_t good;
	uint64_t bad;
	uint8_t address[16];
};

static_assert(sizeof(struct image_tcp_key) == 72, "image_tcp_key");

struct image_udp_cork {
	uint32_t socket;
	uint32_t flags;
	uint32_t port;
	uint32_t device;
	uint32_t flow;
	uint32_t mark;
	uint32_t priority;
	uint32_t hops;
	uint32_t class;
	uint32_t segment;
	uint8_t to[16];
	uint8_t from[16];
};

static_assert(sizeof(struct image_udp_cork) == 72, "image_udp_cork");

struct image_inet_member {
	uint32_t socket;
	uint32_t kind;
	uint32_t v6;
	uint32_t device;
	uint32_t sources;
	uint8_t group[16];
	uint8_t local[4];
};

static_assert(sizeof(struct image_inet_member) == 40, "image_inet_member");

struct image_socket_error {
	uint32_t socket;
	uint32_t error;
	uint32_t origin;
	uint32_t kind;
	uint32_t code;
	uint32_t info;
	uint32_t data;
	uint32_t flags;
	uint32_t port;
	uint32_t device;
	uint32_t flow;
	uint32_t about_flow;
	uint32_t ttl;
	uint32_t frag_size;
	uint32_t transport;
	uint8_t spec_dst[4];
	uint8_t from[16];
	uint8_t to[16];
	uint8_t about[16];
	uint64_t time;
	uint64_t device_time;
	uint64_t reserved;
};

static_assert(sizeof(struct image_socket_error) == 136, "image_socket_error");

struct image_generic_family {
	uint32_t socket;
	uint32_t id;
	uint32_t group_id;
	uint32_t asked;
	uint8_t family[16];
	uint8_t group[16];
};

static_assert(sizeof(struct image_generic_family) == 48, "image_generic_family");

struct image_inet_header {
	uint32_t socket;
	uint32_t kind;
	uint32_t device;
	uint32_t reserved;
};

static_assert(sizeof(struct image_inet_header) == 16, "image_inet_header");

struct image_uring_user {
	uint32_t ring;
	uint32_t task;
	uint32_t places;
	uint32_t bounded;
	uint32_t unbounded;
	uint32_t reserved;
};

static_assert(sizeof(struct image_uring_user) == 24, "image_uring_user");

struct image_mptcp_socket {
	uint32_t socket;
	uint32_t state;
	uint32_t backlog;
	uint32_t mss;
	uint32_t port;
	uint32_t device;
	uint32_t locks;
	uint32_t v6only;
	uint8_t address[16];
};

static_assert(sizeof(struct image_mptcp_socket) == 48, "image_mptcp_socket");

struct image_packet_frame {
	uint32_t socket;
	uint32_t flags;
	uint32_t device;
	uint32_t hardware;
	uint32_t kind;
	uint32_t protocol;
	uint32_t original;
	uint32_t network;
	uint32_t vlan_protocol;
	uint32_t vlan_tag;
	uint32_t mark;
	uint32_t priority;
	uint64_t time;
	uint32_t addr_len;
	uint32_t reserved;
	uint8_t addr[32];
};

static_assert(sizeof(struct image_packet_frame) == 96, "image_packet_frame");

struct image_uring_thread {
	uint32_t policy;
	int32_t nice;
	uint32_t rt_priority;
	uint32_t reset_on_fork;
	uint64_t slice;
};

static_assert(sizeof(struct image_uring_thread) == 24, "image_uring_thread");

struct image_uring_futexes {
	uint32_t futexes;
	uint32_t reserved;
};

static_assert(sizeof(struct image_uring_futexes) == 8, "image_uring_futexes");

struct image_core_cookie {
	uint32_t tid;
	uint32_t first;
};

static_assert(sizeof(struct image_core_cookie) == 8, "image_core_cookie");

struct image_autogroup {
	uint32_t tid;
	uint32_t first;
	int32_t nice;
	uint32_t reserved;
};

static_assert(sizeof(struct image_autogroup) == 16, "image_autogroup");

struct image_uring_link {
	uint64_t user_data;
	uint64_t addr;
	uint64_t addr2;
	uint64_t control;
	uint64_t control_len;
	uint64_t pos;
	uint64_t time;
	uint32_t head;
	uint32_t op;
	uint32_t flags;
	uint32_t fd;
	uint32_t len;
	uint32_t op_flags;
	uint32_t io_flags;
	uint32_t slot;
	uint32_t nofile;
	uint32_t vecs;
	uint32_t name;
	uint32_t group;
	uint32_t limit;
	uint32_t total;
	uint32_t events;
	uint32_t clock;
	uint32_t timeout;
	uint32_t off;
	uint32_t task;
	uint32_t reserved;
};

static_assert(sizeof(struct image_uring_link) == 136, "image_uring_link");

struct image_fanotify_event {
	uint32_t mask;
	uint32_t pid;
	uint32_t target;
	uint32_t mode;
	uint32_t generation;
	uint32_t mount;
	uint64_t dev;
	uint64_t ino;
};

static_assert(sizeof(struct image_fanotify_event) == 40, "image_fanotify_event");

struct image_vdso {
	uint32_t obj;
	uint32_t data_len;
	uint32_t code_len;
	uint32_t landing;
	uint32_t reserved;
	uint32_t reserved2;
};

static_assert(sizeof(struct image_vdso) == 24, "image_vdso");

struct image_fanotify_fid {
	uint32_t mask;
	uint32_t pid;
	uint32_t target;
	uint32_t kind;
	uint64_t fsid;
	int32_t error;
	uint32_t errors;
	uint32_t dir;
	uint32_t dir2;
	uint32_t object;
	uint32_t name;
	uint32_t name2;
	uint32_t reserved;
};

static_assert(sizeof(struct image_fanotify_fid) == 56, "image_fanotify_fid");

struct image_unix_reconnect {
	uint32_t socket;
	uint32_t name;
};

static_assert(sizeof(struct image_unix_reconnect) == 8, "image_unix_reconnect");

struct image_net_fallback {
	uint32_t net;
	uint32_t index;
};

static_assert(sizeof(struct image_net_fallback) == 8, "image_net_fallback");

struct image_net_moved {
	uint32_t net;
	uint32_t index;
	uint32_t flags;
	uint32_t reserved;
};

static_assert(sizeof(struct image_net_moved) == 16, "image_net_moved");

struct image_tcp_hints {
	uint32_t round_trip;
	uint32_t deviation;
	uint32_t deviation_max;
	uint32_t variation;
	uint32_t shortest;
	uint32_t threshold;
	uint32_t window;
	uint32_t acknowledged;
	uint32_t received;
	uint32_t keepalive;
	uint32_t asked;
	uint32_t resent;
	uint32_t probes;
	uint32_t backoff;
	uint32_t timeouts;
	uint32_t reserved;
};

static_assert(sizeof(struct image_tcp_hints) == 64, "image_tcp_hints");

struct image_packet_rings {
	uint32_t socket;
	uint32_t flags;
	uint32_t version;
	uint32_t reserve;
	uint32_t vnet_hdr;
	uint32_t retire;
	uint32_t private;
	uint32_t features;
	uint32_t rx_block_size;
	uint32_t rx_blocks;
	uint32_t rx_frame_size;
	uint32_t rx_frames;
	uint32_t tx_block_size;
	uint32_t tx_blocks;
	uint32_t tx_frame_size;
	uint32_t tx_frames;
	uint64_t reserved;
};

static_assert(sizeof(struct image_packet_rings) == 72, "image_packet_rings");

struct image_packet_memory {
	uint32_t socket;
	uint32_t ring;
	uint64_t offset;
};

static_assert(sizeof(struct image_packet_memory) == 16, "image_packet_memory");

#endif /* CKPT_TEST_FORMAT_H */
