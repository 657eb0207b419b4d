// SPDX-License-Identifier: GPL-2.0

//! Regular files, by path.

use kernel::prelude::*;

use crate::{
    core::restore::{
        Restore,
        TaskRecords, //
    },
    files::{
        open::Open,
        ops::{
            Compare,
            FileOps,
            Saved,
            Source, //
        },
        path, //
    },
    found::Capture,
    image::files::{
        open,
        FILE_REGULAR,
        NSEC_UNKNOWN,
        SIZE_UNKNOWN, //
    },
    kapi::fs::file::{
        ftype,
        FileRef, //
    }, //
};

/// Regular files that have a name.
pub(super) const OPS: FileOps = FileOps {
    name: "a regular file",
    number: FILE_REGULAR,
    matches: |f| f.is(ftype::REGULAR),
    by_path: true,
    collect: path::collect,
    lossless: |_| true,
    on_disk: true,
    save,
    compare: Compare::Contents,
    restore,
    ..FileOps::NONE
};

/// Returns what tells whether it is the same.
pub(super) fn save(cap: &mut Capture, open: &Open) -> Result<Saved> {
    let file = &open.file;
    let stat = path::identity(cap, open)?;
    let unwritten = file.is_writable() && !cap.found.files.synced && file.path().is_of_server();
    let (size, mtime) = if cap.found.files.is_output(file) {
        // It grows: what it will hold is not known.
        (SIZE_UNKNOWN, (0, NSEC_UNKNOWN))
    } else if unwritten {
        (stat.size, (0, NSEC_UNKNOWN))
    } else {
        (stat.size, stat.mtime)
    };
    Ok(Saved {
        size,
        mtime,
        stat,
        ..Saved::of(file)
    })
}

/// Opens a regular file as it was.
fn restore(r: &Restore, plan: &TaskRecords<'_>, source: &Source) -> Result<FileRef> {
    let file = path::open(r, plan, source, source.flags)?;
    if source.record.flags.get() & open::PATH != 0 {
        return Ok(file);
    }
    path::set_pos(r, plan, source, &file)?;
    path::advise(r, plan, source, &file)?;
    Ok(file)
}
