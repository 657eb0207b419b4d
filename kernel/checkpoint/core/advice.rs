// SPDX-License-Identifier: GPL-2.0

//! What the caller says about single descriptors.

use kernel::{
    prelude::*,
    transmute::FromBytes,
    uaccess::{
        UserPtr,
        UserSlice, //
    }, //
};

use crate::kapi::{
    fs::{
        file::FileRef,
        io, //
    },
    uapi::args::FD_OPTIONAL, //
};

/// Most descriptors that the caller of a call may list.
const DESCRIPTORS_MAX: usize = 4096;

/// A descriptor of a process, 0 being that of the root task.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Descriptor {
    /// The process.
    pub(crate) pid: u32,
    /// The descriptor.
    pub(crate) fd: u32,
}

impl Descriptor {
    /// Checks one of the caller's. EINVAL: a number is negative.
    pub(crate) fn new(pid: i32, fd: i32) -> Result<Self> {
        Ok(Self {
            pid: u32::try_from(pid)?,
            fd: u32::try_from(fd)?,
        })
    }

    /// Reads the `count` descriptors of the caller at `addr`; they come sorted.
    ///
    /// E2BIG: there are too many. EINVAL: a number is negative. EFAULT: they are not readable.
    pub(crate) fn read(addr: usize, count: usize) -> Result<KVVec<Self>> {
        let mut list = KVVec::new();
        each::<2>(addr, count, |[pid, fd]| {
            Ok(list.push(Self::new(pid, fd)?, GFP_KERNEL_ACCOUNT)?)
        })?;
        list.sort_unstable();
        Ok(list)
    }
}

/// A file of the caller's in place of one of the image.
pub(crate) struct Given {
    /// The descriptor in the image.
    pub(crate) descriptor: Descriptor,
    /// There need not be one.
    pub(crate) optional: bool,
    /// The caller's descriptor, for messages.
    pub(crate) own_fd: u32,
    /// The file.
    pub(crate) file: FileRef,
}

impl Given {
    /// Reads the `count` of them of the caller at `addr`.
    ///
    /// EBADF: a descriptor of the caller's is not open, or for its path only. Else as
    /// [`Descriptor::read`]; EINVAL also: a flag is not known.
    pub(crate) fn read(addr: usize, count: usize) -> Result<KVVec<Self>> {
        let mut list = KVVec::new();
        each::<4>(addr, count, |[pid, fd, own_fd, flags]| {
            let flags = flags.cast_unsigned();
            if flags & !FD_OPTIONAL != 0 {
                return Err(EINVAL);
            }
            let given = Self {
                descriptor: Descriptor::new(pid, fd)?,
                optional: flags & FD_OPTIONAL != 0,
                file: io::fget(own_fd)?,
                own_fd: own_fd.cast_unsigned(),
            };
            Ok(list.push(given, GFP_KERNEL_ACCOUNT)?)
        })?;
        Ok(list)
    }
}

/// Calls `f` with each of `count` rows of `N` numbers of the caller at `addr`.
fn each<const N: usize>(addr: usize, count: usize, mut f: impl FnMut([i32; N]) -> Result) -> Result
where
    [i32; N]: FromBytes,
{
    if count > DESCRIPTORS_MAX {
        return Err(E2BIG);
    }
    let mut reader =
        UserSlice::new(UserPtr::from_addr(addr), count * size_of::<[i32; N]>()).reader();
    for _ in 0..count {
        f(reader.read()?)?;
    }
    Ok(())
}
