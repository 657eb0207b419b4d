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
    image::{
        cpu::WORDS,
        header::arch, //
    },
    kapi::arch::{
        hwcaps,
        Arch, //
    }, //
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

    /// Adds what STFLE tells, of which AT_HWCAP has but a part.
    fn cpu_features() -> [u64; WORDS] {
        let mut words = hwcaps();
        let [_, facilities @ .., _, _, _] = &mut words;
        for (word, n) in facilities.iter_mut().zip(0..) {
            // SAFETY: It only reads what was found out at boot.
            *word = unsafe { bindings::checkpoint_s390_facilities(n) };
        }
        words
    }
}
