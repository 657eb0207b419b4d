// SPDX-License-Identifier: GPL-2.0

//! Cgroups: freezing one, and holding it frozen.

use core::ptr::NonNull;

use kernel::{
    bindings,
    error::{
        from_err_ptr,
        to_result, //
    },
    prelude::*,
    sync::aref::ARef,
    task::Task, //
};

/// A reference on a cgroup of the default hierarchy (v2).
pub(crate) struct Cgroup(NonNull<bindings::cgroup>);

impl Cgroup {
    /// The cgroup whose directory `fd` is. EBADF: no cgroup v2 directory.
    pub(crate) fn from_fd(fd: i32) -> Result<Self> {
        // SAFETY: Any number is fine.
        let cgrp = from_err_ptr(unsafe { bindings::cgroup_get_from_fd(fd) })?;
        NonNull::new(cgrp).map(Self).ok_or(EBADF)
    }

    /// The cgroup that `task` is in.
    pub(crate) fn of(task: &Task) -> Result<Self> {
        // SAFETY: css_set_lock keeps the task's css_set, and so its cgroup, alive while a
        // reference is taken.
        let cgrp = unsafe {
            bindings::css_set_lock_irq();
            let cgrp = bindings::task_dfl_cgroup(task.as_ptr());
            bindings::cgroup_get(cgrp);
            bindings::css_set_unlock_irq();
            cgrp
        };
        NonNull::new(cgrp).map(Self).ok_or(ESRCH)
    }

    /// `task` is directly in this cgroup.
    pub(crate) fn contains(&self, task: &Task) -> bool {
        // SAFETY: css_set_lock makes the task's css_set stable; the pointer is only compared.
        unsafe {
            bindings::css_set_lock_irq();
            let cgrp = bindings::task_dfl_cgroup(task.as_ptr());
            bindings::css_set_unlock_irq();
            cgrp == self.0.as_ptr()
        }
    }

    /// It has child cgroups with tasks in them.
    pub(crate) fn has_populated_children(&self) -> bool {
        // SAFETY: We own a reference; the counters are read under css_set_lock.
        unsafe {
            bindings::css_set_lock_irq();
            let n = (*self.0.as_ptr()).nr_populated_domain_children
                + (*self.0.as_ptr()).nr_populated_threaded_children;
            bindings::css_set_unlock_irq();
            n > 0
        }
    }

    /// Calls `f` for each thread in the cgroup; zombies have left it. `f` may sleep.
    pub(crate) fn for_each_task(&self, mut f: impl FnMut(&Task) -> Result) -> Result {
        let mut it: bindings::css_task_iter = pin_init::zeroed();
        // SAFETY: We own a reference on the cgroup.
        unsafe { bindings::css_task_iter_start(&raw mut (*self.0.as_ptr()).self_, 0, &mut it) };
        let mut result = Ok(());
        loop {
            // SAFETY: The iterator was started above.
            let t = unsafe { bindings::css_task_iter_next(&mut it) };
            if t.is_null() {
                break;
            }
            // SAFETY: The iterator holds a reference on the task until the next step.
            result = f(unsafe { &*t.cast::<Task>() });
            if result.is_err() {
                break;
            }
        }
        // SAFETY: The iterator was started above.
        unsafe { bindings::css_task_iter_end(&mut it) };
        result
    }

    /// It is the root cgroup, which can't be frozen.
    pub(crate) fn is_root(&self) -> bool {
        // SAFETY: We own a reference; the level does not change.
        unsafe { (*self.0.as_ptr()).level == 0 }
    }

    /// It is frozen, or being frozen, by itself or by a cgroup around it.
    pub(crate) fn is_freezing(&self) -> bool {
        // SAFETY: We own a reference; the flag is read once.
        unsafe { (&raw const (*self.0.as_ptr()).freezer.e_freeze).read_volatile() }
    }

    /// Freezes or thaws it, as cgroup.freeze does.
    pub(crate) fn freeze(&self, freeze: bool) {
        // SAFETY: We own a reference; cgroup_freeze() wants cgroup_mutex.
        unsafe {
            bindings::checkpoint_cgroup_lock();
            bindings::cgroup_freeze(self.0.as_ptr(), freeze);
            bindings::checkpoint_cgroup_unlock();
        }
    }

    /// Freezes it and keeps it from being thawed, and tasks from moving in and out.
    ///
    /// EINVAL: it is the root cgroup. EBUSY: it is held already. ENODEV: it was removed.
    pub(crate) fn hold(self) -> Result<HeldCgroup> {
        let mut was_frozen = false;
        // SAFETY: We own a reference.
        to_result(unsafe { bindings::cgroup_freezer_hold(self.0.as_ptr(), &mut was_frozen) })?;
        Ok(HeldCgroup {
            cgroup: self,
            frozen_after: was_frozen,
        })
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // SAFETY: We own a reference.
        unsafe { bindings::cgroup_put(self.0.as_ptr()) };
    }
}

/// A cgroup that is held frozen. Dropping it puts it back to what it was: frozen or not.
pub(crate) struct HeldCgroup {
    cgroup: Cgroup,
    frozen_after: bool,
}

impl HeldCgroup {
    /// Leaves it frozen when it is let go.
    pub(crate) fn leave_frozen(&mut self) {
        self.frozen_after = true;
    }

    /// The cgroup.
    pub(crate) fn cgroup(&self) -> &Cgroup {
        &self.cgroup
    }

    /// `task` is frozen and off its CPU. May sleep.
    pub(crate) fn is_frozen(&self, task: &ARef<Task>) -> bool {
        let states = bindings::TASK_NORMAL | bindings::__TASK_STOPPED | bindings::__TASK_TRACED;
        // SAFETY: We own a reference on the task. 0 means that it ran in the meantime.
        unsafe {
            bindings::cgroup_task_frozen(task.as_ptr())
                && bindings::wait_task_inactive(task.as_ptr(), states) != 0
        }
    }
}

impl Drop for HeldCgroup {
    fn drop(&mut self) {
        // SAFETY: We own a reference, and the hold.
        unsafe { bindings::cgroup_freezer_release(self.cgroup.0.as_ptr(), self.frozen_after) };
    }
}
