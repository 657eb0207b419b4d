// SPDX-License-Identifier: GPL-2.0

//! Threads that submit for io_urings: `io_uring/sqpoll.c`, `kernel/checkpoint/uring.c`.

use kernel::prelude::*;

#[cfg(CONFIG_IO_URING)]
use kernel::{
    bindings,
    error::to_result, //
};

use crate::kapi::{
    fs::{
        file::FileRef,
        uring::Uring, //
    },
    sched::attr::{
        CpuMask,
        Scheduling, //
    },
    task::frozen::FrozenTask, //
};

#[cfg(CONFIG_IO_URING)]
impl FrozenTask {
    /// Returns whether it is a thread of the kernel, which submits for io_urings.
    pub(crate) fn submits(&self) -> bool {
        let t = self.as_ptr();
        // SAFETY: We own a reference on the task; the flag does not change.
        unsafe {
            (*t).flags & bindings::PF_IO_WORKER != 0 && bindings::checkpoint_uring_is_thread(t)
        }
    }
}

#[cfg(not(CONFIG_IO_URING))]
impl FrozenTask {
    /// Returns whether it is a thread of the kernel, which submits for io_urings: there is none.
    pub(crate) fn submits(&self) -> bool {
        false
    }
}

#[cfg(CONFIG_IO_URING)]
impl Uring {
    /// Returns whether the thread that submits for `ring` is one of the process of `t`, and has the
    /// same files directories as `t`.
    ///
    /// EBUSY: somebody uses it. EINVAL: it is no io_uring.
    pub(crate) fn shares(ring: &FileRef, t: &FrozenTask) -> Result<bool> {
        if !ring.is_io_uring() {
            return Err(EINVAL);
        }
        // SAFETY: We own references on the file, which is an io_uring, and on the task. Nothing is
        // followed of what they share.
        match unsafe { bindings::checkpoint_uring_shares(ring.as_ptr(), t.as_ptr()) } {
            ret if ret < 0 => Err(Error::from_errno(ret)),
            ret => Ok(ret != 0),
        }
    }

    /// Makes the thread that submits for `ring`, which was made of this by the current task, and which
    /// nobody uses yet: one of the current process. It does nothing before [`Self::start`]. `signal` is the
    /// one by which the process is stopped, and the thread as well; 0: it is not.
    ///
    /// EINVAL: it may not have that CPU. EAGAIN: there are too many tasks. Else as of io_uring_setup(2).
    pub(crate) fn add_thread(&self, ring: &FileRef, signal: u32) -> Result {
        if !ring.is_io_uring() {
            return Err(EINVAL);
        }
        // SAFETY: We own a reference on the file, which is an io_uring. The current task is one that may
        // make threads.
        to_result(unsafe {
            bindings::checkpoint_uring_add_thread(ring.as_ptr(), &self.to_raw(), signal)
        })
    }

    /// Schedules the thread of `ring`, which was made for it in the current process, in such ways one after
    /// the other, and binds it to CPUs; `None`: to those that it has.
    ///
    /// EPERM: neither who has opened the ring nor the current task may do that. ESRCH: the thread is gone.
    /// EINVAL: there is no such policy, or none of these CPUs. Else as of sched_setattr(2) and
    /// sched_setaffinity(2).
    pub(crate) fn schedule(
        ring: &FileRef,
        steps: impl Iterator<Item = Scheduling>,
        cpus: Option<&CpuMask>,
    ) -> Result {
        if !ring.is_io_uring() {
            return Err(EINVAL);
        }
        for step in steps {
            // SAFETY: We own a reference on the file, which is an io_uring; the structure is valid.
            to_result(unsafe {
                bindings::checkpoint_uring_schedule(ring.as_ptr(), &step.to_raw())
            })?;
        }
        match cpus {
            Some(cpus) => {
                // SAFETY: We own a reference on the file, which is an io_uring; by the type's
                // invariants the set is as long as a mask.
                to_result(unsafe { bindings::checkpoint_uring_bind(ring.as_ptr(), cpus.as_ptr()) })
            }
            None => Ok(()),
        }
    }

    /// Lets the thread of `ring` go, which submits if the ring is `enabled`.
    pub(crate) fn start(ring: &FileRef, enabled: bool) {
        if ring.is_io_uring() {
            // SAFETY: We own a reference on the file, which is an io_uring.
            unsafe { bindings::checkpoint_uring_start(ring.as_ptr(), enabled) }
        }
    }
}

#[cfg(not(CONFIG_IO_URING))]
impl Uring {
    /// Returns whether its thread is one of the process: there is none.
    pub(crate) fn shares(_: &FileRef, _: &FrozenTask) -> Result<bool> {
        Err(EINVAL)
    }

    /// Makes a thread that submits: this kernel can't.
    pub(crate) fn add_thread(&self, _: &FileRef, _: u32) -> Result {
        Err(EOPNOTSUPP)
    }

    /// Sets how a thread is scheduled: this kernel has none.
    pub(crate) fn schedule(
        _: &FileRef,
        _: impl Iterator<Item = Scheduling>,
        _: Option<&CpuMask>,
    ) -> Result {
        Err(EOPNOTSUPP)
    }

    /// Lets a thread go: there is none.
    pub(crate) fn start(_: &FileRef, _: bool) {}
}
