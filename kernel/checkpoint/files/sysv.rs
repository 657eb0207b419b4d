// SPDX-License-Identifier: GPL-2.0

//! Attaches of System V shared memory: a file that mappings have and no descriptor.
//!
//! The mappings that one shmat(2) has made, and those that were forked from it, have the same file:
//! shmdt(2) goes by it.

use kernel::prelude::*;

use crate::{
    core::restore::{
        Restore,
        TaskRecords, //
    },
    files::{
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
    image::{
        files::{
            open,
            FILE_SYSV_SHM, //
        },
        ObjRef, //
    },
    ipc,
    kapi::{
        fs::file::FileRef,
        ipc::shm,
        task::frozen::FrozenTask, //
    }, //
};

/// Attaches of System V shared memory.
pub(super) const OPS: FileOps = FileOps {
    name: "System V shared memory",
    number: FILE_SYSV_SHM,
    matches: |f| shm::attached(f.file).is_some(),
    count,
    collect,
    advice: "end what was forked with it, or checkpoint that as well",
    save,
    restore,
    ..FileOps::NONE
};

/// Notes that the tasks have the file, which has a reference on the namespace of its segment.
fn count(cap: &mut Capture, file: &FileRef) -> Result {
    match shm::attached(file) {
        Some((ns, _)) => cap.found.ipc.add_attach(ns.addr()),
        None => Ok(()),
    }
}

/// Does nothing: its segment was noted with the mapping. False: refused.
fn collect(cap: &mut Capture, t: &FrozenTask, named: &Named<'_>, _: &mut Open) -> Result<bool> {
    if matches!(named.user, User::Descriptor(_)) {
        cap.refuse(
            EOPNOTSUPP,
            t,
            fmt!("{}: a descriptor of it can't be saved", named),
        );
        return Ok(false);
    }
    Ok(true)
}

/// Writes the segment, if it is not saved with its namespace.
fn save(cap: &mut Capture, open: &Open) -> Result<Saved> {
    Ok(Saved {
        inode: ipc::shm::save_attached(cap, &open.file)?.get(),
        ..Saved::of(&open.file)
    })
}

/// Attaches its segment.
fn restore(r: &Restore, plan: &TaskRecords<'_>, source: &Source) -> Result<FileRef> {
    let obj = ObjRef::new(source.record.inode.get()).ok_or(EINVAL)?;
    let write = source.record.flags.get() & open::WRITE != 0;
    let opener = opener::of_file(r, plan, source.record.cred.get())?;
    ipc::shm::attach(r, plan, obj, write, &opener)
}
