// SPDX-License-Identifier: GPL-2.0

//! arm64: what the engine asks of an architecture.
//!
//! `regs`: registers of tasks, `vector` those of FPSIMD, SVE and SME among them. `mm`: what an
//! address space has besides mappings. `aarch32`: what programs of 32 bits have. `call`: system calls that
//! a freeze interrupts.

mod aarch32;
pub(crate) mod call;
mod mm;
mod regs;
mod vector;

use kernel::{
    bindings,
    prelude::*, //
};

use crate::{
    image::{
        cpu::WORDS,
        header::arch, //
    },
    kapi::arch::{
        hwcaps,
        Arch, //
    }, //
};

/// arm64.
pub(crate) struct Native;

impl Arch for Native {
    const ID: u32 = arch::ARM64;

    /// Takes away the place of the last fault, which would stand in the next signal frame.
    fn reset() -> Result<(), &'static str> {
        // SAFETY: The fields belong to the running task; only faults of its own set them. As
        // arm64_notify_die() of a signal that is no fault of memory; there is nothing to check.
        unsafe {
            let thread = &raw mut (*bindings::get_current()).thread;
            (*thread).fault_address = 0;
            (*thread).fault_code = 0;
        }
        regs::refuse_narrow()
    }

    /// Asks for vector lengths, too, of which the auxiliary vector has none.
    fn cpu_features() -> [u64; WORDS] {
        let mut words = hwcaps();
        let [.., sve, sme, _, _] = &mut words;
        *sve = vector::lengths(bindings::vec_type_ARM64_VEC_SVE);
        *sme = vector::lengths(bindings::vec_type_ARM64_VEC_SME);
        words
    }
}
