// SPDX-License-Identifier: GPL-2.0

//! Signals of tasks that are parked: masks, what is pending, group stop.

use core::ptr;

use kernel::{
    bindings,
    error::to_result,
    num::casts::{
        arch::u64_as_usize,
        u32_as_usize, //
    },
    prelude::*, //
};

use crate::{
    image::task::NSIG,
    kapi::{
        fork::parked::ParkedTask,
        signal::sighand::{
            locked,
            mask_of,
            set_of,
            GroupStop,
            Info,
            INFO_USED,
            UNBLOCKABLE, //
        }, //
    }, //
};

/// Drops the signals that are pending for `t`, and for `shared` those of its thread group.
///
/// ESRCH: it was killed.
///
/// # Safety
///
/// `t` is valid and its signal state is locked.
unsafe fn drop_pending(t: *mut bindings::task_struct, shared: bool) -> Result {
    // SAFETY: By the caller's promise `t` is valid and its signal state is locked.
    unsafe {
        let s = (*t).signal;
        if (*s).flags & bindings::SIGNAL_GROUP_EXIT != 0
            || (mask_of(&(*t).pending.signal) | mask_of(&(*s).shared_pending.signal)) & KILL != 0
        {
            return Err(ESRCH);
        }
        bindings::flush_sigqueue(&raw mut (*t).pending);
        if shared {
            bindings::flush_sigqueue(&raw mut (*s).shared_pending);
        }
    }
    Ok(())
}

/// Returns whether some thread of the group of `t` is to stop.
///
/// # Safety
///
/// `t` is valid and its signal state is locked.
unsafe fn is_group_to_stop(t: *mut bindings::task_struct) -> bool {
    // SAFETY: By the caller's promise: the lock keeps the list of threads, which begins with the
    // leader, and the word of each.
    unsafe {
        let mut thread = (*t).group_leader;
        while !thread.is_null() {
            if (*thread).jobctl & u32_as_usize(bindings::JOBCTL_STOP_PENDING) != 0 {
                return true;
            }
            thread = bindings::next_thread(thread);
        }
    }
    false
}

/// Has the threads of the group of `t` that are traced not stop by [`ParkedTask::set_stopped`], or
/// for signals that were queued for the group: they run, or stop where they were stopped. `pending`
/// are the bits of `jobctl` that say so.
///
/// # Safety
///
/// `t` is valid and its signal state is locked.
unsafe fn release_traced(t: *mut bindings::task_struct, pending: u32) {
    // SAFETY: By the caller's promise `t` is valid and its signal state is locked, which keeps the
    // list of threads and `jobctl`. As task_clear_jobctl_pending(), which wakes who waits for a
    // trap: nobody does.
    unsafe {
        let mut thread = (*t).group_leader;
        while !thread.is_null() {
            if (*thread).ptrace != 0 {
                (*thread).jobctl &= !u32_as_usize(pending);
            }
            thread = bindings::next_thread(thread);
        }
    }
}

/// Has the workers in the group of `t` stop by `signal`, which are none of the tasks: they were told when
/// they were made, but SIGCONT may have come since, which the group has forgotten.
///
/// # Safety
///
/// `t` is valid and its signal state is locked.
unsafe fn stop_workers(t: *mut bindings::task_struct, signal: u32) {
    let bits = (signal & bindings::JOBCTL_STOP_SIGMASK) | bindings::JOBCTL_STOP_PENDING;
    // SAFETY: As in `is_group_to_stop()`: the lock is what task_set_jobctl_pending(), which knows those that
    // die, and signal_wake_up_state() ask for. The flag of a worker does not change.
    unsafe {
        let mut thread = (*t).group_leader;
        while !thread.is_null() {
            if (*thread).flags & bindings::PF_IO_WORKER != 0
                && (*thread).jobctl & u32_as_usize(bindings::JOBCTL_STOPPED) == 0
                && bindings::task_set_jobctl_pending(thread, u32_as_usize(bits))
            {
                bindings::signal_wake_up_state(thread, 0);
            }
            thread = bindings::next_thread(thread);
        }
    }
}

/// SIGKILL in a mask.
const KILL: u64 = 1 << (bindings::SIGKILL - 1);

/// Drops the signals that are pending for the current task, which is being restored, and for its
/// thread group. ESRCH: it was killed.
pub(in crate::kapi) fn drop_own() -> Result {
    // SAFETY: The running task is valid.
    unsafe {
        let t = bindings::get_current();
        locked(t, || drop_pending(t, true))?
    }
}

impl ParkedTask {
    /// Drops what arrived while the task was restored, and blocks all signals that can be blocked.
    ///
    /// `shared`: drop what is pending for its thread group too. ESRCH: it was killed.
    pub(crate) fn clear_signals(&self, shared: bool) -> Result {
        let t = self.as_ptr();
        // SAFETY: We own a reference on the task; the queues and the mask change under the lock. Of
        // what set_current_blocked() does, the rest is for a task that runs: SIGKILL and SIGSTOP
        // stay out of the mask; which thread takes a shared signal is settled when all of them look
        // for signals, at their release.
        unsafe {
            locked(t, || {
                drop_pending(t, shared)?;
                (*t).blocked = set_of(!UNBLOCKABLE);
                Ok(())
            })?
        }
    }

    /// Queues a signal for the task, or for `shared` its thread group, with exactly this siginfo.
    ///
    /// All signals are blocked that can be: [`Self::clear_signals`] came before. EAGAIN: the user
    /// has too many pending signals. EINVAL: it can't be queued. ESRCH: the task was killed.
    pub(crate) fn queue_signal(&self, info: &Info, shared: bool) -> Result {
        let signal = u32::from_ne_bytes([info[0], info[1], info[2], info[3]]);
        if signal == 0
            || u32_as_usize(signal) > NSIG
            || signal == bindings::SIGKILL
            || info.iter().skip(INFO_USED).any(|&b| b != 0)
        {
            return Err(EINVAL);
        }
        let mut raw: bindings::kernel_siginfo = pin_init::zeroed();
        // SAFETY: `info` is longer than `raw`, which any bytes are valid for.
        unsafe {
            ptr::copy_nonoverlapping(info.as_ptr(), (&raw mut raw).cast::<u8>(), INFO_USED);
        }
        let t = self.as_ptr();
        // SAFETY: We own a reference on the task; the queue is stable under the lock.
        unsafe {
            locked(t, || {
                // It would take no more signals, and that is not for their number.
                if (*(*t).signal).flags & bindings::SIGNAL_GROUP_EXIT != 0 {
                    return Err(ESRCH);
                }
                let (queue, kind) = if shared {
                    (
                        &raw mut (*(*t).signal).shared_pending,
                        bindings::pid_type_PIDTYPE_TGID,
                    )
                } else {
                    (&raw mut (*t).pending, bindings::pid_type_PIDTYPE_PID)
                };
                let head = &raw mut (*queue).list;
                let last = (*head).prev;
                to_result(bindings::send_signal_locked(
                    signal.cast_signed(),
                    &mut raw,
                    t,
                    kind,
                ))?;
                let added = (*head).prev;
                if added == last || added == head {
                    return Err(EAGAIN);
                }
                // A sender in another pid namespace is hidden from the receiver; here it was the
                // original sender's pid already.
                let q = kernel::container_of!(added, bindings::sigqueue, list);
                (*q).info = raw;
                Ok(())
            })?
        }
    }

    /// Makes signals pending that have no siginfo.
    pub(crate) fn set_bare_signals(&self, signals: u64, shared: bool) -> Result {
        let t = self.as_ptr();
        // SAFETY: We own a reference on the task; the queue is stable under the lock.
        unsafe {
            locked(t, || {
                let queue = if shared {
                    &raw mut (*(*t).signal).shared_pending
                } else {
                    &raw mut (*t).pending
                };
                (*queue).signal.sig[0] |= u64_as_usize(signals & !KILL);
            })
        }
    }

    /// Sets the final mask, and the one to restore at the end of its system call.
    pub(crate) fn set_masks(&self, blocked: u64, saved: Option<u64>) -> Result {
        let t = self.as_ptr();
        // SAFETY: We own a reference on the task, which is parked; masks change under the lock.
        unsafe {
            locked(t, || {
                (*t).blocked = set_of(blocked & !UNBLOCKABLE);
                if let Some(saved) = saved {
                    (*t).saved_sigmask = set_of(saved & !UNBLOCKABLE);
                    bindings::set_tsk_restore_sigmask(t);
                } else {
                    bindings::clear_tsk_restore_sigmask(t);
                }
            })
        }
    }

    /// Makes the thread stop by `signal` when it is released, as one of a group that has stopped
    /// already: nobody is notified.
    pub(crate) fn set_stopped(&self, signal: u32) -> Result {
        let t = self.as_ptr();
        let bits = (signal & bindings::JOBCTL_STOP_SIGMASK) | bindings::JOBCTL_STOP_PENDING;
        // SAFETY: We own a reference on the task; jobctl changes under the lock. As
        // task_set_jobctl_pending() with the bits of do_signal_stop(): one that is to die does not
        // stop, and none that is parked is exiting.
        unsafe {
            locked(t, || {
                if (*(*t).signal).flags & bindings::SIGNAL_GROUP_EXIT != 0 {
                    return;
                }
                (*t).jobctl &= !u32_as_usize(bindings::JOBCTL_STOP_SIGMASK);
                (*t).jobctl |= u32_as_usize(bits);
            })
        }
    }

    /// Sets the job control state of its thread group. `signal` is the one that stopped it; SIGCONT
    /// may have undone that since [`Self::set_stopped`].
    pub(crate) fn set_group_stop(&self, stop: &GroupStop, signal: u32) -> Result {
        let t = self.as_ptr();
        // SAFETY: We own a reference on the task; the state changes under the lock. As
        // signal_set_stop_flags(): not for a group that is to die, whose exit code it is by then.
        unsafe {
            locked(t, || {
                let s = (*t).signal;
                if (*s).flags & bindings::SIGNAL_GROUP_EXIT != 0 {
                    return;
                }
                let stopped = stop.stopped && is_group_to_stop(t);
                if stopped {
                    (*s).flags |= bindings::SIGNAL_STOP_STOPPED;
                    stop_workers(t, signal);
                    (*s).group_exit_code = if stop.unreported {
                        signal.cast_signed()
                    } else {
                        0
                    };
                } else if !stop.stopped && stop.continued {
                    (*s).flags |= bindings::SIGNAL_STOP_CONTINUED;
                }
                // Who has seized a thread of it is to be told of a SIGCONT that came meanwhile.
                let pending = if stopped == stop.stopped {
                    bindings::JOBCTL_PENDING_MASK
                } else {
                    bindings::JOBCTL_STOP_PENDING
                };
                release_traced(t, pending);
            })
        }
    }
}
