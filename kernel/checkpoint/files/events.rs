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
                Event,
                Events, //
            },
            file::FileRef, //
        },
        task::frozen::FrozenTask, //
    }, //
};

/// Files of events.
pub(super) const OPS: FileOps = FileOps {
    name: "a descriptor of checkpoint events",
    number: FILE_EVENTS,
    matches: |f| Events::of(f.file).is_some(),
    collect,
    advice: "close it there, or checkpoint what has it as well",
    save,
    restore,
    ..FileOps::NONE
};

/// Notes whom to tell that there is an image.
fn collect(cap: &mut Capture, _: &FrozenTask, _: &Named<'_>, open: &mut Open) -> Result<bool> {
    cap.found
        .files
        .listeners
        .push(open.file.clone(), GFP_KERNEL_ACCOUNT)?;
    open.ours += 1;
    Ok(true)
}

/// Tells those of the tasks that listen, and that run on, that checkpoint `id` of that time is complete.
pub(crate) fn tell_saved(cap: &Capture, id: u64, created_ns: u64) {
    for events in cap.found.files.listeners.iter().filter_map(Events::of) {
        events.tell(Event::Saved { id, created_ns });
    }
}

/// Has no records of its own: what there is to know is in that of the file.
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
    opener::make_object(r, plan, source, opener::NOATIME, || {
        Events::make(
            (size as u32).saturating_add(1),
            Event::Restored {
                id: r.notice.id,
                created_ns: r.notice.created_ns,
                missed: (size >> 32) as u32,
                environment: &r.notice.environment,
            },
        )
    })
}
