// SPDX-License-Identifier: GPL-2.0

//! Signals: actions, masks, what is pending, group stop.

use core::ptr;

use kernel::{
    bindings,
    error::to_result,
    num::casts::{
        arch::u64_as_usize,
        u32_as_usize,
        usize_as_u64, //
    },
    prelude::*,
    task::Task,
    types::NotThreadSafe, //
};

use crate::{
    image::task::{
        set_timer_of,
        ACTION_IA32,
        NSIG,
        SIGINFO_LEN, //
    },
    kapi::{
        fork::restoring::Restoring,
        task::frozen::FrozenTask, //
    }, //
};

/// Bytes of a siginfo that mean something: the rest of [`SIGINFO_LEN`] is zero.
pub(in crate::kapi) const INFO_USED: usize = size_of::<bindings::kernel_siginfo>();

const _: () = assert!(INFO_USED <= SIGINFO_LEN);

/// The signals SIGKILL and SIGSTOP, which can't be blocked.
pub(super) const UNBLOCKABLE: u64 = 1 << (bindings::SIGKILL - 1) | 1 << (bindings::SIGSTOP - 1);

/// A siginfo_t.
pub(crate) type Info = [u8; SIGINFO_LEN];

/// A signal action.
#[derive(Clone, Copy, Default)]
pub(crate) struct RawAction {
    /// Address of the handler; 0 default, 1 ignore.
    pub(crate) handler: u64,
    /// SA_* flags.
    pub(crate) flags: u64,
    /// Address of the restorer.
    pub(crate) restorer: u64,
    /// Signals blocked while it runs.
    pub(crate) mask: u64,
}

/// Flags that a program can give an action, or that say what kind of program it is.
// CAST: The type of the constant is not the same on all architectures; it has 32 bits at most.
pub(crate) const ACTION_FLAGS: u64 = bindings::UAPI_SA_FLAGS as u64
    | if cfg!(CONFIG_IA32_EMULATION) {
        ACTION_IA32
    } else {
        0
    };

/// Masks and alternate stack of a thread.
#[derive(Clone, Copy)]
pub(crate) struct Masks {
    /// Blocked signals.
    pub(crate) blocked: u64,
    /// Mask to restore at the end of the system call.
    pub(crate) saved: Option<u64>,
    /// Alternate stack: address.
    pub(crate) stack: u64,
    /// Alternate stack: bytes.
    pub(crate) stack_len: u64,
    /// Alternate stack: SS_* flags.
    pub(crate) stack_flags: u32,
}

/// Pending signals of a thread or a thread group.
pub(crate) struct PendingSignals {
    /// siginfos, oldest first, with the ids of the timers that they are of.
    pub(crate) infos: KVVec<Info>,
    /// Signals that are pending without a siginfo.
    pub(crate) bare: u64,
}

/// Job control of a thread group.
#[derive(Clone, Copy, Default)]
pub(crate) struct GroupStop {
    /// It is stopped.
    pub(crate) stopped: bool,
    /// The stop was not yet reported to a waiting parent.
    pub(crate) unreported: bool,
    /// A continue was not yet reported to a waiting parent.
    pub(crate) continued: bool,
    /// It is about to stop, or to notify its parent of a stop or continue.
    pub(crate) in_transit: bool,
}

/// Returns the signals of a set, signal n at bit n - 1.
pub(in crate::kapi) fn mask_of(set: &bindings::sigset_t) -> u64 {
    usize_as_u64(set.sig[0])
}

/// Returns the set of the signals of a mask.
pub(in crate::kapi) fn set_of(mask: u64) -> bindings::sigset_t {
    let mut set = bindings::sigset_t::default();
    set.sig[0] = u64_as_usize(mask);
    set
}

/// Returns how many threads have the signal actions at `addr`, which those of `task` were; 0: it
/// has exited.
pub(crate) fn users(task: &Task, addr: usize) -> u64 {
    let t = task.as_ptr();
    // SAFETY: The caller has a reference on the task; the lock keeps both structures. The count is
    // read only.
    let users = unsafe {
        locked(t, || {
            let sighand = (*t).sighand;
            let count = (&raw const (*sighand).count.refs.counter).read_volatile();
            if sighand.addr() == addr {
                count
            } else {
                0
            }
        })
    };
    users.map_or(0, |n| u64::from(n.unsigned_abs()))
}

/// Runs `f` under the lock of the task's signal state, with interrupts off. ESRCH: it is dead.
///
/// # Safety
///
/// `t` is a valid task. `f` does not sleep.
pub(in crate::kapi) unsafe fn locked<R>(
    t: *mut bindings::task_struct,
    f: impl FnOnce() -> R,
) -> Result<R> {
    let mut flags = 0;
    // SAFETY: By the caller's promise `t` is valid; there is room for the flags.
    if unsafe { bindings::lock_task_sighand(t, &mut flags) }.is_null() {
        return Err(ESRCH);
    }
    let result = f();
    // SAFETY: It was locked above, with these flags, and `t` is valid by the caller's promise.
    unsafe { bindings::unlock_task_sighand(t, &mut flags) };
    Ok(result)
}

impl FrozenTask {
    /// Address of its signal actions, to compare. ESRCH: it is dead.
    pub(crate) fn sighand_addr(&self) -> Result<usize> {
        let t = self.as_ptr();
        // SAFETY: We own a reference on the task; the lock keeps the pointer.
        unsafe { locked(t, || (*t).sighand.addr()) }
    }

    /// Returns its signal actions.
    pub(crate) fn actions(&self) -> Result<KVVec<RawAction>> {
        let mut actions = KVVec::with_capacity(NSIG, GFP_KERNEL_ACCOUNT)?;
        let t = self.as_ptr();
        // SAFETY: We own a reference on the task; actions change under the lock only. The vector
        // has room for all.
        unsafe {
            locked(t, || {
                for action in &(*(*t).sighand).action {
                    let sa = &action.sa;
                    let raw = RawAction {
                        // CAST: A pointer to a function is a number but by a cast.
                        handler: usize_as_u64(sa.sa_handler.map_or(0, |f| f as usize)),
                        flags: usize_as_u64(sa.sa_flags),
                        restorer: usize_as_u64(sa.sa_restorer.map_or(0, |f| f as usize)),
                        mask: mask_of(&sa.sa_mask),
                    };
                    if actions.push_within_capacity(raw).is_err() {
                        break;
                    }
                }
            })?;
        }
        Ok(actions)
    }

    /// Returns its masks and alternate stack. ESRCH: it is dead.
    pub(crate) fn masks(&self) -> Result<Masks> {
        let t = self.as_ptr();
        // SAFETY: We own a reference on the task; the masks change under the lock, the stack is
        // the task's own.
        unsafe {
            locked(t, || Masks {
                blocked: mask_of(&(*t).blocked) & !UNBLOCKABLE,
                saved: bindings::test_tsk_restore_sigmask(t)
                    .then(|| mask_of(&(*t).saved_sigmask) & !UNBLOCKABLE),
                stack: usize_as_u64((*t).sas_ss_sp),
                stack_len: usize_as_u64((*t).sas_ss_size),
                stack_flags: (*t).sas_ss_flags,
            })
        }
    }

    /// Returns its pending signals, or for `shared` those of its thread group. May sleep.
    ///
    /// EINTR: it was killed.
    pub(crate) fn pending(&self, shared: bool) -> Result<PendingSignals> {
        let t = self.as_ptr();
        let mut room = 0;
        loop {
            let mut found = PendingSignals {
                infos: KVVec::with_capacity(room, GFP_KERNEL_ACCOUNT)?,
                bare: 0,
            };
            // SAFETY: We own a reference on the task. The queue is stable under the lock; nothing
            // is allocated under it.
            let needed = unsafe {
                locked(t, || {
                    let queue = if shared {
                        &raw mut (*(*t).signal).shared_pending
                    } else {
                        &raw mut (*t).pending
                    };
                    copy_queue(queue, &mut found)
                })?
            };
            if found.bare & (1 << (bindings::SIGKILL - 1)) != 0 {
                return Err(EINTR);
            }
            if needed <= found.infos.len() {
                return Ok(found);
            }
            room = needed.saturating_add(8);
        }
    }

    /// Returns the signal that stopped the thread, or its group if the thread is traced; 0 if it is
    /// not stopped.
    pub(crate) fn stop_signal(&self) -> u32 {
        let t = self.as_ptr();
        // SAFETY: We own a reference on the task; all of these change under the lock, or not while
        // it is frozen.
        let (jobctl, traced) = unsafe {
            locked(t, || {
                let stopped = (*(*t).signal).flags & bindings::SIGNAL_STOP_STOPPED != 0;
                ((*t).jobctl, (*t).ptrace != 0 && stopped)
            })
        }
        .unwrap_or((0, false));
        if traced || jobctl & u32_as_usize(bindings::JOBCTL_STOPPED) != 0 {
            // CAST: The mask has 16 bits.
            (jobctl & u32_as_usize(bindings::JOBCTL_STOP_SIGMASK)) as u32
        } else {
            0
        }
    }

    /// Returns the job control of its thread group.
    pub(crate) fn group_stop(&self) -> GroupStop {
        let t = self.as_ptr();
        // SAFETY: We own a reference on the task; the state changes under the lock.
        let state = unsafe {
            locked(t, || {
                let s = (*t).signal;
                ((*s).flags, (*s).group_exit_code, (*s).group_stop_count)
            })
        };
        let Ok((flags, code, count)) = state else {
            return GroupStop::default();
        };
        let stopped = flags & bindings::SIGNAL_STOP_STOPPED != 0;
        GroupStop {
            stopped,
            unreported: stopped && code != 0,
            continued: flags & bindings::SIGNAL_STOP_CONTINUED != 0,
            in_transit: count != 0 || flags & bindings::SIGNAL_CLD_MASK != 0,
        }
    }
}

/// Copies a queue as far as it fits; returns its length.
///
/// # Safety
///
/// `queue` is valid and locked.
unsafe fn copy_queue(queue: *mut bindings::sigpending, to: &mut PendingSignals) -> usize {
    let mut queued = 0u64;
    let mut len = 0;
    // SAFETY: By the caller's promise the list is stable; its entries are `sigqueue`s.
    unsafe {
        let head = &raw mut (*queue).list;
        let mut p = (*head).next;
        while p != head {
            let q = kernel::container_of!(p, bindings::sigqueue, list);
            p = (*p).next;
            let mut info: Info = [0; SIGINFO_LEN];
            // All of it was set: what is queued was cleared or copied as a whole.
            ptr::copy_nonoverlapping(
                (&raw const (*q).info).cast::<u8>(),
                info.as_mut_ptr(),
                INFO_USED,
            );
            let signal = u32::from_ne_bytes([info[0], info[1], info[2], info[3]]);
            queued |= 1u64.checked_shl(signal.wrapping_sub(1)).unwrap_or(0);
            if (*q).flags & bindings::SIGQUEUE_PREALLOC.cast_signed() != 0 {
                match u32::try_from(bindings::checkpoint_timer_of(q)) {
                    Ok(id) => set_timer_of(&mut info, id),
                    // Its timer was deleted: whoever takes it gets nothing.
                    Err(_) => continue,
                }
            }
            len += 1;
            let _ = to.infos.push_within_capacity(info);
        }
        to.bare = mask_of(&(*queue).signal) & !queued;
    }
    len
}

/// Blocks all signals of the current task that can be blocked, until it is released.
pub(crate) fn block(_: &Restoring) {
    block_all();
}

/// Does the same, for tasks of this layer.
pub(in crate::kapi) fn block_all() {
    let mut all = set_of(u64::MAX);
    // SAFETY: Sets the mask of the running task.
    unsafe { bindings::set_current_blocked(&mut all) };
}

/// Returns whether the current task has a signal to handle, other than SIGSTOP.
pub(crate) fn has_own() -> bool {
    // SAFETY: The running task is valid; the queues are stable under the lock.
    unsafe {
        let t = bindings::get_current();
        let pending = locked(t, || {
            let pending =
                mask_of(&(*t).pending.signal) | mask_of(&(*(*t).signal).shared_pending.signal);
            pending & !mask_of(&(*t).blocked)
        });
        pending.unwrap_or(0) & !(1 << (bindings::SIGSTOP - 1)) != 0
    }
}

/// Signals that by default do nothing or stop, and those that by default end the program with a
/// core dump: the kernel's sig_kernel_ignore(), sig_kernel_stop() and sig_kernel_coredump().
const WAITING: &[u32] = &[
    bindings::SIGCONT,
    bindings::SIGCHLD,
    bindings::SIGWINCH,
    bindings::SIGURG,
    bindings::SIGTSTP,
    bindings::SIGTTIN,
    bindings::SIGTTOU,
    bindings::SIGQUIT,
    bindings::SIGILL,
    bindings::SIGTRAP,
    bindings::SIGABRT,
    bindings::SIGFPE,
    bindings::SIGSEGV,
    bindings::SIGBUS,
    bindings::SIGSYS,
    bindings::SIGXCPU,
    bindings::SIGXFSZ,
];

/// While it exists, signals that would not end the current task at once wait until later, so that
/// they do not interrupt it half-way. Those that end it do so.
///
/// # Invariants
///
/// `old` is what the current task had blocked before, which this does not leave.
pub(crate) struct Deferred {
    old: bindings::sigset_t,
    _not_send: NotThreadSafe,
}

impl Deferred {
    /// Lets signals wait.
    pub(crate) fn new() -> Self {
        let mut waiting = WAITING.iter().fold(0, |mask, n| mask | 1u64 << (n - 1));
        // SAFETY: The running task is valid; actions change under the lock.
        let old = unsafe {
            let t = bindings::get_current();
            let caught = locked(t, || {
                let mut mask = 0;
                for (n, action) in (*(*t).sighand).action.iter().enumerate() {
                    if action.sa.sa_handler.is_some() {
                        mask |= 1 << n;
                    }
                }
                mask
            });
            waiting |= caught.unwrap_or(0);
            (*t).blocked
        };
        let mut new = set_of(mask_of(&old) | waiting);
        // SAFETY: Sets the mask of the running task.
        unsafe { bindings::set_current_blocked(&mut new) };
        // INVARIANT: It was read before it was changed, and only the task itself changes it.
        Self {
            old,
            _not_send: NotThreadSafe,
        }
    }
}

impl Drop for Deferred {
    fn drop(&mut self) {
        // SAFETY: It sets the mask of the running task, whose own mask that is by the type's
        // invariants.
        unsafe { bindings::set_current_blocked(&mut self.old) };
    }
}

/// Sets the action of the current task's group for `signal`, as sigaction(2).
///
/// EINVAL: no such signal, or it is SIGKILL or SIGSTOP. EOPNOTSUPP: this kernel has no such flags.
pub(crate) fn set_action(_: &Restoring, signal: u32, action: &RawAction) -> Result {
    let mut act: bindings::k_sigaction = pin_init::zeroed();
    // SAFETY: Both are optional function pointers, which any number is valid for: the kernel only
    // hands them to user mode. Zero is `None`.
    unsafe {
        act.sa.sa_handler = core::mem::transmute::<usize, bindings::__sighandler_t>(
            usize::try_from(action.handler)?,
        );
        act.sa.sa_restorer = core::mem::transmute::<usize, bindings::__sigrestore_t>(
            usize::try_from(action.restorer)?,
        );
    }
    act.sa.sa_flags = u64_as_usize(action.flags);
    act.sa.sa_mask = set_of(action.mask);
    if action.flags & !ACTION_FLAGS != 0 {
        return Err(EOPNOTSUPP);
    }
    let ia32 = action.flags & ACTION_IA32 != 0;
    // SAFETY: Sets an action of the running task, from a valid structure.
    to_result(unsafe { bindings::checkpoint_sigaction(signal.cast_signed(), &mut act, ia32) })
}

/// Returns whether there can be memory for an alternate signal stack of `len` bytes at `addr`;
/// sigaltstack(2) does not care. One without bytes is none, and lies anywhere.
pub(crate) fn is_stack(addr: u64, len: u64) -> bool {
    let (Ok(addr), Ok(len)) = (usize::try_from(addr), usize::try_from(len)) else {
        return false;
    };
    // SAFETY: It compares two numbers, and follows neither.
    len == 0 || unsafe { bindings::access_ok_range(addr, len) }
}

/// Sets the alternate signal stack of the current task, without the checks that its user passed.
///
/// EINVAL: there can be no memory.
pub(crate) fn set_stack(_: &Restoring, addr: u64, len: u64, flags: u32) -> Result {
    if !is_stack(addr, len) {
        return Err(EINVAL);
    }
    let (addr, len) = (usize::try_from(addr)?, usize::try_from(len)?);
    // SAFETY: The fields belong to the running task.
    unsafe {
        let t = bindings::get_current();
        (*t).sas_ss_sp = addr;
        (*t).sas_ss_size = len;
        (*t).sas_ss_flags = flags;
    }
    Ok(())
}
