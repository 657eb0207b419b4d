// SPDX-License-Identifier: GPL-2.0

//! Registers, through the register sets that ptrace and core files use.
//!
//! What is saved of a frozen task are its registers as they are at the freezer trap: a system
//! call that was interrupted shows by `ax` and `orig_ax`, and is decided about after restart by
//! the code that decides after a thaw.

use kernel::{
    bindings,
    prelude::*, //
};
use zerocopy::byteorder::little_endian::U32;

use crate::{
    capture::Capture,
    image::{
        record::align_up,
        task::{
            Note,
            Regs, //
        }, //
    },
    kapi::{
        park::ParkedTask,
        task::FrozenTask, //
    }, //
};

/// Register sets in the image, in the order in which they are loaded.
const SETS: [u32; 2] = [bindings::NT_PRSTATUS, bindings::NT_X86_XSTATE];

/// Largest register set: xstate with every feature, in bytes.
const SET_MAX: usize = 64 << 10;

/// Bytes of `struct user_regs_struct`.
const PRSTATUS_LEN: usize = size_of::<bindings::user_regs_struct>();

/// Offset of a field of `user_regs_struct` as a range of bytes.
macro_rules! reg {
    ($name:ident) => {{
        let at = core::mem::offset_of!(bindings::user_regs_struct, $name);
        at..at + 8
    }};
}

/// The register set `note_type` of 64-bit tasks.
fn regset(note_type: u32) -> Option<&'static bindings::user_regset> {
    // SAFETY: `current` is valid. The view of a 64-bit task is static and constant, and has
    // `n` register sets.
    let sets = unsafe {
        let view = &*bindings::task_user_regset_view(&raw mut bindings::init_task);
        core::slice::from_raw_parts(view.regsets, view.n as usize)
    };
    sets.iter().find(|s| s.core_note_type == note_type)
}

/// Refuses what registers alone do not hold. Only for live tasks.
pub(crate) fn refuse(cap: &mut Capture, t: &FrozenTask) {
    let task = t.as_ptr();
    // SAFETY: The task does not run, or is the caller: its thread state does not change.
    let (compat, tls, iopl, ioports, debug, features) = unsafe {
        let thread = &raw const (*task).thread;
        let regs = bindings::task_pt_regs(task);
        let cs = (*regs).__bindgen_anon_1.cs;
        (
            cs != bindings::__USER_CS as u16
                || (*task).thread_info.status & bindings::TS_COMPAT != 0,
            (*thread).tls_array.iter().any(|d| {
                let raw: u64 = core::mem::transmute_copy(d);
                raw != 0
            }),
            (*thread).iopl_emul != 0,
            !(*thread).io_bitmap.is_null(),
            (*thread).ptrace_bps.iter().any(|b| !b.is_null()),
            shadow_stack(thread),
        )
    };
    for (bad, what) in [
        (compat, "32-bit tasks are not supported"),
        (tls, "thread areas of set_thread_area() are not supported"),
        (iopl, "I/O privileges (iopl) are not supported"),
        (ioports, "I/O permissions (ioperm) are not supported"),
        (debug, "hardware breakpoints are not supported"),
        (features, "user shadow stacks are not supported"),
    ] {
        if bad {
            cap.refuse(EOPNOTSUPP, t, fmt!("{}", what));
        }
    }
}

/// The task uses a shadow stack.
#[cfg(CONFIG_X86_USER_SHADOW_STACK)]
fn shadow_stack(thread: *const bindings::thread_struct) -> bool {
    // SAFETY: The caller's task does not run, so its thread state does not change.
    unsafe { (*thread).features != 0 }
}

/// The task uses a shadow stack: this kernel has none.
#[cfg(not(CONFIG_X86_USER_SHADOW_STACK))]
fn shadow_stack(_: *const bindings::thread_struct) -> bool {
    false
}

/// Saves the registers of a live task.
pub(crate) fn save(cap: &mut Capture, t: &FrozenTask) -> Result {
    let mut notes: KVVec<u8> = KVVec::new();
    for note_type in SETS {
        let Some(set) = regset(note_type) else {
            continue;
        };
        let len = (set.n as usize)
            .checked_mul(set.size as usize)
            .filter(|&n| n <= SET_MAX)
            .ok_or(E2BIG)?;
        let mut bytes = KVVec::from_elem(0u8, len, GFP_KERNEL_ACCOUNT)?;
        // SAFETY: The buffer has `len` bytes. The task does not run, or is the caller.
        let n = unsafe {
            bindings::regset_get(
                t.as_ptr(),
                set,
                u32::try_from(len)?,
                bytes.as_mut_ptr().cast(),
            )
        };
        if n == ENODEV.to_errno() {
            continue;
        }
        kernel::error::to_result(n)?;
        bytes.truncate(usize::try_from(n)?);
        if note_type == bindings::NT_PRSTATUS && t.is_current() {
            // It is in a call no more.
            set_reg(&mut bytes, reg!(ax), 0)?;
            set_reg(&mut bytes, reg!(orig_ax), u64::MAX)?;
        } else if note_type == bindings::NT_PRSTATUS && t.is_in_vfork() {
            // It goes on to wait, and then the call returns the child.
            let child = t.vfork_child_in(&t.pid_ns()?);
            set_reg(&mut bytes, reg!(ax), child.into())?;
        }
        put(&mut notes, note_type, &bytes)?;
    }
    cap.meta.put(
        &Regs {
            tid: U32::new(t.tid_in(&cap.pid_ns)),
            notes: U32::new(SETS.len() as u32),
        },
        &notes,
    )
}

/// Sets one register.
fn set_reg(prstatus: &mut [u8], at: core::ops::Range<usize>, value: u64) -> Result {
    prstatus
        .get_mut(at)
        .ok_or(EINVAL)?
        .copy_from_slice(&value.to_le_bytes());
    Ok(())
}

/// Appends a note.
fn put(notes: &mut KVVec<u8>, note_type: u32, bytes: &[u8]) -> Result {
    let mut name = [0u8; 8];
    let owner: &[u8] = if note_type == bindings::NT_PRSTATUS {
        b"CORE"
    } else {
        b"LINUX"
    };
    for (to, from) in name.iter_mut().zip(owner) {
        *to = *from;
    }
    let note = Note {
        name,
        note_type: U32::new(note_type),
        len: U32::new(u32::try_from(bytes.len())?),
    };
    notes.extend_from_slice(note.as_bytes(), GFP_KERNEL_ACCOUNT)?;
    notes.extend_from_slice(bytes, GFP_KERNEL_ACCOUNT)?;
    let padded = align_up(notes.len()).ok_or(E2BIG)?;
    notes.resize(padded, 0, GFP_KERNEL_ACCOUNT)?;
    Ok(())
}

/// Why a register note is refused.
pub(crate) struct BadNote {
    /// Number of the note.
    pub(crate) note_type: u32,
    /// What is wrong with it.
    pub(crate) why: &'static str,
}

/// Splits the notes of a record: type and bytes of each, in the order of [`SETS`].
fn split(mut notes: &[u8]) -> Result<[Option<&[u8]>; SETS.len()], BadNote> {
    let mut found = [None; SETS.len()];
    while !notes.is_empty() {
        let bad = |note_type, why| BadNote { note_type, why };
        let (note, rest) = Note::read_from_prefix(notes).map_err(|_| bad(0, "note cut short"))?;
        let note_type = note.note_type.get();
        let len = note.len.get() as usize;
        let padded = align_up(len).ok_or(bad(note_type, "note too long"))?;
        let bytes = rest.get(..len).ok_or(bad(note_type, "note cut short"))?;
        notes = rest.get(padded..).ok_or(bad(note_type, "note cut short"))?;
        let place = SETS
            .iter()
            .position(|&s| s == note_type)
            .and_then(|i| found.get_mut(i))
            .ok_or(bad(note_type, "unknown register set"))?;
        if place.replace(bytes).is_some() {
            return Err(bad(note_type, "register set given twice"));
        }
    }
    Ok(found)
}

/// Checks all notes of a task, then writes them to its registers.
///
/// Nothing is written before everything was checked as far as it can be; what only the register
/// set's own function can tell fails the restart before the task runs.
pub(crate) fn load(t: &ParkedTask, notes: &[u8]) -> Result<(), BadNote> {
    let found = split(notes)?;
    let prstatus = found.first().copied().flatten().ok_or(BadNote {
        note_type: bindings::NT_PRSTATUS,
        why: "general registers are missing",
    })?;
    check_general(prstatus)?;
    for (note_type, bytes) in SETS.iter().zip(found) {
        let Some(bytes) = bytes else {
            continue;
        };
        let bad = |why| BadNote {
            note_type: *note_type,
            why,
        };
        let set = regset(*note_type).ok_or(bad("this CPU has no such registers"))?;
        let len = (set.n as usize).saturating_mul(set.size as usize);
        if bytes.len() != len {
            return Err(bad(
                "register set of another size: this CPU has other features",
            ));
        }
        let write = set.set.ok_or(bad("register set can't be written"))?;
        // SAFETY: The task is parked, off its CPU; `bytes` has the size of the set.
        let ret = unsafe {
            write(
                t.as_ptr(),
                set,
                0,
                bytes.len() as u32,
                bytes.as_ptr().cast(),
                core::ptr::null(),
            )
        };
        if ret != 0 {
            return Err(bad("register contents are not possible"));
        }
    }
    Ok(())
}

/// Checks the general registers: what the register set's function would silently mask.
fn check_general(prstatus: &[u8]) -> Result<(), BadNote> {
    let bad = |why| BadNote {
        note_type: bindings::NT_PRSTATUS,
        why,
    };
    let get = |at: core::ops::Range<usize>| {
        prstatus
            .get(at)
            .and_then(|b| <[u8; 8]>::try_from(b).ok())
            .map(u64::from_le_bytes)
            .ok_or(bad("register set too short"))
    };
    if prstatus.len() != PRSTATUS_LEN {
        return Err(bad("register set of wrong size"));
    }
    if get(reg!(cs))? != u64::from(bindings::__USER_CS)
        || get(reg!(ss))? != u64::from(bindings::__USER_DS)
    {
        return Err(bad("code or stack segment is not that of a 64-bit task"));
    }
    // What user mode may set: the status flags, TF, DF, NT, RF, AC, ID; IF and bit 1 are set.
    let user = 0x0025_4dd5 | 0x0202;
    if get(reg!(flags))? & !user != 0 || get(reg!(flags))? & 0x200 == 0 {
        return Err(bad("privileged bits in the flags register"));
    }
    // SAFETY: It only computes a constant of the machine.
    let end = unsafe { bindings::checkpoint_task_size_max() } as u64;
    for at in [reg!(ip), reg!(fs_base), reg!(gs_base)] {
        if get(at)? >= end {
            return Err(bad("address outside of user space"));
        }
    }
    Ok(())
}
