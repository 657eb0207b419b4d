// SPDX-License-Identifier: GPL-2.0

//! What one call of checkpoint(2) knows.

use kernel::prelude::*;

use crate::{
    capture::meta::Meta,
    files,
    kapi::{
        pid::namespace::PidNs,
        task::frozen::FrozenTask, //
    },
    mm,
    ns,
    objects::Objects,
    report::Report,
    task, //
};

/// A checkpoint in progress.
pub(crate) struct Capture {
    /// Shared objects.
    pub(crate) objects: Objects,
    /// Records so far.
    pub(crate) meta: Meta,
    /// Messages.
    pub(crate) report: Report,
    /// Root of a whole container, as opposed to a subtree.
    pub(crate) whole: bool,
    /// Refuse what is only told otherwise: what is shared with others and survives that.
    pub(crate) strict: bool,
    /// The caller checkpoints itself: its root task is `current`.
    pub(crate) own: bool,
    /// The namespace whose pids stand in the image.
    pub(crate) pid_ns: PidNs,
    /// What to add to the kernel's CLOCK_MONOTONIC for what the tasks see, in nanoseconds.
    pub(crate) monotonic_offset: i64,
    /// The same for CLOCK_BOOTTIME.
    pub(crate) boottime_offset: i64,
    /// Memory found.
    pub(crate) mm: mm::Collected,
    /// Files found.
    pub(crate) files: files::Collected,
    /// Namespaces found.
    pub(crate) ns: ns::Collected,
    /// Task-related objects found.
    pub(crate) task: task::Collected,
}

impl Capture {
    /// Refuses something of the task `t`, for the reason that `what` tells.
    pub(crate) fn refuse(
        &mut self,
        errno: Error,
        t: &FrozenTask,
        what: kernel::fmt::Arguments<'_>,
    ) {
        self.report.refuse(errno, &t.display(&self.pid_ns), what);
    }
}

/// One kind of state: how it is found, saved and restored.
///
/// The functions of one kind stand in one file. All may sleep; none is called with a lock held.
pub(crate) struct KindOps {
    /// For messages and documentation.
    pub(crate) name: &'static str,
    /// Counts the users of the task's shared objects, keeps references on them, and lists what
    /// can't be saved.
    pub(crate) collect: fn(&mut Capture, &FrozenTask) -> Result,
    /// After all tasks were collected: lists objects of a whole container that others use too.
    pub(crate) leaks: fn(&mut Capture) -> Result,
    /// Writes the task's records; those of a shared object for its first user only.
    pub(crate) save: fn(&mut Capture, &FrozenTask) -> Result,
    /// Rebuilds it in the context of the restored task.
    pub(crate) restore: fn(&crate::restart::Restore, &crate::restart::Plan<'_>) -> Result,
}

impl KindOps {
    /// A kind that tasks have no records of: there is only something to `collect`.
    pub(crate) const fn without_records(
        name: &'static str,
        collect: fn(&mut Capture, &FrozenTask) -> Result,
    ) -> Self {
        Self {
            name,
            collect,
            leaks: no_leaks,
            save: |_, _| Ok(()),
            restore: |_, _| Ok(()),
        }
    }
}

/// For kinds that need no leak check.
pub(crate) fn no_leaks(_: &mut Capture) -> Result {
    Ok(())
}
