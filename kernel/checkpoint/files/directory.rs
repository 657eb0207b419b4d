// SPDX-License-Identifier: GPL-2.0

//! Directories, by path.

use kernel::prelude::*;

use crate::{
    core::restore::{
        Restore,
        TaskRecords, //
    },
    files::{
        name::Named,
        open::Open,
        ops::{
            FileOps,
            Saved,
            Source, //
        },
        path,
        removed, //
    },
    found::Capture,
    image::{
        files::{
            open,
            FILE_DIRECTORY, //
        },
        ObjRef, //
    },
    kapi::{
        fs::file::{
            ftype,
            FileRef, //
        },
        task::frozen::FrozenTask, //
    }, //
};

/// Directories.
pub(super) const OPS: FileOps = FileOps {
    name: "a directory",
    number: FILE_DIRECTORY,
    matches: |f| f.is(ftype::DIRECTORY),
    by_path: true,
    collect,
    lossless: |_| true,
    save,
    restore,
    ..FileOps::NONE
};

/// Notes the path of `open`, or that it was removed. False: refused.
fn collect(cap: &mut Capture, t: &FrozenTask, named: &Named<'_>, open: &mut Open) -> Result<bool> {
    if !open.file.is_unlinked() {
        return path::collect(cap, t, named, open);
    }
    removed::collect_open(cap, t, named, open)
}

fn save(cap: &mut Capture, open: &Open) -> Result<Saved> {
    if open.path.is_empty() {
        return Ok(Saved {
            inode: removed::save(cap, &open.file.path())?.get(),
            ..Saved::of(&open.file)
        });
    }
    Ok(Saved {
        stat: path::identity(cap, open)?,
        ..Saved::of(&open.file)
    })
}

/// Opens a directory as it was.
fn restore(r: &Restore, plan: &TaskRecords<'_>, source: &Source) -> Result<FileRef> {
    let removed = ObjRef::new(source.record.inode.get());
    let file = match removed {
        Some(obj) => FileRef::open_unchecked(&removed::restore(r, plan, obj)?, source.flags)
            .map_err(|e| r.fail(e, plan, fmt!("a removed directory can't be opened")))?,
        None => path::open(r, plan, source, source.flags)?,
    };
    if source.record.flags.get() & open::PATH != 0 {
        return Ok(file);
    }
    // Nobody reads one that was removed.
    if source.record.pos.get() != 0 && removed.is_none() {
        file.begin_reading()
            .map_err(|e| path::no_pos(r, plan, source, e))?;
    }
    path::set_pos(r, plan, source, &file)?;
    path::advise(r, plan, source, &file)?;
    Ok(file)
}
