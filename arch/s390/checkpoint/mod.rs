// SPDX-License-Identifier: GPL-2.0

//! s390x: what the engine asks of an architecture.
//!
//! `regs`: registers of tasks. `mm`: what an address space has besides mappings. `call`: system
//! calls that a freeze interrupts. All four architectures have the same functions.

pub(crate) mod call;
pub(crate) mod mm;
pub(crate) mod regs;

/// Takes from the running task what it has of its creator and only s390 has.
///
/// The error says what it can't be rid of.
pub(crate) fn reset() -> Result<(), &'static str> {
    // SAFETY: It changes the running task only, which does not return to the program that its
    // creator was.
    unsafe { kernel::bindings::checkpoint_s390_reset() };
    Ok(())
}

/// CPU features that programs may have chosen code by.
pub(crate) use crate::kapi::task::hwcap::words as cpu_features;

/// Number of this architecture in the image.
pub(crate) const ARCH: u32 = crate::image::header::arch::S390X;
