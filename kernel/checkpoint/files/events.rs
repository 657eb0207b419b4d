// SPDX-License-Identifier: GPL-2.0

//! Files that tell programs of checkpoint and restart (`prctl(PR_CHECKPOINT_EVENTS)`).
//!
//! What was not read yet is not saved: the restart is what there is to tell then, and how much was
//! missed.

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
    image::files::FILE_EVENTS,
    kapi::{
        fs::{
            events::{
                Events,
                Listener,
                Restored, //
            },
            file::FileRef, //
        },
        task::frozen::FrozenTask, //
    }, //
};

/// Files of events.
pub(super) const OPS: FileOps = FileOps {
    name: "checkpoint events",
    number: FILE_EVENTS,
    matches: |f| Events::of(f.file).is_some(),
    collect,
    advice: "close it there, or checkpoint what has it as well",
    save,
    restore,
    ..FileOps::NONE
};

/// Notes whom to tell that there is an image. It is no reference on the file: the tasks may close
/// that before.
fn collect(cap: &mut Capture, _: &FrozenTask, _: &Named<'_>, open: &mut Open) -> Result<bool> {
    let listener = Listener::of(&open.file).ok_or(EIO)?;
    cap.found
        .files
        .listeners
        .push(listener, GFP_KERNEL_ACCOUNT)?;
    Ok(true)
}

/// Tells those of the tasks that listen, and that run on, that checkpoint `id` of that time is
/// complete.
pub(crate) fn tell_saved(cap: &Capture, id: u64, created_ns: u64) {
    for listener in &cap.found.files.listeners {
        listener.saved(id, created_ns);
    }
}

/// Writes no records of its own: what there is to know is in that of the file.
fn save(_: &mut Capture, open: &Open) -> Result<Saved> {
    let events = Events::of(&open.file).ok_or(EIO)?;
    Ok(Saved {
        size: u64::from(events.generation) | u64::from(events.missed) << 32,
        ..Saved::of(&open.file)
    })
}

/// Makes one by which the restart is told.
fn restore(r: &Restore, plan: &TaskRecords<'_>, source: &Source) -> Result<FileRef> {
    let size = source.record.size.get();
    let restored = Restored {
        generation: (size as u32).saturating_add(1),
        missed: (size >> 32) as u32,
        id: r.notice.id,
        created_ns: r.notice.created_ns,
        environment: r.notice.environment.as_ref(),
    };
    opener::make_object(r, plan, source, opener::NOATIME, || restored.file())
}
