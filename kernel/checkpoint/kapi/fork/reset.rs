// SPDX-License-Identifier: GPL-2.0

//! What fork() hands on, and a restarted task must not have: the root, from which all others are made,
//! is rid of it first.
//!
//! The lists are copy_process(), which copies what it does not clear, and begin_new_exec() with
//! what it calls, which clears a part of that. Documentation/checkpoint/maintainers.rst goes
//! through them field by field.

use kernel::{
    bindings,
    error::to_result,
    prelude::*, //
};

use crate::{
    arch::Native,
    kapi::{
        arch::Arch,
        fork::restoring::Restoring,
        security::{
            cred,
            label, //
        },
        task::unsupported::{
            self,
            Handed,
            IO_FLUSHER,
            SPECULATION, //
        }, //
    }, //
};

#[cfg(CONFIG_UCLAMP_TASK)]
use crate::kapi::sched::attr;

/// Takes something from the current task that it has of its caller.
type Reset = fn() -> Result;

/// What tasks get from the image if they had it, what it is, and how the root is rid of its
/// caller's.
const RESTORED: &[(&str, Reset)] = &[
    ("has a memory policy", memory_policy),
    ("has an I/O priority", io_priority),
    ("has a machine check policy (PR_MCE_KILL)", machine_checks),
    ("is an I/O flusher (PR_SET_IO_FLUSHER)", io_flusher),
    (
        "has speculation controls set (PR_SET_SPECULATION_CTRL)",
        speculation,
    ),
    #[cfg(CONFIG_UCLAMP_TASK)]
    ("has utilization clamps", utilization_clamps),
    (
        "has security labels for what it makes next (/proc/self/attr)",
        label::forget_chosen,
    ),
];

/// Takes from the current task, the root that restart(2) has just made, what it has of its caller
/// and what no record of the image replaces. May sleep.
///
/// The error comes with the name of what can't be taken away.
pub(crate) fn reset_inherited(_: &Restoring) -> Result<(), (Error, &'static str)> {
    // SAFETY: It changes registers and thread state of the running task only, as begin_new_exec()
    // does. The task does not return to the program that its creator was.
    unsafe { bindings::checkpoint_flush_thread() };
    Native::reset().map_err(|what| (EOPNOTSUPP, what))?;
    for unsupported in unsupported::all() {
        if let Handed::Reset(reset) = unsupported.handed {
            reset().map_err(|e| (e, unsupported.what))?;
        }
    }
    for (what, reset) in RESTORED {
        reset().map_err(|e| (e, *what))?;
    }
    // That setuid() found its user to have too many processes.
    clear_flags(bindings::PF_NPROC_EXCEEDED);
    cred::drop_keys().map_err(|e| (e, "has keyrings"))
}

/// Clears flags of the current task.
fn clear_flags(flags: u32) {
    // SAFETY: Only the running task writes its flags. prctl(2) has checks for setting these, and
    // for PR_SET_IO_FLUSHER wants CAP_SYS_RESOURCE to take it off too: what a task loses then is
    // the right to memory that others may not have. No scope of memalloc_noio_save() is open
    // here.
    unsafe { (*bindings::get_current()).flags &= !flags };
}

/// Resets what prctl(PR_MCE_KILL) sets.
fn machine_checks() -> Result {
    clear_flags(bindings::PF_MCE_PROCESS | bindings::PF_MCE_EARLY);
    Ok(())
}

/// Resets what prctl(PR_SET_IO_FLUSHER) sets.
fn io_flusher() -> Result {
    clear_flags(IO_FLUSHER);
    Ok(())
}

/// Takes the memory policy from the current task, as set_mempolicy(MPOL_DEFAULT).
pub(crate) fn drop_memory_policy(_: &Restoring) -> Result {
    memory_policy()
}

/// Resets what set_mempolicy(2) sets.
fn memory_policy() -> Result {
    // SAFETY: It drops the policy of the running task under its task_lock, as
    // set_mempolicy(MPOL_DEFAULT) does, which everybody may.
    unsafe { bindings::checkpoint_reset_mempolicy() };
    Ok(())
}

/// Resets what ioprio_set(2) sets. EPERM: a security module denies it.
fn io_priority() -> Result {
    // SAFETY: It sets the I/O priority of the running task, with the checks of ioprio_set(2).
    to_result(unsafe { bindings::checkpoint_reset_ioprio() })
}

/// Resets what prctl(PR_SET_SPECULATION_CTRL) sets. EPERM: it was switched off for good.
fn speculation() -> Result {
    // SAFETY: Reads atomic flags of the running task.
    if unsafe { (*bindings::get_current()).atomic_flags } as usize & SPECULATION == 0 {
        return Ok(());
    }
    for which in [
        bindings::PR_SPEC_STORE_BYPASS,
        bindings::PR_SPEC_INDIRECT_BRANCH,
    ] {
        // SAFETY: It is the setter of prctl(2), for the running task, with its checks. It knows
        // nothing of a control that the machine has not.
        let ret = unsafe { bindings::checkpoint_speculate(which, bindings::PR_SPEC_ENABLE) };
        match to_result(ret) {
            Err(e) if e == ENXIO || e == ENODEV || e == EINVAL => (),
            result => result?,
        }
    }
    Ok(())
}

/// Forgets return probes that were set up for what the creator of the task was executing.
#[cfg(CONFIG_UPROBES)]
pub(in crate::kapi) fn uprobes() -> Result {
    // SAFETY: It frees what the running task has of uprobes, as when it exits.
    unsafe { bindings::checkpoint_free_utask() };
    Ok(())
}

/// Events of its creator's address space, which the task leaves.
#[cfg(CONFIG_USER_EVENTS)]
pub(in crate::kapi) fn user_events() -> Result {
    // SAFETY: It drops what the running task has of them, as exec does.
    unsafe { bindings::checkpoint_leave_user_events() };
    Ok(())
}

/// Resets the utilization clamps of sched_setattr(2).
#[cfg(CONFIG_UCLAMP_TASK)]
fn utilization_clamps() -> Result {
    // SAFETY: The fields of the running task, which nobody else changes but by sched_setattr().
    let clamps = unsafe { &(*bindings::get_current()).uclamp_req };
    if clamps.iter().all(|u| u.user_defined() == 0) {
        return Ok(());
    }
    let now = attr::current();
    let mut attr: bindings::sched_attr = pin_init::zeroed();
    attr.size = size_of::<bindings::sched_attr>() as u32;
    // SETPARAM_POLICY: that and all else stays as it is.
    attr.sched_policy = u32::MAX;
    attr.sched_nice = now.nice;
    attr.sched_priority = now.rt_priority;
    attr.sched_flags = u64::from(
        bindings::SCHED_FLAG_KEEP_POLICY
            | bindings::SCHED_FLAG_KEEP_PARAMS
            | bindings::SCHED_FLAG_UTIL_CLAMP_MIN
            | bindings::SCHED_FLAG_UTIL_CLAMP_MAX,
    );
    // Those of the system.
    attr.sched_util_min = u32::MAX;
    attr.sched_util_max = u32::MAX;
    // SAFETY: The running task and a valid structure; sched_setattr(2)'s own checks are made.
    to_result(unsafe { bindings::sched_setattr(bindings::get_current(), &attr) })
}
