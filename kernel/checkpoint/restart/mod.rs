// SPDX-License-Identifier: GPL-2.0

//! The restart pipeline.

pub(crate) mod context;

pub(crate) use context::{
    Plan,
    Restore, //
};
