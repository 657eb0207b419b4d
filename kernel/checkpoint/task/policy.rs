// SPDX-License-Identifier: GPL-2.0

//! Memory policies of threads: on which NUMA nodes they want the memory that they touch first.
//!
//! A thread has its own before it restores anything, so that its memory is placed by that. A new one
//! has that of its maker, which is not its own.

use kernel::prelude::*;

use zerocopy::byteorder::little_endian::{
    U32,
    U64, //
};

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
        policy::TaskPolicy,
        Kind, //
    },
    kapi::{
        fork::{
            parked::ParkedTask,
            reset,
            slot::Slot, //
        },
        mm::policy,
        task::frozen::FrozenTask, //
    },
    mm::policy as memory,
    task::pending, //
};

/// Memory policies of threads.
pub(super) const KIND: ThreadOps = ThreadOps {
    name: "memory policy",
    collect,
    save,
    begin,
    load,
    ..ThreadOps::NONE
};

fn collect(cap: &mut Capture, t: &FrozenTask) -> Result {
    if !t.is_live() {
        return Ok(());
    }
    let known = match policy::of_task(t) {
        Err(EOPNOTSUPP) => false,
        found => found?.is_none_or(|policy| memory::to_image(&policy).is_ok()),
    };
    if !known {
        cap.refuse(EOPNOTSUPP, t, fmt!("{}", memory::UNKNOWN));
    }
    Ok(())
}

fn save(cap: &mut Capture, t: &FrozenTask) -> Result {
    if !t.is_live() {
        return Ok(());
    }
    let Some(policy) = policy::of_task(t)? else {
        return Ok(());
    };
    let (mode, flags) = memory::to_image(&policy)?;
    let body = TaskPolicy {
        tid: t.tid_in(&cap.pid_ns).into(),
        mode: mode.into(),
        flags: flags.into(),
        last: memory::node_to_image(policy.last),
        left: policy.left.into(),
        reserved: U32::new(0),
        nodes: policy.nodes.map(U64::new),
        asked: policy.asked.map(U64::new),
    };
    cap.meta.put(&body, &[])
}

/// Returns the record of the thread of `plan`, if it has one.
fn record(r: &Restore, plan: &TaskRecords<'_>) -> Result<Option<TaskPolicy>> {
    let mut found = None;
    pending::for_each_record(r, plan, |raw| {
        if raw.kind == Kind::TaskPolicy {
            found = Some(raw.body::<TaskPolicy>().map_err(|f| r.fault(f))?);
        }
        Ok(())
    })?;
    Ok(found)
}

/// Gives the current task its policy, or takes that of its maker away.
fn begin(r: &Restore, plan: &TaskRecords<'_>) -> Result {
    let restoring = plan.restoring()?;
    let Some(body) = record(r, plan)? else {
        return reset::drop_memory_policy(restoring);
    };
    memory::from_image(body.mode.get(), body.flags.get(), &body.nodes, &body.asked)
        .and_then(|wanted| policy::set_task(restoring, &wanted))
        .map_err(|e| {
            r.fail(
                e,
                plan,
                fmt!("can't have its memory policy: {}", memory::why(e)),
            )
        })
}

/// Tells the thread which node had its page before: what it has allocated since does not count.
fn load(r: &Restore, plan: &TaskRecords<'_>, _: &Slot, task: &ParkedTask) -> Result {
    if let Some(body) = record(r, plan)? {
        policy::set_place(task, body.last.get().checked_sub(1), body.left.get());
    }
    Ok(())
}
