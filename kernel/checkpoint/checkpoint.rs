// SPDX-License-Identifier: GPL-2.0

//! Application checkpoint/restart: the system calls checkpoint(2) and restart(2).
//!
//! `Documentation/checkpoint/internals.rst` is the map of this crate.

#[cfg_attr(CONFIG_X86_64, path = "../../arch/x86/checkpoint/mod.rs")]
#[cfg_attr(CONFIG_ARM64, path = "../../arch/arm64/checkpoint/mod.rs")]
#[cfg_attr(CONFIG_PPC64, path = "../../arch/powerpc/checkpoint/mod.rs")]
#[cfg_attr(CONFIG_S390, path = "../../arch/s390/checkpoint/mod.rs")]
mod arch;

mod args;
mod build;
mod capture;
mod confinement;
mod core;
mod cpu;
mod files;
mod found;
// The tools on the host use more of it, and need it `pub`.
#[allow(dead_code, unreachable_pub, unused_imports)]
mod image;
mod ipc;
mod kapi;
mod kinds;
mod mm;
mod net;
mod ns;
mod restart;
// What C calls is `pub`.
#[allow(unreachable_pub)]
mod syscall;
mod task;

const __LOG_PREFIX: &[u8] = b"checkpoint\0";
