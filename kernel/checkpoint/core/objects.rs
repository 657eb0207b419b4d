// SPDX-License-Identifier: GPL-2.0

//! The object table of a checkpoint: which kernel objects the tasks share, and who uses them.
//!
//! An object is known by its class and its address. Collecting it gives it a reference number
//! and counts one user; what is saved twice is found here and written once. For a whole
//! container the counted users must equal the kernel's own count, or somebody outside has the
//! object too: a leak.
//!
//! The table holds no references: the collectors keep what they found alive.

use kernel::{
    prelude::*,
    rbtree::RBTree, //
};

use crate::{
    image::{
        header::OBJECTS_MAX,
        ObjRef, //
    },
    kapi::mm::held::Held, //
};

/// Bytes that the table and the collectors take for an object, roughly.
const OBJECT_BYTES: usize = 512;

/// Class of a shared object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    /// `struct mm_struct`
    Mm,
    /// `struct files_struct`
    Files,
    /// `struct file`
    File,
    /// `struct inode` whose contents go into the image
    Inode,
    /// `struct pipe_inode_info`
    Pipe,
    /// `struct fs_struct`
    Fs,
    /// A directory: `struct dentry`
    Path,
    /// `struct sighand_struct`
    Sighand,
    /// `struct cred`
    Cred,
    /// `struct uts_namespace`
    Uts,
    /// `struct pid_namespace`
    PidNs,
}

/// What the table knows of an object.
#[derive(Clone, Copy)]
pub(crate) struct Entry {
    /// Its reference in the image.
    pub(crate) obj: ObjRef,
    /// How often it was collected.
    pub(crate) users: u64,
    /// Its record has been written.
    pub(crate) saved: bool,
}

/// The table.
pub(crate) struct Objects {
    entries: RBTree<(Class, usize), Entry>,
    last: u32,
    held: Held,
}

impl Objects {
    /// An empty table.
    pub(crate) fn new() -> Self {
        Self {
            entries: RBTree::new(),
            last: 0,
            held: Held::new(),
        }
    }

    /// Highest reference number given out.
    pub(crate) fn last(&self) -> u32 {
        self.last
    }

    /// Counts one user of the object of `class` at `addr`.
    ///
    /// Returns its reference, and whether this is its first user. May sleep.
    ///
    /// E2BIG: there are more objects than an image may have.
    pub(crate) fn collect(&mut self, class: Class, addr: usize) -> Result<(ObjRef, bool)> {
        if let Some(entry) = self.entries.get_mut(&(class, addr)) {
            entry.users += 1;
            return Ok((entry.obj, false));
        }
        if self.last >= OBJECTS_MAX {
            return Err(E2BIG);
        }
        let number = self.last + 1;
        let obj = ObjRef::new(number).ok_or(E2BIG)?;
        self.entries.try_create_and_insert(
            (class, addr),
            Entry {
                obj,
                users: 1,
                saved: false,
            },
            GFP_KERNEL_ACCOUNT,
        )?;
        self.last = number;
        self.held.set(number as usize * OBJECT_BYTES);
        Ok((obj, true))
    }

    /// What is known of the object of `class` at `addr`.
    pub(crate) fn get(&self, class: Class, addr: usize) -> Option<Entry> {
        self.entries.get(&(class, addr)).copied()
    }

    /// Reference of a collected object. ENOENT: it was not collected, so it appeared after.
    pub(crate) fn reference(&self, class: Class, addr: usize) -> Result<ObjRef> {
        self.get(class, addr).map(|e| e.obj).ok_or(ENOENT)
    }

    /// Notes that the record of a collected object is being written.
    ///
    /// Returns its reference, and whether this is the first time: only then is it to be written.
    pub(crate) fn save(&mut self, class: Class, addr: usize) -> Result<(ObjRef, bool)> {
        let entry = self.entries.get_mut(&(class, addr)).ok_or(ENOENT)?;
        let first = !entry.saved;
        entry.saved = true;
        Ok((entry.obj, first))
    }
}
