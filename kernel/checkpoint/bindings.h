/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The headers whose contents kernel/checkpoint/kapi/ and arch/.../checkpoint/
 * use. Read by bindgen, by way of rust/bindings/bindings_helper.h.
 */
#include <linux/binfmts.h>
#include <linux/capability.h>
#include <linux/cgroup.h>
#include <linux/checkpoint.h>
#include <linux/checkpoint_aio.h>
#include <linux/checkpoint_anon_inodes.h>
#include <linux/checkpoint_filter.h>
#include <linux/checkpoint_fs.h>
#include <linux/checkpoint_fsnotify.h>
#include <linux/checkpoint_inet.h>
#include <linux/checkpoint_io_uring.h>
#include <linux/checkpoint_ipc.h>
#include <linux/checkpoint_mempolicy.h>
#include <linux/checkpoint_mm.h>
#include <linux/checkpoint_mptcp.h>
#include <linux/checkpoint_netlink.h>
#include <linux/checkpoint_netns.h>
#include <linux/checkpoint_nexthop.h>
#include <linux/checkpoint_tc.h>
#include <linux/checkpoint_packet.h>
#include <linux/checkpoint_ptrace.h>
#include <linux/checkpoint_security.h>
#include <linux/checkpoint_skb.h>
#include <linux/checkpoint_sock_wait.h>
#include <linux/checkpoint_socket.h>
#include <linux/checkpoint_task.h>
#include <linux/checkpoint_tcp_hints.h>
#include <linux/checkpoint_tcp_keys.h>
#include <linux/checkpoint_tcp_sock.h>
#include <linux/checkpoint_time.h>
#include <linux/checkpoint_udp.h>
#include <linux/checkpoint_tun.h>
#include <linux/checkpoint_unix.h>
#include <linux/checkpoint_userfaultfd.h>
#include <linux/checkpoint_sched.h>
#include <linux/completion.h>
#include <linux/coredump.h>
#include <linux/crc32c.h>
#include <linux/cred.h>
#include <linux/eventpoll.h>
#include <linux/fanotify.h>
#include <linux/fdtable.h>
#include <linux/fs_struct.h>
#include <linux/futex.h>
#include <linux/file.h>
#include <linux/filelock.h>
#include <linux/fsnotify_backend.h>
#include <linux/glob.h>
#include <linux/hugetlb.h>
#include <linux/init_task.h>
#include <linux/io_uring.h>
#include <linux/ipc_namespace.h>
#include <linux/key.h>
#include <linux/mempolicy.h>
#include <linux/mman.h>
#include <linux/mm_inline.h>
#include <linux/namei.h>
#include <linux/nsproxy.h>
#include <linux/oom.h>
#include <linux/pagewalk.h>
#include <linux/personality.h>
#include <linux/pid_namespace.h>
#include <linux/pidfs.h>
#include <linux/pipe_fs_i.h>
#include <linux/posix-timers.h>
#include <linux/proc_ns.h>
#include <linux/random.h>
#include <linux/regset.h>
#include <linux/resume_user_mode.h>
#include <linux/rseq.h>
#include <linux/sched/autogroup.h>
#include <linux/sched/coredump.h>
#include <linux/sched/exec_state.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/sched/task_stack.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>
#include <linux/security.h>
#include <linux/shmem_fs.h>
#include <linux/splice.h>
#include <linux/syscall_user_dispatch.h>
#include <linux/syscalls.h>
#include <linux/task_work.h>
#include <linux/time_namespace.h>
#include <linux/timekeeping.h>
#include <linux/tty.h>
#include <linux/uio.h>
#include <linux/user_namespace.h>
#include <linux/userfaultfd_k.h>
#include <linux/utsname.h>
#include <linux/vmalloc.h>
#include <linux/xattr.h>
#include <linux/xxhash.h>
#include <generated/utsrelease.h>
#include <uapi/linux/capability.h>
#include <uapi/linux/elf.h>
#include <uapi/linux/fadvise.h>
#include <uapi/linux/filter.h>
#include <uapi/linux/icmp.h>
#include <uapi/linux/icmpv6.h>
#include <uapi/linux/magic.h>
#include <uapi/linux/pidfd.h>
#include <uapi/linux/prctl.h>
#include <uapi/linux/sched/types.h>
#include <uapi/linux/tcp.h>
#include <uapi/linux/udp.h>
#include <asm/syscall.h>
#include <asm/vdso.h>
#ifdef CONFIG_ARM64
#include <asm/fpsimd.h>
#include <asm/mte.h>
#include <linux/pkeys.h>
#include <asm/pointer_auth.h>
#endif

/* What bindgen makes no constants of by itself. */
const fmode_t RUST_CONST_HELPER_FMODE_READ = FMODE_READ;
const fmode_t RUST_CONST_HELPER_FMODE_WRITE = FMODE_WRITE;
const fmode_t RUST_CONST_HELPER_FMODE_WRITER = FMODE_WRITER;
const fmode_t RUST_CONST_HELPER_FMODE_EXEC = FMODE_EXEC;
const fmode_t RUST_CONST_HELPER_FMODE_PATH = FMODE_PATH;
const fmode_t RUST_CONST_HELPER_FMODE_BACKING = FMODE_BACKING;
const fmode_t RUST_CONST_HELPER_FMODE_CAN_READ = FMODE_CAN_READ;
const fmode_t RUST_CONST_HELPER_FMODE_CAN_WRITE = FMODE_CAN_WRITE;
const fmode_t RUST_CONST_HELPER_FMODE_STREAM = FMODE_STREAM;
const fmode_t RUST_CONST_HELPER_FMODE_RANDOM = FMODE_RANDOM;
const fmode_t RUST_CONST_HELPER_FMODE_NOREUSE = FMODE_NOREUSE;
const unsigned int RUST_CONST_HELPER_FL_FLOCK = FL_FLOCK;
const unsigned int RUST_CONST_HELPER_FL_OFDLCK = FL_OFDLCK;
const unsigned int RUST_CONST_HELPER_FL_LEASE = FL_LEASE;
const unsigned int RUST_CONST_HELPER_FL_DELEG = FL_DELEG;
const unsigned int RUST_CONST_HELPER_FL_DOWNGRADE_PENDING = FL_DOWNGRADE_PENDING;
const unsigned int RUST_CONST_HELPER_FL_UNLOCK_PENDING = FL_UNLOCK_PENDING;
const int RUST_CONST_HELPER_MNT_INTERNAL = MNT_INTERNAL;
const int RUST_CONST_HELPER_PID_MAX_LIMIT = PID_MAX_LIMIT;
const unsigned int RUST_CONST_HELPER_LOOKUP_DIRECTORY = LOOKUP_DIRECTORY;
const unsigned int RUST_CONST_HELPER_LOOKUP_NO_SYMLINKS = LOOKUP_NO_SYMLINKS;
const unsigned int RUST_CONST_HELPER_LOOKUP_NO_MAGICLINKS = LOOKUP_NO_MAGICLINKS;
