// SPDX-License-Identifier: GPL-2.0

//! What shows that the current task may lose what it had of its creator.

use kernel::types::NotThreadSafe;

/// The current task was made by restart(2), and has not been in user mode yet.
///
/// Whatever replaces state of the current task as a whole (its address space, descriptors,
/// credentials, limits, actions of signals, ...) wants one of these: the caller of restart(2) and
/// its threads can't get any, and so do not lose what is their own. Not so security labels, which a
/// task has for a moment only as it makes credentials: those who do that look for the caller.
///
/// # Invariants
///
/// It is on the stack of such a task, which it does not leave.
pub(crate) struct Restoring {
    _here: NotThreadSafe,
}

impl Restoring {
    /// Vouches for the current task.
    ///
    /// # Safety
    ///
    /// It was made by [`spawn`](super::park::spawn), runs the function that it was given there, and
    /// does so for as long as this exists.
    pub(in crate::kapi) unsafe fn new() -> Self {
        // INVARIANT: By the caller's promise; it can't be sent to another task.
        Self {
            _here: NotThreadSafe,
        }
    }
}
