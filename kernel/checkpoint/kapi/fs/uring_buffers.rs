// SPDX-License-Identifier: GPL-2.0

//! Registered buffers of io_urings: `io_uring/checkpoint_rsrc.c`.

use kernel::prelude::*;

#[cfg(CONFIG_IO_URING)]
use kernel::{
    bindings,
    error::to_result,
    num::casts::u32_as_usize, //
};

#[cfg(CONFIG_IO_URING)]
use crate::kapi::fs::uring::LIST_MAX;
use crate::kapi::{
    fs::{
        file::FileRef,
        uring::Uring, //
    },
    mm::space::MmRef,
    task::links::PidRef, //
};

/// A registered buffer.
#[derive(Clone, Copy)]
pub(crate) struct Buffer {
    /// Its address.
    pub(crate) addr: u64,
    /// Its bytes.
    pub(crate) len: u64,
    /// What is posted when it is unregistered; 0: nothing.
    pub(crate) tag: u64,
    /// Its place.
    pub(crate) index: u32,
}

/// Why registered buffers can't be read.
pub(crate) enum BufferWhy {
    /// The memory is not the program's at that address, or not any more.
    Moved,
    /// It is the kernel's.
    Kernel,
}

#[cfg(CONFIG_IO_URING)]
impl Uring {
    /// Returns the registered buffers of `file`, of which this was read, by ascending place, all of which
    /// must be memory of `mm`.
    ///
    /// EBUSY: somebody uses it, or has since. EINTR: SIGKILL came. EINVAL: it is no io_uring.
    pub(crate) fn buffers(
        &self,
        file: &FileRef,
        mm: &MmRef,
    ) -> Result<Result<KVVec<Buffer>, BufferWhy>> {
        let nr = u32_as_usize(self.registered.buffers);
        if !file.is_io_uring() || nr > LIST_MAX {
            return Err(EINVAL);
        }
        let mut raw: KVVec<bindings::checkpoint_uring_buffer> =
            KVVec::with_capacity(nr, GFP_KERNEL_ACCOUNT)?;
        // SAFETY: We own references on the file, which is an io_uring, and on the address space, which
        // has users; there is room for so many.
        let ret = unsafe {
            bindings::checkpoint_uring_buffers(
                file.as_ptr(),
                mm.as_ptr(),
                raw.as_mut_ptr(),
                self.registered.buffers,
            )
        };
        match ret {
            0 => (),
            1 => return Ok(Err(BufferWhy::Moved)),
            2 => return Ok(Err(BufferWhy::Kernel)),
            e => return Err(Error::from_errno(e)),
        }
        // SAFETY: All of them were written, and there is room for them.
        unsafe { raw.inc_len(nr) };
        let mut all = KVVec::with_capacity(nr, GFP_KERNEL_ACCOUNT)?;
        for buffer in &raw {
            let buffer = Buffer {
                addr: buffer.addr,
                len: buffer.len,
                tag: buffer.tag,
                index: buffer.index,
            };
            all.push(buffer, GFP_KERNEL_ACCOUNT)?;
        }
        Ok(Ok(all))
    }

    /// Gives `ring`, which nobody uses yet, so many places for buffers.
    ///
    /// EBUSY: it has some. EACCES: the current task may not register any.
    pub(crate) fn add_buffer_slots(ring: &FileRef, slots: u32) -> Result {
        if !ring.is_io_uring() {
            return Err(EINVAL);
        }
        // SAFETY: We own a reference on the file, which is an io_uring.
        to_result(unsafe { bindings::checkpoint_uring_add_buffers(ring.as_ptr(), slots) })
    }

    /// Registers memory of the task with the pid `task` with `ring`, which nobody uses yet.
    ///
    /// ENOMEM: no memory, or the caller's RLIMIT_MEMLOCK is in the way. ESRCH: there is no such task.
    /// EFAULT: there is no memory that can be written. EEXIST: there is one already. EINVAL: there is
    /// no such place.
    pub(crate) fn add_buffer(ring: &FileRef, task: &PidRef, buffer: &Buffer) -> Result {
        if !ring.is_io_uring() {
            return Err(EINVAL);
        }
        let task = task.task().ok_or(ESRCH)?;
        let buffer = bindings::checkpoint_uring_buffer {
            addr: buffer.addr,
            len: buffer.len,
            tag: buffer.tag,
            index: buffer.index,
        };
        // SAFETY: We own references on the file, which is an io_uring, and on the task.
        to_result(unsafe {
            bindings::checkpoint_uring_add_buffer(ring.as_ptr(), task.as_ptr(), &buffer)
        })
    }
}

#[cfg(not(CONFIG_IO_URING))]
impl Uring {
    /// Returns the registered buffers of an io_uring: there is none.
    pub(crate) fn buffers(
        &self,
        _: &FileRef,
        _: &MmRef,
    ) -> Result<Result<KVVec<Buffer>, BufferWhy>> {
        Err(EINVAL)
    }

    /// Gives an io_uring places for buffers: this kernel can't.
    pub(crate) fn add_buffer_slots(_: &FileRef, _: u32) -> Result {
        Err(EOPNOTSUPP)
    }

    /// Registers a buffer: this kernel can't.
    pub(crate) fn add_buffer(_: &FileRef, _: &PidRef, _: &Buffer) -> Result {
        Err(EOPNOTSUPP)
    }
}
