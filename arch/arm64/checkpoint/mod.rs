// SPDX-License-Identifier: GPL-2.0

//! arm64: what the engine asks of an architecture.
//!
//! `regs`: registers of tasks, `vector` those of FPSIMD, SVE and SME among them. `mm`: what an
//! address space has besides mappings. `call`: system calls that a freeze interrupts.

pub(crate) mod call;
pub(crate) mod mm;
pub(crate) mod regs;
mod vector;

/// Takes from the running task what it has of its creator and only arm64 has, and what is not
/// taken as exec takes it: the place of the last fault, which would stand in its next signal frame.
///
/// The error says what it can't be rid of.
pub(crate) fn reset() -> Result<(), &'static str> {
    // SAFETY: The fields belong to the running task; only faults of its own set them.
    unsafe {
        let thread = &raw mut (*kernel::bindings::get_current()).thread;
        (*thread).fault_address = 0;
        (*thread).fault_code = 0;
    }
    regs::refuse_narrow()
}

/// CPU features that programs may have chosen code by.
pub(crate) use crate::kapi::task::hwcap::words as cpu_features;

/// Number of this architecture in the image.
pub(crate) const ARCH: u32 = crate::image::header::arch::ARM64;
