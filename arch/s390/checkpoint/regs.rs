// SPDX-License-Identifier: GPL-2.0

//! Registers, through the register sets that ptrace and core files use.
//!
//! What is saved of a frozen task are its registers as they are at the freezer trap. A system
//! call that was interrupted shows by the note NT_S390_SYSTEM_CALL, whose number is not that of
//! ptrace, which has it from the last look for signals, but what the registers say now. After
//! restart the call is decided about by the code that decides after a thaw.
//!
//! A transaction does not outlive the interruption by which a task enters the kernel: it aborts,
//! and the program status word is that of its beginning.

use kernel::{
    bindings,
    prelude::*, //
};

use super::Native;
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

/// Sets that only CPUs with vector registers have.
const VECTOR: [u32; 2] = [bindings::NT_S390_VXRS_LOW, bindings::NT_S390_VXRS_HIGH];

/// Where the mask of the program status word is in NT_PRSTATUS.
const PSW_MASK: usize = core::mem::offset_of!(bindings::s390_regs, psw);

/// Where general register 2, which has the result of a system call, is in NT_PRSTATUS.
const GPR2: usize = core::mem::offset_of!(bindings::s390_regs, gprs) + 2 * 8;

/// What all user tasks have in the mask: PSW_USER_BITS of asm/ptrace.h.
const PSW_USER_BITS: u64 = 0x0705_0000_0000_0000;

/// What user mode may change of it (PSW_MASK_USER): address space, condition code, program mask,
/// addressing mode.
const PSW_MASK_USER: u64 = 0x0000_ff01_8000_0000;

/// Address-space control: both bits mean the home space, which is the kernel's.
const PSW_ASC_HOME: u64 = 0x0000_c000_0000_0000;

/// Extended addressing mode: 64 bits, together with the basic one.
const PSW_EA: u64 = 0x0000_0001_0000_0000;

/// Basic addressing mode: 31 bits.
const PSW_BA: u64 = 0x0000_0000_8000_0000;

/// Bits of the floating point control register that must be zero.
const FPC_RESERVED: u32 = 0x0303_0088;

/// New tasks need not be made ready for them: the mask of the program status word, still the
/// kernel's, becomes a user's when the coordinator writes NT_PRSTATUS.
impl ArchRegs for Native {
    const SETS: &[u32] = &[
        bindings::NT_PRSTATUS,
        bindings::NT_PRFPREG,
        bindings::NT_S390_SYSTEM_CALL,
        bindings::NT_S390_LAST_BREAK,
        bindings::NT_S390_VXRS_LOW,
        bindings::NT_S390_VXRS_HIGH,
    ];

    fn refusals(t: &FrozenTask, mut refuse: impl FnMut(&'static str)) {
        // SAFETY: The task does not run, or is the caller: its thread state does not change.
        let (gs, ri, tx, watched, mode) = unsafe {
            let thread = &(*t.as_ptr()).thread;
            (
                !thread.gs_cb.is_null() || !thread.gs_bc_cb.is_null(),
                !thread.ri_cb.is_null(),
                thread.trap_tdb.data.iter().any(|&w| w != 0),
                thread.per_user.control != 0,
                thread.per_flags != 0,
            )
        };
        for (bad, what) in [
            (
                gs,
                "guarded storage is not supported: start it without that",
            ),
            (
                ri,
                "runtime instrumentation is not supported: start it without that",
            ),
            (
                tx,
                "records of aborted transactions are not supported: start it without transactions",
            ),
            (
                watched,
                "events that a debugger has the CPU record (PER) are not supported: remove them",
            ),
            (
                mode,
                "transactions that a debugger has changed are not supported: have it detach",
            ),
        ] {
            if bad {
                refuse(what);
            }
        }
    }

    fn get(t: &FrozenTask, note_type: u32) -> Result<Option<KVVec<u8>>> {
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
                    regset::put(&mut bytes, GPR2, &u64::from(result).to_ne_bytes())?;
                }
            }
            bindings::NT_S390_SYSTEM_CALL => {
                // SAFETY: The task is valid, and does not run or is the caller: its registers are
                // stable.
                let code = unsafe { bindings::checkpoint_s390_call(t.as_ptr()) };
                // One that checkpoints itself is in a call no more.
                let code = if t.is_current() { 0 } else { code };
                regset::put(&mut bytes, 0, &code.to_ne_bytes())?;
            }
            _ => (),
        }
        Ok(Some(bytes))
    }

    /// Returns whether the registers say so, or the task was sent to the code in the vDSO that
    /// restarts the call, and did not get there yet.
    fn in_restart_block(t: &FrozenTask) -> bool {
        // SAFETY: The task does not run, so its restart block is stable.
        let sent = unsafe { (*t.as_ptr()).restart_block.arch_data } & 1 == 0;
        // SAFETY: As above, its registers too. At the entry of that call it is stopped for its tracer.
        let call = unsafe { bindings::checkpoint_s390_call(t.as_ptr()) } & 0xffff;
        sent || restart_block::error_asks_for_block(t) || call == bindings::__NR_restart_syscall
    }

    fn place(notes: &[Option<&[u8]>]) -> Option<u64> {
        let [Some(general), ..] = notes else {
            return None;
        };
        regset::word(general, core::mem::offset_of!(bindings::s390_regs, psw) + 8)
    }

    fn check(_t: &ParkedTask, notes: &[Option<&[u8]>]) -> Result<(), BadNote> {
        // SAFETY: It asks for a feature of the machine.
        let has_vectors = unsafe { bindings::checkpoint_s390_has_vx() };
        let given = |set: u32| {
            Self::SETS
                .iter()
                .zip(notes)
                .any(|(&s, n)| s == set && n.is_some())
        };
        for (&note_type, bytes) in Self::SETS.iter().zip(notes) {
            let bad = |why| Err(BadNote::new(note_type, why));
            let vector = VECTOR.contains(&note_type);
            let Some(bytes) = bytes else {
                if !vector {
                    return bad("register set is missing");
                }
                if VECTOR.iter().any(|&v| given(v)) {
                    return bad("half of the vector registers is missing");
                }
                continue;
            };
            if vector && !has_vectors {
                return bad("this CPU has no such registers");
            }
            if RegSet::find(note_type).is_none_or(|set| bytes.len() != set.len()) {
                return bad("register set of wrong size");
            }
            match note_type {
                bindings::NT_PRSTATUS => check_general(bytes)?,
                bindings::NT_PRFPREG => check_fp(bytes)?,
                bindings::NT_S390_SYSTEM_CALL => check_call(bytes)?,
                _ => (),
            }
        }
        Ok(())
    }

    fn set(t: &ParkedTask, note_type: u32, bytes: &[u8]) -> Result<(), BadNote> {
        let bad = BadNote::new(note_type, "register set of wrong size");
        match note_type {
            bindings::NT_S390_SYSTEM_CALL => {
                let code = call(bytes).ok_or(bad)?;
                // SAFETY: The task is parked, off its CPU. The code was checked.
                unsafe { bindings::checkpoint_s390_call_set(t.as_ptr(), code) };
                Ok(())
            }
            bindings::NT_S390_LAST_BREAK => {
                let at = regset::word(bytes, 0).ok_or(bad)?;
                // SAFETY: The task is parked, off its CPU. The address, which the register set's own
                // function ignores, is only shown to the program and to debuggers.
                unsafe { bindings::checkpoint_s390_last_break_set(t.as_ptr(), at) };
                Ok(())
            }
            _ => regset::write(t, note_type, bytes),
        }
    }
}

/// Checks the mask of the program status word. Its address may be any: from user mode, an
/// impossible one leads to a signal.
fn check_general(prstatus: &[u8]) -> Result<(), BadNote> {
    let bad = |why| Err(BadNote::new(bindings::NT_PRSTATUS, why));
    let Some(mask) = regset::word(prstatus, PSW_MASK) else {
        return bad("register set too short");
    };
    if (mask ^ PSW_USER_BITS) & !PSW_MASK_USER != 0 {
        return bad("privileged bits in the program status word");
    }
    if mask & PSW_ASC_HOME == PSW_ASC_HOME {
        return bad("the program status word has the kernel's address space");
    }
    if mask & PSW_EA != 0 && mask & PSW_BA == 0 {
        return bad("the program status word has no possible addressing mode");
    }
    Ok(())
}

/// Checks the floating point control register, and the padding after it.
fn check_fp(fp: &[u8]) -> Result<(), BadNote> {
    let bad = |why| Err(BadNote::new(bindings::NT_PRFPREG, why));
    let Some(word) = regset::word(fp, 0) else {
        return bad("register set too short");
    };
    let fpc = (word >> 32) as u32;
    if word as u32 != 0 || fpc & FPC_RESERVED != 0 || matches!(fpc & 7, 4..=6) {
        return bad("impossible floating point control");
    }
    Ok(())
}

/// Checks the system call: 0, or the length of the instruction that made it and its number.
fn check_call(note: &[u8]) -> Result<(), BadNote> {
    let call = call(note);
    if !matches!(call.map(|c| c >> 16), Some(2 | 4 | 6)) && call != Some(0) {
        return Err(BadNote::new(
            bindings::NT_S390_SYSTEM_CALL,
            "impossible system call",
        ));
    }
    Ok(())
}

/// Returns the number in NT_S390_SYSTEM_CALL.
fn call(note: &[u8]) -> Option<u32> {
    <[u8; 4]>::try_from(note).ok().map(u32::from_ne_bytes)
}
