// SPDX-License-Identifier: GPL-2.0

//! Files: descriptor tables, open files, pipes, root and working directory.

use crate::capture::context::KindOps;

/// The kinds of file state, in the order in which a task's are saved and restored.
pub(crate) static KINDS: &[KindOps] = &[];

/// Files found by a checkpoint.
pub(crate) struct Collected {}

impl Collected {
    /// Nothing yet.
    pub(crate) fn new() -> Self {
        Self {}
    }
}

/// A rebuilt descriptor table.
pub(crate) struct BuiltFiles {}
/// A rebuilt open file.
pub(crate) struct BuiltFile {}
/// A rebuilt pipe.
pub(crate) struct BuiltPipe {}
/// A rebuilt root and working directory.
pub(crate) struct BuiltFs {}
