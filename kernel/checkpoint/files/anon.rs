// SPDX-License-Identifier: GPL-2.0

//! The memory behind shared anonymous mappings, and behind all anonymous mappings of huge pages: a
//! file that mappings have and no descriptor.

use kernel::prelude::*;

use crate::{
    core::restore::{
        Restore,
        TaskRecords, //
    },
    files::{
        built_inode,
        inode,
        name::{
            Named,
            User, //
        },
        open::Open,
        opener,
        ops::{
            FileOps,
            Saved,
            Source, //
        }, //
    },
    found::Capture,
    image::files::FILE_SHARED_ANON,
    kapi::{
        fs::file::FileRef,
        mm::hugetlb,
        task::frozen::FrozenTask, //
    }, //
};

/// Anonymous memory that is shared.
pub(super) const OPS: FileOps = FileOps {
    name: "anonymous shared memory",
    number: FILE_SHARED_ANON,
    matches: |f| f.is_memory() && matches!(f.name(), b"dev/zero" | b"anon_hugepage"),
    collect,
    // Private mappings of huge pages have a file, too, of which they use nothing.
    lossless: |open| open.file.is_hugetlb() && hugetlb::is_unused(&open.file),
    advice: "end what was forked with it, or checkpoint that as well",
    save,
    restore,
    ..FileOps::NONE
};

/// Notes the inode of `open`. False: refused.
fn collect(cap: &mut Capture, t: &FrozenTask, named: &Named<'_>, open: &mut Open) -> Result<bool> {
    if matches!(named.user, User::Descriptor(_)) {
        cap.refuse(
            EOPNOTSUPP,
            t,
            fmt!("{}: a descriptor of anonymous memory can't be saved", named),
        );
        return Ok(false);
    }
    if !inode::check(cap, t, named, open)? {
        return Ok(false);
    }
    inode::add(cap, open, inode::Home::Anonymous)?;
    Ok(true)
}

/// Writes the inode of an open file.
fn save(cap: &mut Capture, open: &Open) -> Result<Saved> {
    Ok(Saved {
        inode: inode::save(cap, open)?.get(),
        size: u64::try_from(open.file.size()).unwrap_or(0),
        ..Saved::of(&open.file)
    })
}

/// Returns the file itself: mappings have no other.
fn restore(r: &Restore, plan: &TaskRecords<'_>, source: &Source) -> Result<FileRef> {
    let opener = opener::of_file(r, plan, source.record.cred.get())?;
    built_inode::restore(r, plan, source, &opener)
}
