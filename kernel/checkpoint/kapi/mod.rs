// SPDX-License-Identifier: GPL-2.0

//! The kernel as the rest of the subsystem sees it: safe wrappers of what C offers.
//!
//! This module and `arch/*/checkpoint/` are the only places with `unsafe` and `bindings::`.
//!
//! Each subsystem of the kernel has a folder by its name. This is the list of them all.

/// What an architecture has to implement: `arch/*/checkpoint/`.
pub(crate) mod arch;

/// Control groups: `kernel/cgroup/`.
pub(crate) mod cgroup {
    pub(crate) mod frozen;
    pub(crate) mod group;
    pub(crate) mod place;
}

/// Making tasks, and holding them until they may run: `kernel/fork.c`.
pub(crate) mod fork {
    pub(crate) mod helpers;
    pub(crate) mod park;
    pub(crate) mod parked;
    pub(crate) mod reset;
    pub(crate) mod restoring;
    pub(crate) mod slot;
    pub(crate) mod vfork;
}

/// Files: `fs/`.
pub(crate) mod fs {
    pub(crate) mod attr;
    pub(crate) mod epoll;
    pub(crate) mod eventfd;
    pub(crate) mod events;
    pub(crate) mod fanotify;
    pub(crate) mod fanotify_events;
    pub(crate) mod fdtable;
    pub(crate) mod file;
    pub(crate) mod fs_struct;
    pub(crate) mod inode;
    pub(crate) mod inotify;
    pub(crate) mod io;
    pub(crate) mod iov;
    pub(crate) mod locks;
    pub(crate) mod magic;
    pub(crate) mod memfd;
    pub(crate) mod new_file;
    pub(crate) mod nsfs;
    pub(crate) mod open;
    pub(crate) mod owner;
    pub(crate) mod path;
    pub(crate) mod pipe;
    pub(crate) mod proc;
    pub(crate) mod signalfd;
    pub(crate) mod stat;
    pub(crate) mod timerfd;
    pub(crate) mod uring;
    pub(crate) mod uring_buffers;
    pub(crate) mod uring_groups;
    pub(crate) mod uring_io;
    pub(crate) mod uring_links;
    pub(crate) mod uring_napi;
    pub(crate) mod uring_requests;
    pub(crate) mod uring_thread;
    pub(crate) mod uring_users;
    pub(crate) mod user_buffer;
}

/// IPC and its namespaces: `ipc/`.
pub(crate) mod ipc {
    pub(crate) mod mqueue;
    pub(crate) mod msg;
    pub(crate) mod namespace;
    pub(crate) mod sem;
    pub(crate) mod shm;
}

/// Memory: `mm/`.
pub(crate) mod mm {
    pub(crate) mod aio;
    pub(crate) mod copy;
    pub(crate) mod fill;
    pub(crate) mod futex;
    pub(crate) mod held;
    pub(crate) mod hugetlb;
    pub(crate) mod memcg;
    pub(crate) mod oom;
    pub(crate) mod page;
    pub(crate) mod policy;
    pub(crate) mod share;
    pub(crate) mod shmem;
    pub(crate) mod space;
    pub(crate) mod userfault;
    pub(crate) mod vdso;
    pub(crate) mod vma;
    pub(crate) mod walk;
}

/// Sockets and network namespaces: `net/`.
pub(crate) mod net {
    pub(crate) mod errqueue;
    pub(crate) mod generic;
    pub(crate) mod inet;
    pub(crate) mod members;
    pub(crate) mod moved;
    pub(crate) mod mptcp;
    pub(crate) mod namespace;
    pub(crate) mod netlink;
    pub(crate) mod nexthop;
    pub(crate) mod packet;
    pub(crate) mod packet_queue;
    pub(crate) mod packet_ring;
    pub(crate) mod socket;
    pub(crate) mod tc;
    pub(crate) mod tcp;
    pub(crate) mod tcp_hints;
    pub(crate) mod tcp_keys;
    pub(crate) mod tcp_outside;
    pub(crate) mod tcp_unseen;
    pub(crate) mod tun;
    pub(crate) mod udp_cork;
    pub(crate) mod unix;
}

/// Namespaces: `kernel/nsproxy.c`.
pub(crate) mod ns {
    pub(crate) mod proxy;
}

/// Pids and their namespaces: `kernel/pid.c`, `kernel/pid_namespace.c`.
pub(crate) mod pid {
    pub(crate) mod namespace;
    pub(crate) mod pidfd;
}

/// Scheduling: `kernel/sched/`.
pub(crate) mod sched {
    pub(crate) mod attr;
    pub(crate) mod sharing;
}

/// Credentials, security modules and seccomp: `kernel/cred.c`, `security/`, `kernel/seccomp.c`.
pub(crate) mod security {
    pub(crate) mod confinement;
    pub(crate) mod cred;
    pub(crate) mod hooks;
    pub(crate) mod label;
    pub(crate) mod seccomp;
    mod told;
}

/// Signals, and system calls that they interrupt: `kernel/signal.c`.
pub(crate) mod signal {
    // `#[export]` requires its functions to be `pub`.
    #[allow(unreachable_pub)]
    pub(crate) mod eintr;
    pub(crate) mod parked;
    pub(crate) mod restart_block;
    pub(crate) mod sighand;
}

/// `struct task_struct`, and what hangs on it: `kernel/sys.c`, `kernel/exit.c`, `kernel/ptrace.c`.
pub(crate) mod task {
    pub(crate) mod controls;
    pub(crate) mod frozen;
    pub(crate) mod limits;
    pub(crate) mod links;
    pub(crate) mod perf;
    pub(crate) mod regset;
    pub(crate) mod root;
    pub(crate) mod stack;
    pub(crate) mod state;
    pub(crate) mod times;
    pub(crate) mod trace;
    pub(crate) mod tree;
    pub(crate) mod unsupported;
}

/// Time, and waiting: `kernel/time/`.
pub(crate) mod time {
    pub(crate) mod itimer;
    pub(crate) mod timer;
    pub(crate) mod wait;
}

/// Our own system calls: `include/uapi/linux/checkpoint.h`.
pub(crate) mod uapi {
    pub(crate) mod args;
}
