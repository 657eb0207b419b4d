// SPDX-License-Identifier: GPL-2.0

//! Tasks that use io_urings, and the workers that they may have: `io_uring/tctx.c`, `io_uring/io-wq.c`,
//! `kernel/checkpoint/uring.c`.

use kernel::prelude::*;

#[cfg(CONFIG_IO_URING)]
use kernel::{
    bindings,
    error::to_result,
    num::casts::u32_as_usize, //
};

use crate::kapi::{
    fs::{
        file::FileRef,
        uring::Uring, //
    },
    sched::attr::CpuMask,
    task::{
        frozen::FrozenTask,
        links::PidRef, //
    }, //
};

#[cfg(CONFIG_IO_URING)]
use crate::kapi::fs::uring::LIST_MAX;

/// Places at which a task may register io_urings for itself.
pub(crate) const PLACES: u32 = 16;

/// A task that uses an io_uring.
pub(crate) struct User {
    /// Its pid.
    pub(crate) pid: PidRef,
    /// How many workers it may have: for files that are bounded, and for others.
    pub(crate) limits: [u32; 2],
    /// The CPUs that these are bound to; `None`: those of the task.
    pub(crate) cpus: Option<CpuMask>,
}

#[cfg(CONFIG_IO_URING)]
impl FrozenTask {
    /// Returns the io_uring that the thread has registered for itself at `place`.
    pub(crate) fn registered_ring(&self, place: u32) -> Option<FileRef> {
        // SAFETY: We own a reference on the task, which does not run. What is returned is NULL, or comes
        // with a reference, which is ours.
        unsafe {
            let file = bindings::checkpoint_uring_of_task(self.as_ptr(), place);
            if file.is_null() {
                return None;
            }
            FileRef::from_owned(file).ok()
        }
    }
}

#[cfg(not(CONFIG_IO_URING))]
impl FrozenTask {
    /// Returns an io_uring that the thread has registered for itself: there is none.
    pub(crate) fn registered_ring(&self, _: u32) -> Option<FileRef> {
        None
    }
}

#[cfg(CONFIG_IO_URING)]
impl Uring {
    /// Returns how many workers new users of `ring` get; `None`: as many as the kernel chooses.
    ///
    /// EINVAL: it is no io_uring.
    pub(crate) fn limits(ring: &FileRef) -> Result<Option<[u32; 2]>> {
        if !ring.is_io_uring() {
            return Err(EINVAL);
        }
        let mut limits = [0; 2];
        // SAFETY: We own a reference on the file, which is an io_uring; there is room for two.
        let some = unsafe { bindings::checkpoint_uring_limits(ring.as_ptr(), limits.as_mut_ptr()) };
        Ok(some.then_some(limits))
    }

    /// Sets that of `ring`, which nobody uses yet.
    ///
    /// EACCES: the current task may not register that. EINVAL: it is no io_uring, or too many.
    pub(crate) fn set_limits(ring: &FileRef, limits: [u32; 2]) -> Result {
        if !ring.is_io_uring() {
            return Err(EINVAL);
        }
        // SAFETY: We own a reference on the file, which is an io_uring; there are two.
        to_result(unsafe { bindings::checkpoint_uring_set_limits(ring.as_ptr(), limits.as_ptr()) })
    }

    /// Returns the tasks that use `ring`, but for those that are just being reaped.
    ///
    /// EBUSY: there are more all the time. EINVAL: it is no io_uring, or there are too many.
    pub(crate) fn users(ring: &FileRef) -> Result<KVVec<User>> {
        if !ring.is_io_uring() {
            return Err(EINVAL);
        }
        // SAFETY: We own a reference on the file, which is an io_uring. There is room for none.
        let nr =
            unsafe { bindings::checkpoint_uring_users(ring.as_ptr(), core::ptr::null_mut(), 0) };
        if nr < 0 {
            return Err(Error::from_errno(nr));
        }
        let room = u32_as_usize(nr.unsigned_abs());
        if room > LIST_MAX {
            return Err(EINVAL);
        }
        let mut all = KVVec::with_capacity(room, GFP_KERNEL_ACCOUNT)?;
        let mut raw: KVVec<bindings::checkpoint_uring_user> =
            KVVec::with_capacity(room, GFP_KERNEL_ACCOUNT)?;
        // SAFETY: We own a reference on the file, which is an io_uring. There is room for so many.
        let found = unsafe {
            bindings::checkpoint_uring_users(ring.as_ptr(), raw.as_mut_ptr(), nr.unsigned_abs())
        };
        if found < 0 {
            return Err(Error::from_errno(found));
        }
        // SAFETY: As many were written as there are, at most as many as there is room for.
        unsafe { raw.inc_len(room.min(u32_as_usize(found.unsigned_abs()))) };
        for user in &raw {
            // SAFETY: checkpoint_uring_users() has taken the reference for us, if there is a pid.
            let Ok(pid) = (unsafe { PidRef::from_owned(user.pid) }) else {
                continue;
            };
            let user = User {
                pid,
                limits: user.limits,
                cpus: None,
            };
            // There is room: this can't fail, so that no reference is left.
            all.push(user, GFP_KERNEL_ACCOUNT)?;
        }
        if found > nr {
            return Err(EBUSY);
        }
        let bound = raw.iter().filter(|u| !u.pid.is_null()).map(|u| u.bound);
        for (user, bound) in all.iter_mut().zip(bound) {
            let Some(task) = user.pid.task().filter(|_| bound) else {
                continue;
            };
            let mut mask = CpuMask::empty()?;
            // SAFETY: We own references on the file, which is an io_uring, and on the task; the mask is
            // as long as one of the kernel's.
            let seen = unsafe {
                bindings::checkpoint_uring_cpus(ring.as_ptr(), task.as_ptr(), mask.as_mut_ptr())
            };
            user.cpus = (seen == 0).then_some(mask);
        }
        Ok(all)
    }

    /// Makes the task with the pid `user.pid` a user of `ring`, which nobody uses yet, and registers it
    /// for that at `places`, a bit for each. The task does not run. The caller's RLIMIT_NPROC bounds the
    /// limits.
    ///
    /// ESRCH: there is no such task. EINVAL: it may run on none of these CPUs. EBUSY: it has registered
    /// another at one of the places. EACCES: the current task may not register that.
    pub(crate) fn add_user(ring: &FileRef, user: &User, places: u32) -> Result {
        if !ring.is_io_uring() {
            return Err(EINVAL);
        }
        let task = user.pid.task().ok_or(ESRCH)?;
        let cpus = user
            .cpus
            .as_ref()
            .map_or(core::ptr::null(), CpuMask::as_ptr);
        // SAFETY: We own references on the file, which is an io_uring, and on the task, which does not
        // run. There are two limits; the mask is as long as one of the kernel's.
        to_result(unsafe {
            bindings::checkpoint_uring_add_user(
                ring.as_ptr(),
                task.as_ptr(),
                user.limits.as_ptr(),
                cpus,
                u32_as_usize(places),
            )
        })
    }
}

#[cfg(not(CONFIG_IO_URING))]
impl Uring {
    /// Returns how many workers new users get: there are none.
    pub(crate) fn limits(_: &FileRef) -> Result<Option<[u32; 2]>> {
        Err(EINVAL)
    }

    /// Sets that: this kernel can't.
    pub(crate) fn set_limits(_: &FileRef, _: [u32; 2]) -> Result {
        Err(EOPNOTSUPP)
    }

    /// Returns the tasks that use an io_uring: there are none.
    pub(crate) fn users(_: &FileRef) -> Result<KVVec<User>> {
        Err(EINVAL)
    }

    /// Makes a task a user: this kernel can't.
    pub(crate) fn add_user(_: &FileRef, _: &User, _: u32) -> Result {
        Err(EOPNOTSUPP)
    }
}
