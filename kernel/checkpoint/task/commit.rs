// SPDX-License-Identifier: GPL-2.0

//! What the coordinator gives a parked task: pending signals, masks, group stop.

use kernel::prelude::*;

use crate::{
    core::restore::{
        Plan,
        Restore, //
    },
    image::{
        task::*,
        Kind, //
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
            GroupStop,
            Info, //
        },
        time::wait, //
    },
    task::signal::for_each_record, //
};

/// The stop state of a thread group, for [`ParkedTask::set_group_stop`].
pub(crate) type Stop = (GroupStop, u32);

/// Signals between two looks at whether the caller was killed.
const SIGNALS_AT_ONCE: usize = 256;

/// Gives the parked `task` in `slot` its pending signals, masks and stop state. Returns the stop
/// state of its thread group, if it is the last of it: nobody may see that before all that were
/// dead are so again.
///
/// It is called once for each live task, by the coordinator, when no task of the image runs.
pub(crate) fn commit(
    r: &Restore,
    slot: &Slot,
    task: &ParkedTask,
    plan: &Plan<'_>,
) -> Result<Option<Stop>> {
    let tid = plan.task.tid.get();
    let tgid = plan.task.tgid.get();
    let process = plan.process().map_err(|f| r.fault(f))?;
    // The last thread stands for its group.
    let for_group = plan.last;
    let killed = |e| r.fail(e, plan, fmt!("was killed while it waited for its restart"));

    task.flag_nproc_exceeded();
    task.clear_signals(for_group).map_err(killed)?;
    for_each_record(r, plan, |raw| {
        if raw.kind != Kind::Pending {
            return Ok(());
        }
        let pending: Pending = raw.body().map_err(|f| r.fault(f))?;
        let shared = pending.shared.get() != 0;
        let mine = if shared {
            for_group && pending.tid.get() == tgid
        } else {
            pending.tid.get() == tid
        };
        if !mine {
            return Ok(());
        }
        let infos: &[Info] = raw.array(PENDING_MAX).map_err(|f| r.fault(f))?;
        for infos in infos.chunks(SIGNALS_AT_ONCE) {
            wait::check_killed()?;
            for info in infos {
                task.queue_signal(info, shared).map_err(|e| match e {
                    ESRCH => killed(e),
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
            .map_err(killed)
    })?;

    let saved = plan.task.flags.get() & TASK_RESTORE_SIGMASK != 0;
    let saved = saved.then(|| plan.task.saved_mask.get());
    task.set_masks(plan.task.blocked.get(), saved)
        .map_err(killed)?;
    slot.set_exit_addrs(ExitAddrs {
        clear_child_tid: plan.task.clear_child_tid.get(),
        robust_list: plan.task.robust_list.get(),
        compat_robust_list: plan.task.compat_robust_list.get(),
    });
    let flag = |flag| process.flags.get() & flag != 0;
    let stop = GroupStop {
        stopped: flag(PROCESS_STOPPED),
        unreported: flag(PROCESS_STOP_UNREPORTED),
        continued: flag(PROCESS_CONTINUED),
        in_transit: false,
    };
    if stop.stopped && plan.task.stop_signal.get() != 0 {
        task.set_stopped(plan.task.stop_signal.get())
            .map_err(killed)?;
    }
    Ok(for_group.then_some((stop, process.stop_signal.get())))
}
