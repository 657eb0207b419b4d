// SPDX-License-Identifier: GPL-2.0

//! The OOM killer and tasks that have no memory of their own yet.
//!
//! Until it has an address space of its own a new task uses that of the caller of restart(2), but
//! may be in another cgroup: were it chosen there, the caller would be killed with it. So it is
//! exempt until it owns memory, and then as adjusted as the caller is.

use kernel::bindings;

use crate::kapi::fork::restoring::Restoring;

/// The adjustment of those that are never chosen.
// CAST: It is -1000, as the assertion says.
const ADJ_MIN: i16 = bindings::OOM_SCORE_ADJ_MIN as i16;

const _: () = assert!(bindings::OOM_SCORE_ADJ_MIN == -1000);

/// Returns the OOM score adjustment of the current thread group.
pub(crate) fn current() -> i16 {
    // SAFETY: The signal_struct of the running task is valid; the field is read once.
    unsafe { (&raw const (*(*bindings::get_current()).signal).oom_score_adj).read_volatile() }
}

/// Sets it to what [`current`] returned for this thread group, or for the caller of restart(2).
///
/// What `__set_oom_adj()` checks for /proc/PID/oom_score_adj is whether the value is lower than
/// what its writer may set: this one is what the group would have had without [`exempt`].
pub(crate) fn set_current(_: &Restoring, adj: i16) {
    // SAFETY: The signal_struct of the running task is valid.
    unsafe { set((*bindings::get_current()).signal, adj) };
}

/// Exempts the current thread group, which owns no memory.
pub(in crate::kapi) fn exempt_current(restoring: &Restoring) {
    set_current(restoring, ADJ_MIN);
}

/// Exempts a new thread group, which owns no memory.
///
/// # Safety
///
/// `t` is a valid task.
pub(in crate::kapi) unsafe fn exempt(t: *mut bindings::task_struct) {
    // SAFETY: The signal_struct lives as long as the task.
    unsafe { set((*t).signal, ADJ_MIN) };
}

/// Sets the OOM score adjustment of a thread group.
///
/// # Safety
///
/// `signal` is valid.
unsafe fn set(signal: *mut bindings::signal_struct, adj: i16) {
    // SAFETY: By the caller's promise; the field changes under the mutex. As __set_oom_adj(), whose
    // checks are those of its callers here: the value is one that a group has had, or the lowest;
    // CAP_SYS_RESOURCE is not asked for, as the lowest lasts while the group owns no memory; and
    // who shares the caller's memory is not changed along, which is what this is for.
    unsafe {
        let lock = &raw mut bindings::oom_adj_mutex;
        bindings::mutex_lock(lock);
        (*signal).oom_score_adj = adj;
        bindings::mutex_unlock(lock);
    }
}
