// SPDX-License-Identifier: GPL-2.0

//! Features of s390, by the names of /proc/cpuinfo; facilities that are none of these by the names
//! that QEMU has for them.

use super::Word;

/// Bits and names of each word.
pub(super) const WORDS: &[Word] = &[
    &[
        (2, "stfle"),
        (3, "msa"),
        (4, "ldisp"),
        (5, "eimm"),
        (6, "dfp"),
        (8, "etf3eh"),
        (9, "highgprs"),
        (10, "te"),
        (11, "vx"),
        (12, "vxd"),
        (13, "vxe"),
        (14, "gs"),
        (15, "vxe2"),
        (16, "vxp"),
        (17, "sort"),
        (18, "dflt"),
        (19, "vxp2"),
        (20, "nnpa"),
    ],
    &[
        (2, "minste3"),
        (5, "minste2"),
        (6, "msa5"),
        (10, "stfle53"),
        (11, "iacc2"),
        (14, "stfle49"),
        (15, "dfpzc"),
        (18, "stfle45"),
        (19, "pfpo"),
        (22, "fpseh"),
        (26, "fpe"),
        (28, "exrl"),
        (29, "ginste"),
        (30, "csst2"),
        (31, "csst"),
        (32, "ectg"),
        (36, "mvcos"),
        (37, "parseh"),
        (38, "stckf"),
        (39, "etf2eh"),
        (40, "hfpue"),
        (43, "hfpm"),
    ],
    &[(43, "minste4"), (47, "dfppc"), (50, "msa4"), (51, "msa3")],
    &[(36, "msa9"), (45, "msa8")],
    &[(56, "vxp3"), (57, "vxe3")],
];
