// SPDX-License-Identifier: GPL-2.0

//! x86-64: what the engine asks of an architecture.
//!
//! `cpu`: features of the CPU. `regs`: registers of tasks. `mm`: what an address space has besides
//! mappings, `pkeys`: its memory protection keys. `call`: system calls that a freeze interrupts.
//! `ia32`: what 32-bit programs have.

pub(crate) mod call;
mod cpu;
mod ia32;
mod mm;
mod pkeys;
mod regs;

use kernel::{
    bindings,
    prelude::*, //
};

use crate::{
    image::{
        cpu::WORDS,
        header::arch, //
    },
    kapi::arch::Arch, //
};

/// x86-64.
pub(crate) struct Native;

impl Arch for Native {
    const ID: u32 = arch::X86_64;

    fn reset() -> Result<(), &'static str> {
        // SAFETY: It needs a running task that does not return to the program that its creator was,
        // and changes that task only.
        unsafe { bindings::checkpoint_x86_reset() };
        regs::reset()
    }

    /// Asks CPUID instead of AT_HWCAP, which has one word of it.
    fn cpu_features() -> [u64; WORDS] {
        cpu::features()
    }
}
