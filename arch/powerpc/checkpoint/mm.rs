// SPDX-License-Identifier: GPL-2.0

//! What an address space holds that only powerpc has; the vDSO.

use kernel::{
    bindings,
    error::to_result,
    prelude::*, //
};

use super::Native;
use crate::{
    image::mm::vma as flag,
    kapi::{
        arch::{
            ArchMm,
            MmContext, //
        },
        mm::space::MmRef, //
    }, //
};

impl ArchMm for Native {
    const VMA_FLAGS: &[(u64, u64, usize)] = &[(
        1 << bindings::VMA_SAO_BIT,
        flag::SAO,
        bindings::PROT_SAO as usize,
    )];

    /// Only the hash MMU of real machines has keys.
    const VMA_REFUSED: &[(u64, &str)] = &[(
        0x1f << bindings::VMA_PKEY_BIT0_BIT,
        "memory protection keys: start it without them",
    )];

    fn refusal(mm: &MmRef) -> Option<&'static str> {
        // SAFETY: We own a reference. Only tasks of the address space change these.
        unsafe {
            if bindings::checkpoint_ppc_has_keys(mm.as_ptr()) {
                return Some("memory protection keys: start it without them");
            }
            if bindings::checkpoint_ppc_has_subpage_prot(mm.as_ptr()) {
                return Some("protection of parts of pages (subpage_prot): have it take that off");
            }
            if (*mm.context()).copros.counter != 0 || (*mm.context()).vas_windows.counter != 0 {
                return Some("is used by an accelerator: have it close that");
            }
        }
        None
    }

    fn vdso_crc(_context: &MmContext) -> u32 {
        let mut len = 0;
        // SAFETY: The code does not change after boot; `len` is set to its bytes.
        !unsafe {
            let code = bindings::checkpoint_vdso(&mut len);
            bindings::crc32c_update(!0, code, len)
        }
    }

    fn map_vdso(start: usize, _context: &MmContext) -> Result {
        // SAFETY: The address is checked there.
        to_result(unsafe { bindings::vdso_map_at(start) })
    }
}
