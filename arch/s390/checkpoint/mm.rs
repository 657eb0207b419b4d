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

use super::Native;
use crate::kapi::arch::{
    ArchMm,
    MmContext, //
};

impl ArchMm for Native {
    fn vdso_crc(_context: &MmContext) -> u32 {
        // SAFETY: The image of the vDSO does not change after boot.
        unsafe {
            let start = (&raw const bindings::vdso_start).cast::<c_void>();
            let len = bindings::vdso_text_size();
            !bindings::crc32c_update(!0, start, len)
        }
    }

    fn map_vdso(start: usize, _context: &MmContext) -> Result {
        // SAFETY: `current` has an address space of its own; the address is only a wish.
        to_result(unsafe { bindings::map_vdso(start, bindings::vdso_size()) })
    }
}
