// SPDX-License-Identifier: GPL-2.0

//! Application checkpoint/restart: the system calls checkpoint(2) and restart(2).
//!
//! `Documentation/checkpoint/internals.rst` is the map of this crate.

use kernel::prelude::*;

use report::Report;

#[cfg_attr(CONFIG_X86_64, path = "../../arch/x86/checkpoint/mod.rs")]
#[cfg_attr(CONFIG_ARM64, path = "../../arch/arm64/checkpoint/mod.rs")]
#[cfg_attr(CONFIG_PPC64, path = "../../arch/powerpc/checkpoint/mod.rs")]
#[cfg_attr(CONFIG_S390, path = "../../arch/s390/checkpoint/mod.rs")]
mod arch;

mod args;
mod capture;
mod confinement;
mod cpu;
mod files;
// The tools on the host use more of it, and need it `pub`.
#[allow(dead_code, unreachable_pub, unused_imports)]
mod image;
mod kapi;
mod kinds;
mod mm;
mod ns;
mod objects;
mod report;
mod restart;
mod task;

const __LOG_PREFIX: &[u8] = b"checkpoint\0";

/// checkpoint(2): see Documentation/checkpoint/abi.rst. Returns the checkpoint's id.
fn checkpoint(call: &args::CheckpointCall) -> Result<u64> {
    let log = args::log(call.log_fd)?;
    let mut report = Report::new();
    let result = args::CheckpointArgs::new(call, log.as_ref(), &mut report)
        .and_then(|(args, root)| capture::run(&args, &root, &mut report));
    report.finish(&result, log.as_ref());
    result
}

/// restart(2): see Documentation/checkpoint/abi.rst. Returns the root's pid.
fn restart(call: &args::RestartCall) -> Result<u64> {
    let log = args::log(call.log_fd)?;
    let mut report = Report::new();
    let result = args::RestartArgs::new(call, log.as_ref(), &mut report)
        .and_then(|mut args| restart::run(&mut args, &mut report));
    report.finish(&result, log.as_ref());
    result
}
