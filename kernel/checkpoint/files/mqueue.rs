// SPDX-License-Identifier: GPL-2.0

//! Open POSIX message queues: access, flags and position. The queue is an object of its own.
//!
//! One that was opened by a path of a mount shows that path, and keeps that mount busy: what the
//! tasks have mounted is not known, so it is refused.

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
        },
        path, //
    },
    found::Capture,
    image::{
        files::FILE_MQUEUE,
        ObjRef, //
    },
    ipc,
    kapi::{
        fs::file::FileRef,
        ipc::mqueue::Queue,
        task::frozen::FrozenTask, //
    }, //
};

/// Open POSIX message queues.
pub(super) const OPS: FileOps = FileOps {
    name: "a POSIX message queue",
    number: FILE_MQUEUE,
    matches: |f| Queue::of(f.file).is_some(),
    count: ipc::mqueue::count_file,
    collect,
    advice: "close it there, or checkpoint what has it as well",
    save,
    restore,
    ..FileOps::NONE
};

/// Notes its queue. False: refused.
fn collect(cap: &mut Capture, t: &FrozenTask, named: &Named<'_>, open: &mut Open) -> Result<bool> {
    if !open.file.is_internal() {
        cap.refuse(
            EOPNOTSUPP,
            t,
            fmt!(
                "{}: a message queue that was opened by the path of a mount can't be saved: have it \
                 opened by its name (mq_open)",
                named
            ),
        );
        return Ok(false);
    }
    ipc::mqueue::collect_file(cap, t, &open.file)
}

/// Writes its queue, if that is not saved with its namespace.
fn save(cap: &mut Capture, open: &Open) -> Result<Saved> {
    Ok(Saved {
        inode: ipc::mqueue::save_file(cap, &open.file)?.get(),
        ..Saved::of(&open.file)
    })
}

/// Opens its queue.
fn restore(r: &Restore, plan: &TaskRecords<'_>, source: &Source) -> Result<FileRef> {
    let obj = ObjRef::new(source.record.inode.get()).ok_or(EINVAL)?;
    let opener = opener::of_file(r, plan, source.record.cred.get())?;
    let file = ipc::mqueue::open(r, plan, obj, &opener, source.flags)?;
    path::set_pos(r, plan, source, &file)?;
    Ok(file)
}
