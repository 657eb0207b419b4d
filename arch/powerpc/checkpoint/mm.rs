// SPDX-License-Identifier: GPL-2.0

//! What an address space holds that only powerpc has; the vDSO.

use kernel::{
    bindings,
    error::to_result,
    prelude::*, //
};

use crate::{
    image::mm::vma as flag,
    kapi::mm::space::MmRef, //
};

/// Flags of mappings that only this architecture has: the bit, its number in the image
/// (`image::mm::vma`), and the `PROT_*` that asks for it.
pub(crate) const VMA_FLAGS: &[(u64, u64, usize)] = &[(
    1 << bindings::VMA_SAO_BIT,
    flag::SAO,
    bindings::PROT_SAO as usize,
)];

/// Flags of mappings that make up the protection key, where that is supported: only the hash
/// MMU of real machines has keys.
pub(crate) const PKEY_BITS: u64 = 0;

/// Flags of mappings that can't be saved, and why.
pub(crate) const VMA_REFUSED: &[(u64, &str)] = &[(
    0x1f << bindings::VMA_PKEY_BIT0_BIT,
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
    unsafe {
        if bindings::checkpoint_ppc_has_keys(mm.as_ptr()) {
            return Some("memory protection keys: start it without them");
        }
        if bindings::checkpoint_ppc_has_subpage_prot(mm.as_ptr()) {
            return Some("protection of parts of pages (subpage_prot): have it take that off");
        }
        if context!(mm).copros.counter != 0 || context!(mm).vas_windows.counter != 0 {
            return Some("is used by an accelerator: have it close that");
        }
    }
    None
}

/// crc32c of the code of this kernel's vDSO, as an image has it.
pub(crate) fn vdso_crc(_context: &[u64; 4]) -> u32 {
    let mut len = 0;
    // SAFETY: The code does not change after boot; `len` is set to its bytes.
    !unsafe {
        let code = bindings::checkpoint_vdso(&mut len);
        bindings::crc32c_update(!0, code, len)
    }
}

/// Maps the vDSO and its data, which come first, into the caller's address space, at `start` if
/// that is free.
///
/// EEXIST: there is one already.
pub(crate) fn map_vdso(start: usize, _context: &[u64; 4]) -> Result {
    // SAFETY: The address is checked there.
    to_result(unsafe { bindings::vdso_map_at(start) })
}

/// Prepares the caller's new address space for 64-bit programs, as exec does: nothing is left to
/// do here.
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
