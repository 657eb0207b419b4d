// SPDX-License-Identifier: GPL-2.0

//! Memory that a system call holds in the kernel, as part of what its caller uses.

use kernel::{
    bindings,
    current,
    mm::Mm,
    page::PAGE_SIZE,
    sync::aref::ARef, //
};

/// Counts memory that the kernel holds for the caller of a system call as the caller's own: the OOM
/// killer sees it (`oom_badness()`), and so does ps(1). Killing the caller ends the call, and that
/// frees the memory.
///
/// Also what is charged to the caller's memory cgroup needs this: the charge shows how much there
/// is, not who has it.
///
/// # Invariants
///
/// `mm`, if any, is the caller's address space, whose counter of anonymous pages has `pages` of
/// ours.
pub(crate) struct Held {
    mm: Option<ARef<Mm>>,
    pages: usize,
}

impl Held {
    /// Makes one of no bytes. For a thread of the kernel nothing is counted.
    pub(crate) fn new() -> Self {
        // INVARIANT: Nothing was counted.
        Self {
            mm: current!().mm().map(|mm| ARef::from(&**mm)),
            pages: 0,
        }
    }

    /// Sets it to `bytes` in all, rounded up to pages.
    pub(crate) fn set(&mut self, bytes: usize) {
        let pages = bytes.div_ceil(PAGE_SIZE);
        let more = pages.wrapping_sub(self.pages).cast_signed();
        if let Some(mm) = self.mm.as_ref().filter(|_| more != 0) {
            // SAFETY: We own a reference; the counter may be changed at any time.
            unsafe { bindings::mm_count_pages(mm.as_raw(), more) };
            // INVARIANT: As many as that.
            self.pages = pages;
        }
    }

    /// Adds `bytes` to it.
    pub(crate) fn add(&mut self, bytes: usize) {
        self.set((self.pages * PAGE_SIZE).saturating_add(bytes));
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.set(0);
    }
}
