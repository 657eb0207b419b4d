// SPDX-License-Identifier: GPL-2.0

//! The thread group that a checkpoint begins with.

use core::ptr::NonNull;

use kernel::{
    bindings,
    error::from_err_ptr,
    prelude::*,
    sync::rcu, //
};

use crate::kapi::pid::namespace::PidNs;

/// The root of a tree of tasks: a thread group, by its pid.
///
/// Not by its leader: when another thread executes a program, that becomes the leader, with the
/// same pid, and the old one is gone.
///
/// # Invariants
///
/// The pointer is a valid `struct pid` on which this owns a reference.
pub(crate) struct Root(NonNull<bindings::pid>);

impl Root {
    /// Returns the process of `pidfd`. EBADF: it is no pidfd. ESRCH: the process is gone, or
    /// the pidfd is that of a thread.
    pub(crate) fn from_pidfd(pidfd: i32) -> Result<Self> {
        let fd = u32::try_from(pidfd).map_err(|_| EBADF)?;
        let mut flags = 0;
        // SAFETY: Any number is fine; a reference on the pid is handed over.
        let pid = from_err_ptr(unsafe { bindings::pidfd_get_pid(fd, &mut flags) })?;
        // INVARIANT: We have got the reference.
        let root = Self(NonNull::new(pid).ok_or(ESRCH)?);
        let rcu = rcu::read_lock();
        // SAFETY: We own a reference on the pid. RCU, whose lock is held, keeps the task, which is
        // compared only.
        let task = unsafe { bindings::pid_task(pid, bindings::pid_type_PIDTYPE_TGID) };
        drop(rcu);
        if task.is_null() {
            return Err(ESRCH);
        }
        Ok(root)
    }

    /// Returns the caller's thread group.
    pub(crate) fn of_caller() -> Result<Self> {
        // SAFETY: The current task is valid, and has a pid; a reference on it is handed over.
        let pid = unsafe {
            bindings::get_task_pid(bindings::get_current(), bindings::pid_type_PIDTYPE_TGID)
        };
        // INVARIANT: We have got the reference.
        NonNull::new(pid).map(Self).ok_or(ESRCH)
    }

    /// Returns whether it is the caller's thread group.
    pub(crate) fn is_own(&self) -> bool {
        Self::of_caller().is_ok_and(|own| own.0 == self.0)
    }

    /// Returns the pid namespace that it is in.
    pub(crate) fn pid_ns(&self) -> Result<PidNs> {
        // SAFETY: A pid has a reference on its namespace.
        unsafe { PidNs::get(bindings::ns_of_pid(self.0.as_ptr())) }
    }

    /// Returns whether it is the init process of its pid namespace, which is not the initial one.
    pub(crate) fn is_ns_init(&self) -> bool {
        self.pid_ns().is_ok_and(|ns| {
            // SAFETY: We own references on the pid and on the namespace.
            let nr = unsafe { bindings::pid_nr_ns(self.0.as_ptr(), ns.as_ptr()) };
            nr == 1 && ns.level() > 0
        })
    }

    /// Returns its pid in the initial pid namespace.
    pub(crate) fn global_pid(&self) -> u32 {
        // SAFETY: We own a reference on the pid; that namespace never goes.
        let nr = unsafe { bindings::pid_nr_ns(self.0.as_ptr(), &raw mut bindings::init_pid_ns) };
        nr.unsigned_abs()
    }

    /// Returns its leader at this moment; null: all of it was reaped.
    ///
    /// # Safety
    ///
    /// The caller holds tasklist_lock, and uses the task under it.
    pub(in crate::kapi) unsafe fn leader(&self) -> *mut bindings::task_struct {
        // SAFETY: By the caller's promise, which RCU callers of pid_task() would give otherwise.
        unsafe { bindings::pid_task(self.0.as_ptr(), bindings::pid_type_PIDTYPE_TGID) }
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        // SAFETY: By the type's invariants the reference is ours.
        unsafe { bindings::put_pid(self.0.as_ptr()) };
    }
}
