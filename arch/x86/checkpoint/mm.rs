// SPDX-License-Identifier: GPL-2.0

//! What an address space holds that only x86 has; the vDSO.

use kernel::{
    bindings,
    error::to_result,
    page::PAGE_SIZE,
    prelude::*, //
};

use super::{
    ia32,
    pkeys, //
};
use crate::kapi::mm::space::MmRef;

pub(crate) use pkeys::{
    count as pkeys,
    of as pkey,
    BITS as PKEY_BITS, //
};

/// Flags of mappings that only this architecture has: the bit, its number in the image
/// (`image::mm::vma`), and the `PROT_*` that asks for it.
pub(crate) const VMA_FLAGS: &[(u64, u64, usize)] = &[];

/// Flags of mappings that can't be saved, and why.
pub(crate) const VMA_REFUSED: &[(u64, &str)] = &[(
    SHADOW_STACK,
    "shadow stack: start it without them (GLIBC_TUNABLES)",
)];

/// As which it is declared only by kernels that have it.
const SHADOW_STACK: u64 = 1 << bindings::VMA_HIGH_ARCH_5_BIT;

/// The fields of `struct mm_struct` that are the architecture's own.
macro_rules! context {
    ($mm:expr) => {
        (*$mm.as_ptr()).__bindgen_anon_1.context
    };
}
pub(super) use context;

/// Words of `Mm::context`: allocated protection keys, execute-only key, mode, top of the area for
/// mappings of 32-bit calls.
type Context = [u64; 4];

/// Mode: of a 32-bit program.
const IA32: u64 = 1 << 0;
/// Mode: the vDSO is that of 32-bit programs.
const IA32_VDSO: u64 = 1 << 1;
/// Mode: linear address masking can't be switched on any more.
const LAM_LOCKED: u64 = 1 << 2;

/// Most that 32-bit calls reach.
const IA32_END: u64 = 1 << 32;

/// Why `mm` can't be saved, if it can't; its tasks are frozen.
pub(crate) fn refusal(mm: &MmRef) -> Option<&'static str> {
    // SAFETY: We own a reference. Only tasks of the address space change these.
    let image = unsafe { context!(mm).vdso_image };
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
    // SAFETY: As above; the pointer is only compared.
    if !unsafe { context!(mm).ldt }.is_null() {
        return Some("local descriptor table: start it without modify_ldt(2)");
    }
    #[cfg(CONFIG_ADDRESS_MASKING)]
    // SAFETY: As above.
    if unsafe {
        context!(mm).lam_cr3_mask != 0
            || context!(mm).flags & 1 << bindings::MM_CONTEXT_FORCE_TAGGED_SVA != 0
    } {
        return Some("linear address masking: start it without that");
    }
    None
}

/// The vDSO that goes with `context`; `None`: this kernel has none of it.
fn vdso(context: &Context) -> Option<&'static bindings::vdso_image> {
    let [.., mode, _] = context;
    // SAFETY: It gives a constant image, or null.
    unsafe { bindings::checkpoint_vdso_image(mode & IA32_VDSO != 0).as_ref() }
}

/// crc32c of the code of this kernel's vDSO, as an image has it.
pub(crate) fn vdso_crc(context: &Context) -> u32 {
    let Some(image) = vdso(context) else {
        return 0;
    };
    // SAFETY: The image describes its data, which does not change after boot.
    !unsafe { bindings::crc32c_update(!0, image.data, image.size) }
}

/// Maps the vDSO and its data, which come first, into the caller's address space, at `start` if
/// that is free.
///
/// EEXIST: there is one already. EOPNOTSUPP: this kernel has none of this kind.
pub(crate) fn map_vdso(start: usize, context: &Context) -> Result {
    let image = vdso(context).ok_or(EOPNOTSUPP)?;
    // SAFETY: The image is constant; the address is only a wish.
    to_result(unsafe { bindings::map_vdso_once(image, start) })
}

/// Prepares the caller's new address space, as exec does. Of which kind of program it is, is told
/// by [`load_context`].
pub(crate) fn prepare(mm: &MmRef) {
    pkeys::open(mm);
}

/// What an image has of `mm` in `Mm::context`. Only of an address space of frozen tasks.
pub(crate) fn save_context(mm: &MmRef) -> Context {
    let [map, only] = pkeys::save(mm);
    let mut mode = 0;
    // SAFETY: We own a reference. Only tasks of the address space change these.
    unsafe {
        if ia32::is_program(mm.as_ptr()) {
            mode |= IA32;
        }
        let image = context!(mm).vdso_image;
        if !image.is_null() && image == bindings::checkpoint_vdso_image(true) {
            mode |= IA32_VDSO;
        }
        if context!(mm).flags & 1 << bindings::MM_CONTEXT_LOCK_LAM != 0 {
            mode |= LAM_LOCKED;
        }
    }
    [map, only, mode, ia32::mmap_base(mm)]
}

/// Gives `mm`, the caller's new address space, what [`save_context`] saved. Called before it
/// has mappings: first before the caller makes the threads, which are of the same kind, and again
/// before it maps anything.
///
/// The error says what is not possible on this machine.
pub(crate) fn load_context(_mm: &MmRef, context: Context) -> Result<(), &'static str> {
    let [map, only, mode, base] = context;
    let known = IA32 | IA32_VDSO | LAM_LOCKED;
    if mode & !known != 0 || base > IA32_END || base % PAGE_SIZE as u64 != 0 {
        return Err("impossible architecture state of the address space");
    }
    if mode & (IA32 | IA32_VDSO) != 0 && !ia32::is_known() {
        return Err("of a 32-bit program, which this kernel does not run");
    }
    // SAFETY: The address space is the caller's new one. It has no other thread, or is of that kind
    // already.
    unsafe { bindings::checkpoint_set_mode(mode & IA32 != 0) };
    pkeys::check([map, only])
}

/// Gives `mm` what would have hindered mapping of what [`load_context`] has accepted.
pub(crate) fn finish_context(mm: &MmRef, context: Context) {
    let [map, only, mode, base] = context;
    pkeys::load(mm, [map, only]);
    if mode & LAM_LOCKED != 0 {
        // SAFETY: We own a reference, and the address space belongs to the caller alone: nobody
        // else changes its flags. Clone and arch_prctl(2) set the bit, and nothing clears it.
        unsafe { context!(mm).flags |= 1 << bindings::MM_CONTEXT_LOCK_LAM };
    }
    if base != 0 {
        ia32::set_mmap_base(mm, base as usize);
    }
}

/// The current task is again in no call of the kind of program that [`load_context`] has made it.
pub(crate) fn leave_context() {
    ia32::leave_call();
}
