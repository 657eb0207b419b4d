// SPDX-License-Identifier: GPL-2.0

//! The kernel as the rest of the subsystem sees it: safe wrappers of what C offers.
//!
//! This module and `arch/*/checkpoint/` are the only places with `unsafe` and `bindings::`.

pub(crate) mod cgroup;
pub(crate) mod cred;
// `#[export]` wants its functions to be `pub`.
#[allow(unreachable_pub)]
pub(crate) mod entry;
pub(crate) mod fdtable;
pub(crate) mod file;
pub(crate) mod file_attr;
pub(crate) mod fs_struct;
pub(crate) mod helpers;
pub(crate) mod hwcap;
pub(crate) mod io;
pub(crate) mod iov;
pub(crate) mod limits;
pub(crate) mod links;
pub(crate) mod magic;
pub(crate) mod mm;
pub(crate) mod ns;
pub(crate) mod oddities;
pub(crate) mod page;
pub(crate) mod park;
pub(crate) mod parked_signal;
pub(crate) mod path;
pub(crate) mod pid;
pub(crate) mod pipe;
pub(crate) mod regset;
pub(crate) mod restart;
pub(crate) mod sched;
pub(crate) mod shmem;
pub(crate) mod signal;
pub(crate) mod stack;
pub(crate) mod state;
pub(crate) mod task;
pub(crate) mod tree;
pub(crate) mod vma;
pub(crate) mod wait;
pub(crate) mod walk;
