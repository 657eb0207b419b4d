// SPDX-License-Identifier: GPL-2.0

//! Eventfds: the counter, and how it is read. Who waits for it does so in a system call.

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
    image::files::{
        open,
        FILE_EVENTFD, //
    },
    kapi::{
        fs::{
            eventfd::Eventfd,
            file::FileRef, //
        },
        task::frozen::FrozenTask, //
    }, //
};

/// Eventfds.
pub(super) const OPS: FileOps = FileOps {
    name: "an eventfd",
    number: FILE_EVENTFD,
    matches: |f| Eventfd::of(f.file).is_some(),
    collect,
    advice: "close it there, or checkpoint what has it as well",
    save,
    restore,
    ..FileOps::NONE
};

/// Looks who signals it. False: refused.
fn collect(cap: &mut Capture, t: &FrozenTask, named: &Named<'_>, open: &mut Open) -> Result<bool> {
    if Eventfd::of(&open.file).is_some_and(|e| e.signalled) {
        cap.refuse(
            EOPNOTSUPP,
            t,
            fmt!(
                "{}: the kernel signals it for somebody: end what it was registered with \
                 (io_uring, AIO, KVM)",
                named
            ),
        );
        return Ok(false);
    }
    Ok(true)
}

/// Has no records of its own: the counter is in that of the file.
fn save(_: &mut Capture, open: &Open) -> Result<Saved> {
    let eventfd = Eventfd::of(&open.file).ok_or(EIO)?;
    let saved = Saved::of(&open.file);
    let semaphore = if eventfd.semaphore {
        open::SEMAPHORE
    } else {
        0
    };
    Ok(Saved {
        flags: saved.flags | semaphore,
        size: eventfd.count,
        ..saved
    })
}

/// Makes one with that counter.
fn restore(r: &Restore, plan: &TaskRecords<'_>, source: &Source) -> Result<FileRef> {
    let record = &source.record;
    let semaphore = record.flags.get() & open::SEMAPHORE != 0;
    opener::make_object(r, plan, source, opener::NOATIME, || {
        Eventfd::make(record.size.get(), semaphore)
    })
}
