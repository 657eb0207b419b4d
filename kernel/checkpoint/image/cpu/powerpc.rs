// SPDX-License-Identifier: GPL-2.0

//! Features of powerpc, by the names that the C library has for them.

use super::Word;

/// Bits and names of each word.
pub(super) const WORDS: &[Word] = &[
    &[
        (7, "vsx"),
        (8, "arch_2_06"),
        (9, "power6x"),
        (10, "dfp"),
        (12, "arch_2_05"),
        (27, "fpu"),
        (28, "altivec"),
    ],
    &[
        (15, "dmf"),
        (16, "arch_3_2"),
        (17, "mma"),
        (18, "arch_3_1"),
        (19, "htm-no-suspend"),
        (20, "scv"),
        (21, "darn"),
        (22, "ieee128"),
        (23, "arch_3_00"),
        (24, "htm-nosc"),
        (25, "vcrypto"),
        (26, "tar"),
        (27, "isel"),
        (28, "ebb"),
        (29, "dscr"),
        (30, "htm"),
        (31, "arch_2_07"),
    ],
];
