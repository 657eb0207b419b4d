// SPDX-License-Identifier: GPL-2.0

//! Pending signals, masks and group stop: what a task is given by the coordinator.

use kernel::prelude::*;
use zerocopy::IntoBytes;

use crate::{
    core::{
        kind::Group,
        restore::{
            Restore,
            TaskRecords, //
        }, //
    },
    found::{
        Capture,
        ProcessOps,
        ThreadOps, //
    },
    image::{
        record::Records,
        task::*,
        Kind,
        Raw, //
    },
    kapi::{
        fork::{
            parked::ParkedTask,
            slot::{
                ExitAddrs,
                Slot, //
            }, //
        },
        signal::sighand::{
            self,
            GroupStop,
            Info,
            PendingSignals, //
        },
        task::frozen::FrozenTask,
        time::wait, //
    }, //
};

/// Pending signals of a thread.
pub(super) const KIND: ThreadOps = ThreadOps {
    name: "pending signals",
    collect,
    save,
    load,
    ..ThreadOps::NONE
};

/// Pending signals and stop state of a process.
pub(super) const PROCESS: ProcessOps = ProcessOps {
    name: "signals of a process",
    collect: collect_process,
    save: save_process,
    load: load_process,
    commit,
    ..ProcessOps::NONE
};

/// Signals between two looks at whether the caller was killed.
const SIGNALS_AT_ONCE: usize = 256;

/// Refuses pending signals that can't be saved.
fn check(cap: &mut Capture, t: &FrozenTask, pending: &PendingSignals) {
    if pending.infos.len() > PENDING_MAX {
        cap.refuse(
            EOPNOTSUPP,
            t,
            fmt!(
                "{} signals are pending, of which only {} can be saved: have it take some",
                pending.infos.len(),
                PENDING_MAX
            ),
        );
    }
}

fn collect(cap: &mut Capture, t: &FrozenTask) -> Result {
    if !t.is_live() {
        return Ok(());
    }
    check(cap, t, &t.pending(false)?);
    let masks = t.masks()?;
    if !sighand::is_stack(masks.stack, masks.stack_len) {
        cap.refuse(
            EOPNOTSUPP,
            t,
            fmt!("its alternate signal stack lies where no memory can be: have it set another"),
        );
    }
    Ok(())
}

fn collect_process(cap: &mut Capture, group: &Group<'_>) -> Result {
    let Some(t) = group.living() else {
        return Ok(());
    };
    check(cap, t, &t.pending(true)?);
    if t.group_stop().in_transit {
        cap.refuse(
            EBUSY,
            t,
            fmt!("its thread group is about to stop or to continue; try again"),
        );
    }
    Ok(())
}

fn save(cap: &mut Capture, t: &FrozenTask) -> Result {
    if !t.is_live() {
        return Ok(());
    }
    put(cap, t, t.tid_in(&cap.pid_ns), false)
}

fn save_process(cap: &mut Capture, group: &Group<'_>) -> Result {
    let Some(t) = group.living() else {
        return Ok(());
    };
    put(cap, t, t.tgid_in(&cap.pid_ns), true)
}

fn put(cap: &mut Capture, t: &FrozenTask, tid: u32, shared: bool) -> Result {
    let pending = t.pending(shared)?;
    if pending.infos.is_empty() && pending.bare == 0 {
        return Ok(());
    }
    if pending.infos.len() > PENDING_MAX {
        return Err(E2BIG);
    }
    for id in pending.infos.iter().filter_map(timer_of) {
        cap.found.task.queued_timers.push(id, GFP_KERNEL_ACCOUNT)?;
    }
    let body = Pending {
        tid: tid.into(),
        shared: u32::from(shared).into(),
        bare: pending.bare.into(),
    };
    cap.meta.put(&body, pending.infos.as_bytes())
}

/// Calls `f` for each record that belongs to the thread of `plan`, that of the task included.
pub(super) fn for_each_record(
    r: &Restore,
    plan: &TaskRecords<'_>,
    mut f: impl FnMut(&Raw<'_>) -> Result,
) -> Result {
    for raw in Records::new(plan.records, plan.at) {
        f(&raw.map_err(|fault| r.fault(fault))?)?;
    }
    Ok(())
}

/// Queues the pending signals of the image for the thread of `plan`, or for its process.
fn queue(r: &Restore, plan: &TaskRecords<'_>, task: &ParkedTask, shared: bool) -> Result {
    let owner = if shared {
        plan.task.tgid
    } else {
        plan.task.tid
    };
    for_each_record(r, plan, |raw| {
        if raw.kind != Kind::Pending {
            return Ok(());
        }
        let pending: Pending = raw.body().map_err(|f| r.fault(f))?;
        if (pending.shared.get() != 0) != shared || pending.tid.get() != owner.get() {
            return Ok(());
        }
        let infos: &[Info] = raw.array(PENDING_MAX).map_err(|f| r.fault(f))?;
        for infos in infos.chunks(SIGNALS_AT_ONCE) {
            wait::check_killed()?;
            for info in infos {
                let queued = match timer_of(info) {
                    Some(id) => task.queue_timer(id, info, shared),
                    None => task.queue_signal(info, shared),
                };
                queued.map_err(|e| match e {
                    ESRCH => killed(r, plan, e),
                    EAGAIN => r.fail(
                        e,
                        plan,
                        fmt!("pending signal is beyond the limit of its user (RLIMIT_SIGPENDING)"),
                    ),
                    _ => r.fail(e, plan, fmt!("pending signal can't be queued")),
                })?;
            }
        }
        task.set_bare_signals(pending.bare.get(), shared)
            .map_err(|e| killed(r, plan, e))
    })
}

/// Reports that the task is dead; returns the error for that.
fn killed(r: &Restore, plan: &TaskRecords<'_>, e: Error) -> Error {
    r.fail(e, plan, fmt!("was killed while it waited for its restart"))
}

/// Gives the process what is pending for it. It takes from its thread, too, what is pending.
fn load_process(r: &Restore, plan: &TaskRecords<'_>, task: &ParkedTask) -> Result {
    task.clear_signals(true).map_err(|e| killed(r, plan, e))?;
    queue(r, plan, task, true)
}

/// Gives the thread what is pending for it, its masks, and its part in a group stop.
fn load(r: &Restore, plan: &TaskRecords<'_>, slot: &Slot, task: &ParkedTask) -> Result {
    let dead = |e| killed(r, plan, e);
    task.clear_signals(false).map_err(dead)?;
    queue(r, plan, task, false)?;
    let saved = plan.task.flags.get() & TASK_RESTORE_SIGMASK != 0;
    let saved = saved.then(|| plan.task.saved_mask.get());
    task.set_masks(plan.task.blocked.get(), saved)
        .map_err(dead)?;
    slot.set_exit_addrs(ExitAddrs {
        clear_child_tid: plan.task.clear_child_tid.get(),
        robust_list: plan.task.robust_list.get(),
        compat_robust_list: plan.task.compat_robust_list.get(),
    });
    let process = plan.process().map_err(|f| r.fault(f))?;
    let stopped = process.flags.get() & PROCESS_STOPPED != 0;
    if stopped && plan.task.stop_signal.get() != 0 {
        task.set_stopped(plan.task.stop_signal.get())
            .map_err(dead)?;
    }
    Ok(())
}

/// Sets the stop state of the process. If it was killed, there is none.
fn commit(_: &Restore, process: &Process, task: &ParkedTask) {
    let flag = |flag| process.flags.get() & flag != 0;
    let stop = GroupStop {
        stopped: flag(PROCESS_STOPPED),
        unreported: flag(PROCESS_STOP_UNREPORTED),
        continued: flag(PROCESS_CONTINUED),
        in_transit: false,
    };
    let _ = task.set_group_stop(&stop, process.stop_signal.get());
}
