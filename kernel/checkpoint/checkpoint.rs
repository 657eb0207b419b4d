// SPDX-License-Identifier: GPL-2.0

//! Application checkpoint/restart: the system calls checkpoint(2) and restart(2).
//!
//! `Documentation/checkpoint/internals.rst` is the map of this crate.

use kernel::{
    bindings,
    prelude::*, //
};

#[cfg(CONFIG_X86_64)]
#[path = "../../arch/x86/checkpoint/mod.rs"]
mod arch;

mod capture;
mod files;
// The tools on the host use more of it, and need it `pub`.
#[allow(dead_code, unreachable_pub, unused_imports)]
mod image;
mod kapi;
mod mm;
mod ns;
mod objects;
mod report;
mod restart;
mod task;

const __LOG_PREFIX: &[u8] = b"checkpoint\0";

/// # Safety
///
/// Called by the system call only.
#[export]
pub unsafe extern "C" fn checkpoint_do(_args: *const bindings::checkpoint_args) -> c_long {
    ENOSYS.to_errno() as c_long
}

/// # Safety
///
/// Called by the system call only.
#[export]
pub unsafe extern "C" fn restart_do(_args: *mut bindings::restart_args, _pidfd: *mut i32) -> c_long {
    ENOSYS.to_errno() as c_long
}
