// SPDX-License-Identifier: GPL-2.0

//! CPU features that programs can see and choose code by: words of bits, as the container's
//! record has them.
//!
//! The numbers are those of the hardware or of the kernel's interface to programs:
//!
//! - x86-64: what CPUID tells. Word 0: leaf 1, ECX, EDX; 1: leaf 7, EBX, ECX; 2: leaf 7, EDX, and
//!   leaf 7.1, EAX; 3: leaf 0x80000001, ECX, EDX; 4: leaf 0xd.1, EAX, and leaf 7.1, EDX, the first
//!   register in the lower half. Word 5: components of the extended state that the kernel has
//!   enabled, as in XCR0. Word 6 is a number: the bytes of these components in the standard format
//!   of XSAVE. Word 7: leaf 0x80000008, EBX, and a bit for each version of AVX10 up to that of leaf 0x24.
//! - arm64, powerpc and s390: AT_HWCAP, AT_HWCAP2, AT_HWCAP3 and AT_HWCAP4 of the auxiliary vector.
//!   arm64 also: vector lengths of SVE (word 4) and of SME (5), the lowest bit being that of 128 bits.
//!   s390 has AT_HWCAP only, and in words 1 to 4 what STFLE tells: 64 facilities each, the first one
//!   being the highest bit.
//!
//! Only bits that have a name are in an image: those that tell of an instruction or a register
//! that programs use by themselves.
//!
//! What a task *can have seen* is what the machine shows to all that run on it: CPUID and the like
//! can be asked by any instruction of it, at any time, and most of them are no system calls. So the
//! words are those of the machine, and not of what a task is known to have used.

use super::header::arch;

mod arm64;
mod powerpc;
mod s390;
mod x86;

/// Words in a record.
pub const WORDS: usize = 8;

/// A word: bits and their names.
type Word = &'static [(u8, &'static str)];

/// A number instead of bits: its word, and its name.
pub type Number = (usize, &'static str);

/// Features that can be used only if components of the extended state are enabled: their word, the
/// features, and the components.
type Needs = (usize, &'static [u8], u64);

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

/// Returns the word that is a number, of the architecture `machine`; `None`: all are bits.
pub fn number(machine: u32) -> Option<Number> {
    (machine == arch::X86_64).then_some(x86::STATE_LEN)
}

/// Returns the word of register state that must be the same where an image restarts; `None`: there
/// is none.
///
/// Programs make room for all components that the kernel has enabled when they begin: on their
/// stacks, where the dynamic linker saves them, and for signal frames. A kernel with more of them
/// would have that overflow.
fn state(machine: u32) -> Option<usize> {
    (machine == arch::X86_64).then_some(x86::STATE)
}

/// Tells whether the word `word` of the architecture `machine` is of what the registers of each task
/// tell better, for it alone: vector lengths. A task may have chosen one that more machines have.
pub fn is_by_task(machine: u32, word: usize) -> bool {
    machine == arch::ARM64 && arm64::LENGTHS.contains(&word)
}

/// Returns the bits that have a name, in word `word` of the architecture `machine`; all of a number.
pub fn named(machine: u32, word: usize) -> u64 {
    if number(machine).is_some_and(|(n, _)| n == word) {
        return u64::MAX;
    }
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

/// Takes from the words of a machine what has no name, and what no program [can use](usable).
pub fn known(machine: u32, words: &[u64; WORDS]) -> [u64; WORDS] {
    let mut known = usable(machine, words);
    for (n, word) in known.iter_mut().enumerate() {
        *word &= named(machine, n);
    }
    known
}

/// Takes from the words what needs registers that the kernel has not enabled. A program that asks as it
/// should (XGETBV) takes that for missing, and one that does not is killed by the first such instruction.
fn usable(machine: u32, words: &[u64; WORDS]) -> [u64; WORDS] {
    let mut usable = *words;
    let Some(enabled) = state(machine).and_then(|n| words.get(n)) else {
        return usable;
    };
    for &(n, bits, needs) in x86::NEEDS {
        if let Some(word) = usable.get_mut(n).filter(|_| enabled & needs != needs) {
            *word &= !bits
                .iter()
                .fold(0, |all, &bit| all | 1u64.wrapping_shl(bit.into()));
        }
    }
    usable
}

/// How a machine can't take an image: the words are those of the features that are in the way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Obstacles {
    /// The tasks can have seen them, and the machine lacks them.
    pub lacks: [u64; WORDS],
    /// Components of the extended state that it has enabled, and for which the tasks have made no room.
    pub enabled: [u64; WORDS],
    /// Bytes of all components in the image and there, where they differ: they lie elsewhere.
    pub lens: Option<(u64, u64)>,
}

impl Obstacles {
    /// Finds what stands against a restart of an image with the words `image` on a machine with the
    /// words `there`, which must be of the same architecture `machine`. A feature without a name is
    /// one of a later version, and lacking. A number is compared if it is in both.
    pub fn new(machine: u32, image: &[u64; WORDS], there: &[u64; WORDS]) -> Self {
        let image = usable(machine, image);
        let mut found = Self::default();
        for (to, (a, b)) in found.lacks.iter_mut().zip(image.iter().zip(there)) {
            *to = a & !b;
        }
        let word = |words: &[u64; WORDS], n: usize| words.get(n).copied().unwrap_or(0);
        let len = number(machine).map(|(n, _)| (n, word(&image, n), word(there, n)));
        if let Some(n) = state(machine) {
            let unknown = match len {
                Some((_, 0, _)) => x86::NAMED_LATER,
                _ => 0,
            };
            if let Some(to) = found.enabled.get_mut(n).filter(|_| word(&image, n) != 0) {
                *to = word(there, n) & !(word(&image, n) | unknown) & named(machine, n);
            }
        }
        if let Some((n, a, b)) = len {
            if let Some(to) = found.lacks.get_mut(n) {
                *to = 0;
            }
            // If not by these alone.
            let same = found.lacks == [0; WORDS] && found.enabled == [0; WORDS];
            found.lens = (same && a != 0 && b != 0 && a != b).then_some((a, b));
        }
        found
    }

    /// Tells whether nothing stands against it.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Calls `f` with word and bit of each feature that is set in `have`.
pub fn for_each(have: &[u64; WORDS], mut f: impl FnMut(usize, u8)) {
    for (word, a) in have.iter().enumerate() {
        for bit in 0..64u8 {
            if a >> bit & 1 != 0 {
                f(word, bit);
            }
        }
    }
}
