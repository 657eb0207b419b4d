// SPDX-License-Identifier: GPL-2.0

//! Regular files that were removed while they were open.
//!
//! Their content is in the image, and so they have to have been opened by nobody outside.

use kernel::prelude::*;

use crate::{
    core::{
        report::Errno,
        restore::{
            Plan,
            Restore, //
        }, //
    },
    files::{
        collected::Opens,
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
        fs::{
            file::{
                ftype,
                FileRef, //
            },
            path::PathRef, //
        },
        task::frozen::FrozenTask, //
    }, //
};

/// Regular files without a name.
pub(super) const OPS: FileOps = FileOps {
    name: "a removed file",
    number: FILE_UNLINKED,
    matches: |f| f.is(ftype::REGULAR) && f.file.links() == 0,
    count,
    collect,
    outside,
    // Nobody writes to it, so that two of it stay the same.
    lossless: |open| open.file.opens().is_some_and(|(_, writers)| writers == 0),
    advice: "close it there, or checkpoint what has it as well",
    save,
    restore,
    ..FileOps::NONE
};

/// Notes that `file` was opened: who else has the inode open is only known by counting.
fn count(cap: &mut Capture, file: &FileRef) -> Result {
    if file.is_path_only() {
        return Ok(());
    }
    let inode = file.inode_addr();
    let one = Opens {
        readers: u64::from(!file.is_writable()),
        writers: u64::from(file.is_writable()),
    };
    if let Some(opens) = cap.found.files.removed.get_mut(&inode) {
        opens.readers += one.readers;
        opens.writers += one.writers;
        return Ok(());
    }
    cap.found
        .files
        .removed
        .try_create_and_insert(inode, one, GFP_KERNEL_ACCOUNT)?;
    Ok(())
}

/// Returns whether the inode is open more often than the tasks have opened it.
fn outside(cap: &Capture, open: &Open) -> bool {
    let known = cap.found.files.removed.get(&open.file.inode_addr());
    let known = known.copied().unwrap_or_default();
    let more = |(readers, writers)| readers > known.readers || writers > known.writers;
    open.file.opens().is_some_and(more)
}

/// Directory in which `file` was made, or the next one above that still is there.
fn directory(file: &FileRef) -> PathRef {
    let mut dir = file.path().parent();
    while dir.is_unlinked() {
        let parent = dir.parent();
        if parent == dir {
            break;
        }
        dir = parent;
    }
    dir
}

/// Notes the directory and the inode of `open`. False: refused.
fn collect(cap: &mut Capture, t: &FrozenTask, named: &Named<'_>, open: &mut Open) -> Result<bool> {
    if !inode::check(cap, t, named, open)? {
        return Ok(false);
    }
    let dir = directory(&open.file);
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
        Some(_) if open.file.has_xattrs()? => {
            Some("was removed, and has extended attributes: have them removed")
        }
        Some(name) => {
            path = name;
            None
        }
    };
    if let Some(why) = why {
        cap.refuse(EOPNOTSUPP, t, fmt!("{}: {}", named, why));
        return Ok(false);
    }
    inode::add(cap, open, path)?;
    Ok(true)
}

/// Writes the inode of an open file.
fn save(cap: &mut Capture, open: &Open) -> Result<Saved> {
    let saved = Saved::of(&open.file);
    Ok(Saved {
        inode: inode::save(cap, open)?.get(),
        size: u64::try_from(open.file.size()).unwrap_or(0),
        // An interpreter or loader that was replaced since. What is in it is in the image: nobody
        // has to ask for the right to execute it.
        flags: saved.flags & !open::EXEC,
        ..saved
    })
}

/// Opens a file without a name as it was.
fn restore(r: &Restore, plan: &Plan<'_>, source: &Source) -> Result<FileRef> {
    let opener = opener::of_file(r, plan, source.record.cred.get())?;
    let inode = inode::restore(r, plan, source, &opener)?;
    let file = opener.act(|| inode.reopen(source.flags)).map_err(|e| {
        r.fail(
            e,
            plan,
            fmt!("a file without a name can't be opened: {}", Errno(e)),
        )
    })?;
    path::set_pos(r, plan, source, &file)?;
    path::advise(r, plan, source, &file)?;
    Ok(file)
}
