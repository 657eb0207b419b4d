// SPDX-License-Identifier: GPL-2.0

//! Features of s390, by the names of /proc/cpuinfo.

use super::Word;

/// Bits and names of each word.
pub(super) const WORDS: &[Word] = &[&[
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
]];
