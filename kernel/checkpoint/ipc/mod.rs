// SPDX-License-Identifier: GPL-2.0

//! System V IPC and POSIX message queues: what is in ipc namespaces.
//!
//! A namespace itself, with all in it, is a kind of namespace ([`crate::ns::ipc`]).

use kernel::{
    fmt,
    prelude::*,
    rbtree::RBTree, //
};

use crate::{
    core::{
        report::Errno,
        restore::{
            Restore,
            TaskRecords, //
        }, //
    },
    found::ThreadOps,
    kapi::{
        ipc::namespace::{
            Ids,
            IpcNs, //
        },
        pid::namespace::PidNs,
        security::cred::CredRef,
        task::{
            frozen::TaskName,
            links::OrphanPid, //
        }, //
    }, //
};

pub(crate) mod mqueue;
pub(crate) mod msg;
pub(crate) mod sem;
pub(crate) mod shm;
pub(crate) mod undo;

/// The kinds of state of System V IPC that a task has.
pub(crate) static THREADS: &[ThreadOps] = &[undo::KIND];

/// What a checkpoint has found of IPC.
pub(crate) struct Collected {
    /// How many files of attaches the tasks have, by the address of the namespace.
    pub(crate) attaches: RBTree<usize, u64>,
    /// Open files of POSIX message queues.
    pub(crate) queues: mqueue::Opened,
    /// What stays in the caller's namespace was looked for.
    pub(crate) left_told: bool,
}

impl Collected {
    /// Makes an empty one.
    pub(crate) fn new() -> Self {
        Self {
            attaches: RBTree::new(),
            queues: mqueue::Opened::new(),
            left_told: false,
        }
    }

    /// Notes the file of an attach.
    pub(crate) fn add_attach(&mut self, ns: usize) -> Result {
        if let Some(n) = self.attaches.get_mut(&ns) {
            *n += 1;
            return Ok(());
        }
        self.attaches
            .try_create_and_insert(ns, 1, GFP_KERNEL_ACCOUNT)?;
        Ok(())
    }
}

/// Why something can't be saved that belongs to somebody who is not known here.
const OWNER: &str = "its owner is not known in this user namespace: call from outside";

/// Why something can't be saved that was labelled by somebody else than the tasks (SELinux, Smack).
const LABEL: &str =
    "has another security label than this task, which could not give it that when it is made again: \
     have it made and used by tasks with one label";

/// Gives an object of `ns`, which was just made, the label of the tasks, by `maker`: credentials
/// with that label; `None`: it has it.
fn label(
    r: &Restore,
    plan: &TaskRecords<'_>,
    ns: &IpcNs,
    object: (Ids, i32),
    maker: Option<&CredRef>,
) -> Result {
    let Some(maker) = maker else {
        return Ok(());
    };
    let (ids, id) = object;
    maker.act(|| ns.relabel(ids, id)).map_err(|e| {
        let what = match ids {
            Ids::Segments => "shared memory",
            Ids::Semaphores => "semaphores",
            Ids::Queues => "message queue",
        };
        r.fail(
            e,
            plan,
            fmt!(
                "System V {} {}: can't have the security label of its tasks: the policy does not let \
                 them make it (create)",
                what,
                id
            ),
        )
    })
}

/// Calls `f`, which changes nothing if it fails, with the credentials of who has made an object, `maker`,
/// as of [`label`]: the policy need not let the caller itself use what has the label of the tasks. If they
/// may not, with those of the caller: nor need it let the tasks have the capabilities of the caller.
fn as_maker<T>(maker: Option<&CredRef>, f: impl Fn() -> Result<T>) -> Result<T> {
    match maker {
        Some(maker) => maker.act(&f).or_else(|e| f().map_err(|_| e)),
        None => f(),
    }
}

/// Takes those of `pids` in `ns` that no task has any more, each once, until what is returned is
/// dropped: who remembers one meanwhile does so for ever. 0 is none.
///
/// They only tell who used `what`, an object of the task `who`: one that can't be had is none, and
/// that is noted.
///
/// ENOMEM: there is no memory for them.
fn take_pids(
    r: &Restore,
    who: &TaskName,
    what: fmt::Arguments<'_>,
    ns: &PidNs,
    pids: impl Iterator<Item = u32>,
) -> Result<KVec<OrphanPid>> {
    let mut taken = KVec::new();
    let mut lost = None;
    let mut last = 0;
    for pid in pids {
        if pid != 0 && pid != last && !ns.has(pid) {
            match OrphanPid::new(ns, &mut [pid.cast_signed()]) {
                Ok(pid) => taken.push(pid, GFP_KERNEL_ACCOUNT)?,
                Err(ENOMEM) => return Err(ENOMEM),
                Err(e) => lost = lost.or(Some((pid, e))),
            }
        }
        last = pid;
    }
    if let Some((pid, e)) = lost {
        r.with_report(|report| {
            report.note(
                who,
                fmt!(
                    "{}: that process {} used it, which is gone, is forgotten: its pid can't be had \
                     here [{}]",
                    what,
                    pid,
                    Errno(e)
                ),
            );
        });
    }
    Ok(taken)
}

/// Returns why an object of its own kind and id can't be made, in words.
fn why_not_made(e: Error) -> &'static str {
    match e {
        EEXIST => "its id or its key is in use: remove what has it (ipcrm)",
        EPERM => "the caller may not choose ids (CAP_CHECKPOINT_RESTORE), or not lock memory",
        ENOSPC | EINVAL => {
            "the limits of a new ipc namespace (/proc/sys/kernel) have no room for it, and only root \
             of its user namespace may raise them"
        }
        ENOMEM => "there is no memory for it, or the caller may not lock so much",
        _ => "can't be made",
    }
}

/// Returns why an object can't be given what it was, in words.
fn why_not_given(e: Error) -> &'static str {
    match e {
        EPERM => {
            "the caller may not give it to its owner (CAP_SETUID, CAP_SETGID), or not give it its \
             limits (CAP_SYS_RESOURCE)"
        }
        EINVAL => "can't be what it was",
        EACCES => {
            "the policy does not let who has the security label of its tasks change it (setattr)"
        }
        _ => "was removed by somebody else",
    }
}
