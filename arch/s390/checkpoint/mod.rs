// SPDX-License-Identifier: GPL-2.0

//! s390x: what the engine asks of an architecture.
//!
//! `regs`: registers of tasks. `mm`: what an address space has besides mappings. `call`: system
//! calls that a freeze interrupts.

pub(crate) mod call;
mod mm;
mod regs;

use kernel::{
    bindings,
    prelude::*, //
};

use crate::{
    image::header::arch,
    kapi::arch::Arch, //
};

/// s390x.
pub(crate) struct Native;

impl Arch for Native {
    const ID: u32 = arch::S390X;

    fn reset() -> Result<(), &'static str> {
        // SAFETY: It needs a running task that does not return to the program that its creator was,
        // and changes that task only.
        unsafe { bindings::checkpoint_s390_reset() };
        Ok(())
    }
}
