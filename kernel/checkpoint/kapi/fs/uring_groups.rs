// SPDX-License-Identifier: GPL-2.0

//! Buffers that are provided to io_urings: `io_uring/checkpoint_kbuf.c`.

use kernel::prelude::*;

#[cfg(CONFIG_IO_URING)]
use kernel::{
    bindings,
    error::to_result,
    num::casts::u32_as_usize,
    page::PAGE_SIZE, //
};

#[cfg(CONFIG_IO_URING)]
use crate::kapi::{
    fs::uring::LIST_MAX,
    time::wait, //
};
use crate::kapi::{
    fs::{
        file::FileRef,
        uring::Uring, //
    },
    mm::space::MmRef,
    task::links::PidRef, //
};

/// A group of buffers, from which requests get one when there is something for it.
pub(crate) struct Group {
    /// Its number.
    pub(crate) group: u32,
    /// What it is.
    pub(crate) kind: GroupKind,
}

/// What a group of buffers is.
pub(crate) enum GroupKind {
    /// A list: IORING_OP_PROVIDE_BUFFERS.
    List(KVVec<Provided>),
    /// A ring: IORING_REGISTER_PBUF_RING.
    Ring {
        /// Its address in memory of a program; 0: it is memory of the kernel (IOU_PBUF_RING_MMAP).
        addr: u64,
        /// What is in that of the kernel: whole pages.
        memory: KVVec<u8>,
        /// How many entries it has.
        entries: u32,
        /// Where the kernel takes the next buffer.
        head: u32,
        /// With fewer bytes than that a buffer is used up; 0: with none.
        min_left: u32,
        /// Buffers are used bit by bit.
        incremental: bool,
    },
}

/// A buffer of a list.
#[derive(Clone, Copy)]
pub(crate) struct Provided {
    /// Its address.
    pub(crate) addr: u64,
    /// Its bytes.
    pub(crate) len: u32,
    /// Its number.
    pub(crate) bid: u16,
}

/// Returns the bytes of a ring of buffers in memory of the kernel with so many entries.
#[cfg(CONFIG_IO_URING)]
fn ring_size(entries: u32) -> usize {
    u32_as_usize(entries)
        .saturating_mul(size_of::<bindings::io_uring_buf>())
        .next_multiple_of(PAGE_SIZE)
}

/// Returns what is in the ring of buffers `group` of `file`, an io_uring, which is memory of the kernel.
///
/// EBUSY: somebody uses it, or has since. EINTR: SIGKILL came.
#[cfg(CONFIG_IO_URING)]
fn ring_memory(file: &FileRef, group: u32, entries: u32) -> Result<KVVec<u8>> {
    // There may be many, of half a megabyte each.
    wait::go_on()?;
    let size = ring_size(entries);
    let mut memory: KVVec<u8> = KVVec::with_capacity(size, GFP_KERNEL_ACCOUNT)?;
    // SAFETY: We own a reference on the file, which is an io_uring; there is room for so many bytes.
    to_result(unsafe {
        bindings::checkpoint_uring_ring_memory(
            file.as_ptr(),
            group,
            memory.as_mut_ptr().cast(),
            size,
        )
    })?;
    // SAFETY: All of them were written, and there is room for them.
    unsafe { memory.inc_len(size) };
    Ok(memory)
}

#[cfg(CONFIG_IO_URING)]
impl Uring {
    /// Returns the buffers that are provided to `file`, of which this was read, by ascending number of
    /// their group. `None`: a ring of them is not memory of `mm`, or not any more.
    ///
    /// EBUSY: somebody uses it, or has since. EINTR: SIGKILL came. EINVAL: it is no io_uring, or has too
    /// many.
    pub(crate) fn groups(&self, file: &FileRef, mm: &MmRef) -> Result<Option<KVVec<Group>>> {
        let has = &self.registered;
        let (nr, provided) = (u32_as_usize(has.groups), u32_as_usize(has.provided));
        if !file.is_io_uring() || nr > LIST_MAX || provided > LIST_MAX {
            return Err(EINVAL);
        }
        let mut raw: KVVec<bindings::checkpoint_uring_group> =
            KVVec::with_capacity(nr, GFP_KERNEL_ACCOUNT)?;
        for _ in 0..nr {
            raw.push(Default::default(), GFP_KERNEL_ACCOUNT)?;
        }
        let mut buffers: KVVec<bindings::checkpoint_uring_provided> =
            KVVec::with_capacity(provided, GFP_KERNEL_ACCOUNT)?;
        // SAFETY: We own references on the file, which is an io_uring, and on the address space, which
        // has users; there is room for as many groups, all of it zeroed, and buffers as the state tells.
        let ret = unsafe {
            bindings::checkpoint_uring_groups(
                file.as_ptr(),
                &self.to_raw(),
                mm.as_ptr(),
                raw.as_mut_ptr(),
                buffers.as_mut_ptr(),
            )
        };
        match ret {
            0 => (),
            1 => return Ok(None),
            e => return Err(Error::from_errno(e)),
        }
        // SAFETY: All of them were written, and there is room for them.
        unsafe { buffers.inc_len(provided) };
        let mut left = &buffers[..];
        let mut all = KVVec::with_capacity(nr, GFP_KERNEL_ACCOUNT)?;
        for from in &raw {
            let kind = if from.entries != 0 {
                GroupKind::Ring {
                    addr: from.addr,
                    memory: match from.addr {
                        0 => ring_memory(file, from.group, from.entries)?,
                        _ => KVVec::new(),
                    },
                    entries: from.entries,
                    head: from.head,
                    min_left: from.min_left,
                    incremental: from.incremental,
                }
            } else {
                let (own, rest) = left
                    .split_at_checked(u32_as_usize(from.buffers))
                    .ok_or(EINVAL)?;
                let mut list = KVVec::with_capacity(own.len(), GFP_KERNEL_ACCOUNT)?;
                for buffer in own {
                    let buffer = Provided {
                        addr: buffer.addr,
                        len: buffer.len,
                        bid: buffer.bid,
                    };
                    list.push(buffer, GFP_KERNEL_ACCOUNT)?;
                }
                left = rest;
                GroupKind::List(list)
            };
            let group = Group {
                group: from.group,
                kind,
            };
            all.push(group, GFP_KERNEL_ACCOUNT)?;
        }
        Ok(Some(all))
    }

    /// Returns whether the `len` bytes at `start` in `mm` are all of the ring of buffers `group` of `file`,
    /// which is memory of the kernel.
    ///
    /// EBUSY: somebody uses it. EINTR: SIGKILL came. EINVAL: it is no io_uring.
    pub(crate) fn maps_ring(
        file: &FileRef,
        group: u32,
        mm: &MmRef,
        start: usize,
        len: usize,
    ) -> Result<bool> {
        if !file.is_io_uring() {
            return Err(EINVAL);
        }
        // SAFETY: We own references on the file, which is an io_uring, and on the address space, which
        // has users.
        match unsafe {
            bindings::checkpoint_uring_maps_ring(file.as_ptr(), group, mm.as_ptr(), start, len)
        } {
            e if e < 0 => Err(Error::from_errno(e)),
            ret => Ok(ret != 0),
        }
    }

    /// Returns whether what is mapped at `start` in `mm` is the memory that `file` has: its submission queue
    /// entries, if it is to be of these, or else its rings.
    ///
    /// EBUSY: somebody uses it. EINTR: SIGKILL came. EINVAL: it is no io_uring.
    pub(crate) fn maps(file: &FileRef, entries: bool, mm: &MmRef, start: usize) -> Result<bool> {
        if !file.is_io_uring() {
            return Err(EINVAL);
        }
        // SAFETY: We own references on the file, which is an io_uring, and on the address space, which
        // has users.
        match unsafe { bindings::checkpoint_uring_maps(file.as_ptr(), entries, mm.as_ptr(), start) }
        {
            e if e < 0 => Err(Error::from_errno(e)),
            ret => Ok(ret != 0),
        }
    }

    /// Provides buffers to `ring`, which nobody uses yet; if they are in a ring in memory of a program,
    /// that is the one of the task with the pid `task`.
    ///
    /// EACCES: the caller may not provide any. EEXIST: there is such a group. EFAULT: there is no memory
    /// that can be written, or buffers are none of programs. EINVAL: the group is impossible. ENOMEM: no
    /// memory. ESRCH: there is no such task.
    pub(crate) fn add_group(ring: &FileRef, task: Option<&PidRef>, group: &Group) -> Result {
        if !ring.is_io_uring() {
            return Err(EINVAL);
        }
        let mut raw = bindings::checkpoint_uring_group {
            group: group.group,
            ..Default::default()
        };
        let mut buffers: KVVec<bindings::checkpoint_uring_provided> = KVVec::new();
        let mut contents: &[u8] = &[];
        let task = match &group.kind {
            GroupKind::List(list) => {
                raw.buffers = u32::try_from(list.len())?;
                for from in list {
                    let buffer = bindings::checkpoint_uring_provided {
                        addr: from.addr,
                        len: from.len,
                        bid: from.bid,
                    };
                    buffers.push(buffer, GFP_KERNEL_ACCOUNT)?;
                }
                None
            }
            GroupKind::Ring {
                addr,
                memory,
                entries,
                head,
                min_left,
                incremental,
            } => {
                if *addr == 0 && memory.len() != ring_size(*entries) {
                    return Err(EINVAL);
                }
                contents = memory;
                raw.addr = *addr;
                raw.entries = *entries;
                raw.head = *head;
                raw.min_left = *min_left;
                raw.incremental = *incremental;
                match addr {
                    0 => None,
                    _ => Some(task.and_then(PidRef::task).ok_or(ESRCH)?),
                }
            }
        };
        let task = task
            .as_ref()
            .map_or(core::ptr::null_mut(), |task| task.as_ptr());
        // SAFETY: We own a reference on the file, which is an io_uring, and on the task, if there is
        // one, which does not run. There are as many buffers, and bytes of a ring of the kernel, as the
        // group says during the call.
        to_result(unsafe {
            bindings::checkpoint_uring_add_group(
                ring.as_ptr(),
                task,
                &raw,
                buffers.as_ptr(),
                contents.as_ptr().cast(),
            )
        })
    }
}

#[cfg(not(CONFIG_IO_URING))]
impl Uring {
    /// Returns the buffers that are provided to an io_uring: there is none.
    pub(crate) fn groups(&self, _: &FileRef, _: &MmRef) -> Result<Option<KVVec<Group>>> {
        Err(EINVAL)
    }

    /// Returns whether its memory is mapped there: there is none.
    pub(crate) fn maps(_: &FileRef, _: bool, _: &MmRef, _: usize) -> Result<bool> {
        Err(EINVAL)
    }

    /// Returns whether memory is a ring of buffers: there is none.
    pub(crate) fn maps_ring(_: &FileRef, _: u32, _: &MmRef, _: usize, _: usize) -> Result<bool> {
        Err(EINVAL)
    }

    /// Provides buffers: this kernel can't.
    pub(crate) fn add_group(_: &FileRef, _: Option<&PidRef>, _: &Group) -> Result {
        Err(EOPNOTSUPP)
    }
}
