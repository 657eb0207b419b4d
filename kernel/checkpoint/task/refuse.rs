// SPDX-License-Identifier: GPL-2.0

//! What is not supported: one line of the report for each.

use kernel::prelude::*;

use crate::{
    core::kind::Group,
    found::{
        Capture,
        ProcessOps,
        ThreadOps, //
    },
    kapi::task::{
        frozen::FrozenTask,
        links::PidRef,
        unsupported::UnsupportedState, //
    }, //
};

/// State of a thread that is not saved.
pub(super) const KIND: ThreadOps = ThreadOps {
    name: "unsupported task state",
    collect,
    ..ThreadOps::NONE
};

/// State of a process that is not saved.
pub(super) const PROCESS: ProcessOps = ProcessOps {
    name: "unsupported process state",
    collect: collect_process,
    ..ProcessOps::NONE
};

fn collect(cap: &mut Capture, t: &FrozenTask) -> Result {
    if t.is_live() {
        let events = t.perf_events()?;
        let is_left = |&event: &usize| cap.found.files.leaves_perf_event(event);
        let left = !events.is_empty() && events.iter().all(is_left);
        t.unsupported_of_thread(|state| {
            // What the caller leaves out does not measure a restarted task.
            if !(left && state.is_perf_events()) {
                refuse(cap, t, state);
            }
        });
    }
    if PidRef::of(t.task()).is_ok_and(|pid| pid.past().is_err()) {
        cap.refuse(
            EOPNOTSUPP,
            t,
            fmt!("extended attributes on its pidfds: have them removed"),
        );
    }
    Ok(())
}

fn collect_process(cap: &mut Capture, group: &Group<'_>) -> Result {
    if let Some(t) = group.living() {
        t.unsupported_of_group(|state| refuse(cap, t, state));
    }
    Ok(())
}

fn refuse(cap: &mut Capture, t: &FrozenTask, state: &UnsupportedState) {
    cap.refuse(EOPNOTSUPP, t, fmt!("{}: {}", state.what, state.advice));
}
