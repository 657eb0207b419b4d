// SPDX-License-Identifier: GPL-2.0

//! The checkpoint image format, on the host.
//!
//! [`image`] is what the kernel is compiled from; [`file`](mod@file) reads image files with it.

#[path = "../../../../kernel/checkpoint/image/mod.rs"]
pub mod image;

pub mod crc;

pub use crc::crc32c;
