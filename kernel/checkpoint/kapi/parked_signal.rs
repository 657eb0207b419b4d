// SPDX-License-Identifier: GPL-2.0

//! Signals of tasks that are parked: masks, what is pending, group stop.

use core::ptr;

use kernel::{
    bindings,
    error::to_result,
    prelude::*, //
};

use crate::{
    image::task::NSIG,
    kapi::{
        park::ParkedTask,
        signal::{
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

/// Addresses that the kernel writes to, or walks, when a thread exits.
pub(crate) struct ExitAddrs {
    /// Address of clear_child_tid.
    pub(crate) clear_child_tid: u64,
    /// Robust futex list.
    pub(crate) robust_list: u64,
    /// Robust futex list of 32-bit calls.
    pub(crate) compat_robust_list: u64,
}

impl ParkedTask {
    /// Drops what arrived while the task was restored, and blocks all signals.
    ///
    /// `shared`: drop what is pending for its thread group too. EINTR: it was killed.
    pub(crate) fn clear_signals(&self, shared: bool) -> Result {
        let t = self.as_ptr();
        // SAFETY: We own a reference on the task; the queues and the mask change under the lock.
        // No POSIX timer of it exists, so none of their signals is queued.
        unsafe {
            locked(t, || {
                if mask_of(&(*t).pending.signal) & (1 << (bindings::SIGKILL - 1)) != 0 {
                    return Err(EINTR);
                }
                (*t).blocked = set_of(u64::MAX);
                bindings::flush_sigqueue(&raw mut (*t).pending);
                if shared {
                    bindings::flush_sigqueue(&raw mut (*(*t).signal).shared_pending);
                }
                Ok(())
            })?
        }
    }

    /// Queues a signal for the task, or for `shared` its thread group, with exactly this siginfo.
    ///
    /// All signals are blocked: [`Self::clear_signals`] came before. EAGAIN: the user has too many
    /// pending signals. EINVAL: it can't be queued.
    pub(crate) fn queue_signal(&self, info: &Info, shared: bool) -> Result {
        let signal = u32::from_ne_bytes([info[0], info[1], info[2], info[3]]);
        if signal == 0
            || signal as usize > NSIG
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
                (*queue).signal.sig[0] |= (signals & !(1 << (bindings::SIGKILL - 1))) as c_ulong;
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
    /// already: nobody is told.
    pub(crate) fn set_stopped(&self, signal: u32) -> Result {
        let t = self.as_ptr();
        let bits = (signal & bindings::JOBCTL_STOP_SIGMASK) | bindings::JOBCTL_STOP_PENDING;
        // SAFETY: We own a reference on the task; jobctl changes under the lock.
        unsafe {
            locked(t, || {
                (*t).jobctl &= !(bindings::JOBCTL_STOP_SIGMASK as c_ulong);
                (*t).jobctl |= bits as c_ulong;
            })
        }
    }

    /// Sets the job control state of its thread group. `signal` is the one that stopped it.
    pub(crate) fn set_group_stop(&self, stop: &GroupStop, signal: u32) -> Result {
        let t = self.as_ptr();
        // SAFETY: We own a reference on the task; the state changes under the lock.
        unsafe {
            locked(t, || {
                let s = (*t).signal;
                if stop.stopped {
                    (*s).flags |= bindings::SIGNAL_STOP_STOPPED;
                    (*s).group_exit_code = if stop.unreported {
                        signal.cast_signed()
                    } else {
                        0
                    };
                } else if stop.continued {
                    (*s).flags |= bindings::SIGNAL_STOP_CONTINUED;
                }
            })
        }
    }

    /// Sets the addresses that the kernel writes to, or walks, when the thread exits.
    ///
    /// Not before all is well: they may lie in memory that others share.
    pub(crate) fn set_exit_addrs(&self, addrs: &ExitAddrs) {
        let t = self.as_ptr();
        // SAFETY: We own a reference on the task, which is parked and does not exit before it is
        // released or killed; the addresses are used with the checks of user access only.
        unsafe {
            (*t).clear_child_tid = addrs.clear_child_tid as *mut c_int;
            (*t).futex.robust_list = addrs.robust_list as *mut bindings::robust_list_head;
            bindings::checkpoint_set_compat_robust(t, addrs.compat_robust_list);
        }
    }
}
