// SPDX-License-Identifier: GPL-2.0

//! The two system calls as the kernel defines them: `include/uapi/linux/checkpoint.h`.

use std::io;

/// Number of checkpoint(2), on all architectures.
const NR_CHECKPOINT: libc::c_long = 473;
/// Number of restart(2), on all architectures.
const NR_RESTART: libc::c_long = 474;

/// CHECKPOINT_SUBTREE
pub(crate) const CHECKPOINT_SUBTREE: u64 = 1 << 0;
/// CHECKPOINT_KILL
pub(crate) const CHECKPOINT_KILL: u64 = 1 << 1;
/// CHECKPOINT_FROZEN
pub(crate) const CHECKPOINT_FROZEN: u64 = 1 << 2;
/// CHECKPOINT_DRY_RUN
pub(crate) const CHECKPOINT_DRY_RUN: u64 = 1 << 3;
/// CHECKPOINT_STRICT
pub(crate) const CHECKPOINT_STRICT: u64 = 1 << 4;
/// CHECKPOINT_KILL_ONLY
pub(crate) const CHECKPOINT_KILL_ONLY: u64 = 1 << 5;
/// CHECKPOINT_DROP_KEYS
pub(crate) const CHECKPOINT_DROP_KEYS: u64 = 1 << 6;
/// CHECKPOINT_NET_OUTSIDE
pub(crate) const CHECKPOINT_NET_OUTSIDE: u64 = 1 << 7;

/// RESTART_FROZEN
pub(crate) const RESTART_FROZEN: u64 = 1 << 0;
/// RESTART_SIBLING
pub(crate) const RESTART_SIBLING: u64 = 1 << 1;
/// RESTART_STRICT
pub(crate) const RESTART_STRICT: u64 = 1 << 2;
/// RESTART_CALLER_CONFINEMENT
pub(crate) const RESTART_CALLER_CONFINEMENT: u64 = 1 << 3;

/// RESTART_CALLER_UTS
pub(crate) const RESTART_CALLER_UTS: u64 = 1 << 4;
/// RESTART_CALLER_IPC
pub(crate) const RESTART_CALLER_IPC: u64 = 1 << 5;
/// RESTART_CALLER_NET
pub(crate) const RESTART_CALLER_NET: u64 = 1 << 6;
/// RESTART_TCP_KEEP
pub(crate) const RESTART_TCP_KEEP: u64 = 1 << 7;
/// RESTART_TCP_CLOSE
pub(crate) const RESTART_TCP_CLOSE: u64 = 1 << 8;
/// RESTART_WIPE_ON_FORK
pub(crate) const RESTART_WIPE_ON_FORK: u64 = 1 << 10;
/// RESTART_KEEP_LSM
pub(crate) const RESTART_KEEP_LSM: u64 = 1 << 9;

/// RESTART_FD_OPTIONAL
pub(crate) const RESTART_FD_OPTIONAL: u32 = 1 << 0;
/// RESTART_ADDRESS_PEERS
pub(crate) const RESTART_ADDRESS_PEERS: u32 = 1 << 0;
/// RESTART_RULE_GIVE
pub(crate) const RESTART_RULE_GIVE: u32 = 4;
/// RESTART_RULE_MOVE
pub(crate) const RESTART_RULE_MOVE: u32 = 7;

/// struct checkpoint_fd
#[repr(C)]
pub(crate) struct CheckpointFd {
    pub(crate) pid: i32,
    pub(crate) fd: i32,
}

/// struct restart_fd
#[repr(C)]
pub(crate) struct RestartFd {
    pub(crate) pid: i32,
    pub(crate) fd: i32,
    pub(crate) own_fd: i32,
    pub(crate) flags: u32,
}

/// struct checkpoint_rule
#[repr(C, align(8))]
pub(crate) struct CheckpointRule {
    pub(crate) pattern: u64,
    pub(crate) pid: i32,
    pub(crate) fd: i32,
    pub(crate) action: u32,
    pub(crate) reserved: u32,
}

/// struct checkpoint_range
#[repr(C, align(8))]
pub(crate) struct CheckpointRange {
    pub(crate) pid: i32,
    pub(crate) reserved: u32,
    pub(crate) start: u64,
    pub(crate) end: u64,
}

/// struct restart_rule
#[repr(C, align(8))]
pub(crate) struct RestartRule {
    pub(crate) pattern: u64,
    pub(crate) action: u32,
    pub(crate) own_fd: i32,
}

/// struct restart_map
#[repr(C, align(8))]
pub(crate) struct RestartMap {
    pub(crate) from: u64,
    pub(crate) to: u64,
}

/// struct restart_address
#[repr(C, align(4))]
pub(crate) struct RestartAddress {
    pub(crate) from: [u8; 16],
    pub(crate) to: [u8; 16],
    pub(crate) family: u32,
    pub(crate) prefix: u32,
    pub(crate) flags: u32,
    pub(crate) reserved: u32,
}

/// struct checkpoint_args
#[repr(C, align(8))]
pub(crate) struct CheckpointArgs {
    pub(crate) flags: u64,
    pub(crate) pidfd: i32,
    pub(crate) cgroup_fd: i32,
    pub(crate) image_fd: i32,
    pub(crate) log_fd: i32,
    pub(crate) timeout_ms: u32,
    pub(crate) reserved: u32,
    pub(crate) id: u64,
    pub(crate) external: u64,
    pub(crate) external_count: u32,
    pub(crate) reserved2: u32,
    pub(crate) rules: u64,
    pub(crate) ranges: u64,
    pub(crate) rules_count: u32,
    pub(crate) ranges_count: u32,
    pub(crate) cpu: u64,
    pub(crate) cpu_words: u32,
    pub(crate) cpu_arch: u32,
}

const _: () = assert!(size_of::<CheckpointArgs>() == 96);
const _: () = assert!(size_of::<CheckpointRule>() == 24);
const _: () = assert!(size_of::<CheckpointRange>() == 24);

/// struct restart_args
#[repr(C, align(8))]
pub(crate) struct RestartArgs {
    pub(crate) flags: u64,
    pub(crate) image_fd: i32,
    pub(crate) log_fd: i32,
    pub(crate) cgroup_fd: i32,
    pub(crate) pidfd: i32,
    pub(crate) accept: u64,
    pub(crate) accept_len: u32,
    pub(crate) reserved: u32,
    pub(crate) fds: u64,
    pub(crate) fds_count: u32,
    pub(crate) reserved2: u32,
    pub(crate) rules: u64,
    pub(crate) maps: u64,
    pub(crate) rules_count: u32,
    pub(crate) maps_count: u32,
    pub(crate) environment: u64,
    pub(crate) addresses: u64,
    pub(crate) environment_len: u32,
    pub(crate) addresses_count: u32,
}

const _: () = assert!(size_of::<RestartArgs>() == 104);
const _: () = assert!(size_of::<RestartAddress>() == 48);
const _: () = assert!(size_of::<RestartRule>() == 16);
const _: () = assert!(size_of::<RestartMap>() == 16);

/// Makes checkpoint(2): the id of the checkpoint, or 0 in a task that comes back from it by
/// restart(2).
pub(crate) fn checkpoint(args: &CheckpointArgs) -> io::Result<u64> {
    // SAFETY: the pointer and the size are those of a live structure of the kernel's layout, and
    // the kernel only reads it.
    let ret = unsafe { libc::syscall(NR_CHECKPOINT, args, size_of::<CheckpointArgs>()) };
    u64::try_from(ret).map_err(|_| io::Error::last_os_error())
}

/// Makes restart(2): the pid of the root task; sets `args.pidfd`.
pub(crate) fn restart(args: &mut RestartArgs) -> io::Result<i32> {
    let args: *mut RestartArgs = args;
    // SAFETY: the pointer and the size are those of a live structure of the kernel's layout, and
    // nothing else refers to it during the call.
    let ret = unsafe { libc::syscall(NR_RESTART, args, size_of::<RestartArgs>()) };
    if ret < 0 {
        return Err(io::Error::last_os_error());
    }
    i32::try_from(ret).map_err(|_| io::Error::other("restart(2) returned an impossible pid"))
}
