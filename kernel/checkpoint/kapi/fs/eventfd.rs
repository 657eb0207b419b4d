// SPDX-License-Identifier: GPL-2.0

//! Eventfds: `fs/eventfd.c`.

use kernel::{
    bindings,
    prelude::*, //
};

use crate::kapi::fs::file::FileRef;

/// The state of an eventfd.
pub(crate) struct Eventfd {
    /// Its counter.
    pub(crate) count: u64,
    /// It is read as a semaphore, by one at a time (EFD_SEMAPHORE).
    pub(crate) semaphore: bool,
    /// Address of what the kernel signals for somebody.
    pub(crate) context: usize,
    /// How many have that: the file itself, and who signals it.
    pub(crate) references: u64,
}

impl Eventfd {
    /// Returns the state of `file`, if it is an eventfd.
    pub(crate) fn of(file: &FileRef) -> Option<Self> {
        let mut state = bindings::checkpoint_eventfd::default();
        // SAFETY: We own a reference on the file; the state is written to our own memory.
        let error = unsafe { bindings::checkpoint_eventfd_get(file.as_ptr(), &mut state) };
        (error == 0).then_some(Self {
            count: state.count,
            semaphore: state.semaphore,
            context: state.context.addr(),
            references: state.references.into(),
        })
    }

    /// Makes a new one, as eventfd2(2) does, with any counter.
    ///
    /// ENFILE, ENOMEM: as of that.
    pub(crate) fn make(count: u64, semaphore: bool) -> Result<FileRef> {
        // SAFETY: Nothing is asked of the arguments; what is returned is an error pointer, or comes
        // with a reference, which is ours.
        unsafe { FileRef::from_owned(bindings::checkpoint_eventfd_make(count, semaphore)) }
    }
}
