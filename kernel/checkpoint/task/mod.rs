// SPDX-License-Identifier: GPL-2.0

//! Tasks: what is their own and not memory, files or namespaces.

use crate::capture::context::KindOps;

/// The kinds of task state, in the order in which a task's are saved and restored.
pub(crate) static KINDS: &[KindOps] = &[];

/// Task state found by a checkpoint.
pub(crate) struct Collected {}

impl Collected {
    /// Nothing yet.
    pub(crate) fn new() -> Self {
        Self {}
    }
}

/// Rebuilt credentials.
pub(crate) struct BuiltCred {}
