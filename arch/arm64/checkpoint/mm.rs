// SPDX-License-Identifier: GPL-2.0

//! What an address space holds that only arm64 has; the vDSO.

use kernel::{
    bindings,
    error::to_result,
    prelude::*, //
};

use crate::{
    image::mm::vma as flag,
    kapi::mm::space::MmRef, //
};

/// Of `asm/mman.h`: guarded targets of branches, memory tags.
const PROT_BTI: usize = 0x10;
const PROT_MTE: usize = 0x20;

const BTI: u64 = 1 << bindings::VMA_ARM64_BTI_BIT;
const MTE: u64 = 1 << bindings::VMA_MTE_BIT;
const MTE_ALLOWED: u64 = 1 << bindings::VMA_MTE_ALLOWED_BIT;
const SHADOW_STACK: u64 = 1 << bindings::VMA_HIGH_ARCH_6_BIT;

/// Flags of mappings that only this architecture has: the bit, its number in the image
/// (`image::mm::vma`), and the `PROT_*` that asks for it.
///
/// That tags may be asked for follows from what is mapped.
pub(crate) const VMA_FLAGS: &[(u64, u64, usize)] = &[
    (BTI, flag::BTI, PROT_BTI),
    (MTE, flag::MTE, PROT_MTE),
    (MTE_ALLOWED, 0, 0),
    (SHADOW_STACK, flag::SHADOW_STACK, 0),
];

/// Flags of mappings that make up the protection key, where that is supported.
pub(crate) const PKEY_BITS: u64 = 0;

/// Flags of mappings that can't be saved, and why.
pub(crate) const VMA_REFUSED: &[(u64, &str)] = &[(
    7 << bindings::VMA_HIGH_ARCH_0_BIT,
    "memory protection keys: start it without them",
)];

/// The protection key among the flags of a mapping.
pub(crate) fn pkey(_flags: u64) -> u32 {
    0
}

/// How many protection keys mappings may have; 1: none but the default one.
pub(crate) fn pkeys() -> u32 {
    1
}

macro_rules! context {
    ($mm:expr) => {
        (*$mm.as_ptr()).__bindgen_anon_1.context
    };
}

/// Why `mm` can't be saved, if it can't; its tasks are frozen.
pub(crate) fn refusal(mm: &MmRef) -> Option<&'static str> {
    // SAFETY: We own a reference. Only tasks of the address space change these.
    if unsafe { context!(mm).flags } != 0 {
        return Some("32-bit programs are not supported: use a 64-bit build");
    }
    // SAFETY: As above.
    if unsafe { context!(mm).pkey_allocation_map } & !1 != 0 {
        return Some("memory protection keys: start it without them");
    }
    None
}

/// crc32c of the code of this kernel's vDSO, as an image has it.
pub(crate) fn vdso_crc(_context: &[u64; 4]) -> u32 {
    // SAFETY: The symbols are the ends of one object, which does not change after boot.
    unsafe {
        let start = (&raw const bindings::vdso_start).addr();
        let end = (&raw const bindings::vdso_end).addr();
        let code = (&raw const bindings::vdso_start).cast();
        !bindings::crc32c_update(!0, code, end.saturating_sub(start))
    }
}

/// Maps the vDSO and its data, which come first, into the caller's address space, at `start` if
/// that is free.
///
/// EEXIST: there is one already.
pub(crate) fn map_vdso(start: usize, _context: &[u64; 4]) -> Result {
    // SAFETY: The address is only a wish.
    to_result(unsafe { bindings::map_vdso_once(start) })
}

/// Prepares the caller's new address space, as exec does: nothing is left to do here.
pub(crate) fn prepare(_mm: &MmRef) {}

/// What an image has of `mm` in `Mm::context`. Only of an address space of frozen tasks.
pub(crate) fn save_context(_mm: &MmRef) -> [u64; 4] {
    [0; 4]
}

/// Gives `mm`, the caller's new address space, what [`save_context`] saved. Called before it
/// has mappings: first before the caller makes the threads, which are of the same kind, and again
/// before it maps anything.
///
/// The error says what is not possible on this machine.
pub(crate) fn load_context(_mm: &MmRef, context: [u64; 4]) -> Result<(), &'static str> {
    if context != [0; 4] {
        return Err("impossible architecture state of the address space");
    }
    Ok(())
}

/// Gives `mm` what would have hindered mapping of what [`load_context`] has accepted: nothing.
pub(crate) fn finish_context(_mm: &MmRef, _context: [u64; 4]) {}

/// The current task is again in no call of the kind of program that [`load_context`] has made it:
/// nothing is left to do here.
pub(crate) fn leave_context() {}
