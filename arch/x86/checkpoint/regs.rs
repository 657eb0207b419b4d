// SPDX-License-Identifier: GPL-2.0

//! Registers, through the register sets that ptrace and core files use.
//!
//! What is saved of a frozen task are its registers as they are at the freezer trap: a system
//! call that was interrupted shows by `ax` and `orig_ax`, and is decided about after restart by
//! the code that decides after a thaw.

use kernel::{
    bindings,
    error::to_result,
    num::casts::{
        u32_as_usize,
        usize_as_u64, //
    },
    prelude::*, //
};

use super::{
    cpu::cpuid,
    ia32,
    Native, //
};
use crate::kapi::{
    arch::ArchRegs,
    fork::parked::ParkedTask,
    security::seccomp::Mode,
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

/// Code segments of user mode: of 64 bits and of 32 bits.
const CS_64: u32 = bindings::__USER_CS;
const CS_32: u32 = bindings::__USER32_CS;

/// Returns whether a task may have it as its stack segment: that of user mode, or a thread area.
fn is_stack_segment(selector: u32) -> bool {
    let areas = bindings::GDT_ENTRY_TLS_MIN..=bindings::GDT_ENTRY_TLS_MAX;
    selector == bindings::__USER_DS || selector & 7 == 3 && areas.contains(&(selector >> 3))
}

/// Returns the register set of the notes `note_type`.
fn set_of(note_type: u32) -> Option<RegSet> {
    if note_type == bindings::NT_386_TLS {
        return ia32::areas();
    }
    RegSet::find(note_type)
}

/// Offset of a field of `user_regs_struct` as a range of bytes.
macro_rules! reg {
    ($name:ident) => {{
        let at = core::mem::offset_of!(bindings::user_regs_struct, $name);
        at..at + 8
    }};
}

impl ArchRegs for Native {
    /// Of the second and the third a task has one: xstate, or what is left of it on a CPU without
    /// XSAVE.
    ///
    /// 32-bit tasks have the same: the registers of 64-bit tasks are all that there are, and which
    /// kind of code it is, is told by the code segment, which a program may change at any time.
    const SETS: &[u32] = &[
        bindings::NT_PRSTATUS,
        bindings::NT_PRFPREG,
        bindings::NT_X86_XSTATE,
        bindings::NT_386_TLS,
        ia32::NT_CALL,
    ];

    /// Returns whether it is off, but not by the strict mode of seccomp, which sets it again.
    fn counter_is_off(t: &FrozenTask) -> bool {
        // SAFETY: We own a reference on the task, which does not run, or is the caller.
        let flags = unsafe { (*t.as_ptr()).thread_info.flags };
        flags & 1 << bindings::TIF_NOTSC != 0 && t.seccomp_mode() != Mode::Strict
    }

    fn switch_counter_off() -> Result {
        // SAFETY: It is the setter of prctl(2), for the running task.
        to_result(unsafe { bindings::set_tsc_mode(bindings::PR_TSC_SIGSEGV) })
    }

    fn refusals(t: &FrozenTask, mut refuse: impl FnMut(&'static str)) {
        let task = t.as_ptr();
        // SAFETY: The task does not run, or is the caller: its thread state does not change.
        let (cs, ss, addr32, program, tls, iopl, ioports, debug, features, locked, amx, flags) = unsafe {
            let thread = &raw const (*task).thread;
            let regs = bindings::task_pt_regs(task);
            let mm = (*task).mm;
            (
                u32::from((*regs).__bindgen_anon_1.cs),
                u32::from((*regs).__bindgen_anon_2.ss),
                bindings::checkpoint_task_addr32(task),
                !mm.is_null() && ia32::is_program(mm),
                (*thread).tls_array.iter().any(|d| {
                    let raw: u64 = core::mem::transmute_copy(d);
                    raw != 0
                }),
                (*thread).iopl_emul != 0,
                !(*thread).io_bitmap.is_null(),
                (*thread).ptrace_bps.iter().any(|b| !b.is_null()),
                shadow_stack(thread),
                locked_features(thread),
                bindings::checkpoint_task_has_dynamic_xstate(task),
                (*task).thread_info.flags,
            )
        };
        let flag = |bit: u32| flags & 1 << bit != 0;
        // SAFETY: As before.
        let (call, status) =
            unsafe { (bindings::task_syscall_nr(task), (*task).thread_info.status) };
        // A kernel without that ABI has refused the call already. One of 32 bits has its own numbers.
        let x32_call = cfg!(CONFIG_X86_X32_ABI)
            && !t.is_current()
            && status & bindings::TS_COMPAT == 0
            && is_x32(call);
        for (bad, what) in [
            (
                addr32 && !program,
                "tasks of the x32 ABI are not supported: use a 64-bit build",
            ),
            (
                x32_call,
                "is in a system call of the x32 ABI, which is not supported: try again, or use a \
                 64-bit build",
            ),
            (
                cs == CS_32 && !ia32::is_known(),
                "32-bit code is not supported by this kernel: build it with CONFIG_IA32_EMULATION",
            ),
            (
                !matches!(cs, CS_32 | CS_64) || !is_stack_segment(ss),
                "a code or stack segment of its own is not supported: start it without modify_ldt(2)",
            ),
            (
                tls && set_of(bindings::NT_386_TLS).is_none(),
                "thread areas are not supported by this kernel: build it with CONFIG_IA32_EMULATION",
            ),
            (
                iopl,
                "I/O privileges (iopl) are not supported: have it give them up",
            ),
            (
                ioports,
                "I/O permissions (ioperm) are not supported: have it give them up",
            ),
            (debug, "hardware breakpoints are not supported: remove them"),
            (
                features,
                "user shadow stacks are not supported: start it without them (GLIBC_TUNABLES)",
            ),
            (
                locked,
                "locked features of shadow stacks (ARCH_SHSTK_LOCK) are not supported: start it \
                 without them (GLIBC_TUNABLES)",
            ),
            (
                amx,
                "permission for AMX (ARCH_REQ_XCOMP_PERM) is not supported: start it without AMX",
            ),
            (
                flag(bindings::TIF_NOCPUID),
                "CPUID that can't be read (ARCH_SET_CPUID) is not supported: have it allow that",
            ),
            (
                flag(bindings::TIF_SPEC_L1D_FLUSH),
                "flushes of the L1 data cache (PR_SPEC_L1D_FLUSH) are not supported: have it switch \
                 them off",
            ),
        ] {
            if bad {
                refuse(what);
            }
        }
    }

    fn get(t: &FrozenTask, note_type: u32) -> Result<Option<KVVec<u8>>> {
        if note_type == ia32::NT_CALL {
            return ia32::call_of(t);
        }
        let has_xstate = RegSet::find(bindings::NT_X86_XSTATE).is_some_and(|s| s.len() != 0);
        if note_type == bindings::NT_PRFPREG && has_xstate {
            return Ok(None);
        }
        let Some(mut bytes) = set_of(note_type).map(|s| s.get(t)).transpose()?.flatten() else {
            return Ok(None);
        };
        match note_type {
            bindings::NT_PRSTATUS => {
                if let Some(result) = regset::other_result(t)? {
                    set_reg(&mut bytes, reg!(ax), result.into())?;
                }
                if t.is_current() {
                    set_reg(&mut bytes, reg!(orig_ax), u64::MAX)?;
                }
            }
            bindings::NT_X86_XSTATE => {
                // SAFETY: The task is valid, and does not run or is the caller, as the function
                // wants.
                let rights = unsafe { bindings::checkpoint_task_pkru(t.as_ptr()) };
                set_pkru(&mut bytes, rights)?;
            }
            _ => (),
        }
        Ok(Some(bytes))
    }

    fn in_restart_block(t: &FrozenTask) -> bool {
        // SAFETY: The task does not run, or is the caller: its registers are stable.
        let (ax, call) = unsafe {
            let regs = bindings::task_pt_regs(t.as_ptr());
            ((*regs).ax, (*regs).orig_ax)
        };
        restart_block::error_asks_for_block(t)
            || ax == u32_as_usize(bindings::__NR_restart_syscall)
            // At the entry of that call, where it is stopped for its tracer.
            || call == ia32::restart_syscall(t)
    }

    fn place(notes: &[Option<&[u8]>]) -> Option<u64> {
        let [Some(general), ..] = notes else {
            return None;
        };
        regset::word(general, reg!(ip).start).map(u64::from_le)
    }

    fn stack(notes: &[Option<&[u8]>]) -> Option<u64> {
        let [Some(general), ..] = notes else {
            return None;
        };
        regset::word(general, reg!(sp).start).map(u64::from_le)
    }

    fn check(_t: &ParkedTask, notes: &[Option<&[u8]>]) -> Result<(), BadNote> {
        let missing = |at, why| match notes.get(at) {
            Some(Some(_)) => Ok(()),
            _ => Err(BadNote::new(Self::SETS.get(at).copied().unwrap_or(0), why)),
        };
        missing(0, "general registers are missing")?;
        missing(1, "floating-point registers are missing").or_else(|e| missing(2, e.why))?;
        for (&note_type, bytes) in Self::SETS.iter().zip(notes) {
            let Some(bytes) = bytes else {
                continue;
            };
            if note_type == ia32::NT_CALL {
                ia32::check_call(bytes)?;
                continue;
            }
            let set = set_of(note_type)
                .ok_or(BadNote::new(note_type, "this CPU has no such registers"))?;
            if bytes.len() != set.len() {
                return Err(BadNote::new(
                    note_type,
                    "register set of another size: this CPU has other features",
                ));
            }
            match note_type {
                bindings::NT_PRSTATUS => check_general(bytes)?,
                bindings::NT_PRFPREG => check_mxcsr(note_type, bytes)?,
                bindings::NT_386_TLS => ia32::check_areas(bytes)?,
                _ => check_xstate(bytes)?,
            }
        }
        Ok(())
    }

    fn set(t: &ParkedTask, note_type: u32, bytes: &[u8]) -> Result<(), BadNote> {
        match note_type {
            // What it has without notes of its own, and may have got from the caller.
            bindings::NT_PRSTATUS => ia32::forget(t),
            bindings::NT_386_TLS => return ia32::set_areas(t, bytes),
            ia32::NT_CALL => return ia32::set_call(t, bytes),
            _ => (),
        }
        regset::write(t, note_type, bytes)
    }
}

/// Returns whether `call` is the number of a system call of x32: negative ones, of which a 32-bit debugger
/// sets but the lower half, are of none.
fn is_x32(call: c_long) -> bool {
    call >= 0 && call.cast_unsigned() & u32_as_usize(bindings::__X32_SYSCALL_BIT) != 0
}

/// Returns whether the task uses a shadow stack.
#[cfg(CONFIG_X86_USER_SHADOW_STACK)]
fn shadow_stack(thread: *const bindings::thread_struct) -> bool {
    // SAFETY: The caller's task does not run, so its thread state does not change.
    unsafe { (*thread).features != 0 }
}

/// Returns whether the task uses a shadow stack: this kernel has none.
#[cfg(not(CONFIG_X86_USER_SHADOW_STACK))]
fn shadow_stack(_: *const bindings::thread_struct) -> bool {
    false
}

/// Returns whether the task can't switch shadow stacks on or off any more.
#[cfg(CONFIG_X86_USER_SHADOW_STACK)]
fn locked_features(thread: *const bindings::thread_struct) -> bool {
    // SAFETY: The caller's task does not run, so its thread state does not change.
    unsafe { (*thread).features_locked != 0 }
}

/// Returns whether the task can't switch shadow stacks on or off any more: this kernel has none.
#[cfg(not(CONFIG_X86_USER_SHADOW_STACK))]
fn locked_features(_: *const bindings::thread_struct) -> bool {
    false
}

/// Has the running task flush no caches for its creator's sake.
pub(super) fn reset() -> Result<(), &'static str> {
    // SAFETY: Reads flags of the running task.
    let flags = unsafe { (*bindings::get_current()).thread_info.flags };
    if flags & 1 << bindings::TIF_SPEC_L1D_FLUSH == 0 {
        return Ok(());
    }
    let (which, off) = (bindings::PR_SPEC_L1D_FLUSH, bindings::PR_SPEC_DISABLE);
    // SAFETY: It is the setter of prctl(2), for the running task, with its checks.
    to_result(unsafe { bindings::checkpoint_speculate(which, off) })
        .map_err(|_| "flushes the L1 data cache (PR_SPEC_L1D_FLUSH)")
}

/// Sets one register.
fn set_reg(prstatus: &mut [u8], at: core::ops::Range<usize>, value: u64) -> Result {
    regset::put(prstatus, at.start, &value.to_le_bytes())
}

/// Number of the component of the xstate that PKRU is.
const XFEATURE_PKRU: u32 = bindings::xfeature_XFEATURE_PKRU;

/// Sets the rights of protection keys in the xstate.
///
/// They are not those that were saved with the rest of it: the kernel switches them by itself.
/// So the header may say that they are in their initial state, in which they are no more.
fn set_pkru(xstate: &mut [u8], rights: u32) -> Result {
    if rights == 0 {
        return Ok(());
    }
    let [_, offset, ..] = cpuid(0xd, XFEATURE_PKRU);
    regset::put(xstate, usize::try_from(offset)?, &rights.to_le_bytes())?;
    let features = xstate
        .get_mut(XSTATE_HEADER..)
        .and_then(|header| header.first_chunk_mut::<8>())
        .ok_or(EINVAL)?;
    *features = (u64::from_le_bytes(*features) | 1 << XFEATURE_PKRU).to_le_bytes();
    Ok(())
}

/// Checks the general registers: what the register set's function would silently mask.
fn check_general(prstatus: &[u8]) -> Result<(), BadNote> {
    let bad = |why| BadNote::new(bindings::NT_PRSTATUS, why);
    let get = |at: core::ops::Range<usize>| {
        regset::word(prstatus, at.start)
            .map(u64::from_le)
            .ok_or(bad("register set too short"))
    };
    let no_segment = "code or stack segment is not one of user mode";
    match u32::try_from(get(reg!(cs))?).map_err(|_| bad(no_segment))? {
        CS_32 if !ia32::is_known() => {
            return Err(bad("32-bit code, which this kernel does not run"));
        }
        CS_32 | CS_64 if u32::try_from(get(reg!(ss))?).is_ok_and(is_stack_segment) => (),
        _ => return Err(bad(no_segment)),
    }
    // What user mode may set: the status flags, TF, DF, NT, RF, AC, ID; IF and bit 1 are set.
    let user = 0x0025_4dd5 | 0x0202;
    if get(reg!(flags))? & !user != 0 || get(reg!(flags))? & 0x200 == 0 {
        return Err(bad("privileged bits in the flags register"));
    }
    // SAFETY: It only computes a constant of the machine.
    let end = usize_as_u64(unsafe { bindings::checkpoint_task_size_max() });
    for at in [reg!(ip), reg!(fs_base), reg!(gs_base)] {
        if get(at)? >= end {
            return Err(bad("address outside of user space"));
        }
    }
    for at in [reg!(ds), reg!(es), reg!(fs), reg!(gs)] {
        // None, or one of user mode.
        let selector = get(at)?;
        if selector != 0 && (selector & 3 != 3 || selector > 0xffff) {
            return Err(bad("data segment is not one of user mode"));
        }
    }
    Ok(())
}

/// Offset of MXCSR in the floating-point registers, with or without the rest of the xstate.
const MXCSR: usize = 24;

/// Offset of the header in the xstate.
const XSTATE_HEADER: usize = 512;

/// Bytes of the header of the xstate: features, compaction, reserved.
const XSTATE_HEADER_LEN: usize = 64;

/// Checks the control register of the vector unit.
fn check_mxcsr(note_type: u32, bytes: &[u8]) -> Result<(), BadNote> {
    let bad = |why| BadNote::new(note_type, why);
    let mxcsr = regset::word(bytes, MXCSR)
        .map(u64::from_le)
        .ok_or(bad("register set too short"))?;
    // SAFETY: It only reads a constant of the machine.
    let allowed = unsafe { bindings::checkpoint_mxcsr_mask() };
    // CAST: It is the lower half of the word; in the other one is its mask.
    if mxcsr as u32 & !allowed != 0 {
        return Err(bad("reserved bits in MXCSR"));
    }
    Ok(())
}

/// Checks the xstate: all that the function that loads it would refuse.
fn check_xstate(bytes: &[u8]) -> Result<(), BadNote> {
    let bad = |why| BadNote::new(bindings::NT_X86_XSTATE, why);
    let header = bytes
        .get(XSTATE_HEADER..XSTATE_HEADER + XSTATE_HEADER_LEN)
        .ok_or(bad("register set too short"))?;
    let features = regset::word(header, 0)
        .map(u64::from_le)
        .ok_or(bad("register set too short"))?;
    // SAFETY: Set at boot, constant since then.
    let known = unsafe { bindings::fpu_user_cfg.default_features };
    if features & !known != 0 {
        return Err(bad("features that this CPU or kernel lacks"));
    }
    if header.iter().skip(8).any(|&b| b != 0) {
        return Err(bad("header is compacted, or has reserved bits"));
    }
    check_mxcsr(bindings::NT_X86_XSTATE, bytes)
}
