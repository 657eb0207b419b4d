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

    /// Lets the next pid be the first free one after `last`.
    pub(crate) fn set_last_pid(&self, last: u32) {
        // SAFETY: We own a reference. The cursor is an integer that may have any value, as
        // idr_set_cursor() sets it for /proc/sys/kernel/ns_last_pid.
        unsafe {
            (&raw mut (*self.0.as_ptr()).idr.idr_next).write_volatile(last.saturating_add(1));
        }
    }

    /// Its pids are below this.
    pub(crate) fn pid_max(&self) -> u32 {
        // SAFETY: We own a reference; the integer is read once.
        unsafe { (&raw const (*self.0.as_ptr()).pid_max).read_volatile() }.unsigned_abs()
    }

    /// Sets what its pids are to be below, for those that are made from now on.
    ///
    /// EINVAL: fewer than the kernel wants to have, or more than it can.
    pub(crate) fn set_pid_max(&self, max: u32) -> Result {
        let n = i32::try_from(max)?;
        if !(RESERVED_PIDS + 1..=PID_MAX_LIMIT).contains(&n) {
            return Err(EINVAL);
        }
        // SAFETY: We own a reference. The integer may have any value in these bounds, as sysctl
        // sets it.
        unsafe { (&raw mut (*self.0.as_ptr()).pid_max).write_volatile(n) };
        Ok(())
    }

    /// What memfd_create(2) does in it when it is told nothing about execution, as of
    /// /proc/sys/vm/memfd_noexec.
    pub(crate) fn memfd_noexec(&self) -> u32 {
        #[cfg(all(CONFIG_SYSCTL, CONFIG_MEMFD_CREATE))]
        // SAFETY: We own a reference; the integer is read once.
        return unsafe { (&raw const (*self.0.as_ptr()).memfd_noexec_scope).read_volatile() }
            .unsigned_abs();
        #[cfg(not(all(CONFIG_SYSCTL, CONFIG_MEMFD_CREATE)))]
        0
    }

    /// Sets that; what it inherited is not relaxed. EOPNOTSUPP: the kernel has no such setting.
    pub(crate) fn set_memfd_noexec(&self, scope: u32) -> Result {
        if scope <= self.memfd_noexec() {
            return Ok(());
        }
        #[cfg(all(CONFIG_SYSCTL, CONFIG_MEMFD_CREATE))]
        {
            let scope = c_int::try_from(scope)?;
            // SAFETY: We own a reference; the integer is written once, as sysctl does.
            unsafe { (&raw mut (*self.0.as_ptr()).memfd_noexec_scope).write_volatile(scope) };
            Ok(())
        }
        #[cfg(not(all(CONFIG_SYSCTL, CONFIG_MEMFD_CREATE)))]
        Err(EOPNOTSUPP)
    }

    /// Tasks that exit in it are accounted for in a file (acct(2)).
    pub(crate) fn has_accounting(&self) -> bool {
        #[cfg(CONFIG_BSD_PROCESS_ACCT)]
        // SAFETY: We own a reference; the pointer is only compared.
        return !unsafe { (&raw const (*self.0.as_ptr()).bacct).read_volatile() }.is_null();
        #[cfg(not(CONFIG_BSD_PROCESS_ACCT))]
        false
    }
}

/// Pids below this are given out once only (include/linux/threads.h, as the next).
const RESERVED_PIDS: i32 = 300;

/// No namespace has pids from this on.
const PID_MAX_LIMIT: i32 = 4 << 20;

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
