// SPDX-License-Identifier: GPL-2.0

//! The arguments of the system calls, checked.

use kernel::{
    prelude::*,
    sync::aref::ARef,
    task::Task, //
};

use crate::kapi::{
    cgroup::Cgroup,
    entry::{
        checkpoint_flags,
        restart_flags, //
    },
    file::FileRef,
    io,
    task::{
        current_leader,
        from_pidfd, //
    }, //
};

/// Milliseconds within which all tasks must freeze, unless the caller says otherwise.
const DEADLINE_MS: u32 = 10_000;

/// The arguments of checkpoint(2) as they came.
pub(crate) struct CheckpointCall {
    /// CHECKPOINT_* flags.
    pub(crate) flags: u64,
    /// The root task, or -1.
    pub(crate) pidfd: i32,
    /// The cgroup, or -1.
    pub(crate) cgroup_fd: i32,
    /// The image, or -1.
    pub(crate) image_fd: i32,
    /// The messages, or -1.
    pub(crate) log_fd: i32,
    /// Deadline, or 0.
    pub(crate) deadline_ms: u32,
    /// Some field that must be zero is not.
    pub(crate) reserved: bool,
}

/// The arguments of checkpoint(2), checked.
pub(crate) struct CheckpointArgs {
    /// The root need not be a pid namespace's init.
    pub(crate) subtree: bool,
    /// Kill the tasks afterwards.
    pub(crate) kill: bool,
    /// Leave them frozen afterwards.
    pub(crate) leave_frozen: bool,
    /// Write nothing.
    pub(crate) dry_run: bool,
    /// Milliseconds within which all tasks must freeze.
    pub(crate) deadline_ms: u32,
    /// Where the image goes; `None` for a dry run only.
    pub(crate) image: Option<FileRef>,
    /// Where messages go.
    pub(crate) log: Option<FileRef>,
    cgroup_fd: i32,
}

/// The log file behind `fd`, -1 for none.
fn log(fd: i32) -> Result<Option<FileRef>> {
    if fd == -1 {
        return Ok(None);
    }
    let file = io::fget(fd)?;
    if !file.is_writable() {
        return Err(EBADF);
    }
    Ok(Some(file))
}

impl CheckpointArgs {
    /// Checks the arguments; returns them and the root task.
    ///
    /// EINVAL: unknown or contradictory flags, or a reserved field is not zero. EBADF: a
    /// descriptor is not open, or not for writing, or not a pidfd. ESRCH: the root is gone.
    pub(crate) fn new(call: &CheckpointCall) -> Result<(Self, ARef<Task>)> {
        let has = |flag| call.flags & flag != 0;
        if call.flags & !checkpoint_flags::ALL != 0 || call.reserved {
            return Err(EINVAL);
        }
        if has(checkpoint_flags::KILL) && has(checkpoint_flags::FROZEN) {
            return Err(EINVAL);
        }
        let dry_run = has(checkpoint_flags::DRY_RUN);
        if dry_run && (has(checkpoint_flags::KILL) || has(checkpoint_flags::FROZEN)) {
            return Err(EINVAL);
        }
        let image = if dry_run && call.image_fd == -1 {
            None
        } else {
            let file = io::fget(call.image_fd)?;
            if !file.is_writable() {
                return Err(EBADF);
            }
            Some(file)
        };
        let root = if call.pidfd == -1 {
            current_leader()
        } else {
            from_pidfd(call.pidfd)?
        };
        let args = Self {
            subtree: has(checkpoint_flags::SUBTREE),
            kill: has(checkpoint_flags::KILL),
            leave_frozen: has(checkpoint_flags::FROZEN),
            dry_run,
            deadline_ms: match call.deadline_ms {
                0 => DEADLINE_MS,
                ms => ms,
            },
            image,
            log: log(call.log_fd)?,
            cgroup_fd: call.cgroup_fd,
        };
        Ok((args, root))
    }

    /// The cgroup that the caller names; `None`: that of the root task.
    pub(crate) fn cgroup(&self) -> Result<Option<Cgroup>> {
        if self.cgroup_fd == -1 {
            Ok(None)
        } else {
            Cgroup::from_fd(self.cgroup_fd).map(Some)
        }
    }
}

/// The arguments of restart(2) as they came.
pub(crate) struct RestartCall {
    /// RESTART_* flags.
    pub(crate) flags: u64,
    /// The image.
    pub(crate) image_fd: i32,
    /// The messages, or -1.
    pub(crate) log_fd: i32,
    /// The cgroup, or -1.
    pub(crate) cgroup_fd: i32,
    /// Some field that must be zero is not.
    pub(crate) reserved: bool,
    /// Address where the caller wants the root's pidfd.
    pub(crate) pidfd_out: usize,
}

/// The arguments of restart(2), checked.
pub(crate) struct RestartArgs {
    /// Leave the tasks frozen.
    pub(crate) leave_frozen: bool,
    /// The root becomes a sibling of the caller.
    pub(crate) sibling: bool,
    /// The image.
    pub(crate) image: FileRef,
    /// Where messages go.
    pub(crate) log: Option<FileRef>,
    /// The cgroup directory to restart into.
    pub(crate) cgroup_fd: Option<i32>,
    /// Address where the caller wants the root's pidfd.
    pub(crate) pidfd_out: usize,
}

impl RestartArgs {
    /// Checks the arguments. Errors as [`CheckpointArgs::new`].
    ///
    /// EINVAL also: to be left frozen, the tasks need a cgroup of their own.
    pub(crate) fn new(call: &RestartCall) -> Result<Self> {
        if call.flags & !restart_flags::ALL != 0 || call.reserved {
            return Err(EINVAL);
        }
        let leave_frozen = call.flags & restart_flags::FROZEN != 0;
        if leave_frozen && call.cgroup_fd == -1 {
            return Err(EINVAL);
        }
        let image = io::fget(call.image_fd)?;
        if !image.is_readable() {
            return Err(EBADF);
        }
        if call.cgroup_fd != -1 {
            // Only to tell EBADF early: copy_process() takes the descriptor.
            Cgroup::from_fd(call.cgroup_fd)?;
        }
        Ok(Self {
            leave_frozen,
            sibling: call.flags & restart_flags::SIBLING != 0,
            image,
            log: log(call.log_fd)?,
            cgroup_fd: (call.cgroup_fd != -1).then_some(call.cgroup_fd),
            pidfd_out: call.pidfd_out,
        })
    }
}
