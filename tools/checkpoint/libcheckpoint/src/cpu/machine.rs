// SPDX-License-Identifier: GPL-2.0

//! What this machine's CPU shows to programs, in the words of the image format
//! (`kernel/checkpoint/image/cpu.rs`): what the kernel puts into an image, asked as a program asks it.

use image::image::cpu::WORDS;

/// Returns the words of this machine, with bits that have no name in an image.
///
/// They are those of this process: what its CPUID does not tell it is not in them.
pub(super) fn words() -> [u64; WORDS] {
    here::words()
}

/// Returns the facilities that `/proc/cpuinfo` of s390 lists, as STFLE tells them.
#[cfg(any(test, target_arch = "s390x"))]
fn facilities(cpuinfo: &str) -> [u64; 4] {
    let mut words = [0; 4];
    let lines = cpuinfo
        .lines()
        .filter(|line| line.starts_with("facilities"));
    let lists = lines.filter_map(|line| line.split_once(':'));
    for text in lists.flat_map(|(_, list)| list.split_whitespace()) {
        let Ok(n) = text.parse::<usize>() else {
            continue;
        };
        if let Some(word) = words.get_mut(n / 64) {
            *word |= 1 << (63 - n % 64);
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::facilities;

    #[test]
    fn list_of_facilities() {
        let text = "features\t: vx\nfacilities      : 0 63 64 129 255 256 1000\ncpu : 0 1\n";
        assert_eq!(facilities(text), [1 << 63 | 1, 1 << 63, 1 << 62, 1]);
        assert_eq!(facilities(""), [0; 4]);
    }
}

#[cfg(target_arch = "x86_64")]
mod here {
    use image::image::cpu::WORDS;
    use std::arch::x86_64::{
        __cpuid,
        __cpuid_count,
        _xgetbv, //
    };

    /// OSXSAVE in ECX of leaf 1: the kernel has enabled XSAVE, and XGETBV.
    const OSXSAVE: u32 = 1 << 27;

    /// Returns EAX, EBX, ECX and EDX; 0 for a leaf that there is not.
    // It is an unsafe function of older compilers only.
    #[allow(unused_unsafe)]
    fn cpuid(leaf: u32, subleaf: u32) -> [u32; 4] {
        // SAFETY: All x86-64 CPUs have the instruction.
        let (last, last_of_7) = unsafe { (__cpuid(leaf & 0x8000_0000).eax, __cpuid(7).eax) };
        if leaf > last || (leaf == 7 && subleaf > last_of_7) {
            return [0; 4];
        }
        // SAFETY: As before.
        let regs = unsafe { __cpuid_count(leaf, subleaf) };
        [regs.eax, regs.ebx, regs.ecx, regs.edx]
    }

    pub(super) fn words() -> [u64; WORDS] {
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
        let (state, state_len) = match c1 & OSXSAVE {
            0 => (0, 0),
            // SAFETY: OSXSAVE says that there is the instruction, and XCR0.
            _ => (unsafe { _xgetbv(0) }, cpuid(0xd, 0)[1]),
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
}

#[cfg(not(target_arch = "x86_64"))]
mod here {
    use image::image::cpu::WORDS;

    /// AT_HWCAP, AT_HWCAP2, AT_HWCAP3, AT_HWCAP4.
    const HWCAPS: [libc::c_ulong; 4] = [16, 26, 29, 30];

    pub(super) fn words() -> [u64; WORDS] {
        let mut words = [0; WORDS];
        for (word, which) in words.iter_mut().zip(HWCAPS) {
            // SAFETY: it reads what the kernel gave the process; 0 for what it did not.
            *word = unsafe { libc::getauxval(which) }.into();
        }
        #[cfg(target_arch = "s390x")]
        {
            let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
            words[1..5].copy_from_slice(&super::facilities(&text));
        }
        #[cfg(target_arch = "aarch64")]
        {
            // They are a thread's own.
            let lengths = std::thread::spawn(|| [lengths(50), lengths(63)]);
            [words[4], words[5]] = lengths.join().unwrap_or_default();
        }
        words
    }

    /// Returns the vector lengths that `set` (PR_SVE_SET_VL, PR_SME_SET_VL) gives the thread: the lowest
    /// bit is that of 128 bits.
    #[cfg(target_arch = "aarch64")]
    fn lengths(set: libc::c_int) -> u64 {
        (1..=16).fold(0, |all, n: libc::c_ulong| {
            // SAFETY: it changes registers that are not preserved over a call.
            let len = unsafe { libc::prctl(set, n * 16, 0, 0, 0) };
            // The largest that is not larger than that; flags are above.
            match u32::try_from(len) {
                Ok(len) if len & 0xffff >= 16 => all | 1u64.wrapping_shl((len & 0xffff) / 16 - 1),
                _ => all,
            }
        })
    }
}
