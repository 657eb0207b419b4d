// SPDX-License-Identifier: GPL-2.0

//! Whatever is at a path, opened by O_PATH, which does nothing with it: symbolic links, devices,
//! named pipes, names of sockets. Regular files and directories are kinds of their own.
//!
//! By way of /proc/self/fd one opens the pipe, or connects to the socket, also if the name was removed.

use kernel::prelude::*;

use crate::{
    core::restore::{
        Restore,
        TaskRecords, //
    },
    files::{
        device,
        name::{
            Named,
            Text, //
        },
        open::Open,
        opener,
        ops::{
            FileOps,
            Saved,
            Source, //
        },
        path,
        pipe,
        removed, //
    },
    found::Capture,
    image::{
        files::FILE_PATH,
        ObjRef, //
    },
    kapi::{
        fs::file::{
            ftype,
            FileRef, //
        },
        net::socket::SockRef,
        task::frozen::FrozenTask, //
    },
    net, //
};

/// What is neither file nor directory, opened for its path only.
pub(super) const OPS: FileOps = FileOps {
    name: "a path",
    number: FILE_PATH,
    matches: |f| f.file.is_path_only() && !f.internal,
    by_path: true,
    collect,
    outside,
    // Whoever is outside would be there no more.
    lossless: |open| {
        !is_removed(open) || !matches!(open.file.file_type(), ftype::FIFO | ftype::SOCKET)
    },
    advice: "close it there, or checkpoint what has it as well",
    save,
    restore,
    ..FileOps::NONE
};

/// Returns whether nothing leads to it any more.
fn is_removed(open: &Open) -> bool {
    open.file.is_unlinked() && open.file.links() == 0
}

/// Notes the path of `open`, or that it was removed. False: refused.
fn collect(cap: &mut Capture, t: &FrozenTask, named: &Named<'_>, open: &mut Open) -> Result<bool> {
    if is_removed(open) {
        removed::collect_open(cap, t, named, open)
    } else {
        path::collect(cap, t, named, open)
    }
}

/// Returns whether a task outside has an end of a pipe, or a socket, that is found by what was removed.
fn outside(cap: &Capture, open: &Open) -> bool {
    if !is_removed(open) {
        return false;
    }
    let path = open.file.path();
    match open.file.file_type() {
        ftype::FIFO => match path.pipe_addr() {
            0 => false,
            pipe => !pipe::is_known(cap, pipe),
        },
        ftype::SOCKET => SockRef::unix_at(&path).is_some_and(|sk| !net::has_unix(cap, &sk)),
        _ => false,
    }
}

fn save(cap: &mut Capture, open: &Open) -> Result<Saved> {
    if open.path.is_empty() {
        return Ok(Saved {
            inode: removed::save(cap, &open.file.path())?.get(),
            ..Saved::of(&open.file)
        });
    }
    Ok(Saved {
        inode: device::encoded(open.file.device()),
        stat: path::identity(cap, open)?,
        ..Saved::of(&open.file)
    })
}

/// Opens what is at the path, if it is of the type that was saved, or what was removed.
fn restore(r: &Restore, plan: &TaskRecords<'_>, source: &Source) -> Result<FileRef> {
    if source.path.as_bytes().is_empty() {
        let obj = ObjRef::new(source.record.inode.get()).ok_or(EINVAL)?;
        let found = removed::restore(r, plan, obj)?;
        // To have a path to it takes no right to it.
        return FileRef::open_unchecked(&found, source.flags)
            .map_err(|e| r.fail(e, plan, fmt!("a path that was removed can't be opened")));
    }
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
