// SPDX-License-Identifier: GPL-2.0

//! Pages that are filled before they are mapped, without page faults (`fill.c`).

use kernel::{
    bindings,
    prelude::*, //
};

use crate::kapi::{
    fs::io,
    mm::{
        page::PageRef,
        space::MmRef, //
    },
};

/// New pages for memory of an address space, of undefined contents. Nobody else has them until they
/// are mapped.
///
/// # Invariants
///
/// `pages` are not empty. They are what checkpoint_fill_alloc() gave for `addr`.
pub(crate) struct NewPages {
    addr: usize,
    pages: KVVec<PageRef>,
}

/// How memory is to be filled.
pub(crate) enum Fill {
    /// These pages are filled, and mapped then.
    New(NewPages),
    /// That many pages come by [`walk::writable`](super::walk::writable): they are there already,
    /// or more has to be decided than here.
    ByFault(usize),
}

impl NewPages {
    /// Allocates what a write to up to `max` pages of `mm` from `addr` on would map, charged to the
    /// memory cgroup of `mm`. `max` is not 0. May sleep.
    ///
    /// ENOMEM: there is no memory without killing a task for it, or the memory cgroup is at its
    /// limit; EINTR: SIGKILL came.
    pub(crate) fn alloc(mm: &MmRef, addr: usize, max: usize) -> Result<Fill> {
        let mut pages: KVVec<PageRef> = KVVec::with_capacity(max, GFP_KERNEL)?;
        let mut by_fault = 0;
        let lock = mm.read_lock()?;
        // SAFETY: We own a reference, and hold the lock for reading. There is room for `max` pages, and
        // a `PageRef` is laid out as a pointer.
        let n = unsafe {
            bindings::checkpoint_fill_alloc(
                mm.as_ptr(),
                addr,
                max,
                pages.spare_capacity_mut().as_mut_ptr().cast(),
                &mut by_fault,
            )
        };
        drop(lock);
        match io::counted(n)? {
            0 => Ok(Fill::ByFault(by_fault.clamp(1, max))),
            n => {
                // SAFETY: So many pages were written there, at most `max`, and a reference on each was
                // handed over.
                unsafe { pages.inc_len(n) };
                // INVARIANT: They were just given for `addr`, and there is one at least.
                Ok(Fill::New(Self { addr, pages }))
            }
        }
    }

    /// Returns the pages, to be filled.
    pub(crate) fn get(&self) -> &[PageRef] {
        &self.pages
    }

    /// Maps them into `mm`, for which they were allocated; they have their contents. May sleep.
    ///
    /// Returns how many were mapped, from the first on: less than all, if something has come there
    /// meanwhile. ENOMEM: there is no memory for page tables; EINTR: SIGKILL came.
    pub(crate) fn map(&self, mm: &MmRef) -> Result<usize> {
        let _lock = mm.read_lock()?;
        // SAFETY: We own a reference, and hold the lock for reading. By the type's invariants these
        // are pages of checkpoint_fill_alloc(), which are only read from the slice; the mapping gets
        // references of its own.
        let n = unsafe {
            bindings::checkpoint_fill_map(
                mm.as_ptr(),
                self.addr,
                self.pages.as_ptr().cast_mut().cast(),
                self.pages.len(),
            )
        };
        io::counted(n)
    }
}
