// SPDX-License-Identifier: GPL-2.0

//! The vDSO: what all architectures have of it (`vdso.c`).

use kernel::{
    bindings,
    prelude::*, //
};

use crate::kapi::{
    mm::space::MmRef,
    task::frozen::FrozenTask, //
};

/// What the kernel maps as the vDSO into programs of a kind.
#[derive(Clone, Copy)]
pub(crate) struct Vdso {
    /// Its code, an ELF file: whole pages.
    pub(crate) code: &'static [u8],
    /// Which kind it is, less than 4.
    pub(crate) kind: usize,
    /// As `image::vdso::Vdso::landing`.
    pub(crate) landing: u32,
}

impl Vdso {
    /// Makes one of its code.
    ///
    /// # Safety
    ///
    /// `len` bytes at `start` are valid, and do not change any more.
    // Some architectures do so in one place only.
    pub(crate) unsafe fn new(start: *const u8, len: usize, kind: usize, landing: u32) -> Self {
        Self {
            // SAFETY: By the caller's promise so many bytes are valid, and do not change.
            code: unsafe { core::slice::from_raw_parts(start, len) },
            kind,
            landing,
        }
    }

    /// Returns the crc32c of its code.
    pub(crate) fn crc(&self) -> u32 {
        // SAFETY: The slice is valid.
        !unsafe { bindings::crc32c_update(!0, self.code.as_ptr().cast(), self.code.len()) }
    }

    /// Returns the bytes that it takes in an address space, with its data.
    pub(crate) fn mapped(&self) -> usize {
        // SAFETY: It returns a constant.
        unsafe { bindings::checkpoint_vdso_mapped() }.saturating_add(self.code.len())
    }

    /// Returns a number that is the same for those who see the same code and data of it.
    pub(crate) fn id(&self, t: &FrozenTask) -> usize {
        // SAFETY: We own a reference on the task, which does not run, or is the caller.
        match unsafe { bindings::checkpoint_vdso_offsets(t.as_ptr()) } {
            0 => self.code.as_ptr().addr(),
            offsets => offsets | self.kind,
        }
    }
}

/// Returns where `t`, which has the address space `mm`, was interrupted: the distance from the vDSO's code,
/// of which it is more than there is if that is elsewhere. The caller itself is in a system call.
pub(crate) fn place(t: &FrozenTask, mm: &MmRef) -> usize {
    if t.is_current() {
        return usize::MAX;
    }
    // SAFETY: We own references on the task, whose registers are stable as it does not run, and on the
    // address space.
    unsafe { bindings::checkpoint_vdso_place(t.as_ptr(), mm.as_ptr()) }
}

/// Appends the data that `t` sees, as of a clock that can't be read without a system call.
pub(crate) fn data(t: &FrozenTask, to: &mut KVVec<u8>) -> Result {
    // SAFETY: It returns a constant.
    let len = unsafe { bindings::checkpoint_vdso_data_len() };
    let mut bytes: KVVec<u64> = KVVec::from_elem(0, len / 8, GFP_KERNEL_ACCOUNT)?;
    // SAFETY: We own a reference on the task, which does not run, or is the caller. There is room for
    // whole pages, so for `len` bytes, which are zero.
    unsafe { bindings::checkpoint_vdso_data(t.as_ptr(), bytes.as_mut_ptr().cast()) };
    Ok(to.extend_from_slice(
        zerocopy::IntoBytes::as_bytes(bytes.as_slice()),
        GFP_KERNEL_ACCOUNT,
    )?)
}
