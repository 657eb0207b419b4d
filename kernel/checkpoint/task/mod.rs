// SPDX-License-Identifier: GPL-2.0

//! Tasks: what is their own and not memory, files or namespaces.
//!
//! A task is restored in four steps:
//!
//! 1. [`early`], before anything else: of what changes how memory is mapped it has its own. The root
//!    is [`reset`] before: it gets rid of what the caller of restart(2) has handed on.
//! 2. `restore` of the [`KINDS`], in its own context, when all tasks exist.
//! 3. [`finish`], in its own context, after that and before it parks: what takes rights away
//!    (credentials, limits, scheduling), or what is gone once credentials are.
//! 4. [`commit`], by the coordinator, when all tasks are parked: signals and group stop.

use kernel::{
    prelude::*,
    rbtree::RBTree, //
};
use zerocopy::byteorder::little_endian::U64;

use crate::{
    arch,
    core::restore::{
        Plan,
        Restore, //
    },
    found::KindOps,
    image::task::CPU_TIME_MAX,
    kapi::{
        fork::reset::reset_inherited,
        security::cred::CredRef,
        task::frozen::FrozenTask, //
    },
    ns, //
};

mod basic;
mod commit;
mod cred;
mod process;
mod refuse;
pub(crate) mod regs;
mod restart_block;
mod sched;
mod signal;

pub(crate) use basic::groups_of_subtree;
pub(crate) use commit::{
    commit,
    Stop, //
};
pub(crate) use cred::{
    collect_opener,
    rebuild as rebuild_cred,
    save_opener, //
};

/// The kinds of task state, in the order in which a task's are saved and restored.
pub(crate) static KINDS: &[KindOps] = &[
    refuse::KIND,
    signal::KIND,
    cred::KIND,
    basic::KIND,
    sched::KIND,
    signal::PENDING,
    process::KIND,
];

/// Task state found by a checkpoint.
pub(crate) struct Collected {
    /// Credentials of tasks, by address: the object table knows their addresses only.
    creds: RBTree<usize, CredRef>,
    /// Credentials that files were opened with, likewise.
    openers: RBTree<usize, CredRef>,
    /// Pids of all threads, and of groups and sessions without a task that were written.
    tids: RBTree<u32, ()>,
    /// The last thread of each thread group, by the address of what the group shares.
    last: RBTree<usize, u32>,
    /// The first living one, likewise.
    first: RBTree<usize, u32>,
    /// Process group and session of the root, if it has been seen.
    root: Option<(u32, u32)>,
    /// The root task's record has been written.
    root_saved: bool,
    /// CPU time that may still be in the image.
    cpu_time: u64,
}

impl Collected {
    /// Nothing yet.
    pub(crate) fn new() -> Self {
        Self {
            creds: RBTree::new(),
            openers: RBTree::new(),
            tids: RBTree::new(),
            last: RBTree::new(),
            first: RBTree::new(),
            root: None,
            root_saved: false,
            cpu_time: CPU_TIME_MAX,
        }
    }

    /// A CPU time as it stands in the image: all of them together stay within what restart(2)
    /// takes.
    fn cpu_time(&mut self, time: u64) -> U64 {
        let time = time.min(self.cpu_time);
        self.cpu_time -= time;
        time.into()
    }

    /// `t` with pid `tid` is the first living thread of its group that was collected: what its
    /// group shares is looked at once. To be called with each that lives.
    fn is_first(&mut self, t: &FrozenTask, tid: u32) -> Result<bool> {
        let group = t.group_addr();
        if let Some(&first) = self.first.get(&group) {
            return Ok(first == tid);
        }
        self.first
            .try_create_and_insert(group, tid, GFP_KERNEL_ACCOUNT)?;
        Ok(true)
    }

    /// `t` with pid `tid` is the last thread of its group that was collected.
    fn is_last(&self, t: &FrozenTask, tid: u32) -> bool {
        self.last.get(&t.group_addr()) == Some(&tid)
    }
}

/// Takes from the current task, the root, what it has of the caller of restart(2). All others are
/// made of it.
pub(crate) fn reset(r: &Restore, plan: &Plan<'_>) -> Result {
    reset_inherited().map_err(|(e, what)| {
        r.fail(
            e,
            plan,
            fmt!("the caller {what}, which the task can't be rid of: restart it from another"),
        )
    })
}

/// First step of the restart of the current task: it has what must be set before its memory is made.
pub(crate) fn early(plan: &Plan<'_>) {
    basic::early(plan);
}

/// Last step of the restart of the current task in its own context, when all tasks exist.
///
/// Until here it had the credentials of the caller of restart(2).
pub(crate) fn finish(r: &Restore, plan: &Plan<'_>) -> Result {
    ns::finish(r, plan)?;
    sched::finish(r, plan)?;
    process::finish(r, plan)?;
    basic::times(r, plan);
    arch::regs::start()
        .map_err(|e| r.fail(e, plan, fmt!("can't be made ready for its registers")))?;
    cred::finish(r, plan)?;
    basic::finish(r, plan)
}
