// SPDX-License-Identifier: GPL-2.0

//! The wait of a parent for its child in vfork().

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
#[pin_data(PinnedDrop)]
pub(crate) struct VforkWait {
    child: ARef<Task>,
    #[pin]
    done: Opaque<bindings::completion>,
}

// SAFETY: A completion is made to be used by several threads, a reference on a task likewise.
unsafe impl Send for VforkWait {}
// SAFETY: As above.
unsafe impl Sync for VforkWait {}

impl VforkWait {
    /// Makes `child` one that lets its parent go at its exec or exit.
    pub(in crate::kapi) fn new(child: &ParkedTask) -> Result<Pin<KBox<Self>>> {
        let this = KBox::pin_init(
            pin_init!(Self {
                child: child.task().clone(),
                // SAFETY: init_completion() initialises all of it.
                done <- Opaque::ffi_init(|c| unsafe { bindings::init_completion(c) }),
            }),
            GFP_KERNEL_ACCOUNT,
        )?;
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

    /// Waits for the child, as vfork() does. To be called by the parent, which owns nothing else
    /// that it should not keep for that long.
    pub(in crate::kapi) fn wait(self: Pin<KBox<Self>>) {
        // SAFETY: We own a reference, and hand over the one that is got here. `done` lives until
        // we have taken it out of the child, below.
        unsafe {
            bindings::get_task_struct(self.child.as_ptr());
            bindings::wait_for_vfork_done(self.child.as_ptr(), self.done.get());
        }
    }
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
        }
    }
}
