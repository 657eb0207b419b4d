// SPDX-License-Identifier: GPL-2.0

//! Registers, through the register sets that ptrace and core files use.
//!
//! What is saved of a frozen task are its registers as they are at the freezer trap: a system
//! call that was interrupted shows by the trap number, which also tells the convention for errors
//! (`sc` or `scv`), and by `r3` and `cr0.so`. It is decided about after restart by the code that
//! decides after a thaw.

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

/// What prctl(2) set and no register set has. A note of ours.
const NT_PRCTL: u32 = regset::OWN_NOTES;

/// Words of [`NT_PRCTL`]: alignment control (PR_SET_UNALIGN), DEXCR of the next program
/// (PR_PPC_SET_DEXCR).
const PRCTL_WORDS: usize = 2;

/// Bits of the MSR.
mod msr {
    use kernel::bindings;

    /// Facilities whose registers the CPU had in hand: where they were does not matter.
    pub(super) const LIVE: u64 =
        1 << bindings::MSR_FP_LG | 1 << bindings::MSR_VEC_LG | 1 << bindings::MSR_VSX_LG;
    /// Mode of floating-point exceptions: the only part that a program chooses.
    pub(super) const FPEXC: u64 = 1 << bindings::MSR_FE0_LG | 1 << bindings::MSR_FE1_LG;
    /// Hypervisor state: without effect in user mode.
    pub(super) const HV: u64 = 1 << bindings::MSR_HV_LG;
    /// Why the last interrupt came: the machine puts it there for the kernel (Power ISA, Book III,
    /// "Interrupts": bits 33 to 36 and 42 to 47 of SRR1). Going back to user mode ignores it.
    pub(super) const CAUSE: u64 = 0x783f_0000;
    /// Little-endian mode.
    pub(super) const LE: u64 = 1 << bindings::MSR_LE_LG;
    /// Transactional memory.
    pub(super) const TM: u64 =
        1 << bindings::MSR_TM_LG | 1 << bindings::MSR_TS_S_LG | 1 << bindings::MSR_TS_T_LG;
    /// Single steps and branch traces of a debugger.
    pub(super) const STEP: u64 = 1 << bindings::MSR_SE_LG | 1 << bindings::MSR_BE_LG;
}

/// In the trap number: the system call is not to be restarted.
pub(super) const TRAP_NORESTART: u64 = 1;
/// Bits that trap numbers have.
const TRAP_BITS: u64 = 0xfff0 | TRAP_NORESTART;
/// In the condition register: the system call failed.
const CR0_SO: u64 = 1 << 28;
/// Where the priority stands in the PPR, and the highest that a program may set.
const PPR_SHIFT: u32 = 50;
const PPR_MAX: u64 = 4;
/// What a program may change in the DEXCR: IBRTPD, SRAPD and NPHIE.
const DEXCR_OPEN: u64 = 0x1c00_0000;
const DEXCR_NPHIE: u64 = 0x0400_0000;

/// That all registers reach the CPU is seen to by the signal code, which runs before the task does.
impl ArchRegs for Native {
    const SETS: &[u32] = &[
        bindings::NT_PRSTATUS,
        bindings::NT_PRFPREG,
        bindings::NT_PPC_VMX,
        bindings::NT_PPC_VSX,
        bindings::NT_PPC_TAR,
        bindings::NT_PPC_PPR,
        bindings::NT_PPC_DSCR,
        bindings::NT_PPC_DEXCR,
        bindings::NT_PPC_HASHKEYR,
        NT_PRCTL,
    ];

    fn refusals(t: &FrozenTask, mut refuse: impl FnMut(&'static str)) {
        let task = t.as_ptr();
        // SAFETY: The task does not run, or is the caller: its thread state does not change. A live
        // task has user registers.
        let (narrow, descriptors, keys, thread, msr) = unsafe {
            (
                bindings::checkpoint_ppc_is_32bit(task),
                !bindings::checkpoint_ppc_is_elf2(task),
                bindings::checkpoint_ppc_has_key_rights(task),
                &(*task).thread,
                (*bindings::task_pt_regs(task))
                    .__bindgen_anon_1
                    .__bindgen_anon_1
                    .msr as u64,
            )
        };
        let debug = breakpoints(thread) || msr & msr::STEP != 0;
        for (bad, what) in [
            (narrow, "32-bit tasks are not supported: use a 64-bit build"),
            (
                descriptors,
                "programs of the ELFv1 ABI are not supported: use a build for ELFv2",
            ),
            (
                msr & msr::LE == 0,
                "big-endian mode is not supported: use a little-endian build",
            ),
            (
                transactions(thread, msr),
                "transactional memory is not supported: start it without that",
            ),
            (
                thread.used_ebb != 0,
                "event-based branches are not supported: start it without them",
            ),
            (
                keys,
                "rights of memory protection keys are not supported: start it without them",
            ),
            (
                thread.tidr != 0,
                "thread numbers (TIDR) are not supported: start it without them",
            ),
            (debug, "hardware breakpoints are not supported: remove them"),
        ] {
            if bad {
                refuse(what);
            }
        }
    }

    fn get(t: &FrozenTask, note_type: u32) -> Result<Option<KVVec<u8>>> {
        if t.is_current() {
            // SAFETY: It changes the thread state of the running task only.
            unsafe { bindings::checkpoint_ppc_save_sprs() };
        }
        // SAFETY: The task does not run, or is the caller: its thread state does not change.
        let thread = unsafe { &(*t.as_ptr()).thread };
        match note_type {
            NT_PRCTL => {
                return words(&[thread.align_ctl.into(), thread.dexcr_onexec as u64]).map(Some)
            }
            // Without a note of it the task has the default of the machine.
            bindings::NT_PPC_DSCR if thread.dscr_inherit == 0 => return Ok(None),
            // A system call resets it; the kernel does not note what it was.
            // SAFETY: The task does not run, or is the caller: its registers are stable.
            bindings::NT_PPC_PPR if unsafe { bindings::checkpoint_ppc_in_syscall(t.as_ptr()) } => {
                return Ok(None);
            }
            _ => (),
        }
        // VRSAVE can be set without vector registers being used.
        let unused = note_type == bindings::NT_PPC_VMX && thread.vrsave != 0;
        let Some(mut bytes) = RegSet::find(note_type)
            .map(|s| if unused { s.get_unused(t) } else { s.get(t) })
            .transpose()?
            .flatten()
        else {
            return Ok(None);
        };
        match note_type {
            bindings::NT_PRSTATUS => general(t, &mut bytes)?,
            bindings::NT_PPC_PPR => edit(&mut bytes, 0, |ppr| ppr & 7 << PPR_SHIFT)?,
            _ => (),
        }
        Ok(Some(bytes))
    }

    /// Returns whether the task may have been back in user mode since it was made to call
    /// restart_syscall(2), and have been interrupted there.
    fn in_restart_block(t: &FrozenTask) -> bool {
        // SAFETY: The task does not run, or is the caller: its registers are stable. All members of
        // the union are plain words.
        let (in_call, trap, call) = unsafe {
            let regs = &(*bindings::task_pt_regs(t.as_ptr()))
                .__bindgen_anon_1
                .__bindgen_anon_1;
            let in_call = bindings::checkpoint_ppc_in_syscall(t.as_ptr());
            (in_call, regs.trap as u64, regs.gpr[0])
        };
        // What is saved of a call that it is not in does no harm. It may be stopped at its entry.
        in_call && trap & TRAP_NORESTART == 0 && restart_block::error_asks_for_block(t)
            || call == bindings::__NR_restart_syscall as usize
    }

    /// Gives the task user registers instead of zeroes. The register sets do not change the MSR, nor
    /// what exec resets.
    fn start() -> Result {
        // SAFETY: The task is the caller, and has its user registers on its stack. It does not return
        // to user mode before it has others.
        unsafe {
            let task = bindings::get_current();
            bindings::checkpoint_ppc_set_elf2(task);
            bindings::start_thread(bindings::task_pt_regs(task), 0, 0);
            bindings::checkpoint_ppc_reset_key_rights();
        }
        Ok(())
    }

    fn place(notes: &[Option<&[u8]>]) -> Option<u64> {
        let [Some(general), ..] = notes else {
            return None;
        };
        regset::word(general, core::mem::offset_of!(bindings::user_pt_regs, nip))
    }

    fn check(t: &ParkedTask, notes: &[Option<&[u8]>]) -> Result<(), BadNote> {
        for (&note_type, bytes) in Self::SETS.iter().zip(notes) {
            let bad = |why| BadNote::new(note_type, why);
            let Some(bytes) = bytes else {
                if note_type == bindings::NT_PRSTATUS {
                    return Err(bad("general registers are missing"));
                }
                // Those that the task has of its creator, or by chance, would not do.
                let of_dexcr = matches!(
                    note_type,
                    bindings::NT_PPC_DEXCR | bindings::NT_PPC_HASHKEYR
                );
                if note_type == NT_PRCTL
                    || of_dexcr && has_dexcr() && RegSet::find(note_type).is_some()
                {
                    return Err(bad("registers are missing"));
                }
                continue;
            };
            let (len, writable) = match note_type {
                NT_PRCTL => (PRCTL_WORDS * 8, true),
                _ => {
                    let set = RegSet::find(note_type);
                    let set = set.ok_or(bad("this CPU has no such registers"))?;
                    match note_type {
                        bindings::NT_PPC_DEXCR | bindings::NT_PPC_HASHKEYR => {
                            (set.len(), has_dexcr())
                        }
                        _ => (set.len(), true),
                    }
                }
            };
            if !writable {
                return Err(bad("this CPU has no such registers"));
            }
            if bytes.len() != len {
                return Err(bad("register set of wrong size"));
            }
            let word = |n| regset::word(bytes, at(n)).ok_or(bad("register set too short"));
            match note_type {
                bindings::NT_PRSTATUS => check_general(word)?,
                bindings::NT_PPC_PPR if word(0)? & !(7 << PPR_SHIFT) != 0 => {
                    return Err(bad("impossible program priority"));
                }
                bindings::NT_PPC_PPR if word(0)? >> PPR_SHIFT > PPR_MAX => {
                    return Err(bad("program priority that needs privileges"));
                }
                bindings::NT_PPC_DEXCR => check_dexcr(word(0)?, current_dexcr(t)).map_err(bad)?,
                NT_PRCTL => check_prctl(t, word(0)?, word(1)?).map_err(bad)?,
                _ => (),
            }
        }
        Ok(())
    }

    fn set(t: &ParkedTask, note_type: u32, bytes: &[u8]) -> Result<(), BadNote> {
        let word =
            |n| regset::word(bytes, at(n)).ok_or(BadNote::new(note_type, "register set too short"));
        // SAFETY: The task is valid; only the address of a field is computed.
        let thread = unsafe { &raw mut (*t.as_ptr()).thread };
        match note_type {
            bindings::NT_PPC_DEXCR => {
                // The second word is the hypervisor's, which a task can't choose.
                let dexcr = word(0)? as usize;
                // SAFETY: The task is parked, off its CPU: nobody else uses its thread state. As
                // set_dexcr_prctl(), which writes the register of the running task: `check_dexcr()`
                // has let only bits differ that this lets programs change.
                unsafe { (*thread).dexcr = dexcr };
                return Ok(());
            }
            NT_PRCTL => {
                let (align, onexec) = (word(0)? as u32, word(1)? as usize);
                // SAFETY: The task is parked, off its CPU: nobody else uses its thread state. As
                // set_unalign_ctl(), which takes any word, and set_dexcr_prctl(), whose checks
                // `check_prctl()` has made: bits that programs may change, and CAP_SYS_ADMIN to do
                // without the hash checks of the next program.
                unsafe {
                    (*thread).align_ctl = align;
                    (*thread).dexcr_onexec = onexec;
                }
                return Ok(());
            }
            bindings::NT_PRSTATUS => {
                regset::write(t, note_type, bytes)?;
                let fpexc = (word(bindings::PT_MSR)? & msr::FPEXC) as c_int;
                let norestart = word(bindings::PT_TRAP)? & TRAP_NORESTART;
                // SAFETY: As above. The registers of a task that is parked are on its stack, which
                // it keeps; all members of the union are plain words. As set_fpexc_mode(), which
                // knows no other bits than these two of the MSR, as set_unalign_ctl(), as
                // start_thread() and flush_ptrace_hw_breakpoint() have it for a new program, and as
                // the entry of a call that is not to be executed again: `check_general()` has
                // looked at that word.
                unsafe {
                    (*thread).fpexc_mode = fpexc;
                    (*thread).align_ctl = 0;
                    // What follows only from its note.
                    (*thread).dscr_inherit = 0;
                    (*thread).tar = 0;
                    // A debugger's of the caller of restart(2): fork leaves the events out, but not
                    // these.
                    for brk in &mut (*thread).hw_brk {
                        brk.address = 0;
                    }
                    let regs = bindings::task_pt_regs(t.as_ptr());
                    (*regs).__bindgen_anon_1.__bindgen_anon_1.trap |= norestart as usize;
                }
                return Ok(());
            }
            _ => (),
        }
        regset::write(t, note_type, bytes)?;
        // SAFETY: As above. It is on its way to user mode. As vr_set() and vsr_set() with
        // load_up_altivec() and load_up_vsx(), as emulate_instruction() when DSCR is written, and
        // as ppr_set(): none has a check besides that the CPU has the registers, which were just
        // written.
        unsafe {
            match note_type {
                // The registers are taken into use at the first instruction that needs them.
                bindings::NT_PPC_VMX => (*thread).used_vr = 1,
                bindings::NT_PPC_VSX => (*thread).used_vsr = 1,
                bindings::NT_PPC_DSCR => (*thread).dscr_inherit = 1,
                // A system call would have reset it; the task returns as if from one. ptrace(2) sets
                // the bit with that register.
                bindings::NT_PPC_PPR if !bindings::checkpoint_ppc_in_syscall(t.as_ptr()) => {
                    (*t.as_ptr()).thread_info.exit_flags |= bindings::EXIT_RESTORE_PPR as usize;
                }
                _ => (),
            }
        }
        Ok(())
    }
}

/// Refuses a task that a 32-bit program has made: it can't become one of 64 bits here.
pub(super) fn refuse_narrow() -> Result<(), &'static str> {
    // SAFETY: It looks at a flag of the running task.
    if unsafe { bindings::checkpoint_ppc_is_32bit(bindings::get_current()) } {
        return Err("is a 32-bit program");
    }
    Ok(())
}

/// Returns whether a debugger has set hardware breakpoints: as events, or without them.
fn breakpoints(thread: &bindings::thread_struct) -> bool {
    #[cfg(CONFIG_HAVE_HW_BREAKPOINT)]
    let events = thread.ptrace_bps.iter().any(|b| !b.is_null());
    #[cfg(not(CONFIG_HAVE_HW_BREAKPOINT))]
    let events = false;
    events || thread.hw_brk.iter().any(|b| b.address != 0)
}

/// Returns whether the task has, or had, a transaction.
#[cfg(CONFIG_PPC_TRANSACTIONAL_MEM)]
fn transactions(thread: &bindings::thread_struct, msr: u64) -> bool {
    let used = msr & msr::TM != 0
        || thread.load_tm != 0
        || thread.tm_tfhar != 0
        || thread.tm_texasr != 0
        || thread.tm_tfiar != 0;
    // SAFETY: It looks at a feature of the CPU.
    used && unsafe { bindings::checkpoint_ppc_has_tm() }
}

/// Returns whether the task has a transaction: this kernel has none.
#[cfg(not(CONFIG_PPC_TRANSACTIONAL_MEM))]
fn transactions(_: &bindings::thread_struct, msr: u64) -> bool {
    msr & msr::TM != 0
}

/// Edits the general registers: what is not the program's goes, a task that has to go on
/// elsewhere than it stands gets the result of its call.
fn general(t: &FrozenTask, bytes: &mut [u8]) -> Result {
    edit(bytes, bindings::PT_MSR, |msr| {
        msr & !(msr::LIVE | msr::HV | msr::CAUSE)
    })?;
    let Some(result) = regset::other_result(t)? else {
        return Ok(());
    };
    edit(bytes, bindings::PT_R3, |_| result.into())?;
    edit(bytes, bindings::PT_CCR, |ccr| ccr & !CR0_SO)?;
    edit(bytes, bindings::PT_TRAP, |trap| trap | TRAP_NORESTART)
}

/// Words as the contents of a note.
fn words(words: &[u64]) -> Result<KVVec<u8>> {
    let mut bytes = KVVec::with_capacity(words.len() * 8, GFP_KERNEL_ACCOUNT)?;
    for word in words {
        bytes.extend_from_slice(&word.to_ne_bytes(), GFP_KERNEL_ACCOUNT)?;
    }
    Ok(bytes)
}

/// Returns where the `n`th word of a note stands.
fn at(n: u32) -> usize {
    n as usize * 8
}

/// Changes the `n`th word of a note.
fn edit(bytes: &mut [u8], n: u32, f: impl FnOnce(u64) -> u64) -> Result {
    let word = regset::word(bytes, at(n)).ok_or(EINVAL)?;
    regset::put(bytes, at(n), &f(word).to_ne_bytes())
}

/// Returns whether the CPU has a DEXCR.
fn has_dexcr() -> bool {
    // SAFETY: It looks at a feature of the CPU.
    unsafe { bindings::checkpoint_ppc_has_dexcr() }
}

/// Returns the DEXCR that a parked task has from the caller of restart(2).
fn current_dexcr(t: &ParkedTask) -> u64 {
    // SAFETY: The task is parked, off its CPU.
    unsafe { (*t.as_ptr()).thread.dexcr as u64 }
}

/// Checks the general registers: what the register set's function would silently ignore.
fn check_general(word: impl Fn(u32) -> Result<u64, BadNote>) -> Result<(), BadNote> {
    let bad = |why| BadNote::new(bindings::NT_PRSTATUS, why);
    // SAFETY: It only computes a constant.
    let user = unsafe { bindings::checkpoint_ppc_msr_user() } as u64;
    if word(bindings::PT_MSR)? & !msr::FPEXC != user {
        return Err(bad("privileged or impossible bits in the MSR"));
    }
    if word(bindings::PT_TRAP)? & !TRAP_BITS != 0 {
        return Err(bad("impossible trap number"));
    }
    // SAFETY: It only computes a constant of the machine.
    let end = unsafe { bindings::checkpoint_task_size_max() } as u64;
    if word(bindings::PT_NIP)? >= end {
        return Err(bad("address outside of user space"));
    }
    Ok(())
}

/// Checks a DEXCR against the one that the task has now; without that register both are zero.
fn check_dexcr(new: u64, now: u64) -> Result<(), &'static str> {
    let open = if has_dexcr() { DEXCR_OPEN } else { 0 };
    if (new ^ now) & !open != 0 {
        return Err("bits of the DEXCR that programs may not change");
    }
    Ok(())
}

/// Checks what prctl(2) set.
fn check_prctl(t: &ParkedTask, align: u64, onexec: u64) -> Result<(), &'static str> {
    if u32::try_from(align).is_err() {
        return Err("impossible alignment control");
    }
    // SAFETY: The task is parked, off its CPU.
    let now = unsafe { (*t.as_ptr()).thread.dexcr_onexec as u64 };
    check_dexcr(onexec, now)?;
    // SAFETY: It looks at the caller's credentials, and may note the use of the capability.
    let admin = || unsafe { bindings::capable(bindings::CAP_SYS_ADMIN as c_int) };
    if now & !onexec & DEXCR_NPHIE != 0 && !admin() {
        return Err("DEXCR of the next program without hash checks needs CAP_SYS_ADMIN");
    }
    Ok(())
}
