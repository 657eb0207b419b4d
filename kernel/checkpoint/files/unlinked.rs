// SPDX-License-Identifier: GPL-2.0

//! Regular files that were removed while they were open.
//!
//! Their content is in the image, and so they have to have been opened by nobody outside.

use kernel::prelude::*;

use crate::{
    core::{
        restore::{
            Restore,
            TaskRecords, //
        }, //
    },
    files::{
        built_inode,
        former,
        inode,
        name::Named,
        open::Open,
        opener,
        ops::{
            FileOps,
            Saved,
            Source, //
        },
        path, //
    },
    found::Capture,
    image::files::{
        open,
        FILE_UNLINKED, //
    },
    kapi::{
        fs::file::{
            ftype,
            FileRef, //
        },
        task::frozen::FrozenTask, //
    }, //
};

/// Regular files without a name.
pub(super) const OPS: FileOps = FileOps {
    name: "a removed file",
    number: FILE_UNLINKED,
    matches: |f| f.is(ftype::REGULAR) && f.file.links() == 0,
    count: inode::count,
    collect,
    outside,
    // Nobody writes to it, so that two of it stay the same.
    lossless: |open| open.file.opens().is_some_and(|(_, writers)| writers == 0),
    advice: "close it there, or checkpoint what has it as well",
    save,
    restore,
    ..FileOps::NONE
};

/// Returns whether the inode is open more often than the tasks have opened it.
fn outside(cap: &Capture, open: &Open) -> bool {
    let known = inode::opens(cap, &open.file);
    let more = |(readers, writers)| readers > known.readers || writers > known.writers;
    open.file.opens().is_some_and(more)
}

/// Notes the directory and the inode of `open`. False: refused.
fn collect(cap: &mut Capture, t: &FrozenTask, named: &Named<'_>, open: &mut Open) -> Result<bool> {
    if !inode::check(cap, t, named, open)? {
        return Ok(false);
    }
    let dir = former::above(&open.file.path());
    let mut path = KVec::new();
    let why = match dir.name_from(&cap.found.files.root)? {
        None => Some("was removed, and its directory can't be reached: have it closed"),
        Some(_) if dir.is_hidden(&cap.found.files.root) => {
            Some("was removed, and another mount hides its directory: unmount that first")
        }
        Some(_) if !dir.can_tmpfile() => {
            Some("was removed, and its filesystem has no files without a name: have it closed")
        }
        Some(_) if open.file.owner().is_none() => Some(
            "was removed, and its owner is not known in this user namespace: call from outside",
        ),
        Some(name) => {
            path = name;
            None
        }
    };
    if let Some(why) = why {
        cap.refuse(EOPNOTSUPP, t, fmt!("{}: {}", named, why));
        return Ok(false);
    }
    open.former = former::of(cap, &open.file)?;
    inode::add(cap, open, inode::Home::Directory(path))?;
    Ok(true)
}

/// Writes the inode of an open file.
pub(super) fn save(cap: &mut Capture, open: &Open) -> Result<Saved> {
    let saved = Saved::of(&open.file);
    Ok(Saved {
        inode: inode::save(cap, open)?.get(),
        size: u64::try_from(open.file.size()).unwrap_or(0),
        // An interpreter or loader that was replaced since, or a memfd. What is in it is in the
        // image: nobody has to ask for the right to execute it.
        flags: saved.flags & !open::EXEC,
        ..saved
    })
}

/// Opens a file without a name as it was.
pub(super) fn restore(r: &Restore, plan: &TaskRecords<'_>, source: &Source) -> Result<FileRef> {
    let opener = opener::of_file(r, plan, source.record.cred.get())?;
    let file = built_inode::reopen(r, plan, source, &opener)?;
    if source.record.flags.get() & open::PATH != 0 {
        return Ok(file);
    }
    path::set_pos(r, plan, source, &file)?;
    path::advise(r, plan, source, &file)?;
    Ok(file)
}
