// SPDX-License-Identifier: GPL-2.0

//! The arguments of our system calls, as they come from user space.

use core::mem::offset_of;

use kernel::{
    bindings,
    error::to_result,
    page::PAGE_SIZE,
    prelude::*, //
};

/// What C calls for a system call: with the address of the caller's structure, and its size.
pub(crate) type Entry = extern "C" fn(*mut c_void, usize) -> c_long;

/// RESTART_FD_OPTIONAL: the image need not have the descriptor.
pub(crate) const FD_OPTIONAL: u32 = bindings::RESTART_FD_OPTIONAL;

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
    /// Address where the caller wants the root's pidfd.
    pub(crate) pidfd_out: usize,
}

impl CheckpointCall {
    /// Reads the caller's structure at `args`, of `size` bytes.
    ///
    /// EINVAL: it is smaller than the first published one. E2BIG: it is larger than a page, or has
    /// something that is not known. EFAULT: it can't be read.
    pub(crate) fn read(args: *mut c_void, size: usize) -> Result<Self> {
        const _: () = assert!(
            size_of::<bindings::checkpoint_args>() == bindings::CHECKPOINT_ARGS_SIZE_VER1 as usize
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
        })
    }
}

impl RestartCall {
    /// Reads the caller's structure at `args`, of `size` bytes. Errors as
    /// [`CheckpointCall::read`].
    pub(crate) fn read(args: *mut c_void, size: usize) -> Result<Self> {
        const _: () = assert!(
            size_of::<bindings::restart_args>() == bindings::RESTART_ARGS_SIZE_VER1 as usize
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
            pidfd_out: args.addr() + offset_of!(bindings::restart_args, pidfd),
        })
    }
}

/// Reads a structure that grows, of which the caller's has `size` bytes, and the first published one
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
