// SPDX-License-Identifier: GPL-2.0

//! The table of kinds: what a task's state consists of.
//!
//! A kind is one file below `ns/`, `files/`, `mm/` or `task/`, with both directions in it, and
//! one line in the table of its directory.

use crate::{
    files,
    found::KindOps,
    mm,
    ns,
    task, //
};

/// All kinds in the order in which a task's state is collected and saved: an object's record
/// comes before its first use.
pub(crate) fn saved() -> impl Iterator<Item = &'static KindOps> {
    [ns::KINDS, files::KINDS, mm::KINDS, task::KINDS]
        .into_iter()
        .flatten()
}

/// All kinds in the order in which a task restores itself: namespaces, the new address space,
/// files, and last what takes rights away.
pub(crate) fn restored() -> impl Iterator<Item = &'static KindOps> {
    [ns::KINDS, mm::KINDS, files::KINDS, task::KINDS]
        .into_iter()
        .flatten()
}
