// SPDX-License-Identifier: GPL-2.0

//! The arguments of the system calls, checked.

use kernel::{
    prelude::*,
    sync::aref::ARef,
    task::Task,
    uaccess::{
        UserPtr,
        UserSlice, //
    }, //
};

use crate::{
    kapi::{
        cgroup::Cgroup,
        entry::{
            checkpoint_flags,
            restart_flags, //
        },
        file::{
            ftype,
            FileRef, //
        },
        io,
        task::{
            current_leader,
            from_pidfd, //
        }, //
    },
    report::{
        Errno,
        Report, //
    }, //
};

/// Milliseconds within which all tasks must freeze, unless the caller says otherwise.
const DEADLINE_MS: u32 = 10_000;

/// What is wrong with arguments of a later version.
const UNKNOWN: &str = "a flag is not known, or a field that must be zero is not";

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
    /// The messages, or -1: for [`log`].
    pub(crate) log_fd: i32,
    /// Deadline, or 0.
    pub(crate) deadline_ms: u32,
    /// Some field that must be zero is not.
    pub(crate) reserved: bool,
}

/// The arguments of checkpoint(2), checked.
pub(crate) struct CheckpointArgs<'a> {
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
    pub(crate) log: Option<&'a FileRef>,
    cgroup_fd: i32,
}

/// Ends the call for a wrong argument: `errno`, with a line that tells what is wrong.
fn wrong(report: &mut Report, errno: Error, what: &str) -> Error {
    report.line(fmt!("error: {} [{}]", what, Errno(errno)));
    errno
}

/// Checks what image files have in common, `image` being one that reads or writes as it has to.
fn check_image(report: &mut Report, image: &FileRef, log: Option<&FileRef>) -> Result {
    if image.is_direct() {
        let what = "the image goes by O_DIRECT, but is not read or written in whole blocks";
        return Err(wrong(report, EINVAL, what));
    }
    let regular = image.file_type() == ftype::REGULAR;
    if regular && log.is_some_and(|l| l.inode_addr() == image.inode_addr()) {
        return Err(wrong(report, EINVAL, "image and log are the same file"));
    }
    Ok(())
}

/// The file for messages behind `fd`, -1 for none.
///
/// EBADF: it is not open, or not for writing.
pub(crate) fn log(fd: i32) -> Result<Option<FileRef>> {
    if fd == -1 {
        return Ok(None);
    }
    let file = io::fget(fd)?;
    if !file.is_writable() {
        return Err(EBADF);
    }
    Ok(Some(file))
}

impl<'a> CheckpointArgs<'a> {
    /// Checks the arguments, of which `log` was looked up before; returns them and the root task.
    ///
    /// EINVAL: unknown or contradictory flags, a reserved field is not zero, or the image can't go
    /// to that file. EBADF: a descriptor is not open, or not for writing, or not a pidfd. ESRCH:
    /// the root is gone. A line of `report` tells which.
    pub(crate) fn new(
        call: &CheckpointCall,
        log: Option<&'a FileRef>,
        report: &mut Report,
    ) -> Result<(Self, ARef<Task>)> {
        let has = |flag| call.flags & flag != 0;
        if call.flags & !checkpoint_flags::ALL != 0 || call.reserved {
            return Err(wrong(report, EINVAL, UNKNOWN));
        }
        if has(checkpoint_flags::KILL) && has(checkpoint_flags::FROZEN) {
            let what = "the tasks can't be both killed and left frozen";
            return Err(wrong(report, EINVAL, what));
        }
        let dry_run = has(checkpoint_flags::DRY_RUN);
        if dry_run && (has(checkpoint_flags::KILL) || has(checkpoint_flags::FROZEN)) {
            let what = "a dry run neither kills nor leaves frozen";
            return Err(wrong(report, EINVAL, what));
        }
        let image = if dry_run && call.image_fd == -1 {
            None
        } else {
            let file = io::fget(call.image_fd)
                .and_then(|f| f.is_writable().then_some(f).ok_or(EBADF))
                .map_err(|e| wrong(report, e, "image_fd is not open for writing"))?;
            if !file.can_kernel_write() {
                let what = "the image's file can't be written by the kernel";
                return Err(wrong(report, EINVAL, what));
            }
            check_image(report, &file, log)?;
            Some(file)
        };
        let root = if call.pidfd == -1 {
            current_leader()
        } else {
            from_pidfd(call.pidfd)
                .map_err(|e| wrong(report, e, "pidfd is of no task that could be the root"))?
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
            log,
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
    /// The messages, or -1: for [`log`].
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
    /// The cgroup directory to restart into.
    pub(crate) cgroup_fd: Option<i32>,
    /// Address where the caller wants the root's pidfd.
    pub(crate) pidfd_out: usize,
}

impl RestartArgs {
    /// Checks the arguments. Errors as [`CheckpointArgs::new`].
    ///
    /// EINVAL also: to be left frozen, the tasks need a cgroup of their own. EFAULT: the pidfd has
    /// no place to go to; where there is one, it has -1 afterwards.
    pub(crate) fn new(
        call: &RestartCall,
        log: Option<&FileRef>,
        report: &mut Report,
    ) -> Result<Self> {
        if call.flags & !restart_flags::ALL != 0 || call.reserved {
            return Err(wrong(report, EINVAL, UNKNOWN));
        }
        let leave_frozen = call.flags & restart_flags::FROZEN != 0;
        if leave_frozen && call.cgroup_fd == -1 {
            let what = "to be left frozen, the tasks need a cgroup of their own";
            return Err(wrong(report, EINVAL, what));
        }
        let image = io::fget(call.image_fd)
            .and_then(|f| f.is_readable().then_some(f).ok_or(EBADF))
            .map_err(|e| wrong(report, e, "image_fd is not open for reading"))?;
        if !image.can_kernel_read() {
            let what = "the image's file can't be read by the kernel";
            return Err(wrong(report, EINVAL, what));
        }
        check_image(report, &image, log)?;
        if call.cgroup_fd != -1 {
            // Only to tell EBADF early: copy_process() takes the descriptor.
            Cgroup::from_fd(call.cgroup_fd)
                .map_err(|e| wrong(report, e, "cgroup_fd is no directory of a cgroup v2"))?;
        }
        UserSlice::new(UserPtr::from_addr(call.pidfd_out), size_of::<i32>())
            .writer()
            .write(&-1i32)
            .map_err(|e| wrong(report, e, "the arguments can't be written to"))?;
        Ok(Self {
            leave_frozen,
            sibling: call.flags & restart_flags::SIBLING != 0,
            image,
            cgroup_fd: (call.cgroup_fd != -1).then_some(call.cgroup_fd),
            pidfd_out: call.pidfd_out,
        })
    }
}
