// SPDX-License-Identifier: GPL-2.0

//! Files: descriptor tables, open files, pipes, root and working directory.

use kernel::prelude::*;

use crate::{
    capture::{
        context::KindOps,
        Capture, //
    },
    image::ObjRef,
    kapi::{
        file::FileRef,
        task::FrozenTask, //
    },
    restart::{
        Plan,
        Restore, //
    },
};

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
pub(crate) struct BuiltFile(pub(crate) FileRef);
/// A rebuilt pipe.
pub(crate) struct BuiltPipe {}
/// A rebuilt root and working directory.
pub(crate) struct BuiltFs {}

/// Counts a user of a file that a mapping of the task `t` has, or that `t` executes.
///
/// Lists what can't be saved. Keeps a reference.
pub(crate) fn collect_mapped(_cap: &mut Capture, _t: &FrozenTask, _file: &FileRef) -> Result {
    Err(EOPNOTSUPP)
}

/// Reference of a file that [`collect_mapped`] counted; writes its records at first use.
pub(crate) fn save_mapped(_cap: &mut Capture, _file: &FileRef) -> Result<ObjRef> {
    Err(EOPNOTSUPP)
}

/// The open file with reference `obj`, which is rebuilt at first use.
pub(crate) fn restore_file(_r: &Restore, _plan: &Plan<'_>, _obj: ObjRef) -> Result<FileRef> {
    Err(EOPNOTSUPP)
}

/// The open file that shows the inode with reference `obj`, whose contents are in extents.
pub(crate) fn restore_inode(_r: &Restore, _plan: &Plan<'_>, _obj: ObjRef) -> Result<FileRef> {
    Err(EOPNOTSUPP)
}
