// SPDX-License-Identifier: GPL-2.0

//! Pids and pid namespaces.

use core::ptr::NonNull;

use kernel::{
    bindings,
    prelude::*, //
};

/// A reference on a pid namespace.
pub(crate) struct PidNs(NonNull<bindings::pid_namespace>);

// SAFETY: A reference on a pid namespace may be dropped by any thread.
unsafe impl Send for PidNs {}

// SAFETY: What is read through a shared reference does not change (level, parent) or is atomic.
unsafe impl Sync for PidNs {}

impl PidNs {
    /// Takes a reference.
    ///
    /// # Safety
    ///
    /// `ns` is a valid pid namespace for the duration of the call.
    pub(crate) unsafe fn get(ns: *mut bindings::pid_namespace) -> Result<Self> {
        let ns = NonNull::new(ns).ok_or(ESRCH)?;
        // SAFETY: By the caller's promise `ns` is valid.
        unsafe { bindings::get_pid_ns(ns.as_ptr()) };
        Ok(Self(ns))
    }

    /// The namespace that `task` is in. ESRCH: it has been reaped.
    pub(crate) fn of(task: &kernel::task::Task) -> Result<Self> {
        // SAFETY: RCU keeps the pid, and so its namespace, while a reference is taken.
        unsafe {
            bindings::rcu_read_lock();
            let ns = Self::get(bindings::task_active_pid_ns(task.as_ptr()));
            bindings::rcu_read_unlock();
            ns
        }
    }

    /// The namespace of the caller.
    pub(crate) fn of_current() -> Result<Self> {
        // SAFETY: A running task has a pid and so a pid namespace.
        unsafe { Self::get(bindings::task_active_pid_ns(bindings::get_current())) }
    }

    /// Its address.
    pub(crate) fn as_ptr(&self) -> *mut bindings::pid_namespace {
        self.0.as_ptr()
    }

    /// How deep it is nested; 0 for the initial one.
    pub(crate) fn level(&self) -> u32 {
        // SAFETY: We own a reference; the field does not change.
        unsafe { (*self.0.as_ptr()).level }
    }

    /// The namespace around it; `None` for the initial one.
    pub(crate) fn parent(&self) -> Option<Self> {
        // SAFETY: We own a reference, which keeps the parent alive.
        unsafe { Self::get((*self.0.as_ptr()).parent).ok() }
    }

    /// The last pid that was given out in it.
    pub(crate) fn last_pid(&self) -> u32 {
        // SAFETY: We own a reference; the cursor is an integer that is read once.
        let next = unsafe { (&raw const (*self.0.as_ptr()).idr.idr_next).read_volatile() };
        next.saturating_sub(1)
    }
}

impl Clone for PidNs {
    fn clone(&self) -> Self {
        // SAFETY: We own a reference.
        unsafe { bindings::get_pid_ns(self.0.as_ptr()) };
        Self(self.0)
    }
}

impl Drop for PidNs {
    fn drop(&mut self) {
        // SAFETY: We own a reference.
        unsafe { bindings::put_pid_ns(self.0.as_ptr()) };
    }
}

impl PartialEq for PidNs {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
