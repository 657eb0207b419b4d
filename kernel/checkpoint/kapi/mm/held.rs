// SPDX-License-Identifier: GPL-2.0

//! Memory that a system call holds in the kernel, as part of what its caller uses.

use core::ptr::NonNull;

use kernel::{
    bindings,
    page::PAGE_SIZE, //
};

/// Counts memory that the kernel holds for the caller of a system call as the caller's own: the OOM
/// killer sees it (`oom_badness()`), and so does ps(1). Killing the caller ends the call, and that
/// frees the memory.
///
/// Also what is charged to the caller's memory cgroup needs this: the charge tells how much there is,
/// not who has it.
///
/// # Invariants
///
/// The pointer, if any, is the caller's address space, on which we own a reference (mmgrab()), and
/// whose counter of anonymous pages has `pages` of ours.
pub(crate) struct Held {
    mm: Option<NonNull<bindings::mm_struct>>,
    pages: usize,
}

// SAFETY: The counter may be changed, and the reference dropped, by any thread.
unsafe impl Send for Held {}

// SAFETY: Nothing is done through a shared reference.
unsafe impl Sync for Held {}

impl Held {
    /// None yet. For a thread of the kernel nothing is counted.
    pub(crate) fn new() -> Self {
        // SAFETY: `current` is valid, and its own address space stays while it runs.
        let mm = NonNull::new(unsafe { (*bindings::get_current()).mm });
        if let Some(mm) = mm {
            // SAFETY: As above.
            unsafe { bindings::mmgrab(mm.as_ptr()) };
        }
        // INVARIANT: We own the reference that was just taken, and have counted nothing.
        Self { mm, pages: 0 }
    }

    /// From now on it is `bytes` in all, rounded up to pages.
    pub(crate) fn set(&mut self, bytes: usize) {
        let pages = bytes.div_ceil(PAGE_SIZE);
        let more = (pages as isize).wrapping_sub(self.pages as isize);
        if let Some(mm) = self.mm.filter(|_| more != 0) {
            // SAFETY: We own a reference; the counter may be changed at any time.
            unsafe { bindings::mm_count_pages(mm.as_ptr(), more) };
            // INVARIANT: As many as that.
            self.pages = pages;
        }
    }

    /// `bytes` more.
    pub(crate) fn add(&mut self, bytes: usize) {
        self.set((self.pages * PAGE_SIZE).saturating_add(bytes));
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.set(0);
        if let Some(mm) = self.mm {
            // SAFETY: By the type's invariants the reference is ours.
            unsafe { bindings::mmdrop(mm.as_ptr()) };
        }
    }
}
