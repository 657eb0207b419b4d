// SPDX-License-Identifier: GPL-2.0

//! Memory cgroups: whom memory is charged to.

use kernel::bindings;

use crate::kapi::mm::space::MmRef;

/// A reference on a memory cgroup, or on none.
///
/// # Invariants
///
/// The pointer is NULL, or a memory cgroup on which this owns a reference.
pub(crate) struct Memcg(*mut bindings::mem_cgroup);

// SAFETY: A reference on a memory cgroup may be used and dropped by any thread.
unsafe impl Send for Memcg {}

// SAFETY: Nothing is changed through a shared reference.
unsafe impl Sync for Memcg {}

impl Memcg {
    /// Makes none: what is allocated is charged to the caller.
    pub(crate) fn none() -> Self {
        // INVARIANT: NULL.
        Self(core::ptr::null_mut())
    }

    /// Returns that of the tasks which have `mm`.
    pub(crate) fn of(mm: &MmRef) -> Self {
        // SAFETY: We own a reference on the address space.
        // INVARIANT: The function returns NULL or one with a reference.
        Self(unsafe { bindings::memcg_of_mm(mm.as_ptr()) })
    }

    /// Runs `f`, and charges what the caller allocates meanwhile to this memory cgroup.
    pub(crate) fn charge<R>(&self, f: impl FnOnce() -> R) -> R {
        if self.0.is_null() {
            return f();
        }
        // SAFETY: By the type's invariants it stays until the old one is put back, below.
        let old = unsafe { bindings::set_active_memcg(self.0) };
        let r = f();
        // SAFETY: It was the active one before, and whoever made it that keeps it.
        unsafe { bindings::set_active_memcg(old) };
        r
    }
}

impl Drop for Memcg {
    fn drop(&mut self) {
        // SAFETY: By the type's invariants the reference, if any, is ours.
        unsafe { bindings::memcg_put(self.0) };
    }
}
