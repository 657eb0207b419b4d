// SPDX-License-Identifier: GPL-2.0

//! What an address space holds that only x86 has; the vDSO.

use kernel::{
    bindings,
    error::to_result,
    prelude::*, //
};

use super::pkeys;
use crate::kapi::mm::MmRef;

pub(crate) use pkeys::{
    count as pkeys,
    of as pkey,
    BITS as PKEY_BITS, //
};

/// Flags of mappings that only this architecture has: the bit, its number in the image
/// (`image::mm::vma`), and the `PROT_*` that asks for it.
pub(crate) const VMA_FLAGS: &[(u64, u64, usize)] = &[];

/// Flags of mappings that can't be saved, and why.
pub(crate) const VMA_REFUSED: &[(u64, &str)] = &[(SHADOW_STACK, "shadow stack")];

/// As which it is declared only by kernels that have it.
const SHADOW_STACK: u64 = 1 << bindings::VMA_HIGH_ARCH_5_BIT;

/// The fields of `struct mm_struct` that are the architecture's own.
macro_rules! context {
    ($mm:expr) => {
        (*$mm.as_ptr()).__bindgen_anon_1.context
    };
}
pub(super) use context;

/// Why `mm` can't be saved, if it can't; its tasks are frozen.
pub(crate) fn refusal(mm: &MmRef) -> Option<&'static str> {
    // SAFETY: We own a reference. Only tasks of the address space change these.
    let image = unsafe { context!(mm).vdso_image };
    if !image.is_null() && image != &raw const bindings::vdso64_image {
        return Some("32-bit vDSO");
    }
    #[cfg(CONFIG_MODIFY_LDT_SYSCALL)]
    // SAFETY: As above; the pointer is only compared.
    if !unsafe { context!(mm).ldt }.is_null() {
        return Some("local descriptor table");
    }
    #[cfg(CONFIG_ADDRESS_MASKING)]
    // SAFETY: As above.
    if unsafe { context!(mm).lam_cr3_mask } != 0 {
        return Some("linear address masking");
    }
    None
}

/// crc32c of the code of this kernel's vDSO, as an image has it.
pub(crate) fn vdso_crc() -> u32 {
    // SAFETY: The image describes its data, which does not change after boot.
    !unsafe {
        bindings::crc32c_update(!0, bindings::vdso64_image.data, bindings::vdso64_image.size)
    }
}

/// Maps the vDSO and its data, which come first, into the caller's address space, at `start` if
/// that is free.
///
/// EEXIST: there is one already.
pub(crate) fn map_vdso(start: usize) -> Result {
    // SAFETY: The image is constant; the address is only a wish.
    to_result(unsafe { bindings::map_vdso_once(&raw const bindings::vdso64_image, start) })
}

/// Prepares the caller's new address space for 64-bit programs, as exec does.
pub(crate) fn prepare(mm: &MmRef) {
    // SAFETY: We own a reference, and the address space belongs to the caller alone.
    unsafe { context!(mm).flags |= 1 << bindings::MM_CONTEXT_HAS_VSYSCALL };
    pkeys::open(mm);
}

/// What an image has of `mm` in `Mm::context`. Only of an address space of frozen tasks.
pub(crate) fn save_context(mm: &MmRef) -> [u64; 4] {
    let [map, only] = pkeys::save(mm);
    [map, only, 0, 0]
}

/// Gives `mm`, the caller's new address space, what [`save_context`] saved. Called before it
/// has mappings.
///
/// The error says what is not possible on this machine.
pub(crate) fn load_context(_mm: &MmRef, context: [u64; 4]) -> Result<(), &'static str> {
    let [map, only, rest @ ..] = context;
    if rest != [0; 2] {
        return Err("impossible architecture state of the address space");
    }
    pkeys::check([map, only])
}

/// Gives `mm` what would have hindered mapping of what [`load_context`] has accepted.
pub(crate) fn finish_context(mm: &MmRef, context: [u64; 4]) {
    let [map, only, ..] = context;
    pkeys::load(mm, [map, only]);
}
