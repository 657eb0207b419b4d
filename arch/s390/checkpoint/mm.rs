// SPDX-License-Identifier: GPL-2.0

//! What an address space holds that only s390 has; the vDSO.
//!
//! The number of levels of the page tables (`context.asce_limit`) is not saved: mapping at a high
//! address adds the levels that it needs. Storage keys and page tables of KVM guests belong to
//! the descriptors of KVM, which are refused.

use kernel::{
    bindings,
    error::to_result,
    prelude::*, //
};

use crate::kapi::mm::space::MmRef;

/// Flags of mappings that only this architecture has: the bit, its number in the image
/// (`image::mm::vma`), and the `PROT_*` that asks for it.
pub(crate) const VMA_FLAGS: &[(u64, u64, usize)] = &[];

/// Flags of mappings that make up the protection key, where that is supported.
pub(crate) const PKEY_BITS: u64 = 0;

/// Flags of mappings that can't be saved, and why.
pub(crate) const VMA_REFUSED: &[(u64, &str)] = &[];

/// The protection key among the flags of a mapping.
pub(crate) fn pkey(_flags: u64) -> u32 {
    0
}

/// How many protection keys mappings may have; 1: none but the default one.
pub(crate) fn pkeys() -> u32 {
    1
}

/// Why `mm` can't be saved, if it can't; its tasks are frozen.
pub(crate) fn refusal(_mm: &MmRef) -> Option<&'static str> {
    None
}

/// crc32c of the code of this kernel's vDSO, as an image has it.
pub(crate) fn vdso_crc(_context: &[u64; 4]) -> u32 {
    // SAFETY: The image of the vDSO does not change after boot.
    unsafe {
        let start = (&raw const bindings::vdso_start).cast::<c_void>();
        let len = bindings::vdso_text_size();
        !bindings::crc32c_update(!0, start, len)
    }
}

/// Maps the vDSO and its data, which come first, into the caller's address space, at `start` if
/// that is free.
pub(crate) fn map_vdso(start: usize, _context: &[u64; 4]) -> Result {
    // SAFETY: `current` has an address space of its own; the address is only a wish.
    to_result(unsafe { bindings::map_vdso(start, bindings::vdso_size()) })
}

/// Prepares the caller's new address space, as exec does: nothing is left to do.
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
