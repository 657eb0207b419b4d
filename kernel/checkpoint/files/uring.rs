// SPDX-License-Identifier: GPL-2.0

//! io_urings that have nothing in flight and nothing registered: their memory, which is mapped, and
//! where the kernel reads and writes there.

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
        self,
        files::{
            uring::URING_DRAIN_DISABLED,
            FILE_IO_URING, //
        },
        ObjRef, //
    },
    kapi::{
        fs::{
            file::FileRef,
            uring::{
                Uring,
                Why, //
            }, //
        },
        mm::vma::VmaInfo,
        task::frozen::FrozenTask,
        time::wait, //
    }, //
};

/// io_urings.
pub(super) const OPS: FileOps = FileOps {
    name: "an io_uring",
    number: FILE_IO_URING,
    matches: |f| f.file.is_io_uring(),
    collect,
    advice: "close it there, or checkpoint what has it as well",
    save,
    restore,
    ..FileOps::NONE
};

/// How often, a millisecond apart, a ring is looked at that is in use or has something in flight.
const LOOKS: usize = 100;

/// Reads it. Who has it for a moment, as a reader of its fdinfo does, is waited for.
fn read(file: &FileRef) -> Result<(Uring, Option<Why>)> {
    let mut seen = Uring::of(file);
    for _ in 0..LOOKS {
        if !matches!(seen, Err(EBUSY)) {
            break;
        }
        wait::check_killed()?;
        wait::pause_ms(1);
        seen = Uring::of(file);
    }
    seen
}

/// Looks what it has. False: refused.
fn collect(cap: &mut Capture, t: &FrozenTask, named: &Named<'_>, open: &mut Open) -> Result<bool> {
    let mut seen = Uring::of(&open.file);
    for _ in 0..LOOKS {
        if !matches!(seen, Err(EBUSY) | Ok((_, Some(Why::InFlight)))) {
            break;
        }
        wait::check_killed()?;
        wait::pause_ms(1);
        seen = Uring::of(&open.file);
    }
    let mut refuse = |why: &str| cap.refuse(EOPNOTSUPP, t, fmt!("{}: the io_uring {}", named, why));
    match seen {
        Ok((_, None)) => return Ok(true),
        Err(EBUSY) => refuse("is in use: try again"),
        Err(e) => return Err(e),
        Ok((uring, Some(Why::Flags))) => {
            cap.refuse(
                EOPNOTSUPP,
                t,
                fmt!(
                    "{}: the io_uring was set up in a way that can't be saved yet (flags {:#x})",
                    named,
                    uring.setup
                ),
            );
        }
        Ok((_, Some(why))) => refuse(match why {
            Why::Compat => "was set up by a 32-bit program: start it without io_uring",
            Why::InFlight => "has requests in flight: have it wait for them, or cancel them",
            Why::Overflow => "has completions for which there was no room: have it read some",
            Why::Files => "has registered files: have it unregister them",
            Why::Buffers => "has registered or provided buffers: have it unregister them",
            Why::Eventfd => "has a registered eventfd: have it unregister that",
            Why::Personalities => "has or had personalities: start it without them",
            Why::Restricted => "has restrictions: start it without them",
            Why::Workers => "has settings for its workers: start it without them",
            _ => {
                "has a clock, a memory region, busy polling, receive queues or a BPF program: start \
                 it without that"
            }
        }),
    }
    Ok(false)
}

/// Returns why the mapping `v` of an io_uring can't be made again; `None`: it can, or the io_uring is
/// refused anyway.
pub(crate) fn refuses_mapping(file: &FileRef, v: &VmaInfo) -> Option<&'static str> {
    let uring = match read(file) {
        Ok((uring, _)) => uring,
        Err(EBUSY) => return Some("is memory of an io_uring that is in use: try again"),
        Err(_) => return None,
    };
    let len = v.end.saturating_sub(v.start);
    match v.offset {
        // IORING_OFF_SQ_RING and IORING_OFF_CQ_RING: as much as one likes.
        0 | 0x800_0000 => None,
        // IORING_OFF_SQES.
        0x1000_0000 if len == uring.sqes => None,
        _ => Some("is a part of the memory of an io_uring: have it map all of that"),
    }
}

/// Writes what it has.
fn save(cap: &mut Capture, open: &Open) -> Result<Saved> {
    let (uring, None) = read(&open.file)? else {
        return Err(EBUSY);
    };
    let mut memory = uring.memory(&open.file);
    for _ in 0..LOOKS {
        if !matches!(memory, Err(EBUSY)) {
            break;
        }
        wait::check_killed()?;
        wait::pause_ms(1);
        memory = uring.memory(&open.file);
    }
    let memory = memory?;
    let obj = cap.objects.number()?;
    let flags = if uring.drain_disabled {
        URING_DRAIN_DISABLED
    } else {
        0
    };
    let record = image::files::uring::Uring {
        obj: obj.get().into(),
        setup: uring.setup.into(),
        flags: flags.into(),
        sq_entries: uring.sq_entries.into(),
        cq_entries: uring.cq_entries.into(),
        sq_head: uring.sq_head.into(),
        cq_tail: uring.cq_tail.into(),
        rings: u32::try_from(uring.rings)?.into(),
    };
    cap.meta.put(&record, &memory)?;
    Ok(Saved {
        inode: obj.get(),
        ..Saved::of(&open.file)
    })
}

/// Makes one with that memory.
fn restore(r: &Restore, plan: &TaskRecords<'_>, source: &Source) -> Result<FileRef> {
    let obj = ObjRef::new(source.record.inode.get()).ok_or(EINVAL)?;
    let (record, raw) = r.object_body::<image::files::uring::Uring>(obj)?;
    let rings = record.rings.get() as usize;
    let uring = Uring {
        setup: record.setup.get(),
        sq_entries: record.sq_entries.get(),
        cq_entries: record.cq_entries.get(),
        sq_head: record.sq_head.get(),
        cq_tail: record.cq_tail.get(),
        drain_disabled: record.flags.get() & URING_DRAIN_DISABLED != 0,
        rings,
        sqes: raw.payload.len().checked_sub(rings).ok_or(EINVAL)?,
    };
    let denied = "this system lets nobody, or only some, use io_uring (kernel.io_uring_disabled)";
    opener::make_object(r, plan, source, denied, || uring.make(raw.payload))
}
