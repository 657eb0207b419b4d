// SPDX-License-Identifier: GPL-2.0

//! What one call of checkpoint(2) knows.

use kernel::prelude::*;

use crate::{
    core::{
        meta::Meta,
        objects::Objects,
        report::Report, //
    },
    kapi::{
        pid::namespace::PidNs,
        task::frozen::FrozenTask, //
    }, //
};

/// A checkpoint in progress. `F` is what the kinds have found of it.
pub(crate) struct Capture<F> {
    /// Shared objects.
    pub(crate) objects: Objects<F>,
    /// Records so far.
    pub(crate) meta: Meta,
    /// Messages.
    pub(crate) report: Report,
    /// Root of a whole container, as opposed to a subtree.
    pub(crate) whole: bool,
    /// Refuse what would otherwise only be reported: what is shared with others and survives that.
    pub(crate) strict: bool,
    /// Leave out keyrings that tasks have of their own.
    pub(crate) drop_keys: bool,
    /// The caller checkpoints itself: its root task is `current`.
    pub(crate) own: bool,
    /// The namespace whose pids are in the image.
    pub(crate) pid_ns: PidNs,
    /// What to add to the kernel's CLOCK_MONOTONIC for what the tasks see, in nanoseconds.
    pub(crate) monotonic_offset: i64,
    /// The same for CLOCK_BOOTTIME.
    pub(crate) boottime_offset: i64,
    /// What the kinds have found.
    pub(crate) found: F,
}

impl<F> Capture<F> {
    /// Refuses something of the task `t`, for the reason `what`.
    pub(crate) fn refuse(
        &mut self,
        errno: Error,
        t: &FrozenTask,
        what: kernel::fmt::Arguments<'_>,
    ) {
        self.report.refuse(errno, &t.display(&self.pid_ns), what);
    }
}
