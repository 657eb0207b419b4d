// SPDX-License-Identifier: GPL-2.0

//! The kernel as the rest of the subsystem sees it: safe wrappers of what C offers.
//!
//! This module and `arch/*/checkpoint/` are the only places with `unsafe` and `bindings::`.

pub(crate) mod cgroup;
pub(crate) mod entry;
pub(crate) mod file;
pub(crate) mod iov;
pub(crate) mod mm;
pub(crate) mod page;
pub(crate) mod io;
pub(crate) mod links;
pub(crate) mod park;
pub(crate) mod path;
pub(crate) mod pid;
pub(crate) mod shmem;
pub(crate) mod task;
pub(crate) mod vma;
pub(crate) mod walk;
pub(crate) mod tree;
pub(crate) mod wait;
