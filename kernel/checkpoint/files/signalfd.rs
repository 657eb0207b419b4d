// SPDX-License-Identifier: GPL-2.0

//! Signalfds: which signals they take. What is pending is state of the tasks, and whoever reads
//! gets what is pending for him.

use kernel::prelude::*;

use crate::{
    core::restore::{
        Restore,
        TaskRecords, //
    },
    files::{
        open::Open,
        opener,
        ops::{
            FileOps,
            Saved,
            Source, //
        }, //
    },
    found::Capture,
    image::files::FILE_SIGNALFD,
    kapi::fs::{
        file::FileRef,
        signalfd, //
    }, //
};

/// Signalfds.
pub(super) const OPS: FileOps = FileOps {
    name: "a signalfd",
    number: FILE_SIGNALFD,
    matches: |f| signalfd::mask(f.file).is_some(),
    advice: "close it there, or checkpoint what has it as well",
    save,
    restore,
    ..FileOps::NONE
};

/// Writes no records of its own: the mask is in that of the file.
fn save(_: &mut Capture, open: &Open) -> Result<Saved> {
    Ok(Saved {
        size: signalfd::mask(&open.file).ok_or(EIO)?,
        ..Saved::of(&open.file)
    })
}

/// Makes one that takes the same signals.
fn restore(r: &Restore, plan: &TaskRecords<'_>, source: &Source) -> Result<FileRef> {
    opener::make_object(r, plan, source, opener::NOATIME, || {
        signalfd::make(source.record.size.get())
    })
}
