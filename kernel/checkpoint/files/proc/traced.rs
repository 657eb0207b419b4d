// SPDX-License-Identifier: GPL-2.0

//! The memory of a tracee, which its tracer has open (/proc/PID/mem), as debuggers do.
//!
//! The kernel lets that be opened by who could attach to the task. Until it is let go a restored task
//! hides from everybody. So it is opened without that question, and [`check`] finds whether whoever has
//! it traces the task by then: the tracer was asked whether it could attach.

use kernel::{
    prelude::*,
    sync::aref::ARef,
    task::Task, //
};

use crate::{
    core::{
        built::Rebuilt,
        restore::{
            Restore,
            TaskRecords, //
        }, //
    },
    image::{
        files::proc::ProcEntry,
        ObjRef, //
    },
    kapi::{
        fs::{
            file::FileRef,
            path::PathRef,
            proc::ProcPids, //
        },
        security::cred::CredRef,
        task::trace,
        time::wait, //
    }, //
};

/// The entry of a thread which that is.
pub(super) const MEM: &[u8] = b"/mem";

/// An open entry of a tracee.
struct Opened {
    /// The thread by whose number it is named.
    tracee: u32,
    /// The process that has opened it.
    process: u32,
}

impl Rebuilt for Opened {
    /// Tells that it stays: it is looked at when all tasks have their tracers.
    fn stays(&self) -> bool {
        true
    }
}

/// Returns the thread that an entry with these numbers is of.
fn thread_of(pids: &ProcPids) -> Option<ARef<Task>> {
    pids.thread.as_ref().or(pids.process.as_ref())?.task()
}

/// Returns the thread that an entry with these numbers is of, if a thread of the process of `tracer`
/// traces it.
pub(super) fn tracee(pids: &ProcPids, tracer: &Task) -> Option<ARef<Task>> {
    thread_of(pids).filter(|tracee| trace::is_traced_by(tracee, tracer))
}

/// Opens `found`, the memory of a task that the process of `plan` is to trace.
pub(super) fn open(
    r: &Restore,
    plan: &TaskRecords<'_>,
    entry: &ProcEntry,
    found: &PathRef,
    opener: &CredRef,
    flags: u32,
) -> Result<FileRef> {
    let obj = ObjRef::new(entry.obj.get()).ok_or(EINVAL)?;
    let process = plan.task.tgid.get();
    let tracee = match entry.thread.get() {
        0 => entry.process.get(),
        thread => thread,
    };
    // Several open files may be of one entry.
    match r.built::<Opened>(obj) {
        Some(opened) if opened.process == process => {}
        Some(_) => return Err(EINVAL),
        None => r.set_built(obj, Opened { tracee, process })?,
    }
    opener.act(|| FileRef::open_memory(found, flags))
}

/// Calls `traces` with each thread whose memory another process has opened, and that process, once, until
/// it fails. All tasks have their tracers.
pub(crate) fn check(r: &Restore, mut traces: impl FnMut(u32, u32) -> Result) -> Result {
    // To find who traces a thread takes a look at all that it has, and it may be open many times.
    let mut all: KVVec<(u32, u32)> = KVVec::new();
    r.each_built::<Opened>(|_, opened| {
        wait::check_killed()?;
        Ok(all.push((opened.tracee, opened.process), GFP_KERNEL_ACCOUNT)?)
    })?;
    all.sort_unstable();
    all.chunk_by(|a, b| a == b)
        .filter_map(|same| same.first())
        .try_for_each(|&(tracee, process)| traces(tracee, process))
}
