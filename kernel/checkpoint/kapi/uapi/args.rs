// SPDX-License-Identifier: GPL-2.0

//! The arguments of our system calls, as they come from user space.

use core::mem::offset_of;

use kernel::{
    bindings,
    error::to_result,
    page::PAGE_SIZE,
    prelude::*,
    str::CStr,
    transmute::FromBytes,
    uaccess::{
        UserPtr,
        UserSlice, //
    }, //
};

use crate::kapi::fs::path::PathName;

/// What C calls for a system call: with the address of the caller's structure, and its size.
pub(crate) type Entry = extern "C" fn(*mut c_void, usize) -> c_long;

/// RESTART_FD_OPTIONAL: the image need not have the descriptor.
pub(crate) const FD_OPTIONAL: u32 = bindings::RESTART_FD_OPTIONAL;

/// Most bytes of a string of the caller's, its NUL included.
const STRING_MAX: usize = 4096;

/// CHECKPOINT_RULE_*.
pub(crate) mod rule {
    use kernel::bindings;

    pub(crate) const KEEP: u32 = bindings::CHECKPOINT_RULE_KEEP;
    pub(crate) const REFUSE: u32 = bindings::CHECKPOINT_RULE_REFUSE;
    pub(crate) const CLOSE: u32 = bindings::CHECKPOINT_RULE_CLOSE;
    pub(crate) const EXTERNAL: u32 = bindings::CHECKPOINT_RULE_EXTERNAL;
    pub(crate) const REOPEN: u32 = bindings::CHECKPOINT_RULE_REOPEN;
    pub(crate) const DISCONNECT: u32 = bindings::CHECKPOINT_RULE_DISCONNECT;
    pub(crate) const CONTENTS: u32 = bindings::CHECKPOINT_RULE_CONTENTS;
    pub(crate) const RECONNECT: u32 = bindings::CHECKPOINT_RULE_RECONNECT;
    pub(crate) const MOVE: u32 = bindings::CHECKPOINT_RULE_MOVE;
}

/// RESTART_RULE_*.
pub(crate) mod change {
    use kernel::bindings;

    pub(crate) const REFUSE: u32 = bindings::RESTART_RULE_REFUSE;
    pub(crate) const ACCEPT: u32 = bindings::RESTART_RULE_ACCEPT;
    pub(crate) const TRUNCATE: u32 = bindings::RESTART_RULE_TRUNCATE;
    pub(crate) const GIVE: u32 = bindings::RESTART_RULE_GIVE;
    pub(crate) const DISCONNECT: u32 = bindings::RESTART_RULE_DISCONNECT;
    pub(crate) const RENAME: u32 = bindings::RESTART_RULE_RENAME;
    pub(crate) const MOVE: u32 = bindings::RESTART_RULE_MOVE;
}

/// What C declares is such a function.
const _: [unsafe extern "C" fn(*mut c_void, usize) -> c_long; 2] =
    [bindings::checkpoint_do, bindings::restart_do];

/// The arguments of checkpoint(2) as they came.
pub(crate) struct CheckpointCall {
    /// CHECKPOINT_* flags.
    pub(crate) flags: u64,
    /// The root task, or -1.
    pub(crate) pidfd: i32,
    /// The cgroup, or -1.
    pub(crate) cgroup_fd: i32,
    /// The image, or -1.
    pub(crate) image_fd: i32,
    /// The messages, or -1.
    pub(crate) log_fd: i32,
    /// Milliseconds within which all tasks must freeze, or 0.
    pub(crate) timeout_ms: u32,
    /// The checkpoint that has left the tasks frozen, or 0.
    pub(crate) id: u64,
    /// Some field that must be zero is not.
    pub(crate) reserved: bool,
    /// Address of the descriptors that stay outside.
    pub(crate) external: usize,
    /// How many there are.
    pub(crate) external_count: usize,
    /// Address of the rules for descriptors, and how many there are.
    pub(crate) rules: (usize, usize),
    /// Address of the ranges of memory that are left out, and how many there are.
    pub(crate) ranges: (usize, usize),
    /// Address of the words of the CPU that the image is for, and how many there are.
    pub(crate) cpu: (usize, usize),
    /// Its architecture.
    pub(crate) cpu_arch: u32,
}

/// The arguments of restart(2) as they came.
pub(crate) struct RestartCall {
    /// RESTART_* flags.
    pub(crate) flags: u64,
    /// The image.
    pub(crate) image_fd: i32,
    /// The messages, or -1.
    pub(crate) log_fd: i32,
    /// The cgroup, or -1.
    pub(crate) cgroup_fd: i32,
    /// Some field that must be zero is not.
    pub(crate) reserved: bool,
    /// Address of the patterns of paths whose differences are accepted.
    pub(crate) accept: usize,
    /// Bytes of them.
    pub(crate) accept_len: usize,
    /// Address of the files that are given in place of those of the image.
    pub(crate) fds: usize,
    /// How many there are.
    pub(crate) fds_count: usize,
    /// Address of the rules for files that differ, and how many there are.
    pub(crate) rules: (usize, usize),
    /// Address of the paths that are others now, and how many there are.
    pub(crate) maps: (usize, usize),
    /// Address of the text for the tasks, and its bytes.
    pub(crate) environment: (usize, usize),
    /// Address of the addresses of sockets that are others now, and how many there are.
    pub(crate) addresses: (usize, usize),
    /// Address where the root's pidfd is stored.
    pub(crate) pidfd_out: usize,
}

impl CheckpointCall {
    /// Reads the caller's structure at `args`, of `size` bytes.
    ///
    /// EINVAL: it is smaller than the first published one. E2BIG: it is larger than a page, or has
    /// something that is not known. EFAULT: it can't be read.
    pub(crate) fn read(args: *mut c_void, size: usize) -> Result<Self> {
        const _: () = assert!(
            size_of::<bindings::checkpoint_args>() == bindings::CHECKPOINT_ARGS_SIZE_VER3 as usize
        );
        let mut a: bindings::checkpoint_args = pin_init::zeroed();
        // SAFETY: A structure of integers.
        unsafe { read(&mut a, args, size, bindings::CHECKPOINT_ARGS_SIZE_VER0)? };
        Ok(Self {
            flags: a.flags,
            pidfd: a.pidfd,
            cgroup_fd: a.cgroup_fd,
            image_fd: a.image_fd,
            log_fd: a.log_fd,
            timeout_ms: a.timeout_ms,
            id: a.id,
            reserved: a.reserved != 0 || a.reserved2 != 0,
            external: usize::try_from(a.external)?,
            external_count: a.external_count as usize,
            rules: (usize::try_from(a.rules)?, a.rules_count as usize),
            ranges: (usize::try_from(a.ranges)?, a.ranges_count as usize),
            cpu: (usize::try_from(a.cpu)?, a.cpu_words as usize),
            cpu_arch: a.cpu_arch,
        })
    }
}

impl RestartCall {
    /// Reads the caller's structure at `args`, of `size` bytes. Errors as
    /// [`CheckpointCall::read`].
    pub(crate) fn read(args: *mut c_void, size: usize) -> Result<Self> {
        const _: () = assert!(
            size_of::<bindings::restart_args>() == bindings::RESTART_ARGS_SIZE_VER3 as usize
        );
        let mut a: bindings::restart_args = pin_init::zeroed();
        // SAFETY: A structure of integers.
        unsafe { read(&mut a, args, size, bindings::RESTART_ARGS_SIZE_VER0)? };
        Ok(Self {
            flags: a.flags,
            image_fd: a.image_fd,
            log_fd: a.log_fd,
            cgroup_fd: a.cgroup_fd,
            reserved: a.reserved != 0 || a.reserved2 != 0,
            accept: usize::try_from(a.accept)?,
            accept_len: a.accept_len as usize,
            fds: usize::try_from(a.fds)?,
            fds_count: a.fds_count as usize,
            rules: (usize::try_from(a.rules)?, a.rules_count as usize),
            maps: (usize::try_from(a.maps)?, a.maps_count as usize),
            environment: (usize::try_from(a.environment)?, a.environment_len as usize),
            addresses: (usize::try_from(a.addresses)?, a.addresses_count as usize),
            pidfd_out: args.addr() + offset_of!(bindings::restart_args, pidfd),
        })
    }
}

/// Reads a structure that grows; the caller's has `size` bytes, and the first published one
/// had `first`.
///
/// # Safety
///
/// `T` may have any bytes.
unsafe fn read<T>(to: &mut T, from: *mut c_void, size: usize, first: u32) -> Result {
    if size < first as usize {
        return Err(EINVAL);
    }
    if size > PAGE_SIZE {
        return Err(E2BIG);
    }
    // SAFETY: There is room for so many bytes, which may be any; the other address is checked there.
    to_result(unsafe {
        bindings::copy_struct_from_user((&raw mut *to).cast(), size_of::<T>(), from, size)
    })
}

/// A row of an array of the caller's, as it came.
#[repr(transparent)]
struct Row<T>(T);

// SAFETY: A structure of integers: any bytes will do.
unsafe impl FromBytes for Row<bindings::checkpoint_rule> {}
// SAFETY: A structure of integers: any bytes will do.
unsafe impl FromBytes for Row<bindings::checkpoint_range> {}
// SAFETY: A structure of integers: any bytes will do.
unsafe impl FromBytes for Row<bindings::restart_rule> {}
// SAFETY: A structure of integers: any bytes will do.
unsafe impl FromBytes for Row<bindings::restart_map> {}
// SAFETY: A structure of integers: any bytes will do.
unsafe impl FromBytes for Row<bindings::restart_address> {}

/// Calls `f` with each row of the caller's array `at` (address and length), of which there may be
/// `max`.
///
/// E2BIG: there are more. EFAULT: they are not readable.
fn rows<T>(at: (usize, usize), max: usize, mut f: impl FnMut(T) -> Result) -> Result
where
    Row<T>: FromBytes,
{
    let (addr, count) = at;
    if count > max {
        return Err(E2BIG);
    }
    let mut reader = UserSlice::new(UserPtr::from_addr(addr), count * size_of::<T>()).reader();
    for _ in 0..count {
        let Row(row) = reader.read()?;
        f(row)?;
    }
    Ok(())
}

/// Reads words of the caller's at `at` (address and number); those that it has not are zero.
///
/// E2BIG: there are more than `N`. EFAULT: they are not readable.
pub(crate) fn words<const N: usize>((addr, count): (usize, usize)) -> Result<[u64; N]> {
    let mut words = [0; N];
    let to = words.get_mut(..count).ok_or(E2BIG)?;
    let mut reader = UserSlice::new(UserPtr::from_addr(addr), count * size_of::<u64>()).reader();
    for word in to {
        *word = reader.read()?;
    }
    Ok(words)
}

/// Reads an environment, of `at` (address and bytes).
///
/// E2BIG: it has more than [`bindings::RESTART_ENVIRONMENT_MAX`] bytes. EINVAL: a string in it has no
/// name and no `=` after that, or the last one has no NUL. EFAULT: it is not readable.
pub(crate) fn environment((addr, len): (usize, usize)) -> Result<KVVec<u8>> {
    if len > bindings::RESTART_ENVIRONMENT_MAX as usize {
        return Err(E2BIG);
    }
    let mut bytes = KVVec::new();
    UserSlice::new(UserPtr::from_addr(addr), len).read_all(&mut bytes, GFP_KERNEL_ACCOUNT)?;
    if bytes.last().is_some_and(|&last| last != 0) {
        return Err(EINVAL);
    }
    let strings = || bytes.split(|&c| c == 0);
    // After the last NUL comes nothing.
    let count = strings().count().saturating_sub(1);
    if !strings()
        .take(count)
        .all(|s| s.iter().position(|&c| c == b'=').is_some_and(|at| at > 0))
    {
        return Err(EINVAL);
    }
    Ok(bytes)
}

/// Reads a string of the caller's. E2BIG: it is longer than a path may be. EINVAL: it is empty.
fn string(addr: u64) -> Result<PathName> {
    let mut buf = KVVec::from_elem(0u8, STRING_MAX, GFP_KERNEL_ACCOUNT)?;
    let text: &CStr = UserSlice::new(UserPtr::from_addr(usize::try_from(addr)?), STRING_MAX)
        .reader()
        .strcpy_into_buf(&mut buf)?;
    match text.to_bytes() {
        [] => Err(EINVAL),
        // It was cut off, or might have been.
        bytes if bytes.len() >= STRING_MAX - 1 => Err(E2BIG),
        bytes => PathName::new(bytes),
    }
}

/// `struct checkpoint_rule` as it came.
pub(crate) struct RuleRow {
    /// A pattern of names; `None`: the rule is for one descriptor.
    pub(crate) pattern: Option<PathName>,
    /// The process; 0: that of the root task.
    pub(crate) pid: i32,
    /// The descriptor.
    pub(crate) fd: i32,
    /// One of [`rule`], or none that is known.
    pub(crate) action: u32,
}

impl RuleRow {
    /// Calls `f` with each of those of the caller at `at`, at most `max`.
    ///
    /// EINVAL: what must be zero is not, or a pattern is empty. Else as of [`rows`] and [`string`].
    pub(crate) fn each(
        at: (usize, usize),
        max: usize,
        mut f: impl FnMut(Self) -> Result,
    ) -> Result {
        rows(at, max, |row: bindings::checkpoint_rule| {
            let named = row.pattern != 0;
            if row.reserved != 0 || (named && (row.pid != 0 || row.fd != 0)) {
                return Err(EINVAL);
            }
            f(Self {
                pattern: named.then(|| string(row.pattern)).transpose()?,
                pid: row.pid,
                fd: row.fd,
                action: row.action,
            })
        })
    }
}

/// Calls `f` with each `struct checkpoint_range` of the caller at `at`, at most `max`: process, start
/// and end. EINVAL: what must be zero is not. Else as of [`rows`].
pub(crate) fn each_range(
    at: (usize, usize),
    max: usize,
    mut f: impl FnMut(i32, u64, u64) -> Result,
) -> Result {
    rows(at, max, |row: bindings::checkpoint_range| {
        if row.reserved != 0 {
            return Err(EINVAL);
        }
        f(row.pid, row.start, row.end)
    })
}

/// Calls `f` with each `struct restart_rule` of the caller at `at`, at most `max`: pattern, one of
/// [`change`] or none that is known, and a descriptor of the caller's. Errors as of [`RuleRow::each`].
pub(crate) fn each_change(
    at: (usize, usize),
    max: usize,
    mut f: impl FnMut(PathName, u32, i32) -> Result,
) -> Result {
    rows(at, max, |row: bindings::restart_rule| {
        if !matches!(row.action, change::GIVE | change::MOVE) && row.own_fd != 0 {
            return Err(EINVAL);
        }
        f(string(row.pattern)?, row.action, row.own_fd)
    })
}

/// Calls `f` with each `struct restart_map` of the caller at `at`, at most `max`: the path in the
/// image, and that where it is now. Errors as of [`rows`] and [`string`].
pub(crate) fn each_map(
    at: (usize, usize),
    max: usize,
    mut f: impl FnMut(PathName, PathName) -> Result,
) -> Result {
    rows(at, max, |row: bindings::restart_map| {
        f(string(row.from)?, string(row.to)?)
    })
}

/// `struct restart_address` as it came.
pub(crate) struct AddressRow {
    /// What an address begins with.
    pub(crate) from: [u8; 16],
    /// What it begins with now.
    pub(crate) to: [u8; 16],
    /// Its family, one of [`address`], or none that is known.
    pub(crate) family: u32,
    /// How many bits that is.
    pub(crate) prefix: u32,
    /// Flags of [`address`], and others.
    pub(crate) flags: u32,
}

/// Numbers of `struct restart_address`.
pub(crate) mod address {
    use kernel::bindings;

    /// AF_INET.
    pub(crate) const INET: u32 = bindings::AF_INET;
    /// AF_INET6.
    pub(crate) const INET6: u32 = bindings::AF_INET6;
    /// RESTART_ADDRESS_PEERS.
    pub(crate) const PEERS: u32 = bindings::RESTART_ADDRESS_PEERS;
}

/// Calls `f` with each `struct restart_address` of the caller at `at`, at most `max`. EINVAL: what must be
/// zero is not. Else as of [`rows`].
pub(crate) fn each_address(
    at: (usize, usize),
    max: usize,
    mut f: impl FnMut(AddressRow) -> Result,
) -> Result {
    rows(at, max, |row: bindings::restart_address| {
        if row.reserved != 0 {
            return Err(EINVAL);
        }
        f(AddressRow {
            from: row.from,
            to: row.to,
            family: row.family,
            prefix: row.prefix,
            flags: row.flags,
        })
    })
}
