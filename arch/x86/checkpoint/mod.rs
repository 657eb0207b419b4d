// SPDX-License-Identifier: GPL-2.0

//! x86-64: what the engine asks of an architecture.
//!
//! `cpu`: features of the CPU. `regs`: registers of tasks. `mm`: what an address space has besides
//! mappings, `pkeys`: its memory protection keys. `ia32`: what 32-bit programs have. All four
//! architectures have the same functions.

mod cpu;
mod ia32;
pub(crate) mod mm;
mod pkeys;
pub(crate) mod regs;

/// CPU features that programs may have chosen code by.
pub(crate) use cpu::features as cpu_features;

/// Number of this architecture in the image.
pub(crate) const ARCH: u32 = crate::image::header::arch::X86_64;
