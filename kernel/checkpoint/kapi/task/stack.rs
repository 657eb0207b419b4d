// SPDX-License-Identifier: GPL-2.0

//! Kernel stacks of other tasks.

use kernel::{
    bindings,
    prelude::*,
    sync::aref::ARef,
    task::Task, //
};

/// A reference on the kernel stack of a task, and on the task.
///
/// A `task_struct` does not keep its stack: that goes when the task has left its CPU for the last
/// time (`finish_task_switch()`), long before it is waited for. The saved user registers
/// (`task_pt_regs()`) lie on it.
///
/// # Invariants
///
/// We own a reference on the stack of `task` (`stack_refcount`).
pub(crate) struct StackRef {
    task: ARef<Task>,
}

impl StackRef {
    /// Takes a reference on the kernel stack of `task`. Does not sleep.
    ///
    /// ESRCH: it has died, and its stack is gone.
    pub(crate) fn new(task: &ARef<Task>) -> Result<Self> {
        // SAFETY: We own a reference on the task, as the function requires.
        if unsafe { bindings::try_get_task_stack(task.as_ptr()) }.is_null() {
            return Err(ESRCH);
        }
        // INVARIANT: We have just got the reference.
        Ok(Self { task: task.clone() })
    }
}

impl Drop for StackRef {
    fn drop(&mut self) {
        // SAFETY: By the type's invariants we own the reference that this gives back.
        unsafe { bindings::put_task_stack(self.task.as_ptr()) };
    }
}
