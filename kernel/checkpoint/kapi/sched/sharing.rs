// SPDX-License-Identifier: GPL-2.0

//! What tasks share of scheduling: cookies of core scheduling, autogroups.

use core::ptr;

use kernel::{
    bindings,
    error::to_result,
    prelude::*, //
};

use crate::kapi::{
    fork::parked::ParkedTask,
    task::frozen::FrozenTask, //
};

impl FrozenTask {
    /// Returns its core scheduling cookie, to be compared only; 0: none.
    pub(crate) fn core_cookie(&self) -> usize {
        // SAFETY: We own a reference on the task.
        unsafe { bindings::checkpoint_get_cookie(self.as_ptr()) }
    }

    /// Returns whether others than the `inside` tasks that are held, of which it is one, have its
    /// cookie.
    pub(crate) fn shares_cookie_outside(&self, inside: u32) -> bool {
        // SAFETY: We own a reference on the task.
        unsafe { bindings::checkpoint_cookie_is_outside(self.as_ptr(), inside) }
    }

    /// Returns the autogroup of its process, to be compared only; 0: none.
    pub(crate) fn autogroup(&self) -> usize {
        // SAFETY: We own a reference on the task.
        unsafe { bindings::checkpoint_get_autogroup(self.as_ptr()) }
    }

    /// Returns whether others than the `inside` processes that are held, of which its is one, are
    /// in its autogroup.
    pub(crate) fn shares_autogroup_outside(&self, inside: u32) -> bool {
        // SAFETY: We own a reference on the task.
        unsafe { bindings::checkpoint_autogroup_is_outside(self.as_ptr(), inside) }
    }

    /// Returns the nice value of the autogroup of its process.
    pub(crate) fn autogroup_nice(&self) -> i32 {
        // SAFETY: We own a reference on the task.
        unsafe { bindings::task_autogroup_nice(self.as_ptr()) }
    }
}

impl ParkedTask {
    /// Gives it the core scheduling cookie of `from`; `None`: a new one.
    ///
    /// ENOMEM. ENODEV: no core of the machine has several threads. EOPNOTSUPP: the kernel has no core
    /// scheduling.
    pub(crate) fn set_core_cookie(&self, from: Option<&ParkedTask>) -> Result {
        let from = from.map_or(ptr::null_mut(), ParkedTask::as_ptr);
        // SAFETY: By the type's invariants both are valid, and are being restored.
        to_result(unsafe { bindings::checkpoint_set_cookie(self.as_ptr(), from) })
    }

    /// Moves its process to the autogroup of that of `with`; `None`: to a new one. May sleep.
    ///
    /// ENOMEM: there is no memory for that.
    pub(crate) fn set_autogroup(&self, with: Option<&ParkedTask>) -> Result {
        // SAFETY: By the type's invariants both are valid, and are being restored.
        unsafe {
            match with {
                Some(with) => {
                    bindings::checkpoint_join_autogroup(self.as_ptr(), with.as_ptr());
                    Ok(())
                }
                None => to_result(bindings::checkpoint_new_autogroup(self.as_ptr())),
            }
        }
    }

    /// Sets the nice value of the autogroup of its process, with the rights of the caller. May sleep.
    ///
    /// EPERM: that may not. EAGAIN: one was set just before, and it has no CAP_SYS_ADMIN. EINVAL: there is
    /// no such value. EOPNOTSUPP: the kernel has none.
    pub(crate) fn set_autogroup_nice(&self, nice: i32) -> Result {
        // SAFETY: By the type's invariants the task is valid.
        to_result(unsafe { bindings::checkpoint_autogroup_set_nice(self.as_ptr(), nice) })
    }
}
