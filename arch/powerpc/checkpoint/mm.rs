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
        mm::{
            space::MmRef,
            vdso::Vdso, //
        }, //
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

    /// The return from signal handlers, which unwinders know by its address.
    const VDSO_KEEPS: &[&[u8]] = &[b"__kernel_sigtramp_rt64"];

    fn vdso(_context: &MmContext) -> Option<Vdso> {
        let mut len = 0;
        // SAFETY: The code does not change after boot; `len` is set to its bytes.
        Some(unsafe {
            let code = bindings::checkpoint_vdso(&mut len);
            Vdso::new(code.cast(), len, 0, 0)
        })
    }

    const VDSO_JUMP: usize = 4;

    fn vdso_jump(_context: &MmContext, code: &mut [u8], at: u64, to: u64) -> Option<usize> {
        const B: u32 = 0x4800_0000;
        // In bytes, of which 26 bits tell.
        let far = to.wrapping_sub(at).cast_signed();
        let far = Some(far).filter(|n| n % 4 == 0 && (-(1 << 25)..1 << 25).contains(n))?;
        let far = u32::try_from(far & 0x03ff_fffc).ok()?;
        *code.first_chunk_mut::<4>()? = (B | far).to_le_bytes();
        Some(4)
    }

    fn map_vdso(start: usize, _context: &MmContext) -> Result {
        // SAFETY: The address is checked there.
        to_result(unsafe { bindings::vdso_map_at(start) })
    }
}
