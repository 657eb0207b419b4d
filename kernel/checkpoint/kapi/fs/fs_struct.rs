// SPDX-License-Identifier: GPL-2.0

//! Root directory, working directory and umask of tasks.

use core::ptr::NonNull;

use kernel::{
    bindings,
    prelude::*, //
};

use crate::kapi::{
    fork::restoring::Restoring,
    fs::path::PathRef,
    task::frozen::FrozenTask, //
};

/// A counted user of a `struct fs_struct`.
///
/// # Invariants
///
/// The pointer is valid and this is one of its users.
pub(crate) struct FsRef(NonNull<bindings::fs_struct>);

// SAFETY: A user may go away on any thread.
unsafe impl Send for FsRef {}

// SAFETY: What is in it is read and written under its lock.
unsafe impl Sync for FsRef {}

impl FsRef {
    /// Returns that of `t`; `None` if the task has exited.
    pub(crate) fn of(t: &FrozenTask) -> Option<Self> {
        let task = t.as_ptr();
        // SAFETY: The task is valid; under its lock it stays a user.
        unsafe {
            bindings::task_lock(task);
            let fs = NonNull::new((*task).real_fs);
            if let Some(fs) = fs {
                bindings::fs_struct_hold(fs.as_ptr());
            }
            bindings::task_unlock(task);
            // INVARIANT: The user was just counted.
            fs.map(Self)
        }
    }

    /// Returns a copy of the caller's, with no other users.
    pub(crate) fn copy_of_current() -> Result<Self> {
        // SAFETY: A running task has one.
        let fs = unsafe { bindings::copy_fs_struct((*bindings::get_current()).fs) };
        // INVARIANT: A copy has one user, which is us.
        NonNull::new(fs).ok_or(ENOMEM).map(Self)
    }

    /// Returns its address: what identifies it in the object table.
    pub(crate) fn addr(&self) -> usize {
        self.0.as_ptr().addr()
    }

    /// Returns the number of users, this one included.
    pub(crate) fn users(&self) -> u64 {
        // SAFETY: We are a user; the count is read once.
        let n = unsafe { (&raw const (*self.0.as_ptr()).users).read_volatile() };
        u64::from(n.unsigned_abs())
    }

    /// Returns the root directory.
    pub(crate) fn root(&self) -> PathRef {
        let mut path = bindings::path::default();
        // SAFETY: We are a user; the function takes references on the path.
        unsafe {
            bindings::get_fs_root(self.0.as_ptr(), &mut path);
            PathRef::from_owned(path)
        }
    }

    /// Returns the working directory.
    pub(crate) fn pwd(&self) -> PathRef {
        let mut path = bindings::path::default();
        // SAFETY: We are a user; the function takes references on the path.
        unsafe {
            bindings::get_fs_pwd(self.0.as_ptr(), &mut path);
            PathRef::from_owned(path)
        }
    }

    /// Returns the umask.
    pub(crate) fn umask(&self) -> u32 {
        // SAFETY: We are a user; the mask is read once.
        let mask = unsafe { (&raw const (*self.0.as_ptr()).umask).read_volatile() };
        mask.unsigned_abs() & 0o777
    }

    /// Sets all of it.
    pub(crate) fn set(&self, root: &PathRef, pwd: &PathRef, umask: u32) {
        let fs = self.0.as_ptr();
        // SAFETY: We are a user; the functions lock and take references of their own, as those of
        // chroot(2) and chdir(2), whose checks `may_chroot` and `may_enter` have made. The mask is
        // stored as umask(2) does, with the bits that it takes; no other user reads it yet.
        unsafe {
            bindings::set_fs_root(fs, root.as_raw());
            bindings::set_fs_pwd(fs, pwd.as_raw());
            (&raw mut (*fs).umask).write_volatile((umask & 0o777).cast_signed());
        }
    }

    /// Returns whether it is the caller's.
    pub(crate) fn is_current(&self) -> bool {
        // SAFETY: Only the task itself changes this while it runs.
        unsafe { (*bindings::get_current()).fs == self.0.as_ptr() }
    }

    /// Makes it the caller's, in place of its own.
    pub(crate) fn install(self, _: &Restoring) {
        // The user that we are becomes the task.
        let new = core::mem::ManuallyDrop::new(self).0.as_ptr();
        // SAFETY: The function takes our place as a user, and returns the old one if its last
        // user is gone.
        unsafe {
            let old = bindings::switch_fs_struct(new);
            if !old.is_null() {
                bindings::free_fs_struct(old);
            }
        }
    }
}

impl Clone for FsRef {
    fn clone(&self) -> Self {
        // SAFETY: By the type's invariants we are a user, so there may be another one.
        unsafe { bindings::fs_struct_hold(self.0.as_ptr()) };
        // INVARIANT: The user was just counted.
        Self(self.0)
    }
}

impl Drop for FsRef {
    fn drop(&mut self) {
        // SAFETY: By the type's invariants we are a user, which ends here; the last one frees it.
        unsafe {
            if bindings::fs_struct_drop(self.0.as_ptr()) {
                bindings::free_fs_struct(self.0.as_ptr());
            }
        }
    }
}

/// Returns whether the task looks paths up from elsewhere than its own root at the moment.
pub(crate) fn is_overridden(t: &FrozenTask) -> bool {
    let task = t.as_ptr();
    // SAFETY: The task is valid; under its lock both pointers are stable.
    unsafe {
        bindings::task_lock(task);
        let overridden = (*task).fs != (*task).real_fs;
        bindings::task_unlock(task);
        overridden
    }
}
