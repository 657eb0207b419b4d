// SPDX-License-Identifier: GPL-2.0

//! x86-64: what the engine asks of an architecture.
//!
//! `cpu`: features of the CPU. `regs`: registers of tasks. `mm`: what an address space has besides
//! mappings, `pkeys`: its memory protection keys. `call`: system calls that a freeze interrupts.
//! `ia32`: what 32-bit programs have. All four architectures have the same functions.

pub(crate) mod call;
mod cpu;
mod ia32;
pub(crate) mod mm;
mod pkeys;
pub(crate) mod regs;

/// CPU features that programs may have chosen code by.
pub(crate) use cpu::features as cpu_features;

/// Takes from the running task what it has of its creator and only x86 has.
///
/// The error says what it can't be rid of.
pub(crate) fn reset() -> Result<(), &'static str> {
    // SAFETY: It changes the running task only, which does not return to the program that its
    // creator was.
    unsafe { kernel::bindings::checkpoint_x86_reset() };
    regs::reset()
}

/// Number of this architecture in the image.
pub(crate) const ARCH: u32 = crate::image::header::arch::X86_64;
