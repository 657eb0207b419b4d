// SPDX-License-Identifier: GPL-2.0

//! Namespaces.

use kernel::prelude::*;

use crate::{
    core::restore::{
        Plan,
        Restore, //
    },
    found::KindOps,
};

mod other;
pub(crate) mod pid;
pub(crate) mod time;
pub(crate) mod uts;

/// The kinds of namespace, in the order in which a task's are saved and restored.
pub(crate) static KINDS: &[KindOps] = &[other::KIND, time::KIND, uts::KIND, pid::KIND];

/// Last step of the restart of the current task in its own context, while it has the credentials
/// of the caller.
pub(crate) fn finish(r: &Restore, plan: &Plan<'_>) -> Result {
    uts::finish(r, plan)
}

/// Namespaces found by a checkpoint.
pub(crate) struct Collected {
    /// Address of the time namespace of the root.
    time: Option<usize>,
}

impl Collected {
    /// Nothing yet.
    pub(crate) fn new() -> Self {
        Self { time: None }
    }
}
