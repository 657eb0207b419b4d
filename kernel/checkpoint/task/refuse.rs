// SPDX-License-Identifier: GPL-2.0

//! What is not supported: one line of the report for each.

use kernel::prelude::*;

use crate::{
    found::{
        Capture,
        KindOps, //
    },
    kapi::task::{
        frozen::FrozenTask,
        oddities::Oddity, //
    }, //
};

/// State that is not saved.
pub(super) const KIND: KindOps = KindOps::without_records("unsupported task state", collect);

fn collect(cap: &mut Capture, t: &FrozenTask) -> Result {
    if !t.is_live() {
        return Ok(());
    }
    t.thread_oddities(|odd| refuse(cap, t, odd));
    // The others of the group have the same. Its leader may have exited.
    let tid = t.tid_in(&cap.pid_ns);
    if cap.found.task.is_first(t, tid)? {
        t.group_oddities(|odd| refuse(cap, t, odd));
    }
    Ok(())
}

fn refuse(cap: &mut Capture, t: &FrozenTask, odd: &Oddity) {
    cap.refuse(EOPNOTSUPP, t, fmt!("{}: {}", odd.what, odd.advice));
}
