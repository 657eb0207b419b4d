// SPDX-License-Identifier: GPL-2.0

//! The checkpoint pipeline.

pub(crate) mod context;
pub(crate) mod meta;

pub(crate) use context::Capture;
