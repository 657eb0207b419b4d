// SPDX-License-Identifier: GPL-2.0

//! Network namespaces: `net/core/net_namespace.c`.

use core::ptr::NonNull;

use kernel::{
    bindings,
    prelude::*, //
};

/// A reference on a network namespace.
///
/// # Invariants
///
/// The pointer is a valid `struct net` on which this owns a reference.
pub(crate) struct NetNs(NonNull<bindings::net>);

// SAFETY: Any thread may use and drop a reference; what is in it has locks.
unsafe impl Send for NetNs {}
// SAFETY: As above.
unsafe impl Sync for NetNs {}

impl NetNs {
    /// Takes a reference.
    ///
    /// # Safety
    ///
    /// `ns` is valid for the duration of the call.
    pub(in crate::kapi) unsafe fn get(ns: *mut bindings::net) -> Result<Self> {
        let ns = NonNull::new(ns).ok_or(ESRCH)?;
        // SAFETY: By the caller's promise it is valid, with a count that is not zero.
        unsafe { bindings::checkpoint_netns_get(ns.as_ptr()) };
        // INVARIANT: The reference was just taken.
        Ok(Self(ns))
    }

    /// Returns that of the current task.
    pub(crate) fn of_current() -> Self {
        // SAFETY: The nsproxy of the running task is valid, and so is its namespace.
        unsafe {
            let ns = (*(*bindings::get_current()).nsproxy).net_ns;
            bindings::checkpoint_netns_get(ns);
            // INVARIANT: The reference was just taken.
            Self(NonNull::new_unchecked(ns))
        }
    }

    /// Returns whether the current task is in it.
    pub(crate) fn is_of_current(&self) -> bool {
        // SAFETY: The nsproxy of the running task is valid; the pointers are compared only.
        unsafe { (*(*bindings::get_current()).nsproxy).net_ns == self.as_ptr() }
    }

    /// The namespace, for this layer.
    pub(in crate::kapi) fn as_ptr(&self) -> *mut bindings::net {
        self.0.as_ptr()
    }

    /// Its address, to compare.
    pub(crate) fn addr(&self) -> usize {
        self.as_ptr().addr()
    }

    /// Hands the reference over.
    pub(in crate::kapi) fn into_raw(self) -> *mut bindings::net {
        core::mem::ManuallyDrop::new(self).as_ptr()
    }

    /// Number of references on it but those of sockets, ours included: of nsproxies, open files,
    /// mounts.
    pub(crate) fn count(&self) -> u64 {
        // SAFETY: We own a reference.
        unsafe { bindings::checkpoint_netns_count(self.as_ptr()) }
    }
}

impl Clone for NetNs {
    fn clone(&self) -> Self {
        // SAFETY: By the type's invariants we own a reference, so there may be another one.
        unsafe { bindings::checkpoint_netns_get(self.as_ptr()) };
        // INVARIANT: The reference was just taken.
        Self(self.0)
    }
}

impl Drop for NetNs {
    fn drop(&mut self) {
        // SAFETY: By the type's invariants the reference is ours, and goes with us.
        unsafe { bindings::checkpoint_netns_put(self.as_ptr()) };
    }
}
