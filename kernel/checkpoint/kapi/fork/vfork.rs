// SPDX-License-Identifier: GPL-2.0

//! The wait of a parent for its child in vfork().

use core::ptr::{
    self,
    NonNull, //
};

use kernel::{
    bindings,
    prelude::*,
    sync::aref::ARef,
    task::Task,
    types::Opaque, //
};

use crate::kapi::fork::parked::ParkedTask;

/// A parent that will wait in vfork() for `child`.
///
/// # Invariants
///
/// Whoever completes `done` gets to it by `vfork_done` of the child, under the child's
/// `task_lock()`. It points there from the construction on until the child lets its parent go, or
/// this is dropped: so nobody else sees it after that.
///
/// `pid` is a valid `struct pid`, on which a reference is owned.
#[pin_data(PinnedDrop)]
pub(crate) struct VforkWait {
    child: ARef<Task>,
    pid: NonNull<bindings::pid>,
    #[pin]
    done: Opaque<bindings::completion>,
}

// SAFETY: A completion is made to be used by several threads, a reference on a task likewise.
unsafe impl Send for VforkWait {}
// SAFETY: Shared references only wait for the completion, which has a lock, and read pointers that
// do not change.
unsafe impl Sync for VforkWait {}

impl VforkWait {
    /// Makes `child` let its parent go at its exec or exit, as after vfork().
    pub(in crate::kapi) fn new(child: &ParkedTask) -> Result<Pin<KBox<Self>>> {
        // SAFETY: The task is held, and has not been released: it has a pid.
        let pid = unsafe { bindings::get_task_pid(child.as_ptr(), bindings::pid_type_PIDTYPE_PID) };
        let pid = NonNull::new(pid).ok_or(ESRCH)?;
        // INVARIANT: The reference is that which was just got.
        let this = KBox::pin_init(
            pin_init!(Self {
                child: child.task().clone(),
                pid,
                // SAFETY: init_completion() initialises all of it.
                done <- Opaque::ffi_init(|c| unsafe { bindings::init_completion(c) }),
            }),
            GFP_KERNEL_ACCOUNT,
        )
        // SAFETY: There is nothing yet that would put the reference.
        .inspect_err(|_| unsafe { bindings::put_pid(pid.as_ptr()) })?;
        let t = child.as_ptr();
        // SAFETY: We own a reference. kernel_clone() sets the field before the child runs; this one
        // is held, so it has not begun to exit, and will find it. It was not set: the task was not
        // made by vfork(). INVARIANT: It points to `done`, which is pinned.
        unsafe {
            bindings::task_lock(t);
            (*t).vfork_done = this.done.get();
            bindings::task_unlock(t);
        }
        Ok(this)
    }

    /// Waits for the child, as vfork() does, and returns whether it has let its parent go. To be
    /// called by the parent, which owns nothing else that it should not keep for that long.
    fn wait(&self) -> bool {
        // SAFETY: We own a reference, and hand over the one that is got here. `done` lives until
        // we have taken it out of the child, below.
        unsafe {
            bindings::get_task_struct(self.child.as_ptr());
            bindings::wait_for_vfork_done(self.child.as_ptr(), self.done.get()) == 0
        }
    }
}

/// Has the current task, which was restored and is on its way to user mode, do what it had yet to do
/// in vfork(), if it was in that: stop for its tracer, wait for its child as `wait` says, and stop
/// once more. It holds no lock, and owns nothing else that it should not keep for that long.
pub(in crate::kapi) fn resume(wait: Option<Pin<KBox<VforkWait>>>) {
    // SAFETY: By what this function is for the current task is on its way to user mode and holds no
    // lock: it may stop here.
    let at_event = unsafe { bindings::checkpoint_stop_in_vfork() };
    if at_event == 0 && wait.is_none() {
        return;
    }
    if wait.as_ref().is_some_and(|w| !w.wait()) {
        // It was killed.
        return;
    }
    let pid = wait.as_ref().map_or(ptr::null_mut(), |w| w.pid.as_ptr());
    // SAFETY: The current task is on its way to user mode and holds no lock: it may stop here.
    // `wait` keeps the reference on `pid`, which is NULL without.
    unsafe { bindings::checkpoint_leave_vfork(pid, at_event, at_event == 0) };
}

#[pinned_drop]
impl PinnedDrop for VforkWait {
    fn drop(self: Pin<&mut Self>) {
        let t = self.child.as_ptr();
        // SAFETY: We own a reference. complete_vfork_done() uses what it finds in the field under
        // the same lock, and takes it out.
        unsafe {
            bindings::task_lock(t);
            if (*t).vfork_done == self.done.get() {
                (*t).vfork_done = core::ptr::null_mut();
            }
            bindings::task_unlock(t);
            bindings::put_pid(self.pid.as_ptr());
        }
    }
}
