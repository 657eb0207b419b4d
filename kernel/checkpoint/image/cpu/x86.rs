// SPDX-License-Identifier: GPL-2.0

//! Features of x86-64, by the names of /proc/cpuinfo.

use super::{
    Needs,
    Number,
    Word, //
};

/// The word of the components of the extended state.
pub(super) const STATE: usize = 5;

/// Their bytes.
pub(super) const STATE_LEN: Number = (6, "xstate-bytes");

/// Components that images do not name which have no number of bytes: those of MPX.
pub(super) const NAMED_LATER: u64 = 3 << 3;

/// Components: the upper halves of the vectors, those of AVX-512, PKRU, those of AMX and of APX.
const YMM: u64 = 1 << 2;
const ZMM: u64 = YMM | 7 << 5;
const PKRU: u64 = 1 << 9;
const TILES: u64 = 3 << 17;
const EGPRS: u64 = 1 << 19;

/// Which features need them: those whose instructions are invalid as long as the kernel has not
/// enabled the component (Intel SDM, volume 1, chapter 13).
pub(super) const NEEDS: &[Needs] = &[
    (0, &[12, 28, 29], YMM),
    (1, &[5, 41, 42], YMM),
    (
        1,
        &[16, 17, 21, 26, 27, 28, 30, 31, 33, 38, 43, 44, 46],
        ZMM,
    ),
    (1, &[35, 36], PKRU),
    (2, &[32, 33, 34, 36, 55], YMM),
    (2, &[2, 3, 8, 23, 37], ZMM),
    (2, &[22, 24, 25, 53], TILES),
    (3, &[11, 16], YMM),
    (4, &[36, 37, 42], YMM),
    (4, &[51], ZMM),
    (4, &[40], TILES),
    (4, &[53], EGPRS),
    (7, &[32, 33], ZMM),
];

/// Bits and names of each word.
pub(super) const WORDS: &[Word] = &[
    &[
        (0, "pni"),
        (1, "pclmulqdq"),
        (9, "ssse3"),
        (12, "fma"),
        (13, "cx16"),
        (19, "sse4_1"),
        (20, "sse4_2"),
        (22, "movbe"),
        (23, "popcnt"),
        (25, "aes"),
        (26, "xsave"),
        (27, "osxsave"),
        (28, "avx"),
        (29, "f16c"),
        (30, "rdrand"),
        (32, "fpu"),
        (36, "tsc"),
        (40, "cx8"),
        (47, "cmov"),
        (51, "clflush"),
        (55, "mmx"),
        (56, "fxsr"),
        (57, "sse"),
        (58, "sse2"),
    ],
    &[
        (0, "fsgsbase"),
        (3, "bmi1"),
        (5, "avx2"),
        (8, "bmi2"),
        (11, "rtm"),
        (16, "avx512f"),
        (17, "avx512dq"),
        (18, "rdseed"),
        (19, "adx"),
        (21, "avx512ifma"),
        (23, "clflushopt"),
        (24, "clwb"),
        (26, "avx512pf"),
        (27, "avx512er"),
        (28, "avx512cd"),
        (29, "sha_ni"),
        (30, "avx512bw"),
        (31, "avx512vl"),
        (33, "avx512vbmi"),
        (35, "pku"),
        (36, "ospke"),
        (37, "waitpkg"),
        (38, "avx512_vbmi2"),
        (40, "gfni"),
        (41, "vaes"),
        (42, "vpclmulqdq"),
        (43, "avx512_vnni"),
        (44, "avx512_bitalg"),
        (46, "avx512_vpopcntdq"),
        (54, "rdpid"),
        (59, "movdiri"),
        (60, "movdir64b"),
    ],
    &[
        (2, "avx512_4vnniw"),
        (3, "avx512_4fmaps"),
        (8, "avx512_vp2intersect"),
        (14, "serialize"),
        (16, "tsxldtrk"),
        (22, "amx_bf16"),
        (23, "avx512_fp16"),
        (24, "amx_tile"),
        (25, "amx_int8"),
        (32, "sha512"),
        (33, "sm3"),
        (34, "sm4"),
        (35, "rao_int"),
        (36, "avx_vnni"),
        (37, "avx512_bf16"),
        (39, "cmpccxadd"),
        (53, "amx_fp16"),
        (55, "avx_ifma"),
        (63, "movrs"),
    ],
    &[
        (0, "lahf_lm"),
        (5, "abm"),
        (6, "sse4a"),
        (7, "misalignsse"),
        (8, "3dnowprefetch"),
        (11, "xop"),
        (15, "lwp"),
        (16, "fma4"),
        (21, "tbm"),
        (29, "mwaitx"),
        (43, "syscall"),
        (54, "mmxext"),
        (59, "rdtscp"),
        (61, "lm"),
        (62, "3dnowext"),
        (63, "3dnow"),
    ],
    &[
        (0, "xsaveopt"),
        (1, "xsavec"),
        (2, "xgetbv1"),
        (36, "avx_vnni_int8"),
        (37, "avx_ne_convert"),
        (40, "amx_complex"),
        (42, "avx_vnni_int16"),
        (46, "prefetchi"),
        (51, "avx10"),
        (53, "apx_f"),
    ],
    &[
        (0, "x87-state"),
        (1, "sse-state"),
        (2, "avx-state"),
        (3, "bndregs-state"),
        (4, "bndcsr-state"),
        (5, "opmask-state"),
        (6, "zmm-hi256-state"),
        (7, "hi16-zmm-state"),
        (9, "pkru-state"),
        (17, "xtilecfg-state"),
        (18, "xtiledata-state"),
        (19, "apx-state"),
    ],
    // A number.
    &[],
    &[
        (0, "clzero"),
        (4, "rdpru"),
        (32, "avx10_1"),
        (33, "avx10_2"),
    ],
];
