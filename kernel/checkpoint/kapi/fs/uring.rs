// SPDX-License-Identifier: GPL-2.0

//! io_urings: `io_uring/`.

use kernel::prelude::*;

#[cfg(CONFIG_IO_URING)]
use kernel::{
    bindings,
    error::to_result, //
};

use crate::kapi::fs::file::FileRef;

/// What an io_uring has that can't be read, or that its user has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// It was set up in another way.
    Flags,
    /// By a 32-bit program.
    Compat,
    /// Requests are in flight.
    InFlight,
    /// Completions have found no room.
    Overflow,
    /// Registered files.
    Files,
    /// Registered or provided buffers.
    Buffers,
    /// A registered eventfd.
    Eventfd,
    /// Personalities.
    Personalities,
    /// Restrictions.
    Restricted,
    /// Settings of its workers.
    Workers,
    /// Something else.
    Other,
}

/// An io_uring.
#[derive(Clone, Copy)]
pub(crate) struct Uring {
    /// IORING_SETUP_*.
    pub(crate) setup: u32,
    /// Number of submission queue entries.
    pub(crate) sq_entries: u32,
    /// Number of completion queue entries.
    pub(crate) cq_entries: u32,
    /// Where the kernel reads the next submission.
    pub(crate) sq_head: u32,
    /// Where it writes the next completion.
    pub(crate) cq_tail: u32,
    /// Requests can't be drained any more.
    pub(crate) drain_disabled: bool,
    /// Bytes of its rings.
    pub(crate) rings: usize,
    /// Bytes of its submission queue entries.
    pub(crate) sqes: usize,
}

#[cfg(CONFIG_IO_URING)]
impl Uring {
    fn from_raw(state: &bindings::checkpoint_uring) -> Self {
        Self {
            setup: state.setup,
            sq_entries: state.sq_entries,
            cq_entries: state.cq_entries,
            sq_head: state.sq_head,
            cq_tail: state.cq_tail,
            drain_disabled: state.drain_disabled,
            rings: state.rings_size,
            sqes: state.sqes_size,
        }
    }

    fn to_raw(self) -> bindings::checkpoint_uring {
        bindings::checkpoint_uring {
            setup: self.setup,
            sq_entries: self.sq_entries,
            cq_entries: self.cq_entries,
            sq_head: self.sq_head,
            cq_tail: self.cq_tail,
            drain_disabled: self.drain_disabled,
            rings_size: self.rings,
            sqes_size: self.sqes,
        }
    }

    /// Reads `file`, an io_uring, and what it has that can't be read.
    ///
    /// EBUSY: somebody uses it. EINVAL: it is none.
    pub(crate) fn of(file: &FileRef) -> Result<(Self, Option<Why>)> {
        if !file.is_io_uring() {
            return Err(EINVAL);
        }
        let mut state = bindings::checkpoint_uring::default();
        // SAFETY: We own a reference on the file, which is an io_uring; the state is written to our
        // own memory.
        let ret = unsafe { bindings::checkpoint_uring_get(file.as_ptr(), &mut state) };
        if ret < 0 {
            return Err(Error::from_errno(ret));
        }
        let why = match ret.cast_unsigned() {
            0 => None,
            bindings::CHECKPOINT_URING_FLAGS => Some(Why::Flags),
            bindings::CHECKPOINT_URING_COMPAT => Some(Why::Compat),
            bindings::CHECKPOINT_URING_IN_FLIGHT => Some(Why::InFlight),
            bindings::CHECKPOINT_URING_OVERFLOW => Some(Why::Overflow),
            bindings::CHECKPOINT_URING_FILES => Some(Why::Files),
            bindings::CHECKPOINT_URING_BUFFERS => Some(Why::Buffers),
            bindings::CHECKPOINT_URING_EVENTFD => Some(Why::Eventfd),
            bindings::CHECKPOINT_URING_PERSONALITIES => Some(Why::Personalities),
            bindings::CHECKPOINT_URING_RESTRICTED => Some(Why::Restricted),
            bindings::CHECKPOINT_URING_WORKERS => Some(Why::Workers),
            _ => Some(Why::Other),
        };
        Ok((Self::from_raw(&state), why))
    }

    /// Returns the memory of `file`, of which this was read: rings, then submission queue entries.
    ///
    /// EBUSY: somebody uses it, or has since. EINVAL: it is no io_uring.
    pub(crate) fn memory(&self, file: &FileRef) -> Result<KVVec<u8>> {
        if !file.is_io_uring() {
            return Err(EINVAL);
        }
        let len = self.rings.checked_add(self.sqes).ok_or(EINVAL)?;
        let mut memory: KVVec<u8> = KVVec::with_capacity(len, GFP_KERNEL_ACCOUNT)?;
        let rings = memory.as_mut_ptr();
        // SAFETY: We own a reference on the file, which is an io_uring. There is room for so many
        // bytes, of which the first are the rings: no more are written than this says.
        to_result(unsafe {
            bindings::checkpoint_uring_read(
                file.as_ptr(),
                &self.to_raw(),
                rings.cast(),
                rings.add(self.rings).cast(),
            )
        })?;
        // SAFETY: All of them were written, and there is room for them.
        unsafe { memory.inc_len(len) };
        Ok(memory)
    }

    /// Makes one with these contents of its memory, with the current task's rights.
    ///
    /// EPERM: the task may have none. EINVAL: the kernel would give it another size, or the memory
    /// is of another one. Else as of io_uring_setup(2).
    pub(crate) fn make(&self, memory: &[u8]) -> Result<FileRef> {
        let (rings, sqes) = memory.split_at_checked(self.rings).ok_or(EINVAL)?;
        if sqes.len() != self.sqes {
            return Err(EINVAL);
        }
        // SAFETY: So many bytes are there of both as this says. The current task is one that may
        // make one; what is returned is an error pointer, or comes with a reference, which is ours.
        unsafe {
            FileRef::from_owned(bindings::checkpoint_uring_make(
                &self.to_raw(),
                rings.as_ptr().cast(),
                sqes.as_ptr().cast(),
            ))
        }
    }
}

#[cfg(not(CONFIG_IO_URING))]
impl Uring {
    /// Reads an io_uring: there is none.
    pub(crate) fn of(_: &FileRef) -> Result<(Self, Option<Why>)> {
        Err(EINVAL)
    }

    /// Returns the memory of an io_uring: there is none.
    pub(crate) fn memory(&self, _: &FileRef) -> Result<KVVec<u8>> {
        Err(EINVAL)
    }

    /// Makes one: this kernel can't.
    pub(crate) fn make(&self, _: &[u8]) -> Result<FileRef> {
        Err(EOPNOTSUPP)
    }
}

/// That an io_uring may be mapped at an address, which it can't be but for a moment.
pub(crate) struct Placed<'a>(#[cfg_attr(not(CONFIG_IO_URING), allow(dead_code))] &'a FileRef);

impl<'a> Placed<'a> {
    /// Lets `file`, which only this restart has, be mapped so, if it is an io_uring.
    pub(crate) fn new(file: &'a FileRef) -> Option<Self> {
        if !file.is_io_uring() {
            return None;
        }
        #[cfg(CONFIG_IO_URING)]
        // SAFETY: We own a reference on the file, which is an io_uring.
        unsafe {
            bindings::checkpoint_uring_place(file.as_ptr(), true)
        };
        Some(Self(file))
    }
}

impl Drop for Placed<'_> {
    fn drop(&mut self) {
        #[cfg(CONFIG_IO_URING)]
        // SAFETY: We have a reference on the file, which is an io_uring.
        unsafe {
            bindings::checkpoint_uring_place(self.0.as_ptr(), false)
        };
    }
}
