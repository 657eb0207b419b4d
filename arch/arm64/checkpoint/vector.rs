// SPDX-License-Identifier: GPL-2.0

//! Registers of FPSIMD, SVE and SME.
//!
//! A task is in streaming mode or not. The note of the mode that it is in has registers, that of
//! the other one only a header with the length of its vectors. The note of FPSIMD has the part of
//! the registers that all tasks have, and is written first.

use kernel::{
    bindings,
    error::to_result,
    prelude::*, //
};

use zerocopy::FromBytes;
use zerocopy_derive::{
    FromBytes,
    Immutable, //
};

use crate::kapi::{
    fork::parked::ParkedTask,
    task::regset::{
        self,
        BadNote, //
    }, //
};

/// `struct user_sve_header`, which is also that of ZA.
#[derive(Clone, Copy, FromBytes, Immutable)]
#[repr(C)]
struct Header {
    /// Bytes of the note, or less than a register's length fewer.
    size: u32,
    /// What `size` could become: depends on the machine.
    max_size: u32,
    /// Length of the vectors, in bytes.
    vl: u16,
    /// What `vl` could become: depends on the machine.
    max_vl: u16,
    /// `SVE_PT_*`.
    flags: u16,
    /// Zero.
    reserved: u16,
}

/// The note has full vectors, not only those of FPSIMD.
const REGS_SVE: u16 = bindings::SVE_PT_REGS_SVE as u16;
/// The vector length stays after exec.
const VL_INHERIT: u16 = (bindings::PR_SVE_VL_INHERIT >> 16) as u16;

/// Which vectors a note has.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Set {
    Sve,
    Ssve,
    Za,
}

impl Set {
    fn of(note_type: u32) -> Option<Self> {
        match note_type {
            bindings::NT_ARM_SVE => Some(Set::Sve),
            bindings::NT_ARM_SSVE => Some(Set::Ssve),
            bindings::NT_ARM_ZA => Some(Set::Za),
            _ => None,
        }
    }

    /// Returns the kind of its vector length.
    fn kind(self) -> bindings::vec_type {
        match self {
            Set::Sve => bindings::vec_type_ARM64_VEC_SVE,
            Set::Ssve | Set::Za => bindings::vec_type_ARM64_VEC_SME,
        }
    }
}

/// Returns the vector lengths of `kind` that every CPU has: the lowest bit is that of 128 bits.
pub(super) fn lengths(kind: bindings::vec_type) -> u64 {
    (0..16).fold(0, |all, n: u32| {
        // SAFETY: It only compares what was found out at boot.
        let has = unsafe { bindings::checkpoint_has_vl(kind, (n + 1) * 16) };
        all | u64::from(has) << n
    })
}

impl Header {
    fn of(bytes: &[u8]) -> Option<Self> {
        Self::read_from_prefix(bytes).ok().map(|(header, _)| header)
    }

    /// Returns whether there are registers in the note.
    fn is_active(self) -> bool {
        self.size as usize > size_of::<Self>()
    }
}

/// Returns whether the register set of a note is in use.
fn active(note: Option<&[u8]>) -> bool {
    note.and_then(Header::of).is_some_and(Header::is_active)
}

/// Returns whether a note has no registers of vectors besides those of FPSIMD.
pub(super) fn is_plain(note_type: u32, bytes: &[u8]) -> bool {
    let Some(header) = Header::of(bytes) else {
        return true;
    };
    match Set::of(note_type) {
        None => true,
        Some(Set::Sve) => header.flags & REGS_SVE == 0,
        Some(Set::Ssve | Set::Za) => !header.is_active(),
    }
}

/// Checks that the notes of a task go together; each alone was checked before.
///
/// `note` finds one of them.
pub(super) fn check_all<'a>(note: impl Fn(u32) -> Option<&'a [u8]>) -> Result<(), BadNote> {
    let sve = note(bindings::NT_ARM_SVE);
    let ssve = note(bindings::NT_ARM_SSVE);
    let za = note(bindings::NT_ARM_ZA);
    if active(sve) && active(ssve) {
        return Err(BadNote::new(
            bindings::NT_ARM_SSVE,
            "registers of streaming mode beside those of normal mode",
        ));
    }
    if sve.is_some() && !active(sve) && !active(ssve) {
        return Err(BadNote::new(
            bindings::NT_ARM_SVE,
            "registers are missing: those of streaming mode are too",
        ));
    }
    let vl = |note: Option<&[u8]>| {
        note.and_then(Header::of)
            .map(|h| (h.vl, h.flags & VL_INHERIT))
    };
    if vl(ssve) != vl(za) {
        return Err(BadNote::new(
            bindings::NT_ARM_ZA,
            "vector length is not that of streaming mode",
        ));
    }
    if note(bindings::NT_ARM_ZT).is_some() && !active(za) {
        return Err(BadNote::new(
            bindings::NT_ARM_ZT,
            "register of an array that is off",
        ));
    }
    Ok(())
}

/// Checks one note of vectors whose set this CPU has; `false`: it is none.
pub(super) fn check(note_type: u32, bytes: &[u8]) -> Result<bool, BadNote> {
    let Some(set) = Set::of(note_type) else {
        return Ok(false);
    };
    let bad = |why| Err(BadNote::new(note_type, why));
    let Some(h) = Header::of(bytes) else {
        return bad("register set too short");
    };
    let mut flags = VL_INHERIT;
    if set != Set::Za {
        flags |= REGS_SVE;
    }
    if h.flags & !flags != 0 || h.reserved != 0 {
        return bad("unknown flags");
    }
    let vl = c_uint::from(h.vl);
    // SAFETY: It looks at what all CPUs have.
    if !unsafe { bindings::checkpoint_has_vl(set.kind(), vl) } {
        return bad("this CPU has no vectors of that length");
    }
    // SAFETY: They compute with a valid vector length.
    let len = unsafe {
        match set {
            _ if !h.is_active() => size_of::<Header>(),
            Set::Za => bindings::checkpoint_za_size(vl),
            _ => bindings::checkpoint_sve_size(vl, (h.flags & REGS_SVE).into()),
        }
    };
    if bytes.len() != len || (h.size as usize).checked_next_multiple_of(16) != Some(len) {
        return bad("register set of wrong size");
    }
    if set == Set::Ssve && h.is_active() && h.flags & REGS_SVE == 0 {
        return bad("streaming mode without its registers");
    }
    if set == Set::Sve && !h.is_active() && h.flags & REGS_SVE != 0 {
        return bad("registers are missing");
    }
    Ok(true)
}

/// Sets the vector length of a note that was checked, if it is one of vectors.
///
/// That of one mode clears the registers of the other: all must be set before registers are.
pub(super) fn set_length(t: &ParkedTask, note_type: u32, bytes: &[u8]) -> Result<(), BadNote> {
    let (Some(set), Some(h)) = (Set::of(note_type), Header::of(bytes)) else {
        return Ok(());
    };
    let flags = c_ulong::from(h.flags & VL_INHERIT) << 16;
    // SAFETY: The task is parked, off its CPU.
    to_result(unsafe {
        bindings::vec_set_vector_length(t.as_ptr(), set.kind(), h.vl.into(), flags)
    })
    .map_err(|_| BadNote::new(note_type, "vector length can't be set"))
}

/// Writes the registers of a note that was checked, if it is one of vectors and has any; `false`:
/// it is none. The lengths were set before.
pub(super) fn set(t: &ParkedTask, note_type: u32, bytes: &[u8]) -> Result<bool, BadNote> {
    if Set::of(note_type).is_none() {
        return Ok(false);
    }
    if active(Some(bytes)) {
        regset::write(t, note_type, bytes)?;
    }
    Ok(true)
}

/// Returns whether a task that does not run is to have another vector length after exec than its
/// present one or the machine's.
///
/// # Safety
///
/// `t` is valid and does not run, or is the caller.
pub(super) unsafe fn changes_at_exec(t: *mut bindings::task_struct) -> bool {
    [
        (
            bindings::vec_type_ARM64_VEC_SVE,
            bindings::TIF_SVE_VL_INHERIT,
        ),
        (
            bindings::vec_type_ARM64_VEC_SME,
            bindings::TIF_SME_VL_INHERIT,
        ),
    ]
    .into_iter()
    .any(|(kind, inherit)| {
        // SAFETY: By the caller's promise the thread state does not change.
        let (now, then, inherit) = unsafe {
            let thread = &raw const (*t).thread;
            (
                (*thread).vl.get(kind as usize).copied(),
                (*thread).vl_onexec.get(kind as usize).copied(),
                bindings::checkpoint_tif(t, inherit as c_int),
            )
        };
        then != if inherit { now } else { Some(0) }
    })
}
