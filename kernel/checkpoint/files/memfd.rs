// SPDX-License-Identifier: GPL-2.0

//! Memory behind descriptors, as memfd_create(2) makes it.
//!
//! Each open file of one has a reference on its only directory entry: that tells whether tasks
//! outside have it open, as what memfd_create(2) has returned counts as neither reader nor writer.

use kernel::prelude::*;

use crate::{
    files::{
        inode,
        name::Named,
        open::Open,
        ops::{
            FileOps,
            Saved, //
        },
        unlinked, //
    },
    found::Capture,
    image::files::{
        open,
        seal,
        FILE_MEMFD, //
    },
    kapi::{
        fs::memfd,
        task::frozen::FrozenTask, //
    }, //
};

/// Files of memfd_create(2). Only that gives memory of the kernel a name that begins so.
pub(super) const OPS: FileOps = FileOps {
    name: "a memfd",
    number: FILE_MEMFD,
    matches: |f| f.is_memory_named(memfd::PREFIX),
    count: inode::count,
    collect,
    outside: |cap, open| open.file.entry_users() > inode::opens(cap, &open.file).files,
    // What nobody can change any more stays the same for both.
    lossless: |open| {
        open.file
            .seals()
            .is_ok_and(|seals| seals & CONSTANT == CONSTANT)
    },
    advice: "close it there, seal it against writing, or checkpoint what has it as well",
    save,
    restore: unlinked::restore,
    ..FileOps::NONE
};

/// Seals that keep it from being changed.
const CONSTANT: u32 = seal::WRITE | seal::GROW | seal::SHRINK;

/// Notes the inode of `open`. False: refused.
fn collect(cap: &mut Capture, t: &FrozenTask, named: &Named<'_>, open: &mut Open) -> Result<bool> {
    if !inode::check(cap, t, named, open)? {
        return Ok(false);
    }
    let name = open.file.whole_name()?;
    let why = match name.strip_prefix(memfd::PREFIX) {
        _ if open.file.seals().is_err() => {
            Some("a memfd with seals that are not known: this kernel can't save it")
        }
        _ if open.file.owner().is_none() => {
            Some("a memfd whose owner is not known in this user namespace: call from outside")
        }
        Some(name) => {
            let mut copy = KVec::new();
            copy.extend_from_slice(name, GFP_KERNEL_ACCOUNT)?;
            inode::add(cap, open, inode::Home::Memfd(copy))?;
            None
        }
        None => return Err(EINVAL),
    };
    if let Some(why) = why {
        cap.refuse(EOPNOTSUPP, t, fmt!("{}: {}", named, why));
    }
    Ok(why.is_none())
}

/// Writes the inode of an open file, and whether that is what memfd_create(2) has returned.
fn save(cap: &mut Capture, open: &Open) -> Result<Saved> {
    let first = if open.file.is_made_with_inode() {
        open::FIRST
    } else {
        0
    };
    let saved = unlinked::save(cap, open)?;
    Ok(Saved {
        flags: saved.flags | first,
        ..saved
    })
}
