// SPDX-License-Identifier: GPL-2.0

//! The checkpoint image format, on the host.
//!
//! [`image`] is what the kernel is compiled from; [`file`](mod@file) reads whole images with it;
//! [`mutate`] changes them.

// The oldest compiler that the kernel supports lacks `is_multiple_of`.
#[allow(clippy::manual_is_multiple_of)]
#[path = "../../../../kernel/checkpoint/image/mod.rs"]
pub mod image;

pub mod document;
pub mod file;
pub mod hash;
pub mod mutate;

pub use file::{
    Error,
    File, //
};
pub use hash::xxh64;
