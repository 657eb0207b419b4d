// SPDX-License-Identifier: GPL-2.0

//! Namespaces.

use crate::capture::context::KindOps;

/// The kinds of namespace, in the order in which a task's are saved and restored.
pub(crate) static KINDS: &[KindOps] = &[];

/// Namespaces found by a checkpoint.
pub(crate) struct Collected {}

impl Collected {
    /// Nothing yet.
    pub(crate) fn new() -> Self {
        Self {}
    }
}

/// A rebuilt uts namespace.
pub(crate) struct BuiltUts {}
