// SPDX-License-Identifier: GPL-2.0

//! What the kinds of state build on: the contexts of both system calls, the table of shared objects,
//! the image in the making, messages. Nothing here knows a kind.

pub(crate) mod accept;
pub(crate) mod addresses;
pub(crate) mod advice;
pub(crate) mod built;
pub(crate) mod capture;
pub(crate) mod clock;
pub(crate) mod kind;
pub(crate) mod meta;
pub(crate) mod objects;
pub(crate) mod report;
pub(crate) mod restore;
pub(crate) mod rules;
pub(crate) mod sink;
