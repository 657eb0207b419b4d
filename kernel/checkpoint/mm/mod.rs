// SPDX-License-Identifier: GPL-2.0

//! Memory: address spaces, mappings, pages.

use crate::capture::context::KindOps;

/// The kinds of memory, in the order in which a task's are saved and restored.
pub(crate) static KINDS: &[KindOps] = &[];

/// Memory found by a checkpoint.
pub(crate) struct Collected {}

impl Collected {
    /// Nothing yet.
    pub(crate) fn new() -> Self {
        Self {}
    }
}

/// A rebuilt address space.
pub(crate) struct BuiltMm {}
