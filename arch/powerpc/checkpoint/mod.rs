// SPDX-License-Identifier: GPL-2.0

//! powerpc, 64 bits, little-endian: what the engine asks of an architecture.
//!
//! `regs`: registers of tasks. `mm`: what an address space has besides mappings. `call`: system
//! calls that a freeze interrupts. All four architectures have the same functions.

pub(crate) mod call;
pub(crate) mod mm;
pub(crate) mod regs;

/// Takes from the running task what it has of its creator and only powerpc has, and what is not
/// taken as exec takes it: nothing. [`regs::start`] gives it registers of its own.
///
/// The error says what it can't be rid of.
pub(crate) fn reset() -> Result<(), &'static str> {
    regs::refuse_narrow()
}

/// CPU features that programs may have chosen code by.
pub(crate) use crate::kapi::task::hwcap::words as cpu_features;

/// Number of this architecture in the image.
pub(crate) const ARCH: u32 = crate::image::header::arch::PPC64LE;
