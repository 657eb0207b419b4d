// SPDX-License-Identifier: GPL-2.0

//! The kernel as the rest of the subsystem sees it: safe wrappers of what C offers.
//!
//! This module and `arch/*/checkpoint/` are the only places with `unsafe` and `bindings::`.

pub(crate) mod cgroup;
pub(crate) mod confinement;
pub(crate) mod copy;
pub(crate) mod cred;
// `#[export]` wants its functions to be `pub`.
#[allow(unreachable_pub)]
pub(crate) mod eintr;
// `#[export]` wants its functions to be `pub`.
#[allow(unreachable_pub)]
pub(crate) mod entry;
pub(crate) mod fdtable;
pub(crate) mod file;
pub(crate) mod file_attr;
pub(crate) mod file_locks;
pub(crate) mod file_open;
pub(crate) mod file_stat;
pub(crate) mod frozen;
pub(crate) mod fs_struct;
pub(crate) mod held;
pub(crate) mod helpers;
pub(crate) mod hwcap;
pub(crate) mod io;
pub(crate) mod iov;
pub(crate) mod limits;
pub(crate) mod links;
pub(crate) mod magic;
pub(crate) mod memcg;
pub(crate) mod mm;
pub(crate) mod ns;
pub(crate) mod oddities;
pub(crate) mod oom;
pub(crate) mod page;
pub(crate) mod park;
pub(crate) mod parked;
pub(crate) mod parked_signal;
pub(crate) mod path;
pub(crate) mod pid;
pub(crate) mod pipe;
pub(crate) mod regset;
pub(crate) mod reset;
pub(crate) mod restart;
pub(crate) mod root;
pub(crate) mod sched;
pub(crate) mod shmem;
pub(crate) mod signal;
pub(crate) mod slot;
pub(crate) mod stack;
pub(crate) mod state;
pub(crate) mod task;
pub(crate) mod tree;
pub(crate) mod user_buffer;
pub(crate) mod vfork;
pub(crate) mod vma;
pub(crate) mod wait;
pub(crate) mod walk;
