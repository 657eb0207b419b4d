// SPDX-License-Identifier: GPL-2.0

//! The tables of kinds: what the state of a thread and of a process consists of, and its phases.
//!
//! A kind is one file below `ns/`, `ipc/`, `files/`, `net/`, `mm/` or `task/`, with both directions in it,
//! and one line in a table of its directory.

use kernel::prelude::*;

use crate::{
    core::{
        report::Errno,
        restore::{
            Restore,
            TaskRecords, //
        }, //
    },
    files,
    found::{
        LinkOps,
        ProcessOps,
        ThreadOps, //
    },
    image::task::Process,
    ipc,
    kapi::{
        fork::{
            parked::ParkedTask,
            slot::Slot, //
        },
        time::wait, //
    },
    mm,
    net,
    ns,
    task, //
};

/// Returns what each thread has, in the order in which it is collected and saved: an object's
/// record comes before its first use.
pub(crate) fn threads() -> impl Iterator<Item = &'static ThreadOps> {
    [
        ns::THREADS,
        ipc::THREADS,
        files::THREADS,
        mm::THREADS,
        task::THREADS,
        net::THREADS,
    ]
    .into_iter()
    .flatten()
}

/// Returns the same in the order in which a task restores itself: namespaces, the new address
/// space, files, and last what takes rights away.
fn restored() -> impl Iterator<Item = &'static ThreadOps> {
    [
        ns::THREADS,
        ipc::THREADS,
        mm::THREADS,
        files::THREADS,
        net::THREADS,
        task::THREADS,
    ]
    .into_iter()
    .flatten()
}

/// Returns what the threads of a process share. Its record is the last of a process.
pub(crate) fn processes() -> impl Iterator<Item = &'static ProcessOps> {
    [ns::PROCESSES, files::PROCESSES, task::PROCESSES]
        .into_iter()
        .flatten()
}

/// Returns what objects are to each other in a circle. It is saved when all objects are.
pub(crate) fn links() -> impl Iterator<Item = &'static LinkOps> {
    // What waits for sockets finds what is in their queues. Memory is watched last: nothing of ours
    // touches it then.
    [ns::LINKS, net::LINKS, files::LINKS, mm::LINKS]
        .into_iter()
        .flatten()
}

/// Returns the same in the order in which a new task begins: what its address space depends on,
/// that, and what must not be set in the one of who has made it.
fn begun() -> impl Iterator<Item = &'static ThreadOps> {
    [task::THREADS, mm::THREADS, files::THREADS, ns::THREADS]
        .into_iter()
        .flatten()
}

/// Takes from the current task, the root, what it has of the caller of restart(2).
pub(crate) fn reset(r: &Restore, plan: &TaskRecords<'_>) -> Result {
    restored().try_for_each(|kind| (kind.reset)(r, plan))
}

/// Gives the current task what those begin with that it is to make.
pub(crate) fn begin(r: &Restore, plan: &TaskRecords<'_>) -> Result {
    begun().try_for_each(|kind| (kind.begin)(r, plan))
}

/// Restores the current task, when all tasks exist.
pub(crate) fn restore(r: &Restore, plan: &TaskRecords<'_>) -> Result {
    for kind in restored() {
        (kind.restore)(r, plan).map_err(|e| failed(r, plan, kind.name, e))?;
    }
    Ok(())
}

/// Reports that a kind could not be restored; returns the error for that.
fn failed(r: &Restore, plan: &TaskRecords<'_>, name: &str, e: Error) -> Error {
    let e = wait::without_restart(e);
    // A task that was killed reports only that, when it arrives.
    if !wait::killed() {
        r.with_report(|r| {
            r.line(fmt!(
                "error: {}: {} could not be restored [{}]",
                plan.name(),
                name,
                Errno(e)
            ))
        });
    }
    e
}

/// Gives the current task all that it may have by the rights of the caller of restart(2), and the
/// last one of a process that, too; then its own credentials and what depends on them.
pub(crate) fn secure(r: &Restore, plan: &TaskRecords<'_>) -> Result {
    restored().try_for_each(|kind| (kind.secure)(r, plan))?;
    if plan.last {
        processes().try_for_each(|kind| (kind.secure)(r, plan))?;
    }
    restored().try_for_each(|kind| (kind.finish)(r, plan))
}

/// Makes the links between objects, once all objects exist.
pub(crate) fn link(r: &Restore) -> Result {
    links().try_for_each(|kind| {
        (kind.link)(r)
            .map_err(|e| r.unless_told(wait::without_restart(e), "objects can't be linked"))
    })
}

/// Checks what [`load`] is to give the task of `plan`, which is held.
pub(crate) fn check(r: &Restore, plan: &TaskRecords<'_>, task: &ParkedTask) -> Result {
    restored().try_for_each(|kind| (kind.check)(r, plan, task))
}

/// Gives the task of `plan`, which is held, what only others can give it.
pub(crate) fn load(r: &Restore, plan: &TaskRecords<'_>, slot: &Slot, task: &ParkedTask) -> Result {
    // What is of the whole process first: it takes away what a thread of it has.
    if plan.last {
        processes().try_for_each(|kind| (kind.load)(r, plan, task))?;
    }
    restored().try_for_each(|kind| (kind.load)(r, plan, slot, task))
}

/// Gives the task of `plan`, which was dead and is held, what is known of the dead.
pub(crate) fn bury(r: &Restore, plan: &TaskRecords<'_>, task: &ParkedTask) -> Result {
    restored().try_for_each(|kind| (kind.bury)(r, plan, task))?;
    if plan.last {
        processes().try_for_each(|kind| (kind.bury)(r, plan, task))?;
    }
    Ok(())
}

/// Gives the process of `task`, its last living thread, which is held, what nobody may see before
/// all are in their places. Nothing in it can fail.
pub(crate) fn commit(r: &Restore, process: &Process, task: &ParkedTask) {
    processes().for_each(|kind| (kind.commit)(r, process, task));
}
