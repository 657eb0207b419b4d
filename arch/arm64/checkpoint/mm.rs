// SPDX-License-Identifier: GPL-2.0

//! What an address space holds that only arm64 has; the vDSO.

use kernel::{
    bindings,
    error::to_result,
    prelude::*, //
};

use super::{
    aarch32,
    Native, //
};
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

/// Of `asm/mman.h`: guarded targets of branches, memory tags.
const PROT_BTI: usize = 0x10;
const PROT_MTE: usize = 0x20;

const BTI: u64 = 1 << bindings::VMA_ARM64_BTI_BIT;
const MTE: u64 = 1 << bindings::VMA_MTE_BIT;
const MTE_ALLOWED: u64 = 1 << bindings::VMA_MTE_ALLOWED_BIT;
const SHADOW_STACK: u64 = 1 << bindings::VMA_HIGH_ARCH_6_BIT;

// Words of the context: mode, address of the page by which signal handlers return, checksums of the pages
// of the kernel.

/// Mode: of a program of 32 bits.
const AARCH32: u64 = 1 << 0;

/// Returns whether `context` is that of a program of 32 bits.
fn is_narrow(context: &MmContext) -> bool {
    let [mode, ..] = context;
    mode & AARCH32 != 0
}

impl ArchMm for Native {
    /// That tags may be asked for follows from what is mapped.
    const VMA_FLAGS: &[(u64, u64, usize)] = &[
        (BTI, flag::BTI, PROT_BTI),
        (MTE, flag::MTE, PROT_MTE),
        (MTE_ALLOWED, 0, 0),
        (SHADOW_STACK, flag::SHADOW_STACK, 0),
    ];

    const VMA_REFUSED: &[(u64, &str)] = &[(
        7 << bindings::VMA_HIGH_ARCH_0_BIT,
        "memory protection keys: start it without them",
    )];

    fn refusal(mm: &MmRef) -> Option<&'static str> {
        // SAFETY: We own a reference on the address space; only its tasks change these.
        if unsafe { (*mm.context()).pkey_allocation_map } & !1 != 0 {
            return Some("memory protection keys: start it without them");
        }
        None
    }

    /// The return from signal handlers, by whose instructions debuggers know it.
    const VDSO_KEEPS: &[&[u8]] = &[b"__kernel_rt_sigreturn"];

    const PAGES: &[&[u8]] = &[b"[vectors]", b"[sigpage]"];

    fn page_refusal(mm: &MmRef, start: usize) -> Option<&'static str> {
        (!aarch32::is_in_place(mm, start))
            .then_some("page of the kernel that was moved: start it without mremap(2) of that")
    }

    fn map_page(start: usize, context: &MmContext) -> Result {
        if !is_narrow(context) {
            return Err(EOPNOTSUPP);
        }
        aarch32::map_page(&MmRef::of_current()?, start)
    }

    fn vdso(context: &MmContext) -> Option<Vdso> {
        if is_narrow(context) {
            #[cfg(not(CONFIG_COMPAT_VDSO))]
            return None;
            #[cfg(CONFIG_COMPAT_VDSO)]
            // SAFETY: The symbols are the ends of one object, which does not change after boot.
            return Some(unsafe {
                let start: *const u8 = (&raw const bindings::vdso32_start).cast();
                let end = (&raw const bindings::vdso32_end).addr();
                Vdso::new(start, end.saturating_sub(start.addr()), 1, 0)
            });
        }
        // SAFETY: The symbols are the ends of one object, which does not change after boot.
        Some(unsafe {
            let start: *const u8 = (&raw const bindings::vdso_start).cast();
            let end = (&raw const bindings::vdso_end).addr();
            Vdso::new(start, end.saturating_sub(start.addr()), 0, 0)
        })
    }

    const VDSO_JUMP: usize = 4;

    /// Writes one instruction, so that nobody is in the middle of it: none that an indirect branch may
    /// lead to, as the old code is mapped without PROT_BTI.
    fn vdso_jump(context: &MmContext, code: &mut [u8], at: u64, to: u64) -> Option<usize> {
        const B: u32 = 0x1400_0000;
        if is_narrow(context) {
            return aarch32::jump(code, at, to);
        }
        // In instructions, of which 26 bits tell.
        let far = to.wrapping_sub(at).cast_signed();
        let far = Some(far / 4).filter(|n| far % 4 == 0 && (-(1 << 25)..1 << 25).contains(n))?;
        let far = u32::try_from(far & 0x03ff_ffff).ok()?;
        *code.first_chunk_mut::<4>()? = (B | far).to_le_bytes();
        Some(4)
    }

    fn frame_place(context: &MmContext, bytes: &[u8]) -> Option<u64> {
        is_narrow(context)
            .then(|| aarch32::frame_place(bytes))
            .flatten()
    }

    fn map_vdso(start: usize, context: &MmContext) -> Result {
        // SAFETY: The address is only a wish.
        to_result(unsafe { bindings::map_vdso_once(start, is_narrow(context)) })
    }

    fn save_context(mm: &MmRef) -> MmContext {
        if !aarch32::is_program(mm) {
            return [0; 4];
        }
        [AARCH32, aarch32::sigpage(mm) as u64, aarch32::pages(), 0]
    }

    fn load_context(_mm: &MmRef, context: MmContext) -> Result<(), &'static str> {
        let [mode, sigpage, pages, rest] = context;
        if !is_narrow(&context) && context != [0; 4] {
            return Err("impossible architecture state of the address space");
        }
        if !is_narrow(&context) {
            // SAFETY: The address space is the caller's new one, without mappings.
            unsafe { bindings::checkpoint_set_aarch32(false) };
            return Ok(());
        }
        if mode != AARCH32 || rest != 0 || sigpage > u64::from(u32::MAX) {
            return Err("impossible architecture state of the address space");
        }
        // SAFETY: It looks at what the machine has.
        match unsafe { bindings::checkpoint_aarch32() } {
            0 => return Err("of a 32-bit program, which this machine does not run"),
            1 => (),
            _ => return Err("of a 32-bit program, which only some CPUs of this machine run"),
        }
        if !aarch32::has_same_pages(pages) {
            return Err(
                "of a 32-bit program, for which this kernel has no such pages: [vectors] or [sigpage]",
            );
        }
        // SAFETY: The address space is the caller's new one, without mappings.
        unsafe { bindings::checkpoint_set_aarch32(true) };
        Ok(())
    }

    fn finish_context(mm: &MmRef, context: MmContext) {
        let [_, sigpage, ..] = context;
        if is_narrow(&context) {
            aarch32::set_sigpage(mm, sigpage as usize);
        }
    }
}
