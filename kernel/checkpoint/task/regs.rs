// SPDX-License-Identifier: GPL-2.0

//! Registers: notes as in ELF core files, one for each register set of the architecture.
//!
//! What is saved of a frozen task are its registers as they are at the freezer trap: a system
//! call that was interrupted shows in them, and is decided about after restart by the code that
//! decides after a thaw. The contents of a note are the architecture's own, in its byte order.

use kernel::prelude::*;
use zerocopy::{
    byteorder::little_endian::U32,
    FromBytes,
    IntoBytes, //
};

use crate::{
    arch::Native,
    core::restore::{
        Restore,
        TaskRecords, //
    },
    found::{
        Capture,
        ThreadOps, //
    },
    image::{
        notes,
        record::{
            align_up,
            Records, //
        },
        task::{
            Note,
            Regs, //
        },
        Kind, //
    },
    kapi::{
        arch::ArchRegs,
        fork::{
            parked::ParkedTask,
            slot::Slot, //
        },
        task::{
            frozen::FrozenTask,
            regset::{
                self,
                BadNote, //
            }, //
        }, //
    },
    mm, //
};

/// Registers.
pub(super) const KIND: ThreadOps = ThreadOps {
    name: "registers",
    collect,
    save,
    secure,
    check,
    load,
    ..ThreadOps::NONE
};

/// Lists what registers alone do not hold.
fn collect(cap: &mut Capture, t: &FrozenTask) -> Result {
    if t.is_live() {
        Native::refusals(t, |what| cap.refuse(EOPNOTSUPP, t, fmt!("{}", what)));
    }
    Ok(())
}

/// Makes the current task ready for its registers.
fn secure(r: &Restore, plan: &TaskRecords<'_>) -> Result {
    Native::start().map_err(|e| r.fail(e, plan, fmt!("can't be made ready for its registers")))
}

/// Returns the register notes of a task.
fn notes_of<'a>(r: &Restore, plan: &TaskRecords<'a>) -> Result<&'a [u8]> {
    for raw in Records::new(plan.records, plan.at) {
        let raw = raw.map_err(|f| r.fault(f))?;
        if raw.kind == Kind::Regs {
            raw.body::<Regs>().map_err(|f| r.fault(f))?;
            return Ok(raw.payload);
        }
    }
    Err(r.fail(EINVAL, plan, fmt!("the image has no registers of it")))
}

/// Writes the registers of a live task.
fn save(cap: &mut Capture, t: &FrozenTask) -> Result {
    if !t.is_live() {
        return Ok(());
    }
    let mut notes: KVVec<u8> = KVVec::new();
    let mut count = 0;
    for &note_type in Native::SETS {
        if let Some(bytes) = Native::get(t, note_type)? {
            put(&mut notes, note_type, &bytes)?;
            count += 1;
        }
    }
    cap.meta.put(
        &Regs {
            tid: U32::new(t.tid_in(&cap.pid_ns)),
            notes: U32::new(count),
        },
        &notes,
    )
}

/// Appends a note.
fn put(notes: &mut KVVec<u8>, note_type: u32, bytes: &[u8]) -> Result {
    let note = Note {
        name: regset::owner(note_type),
        note_type: U32::new(note_type),
        len: U32::new(u32::try_from(bytes.len())?),
    };
    notes.extend_from_slice(note.as_bytes(), GFP_KERNEL_ACCOUNT)?;
    notes.extend_from_slice(bytes, GFP_KERNEL_ACCOUNT)?;
    let padded = align_up(notes.len()).ok_or(E2BIG)?;
    notes.resize(padded, 0, GFP_KERNEL_ACCOUNT)?;
    Ok(())
}

/// The notes of a record: the bytes of each, in the order of the architecture's sets.
type Notes<'a> = [Option<&'a [u8]>; Native::SETS.len()];

/// Splits the notes of a record, which must have the order of the architecture's sets.
fn split(mut notes: &[u8]) -> Result<Notes<'_>, BadNote> {
    let mut found = [None; Native::SETS.len()];
    let mut next = 0;
    while !notes.is_empty() {
        let (note, rest) =
            Note::read_from_prefix(notes).map_err(|_| BadNote::new(0, "note cut short"))?;
        let note_type = note.note_type.get();
        let bad = |why| BadNote::new(note_type, why);
        let len = note.len.get() as usize;
        let padded = align_up(len).ok_or(bad("note too long"))?;
        let bytes = rest.get(..len).ok_or(bad("note cut short"))?;
        notes = rest.get(padded..).ok_or(bad("note cut short"))?;
        let index = Native::SETS
            .iter()
            .position(|&s| s == note_type)
            .ok_or(bad("unknown register set"))?;
        if note.name != regset::owner(note_type) {
            return Err(bad("note of another owner"));
        }
        if index < next {
            return Err(bad("note out of order, or given twice"));
        }
        next = index + 1;
        if let Some(place) = found.get_mut(index) {
            *place = Some(bytes);
        }
    }
    Ok(found)
}

/// Checks all notes of a parked task, as far as that can be done without writing any of them.
///
/// EINVAL, with a line that names the note. EOPNOTSUPP: the code at its address is another one here.
fn check(r: &Restore, plan: &TaskRecords<'_>, t: &ParkedTask) -> Result {
    let found = split(notes_of(r, plan)?)
        .and_then(|found| Native::check(t, &found).map(|()| found))
        .map_err(|bad| refuse(r, plan, bad))?;
    Native::place(&found).map_or(Ok(()), |at| mm::vdso::check_place(r, plan, at))
}

/// Refuses a task that has a signal handler which returns to where the code is another one here. All memory
/// is filled.
pub(crate) fn check_frames(r: &Restore, plan: &TaskRecords<'_>) -> Result {
    let found = split(notes_of(r, plan)?).map_err(|bad| refuse(r, plan, bad))?;
    Native::stack(&found).map_or(Ok(()), |at| mm::vdso::check_frames(r, plan, at))
}

/// Writes all notes of a parked task, which [`check`] has accepted, to its registers.
///
/// What only the register set's own function can tell fails the restart before any task runs:
/// EINVAL, with a line that names the note.
fn load(r: &Restore, plan: &TaskRecords<'_>, _: &Slot, t: &ParkedTask) -> Result {
    split(notes_of(r, plan)?)
        .and_then(|found| {
            for (&note_type, bytes) in Native::SETS.iter().zip(found) {
                if let Some(bytes) = bytes {
                    Native::set(t, note_type, bytes)?;
                }
            }
            Ok(())
        })
        .map_err(|bad| refuse(r, plan, bad))
}

/// Adds the line about a note; the error to return.
fn refuse(r: &Restore, plan: &TaskRecords<'_>, bad: BadNote) -> Error {
    match notes::name(bad.note_type) {
        Some(name) => r.fail(EINVAL, plan, fmt!("register note {}: {}", name, bad.why)),
        None => r.fail(
            EINVAL,
            plan,
            fmt!("register note {:#x}: {}", bad.note_type, bad.why),
        ),
    }
}
