// SPDX-License-Identifier: GPL-2.0

//! Programs of 32 bits (AArch32).
//!
//! A task is of 32 bits as long as its program is: an exec alone changes that. Its registers are the lower
//! halves of those that all tasks have, and so they are in the same notes. Beside those it has a second
//! thread pointer, and pages with code of the kernel.

use kernel::{
    bindings,
    error::to_result,
    page::PAGE_SIZE,
    prelude::*, //
};

use super::vector;
use crate::kapi::{
    fork::parked::ParkedTask,
    mm::{
        space::MmRef,
        vdso::Vdso, //
    },
    task::{
        frozen::FrozenTask,
        regset::{
            self,
            BadNote, //
        }, //
    }, //
};

/// The image's own note of a task of 32 bits: the thread pointer that it can write by itself (TPIDRURW).
/// The other one, which set_tls sets, is in the note of TLS.
pub(super) const NT_AARCH32: u32 = regset::OWN_NOTES + 4;

/// The notes that such a task has. What it lacks it can't reach.
const NOTES: &[u32] = &[
    bindings::NT_PRSTATUS,
    bindings::NT_ARM_SYSTEM_CALL,
    bindings::NT_ARM_TLS,
    bindings::NT_PRFPREG,
    bindings::NT_ARM_SVE,
    bindings::NT_ARM_SSVE,
    bindings::NT_ARM_ZA,
    super::regs::NT_STOP,
    NT_AARCH32,
];

/// Those that it must have.
pub(super) const MANDATORY: &[u32] = &[
    bindings::NT_PRSTATUS,
    bindings::NT_ARM_SYSTEM_CALL,
    bindings::NT_ARM_TLS,
    bindings::NT_PRFPREG,
    NT_AARCH32,
];

/// Registers that it sees, of those in `user_pt_regs`: the program counter comes besides.
pub(super) const REGS: usize = 15;

/// What is in the half of a register that it does not see.
const UPPER: u64 = !0 << 32;

/// The system call that goes on by the restart block.
pub(super) const RESTART_SYSCALL: u64 = 0;

/// Address of the page with the kernel's helpers: `AARCH32_VECTORS_BASE`.
const VECTORS: usize = 0xffff_0000;

/// Returns whether `t` is a task of 32 bits.
///
/// # Safety
///
/// `t` is valid, and does not run or is the caller.
pub(super) unsafe fn is_task(t: *mut bindings::task_struct) -> bool {
    // SAFETY: By the caller's promise the task is valid; a flag of it is read.
    unsafe { bindings::checkpoint_tif(t, bindings::TIF_32BIT as c_int) }
}

/// Returns whether `mm` was made by the exec of a program of 32 bits.
pub(super) fn is_program(mm: &MmRef) -> bool {
    // SAFETY: We own a reference. Only exec sets the flags.
    unsafe { (*mm.context()).flags & bindings::MMCF_AARCH32 as c_ulong != 0 }
}

/// Returns whether a task of 32 bits has that note.
pub(super) fn has(note_type: u32) -> bool {
    NOTES.contains(&note_type)
}

/// Returns the lower half of a register.
pub(super) fn lower(word: u64) -> u64 {
    word & !UPPER
}

/// Empties the halves of general registers in a note that such a task does not see: a CPU may leave
/// anything there.
pub(super) fn narrow(prstatus: &mut [u8]) {
    let pc = core::mem::offset_of!(bindings::user_pt_regs, pc);
    let mut empty = |at: usize| {
        if let Some(word) = regset::word(prstatus, at) {
            // It was there.
            let _ = regset::put(prstatus, at, &lower(word).to_ne_bytes());
        }
    };
    (0..REGS).for_each(|n| empty(n * 8));
    empty(pc);
}

/// Returns the note [`NT_AARCH32`] of a task of 32 bits.
pub(super) fn get(t: &FrozenTask) -> Result<Option<KVVec<u8>>> {
    // SAFETY: The task does not run, or is the caller.
    let tls = unsafe { bindings::checkpoint_aarch32_tls(t.as_ptr()) } as u64;
    let mut bytes = KVVec::new();
    bytes.extend_from_slice(&lower(tls).to_ne_bytes(), GFP_KERNEL_ACCOUNT)?;
    Ok(Some(bytes))
}

/// Has a parked task, which has its address space already, be of 32 bits if its program is; returns
/// whether it is. Its registers are checked and written as those of such a task then.
pub(super) fn make(t: &ParkedTask) -> bool {
    // SAFETY: The task is parked, off its CPU: it keeps its address space, which it has made or shares
    // with who did, and the flags of that do not change. exec() sets the flag of the task by
    // COMPAT_SET_PERSONALITY() for such a program. What depends on it in the CPU (thread pointers, access
    // to the counter) is set when the task is switched to; that the CPUs run such programs was checked
    // when the address space was made.
    unsafe {
        let mm = (*t.as_ptr()).mm;
        let narrow = !mm.is_null()
            && (*mm).__bindgen_anon_1.context.flags & bindings::MMCF_AARCH32 as c_ulong != 0;
        if narrow {
            bindings::checkpoint_make_aarch32(t.as_ptr());
        }
        narrow
    }
}

/// Checks a note of such a task, beyond what is checked of any task's.
pub(super) fn check(note_type: u32, bytes: &[u8]) -> Result<(), BadNote> {
    let bad = |why| Err(BadNote::new(note_type, why));
    let fits = |at: usize| regset::word(bytes, at).is_some_and(|word| word & UPPER == 0);
    match note_type {
        _ if !has(note_type) => bad("registers that a task of 32 bits has not"),
        bindings::NT_PRSTATUS if !(0..REGS).all(|n| fits(n * 8)) => {
            bad("more than 32 bits in a register of a task of 32 bits")
        }
        bindings::NT_ARM_TLS if !fits(0) => bad("more than 32 bits of a task of 32 bits"),
        super::regs::NT_STOP if !(fits(0) && fits(8) && fits(16)) => {
            bad("more than 32 bits of a task of 32 bits")
        }
        NT_AARCH32 if bytes.len() != 8 => bad("register set of wrong size"),
        NT_AARCH32 if !fits(0) => bad("more than 32 bits of a task of 32 bits"),
        _ if !vector::is_plain(note_type, bytes) => bad("registers that a task of 32 bits has not"),
        _ => Ok(()),
    }
}

/// Writes the note [`NT_AARCH32`], which was checked.
pub(super) fn set(t: &ParkedTask, bytes: &[u8]) {
    let tls = regset::word(bytes, 0).unwrap_or(0);
    // SAFETY: The task is parked, off its CPU. It may write any value to the register.
    unsafe { bindings::checkpoint_set_aarch32_tls(t.as_ptr(), tls as c_ulong) };
}

/// Returns the first address that such a program does not reach.
pub(super) fn end() -> u64 {
    // SAFETY: It only computes a constant of the kernel.
    unsafe { bindings::checkpoint_aarch32_size() as u64 }
}

/// Returns the address of the page by which signal handlers return; 0: there never was one.
pub(super) fn sigpage(mm: &MmRef) -> usize {
    // SAFETY: We own a reference. Only tasks of the address space change it.
    unsafe { bindings::checkpoint_sigpage(mm.as_ptr()) }
}

/// Sets what [`sigpage`] gave, for the caller's new address space.
pub(super) fn set_sigpage(mm: &MmRef, at: usize) {
    // SAFETY: We own a reference, and the address space belongs to the caller alone. exec and mremap(2) set
    // it, and munmap(2) leaves it. It is only an address to which signal handlers return, in user mode;
    // that it is one of 32 bits was checked.
    unsafe { bindings::checkpoint_set_sigpage(mm.as_ptr(), at) };
}

/// Returns the checksums of the code in the two pages; 0 stands for one that this kernel has not.
pub(super) fn pages() -> u64 {
    let crc = |vectors| {
        // SAFETY: The page is there from boot on, and does not change.
        let page = unsafe { bindings::checkpoint_aarch32_page(vectors) };
        if page.is_null() {
            return 0;
        }
        // SAFETY: It has as many bytes.
        u64::from(unsafe { Vdso::new(page.cast(), PAGE_SIZE, 0, 0) }.crc())
    };
    crc(true) << 32 | crc(false)
}

/// Returns whether such a program with pages of the checksums `theirs` can have those of this kernel.
pub(super) fn has_same_pages(theirs: u64) -> bool {
    let ours = pages();
    // What it has not it does not use.
    lower(theirs) == lower(ours) && (theirs & UPPER == 0 || theirs & UPPER == ours & UPPER)
}

/// Returns whether `mm` has the page at `start` where the kernel takes it to be.
pub(super) fn is_in_place(mm: &MmRef, start: usize) -> bool {
    // One of them is in the place of the other one if both say so.
    (start == VECTORS) != (start == sigpage(mm))
}

/// Maps the page at `start` into the caller's new address space `mm`. May sleep. Errors as of
/// [`ArchMm::map_page`](crate::kapi::arch::ArchMm::map_page).
pub(super) fn map_page(mm: &MmRef, start: usize) -> Result {
    // SAFETY: The address is only a wish.
    to_result(unsafe { bindings::checkpoint_aarch32_map_page(start) })?;
    if start != VECTORS && sigpage(mm) != start {
        return Err(ENOMEM);
    }
    Ok(())
}

/// Writes a jump from `at` to `to` to the beginning of `code`, as
/// [`vdso_jump`](crate::kapi::arch::ArchMm::vdso_jump) does. Addresses of Thumb code are odd.
pub(super) fn jump(code: &mut [u8], at: u64, to: u64) -> Option<usize> {
    let room = code.first_chunk_mut::<4>()?;
    let thumb = at % 2 != 0;
    // The program counter is two instructions further on.
    let (ahead, unit) = if thumb { (4, 2) } else { (8, 4) };
    let far = to.wrapping_sub(at).wrapping_sub(ahead).cast_signed();
    // In instructions, of which 24 bits tell. A jump does not change the kind of code.
    let far = Some(far / unit).filter(|n| {
        far % unit == 0 && (to % 2 != 0) == thumb && (-(1 << 23)..1 << 23).contains(n)
    })?;
    let far = u32::try_from(far & 0x00ff_ffff).ok()?;
    let jump = if thumb {
        // B.W, with the bits of the number in five places.
        let (sign, j1, j2) = (far >> 23, far >> 22 & 1, far >> 21 & 1);
        let first = 0xf000 | sign << 10 | (far >> 11 & 0x3ff);
        let second = 0x9000 | (j1 ^ sign ^ 1) << 13 | (j2 ^ sign ^ 1) << 11 | (far & 0x7ff);
        first | second << 16
    } else {
        0xea00_0000 | far
    };
    *room = jump.to_le_bytes();
    Some(4)
}

/// Returns where a signal handler returns to, as
/// [`frame_place`](crate::kapi::arch::ArchMm::frame_place) does. Instructions of Thumb code only may be
/// shorter than a jump.
pub(super) fn frame_place(bytes: &[u8]) -> Option<u64> {
    // Of the CPSR, which follows: the mode, and that it is Thumb code.
    const WHAT: u32 = 0x3f;
    const THUMB: u32 = 0x30;
    let (pc, rest) = bytes.split_first_chunk::<4>()?;
    let cpsr = u32::from_le_bytes(*rest.first_chunk::<4>()?);
    (cpsr & WHAT == THUMB).then_some(u32::from_le_bytes(*pc).into())
}
