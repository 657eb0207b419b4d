// SPDX-License-Identifier: GPL-2.0

//! Registers, through the register sets that ptrace and core files use.
//!
//! What is saved of a frozen task are its registers as they are at the freezer trap. By then the
//! signal code has turned an interrupted system call back to the instruction that makes it; what
//! the call returned it keeps in the restart block. At restart both are given back, and the same
//! code goes on to decide what becomes of the call, wherever in it the task was parked.

use kernel::{
    bindings,
    error::to_result,
    page::PAGE_SIZE,
    prelude::*, //
};

use super::{
    aarch32,
    vector,
    Native, //
};
use crate::kapi::{
    arch::ArchRegs,
    fork::parked::ParkedTask,
    signal::restart_block,
    task::{
        frozen::FrozenTask,
        regset::{
            self,
            BadNote,
            RegSet, //
        }, //
    }, //
};

/// The image's own note: address and bytes of the guarded control stack that the kernel made for
/// the task, and takes away when it exits.
const NT_GCS_PLACE: u32 = regset::OWN_NOTES + 1;

/// The image's own note: what the register sets do not have of a task that is stopped for its tracer.
/// Register 7, of 32 bits register 12, where a stop at the entry or exit of a system call shows something
/// else; the first argument of the call; the address of one that was interrupted, or 0.
pub(super) const NT_STOP: u32 = regset::OWN_NOTES + 3;

/// Words of that.
const STOP_WORDS: usize = 3;

/// Those that a task with that feature of the CPU must have, if this kernel has them. Without those
/// of pointer authentication it would have keys of its own, which do not fit to its pointers.
const MANDATORY: &[u32] = &[
    bindings::NT_PRSTATUS,
    bindings::NT_ARM_SYSTEM_CALL,
    bindings::NT_ARM_TLS,
    bindings::NT_PRFPREG,
    bindings::NT_ARM_PAC_MASK,
    bindings::NT_ARM_PAC_ENABLED_KEYS,
    bindings::NT_ARM_PACA_KEYS,
    bindings::NT_ARM_PACG_KEYS,
    bindings::NT_ARM_TAGGED_ADDR_CTRL,
];

/// Bytes of `struct user_pt_regs`.
const PRSTATUS_LEN: usize = size_of::<bindings::user_pt_regs>();

/// `syscallno` of a task that is in no system call.
const NO_SYSCALL: i32 = -1;

/// Bytes of an instruction.
const INSN: u64 = 4;

/// Bits of pstate that may be set in user mode and that debuggers alone set: single step.
const PSTATE_SS: u64 = 1 << 21;

/// Results with which a system call asks to be made again: ERESTARTSYS, ERESTARTNOINTR,
/// ERESTARTNOHAND, ERESTART_RESTARTBLOCK.
const RESTARTS: [u32; 4] = [
    bindings::ERESTARTSYS,
    bindings::ERESTARTNOINTR,
    bindings::ERESTARTNOHAND,
    bindings::ERESTART_RESTARTBLOCK,
];

/// Offset of a field of `user_pt_regs`.
macro_rules! reg {
    ($name:ident) => {
        core::mem::offset_of!(bindings::user_pt_regs, $name)
    };
}

/// Returns whether this machine has registers of that note.
fn has(note_type: u32) -> bool {
    // SAFETY: It looks at what the machine has.
    unsafe { bindings::checkpoint_has_note(note_type) }
}

impl ArchRegs for Native {
    /// Those of normal mode before those of streaming mode, ZA before ZT.
    const SETS: &[u32] = &[
        bindings::NT_PRSTATUS,
        bindings::NT_ARM_SYSTEM_CALL,
        bindings::NT_ARM_TLS,
        bindings::NT_PRFPREG,
        bindings::NT_ARM_SVE,
        bindings::NT_ARM_SSVE,
        bindings::NT_ARM_ZA,
        bindings::NT_ARM_ZT,
        bindings::NT_ARM_FPMR,
        bindings::NT_ARM_PAC_MASK,
        bindings::NT_ARM_PAC_ENABLED_KEYS,
        bindings::NT_ARM_PACA_KEYS,
        bindings::NT_ARM_PACG_KEYS,
        bindings::NT_ARM_TAGGED_ADDR_CTRL,
        bindings::NT_ARM_GCS,
        NT_GCS_PLACE,
        aarch32::NT_AARCH32,
        NT_STOP,
    ];

    fn counter_is_off(t: &FrozenTask) -> bool {
        // SAFETY: We own a reference on the task, which does not run, or is the caller.
        unsafe { bindings::checkpoint_tif(t.as_ptr(), bindings::TIF_TSC_SIGSEGV.cast_signed()) }
    }

    fn switch_counter_off() -> Result {
        // SAFETY: It is the setter of prctl(2), for the running task.
        to_result(unsafe { bindings::set_tsc_mode(bindings::PR_TSC_SIGSEGV) })
    }

    fn refusals(t: &FrozenTask, mut refuse: impl FnMut(&'static str)) {
        let task = t.as_ptr();
        // SAFETY: The task is valid, and does not run or is the caller: its thread state does not
        // change.
        let (debug, tags, length) = unsafe {
            (
                bindings::checkpoint_has_hw_breakpoint(task),
                bindings::checkpoint_tif(task, bindings::TIF_MTE_ASYNC_FAULT.cast_signed()),
                vector::changes_at_exec(task),
            )
        };
        for (bad, what) in [
            (debug, "hardware breakpoints are not supported: remove them"),
            (
                tags,
                "a tag fault that was not yet reported is not supported: try again",
            ),
            (
                length,
                "another vector length after exec is not supported: have it take that back",
            ),
            (
                has_overlay(t),
                "changed permission overlays (POE) are not supported: start it without them",
            ),
        ] {
            if bad {
                refuse(what);
            }
        }
    }

    fn get(t: &FrozenTask, note_type: u32) -> Result<Option<KVVec<u8>>> {
        if !has(note_type) {
            return Ok(None);
        }
        // SAFETY: The task does not run, or is the caller.
        let narrow = unsafe { aarch32::is_task(t.as_ptr()) };
        match note_type {
            aarch32::NT_AARCH32 if narrow => return aarch32::get(t),
            aarch32::NT_AARCH32 => return Ok(None),
            _ if narrow && !aarch32::has(note_type) => return Ok(None),
            NT_GCS_PLACE => return gcs_place(t),
            NT_STOP => return stop(t, narrow),
            _ => (),
        }
        // SAFETY: The task does not run, or is the caller.
        let za = unsafe { (*t.as_ptr()).thread.svcr } & SVCR_ZA != 0;
        if note_type == bindings::NT_ARM_ZT && !za {
            return Ok(None);
        }
        let Some(mut bytes) = RegSet::find(note_type)
            .map(|s| s.get(t))
            .transpose()?
            .flatten()
        else {
            return Ok(None);
        };
        match note_type {
            bindings::NT_PRSTATUS => {
                if let Some(result) = regset::other_result(t)? {
                    regset::put(&mut bytes, reg!(regs), &u64::from(result).to_ne_bytes())?;
                }
                if narrow {
                    aarch32::narrow(&mut bytes);
                }
            }
            bindings::NT_ARM_SYSTEM_CALL if t.is_current() => {
                regset::put(&mut bytes, 0, &NO_SYSCALL.to_ne_bytes())?;
            }
            _ => (),
        }
        Ok(Some(bytes))
    }

    /// Returns whether the signal code is about to decide about the call, or has made the registers
    /// those of restart_syscall(2), to which the task did not get yet.
    fn in_restart_block(t: &FrozenTask) -> bool {
        // SAFETY: The task does not run, or is the caller: its restart block and its registers are
        // stable. All members of the union are plain words.
        let (result, is_restart) = unsafe {
            let regs = &(*bindings::task_pt_regs(t.as_ptr()))
                .__bindgen_anon_1
                .user_regs;
            let is_restart = match aarch32::is_task(t.as_ptr()) {
                true => aarch32::lower(regs.regs[7]) == aarch32::RESTART_SYSCALL,
                false => regs.regs[8] == u64::from(bindings::__NR_restart_syscall),
            };
            ((*t.as_ptr()).restart_block.arch_data, is_restart)
        };
        result as u64 == u64::from(bindings::ERESTART_RESTARTBLOCK)
            || is_restart
            // At the exit of its call, where it is stopped for its tracer.
            || restart_block::error_asks_for_block(t)
    }

    /// Makes the registers, which are all zero yet, those of a task in no system call. The signal
    /// code, in which it may park, does not look again.
    fn start() -> Result {
        // SAFETY: The task is the caller, and has its user registers on its stack.
        unsafe { (*bindings::task_pt_regs(bindings::get_current())).syscallno = NO_SYSCALL };
        Ok(())
    }

    fn place(notes: &[Option<&[u8]>]) -> Option<u64> {
        let [Some(general), ..] = notes else {
            return None;
        };
        regset::word(general, reg!(pc)).map(u64::from_le)
    }

    /// Returns r13 of a program of 32 bits: instructions of others are as long as a jump.
    fn stack(notes: &[Option<&[u8]>]) -> Option<u64> {
        let [Some(general), ..] = notes else {
            return None;
        };
        let mode = regset::word(general, reg!(pstate)).map(u64::from_le)?;
        if mode & u64::from(bindings::PSR_MODE32_BIT) == 0 {
            return None;
        }
        regset::word(general, reg!(regs) + 13 * 8).map(u64::from_le)
    }

    /// Checks them, and sets the vector lengths if they are fine, which must be done before any note is
    /// written. A task whose program is one of 32 bits becomes one before they are checked.
    fn check(t: &ParkedTask, notes: &[Option<&[u8]>]) -> Result<(), BadNote> {
        let narrow = aarch32::make(t);
        let mandatory = if narrow {
            aarch32::MANDATORY
        } else {
            MANDATORY
        };
        let result = interrupted(t);
        if result != 0 && RESTARTS.iter().all(|&r| u64::from(r) != result) {
            return Err(BadNote::new(
                bindings::NT_ARM_SYSTEM_CALL,
                "interrupted system call with an impossible result",
            ));
        }
        for (&note_type, bytes) in Self::SETS.iter().zip(notes) {
            let Some(bytes) = bytes else {
                if mandatory.contains(&note_type)
                    && has(note_type)
                    && (note_type == aarch32::NT_AARCH32 || RegSet::find(note_type).is_some())
                {
                    return Err(BadNote::new(note_type, "registers are missing"));
                }
                continue;
            };
            if !has(note_type) {
                return Err(BadNote::new(note_type, "this CPU has no such registers"));
            }
            if narrow {
                aarch32::check(note_type, bytes)?;
            }
            if note_type == bindings::NT_PRSTATUS {
                check_general(t, bytes, narrow)?;
            } else if note_type == aarch32::NT_AARCH32 {
                if !narrow {
                    return Err(BadNote::new(note_type, "registers of a task of 32 bits"));
                }
            } else if note_type == NT_GCS_PLACE {
                check_gcs_place(bytes)?;
            } else if note_type == NT_STOP {
                check_stop(bytes)?;
            } else if !vector::check(note_type, bytes)? {
                check_plain(note_type, bytes, result != 0)?;
            }
        }
        vector::check_all(|wanted| {
            let at = Self::SETS.iter().position(|&s| s == wanted)?;
            notes.get(at).copied().flatten()
        })?;
        for (&note_type, bytes) in Self::SETS.iter().zip(notes) {
            if let Some(bytes) = bytes {
                vector::set_length(t, note_type, bytes)?;
            }
        }
        Ok(())
    }

    fn set(t: &ParkedTask, note_type: u32, bytes: &[u8]) -> Result<(), BadNote> {
        match note_type {
            bindings::NT_PRSTATUS => set_general(t, bytes),
            bindings::NT_ARM_SYSTEM_CALL => set_call(t, bytes),
            NT_GCS_PLACE => {
                set_gcs_place(t, bytes);
                Ok(())
            }
            aarch32::NT_AARCH32 => {
                aarch32::set(t, bytes);
                Ok(())
            }
            NT_STOP => {
                set_stop(t, bytes);
                Ok(())
            }
            // It was compared.
            bindings::NT_ARM_PAC_MASK => Ok(()),
            _ if vector::set(t, note_type, bytes)? => Ok(()),
            _ => regset::write(t, note_type, bytes),
        }
    }
}

/// Refuses a task that a 32-bit program has made: it can't become one of 64 bits here.
pub(super) fn refuse_narrow() -> Result<(), &'static str> {
    // SAFETY: It is the running task.
    if unsafe { aarch32::is_task(bindings::get_current()) } {
        return Err("is a 32-bit program");
    }
    Ok(())
}

/// `por_el0` as a program begins with it: all may be done with memory of the default key.
const POR_INIT: u64 = 7;

/// Returns whether the task has changed its permission overlay.
fn has_overlay(t: &FrozenTask) -> bool {
    if !has(bindings::NT_ARM_POE) {
        return false;
    }
    let note = RegSet::find(bindings::NT_ARM_POE).map(|s| s.get(t));
    let Some(Ok(Some(bytes))) = note else {
        return true;
    };
    regset::word(&bytes, 0) != Some(POR_INIT)
}

/// Returns the note [`NT_GCS_PLACE`] of a task; `None`: the kernel made it no stack.
fn gcs_place(t: &FrozenTask) -> Result<Option<KVVec<u8>>> {
    #[cfg(CONFIG_ARM64_GCS)]
    // SAFETY: The task does not run, or is the caller.
    let place = unsafe {
        let thread = &raw const (*t.as_ptr()).thread;
        [(*thread).gcs_base, (*thread).gcs_size]
    };
    #[cfg(not(CONFIG_ARM64_GCS))]
    let place = {
        let _ = t;
        [0u64; 2]
    };
    if place == [0; 2] {
        return Ok(None);
    }
    let mut bytes = KVVec::new();
    for word in place {
        bytes.extend_from_slice(&word.to_ne_bytes(), GFP_KERNEL_ACCOUNT)?;
    }
    Ok(Some(bytes))
}

/// Checks the note [`NT_GCS_PLACE`].
fn check_gcs_place(bytes: &[u8]) -> Result<(), BadNote> {
    let bad = |why| BadNote::new(NT_GCS_PLACE, why);
    if !has(bindings::NT_ARM_GCS) {
        return Err(bad("this CPU has no such registers"));
    }
    let (Some(base), Some(len), 16) = (regset::word(bytes, 0), regset::word(bytes, 8), bytes.len())
    else {
        return Err(bad("register set of wrong size"));
    };
    // SAFETY: It only computes a constant of the machine.
    let end = unsafe { bindings::checkpoint_task_size_max() } as u64;
    if base % PAGE_SIZE as u64 != 0 || len % PAGE_SIZE as u64 != 0 {
        return Err(bad("address is not page-aligned"));
    }
    if len == 0 || base.checked_add(len).is_none_or(|e| e > end) {
        return Err(bad("address outside of user space"));
    }
    Ok(())
}

/// Writes the note [`NT_GCS_PLACE`], which was checked.
fn set_gcs_place(t: &ParkedTask, bytes: &[u8]) {
    #[cfg(CONFIG_ARM64_GCS)]
    // SAFETY: The task is parked, off its CPU. gcs_alloc_thread_stack() and
    // arch_set_shadow_stack_status() set these to what vm_mmap() gave them, and gcs_free() takes
    // that away when the task exits, by vm_munmap(): that it is of whole pages in user space was
    // checked, and the task may unmap any such itself.
    unsafe {
        let thread = &raw mut (*t.as_ptr()).thread;
        (*thread).gcs_base = regset::word(bytes, 0).unwrap_or(0);
        (*thread).gcs_size = regset::word(bytes, 8).unwrap_or(0);
    }
    #[cfg(not(CONFIG_ARM64_GCS))]
    let _ = (t, bytes);
}

/// Returns the note [`NT_STOP`] of a task; `None`: it is not stopped for a tracer.
fn stop(t: &FrozenTask, narrow: bool) -> Result<Option<KVVec<u8>>> {
    let mut words = [0u64; STOP_WORDS];
    // SAFETY: The task does not run, or is the caller; there are as many words as that sets.
    if !unsafe { bindings::checkpoint_arm64_stop(t.as_ptr(), words.as_mut_ptr()) } {
        return Ok(None);
    }
    let mut bytes = KVVec::new();
    for word in words {
        let word = if narrow { aarch32::lower(word) } else { word };
        bytes.extend_from_slice(&word.to_ne_bytes(), GFP_KERNEL_ACCOUNT)?;
    }
    Ok(Some(bytes))
}

/// Checks the note [`NT_STOP`]: registers may have any value, but where the call is that is made again.
fn check_stop(bytes: &[u8]) -> Result<(), BadNote> {
    let bad = |why| BadNote::new(NT_STOP, why);
    let (Some(restart), true) = (regset::word(bytes, 16), bytes.len() == STOP_WORDS * 8) else {
        return Err(bad("register set of wrong size"));
    };
    // SAFETY: It only computes a constant of the machine.
    let end = unsafe { bindings::checkpoint_task_size_max() } as u64;
    if restart >= end - 2 * INSN {
        return Err(bad("address outside of user space"));
    }
    Ok(())
}

/// Writes the note [`NT_STOP`], which was checked.
fn set_stop(t: &ParkedTask, bytes: &[u8]) {
    let word = |n: usize| regset::word(bytes, n * 8).unwrap_or(0);
    let words = [word(0), word(1), word(2)];
    // SAFETY: The task is parked, off its CPU; there are as many words as it reads. It writes what
    // el0_svc_common() and stops have left in the task: what the program had in its registers, and
    // an address to which it goes back, which was checked as its program counter is.
    unsafe { bindings::checkpoint_arm64_stop_set(t.as_ptr(), words.as_ptr()) };
}

/// ZA and ZT are on.
const SVCR_ZA: u64 = 1 << 1;

/// Returns the result of the system call that a parked task was interrupted in, negated; 0: none.
fn interrupted(t: &ParkedTask) -> u64 {
    // SAFETY: The task is parked.
    unsafe { (*t.as_ptr()).restart_block.arch_data as u64 }
}

/// Checks the general registers, of a task of 32 bits if `narrow`.
fn check_general(t: &ParkedTask, prstatus: &[u8], narrow: bool) -> Result<(), BadNote> {
    let bad = |why| BadNote::new(bindings::NT_PRSTATUS, why);
    let regs = general(prstatus).ok_or(bad("register set of wrong size"))?;
    let mut checked = regs;
    checked.pstate &= !PSTATE_SS;
    let wanted = checked.pstate;
    // SAFETY: The task is parked; the function works on our copy, and masks what user
    // mode may not set.
    let valid = unsafe { bindings::valid_user_regs(&mut checked, t.as_ptr()) } != 0;
    if !valid || checked.pstate != wanted {
        return Err(bad("privileged bits in pstate"));
    }
    let end = match narrow {
        true => aarch32::end(),
        // SAFETY: It only computes a constant of the machine.
        false => unsafe { bindings::checkpoint_task_size_max() as u64 },
    };
    if regs.pc >= end.saturating_sub(INSN) {
        return Err(bad("address outside of user space"));
    }
    Ok(())
}

/// Returns the general registers in a note; `None`: it has another size.
fn general(prstatus: &[u8]) -> Option<bindings::user_pt_regs> {
    if prstatus.len() != PRSTATUS_LEN {
        return None;
    }
    // SAFETY: There are that many bytes, and any are fine for integers.
    Some(unsafe {
        prstatus
            .as_ptr()
            .cast::<bindings::user_pt_regs>()
            .read_unaligned()
    })
}

/// Checks a note of fixed size.
fn check_plain(note_type: u32, bytes: &[u8], interrupted: bool) -> Result<(), BadNote> {
    let bad = |why| Err(BadNote::new(note_type, why));
    let Some(set) = RegSet::find(note_type) else {
        return bad("this kernel has no such registers");
    };
    if bytes.len() != set.len() {
        return bad("register set of wrong size");
    }
    let word = regset::word(bytes, 0).unwrap_or(0);
    match note_type {
        bindings::NT_ARM_SYSTEM_CALL if interrupted && call(bytes) != Some(NO_SYSCALL) => {
            bad("in a system call and interrupted in one")
        }
        // SAFETY: It computes a constant of the machine.
        bindings::NT_ARM_PAC_MASK if word != unsafe { bindings::checkpoint_pac_mask() } as u64 => {
            bad("signatures in pointers lie in other bits on this machine")
        }
        bindings::NT_ARM_GCS if word & !GCS_MODES != 0 => {
            bad("unknown modes of the guarded control stack")
        }
        bindings::NT_ARM_PAC_ENABLED_KEYS if word & !PAC_KEYS != 0 => bad("unknown keys"),
        // SAFETY: It looks at what the machine has.
        bindings::NT_ARM_TAGGED_ADDR_CTRL
            if word & !unsafe { bindings::checkpoint_tagged_addr_mask() } as u64 != 0 =>
        {
            bad("kinds of address tagging that this CPU has not")
        }
        _ => Ok(()),
    }
}

/// Returns the system call in a note.
fn call(bytes: &[u8]) -> Option<i32> {
    bytes.try_into().ok().map(i32::from_ne_bytes)
}

/// Modes of the guarded control stack.
const GCS_MODES: u64 = (bindings::PR_SHADOW_STACK_ENABLE
    | bindings::PR_SHADOW_STACK_WRITE
    | bindings::PR_SHADOW_STACK_PUSH) as u64;

/// Keys that can be switched on and off.
const PAC_KEYS: u64 = (bindings::PR_PAC_APIAKEY
    | bindings::PR_PAC_APIBKEY
    | bindings::PR_PAC_APDAKEY
    | bindings::PR_PAC_APDBKEY) as u64;

/// Writes the general registers, not by the register set's function: that takes the task for one
/// that a debugger has stopped.
///
/// What vector registers the task has of its parent is forgotten, before others are written.
fn set_general(t: &ParkedTask, prstatus: &[u8]) -> Result<(), BadNote> {
    let bad = |why| BadNote::new(bindings::NT_PRSTATUS, why);
    let mut regs = general(prstatus).ok_or(bad("register set of wrong size"))?;
    let task = t.as_ptr();
    // SAFETY: The task is parked, off its CPU; its registers are written as a debugger's write
    // does it, after the same check.
    unsafe {
        if bindings::valid_user_regs(&mut regs, task) == 0 {
            return Err(bad("privileged bits in pstate"));
        }
        bindings::checkpoint_forget_vectors(task);
        let to = bindings::task_pt_regs(task);
        (*to).__bindgen_anon_1.user_regs = regs;
        (*to).orig_x0 = regs.regs[0];
        // Its note comes later, if it has one.
        let thread = &raw mut (*task).thread;
        let shown = if aarch32::is_task(task) { 12 } else { 7 };
        (*thread).stopped_reg = regs.regs[shown] as c_ulong;
        (*thread).restart_addr = regs.pc as c_ulong;
    }
    Ok(())
}

/// Writes the number of the system call that the task is in.
fn set_call(t: &ParkedTask, bytes: &[u8]) -> Result<(), BadNote> {
    let nr = call(bytes).ok_or(BadNote::new(
        bindings::NT_ARM_SYSTEM_CALL,
        "register set of wrong size",
    ))?;
    // SAFETY: The task is parked, off its CPU.
    unsafe { (*bindings::task_pt_regs(t.as_ptr())).syscallno = nr };
    Ok(())
}
