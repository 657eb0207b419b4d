// SPDX-License-Identifier: GPL-2.0

//! The hooks of security modules, and the audit records, of our system calls themselves.

use kernel::{
    bindings,
    error::to_result,
    prelude::*,
    task::Task, //
};

use crate::kapi::fs::file::FileRef;

/// Asks whether `task` may be saved. May sleep.
pub(crate) fn may_save(task: &Task) -> Result {
    // SAFETY: The reference keeps the task.
    to_result(unsafe { bindings::checkpoint_may_save(task.as_ptr()) })
}

/// Asks whether `tasks` tasks may be made of `image`, by a call with these flags. May sleep.
pub(crate) fn may_restart(image: &FileRef, flags: u64, tasks: u32) -> Result {
    // SAFETY: We own a reference on the file.
    to_result(unsafe { bindings::checkpoint_may_restart(image.as_ptr(), flags, tasks) })
}

/// Returns the pid of `task` in the initial pid namespace.
pub(crate) fn global_pid(task: &Task) -> u32 {
    // SAFETY: The reference keeps the task; that namespace never goes.
    let nr = unsafe {
        bindings::__task_pid_nr_ns(
            task.as_ptr(),
            bindings::pid_type_PIDTYPE_TGID,
            &raw mut bindings::init_pid_ns,
        )
    };
    nr.unsigned_abs()
}

/// Which of our system calls.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    /// checkpoint(2).
    Checkpoint,
    /// restart(2).
    Restart,
}

/// Tells audit of a call with these flags, which returns `ret`. `pid`: the root task, as the
/// initial pid namespace has it; `id`: the image; 0: not known. May sleep.
pub(crate) fn audit(call: Call, pid: u32, id: u64, flags: u64, ret: c_long) {
    // SAFETY: It takes numbers, and may sleep, which we may.
    unsafe { bindings::checkpoint_audit(call == Call::Restart, pid, id, flags, ret) };
}
