// SPDX-License-Identifier: GPL-2.0

//! What is special about x86-64.

pub(crate) mod vdso;
