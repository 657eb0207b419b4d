// SPDX-License-Identifier: GPL-2.0

//! What the kinds have found of a checkpoint: a field for each directory of kinds.

use crate::{
    core::{
        capture,
        kind, //
    },
    files,
    ipc,
    mm,
    net,
    ns,
    task, //
};

/// A checkpoint in progress.
pub(crate) type Capture = capture::Capture<Found>;

/// One kind of state that each thread has.
pub(crate) type ThreadOps = kind::ThreadOps<Found>;

/// One kind of state that the threads of a process share.
pub(crate) type ProcessOps = kind::ProcessOps<Found>;

/// One kind of link between objects.
pub(crate) type LinkOps = kind::LinkOps<Found>;

/// What was found.
pub(crate) struct Found {
    /// Memory.
    pub(crate) mm: mm::Collected,
    /// Files.
    pub(crate) files: files::Collected,
    /// System V IPC.
    pub(crate) ipc: ipc::Collected,
    /// Sockets.
    pub(crate) net: net::Collected,
    /// Namespaces.
    pub(crate) ns: ns::Collected,
    /// Task-related objects.
    pub(crate) task: task::Collected,
}

impl Found {
    /// Makes an empty one.
    pub(crate) fn new() -> Self {
        Self {
            mm: mm::Collected::new(),
            files: files::Collected::new(),
            ipc: ipc::Collected::new(),
            net: net::Collected::new(),
            ns: ns::Collected::new(),
            task: task::Collected::new(),
        }
    }
}
