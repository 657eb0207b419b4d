// SPDX-License-Identifier: GPL-2.0

//! Memory: address spaces, mappings, pages.
//!
//! An address space is saved by its first task ([`layout`]), with its mappings ([`vma`]). What
//! their private pages hold comes after the metadata ([`pages`]).

use kernel::{
    prelude::*,
    rbtree::RBTree, //
};

use crate::{
    core::restore::{
        Plan,
        Restore, //
    },
    found::{
        Capture,
        KindOps, //
    },
    image::ObjRef,
    kapi::{
        mm::{
            space::MmRef,
            walk::Guards, //
        },
        task::frozen::TaskName, //
    }, //
};

pub(crate) mod layout;
pub(crate) mod pages;
pub(crate) mod vma;

/// The kinds of memory, in the order in which a task's are saved and restored.
pub(crate) static KINDS: &[KindOps] = &[layout::OPS];

/// Gives the current task, which shares it with none that was made before, the empty address space
/// that its contents come into later.
pub(crate) fn begin(r: &Restore, plan: &Plan<'_>) -> Result {
    layout::begin(r, plan)
}

/// After all tasks of a subtree were collected: lists address spaces that tasks outside have too.
pub(crate) fn leaks_of_subtree(cap: &mut Capture) -> Result {
    layout::leaks(cap)
}

/// Memory found by a checkpoint.
pub(crate) struct Collected {
    spaces: RBTree<usize, Space>,
}

/// An address space found by a checkpoint.
pub(crate) struct Space {
    /// Its reference in the image.
    pub(crate) obj: ObjRef,
    /// The address space.
    pub(crate) mm: MmRef,
    /// Its first task, for messages.
    pub(crate) task: TaskName,
    /// Its guard regions.
    pub(crate) guards: Guards,
    /// Where its private pages are, by ascending address; known once it was saved.
    pub(crate) ranges: KVVec<Range>,
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
    /// Nothing yet.
    pub(crate) fn new() -> Self {
        Self {
            spaces: RBTree::new(),
        }
    }

    /// Gives up the address spaces, by ascending address of their descriptors.
    pub(crate) fn take_spaces(&mut self) -> RBTree<usize, Space> {
        core::mem::replace(&mut self.spaces, RBTree::new())
    }
}

/// A rebuilt address space.
pub(crate) struct BuiltMm(pub(crate) MmRef);
