// SPDX-License-Identifier: GPL-2.0

//! Memory that address spaces share copy-on-write since fork().
//!
//! Pages that several have are written once ([`super::pages`]). To be shared again after a restart,
//! their mappings must be linked when they are made: so the image says of each mapping with whose
//! it is to be.

use kernel::{
    prelude::*,
    rbtree::RBTree, //
};

use crate::{
    core::restore::{
        Restore,
        TaskRecords, //
    },
    image::ObjRef,
    kapi::mm::{
        share,
        space::MmRef,
        vma::VmaInfo, //
    },
    mm::BuiltMm,
};

/// Mappings that have private pages, by what fork() copied them from and their end: for each
/// address the first.
pub(super) struct Families(RBTree<(usize, usize), Member>);

/// A mapping.
struct Member {
    start: usize,
    obj: ObjRef,
}

impl Families {
    /// Makes an empty one.
    pub(super) fn new() -> Self {
        Self(RBTree::new())
    }

    /// Returns the address space before `obj` in which the mapping `v` of `obj` may have the same
    /// pages at the same addresses. If there is none, others may have those of `v`.
    pub(super) fn of(&mut self, obj: ObjRef, v: &VmaInfo) -> Result<Option<ObjRef>> {
        if v.family == 0 {
            return Ok(None);
        }
        let after_start = (v.family, v.start.saturating_add(1));
        let first = self.0.cursor_lower_bound(&after_start);
        let overlaps = first.and_then(|cursor| {
            let (&(family, _), member) = cursor.current();
            (family == v.family && member.start < v.end).then_some(member.obj)
        });
        if overlaps.is_none() {
            let member = Member {
                start: v.start,
                obj,
            };
            self.0
                .try_create_and_insert((v.family, v.end), member, GFP_KERNEL_ACCOUNT)?;
        }
        Ok(overlaps.filter(|&other| other != obj))
    }
}

/// Links the mapping of `mm` from `start` to `end`, which was just made, with those of the address
/// space `with`: so it can get pages of it.
pub(super) fn link(
    r: &Restore,
    plan: &TaskRecords<'_>,
    mm: &MmRef,
    (start, end): (usize, usize),
    with: ObjRef,
) -> Result {
    // One that no task has is not made: then there is nothing to share.
    let Some(with) = r.with_built(with, |with: &BuiltMm| with.mm.clone()) else {
        return Ok(());
    };
    share::link(mm, start, end, &with).map_err(|e| {
        let what = "can't be linked to that with which it shares pages since fork()";
        r.fail(e, plan, fmt!("mapping {:x}-{:x}: {}", start, end, what))
    })
}
