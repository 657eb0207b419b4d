// SPDX-License-Identifier: GPL-2.0

//! What 32-bit programs have, and others that make 32-bit system calls: the call that a task is
//! in, thread areas, where their mappings are placed.

#[cfg(CONFIG_HAVE_ARCH_COMPAT_MMAP_BASES)]
use kernel::num::casts::usize_as_u64;
use kernel::{
    bindings,
    num::casts::u32_as_usize,
    prelude::*, //
};

use crate::kapi::{
    fork::parked::ParkedTask,
    mm::space::MmRef,
    task::{
        frozen::FrozenTask,
        regset::{
            self,
            BadNote,
            RegSet, //
        }, //
    }, //
};

#[cfg(CONFIG_HAVE_ARCH_COMPAT_MMAP_BASES)]
use crate::kapi::mm::space::flag;

/// The system call that a task is in, if it is one of 32 bits. A note of ours.
pub(super) const NT_CALL: u32 = regset::OWN_NOTES + 2;

/// Bits of [`NT_CALL`]: the call is one of 32 bits; its registers were changed by a 32-bit
/// debugger.
const CALL_FLAGS: &[(u32, u64)] = &[
    (bindings::TS_COMPAT, 1 << 0),
    #[cfg(CONFIG_COMPAT)]
    (bindings::TS_I386_REGS_POKED, 1 << 1),
];

/// Returns whether this kernel runs 32-bit programs.
pub(super) fn is_known() -> bool {
    // SAFETY: It looks at what was chosen when the kernel was built and booted.
    unsafe { bindings::checkpoint_has_ia32() }
}

/// Returns whether `mm` was made by the exec of a 32-bit program.
///
/// # Safety
///
/// `mm` is a valid address space, whose flags do not change.
pub(super) unsafe fn is_program(mm: *const bindings::mm_struct) -> bool {
    // SAFETY: By the caller's promise the address space is valid, and its flags do not change.
    let flags = unsafe { (*mm).__bindgen_anon_1.context.flags };
    flags & 1 << bindings::MM_CONTEXT_UPROBE_IA32 != 0
}

/// Returns the top of the area for mappings of 32-bit calls; 0: there are no such calls.
#[cfg(CONFIG_HAVE_ARCH_COMPAT_MMAP_BASES)]
pub(super) fn mmap_base(mm: &MmRef) -> u64 {
    // SAFETY: We own a reference. The field does not change after exec.
    usize_as_u64(unsafe { (*mm.as_ptr()).__bindgen_anon_1.mmap_compat_base })
}

/// Returns the top of the area for mappings of 32-bit calls: there are none.
#[cfg(not(CONFIG_HAVE_ARCH_COMPAT_MMAP_BASES))]
pub(super) fn mmap_base(_: &MmRef) -> u64 {
    0
}

/// Sets what [`mmap_base`] gave, for the caller's new address space.
#[cfg(CONFIG_HAVE_ARCH_COMPAT_MMAP_BASES)]
pub(super) fn set_mmap_base(mm: &MmRef, base: usize) {
    let top_down = mm.flags() & 1 << flag::TOPDOWN != 0;
    // SAFETY: We own a reference, and the address space belongs to the caller alone. Only
    // arch_pick_mmap_layout() sets these: to the end of a page, below the end of what a 32-bit
    // program reaches. Both were checked.
    unsafe {
        let fields = &raw mut (*mm.as_ptr()).__bindgen_anon_1;
        (*fields).mmap_compat_base = base;
        if !top_down {
            (*fields).mmap_compat_legacy_base = base;
        }
    }
}

/// Sets what [`mmap_base`] gave: of no use here.
#[cfg(not(CONFIG_HAVE_ARCH_COMPAT_MMAP_BASES))]
pub(super) fn set_mmap_base(_: &MmRef, _: usize) {}

/// Has the running task be in no 32-bit call, as which it may have made its address space.
pub(super) fn leave_call() {
    // SAFETY: The field belongs to the running task. The entry code sets the bit at a 32-bit call,
    // and takes it off when that ends.
    unsafe { (*bindings::get_current()).thread_info.status &= !bindings::TS_COMPAT };
}

/// Returns the number of restart_syscall(2) among the calls of which `t` is in one.
pub(super) fn restart_syscall(t: &FrozenTask) -> usize {
    // SAFETY: The task does not run, or is the caller, and only itself changes the field.
    let status = unsafe { (*t.as_ptr()).thread_info.status };
    match status & bindings::TS_COMPAT {
        0 => u32_as_usize(bindings::__NR_restart_syscall),
        // __NR_ia32_restart_syscall
        _ => 0,
    }
}

/// Returns the note of the 32-bit call that a task is in; `None`: it is in none.
pub(super) fn call_of(t: &FrozenTask) -> Result<Option<KVVec<u8>>> {
    if t.is_current() {
        // It is in a call no more.
        return Ok(None);
    }
    // SAFETY: The task does not run, and only itself changes the field.
    let status = unsafe { (*t.as_ptr()).thread_info.status };
    let mut word = 0u64;
    for &(bit, stored) in CALL_FLAGS {
        if status & bit != 0 {
            word |= stored;
        }
    }
    if word == 0 {
        return Ok(None);
    }
    let mut bytes = KVVec::new();
    bytes.extend_from_slice(&word.to_le_bytes(), GFP_KERNEL_ACCOUNT)?;
    Ok(Some(bytes))
}

/// Checks the note of a 32-bit call.
pub(super) fn check_call(bytes: &[u8]) -> Result<(), BadNote> {
    let bad = |why| BadNote::new(NT_CALL, why);
    let word = match bytes.len() {
        8 => regset::word(bytes, 0).map(u64::from_le),
        _ => None,
    };
    let known = CALL_FLAGS.iter().fold(0, |all, (_, bit)| all | bit);
    match word {
        None => Err(bad("note of wrong size")),
        Some(word) if word & !known != 0 => Err(bad("unknown bits")),
        Some(_) if !is_known() => Err(bad("a 32-bit call, which this kernel does not know")),
        Some(_) => Ok(()),
    }
}

/// Writes the note of a 32-bit call that was checked.
pub(super) fn set_call(t: &ParkedTask, bytes: &[u8]) -> Result<(), BadNote> {
    let word = regset::word(bytes, 0)
        .map(u64::from_le)
        .ok_or(BadNote::new(NT_CALL, "note of wrong size"))?;
    for &(bit, stored) in CALL_FLAGS {
        if word & stored != 0 {
            // SAFETY: The task is parked, off its CPU, and only itself changes the field else. The
            // entry code sets the one bit, where this kernel runs 32-bit programs, as was checked;
            // ptrace(2) the other. They say how the call's error is told and by which number it is
            // made again, and of a task that is stopped at its entry which table it is looked for in
            // (checkpoint_make_call()): any task may make a 32-bit call.
            unsafe { (*t.as_ptr()).thread_info.status |= bit };
        }
    }
    Ok(())
}

/// Takes from a parked task what it has got from the caller of restart(2): the note of its call and
/// its thread areas come after.
pub(super) fn forget(t: &ParkedTask) {
    // SAFETY: The task is parked, off its CPU: nobody else looks at its thread state. As
    // flush_thread() does; a descriptor of all zeroes is none.
    unsafe {
        (*t.as_ptr()).thread.tls_array = pin_init::zeroed();
        for (bit, _) in CALL_FLAGS {
            (*t.as_ptr()).thread_info.status &= !bit;
        }
    }
}

/// Returns the register set of thread areas, as of set_thread_area(2); `None`: this kernel has
/// none.
pub(super) fn areas() -> Option<RegSet> {
    // SAFETY: It gives a view, which is constant, or null.
    let view = unsafe { bindings::checkpoint_ia32_view().as_ref() };
    RegSet::find_in(view?, bindings::NT_386_TLS)
}

/// Bytes of a thread area: `struct user_desc`.
const AREA_LEN: usize = 16;

/// Flags of `struct user_desc`: 32 bits; neither data nor stack; read-only; absent; all.
const AREA_32BIT: u32 = 1 << 0;
const AREA_CODE: u32 = 1 << 2;
const AREA_READ_ONLY: u32 = 1 << 3;
const AREA_ABSENT: u32 = 1 << 5;
const AREA_FLAGS: u32 = (1 << 7) - 1;

/// Highest limit of a segment.
const LIMIT_MAX: u32 = 0xf_ffff;

/// Checks thread areas: all that the function that loads them would refuse, or change.
pub(super) fn check_areas(bytes: &[u8]) -> Result<(), BadNote> {
    let bad = |why| BadNote::new(bindings::NT_386_TLS, why);
    for (n, area) in bytes.chunks_exact(AREA_LEN).enumerate() {
        let mut words = area
            .chunks_exact(4)
            .filter_map(|w| w.try_into().ok().map(u32::from_le_bytes));
        let mut next = || words.next().ok_or(bad("register set too short"));
        let (entry, base, limit, flags) = (next()?, next()?, next()?, next()?);
        if u32_as_usize(entry) != u32_as_usize(bindings::GDT_ENTRY_TLS_MIN) + n {
            return Err(bad("thread area in the place of another"));
        }
        if (base, limit, flags) == (0, 0, AREA_READ_ONLY | AREA_ABSENT) {
            // None.
            continue;
        }
        if flags & !AREA_FLAGS != 0
            || flags & AREA_32BIT == 0
            || flags & (AREA_CODE | AREA_ABSENT) != 0
            || limit > LIMIT_MAX
        {
            return Err(bad("impossible thread area"));
        }
    }
    Ok(())
}

/// Writes thread areas that were checked.
pub(super) fn set_areas(t: &ParkedTask, bytes: &[u8]) -> Result<(), BadNote> {
    areas()
        .ok_or(ENODEV)
        .and_then(|set| set.set(t, bytes))
        .map_err(|_| BadNote::new(bindings::NT_386_TLS, "register contents are not possible"))
}
