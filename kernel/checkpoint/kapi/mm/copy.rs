// SPDX-License-Identifier: GPL-2.0

//! Copies of address spaces.

use core::ptr::NonNull;

use kernel::{
    bindings,
    prelude::*, //
};

use crate::kapi::{
    mm::{
        space::{
            flag,
            MmRef, //
        },
        walk::STRIDE, //
    },
    time::wait, //
};

/// A copy-on-write copy of an address space, as fork() makes it.
///
/// No task runs in it. When memory runs out, the OOM killer takes what it has before it looks for a
/// task (`copy.c`): see [`Self::is_given_up`].
///
/// # Invariants
///
/// `_entry` is what checkpoint_copy_add() gave for `mm`.
pub(crate) struct MmCopy {
    // Before the reference: while the OOM killer has it, it must not go.
    _entry: Entry,
    mm: MmRef,
}

/// What the OOM killer knows of a copy.
///
/// # Invariants
///
/// checkpoint_copy_add() gave it, and checkpoint_copy_del() was not called for it.
struct Entry(NonNull<bindings::checkpoint_copy>);

// SAFETY: It is on a list that has a lock of its own; any thread may take it off.
unsafe impl Send for Entry {}

// SAFETY: Nothing is done through a shared reference.
unsafe impl Sync for Entry {}

impl Drop for Entry {
    fn drop(&mut self) {
        // SAFETY: By the type's invariants it is one to be taken off the list, which ends here.
        unsafe { bindings::checkpoint_copy_del(self.0.as_ptr()) };
    }
}

impl MmCopy {
    /// Copies `mm`, whose tasks do not run. May sleep.
    ///
    /// ENOMEM; EINTR: SIGKILL came.
    pub(crate) fn new(mm: &MmRef) -> Result<Self> {
        let copy = mm.copy()?;
        // SAFETY: We own references on both; the entry is dropped before that on the copy.
        let entry = unsafe { bindings::checkpoint_copy_add(copy.as_ptr(), mm.as_ptr()) };
        // INVARIANT: It was just given.
        let entry = NonNull::new(entry).map(Entry).ok_or(ENOMEM)?;
        // INVARIANT: The entry was just given, for that copy.
        Ok(Self {
            _entry: entry,
            mm: copy,
        })
    }

    /// Returns the copy.
    pub(crate) fn mm(&self) -> &MmRef {
        &self.mm
    }

    /// Sees to it that MADV_FREE of those who share the pages from `start` to `end` with the copy
    /// leaves them to it. To be called before the tasks run again. May sleep.
    ///
    /// EINTR: SIGKILL came.
    pub(crate) fn keep(&self, start: usize, end: usize) -> Result {
        let mut at = start;
        while at < end {
            wait::go_on()?;
            let stride = at.saturating_add(STRIDE).min(end);
            let _lock = self.mm.read_lock()?;
            // SAFETY: We own a reference and hold the lock.
            unsafe { bindings::checkpoint_copy_keep(self.mm.as_ptr(), at, stride) };
            at = stride;
        }
        Ok(())
    }

    /// Returns whether memory ran out and its contents were given up: what was found in it before
    /// is right, what is found after may be missing.
    pub(crate) fn is_given_up(&self) -> bool {
        self.mm.flags() & (1 << flag::UNSTABLE) != 0
    }

    /// Returns the bytes of its page tables.
    pub(crate) fn table_bytes(&self) -> usize {
        // SAFETY: We own a reference on the copy, which keeps it valid.
        unsafe { bindings::mm_pgtables_bytes(self.mm.as_ptr()) }
    }
}
