// SPDX-License-Identifier: GPL-2.0

//! CPU features.

use kernel::bindings;

use crate::image::cpu::WORDS;

/// Returns what CPUID tells a program: EAX, EBX, ECX and EDX; 0 for a leaf that there is not.
pub(super) fn cpuid(leaf: u32, subleaf: u32) -> [u32; 4] {
    let mut regs = [0; 4];
    // SAFETY: It writes four words.
    unsafe { bindings::checkpoint_cpuid(leaf, subleaf, regs.as_mut_ptr()) };
    regs
}

/// Returns the features of this CPU, in the words of `image::cpu`.
pub(super) fn features() -> [u64; WORDS] {
    let word = |low: u32, high: u32| u64::from(low) | u64::from(high) << 32;
    let [_, _, c1, d1] = cpuid(1, 0);
    let [_, b7, c7, d7] = cpuid(7, 0);
    let [a71, _, _, d71] = cpuid(7, 1);
    let [_, _, c8, d8] = cpuid(0x8000_0001, 0);
    let [a_xsave, ..] = cpuid(0xd, 1);
    let [_, b88, ..] = cpuid(0x8000_0008, 0);
    // The version is a number: what has one has those before it.
    let [_, avx10, ..] = cpuid(0x24, 0);
    let avx10 = (1u32 << (avx10 & 0xff).min(31)) - 1;
    // SAFETY: It is set at boot, and constant since then: nobody writes to it meanwhile.
    let state = unsafe { bindings::fpu_user_cfg.max_features };
    // Of the standard format, with all that is in XCR0.
    let [_, state_len, ..] = match state {
        0 => [0; 4],
        _ => cpuid(0xd, 0),
    };
    [
        word(c1, d1),
        word(b7, c7),
        word(d7, a71),
        word(c8, d8),
        word(a_xsave, d71),
        state,
        state_len.into(),
        word(b88, avx10),
    ]
}
