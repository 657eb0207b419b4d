// SPDX-License-Identifier: GPL-2.0

//! What a checkpoint has found of files.

use kernel::{
    prelude::*,
    rbtree::RBTree, //
};

use crate::{
    files::open::Open,
    kapi::fs::{
        file::FileRef,
        locks::Locks,
        path::PathRef, //
    }, //
};

/// How often tasks have an inode open, and this checkpoint itself.
#[derive(Clone, Copy, Default)]
pub(super) struct Opens {
    /// Open files, those with O_PATH too.
    pub(super) files: u64,
    /// Open files for reading only.
    pub(super) readers: u64,
    /// Open files for writing.
    pub(super) writers: u64,
}

/// Files found by a checkpoint.
pub(crate) struct Collected {
    /// The caller's root.
    pub(super) root: PathRef,
    /// Who has locked what, by the address of the inode.
    pub(super) locks: RBTree<usize, Locks>,
    /// One of them is a POSIX lock.
    pub(super) posix_locks: bool,
    /// A pipe was locked for all the time for which one is waited for.
    pub(super) pipe_locked: bool,
    /// How often removed files and memfds are open, by the address of the inode.
    pub(super) removed: RBTree<usize, Opens>,
    /// What the tasks have written has reached its disks and servers, and they write no more.
    pub(super) synced: bool,
    /// Addresses of open files that stay outside. They are as good as references while the tasks
    /// stand still: that one has died, and so may have let go of a file, fails the checkpoint.
    external: KVVec<usize>,
    /// What image and log are written to.
    outputs: KVec<FileRef>,
}

impl Collected {
    /// Nothing yet.
    pub(crate) fn new() -> Self {
        Self {
            root: PathRef::current_root(),
            locks: RBTree::new(),
            posix_locks: false,
            pipe_locked: false,
            removed: RBTree::new(),
            synced: false,
            external: KVVec::new(),
            outputs: KVec::new(),
        }
    }

    /// Returns the caller's root.
    pub(crate) fn root(&self) -> &PathRef {
        &self.root
    }

    /// Notes an open file that stays outside.
    pub(super) fn leave_outside(&mut self, file: &FileRef) -> Result {
        let addr = file.addr();
        if let Err(at) = self.external.binary_search(&addr) {
            self.external.push(addr, GFP_KERNEL_ACCOUNT)?;
            if let Some(moved) = self.external.get_mut(at..) {
                moved.rotate_right(1);
            }
        }
        Ok(())
    }

    /// The open file stays outside.
    pub(super) fn is_left_outside(&self, file: &FileRef) -> bool {
        self.external.binary_search(&file.addr()).is_ok()
    }

    /// Notes what image or log are written to; keeps one reference on the file.
    pub(super) fn add_output(&mut self, file: &FileRef) -> Result {
        Ok(self.outputs.push(file.clone(), GFP_KERNEL_ACCOUNT)?)
    }

    /// Image or log are written to its inode.
    pub(super) fn is_output(&self, file: &FileRef) -> bool {
        self.outputs
            .iter()
            .any(|f| f.inode_addr() == file.inode_addr())
    }

    /// References that this checkpoint holds on a collected file.
    pub(super) fn own_references(&self, open: &Open) -> u64 {
        // For an output its note here, and the system call's own.
        let outputs = self.outputs.iter().filter(|f| **f == open.file).count();
        open.ours + 2 * outputs as u64
    }
}
