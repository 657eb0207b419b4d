// SPDX-License-Identifier: GPL-2.0

//! Open files of sockets: what a socket is, is in `net/`.

use kernel::prelude::*;

use crate::{
    core::restore::{
        Restore,
        TaskRecords, //
    },
    files::{
        name::Named,
        open::Open,
        opener,
        ops::{
            FileOps,
            Saved,
            Source, //
        }, //
    },
    found::Capture,
    image::{
        files::{
            open,
            FILE_SOCKET, //
        },
        ObjRef, //
    },
    kapi::{
        fs::{
            file::{
                ftype,
                FileRef, //
            },
            open::oflag, //
        },
        task::frozen::FrozenTask, //
    },
    net, //
};

/// Sockets of the families that are saved.
pub(super) const OPS: FileOps = FileOps {
    name: "a socket",
    number: FILE_SOCKET,
    matches: |f| f.is(ftype::SOCKET) && net::is_saved(f.file),
    collect,
    advice: "leave it outside (--external), close it there, or checkpoint what has it as well",
    async_fd: |file| file.socket_async_fd(),
    save,
    restore,
    ..FileOps::NONE
};

/// Bits of a mode that chmod(2) sets.
const PERMISSIONS: u32 = 0o7777;

/// Looks at the socket, and notes it to be followed. False: refused.
fn collect(cap: &mut Capture, t: &FrozenTask, named: &Named<'_>, open: &mut Open) -> Result<bool> {
    // Each socket has one of the kernel itself; others are those of users.
    let names = open.file.xattrs()?;
    let why = if open.file.owner().is_none() {
        Some("its owner is not known in this user namespace: call from outside")
    } else if names.split(|&c| c == 0).any(|n| n.starts_with(b"user.")) {
        Some("has extended attributes: have them removed")
    } else {
        None
    };
    if let Some(why) = why {
        cap.refuse(EOPNOTSUPP, t, fmt!("{}: {}", named, why));
        return Ok(false);
    }
    net::collect(cap, t, named, &open.file)
}

/// Writes the socket. Advice about its pages (posix_fadvise) means nothing, as it has none.
fn save(cap: &mut Capture, open: &Open) -> Result<Saved> {
    let saved = Saved::of(&open.file);
    Ok(Saved {
        inode: net::save(cap, &open.file)?.get(),
        flags: saved.flags & !(open::RANDOM | open::SEQUENTIAL | open::NOREUSE),
        pos: 0,
        ..saved
    })
}

/// Makes a new socket with its options. What it is connected to comes when all are there.
fn restore(r: &Restore, plan: &TaskRecords<'_>, source: &Source) -> Result<FileRef> {
    let obj = ObjRef::new(source.record.inode.get()).ok_or(EINVAL)?;
    let opener = opener::of_file(r, plan, source.record.cred.get())?;
    let file = net::restore(r, plan, obj, &opener)?;
    let finish = || {
        let mode = source.record.mode.get() & PERMISSIONS;
        if file.mode() & PERMISSIONS != mode {
            file.chmod(mode as u16)?;
        }
        opener.act(|| file.set_flags(oflag::SETFL, source.flags))
    };
    finish().map_err(|e| r.fail(e, plan, fmt!("a socket: its mode or flags can't be set")))?;
    Ok(file)
}
