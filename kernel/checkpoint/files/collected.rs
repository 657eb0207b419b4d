// SPDX-License-Identifier: GPL-2.0

//! What a checkpoint has found of files.

use kernel::{
    prelude::*,
    rbtree::RBTree,
    sync::Arc, //
};

use crate::{
    files::{
        name::User,
        ops::FileOps, //
    },
    image::ObjRef,
    kapi::{
        fs::{
            fdtable::FilesRef,
            file::FileRef,
            fs_struct::FsRef,
            locks::LockHolders,
            path::PathRef,
            pipe::Pipe, //
        },
        task::frozen::TaskName,
        time::wait::check_killed, //
    }, //
};

/// An open file.
pub(super) struct Open {
    /// The file.
    pub(super) file: FileRef,
    /// What it is.
    pub(super) kind: &'static FileOps,
    /// Its path from the caller's root, or, of a removed file, that of its directory; empty if its
    /// kind has none.
    pub(super) path: KVec<u8>,
    /// Its first user.
    pub(super) who: TaskName,
    /// How its first user has it.
    pub(super) user: User,
    /// References on it that this checkpoint holds, those of outputs not included.
    pub(super) ours: u64,
    /// Address of the credentials that it was opened with; `None`: an image can't have them.
    pub(super) opener: Option<usize>,
}

/// How often tasks have an inode open.
#[derive(Clone, Copy, Default)]
pub(super) struct Opens {
    /// Open files for reading only.
    pub(super) readers: u64,
    /// Open files for writing.
    pub(super) writers: u64,
}

/// A descriptor.
pub(super) struct Slot {
    /// Its number.
    pub(super) fd: u32,
    /// It is closed by exec.
    pub(super) cloexec: bool,
    /// Address of the file.
    pub(super) file: usize,
}

/// A descriptor table.
pub(super) struct Table {
    /// The table.
    pub(super) files: FilesRef,
    /// Its descriptors by ascending number.
    pub(super) slots: KVVec<Slot>,
    /// Its first user.
    pub(super) who: TaskName,
}

/// A pipe.
pub(super) struct OpenPipe {
    /// The pipe.
    pub(super) pipe: Pipe,
    /// Its first user.
    pub(super) who: TaskName,
    /// How its first user has it.
    pub(super) user: User,
    /// It was refused, as an end of it is outside.
    pub(super) refused: bool,
}

/// Root and working directory.
pub(super) struct Dirs {
    /// The structure.
    pub(super) fs: FsRef,
    /// Path of the root, if it is not the caller's.
    pub(super) root: Option<KVec<u8>>,
    /// Path of the working directory.
    pub(super) pwd: KVec<u8>,
    /// Its first user.
    pub(super) who: TaskName,
}

/// Files found by a checkpoint.
pub(crate) struct Collected {
    /// The caller's root.
    pub(super) root: PathRef,
    /// Descriptor tables by address.
    pub(super) tables: RBTree<usize, Table>,
    /// Open files by address. Those that were refused are not in it.
    pub(super) open: RBTree<usize, Arc<Open>>,
    /// Pipes by address.
    pub(super) pipes: RBTree<usize, OpenPipe>,
    /// Roots and working directories by address.
    pub(super) dirs: RBTree<usize, Dirs>,
    /// Who has locked what, by the address of the inode.
    pub(super) locks: RBTree<usize, LockHolders>,
    /// A pipe was locked for all the time for which one is waited for.
    pub(super) pipe_locked: bool,
    /// How often removed files are open, by the address of the inode.
    pub(super) removed: RBTree<usize, Opens>,
    /// What the tasks have written has reached its disks and servers, and they write no more.
    pub(super) synced: bool,
    /// Inodes whose contents go into the image, each with a file of it.
    inodes: KVec<(ObjRef, FileRef)>,
    /// What image and log are written to.
    outputs: KVec<FileRef>,
}

impl Collected {
    /// Nothing yet.
    pub(crate) fn new() -> Self {
        Self {
            root: PathRef::current_root(),
            tables: RBTree::new(),
            open: RBTree::new(),
            pipes: RBTree::new(),
            dirs: RBTree::new(),
            locks: RBTree::new(),
            pipe_locked: false,
            removed: RBTree::new(),
            synced: false,
            inodes: KVec::new(),
            outputs: KVec::new(),
        }
    }

    /// The inodes whose contents go into the image, each with a file that shows it.
    ///
    /// They are fixed when all tasks have been collected, and have a record when all have been
    /// saved.
    pub(crate) fn inodes(&self) -> &[(ObjRef, FileRef)] {
        &self.inodes
    }

    /// Notes an inode whose contents go into the image; keeps one reference on the file.
    pub(super) fn add_inode(&mut self, obj: ObjRef, file: &FileRef) -> Result {
        Ok(self.inodes.push((obj, file.clone()), GFP_KERNEL_ACCOUNT)?)
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

    /// Writes the files open for writing to the disk. An error comes with the one that it is about.
    pub(super) fn sync(&self) -> Result<(), (Error, &Open)> {
        for open in self.open.values() {
            check_killed()
                .and_then(|()| (open.kind.sync)(&open.file))
                .map_err(|e| (e, &**open))?;
        }
        Ok(())
    }
}
