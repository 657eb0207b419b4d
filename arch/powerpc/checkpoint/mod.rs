// SPDX-License-Identifier: GPL-2.0

//! powerpc, 64 bits, little-endian: what the engine asks of an architecture.
//!
//! `regs`: registers of tasks. `mm`: what an address space has besides mappings. `call`: system
//! calls that a freeze interrupts.

pub(crate) mod call;
mod mm;
mod regs;

use kernel::prelude::*;

use crate::{
    image::header::arch,
    kapi::arch::Arch, //
};

/// powerpc, 64 bits, little-endian.
pub(crate) struct Native;

impl Arch for Native {
    const ID: u32 = arch::PPC64LE;

    /// Takes nothing away: the task gets registers of its own before it parks.
    fn reset() -> Result<(), &'static str> {
        regs::refuse_narrow()
    }
}
