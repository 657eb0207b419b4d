// SPDX-License-Identifier: GPL-2.0

//! What a thread has set of itself by prctl(2), ioprio_set(2) and sched_setattr(2).

use kernel::prelude::*;

use crate::{
    core::restore::{
        Restore,
        TaskRecords, //
    },
    found::{
        Capture,
        ThreadOps, //
    },
    image::{
        controls::{
            Controls as Record,
            *, //
        },
        Kind, //
    },
    kapi::task::{
        controls::{
            self,
            Controls,
            Dispatch,
            Speculation,
            Which, //
        },
        frozen::FrozenTask, //
    },
    mm,
    task::pending, //
};

/// What a thread has set of itself.
pub(super) const KIND: ThreadOps = ThreadOps {
    name: "thread controls",
    save,
    secure,
    finish,
    ..ThreadOps::NONE
};

fn save(cap: &mut Capture, t: &FrozenTask) -> Result {
    if !t.is_live() {
        return Ok(());
    }
    let c = t.controls();
    if c == Controls::default() {
        return Ok(());
    }
    let mut flags = 0;
    for (on, flag) in [
        (c.mce_early.is_some(), CONTROL_MCE),
        (c.mce_early == Some(true), CONTROL_MCE_EARLY),
        (c.io_flusher, CONTROL_IO_FLUSHER),
        (c.store_bypass.disabled, CONTROL_SSB_DISABLE),
        (c.store_bypass.forced, CONTROL_SSB_FORCE_DISABLE),
        (c.store_bypass.until_exec, CONTROL_SSB_NOEXEC),
        (c.indirect_branch.disabled, CONTROL_IB_DISABLE),
        (c.indirect_branch.forced, CONTROL_IB_FORCE_DISABLE),
        (c.util_min.is_some(), CONTROL_UTIL_MIN),
        (c.util_max.is_some(), CONTROL_UTIL_MAX),
        (c.dispatch.is_some(), CONTROL_DISPATCH),
        (c.counter_off, CONTROL_NO_COUNTER),
    ] {
        if on {
            flags |= flag;
        }
    }
    let number = |n: fn(&Dispatch) -> usize| c.dispatch.as_ref().map_or(0, n) as u64;
    let body = Record {
        tid: t.tid_in(&cap.pid_ns).into(),
        flags: flags.into(),
        io_priority: c.io_priority.into(),
        util_min: c.util_min.unwrap_or(0).into(),
        util_max: c.util_max.unwrap_or(0).into(),
        reserved: 0.into(),
        dispatch: number(|d| d.offset).into(),
        dispatch_len: number(|d| d.len).into(),
        dispatch_selector: number(|d| d.selector).into(),
    };
    cap.meta.put(&body, &[])
}

/// Returns the record of the thread of `plan`, if it has one.
fn record(r: &Restore, plan: &TaskRecords<'_>) -> Result<Option<Record>> {
    let mut found = None;
    pending::for_each_record(r, plan, |raw| {
        if raw.kind == Kind::Controls {
            found = Some(raw.body::<Record>().map_err(|f| r.fault(f))?);
        }
        Ok(())
    })?;
    Ok(found)
}

/// Sets what takes rights, while the current task has those of the caller of restart(2). It has
/// none of all that so far: the root was rid of what it had inherited.
fn secure(r: &Restore, plan: &TaskRecords<'_>) -> Result {
    let Some(body) = record(r, plan)? else {
        return Ok(());
    };
    let restoring = plan.restoring()?;
    let has = |flag| body.flags.get() & flag != 0;
    if body.io_priority.get() != 0 {
        controls::set_io_priority(restoring, body.io_priority.get()).map_err(|e| {
            let why = match e {
                EPERM => "the caller may not set it: real-time ones need CAP_SYS_NICE",
                _ => "it is not possible here",
            };
            let priority = body.io_priority.get();
            r.fail(
                e,
                plan,
                fmt!("can't have I/O priority {priority:#x}: {why}"),
            )
        })?;
    }
    if has(CONTROL_MCE) {
        controls::set_mce(restoring, has(CONTROL_MCE_EARLY));
    }
    if has(CONTROL_IO_FLUSHER) {
        controls::set_io_flusher(restoring).map_err(|e| {
            r.fail(
                e,
                plan,
                fmt!("the caller may not make it an I/O flusher: it needs CAP_SYS_RESOURCE"),
            )
        })?;
    }
    if has(CONTROL_UTIL_MIN | CONTROL_UTIL_MAX) {
        let min = has(CONTROL_UTIL_MIN).then(|| body.util_min.get());
        let max = has(CONTROL_UTIL_MAX).then(|| body.util_max.get());
        controls::set_clamps(restoring, min, max).map_err(|e| {
            let why = match e {
                EOPNOTSUPP => "the kernel has none (UCLAMP_TASK)",
                _ => "the kernel does not take them with the policy of the caller",
            };
            r.fail(e, plan, fmt!("can't have its utilization clamps: {why}"))
        })?;
    }
    for (which, name, new) in [
        (
            Which::StoreBypass,
            "store bypass",
            Speculation {
                disabled: has(CONTROL_SSB_DISABLE),
                forced: has(CONTROL_SSB_FORCE_DISABLE),
                until_exec: has(CONTROL_SSB_NOEXEC),
            },
        ),
        (
            Which::IndirectBranch,
            "indirect branches",
            Speculation {
                disabled: has(CONTROL_IB_DISABLE),
                forced: has(CONTROL_IB_FORCE_DISABLE),
                until_exec: false,
            },
        ),
    ] {
        controls::set_speculation(restoring, which, new).map_err(|e| {
            r.fail(
                e,
                plan,
                fmt!("speculation ({name}) can't be disabled for it on this machine"),
            )
        })?;
    }
    Ok(())
}

/// Keeps the current task from the counter, and has system calls dispatched to it, which makes none
/// any more.
fn finish(r: &Restore, plan: &TaskRecords<'_>) -> Result {
    let Some(body) = record(r, plan)? else {
        return Ok(());
    };
    if body.flags.get() & CONTROL_NO_COUNTER != 0 {
        controls::switch_counter_off(plan.restoring()?).map_err(|e| {
            r.fail(
                e,
                plan,
                fmt!("can't be kept from reading the CPU's counter on this architecture"),
            )
        })?;
    }
    if body.flags.get() & CONTROL_DISPATCH == 0 {
        return Ok(());
    }
    mm::vdso::check_dispatch(r, plan)?;
    let dispatch = Dispatch {
        offset: usize::try_from(body.dispatch.get())?,
        len: usize::try_from(body.dispatch_len.get())?,
        selector: usize::try_from(body.dispatch_selector.get())?,
    };
    controls::set_dispatch(plan.restoring()?, &dispatch).map_err(|e| {
        let why = match e {
            EPERM => "the administrator does not allow that (kernel.syscall_user_dispatch)",
            EFAULT => "no memory can be at its selector",
            _ => "its range is not possible, or the kernel has no such thing",
        };
        r.fail(e, plan, fmt!("can't have syscall user dispatch: {why}"))
    })
}
