// SPDX-License-Identifier: GPL-2.0

//! Time namespaces: the clocks that tasks see go on where they were.
//!
//! No record of its own: the container record has the clocks at the checkpoint.

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
    kapi::{
        ns::proxy,
        task::frozen::FrozenTask, //
    }, //
};

/// The time namespace.
pub(super) const KIND: ThreadOps = ThreadOps {
    name: "time namespace",
    collect,
    begin,
    ..ThreadOps::NONE
};

/// Returns what to add to the kernel's CLOCK_MONOTONIC and CLOCK_BOOTTIME for what `root` sees, in
/// nanoseconds.
pub(crate) fn offsets(root: &FrozenTask) -> Result<(i64, i64)> {
    Ok(root.namespaces()?.offsets)
}

/// Returns whether the time namespace at `addr` is that of the root, and so of all tasks.
pub(crate) fn is_of_root(cap: &Capture, addr: usize) -> bool {
    cap.found.ns.time == Some(addr)
}

fn collect(cap: &mut Capture, t: &FrozenTask) -> Result {
    if !t.is_live() {
        return Ok(());
    }
    let ns = t.namespaces()?;
    if *cap.found.ns.time.get_or_insert(ns.time) != ns.time {
        cap.refuse(
            EOPNOTSUPP,
            t,
            fmt!("is in another time namespace than the root task: checkpoint it by itself"),
        );
    }
    if ns.time_for_children != ns.time {
        cap.refuse(
            EOPNOTSUPP,
            t,
            fmt!(
                "its children would be in another time namespace (CLONE_NEWTIME): start it with \
                 unshare --fork"
            ),
        );
    }
    Ok(())
}

/// Puts the root into a time namespace in which the clocks go on from the checkpoint. It has its
/// address space, which it shares with none yet; all others are made in the same namespace.
///
/// EPERM: the caller may not create a time namespace, or set its clocks.
fn begin(r: &Restore, plan: &TaskRecords<'_>) -> Result {
    if plan.task.tid.get() != r.container.root.get() {
        return Ok(());
    }
    let current = proxy::time_offsets();
    let wanted = (r.monotonic_offset, r.boottime_offset);
    // Where its creator's children were to be in another one, its own would be.
    if current == wanted && !proxy::has_time_for_children() {
        return Ok(());
    }
    proxy::enter_time(plan.restoring()?, wanted).map_err(|e| {
        let why = if e == EPERM {
            "clocks can't go on from the checkpoint: a time namespace needs CAP_SYS_ADMIN and \
             CAP_SYS_TIME"
        } else {
            "clocks can't go on from the checkpoint"
        };
        r.fail(e, plan, fmt!("{why}"))
    })
}
