// SPDX-License-Identifier: GPL-2.0

//! Cgroups: freezing one, and holding it frozen.

use core::{
    cell::Cell,
    ptr::NonNull, //
};

use kernel::{
    bindings,
    error::{
        from_err_ptr,
        to_result, //
    },
    prelude::*,
    task::Task, //
};

/// A reference on a cgroup of the default hierarchy (v2).
///
/// # Invariants
///
/// The pointer is a valid `struct cgroup` on which this owns a reference.
pub(crate) struct Cgroup(NonNull<bindings::cgroup>);

impl Clone for Cgroup {
    fn clone(&self) -> Self {
        // SAFETY: We own a reference, so there may be another one.
        unsafe { bindings::cgroup_get(self.0.as_ptr()) };
        Self(self.0)
    }
}

impl Cgroup {
    /// Returns the cgroup whose directory `fd` is. EBADF: no cgroup v2 directory. ENOENT: it was
    /// removed.
    fn from_fd(fd: i32) -> Result<Self> {
        // SAFETY: Any number is fine; a reference on the cgroup is handed over.
        let cgrp = from_err_ptr(unsafe { bindings::cgroup_get_from_fd(fd) })?;
        NonNull::new(cgrp).map(Self).ok_or(EBADF)
    }

    /// Returns the cgroup, for this layer.
    pub(in crate::kapi) fn as_ptr(&self) -> *mut bindings::cgroup {
        self.0.as_ptr()
    }

    /// Returns the cgroup that `task` is in.
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

    /// Returns whether `task` is directly in this cgroup.
    pub(crate) fn contains(&self, task: &Task) -> bool {
        // SAFETY: css_set_lock makes the task's css_set stable; the pointer is only compared.
        unsafe {
            bindings::css_set_lock_irq();
            let cgrp = bindings::task_dfl_cgroup(task.as_ptr());
            bindings::css_set_unlock_irq();
            cgrp == self.0.as_ptr()
        }
    }

    /// Returns whether it has child cgroups with tasks in them.
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

    /// Returns whether it is the root cgroup, which can't be frozen.
    pub(crate) fn is_root(&self) -> bool {
        // SAFETY: We own a reference; the level does not change.
        unsafe { (*self.0.as_ptr()).level == 0 }
    }

    /// Returns whether it is frozen, or being frozen, by itself or by a cgroup around it.
    pub(crate) fn is_freezing(&self) -> bool {
        // SAFETY: We own a reference; the flag is read once.
        unsafe { (&raw const (*self.0.as_ptr()).freezer.e_freeze).read_volatile() }
    }

    /// Checks that the caller may write to its `cgroup.freeze`. May sleep.
    ///
    /// EACCES, EPERM: it may not. ENODEV: it was removed, or is the root cgroup.
    pub(crate) fn may_freeze(&self) -> Result {
        // SAFETY: We own a reference. No lock is held.
        to_result(unsafe { bindings::checkpoint_may_freeze(self.0.as_ptr()) })
    }

    /// Freezes it and keeps it from being thawed, tasks from moving in and out, and debuggers from
    /// attaching to them. The caller itself goes on. May sleep.
    ///
    /// Errors as of [`Cgroup::may_freeze`]. EINVAL: it is the root cgroup. EBUSY: it, or one
    /// around or in it, is held already. ENODEV: it was removed.
    pub(crate) fn hold(self) -> Result<HeldCgroup> {
        let mut left_by = 0;
        // SAFETY: We own a reference, which is kept until the hold is released. No lock is held.
        to_result(unsafe { bindings::cgroup_freezer_hold(self.0.as_ptr(), &mut left_by) })?;
        // INVARIANT: The hold was just made, by this thread, and is pinned.
        Ok(HeldCgroup {
            cgroup: self,
            left_by: Cell::new(left_by),
            freeze: Cell::new(false),
        })
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // SAFETY: We own a reference on the cgroup, which is given up here.
        unsafe { bindings::cgroup_put(self.0.as_ptr()) };
    }
}

/// A cgroup that the caller has named by a descriptor of its directory.
///
/// # Invariants
///
/// `cgroup` was behind `fd` when that was looked up.
pub(crate) struct CgroupDir {
    fd: i32,
    cgroup: Cgroup,
}

impl CgroupDir {
    /// Returns what is behind descriptor `fd` of the caller, which may be an O_PATH one.
    ///
    /// EBADF: it is not open, or no directory of a cgroup v2. ENOENT: the cgroup was removed.
    pub(crate) fn from_fd(fd: i32) -> Result<Self> {
        Ok(Self {
            fd,
            cgroup: Cgroup::from_fd(fd)?,
        })
    }

    /// Returns the descriptor, for what takes nothing else. Another thread of the caller may have
    /// put something else there: whoever uses it has to look whether it came to
    /// [`CgroupDir::cgroup`].
    pub(in crate::kapi) fn fd(&self) -> i32 {
        self.fd
    }

    /// Returns the cgroup that was behind the descriptor when it was looked up.
    pub(crate) fn cgroup(&self) -> &Cgroup {
        &self.cgroup
    }
}

/// A cgroup that is held frozen. Dropping it restores its owner's setting: frozen or not.
///
/// # Invariants
///
/// The current thread, which this does not leave, has a hold on `cgroup`. It is pinned but between
/// [`HeldCgroup::unpin`] and [`HeldCgroup::pin`]: while it is pinned, the tasks stay frozen.
pub(crate) struct HeldCgroup {
    cgroup: Cgroup,
    /// The checkpoint that has saved its tasks as they are, or 0.
    left_by: Cell<u64>,
    /// It is to be left frozen.
    freeze: Cell<bool>,
}

impl HeldCgroup {
    /// Returns the id of the checkpoint that had left it frozen before it was held, if no task of
    /// it can have run since; 0: there is none.
    pub(crate) fn left_by(&self) -> u64 {
        self.left_by.get()
    }

    /// Returns the cgroup.
    pub(crate) fn cgroup(&self) -> &Cgroup {
        &self.cgroup
    }

    /// Fails once somebody has broken the hold, who has the right to: ECANCELED.
    pub(crate) fn check(&self) -> Result {
        // SAFETY: By the type's invariants we have a hold on it.
        if unsafe { bindings::checkpoint_hold_broken(self.cgroup.0.as_ptr()) } {
            return Err(ECANCELED);
        }
        Ok(())
    }

    /// Lets the hold end at any moment, by who has the right to thaw the cgroup. ECANCELED: that
    /// is what has happened.
    pub(super) fn unpin(&self) -> Result {
        // SAFETY: By the type's invariants we have a hold on it. No lock is held.
        to_result(unsafe { bindings::checkpoint_hold_pin(self.cgroup.0.as_ptr(), false) })
    }

    /// Keeps the tasks frozen again, whatever happens. ECANCELED: the hold was broken meanwhile.
    pub(in crate::kapi) fn pin(&self) -> Result {
        // SAFETY: By the type's invariants we have a hold on it. No lock is held.
        to_result(unsafe { bindings::checkpoint_hold_pin(self.cgroup.0.as_ptr(), true) })
    }

    /// Leaves it frozen when it is let go, unless somebody has thawed it: for the checkpoint with
    /// this id, or for a restart (0).
    pub(crate) fn leave_frozen(&self, id: u64) {
        self.freeze.set(true);
        self.left_by.set(id);
    }

    /// Forgets which checkpoint has left it frozen. Its tasks are killed, or are not any more what
    /// a checkpoint has left frozen: what is frozen in it later is not what a checkpoint has left
    /// so.
    pub(crate) fn forget_checkpoint(&self) {
        self.left_by.set(0);
    }

    /// Returns a number that remains the same for as long as `task` remains frozen and off its CPU;
    /// `None`: it is not. May sleep.
    pub(crate) fn frozen_since(&self, task: &Task) -> Option<usize> {
        let states = bindings::TASK_NORMAL | bindings::__TASK_STOPPED | bindings::__TASK_TRACED;
        // SAFETY: The task is valid. 0 means that it is in another state, so it runs.
        let switches = unsafe {
            if !bindings::cgroup_task_frozen(task.as_ptr()) {
                return None;
            }
            bindings::wait_task_inactive(task.as_ptr(), states)
        };
        (switches != 0).then_some(switches)
    }
}

impl Drop for HeldCgroup {
    fn drop(&mut self) {
        // SAFETY: By the type's invariants we have a hold on it, which ends here. No lock is held.
        unsafe {
            bindings::cgroup_freezer_release(
                self.cgroup.0.as_ptr(),
                self.freeze.get(),
                self.left_by.get(),
            )
        };
    }
}
