// SPDX-License-Identifier: GPL-2.0

//! Levels of the architectures: what a name promises of each CPU that has it, and no more. Most CPUs
//! have more.
//!
//! x86-64: the levels of the psABI, with the register state that the kernel enables for them. arm64:
//! what is mandatory in a version of the architecture, with its optional floating point. powerpc and
//! s390: the machines, without what firmware or kernels leave out (transactional memory of POWER).

use super::Cpu;
use image::image::{
    cpu::WORDS,
    header::arch, //
};

/// A level: its architecture and its name, the one whose features it has too, and its own.
type Level = (u32, &'static str, &'static str, &'static str);

/// All of them.
const LEVELS: &[Level] = &[
    (
        arch::X86_64,
        "x86-64-v1",
        "",
        "fpu tsc cx8 cmov clflush mmx fxsr sse sse2 syscall lm x87-state sse-state",
    ),
    (
        arch::X86_64,
        "x86-64-v2",
        "x86-64-v1",
        "pni ssse3 cx16 sse4_1 sse4_2 popcnt lahf_lm",
    ),
    (
        arch::X86_64,
        "x86-64-v3",
        "x86-64-v2",
        "avx avx2 bmi1 bmi2 f16c fma abm movbe xsave osxsave avx-state",
    ),
    (
        arch::X86_64,
        "x86-64-v4",
        "x86-64-v3",
        "avx512f avx512bw avx512cd avx512dq avx512vl opmask-state zmm-hi256-state hi16-zmm-state",
    ),
    (arch::ARM64, "armv8-a", "", "fp asimd cpuid"),
    (
        arch::ARM64,
        "armv8.1-a",
        "armv8-a",
        "crc32 atomics asimdrdm",
    ),
    (arch::ARM64, "armv8.2-a", "armv8.1-a", "dcpop"),
    (
        arch::ARM64,
        "armv8.3-a",
        "armv8.2-a",
        "jscvt fcma lrcpc paca pacg",
    ),
    (
        arch::ARM64,
        "armv8.4-a",
        "armv8.3-a",
        "asimddp dit uscat ilrcpc flagm",
    ),
    (
        arch::ARM64,
        "armv8.5-a",
        "armv8.4-a",
        "flagm2 frint sb ssbs dcpodp bti",
    ),
    (arch::ARM64, "armv8.6-a", "armv8.5-a", "i8mm bf16 ecv"),
    (arch::ARM64, "armv8.7-a", "armv8.6-a", "wfxt afp"),
    (arch::ARM64, "armv8.8-a", "armv8.7-a", "mops hbc"),
    (
        arch::ARM64,
        "armv9-a",
        "armv8.5-a",
        "fphp asimdhp asimdfhm sve sve2 sve-128",
    ),
    (
        arch::PPC64LE,
        "power8",
        "",
        "fpu altivec vsx dfp arch_2_06 arch_2_07 dscr isel tar vcrypto ebb",
    ),
    (
        arch::PPC64LE,
        "power9",
        "power8",
        "arch_3_00 ieee128 darn scv",
    ),
    (arch::PPC64LE, "power10", "power9", "arch_3_1 mma"),
    (
        arch::S390X,
        "z13",
        "",
        "stfle msa ldisp eimm dfp etf3eh highgprs te vx hfpm hfpue etf2eh stckf parseh mvcos ectg csst \
         csst2 ginste exrl fpe fpseh pfpo stfle45 dfpzc stfle49 iacc2 stfle53 msa3 msa4 msa5 dfppc",
    ),
    (arch::S390X, "z14", "z13", "vxd vxe gs minste2 msa8"),
    (arch::S390X, "z15", "z14", "vxe2 vxp sort dflt minste3 msa9"),
    (arch::S390X, "z16", "z15", "vxp2 nnpa"),
];

/// Returns the names of all levels.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    LEVELS.iter().map(|&(_, name, ..)| name)
}

/// Returns the CPU that has the level `name` and no more; `None`: there is no such level.
pub(super) fn find(name: &str) -> Option<Cpu> {
    let level = |name: &str| LEVELS.iter().find(|(_, n, ..)| *n == name);
    let &(machine, ..) = level(name)?;
    let mut cpu = Cpu {
        machine,
        words: [0; WORDS],
    };
    let mut next = level(name);
    while let Some((_, _, before, own)) = next {
        // The tests have all of them.
        own.split_whitespace()
            .try_for_each(|token| cpu.add(token))
            .ok()?;
        next = level(before);
    }
    Some(cpu)
}
