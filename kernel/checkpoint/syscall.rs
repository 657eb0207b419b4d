// SPDX-License-Identifier: GPL-2.0

//! The system calls, as the C shim (`sys.c`) calls them.

use kernel::prelude::*;

use crate::{
    args,
    capture::{
        self,
        args::CheckpointArgs, //
    },
    core::report::Report,
    kapi::{
        fs::file::FileRef,
        security::hooks::{
            self,
            Call, //
        },
        time::wait,
        uapi::args::{
            CheckpointCall,
            Entry,
            RestartCall, //
        }, //
    },
    restart::{
        self,
        args::RestartArgs, //
    }, //
};

/// Flags of checkpoint(2).
pub(crate) mod checkpoint_flags {
    /// Root need not be a pid namespace's init.
    pub(crate) const SUBTREE: u64 = 1 << 0;
    /// After success: kill the tasks; with FROZEN: they will be killed by KILL_ONLY.
    pub(crate) const KILL: u64 = 1 << 1;
    /// After success: leave the cgroup frozen.
    pub(crate) const FROZEN: u64 = 1 << 2;
    /// Report what would be refused, write nothing.
    pub(crate) const DRY_RUN: u64 = 1 << 3;
    /// Refuse what would otherwise only be reported.
    pub(crate) const STRICT: u64 = 1 << 4;
    /// Kill what was left frozen, write nothing.
    pub(crate) const KILL_ONLY: u64 = 1 << 5;
    /// Leave out keyrings that tasks have of their own.
    pub(crate) const DROP_KEYS: u64 = 1 << 6;
    /// Leave outside what is in the tasks' network namespace.
    pub(crate) const NET_OUTSIDE: u64 = 1 << 7;
    /// All flags.
    pub(crate) const ALL: u64 = (1 << 8) - 1;
}

/// Flags of restart(2).
pub(crate) mod restart_flags {
    /// Leave the restarted tasks' cgroup frozen.
    pub(crate) const FROZEN: u64 = 1 << 0;
    /// The root becomes a sibling of the caller.
    pub(crate) const SIBLING: u64 = 1 << 1;
    /// Compare all that the image tells of files.
    pub(crate) const STRICT: u64 = 1 << 2;
    /// The tasks get the confinement of the caller, whatever theirs was.
    pub(crate) const CALLER_CONFINEMENT: u64 = 1 << 3;
    /// The uts namespace of the root task is the caller's.
    pub(crate) const CALLER_UTS: u64 = 1 << 4;
    /// The ipc namespace of the root task is the caller's.
    pub(crate) const CALLER_IPC: u64 = 1 << 5;
    /// The network namespace of the tasks is the caller's.
    pub(crate) const CALLER_NET: u64 = 1 << 6;
    /// TCP connections with others go on if the tasks were killed; with TCP_CLOSE: in any case.
    pub(crate) const TCP_KEEP: u64 = 1 << 7;
    /// TCP connections with others are closed.
    pub(crate) const TCP_CLOSE: u64 = 1 << 8;
    /// The tasks get the security labels that they had.
    pub(crate) const KEEP_LSM: u64 = 1 << 9;
    /// Memory that fork() wipes (MADV_WIPEONFORK) is zero.
    pub(crate) const WIPE_ON_FORK: u64 = 1 << 10;
    /// All flags.
    pub(crate) const ALL: u64 = (1 << 11) - 1;
}

/// Makes a checkpoint, as checkpoint(2): see Documentation/checkpoint/abi.rst. Returns the
/// checkpoint's id.
fn checkpoint(call: &CheckpointCall) -> Result<u64> {
    let log = log(Call::Checkpoint, call.log_fd, call.flags)?;
    let mut report = Report::new();
    let result = CheckpointArgs::new(call, log.as_ref(), &mut report).and_then(|(args, root)| {
        report.subject.pid = root.global_pid();
        capture::run(&args, &root, &mut report)
    });
    report.subject.image = *result.as_ref().unwrap_or(&0);
    tell(Call::Checkpoint, &report, call.flags, &result);
    report.finish(&result, log.as_ref());
    result
}

/// Restarts an image, as restart(2): see Documentation/checkpoint/abi.rst. Returns the root's pid.
fn restart(call: &RestartCall) -> Result<u64> {
    let log = log(Call::Restart, call.log_fd, call.flags)?;
    let mut report = Report::new();
    let result = RestartArgs::new(call, log.as_ref(), &mut report)
        .and_then(|mut args| restart::run(&mut args, &mut report));
    tell(Call::Restart, &report, call.flags, &result);
    report.finish(&result, log.as_ref());
    result
}

/// Returns the log that a call with these flags has; audit is told of one that has none that can be
/// written.
fn log(which: Call, fd: i32, flags: u64) -> Result<Option<FileRef>> {
    args::log(fd).inspect_err(|&e| tell(which, &Report::new(), flags, &Err(e)))
}

/// Tells audit of a call with these flags.
fn tell(which: Call, report: &Report, flags: u64, result: &Result<u64>) {
    let ret = match result {
        Ok(_) => 0,
        Err(e) => wait::without_restart(*e).to_errno() as c_long,
    };
    hooks::audit(which, report.subject.pid, report.subject.image, flags, ret);
}

/// Returns what a system call returns for `result`.
fn ret(result: Result<u64>) -> c_long {
    match result {
        Ok(n) => c_long::try_from(n).unwrap_or(c_long::MAX),
        Err(e) => wait::without_restart(e).to_errno() as c_long,
    }
}

/// Both are what C declares. `#[export]`, which compares that, wants its functions to be unsafe.
const _: [Entry; 2] = [checkpoint_do, restart_do];

/// Makes checkpoint(2), with a structure of the caller's of `size` bytes at `args`. Called by the
/// system call only, in process context.
#[no_mangle]
pub extern "C" fn checkpoint_do(args: *mut c_void, size: usize) -> c_long {
    ret(CheckpointCall::read(args, size).and_then(|call| checkpoint(&call)))
}

/// Makes restart(2), likewise; the root's pidfd is written to the caller's structure.
#[no_mangle]
pub extern "C" fn restart_do(args: *mut c_void, size: usize) -> c_long {
    ret(RestartCall::read(args, size).and_then(|call| restart(&call)))
}
