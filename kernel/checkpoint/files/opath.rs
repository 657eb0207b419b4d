// SPDX-License-Identifier: GPL-2.0

//! Whatever is at a path, opened by O_PATH, which does nothing with it: symbolic links, devices,
//! named pipes, names of sockets. Regular files and directories are kinds of their own.

use kernel::prelude::*;

use crate::{
    core::restore::{
        Restore,
        TaskRecords, //
    },
    files::{
        device,
        name::Text,
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
    image::files::FILE_PATH,
    kapi::fs::file::FileRef, //
};

/// What is neither file nor directory, opened for its path only.
pub(super) const OPS: FileOps = FileOps {
    name: "a path",
    number: FILE_PATH,
    matches: |f| f.file.is_path_only() && !f.internal,
    by_path: true,
    collect: path::collect,
    lossless: |_| true,
    save,
    restore,
    ..FileOps::NONE
};

fn save(cap: &mut Capture, open: &Open) -> Result<Saved> {
    Ok(Saved {
        inode: device::encoded(open.file.device()),
        stat: path::identity(cap, open)?,
        ..Saved::of(&open.file)
    })
}

/// Opens what is at the path, if it is of the type that was saved.
fn restore(r: &Restore, plan: &TaskRecords<'_>, source: &Source) -> Result<FileRef> {
    let opener = opener::of_file(r, plan, source.record.cred.get())?;
    let found = path::find(r, plan, source, &opener)?;
    if device::encoded(found.device()) != source.record.inode.get() {
        return Err(r.fail(
            ESTALE,
            plan,
            fmt!(
                "{}: is another device than when it was saved: bring the old one back",
                Text(source.path.as_bytes())
            ),
        ));
    }
    path::open_found(r, plan, source, &opener, &found, source.flags)
}
