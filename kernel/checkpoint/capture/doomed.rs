// SPDX-License-Identifier: GPL-2.0

//! Waiting for tasks that were killed.

use kernel::{
    prelude::*,
    sync::aref::ARef,
    task::Task, //
};

use crate::kapi::{
    cgroup::frozen::FrozenTasks,
    fork::park,
    task::{
        links::PidRef,
        tree, //
    },
    time::wait, //
};

/// Longest pause between two looks, in milliseconds.
const PAUSE_MAX_MS: u32 = 50;

/// Tasks that are to be killed, in the order in which they are waited for.
pub(super) struct Doomed {
    /// With their pids, but of those that have none any more.
    tasks: KVVec<(ARef<Task>, Option<PidRef>)>,
    /// Their addresses, sorted.
    known: KVVec<usize>,
}

impl Doomed {
    /// Notes all tasks of a checkpoint, so that nothing need be allocated when they are dead.
    pub(super) fn new(frozen: &FrozenTasks<'_>) -> Result<Self> {
        let n = frozen.len();
        let mut tasks = KVVec::with_capacity(n, GFP_KERNEL_ACCOUNT)?;
        let mut known = KVVec::with_capacity(n, GFP_KERNEL_ACCOUNT)?;
        for t in frozen.iter() {
            let pid = PidRef::of(t.task()).ok();
            tasks.push((t.task().clone(), pid), GFP_KERNEL_ACCOUNT)?;
            known.push(t.as_ptr() as usize, GFP_KERNEL_ACCOUNT)?;
        }
        known.sort_unstable();
        Ok(Self { tasks, known })
    }

    /// Waits until all of them are gone, or their parents outside have to wait for them; not longer
    /// than until the caller is killed.
    pub(super) fn wait(self) {
        let mut pause = 1;
        for (task, pid) in &self.tasks {
            while !self.is_gone(task, pid.as_ref()) {
                if wait::killed() {
                    return;
                }
                wait::pause_ms(pause);
                pause = (pause * 2).min(PAUSE_MAX_MS);
            }
        }
    }

    /// The pid of `task` is free, or a task that is none of ours keeps it from being free.
    fn is_gone(&self, task: &Task, pid: Option<&PidRef>) -> bool {
        let reaped = park::is_gone(task);
        // It loses its pid some time before that is free.
        reaped && !pid.is_some_and(PidRef::is_leaving)
            || tree::waited_for_by(task).is_some_and(|p| self.known.binary_search(&p).is_err())
    }
}
