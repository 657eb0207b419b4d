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
use crate::kapi::{
    arch::{
        ArchMm,
        MmContext, //
    },
    mm::vdso::Vdso, //
};

impl ArchMm for Native {
    /// They are a system call, and nothing else.
    const VDSO_KEEPS: &[&[u8]] = &[
        b"__kernel_restart_syscall",
        b"__kernel_sigreturn",
        b"__kernel_rt_sigreturn",
    ];

    fn vdso(_context: &MmContext) -> Option<Vdso> {
        // SAFETY: The image of the vDSO does not change after boot.
        Some(unsafe {
            let start = (&raw const bindings::vdso_start).cast();
            Vdso::new(start, bindings::vdso_text_size(), 0, 0)
        })
    }

    const VDSO_JUMP: usize = 4;

    /// Writes the shorter jump where that will do: it takes no more than the first instruction has, which
    /// makes room on the stack or saves registers, and reaches 64 KiB far: to where there is nothing
    /// between the two.
    fn vdso_jump(_context: &MmContext, code: &mut [u8], at: u64, to: u64) -> Option<usize> {
        // BRC or BRCL on any condition; how far, in units of two bytes.
        let far = to.wrapping_sub(at).cast_signed();
        let far = i32::try_from(far / 2).ok().filter(|_| far % 2 == 0)?;
        if let Ok(far) = i16::try_from(far) {
            let (jump, room) = code.first_chunk_mut::<4>()?.split_first_chunk_mut::<2>()?;
            *jump = [0xa7, 0xf4];
            room.copy_from_slice(&far.to_be_bytes());
            return Some(4);
        }
        let (jump, room) = code.first_chunk_mut::<6>()?.split_first_chunk_mut::<2>()?;
        *jump = [0xc0, 0xf4];
        room.copy_from_slice(&far.to_be_bytes());
        Some(6)
    }

    fn map_vdso(start: usize, _context: &MmContext) -> Result {
        // SAFETY: `current` has an address space of its own; the address is only a wish.
        to_result(unsafe { bindings::map_vdso(start, bindings::vdso_size()) })
    }
}
