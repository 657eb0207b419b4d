// SPDX-License-Identifier: GPL-2.0

//! x86-64: registers and the vDSO.

mod regs;
pub(crate) mod vdso;

pub(crate) use regs::{
    load,
    refuse,
    save, //
};

/// Number of this architecture in the image.
pub(crate) const ARCH: u32 = crate::image::header::arch::X86_64;
