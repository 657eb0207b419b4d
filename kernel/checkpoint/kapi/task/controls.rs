// SPDX-License-Identifier: GPL-2.0

//! What prctl(2), ioprio_set(2) and sched_setattr(2) set of a thread: `kernel/sys.c`,
//! `block/ioprio.c`, `kernel/sched/syscalls.c`.

use kernel::{
    bindings,
    error::to_result,
    num::casts::u32_as_usize,
    prelude::*, //
};

use crate::{
    arch::Native,
    kapi::{
        arch::ArchRegs,
        fork::restoring::Restoring,
        task::{
            frozen::FrozenTask,
            unsupported::{
                io_context,
                IO_FLUSHER, //
            }, //
        }, //
    }, //
};

/// How speculation of one kind is controlled.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Speculation {
    /// It is disabled.
    pub(crate) disabled: bool,
    /// It is for good.
    pub(crate) forced: bool,
    /// It is until the next execve(2).
    pub(crate) until_exec: bool,
}

/// Which system calls of a thread are dispatched to it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dispatch {
    /// Start of the code that makes its own, as the kernel keeps it.
    pub(crate) offset: usize,
    /// Its length.
    pub(crate) len: usize,
    /// Address of what switches it on; 0: it is on.
    pub(crate) selector: usize,
}

/// What was set of a thread.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Controls {
    /// I/O priority; 0: none.
    pub(crate) io_priority: u32,
    /// A machine check policy (PR_MCE_KILL): whether it is early.
    pub(crate) mce_early: Option<bool>,
    /// It is an I/O flusher.
    pub(crate) io_flusher: bool,
    /// Speculative store bypass.
    pub(crate) store_bypass: Speculation,
    /// Indirect branch speculation.
    pub(crate) indirect_branch: Speculation,
    /// Clamps of utilization.
    pub(crate) util_min: Option<u32>,
    /// The upper one.
    pub(crate) util_max: Option<u32>,
    /// It gets SIGSEGV where it reads the CPU's counter.
    pub(crate) counter_off: bool,
    /// Where system calls are dispatched to.
    pub(crate) dispatch: Option<Dispatch>,
}

impl FrozenTask {
    /// Returns what was set of it.
    pub(crate) fn controls(&self) -> Controls {
        let t = self.as_ptr();
        let mut c = bindings::checkpoint_controls::default();
        // SAFETY: We own a reference on the task, which does not run, or is the caller: nobody else
        // changes its flags. The rest is written to our own memory.
        let (io_priority, flags, atomic) = unsafe {
            bindings::checkpoint_get_controls(t, &mut c);
            (io_context(t).0, (*t).flags, (*t).atomic_flags)
        };
        let speculation = |disabled: u32, forced: u32, until_exec: Option<u32>| Speculation {
            disabled: atomic >> disabled & 1 != 0,
            forced: atomic >> forced & 1 != 0,
            until_exec: until_exec.is_some_and(|bit| atomic >> bit & 1 != 0),
        };
        let clamp = |value: u32| (value != bindings::CHECKPOINT_NO_CLAMP).then_some(value);
        let mce = flags & bindings::PF_MCE_PROCESS != 0;
        Controls {
            io_priority: io_priority.into(),
            mce_early: mce.then_some(flags & bindings::PF_MCE_EARLY != 0),
            io_flusher: flags & bindings::PF_LOCAL_THROTTLE != 0,
            store_bypass: speculation(
                bindings::PFA_SPEC_SSB_DISABLE,
                bindings::PFA_SPEC_SSB_FORCE_DISABLE,
                Some(bindings::PFA_SPEC_SSB_NOEXEC),
            ),
            indirect_branch: speculation(
                bindings::PFA_SPEC_IB_DISABLE,
                bindings::PFA_SPEC_IB_FORCE_DISABLE,
                None,
            ),
            util_min: clamp(c.util_min),
            util_max: clamp(c.util_max),
            counter_off: Native::counter_is_off(self),
            dispatch: c.dispatch.then_some(Dispatch {
                offset: c.offset,
                len: c.len,
                selector: c.selector,
            }),
        }
    }
}

/// Sets the I/O priority of the current task, with the checks of ioprio_set(2).
pub(crate) fn set_io_priority(_: &Restoring, priority: u32) -> Result {
    let priority = c_int::try_from(priority)?;
    // SAFETY: It is for the running task.
    to_result(unsafe { bindings::checkpoint_set_ioprio(priority) })
}

/// Sets the machine check policy of the current task.
pub(crate) fn set_mce(_: &Restoring, early: bool) {
    // SAFETY: Only the running task writes its flags. prctl(PR_MCE_KILL) has no checks but of its
    // arguments.
    unsafe {
        let flags = &raw mut (*bindings::get_current()).flags;
        *flags |= bindings::PF_MCE_PROCESS;
        if early {
            *flags |= bindings::PF_MCE_EARLY;
        } else {
            *flags &= !bindings::PF_MCE_EARLY;
        }
    }
}

/// Makes the current task an I/O flusher. EPERM: it has no CAP_SYS_RESOURCE.
pub(crate) fn set_io_flusher(_: &Restoring) -> Result {
    // SAFETY: It asks about the running task, which alone writes its flags. The check is that of
    // prctl(PR_SET_IO_FLUSHER).
    unsafe {
        if !bindings::capable(bindings::CAP_SYS_RESOURCE.cast_signed()) {
            return Err(EPERM);
        }
        (*bindings::get_current()).flags |= IO_FLUSHER;
    }
    Ok(())
}

/// Clamps the utilization of the current task, with the checks of sched_setattr(2).
///
/// EOPNOTSUPP: the kernel has no clamps.
pub(crate) fn set_clamps(_: &Restoring, min: Option<u32>, max: Option<u32>) -> Result {
    let clamp = |value: Option<u32>| value.unwrap_or(bindings::CHECKPOINT_NO_CLAMP);
    // SAFETY: It is for the running task.
    to_result(unsafe { bindings::checkpoint_set_clamps(clamp(min), clamp(max)) })
}

/// Has system calls of the current task dispatched to it, with the checks of prctl(2).
///
/// EPERM: the administrator does not allow that. EINVAL: the range is not possible, or the kernel
/// has no such thing. EFAULT: no memory can be at the selector.
pub(crate) fn set_dispatch(_: &Restoring, to: &Dispatch) -> Result {
    // SAFETY: It is for the running task; the address is used with the checks of user access only.
    to_result(unsafe { bindings::checkpoint_set_dispatch(to.offset, to.len, to.selector) })
}

/// Has the current task get SIGSEGV where it reads the CPU's counter, as prctl(PR_SET_TSC).
///
/// EOPNOTSUPP: there is no such thing.
pub(crate) fn switch_counter_off(_: &Restoring) -> Result {
    Native::switch_counter_off()
}

/// A kind of speculation.
#[derive(Clone, Copy)]
pub(crate) enum Which {
    /// Speculative store bypass.
    StoreBypass,
    /// Indirect branches.
    IndirectBranch,
}

/// Controls speculation of the current task, with the checks of prctl(PR_SET_SPECULATION_CTRL).
///
/// A machine that is not affected, or has it disabled for all, needs no control. Other errors are
/// those of that call: the machine has none.
pub(crate) fn set_speculation(_: &Restoring, which: Which, new: Speculation) -> Result {
    if !new.disabled {
        return Ok(());
    }
    let which = match which {
        Which::StoreBypass => bindings::PR_SPEC_STORE_BYPASS,
        Which::IndirectBranch => bindings::PR_SPEC_INDIRECT_BRANCH,
    };
    let control = if new.forced {
        bindings::PR_SPEC_FORCE_DISABLE
    } else if new.until_exec {
        bindings::PR_SPEC_DISABLE_NOEXEC
    } else {
        bindings::PR_SPEC_DISABLE
    };
    // SAFETY: It is the setter of prctl(2), for the running task, with its checks.
    let set = to_result(unsafe { bindings::checkpoint_speculate(which, control) });
    set.or_else(|e| {
        // SAFETY: It asks about the running task.
        let now = unsafe { bindings::checkpoint_speculation(u32_as_usize(which)) };
        let off = bindings::PR_SPEC_DISABLE
            | bindings::PR_SPEC_FORCE_DISABLE
            | bindings::PR_SPEC_DISABLE_NOEXEC;
        match u32::try_from(now) {
            Ok(bindings::PR_SPEC_NOT_AFFECTED) => Ok(()),
            Ok(now) if now & off != 0 => Ok(()),
            _ => Err(e),
        }
    })
}
