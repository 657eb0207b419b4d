// SPDX-License-Identifier: GPL-2.0

//! Waiting for tasks that were killed.

use kernel::{
    prelude::*,
    sync::aref::ARef,
    task::Task, //
};

use crate::{
    core::report::Report,
    kapi::{
        cgroup::frozen::FrozenTasks,
        fork::park,
        fs::file::FileRef,
        pid::namespace::PidNs,
        task::{
            frozen::TaskName,
            links::PidRef,
            tree, //
        },
        time::wait, //
    }, //
};

/// How long to wait for a task before that is reported, in milliseconds.
const LATE_MS: u64 = 1_000;

/// A task that is to be killed.
struct Victim {
    task: ARef<Task>,
    /// Its pid, unless it has none any more.
    pid: Option<PidRef>,
    name: TaskName,
}

/// Tasks that are to be killed, in the order in which they are waited for.
pub(super) struct Doomed {
    tasks: KVVec<Victim>,
    /// Their addresses, sorted.
    known: KVVec<usize>,
}

impl Doomed {
    /// Notes all tasks of a checkpoint, so that nothing need be allocated when they are dead.
    /// Messages give their pids in `ns`.
    pub(super) fn new(frozen: &FrozenTasks<'_>, ns: &PidNs) -> Result<Self> {
        let n = frozen.len();
        let mut tasks = KVVec::with_capacity(n, GFP_KERNEL_ACCOUNT)?;
        let mut known = KVVec::with_capacity(n, GFP_KERNEL_ACCOUNT)?;
        for t in frozen.iter() {
            let victim = Victim {
                task: t.task().clone(),
                pid: PidRef::of(t.task()).ok(),
                name: TaskName::of(t.task(), ns),
            };
            tasks.push(victim, GFP_KERNEL_ACCOUNT)?;
            known.push(t.as_ptr().addr(), GFP_KERNEL_ACCOUNT)?;
        }
        known.sort_unstable();
        Ok(Self { tasks, known })
    }

    /// Waits until all of them are gone, or their parents outside have to wait for them. One that
    /// takes long, as it hangs in the kernel, is reported in `log` at once. No task is frozen.
    ///
    /// If the caller is killed that ends the wait. Another signal does not: what was asked for is
    /// done, and one of them tells parents among the callers of these deaths.
    pub(super) fn wait(self, report: &mut Report, log: Option<&FileRef>) {
        // One that is killed tells nothing any more.
        report.write_out(log);
        let late = || wait::monotonic_ns().saturating_add(LATE_MS * 1_000_000);
        let mut pauses = wait::Pauses::new();
        for victim in &self.tasks {
            let mut tell_at = late();
            while !self.is_gone(victim) {
                if wait::killed() {
                    return;
                }
                if wait::monotonic_ns() >= tell_at {
                    report.note(
                        &victim.name,
                        fmt!(
                            "is killed, but not gone yet: it waits for something in the kernel; the \
                             image is complete, and killing the caller ends the wait for it"
                        ),
                    );
                    report.write_out(log);
                    tell_at = u64::MAX;
                }
                pauses.pause();
            }
        }
    }

    /// Returns whether the pid of `victim` is free, or a task that is none of ours keeps it from
    /// being free.
    fn is_gone(&self, victim: &Victim) -> bool {
        let reaped = park::is_gone(&victim.task);
        // It loses its pid some time before that is free.
        reaped && !victim.pid.as_ref().is_some_and(PidRef::is_leaving)
            || self.is_left_to_others(victim)
            || self.is_init_of_others(victim)
    }

    /// Returns whether `victim` is dead, and a task that is none of ours has to wait for it: maybe
    /// the caller.
    fn is_left_to_others(&self, victim: &Victim) -> bool {
        tree::waited_for_by(&victim.task).is_some_and(|p| self.known.binary_search(&p).is_err())
    }

    /// Returns whether `victim` is the init of a pid namespace that has nothing left to do but to
    /// wait until all in there are gone, and one of them is left to others.
    fn is_init_of_others(&self, victim: &Victim) -> bool {
        if !tree::has_let_go(&victim.task) {
            return false;
        }
        let (Ok(inside), Some(pid)) = (PidNs::of(&victim.task), &victim.pid) else {
            return false;
        };
        pid.number_in(&inside) == 1
            && self.tasks.iter().any(|v| {
                v.pid.as_ref().is_some_and(|p| p.number_in(&inside) > 1)
                    && self.is_left_to_others(v)
            })
    }
}
