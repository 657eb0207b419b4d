// SPDX-License-Identifier: GPL-2.0

//! Directories, by path.

use kernel::prelude::*;

use crate::{
    core::restore::{
        Plan,
        Restore, //
    },
    files::{
        open::Open,
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
        FILE_DIRECTORY, //
    },
    kapi::fs::file::{
        ftype,
        FileRef, //
    }, //
};

/// Directories.
pub(super) const OPS: FileOps = FileOps {
    name: "a directory",
    number: FILE_DIRECTORY,
    matches: |f| f.is(ftype::DIRECTORY),
    by_path: true,
    collect: path::collect,
    lossless: |_| true,
    save,
    restore,
    ..FileOps::NONE
};

fn save(cap: &mut Capture, open: &Open) -> Result<Saved> {
    Ok(Saved {
        stat: path::identity(cap, open)?,
        ..Saved::of(&open.file)
    })
}

/// Opens a directory as it was.
fn restore(r: &Restore, plan: &Plan<'_>, source: &Source) -> Result<FileRef> {
    let file = path::open(r, plan, source, source.flags)?;
    if source.record.flags.get() & open::PATH != 0 {
        return Ok(file);
    }
    if source.record.pos.get() != 0 {
        file.begin_reading()
            .map_err(|e| path::no_pos(r, plan, source, e))?;
    }
    path::set_pos(r, plan, source, &file)?;
    path::advise(r, plan, source, &file)?;
    Ok(file)
}
