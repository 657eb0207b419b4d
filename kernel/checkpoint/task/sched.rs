// SPDX-License-Identifier: GPL-2.0

//! Scheduling: policy, priorities, affinity.

use kernel::prelude::*;

use crate::{
    core::{
        restore::{
            Restore,
            TaskRecords, //
        }, //
    },
    found::{
        Capture,
        ThreadOps, //
    },
    image::{
        controls::{
            Deadline as DeadlineRecord,
            DEADLINE_OVERRUN,
            DEADLINE_RECLAIM, //
        },
        task::*,
        Kind, //
    },
    kapi::{
        sched::attr::{
            self,
            policy,
            CpuMask,
            Deadline,
            Scheduling, //
        },
        task::frozen::FrozenTask, //
    },
    task::pending, //
};

/// Scheduling and affinity.
pub(super) const KIND: ThreadOps = ThreadOps {
    name: "scheduling",
    collect,
    save,
    secure,
    ..ThreadOps::NONE
};

/// All that the task record has. SCHED_DEADLINE has a record of its own.
const SUPPORTED: [u32; 6] = [
    policy::NORMAL,
    policy::FIFO,
    policy::RR,
    policy::BATCH,
    policy::IDLE,
    policy::EXT,
];

fn collect(cap: &mut Capture, t: &FrozenTask) -> Result {
    if !t.is_live() {
        return Ok(());
    }
    let number = t.scheduling().policy;
    if !SUPPORTED.contains(&number) && t.deadline().is_none() {
        cap.refuse(
            EOPNOTSUPP,
            t,
            fmt!("has scheduling policy {number}: give it another (chrt)"),
        );
    }
    Ok(())
}

/// Fills in the fields of the task record.
pub(super) fn fill(task: &mut Task, flags: &mut u64, t: &FrozenTask) {
    let s = t.scheduling();
    // A dead task is never scheduled again.
    if t.is_live() {
        if SUPPORTED.contains(&s.policy) {
            task.policy = s.policy.into();
            task.rt_priority = s.rt_priority.into();
        }
        task.slice = s.slice.into();
        if s.reset_on_fork {
            *flags |= TASK_RESET_ON_FORK;
        }
    }
    task.nice = s.nice.clamp(-20, 19).into();
}

fn save(cap: &mut Capture, t: &FrozenTask) -> Result {
    if !t.is_live() {
        return Ok(());
    }
    if let Some(deadline) = t.deadline() {
        let mut flags = 0;
        for (on, flag) in [
            (deadline.reclaim, DEADLINE_RECLAIM),
            (deadline.overrun, DEADLINE_OVERRUN),
        ] {
            if on {
                flags |= flag;
            }
        }
        let body = DeadlineRecord {
            tid: t.tid_in(&cap.pid_ns).into(),
            flags: flags.into(),
            runtime: deadline.runtime.into(),
            deadline: deadline.deadline.into(),
            period: deadline.period.into(),
        };
        cap.meta.put(&body, &[])?;
    }
    let Some(mask) = t.affinity()? else {
        return Ok(());
    };
    let body = Affinity {
        tid: t.tid_in(&cap.pid_ns).into(),
        reserved: 0.into(),
    };
    cap.meta.put(&body, &mask.to_bytes()?)
}

/// Sets scheduling and affinity of the current task, which has the credentials of the caller of
/// restart(2).
fn secure(r: &Restore, plan: &TaskRecords<'_>) -> Result {
    let task = &plan.task;
    if task.state.get() != TASK_LIVE {
        return Ok(());
    }
    let new = Scheduling {
        policy: task.policy.get(),
        nice: task.nice.get(),
        rt_priority: task.rt_priority.get(),
        reset_on_fork: task.flags.get() & TASK_RESET_ON_FORK != 0,
        slice: task.slice.get(),
    };
    let denied = |e| {
        let why = match e {
            // scx_check_setscheduler(), and security modules.
            EACCES => "the scheduler of BPF that is loaded, or the security module, forbids it",
            _ => "it needs CAP_SYS_NICE, and a kernel with that policy",
        };
        r.fail(
            e,
            plan,
            fmt!(
                "the caller may not set scheduling policy {}, nice {}, priority {}: {why}",
                new.policy,
                new.nice,
                new.rt_priority
            ),
        )
    };
    let restoring = plan.restoring()?;
    let old = attr::current();
    for step in new.steps(Some(&old)) {
        attr::set(restoring, &step).map_err(denied)?;
    }
    affinity(r, plan)?;
    deadline(r, plan, new.reset_on_fork)
}

/// Gives the current task the policy SCHED_DEADLINE if it had that. Its CPUs can't be changed any more
/// then.
fn deadline(r: &Restore, plan: &TaskRecords<'_>, reset_on_fork: bool) -> Result {
    let mut wanted = None;
    pending::for_each_record(r, plan, |raw| {
        if raw.kind == Kind::Deadline {
            let body: DeadlineRecord = raw.body().map_err(|f| r.fault(f))?;
            wanted = Some(Deadline {
                runtime: body.runtime.get(),
                deadline: body.deadline.get(),
                period: body.period.get(),
                reclaim: body.flags.get() & DEADLINE_RECLAIM != 0,
                overrun: body.flags.get() & DEADLINE_OVERRUN != 0,
            });
        }
        Ok(())
    })?;
    let Some(wanted) = wanted else {
        return Ok(());
    };
    attr::set_deadline(plan.restoring()?, &wanted, reset_on_fork).map_err(|e| {
        let why = match e {
            EPERM => "the caller has no CAP_SYS_NICE, or the task may not run on all CPUs",
            EBUSY => "so much CPU time is not there",
            _ => "the kernel does not take these numbers",
        };
        r.fail(e, plan, fmt!("can't be scheduled with a deadline: {why}"))
    })
}

fn affinity(r: &Restore, plan: &TaskRecords<'_>) -> Result {
    let tid = plan.task.tid.get();
    let mut wanted = None;
    pending::for_each_record(r, plan, |raw| {
        if raw.kind == Kind::Affinity {
            let body: Affinity = raw.body().map_err(|f| r.fault(f))?;
            if body.tid.get() == tid {
                wanted = Some(CpuMask::from_bytes(raw.payload)?);
            }
        }
        Ok(())
    })?;
    let possible = CpuMask::possible()?;
    let mask = match wanted {
        Some(mut mask) => {
            mask.intersect(&possible);
            if mask.is_empty() {
                return Err(r.fail(
                    EINVAL,
                    plan,
                    fmt!("none of the CPUs that it was bound to is here: bind it to others before"),
                ));
            }
            mask
        }
        // It was not bound, but inherited that the caller is.
        None if attr::is_bound() => possible,
        None => return Ok(()),
    };
    attr::bind(plan.restoring()?, &mask)
        .map_err(|e| r.fail(e, plan, fmt!("can't be bound to its CPUs")))
}
