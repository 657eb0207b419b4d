// SPDX-License-Identifier: GPL-2.0

//! CPU features that programs can see and choose code by: words of bits, as the container's
//! record has them.
//!
//! The numbers are those of the hardware or of the kernel's interface to programs:
//!
//! - x86-64: what CPUID tells. Word 0: leaf 1, ECX, EDX; 1: leaf 7, EBX, ECX; 2: leaf 7, EDX, and
//!   leaf 7.1, EAX; 3: leaf 0x80000001, ECX, EDX; 4: leaf 0xd.1, EAX, and leaf 7.1, EDX, the first
//!   register in the lower half. Word 5: components of the extended state that the kernel has
//!   enabled, as in XCR0.
//! - arm64, powerpc and s390: AT_HWCAP, AT_HWCAP2 and AT_HWCAP3 of the auxiliary vector.
//!
//! Only bits that have a name are in an image: those that tell of an instruction or a register
//! that programs use by themselves.

use super::header::arch;

mod arm64;
mod powerpc;
mod s390;
mod x86;

/// Words in a record.
pub const WORDS: usize = 8;

/// A word: bits and their names.
type Word = &'static [(u8, &'static str)];

/// Returns the words of an architecture.
fn words(machine: u32) -> &'static [Word] {
    match machine {
        arch::X86_64 => x86::WORDS,
        arch::ARM64 => arm64::WORDS,
        arch::PPC64LE => powerpc::WORDS,
        arch::S390X => s390::WORDS,
        _ => &[],
    }
}

/// Returns how many words the architecture `machine` has.
pub fn count(machine: u32) -> usize {
    words(machine).len()
}

/// Returns the bits that have a name, in word `word` of the architecture `machine`.
pub fn named(machine: u32, word: usize) -> u64 {
    words(machine).get(word).map_or(0, |names| {
        names
            .iter()
            .fold(0, |bits, (bit, _)| bits | 1u64.wrapping_shl((*bit).into()))
    })
}

/// Returns the name of a bit; `None` if it has none.
pub fn name(machine: u32, word: usize, bit: u8) -> Option<&'static str> {
    let names = words(machine).get(word)?;
    names.iter().find(|(b, _)| *b == bit).map(|(_, name)| *name)
}

/// Calls `f` with word and bit of each feature that is set in `have` and not in `lack`.
pub fn for_each(have: &[u64; WORDS], lack: &[u64; WORDS], mut f: impl FnMut(usize, u8)) {
    for (word, (a, b)) in have.iter().zip(lack).enumerate() {
        for bit in 0..64u8 {
            if (a & !b) >> bit & 1 != 0 {
                f(word, bit);
            }
        }
    }
}
