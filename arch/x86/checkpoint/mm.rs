// SPDX-License-Identifier: GPL-2.0

//! What an address space holds that only x86 has; the vDSO.

use kernel::{
    bindings,
    error::to_result,
    num::casts::{
        arch::u64_as_usize,
        usize_as_u64, //
    },
    page::PAGE_SIZE,
    prelude::*, //
};

use super::{
    ia32,
    pkeys,
    Native, //
};
use crate::kapi::{
    arch::{
        ArchMm,
        MmContext, //
    },
    mm::{
        space::MmRef,
        vdso::Vdso, //
    }, //
};

/// VM_SHADOW_STACK, which only kernels with shadow stacks of user space define.
const SHADOW_STACK: u64 = 1 << bindings::VMA_HIGH_ARCH_5_BIT;

// Words of the context: allocated protection keys, execute-only key, mode, top of the area for
// mappings of 32-bit calls.

/// Mode: of a 32-bit program.
const IA32: u64 = 1 << 0;
/// Mode: the vDSO is that of 32-bit programs.
const IA32_VDSO: u64 = 1 << 1;
/// Mode: linear address masking can't be switched on any more.
const LAM_LOCKED: u64 = 1 << 2;

/// Most that 32-bit calls reach.
const IA32_END: u64 = 1 << 32;

/// Returns the vDSO that goes with `context`; `None`: this kernel has none of it.
fn vdso(context: &MmContext) -> Option<&'static bindings::vdso_image> {
    let [.., mode, _] = context;
    // SAFETY: It gives a constant image, or null.
    unsafe { bindings::checkpoint_vdso_image(mode & IA32_VDSO != 0).as_ref() }
}

impl ArchMm for Native {
    const VMA_REFUSED: &[(u64, &str)] = &[(
        SHADOW_STACK,
        "shadow stack: start it without them (GLIBC_TUNABLES)",
    )];

    const PKEY_BITS: u64 = pkeys::BITS;

    fn pkey(flags: u64) -> u32 {
        pkeys::of(flags)
    }

    fn pkeys() -> u32 {
        pkeys::count()
    }

    fn refusal(mm: &MmRef) -> Option<&'static str> {
        // SAFETY: We own a reference. Only tasks of the address space change these.
        let image = unsafe { (*mm.context()).vdso_image };
        // SAFETY: It only names the images.
        let known = unsafe {
            [
                bindings::checkpoint_vdso_image(false),
                bindings::checkpoint_vdso_image(true),
            ]
        };
        if !image.is_null() && !known.contains(&image) {
            return Some("vDSO of x32 programs: use a 64-bit build");
        }
        #[cfg(CONFIG_MODIFY_LDT_SYSCALL)]
        // SAFETY: We own a reference on the address space; the pointer is only compared.
        if !unsafe { (*mm.context()).ldt }.is_null() {
            return Some("local descriptor table: start it without modify_ldt(2)");
        }
        #[cfg(CONFIG_ADDRESS_MASKING)]
        // SAFETY: We own a reference on the address space; only its tasks change these.
        if unsafe {
            (*mm.context()).lam_cr3_mask != 0
                || (*mm.context()).flags & 1 << bindings::MM_CONTEXT_FORCE_TAGGED_SVA != 0
        } {
            return Some("linear address masking: start it without that");
        }
        None
    }

    /// The return from signal handlers, of 32-bit programs, by which debuggers know it.
    const VDSO_KEEPS: &[&[u8]] = &[b"__kernel_sigreturn", b"__kernel_rt_sigreturn"];

    /// Who is about to unlock a robust futex.
    const VDSO_KNOWS: &[&[u8]] = &[
        b"__vdso_futex_robust_list64_try_unlock",
        b"__vdso_futex_robust_list32_try_unlock",
    ];

    fn vdso(context: &MmContext) -> Option<Vdso> {
        let image = vdso(context)?;
        let [.., mode, _] = context;
        let ia32 = mode & IA32_VDSO != 0;
        let landing = u32::try_from(image.sym_int80_landing_pad).ok();
        // SAFETY: The image describes its data, which does not change after boot.
        Some(unsafe {
            Vdso::new(
                image.data.cast(),
                image.size,
                usize::from(ia32),
                landing.filter(|_| ia32).unwrap_or(0),
            )
        })
    }

    const VDSO_JUMP: usize = 5;

    fn vdso_jump(_context: &MmContext, code: &mut [u8], at: u64, to: u64) -> Option<usize> {
        // JMP, and how far from its end on.
        let far = to.wrapping_sub(at.checked_add(5)?).cast_signed();
        let far = i32::try_from(far).ok()?;
        let (jump, room) = code.split_first_chunk_mut::<5>()?.0.split_first_mut()?;
        *jump = 0xe9;
        room.copy_from_slice(&far.to_le_bytes());
        Some(5)
    }

    /// Reads the address in front of the segment of the code, by which it is known.
    fn frame_place(context: &MmContext, bytes: &[u8]) -> Option<u64> {
        // __USER_CS and __USER32_CS.
        const CS: [u8; 2] = [0x33, 0];
        const CS32: [u8; 2] = [0x23, 0];
        let [.., mode, _] = context;
        if mode & IA32 != 0 {
            let (ip, rest) = bytes.split_first_chunk::<4>()?;
            return rest
                .starts_with(&CS32)
                .then_some(u32::from_le_bytes(*ip).into());
        }
        // The flags come between.
        let (ip, rest) = bytes.split_first_chunk::<8>()?;
        rest.get(8..)?
            .starts_with(&CS)
            .then_some(u64::from_le_bytes(*ip))
    }

    /// Tells that it does so for returns from signal handlers of 32-bit programs.
    fn vdso_is_dispatched(context: &MmContext) -> bool {
        let [.., mode, _] = context;
        mode & IA32_VDSO != 0
    }

    fn map_vdso(start: usize, context: &MmContext) -> Result {
        let image = vdso(context).ok_or(EOPNOTSUPP)?;
        // SAFETY: The image is constant; the address is only a wish.
        to_result(unsafe { bindings::map_vdso_once(image, start) })
    }

    /// Does nothing: the context tells of which kind of program it is.
    fn prepare(mm: &MmRef) {
        pkeys::open(mm);
    }

    fn save_context(mm: &MmRef) -> MmContext {
        let [map, only] = pkeys::save(mm);
        let mut mode = 0;
        // SAFETY: We own a reference. Only tasks of the address space change these.
        unsafe {
            if ia32::is_program(mm.as_ptr()) {
                mode |= IA32;
            }
            let image = (*mm.context()).vdso_image;
            if !image.is_null() && image == bindings::checkpoint_vdso_image(true) {
                mode |= IA32_VDSO;
            }
            if (*mm.context()).flags & 1 << bindings::MM_CONTEXT_LOCK_LAM != 0 {
                mode |= LAM_LOCKED;
            }
        }
        [map, only, mode, ia32::mmap_base(mm)]
    }

    fn load_context(_mm: &MmRef, context: MmContext) -> Result<(), &'static str> {
        let [map, only, mode, base] = context;
        let known = IA32 | IA32_VDSO | LAM_LOCKED;
        if mode & !known != 0 || base > IA32_END || base % usize_as_u64(PAGE_SIZE) != 0 {
            return Err("impossible architecture state of the address space");
        }
        if mode & (IA32 | IA32_VDSO) != 0 && !ia32::is_known() {
            return Err("of a 32-bit program, which this kernel does not run");
        }
        // SAFETY: The address space is the caller's new one. It has no other thread, or is of that
        // kind already.
        unsafe { bindings::checkpoint_set_mode(mode & IA32 != 0) };
        pkeys::check([map, only])
    }

    fn finish_context(mm: &MmRef, context: MmContext) {
        let [map, only, mode, base] = context;
        pkeys::load(mm, [map, only]);
        if mode & LAM_LOCKED != 0 {
            // SAFETY: We own a reference, and the address space belongs to the caller alone: nobody
            // else changes its flags. Clone and arch_prctl(2) set the bit, and nothing clears it.
            unsafe { (*mm.context()).flags |= 1 << bindings::MM_CONTEXT_LOCK_LAM };
        }
        if base != 0 {
            ia32::set_mmap_base(mm, u64_as_usize(base));
        }
    }

    fn leave_context() {
        ia32::leave_call();
    }
}
