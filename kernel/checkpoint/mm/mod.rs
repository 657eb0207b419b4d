// SPDX-License-Identifier: GPL-2.0

//! Memory: address spaces, mappings, pages.
//!
//! An address space is saved by its first task ([`layout`]), with its mappings ([`vma`]). What
//! their private pages hold comes after the metadata ([`pages`]).

use kernel::{
    prelude::*,
    rbtree::RBTree,
    sync::SetOnce, //
};

use crate::{
    core::{
        built::Rebuilt,
        restore::{
            Restore,
            TaskRecords, //
        }, //
    },
    found::{
        LinkOps,
        ThreadOps, //
    },
    image::{
        mm::FUTEX_SLOTS_MAX,
        ObjRef, //
    },
    kapi::{
        fs::file::FileRef,
        mm::{
            policy::Copied,
            space::MmRef,
            walk::Guards, //
        },
        task::frozen::TaskName, //
    }, //
};

pub(crate) mod aio;
mod batch;
mod fork;
mod futex;
mod guard;
pub(crate) mod huge;
pub(crate) mod layout;
mod left_out;
pub(crate) mod pages;
pub(crate) mod policy;
mod ring;
mod userfault;
pub(crate) mod vdso;
pub(crate) mod vma;
mod wipe;

pub(crate) use self::left_out::apply as leave_out;

/// The kinds of memory, in the order in which a task's are saved and restored.
pub(crate) static THREADS: &[ThreadOps] = &[layout::OPS];

/// Gives `file`, which was made for the inode `obj` with its size, what belongs to its memory and
/// not to its contents: memory policies, and then huge pages.
pub(crate) fn prepare_file(
    r: &Restore,
    plan: &TaskRecords<'_>,
    obj: ObjRef,
    file: &FileRef,
) -> Result {
    policy::restore_file(r, plan, obj, file)?;
    huge::restore_file(r, plan, obj, file)
}
/// What is set of memory when nothing but its tasks touches it any more.
pub(crate) static LINKS: &[LinkOps] = &[userfault::LINKS];

/// What a checkpoint has found of memory.
pub(crate) struct Collected {
    /// Where the private pages of each saved address space are, by ascending address.
    pub(crate) ranges: RBTree<u32, KVVec<Range>>,
    /// Memory that is left out, by address space and ascending address.
    gaps: KVVec<left_out::Gap>,
    /// The first mappings that have private pages which others may have too.
    families: fork::Families,
    /// Slots of hashes for futexes that address spaces may still have.
    futex_slots: u32,
    /// Inodes whose missing pages userfaultfds tell of, by address: what is zero in one is there.
    watched: RBTree<usize, ()>,
    /// Those of them to whose missing pages somebody gives contents.
    missing: RBTree<usize, ()>,
    /// Inodes of which a mapping that is not watched is locked: all of that is brought in.
    locked: RBTree<usize, ()>,
    /// How many mappings of rings of packet sockets there are.
    ring_mappings: u32,
}

/// An address space found by a checkpoint.
pub(crate) struct Space {
    /// The address space.
    pub(crate) mm: MmRef,
    /// Its first task, for messages.
    pub(crate) task: TaskName,
    /// Its guard regions.
    guards: Guards,
}

/// A part of an address space that may have private pages.
pub(crate) struct Range {
    /// First address.
    pub(crate) start: usize,
    /// Address after the last.
    pub(crate) end: usize,
    /// A page that is not there reads as zeros.
    pub(crate) anonymous: bool,
    /// fork() copies it.
    pub(crate) forks: bool,
    /// Its pages have memory tags.
    pub(crate) tagged: bool,
}

impl Collected {
    /// Makes an empty one.
    pub(crate) fn new() -> Self {
        Self {
            ranges: RBTree::new(),
            gaps: KVVec::new(),
            families: fork::Families::new(),
            futex_slots: FUTEX_SLOTS_MAX,
            watched: RBTree::new(),
            missing: RBTree::new(),
            locked: RBTree::new(),
            ring_mappings: 0,
        }
    }

    /// Returns whether pages of zeros of `file` are not the same as pages that are not there: a
    /// userfaultfd tells of these.
    pub(crate) fn keeps_zeros(&self, file: &FileRef) -> bool {
        self.watched.get(&file.inode_addr()).is_some()
    }
}

/// A rebuilt address space.
pub(crate) struct BuiltMm {
    /// The address space.
    pub(crate) mm: MmRef,
    /// The memory policy of its first task, if it has one, when its mappings are there: what has
    /// none itself is filled by that.
    pub(crate) policy: SetOnce<Copied>,
}

impl Rebuilt for BuiltMm {
    fn link(&self, r: &Restore, obj: ObjRef) -> Result {
        wipe::link(r, obj, &self.mm)
    }
}
