// SPDX-License-Identifier: GPL-2.0

//! The arguments of the system calls, checked.

use kernel::{
    prelude::*,
    uaccess::{
        UserPtr,
        UserSlice, //
    }, //
};

use crate::{
    arch::Native,
    capture::args::CheckpointArgs,
    core::{
        accept::{
            Connections,
            Labels,
            Patterns, //
        },
        addresses::Addresses,
        advice::{
            Descriptor,
            Given, //
        },
        report::{
            Errno,
            Report, //
        },
        rules::{
            Changes,
            LeftOut,
            Maps,
            Rule, //
        }, //
    },
    image::cpu::WORDS,
    kapi::{
        arch::Arch,
        cgroup::group::CgroupDir,
        fs::{
            file::{
                ftype,
                FileRef, //
            },
            io, //
        },
        task::root::Root,
        uapi::{
            self,
            args::{
                CheckpointCall,
                RestartCall, //
            }, //
        }, //
    },
    restart::args::RestartArgs,
    syscall::{
        checkpoint_flags,
        restart_flags, //
    }, //
};

/// Milliseconds within which all tasks must freeze, unless the caller says otherwise.
const TIMEOUT_MS: u32 = 10_000;

/// Most milliseconds that a caller may ask for: as long as its tasks may stand still at most, when
/// one of them does not freeze.
const TIMEOUT_MAX_MS: u32 = 600_000;

/// What is wrong with arguments of a later version.
const UNKNOWN: &str = "a flag is not known, or a field that must be zero is not";

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

/// Returns the file for messages behind `fd`, -1 for none.
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

/// Returns the cgroup behind `fd`, -1 for none. It is looked up here and nowhere else: another
/// thread of the caller may put something else behind the number.
///
/// EBADF: it is no directory of a cgroup v2. ENOENT: the cgroup was removed.
fn cgroup_dir(fd: i32, report: &mut Report) -> Result<Option<CgroupDir>> {
    if fd == -1 {
        return Ok(None);
    }
    let dir = CgroupDir::from_fd(fd).map_err(|e| {
        let what = match e {
            ENOENT => "the cgroup was removed",
            _ => "cgroup_fd is no directory of a cgroup v2",
        };
        wrong(report, e, what)
    })?;
    Ok(Some(dir))
}

/// Returns the features of the CPU that the image is for; `None`: the caller names none.
///
/// EINVAL: it is of another architecture, or there are no words of it. E2BIG: there are too many.
/// EFAULT: they are not readable.
fn cpu(call: &CheckpointCall, report: &mut Report) -> Result<Option<[u64; WORDS]>> {
    let what = match (call.cpu.1, call.cpu_arch) {
        (0, 0) => return Ok(None),
        (0, _) => "the CPU that the image is for has an architecture, but no words",
        (_, Native::ID) => "",
        _ => "the CPU that the image is for is of another architecture",
    };
    if !what.is_empty() {
        return Err(wrong(report, EINVAL, what));
    }
    let words = uapi::args::words(call.cpu).map_err(|e| {
        let what = match e {
            E2BIG => "the CPU that the image is for has more than 8 words",
            _ => "the words of the CPU that the image is for can't be read",
        };
        wrong(report, e, what)
    })?;
    Ok(Some(words))
}

impl<'a> CheckpointArgs<'a> {
    /// Checks the arguments (`log` was looked up before); returns them and the root task.
    ///
    /// EINVAL: unknown or contradictory flags, a reserved field is not zero, the timeout is too
    /// long, or the image can't go to that file. EBADF: a descriptor is not open, or not for
    /// writing, or not a pidfd or a cgroup. ENOENT: the cgroup was removed. ESRCH: the root is
    /// gone. A line of `report` tells which.
    pub(crate) fn new(
        call: &CheckpointCall,
        log: Option<&'a FileRef>,
        report: &mut Report,
    ) -> Result<(Self, Root)> {
        let has = |flag| call.flags & flag != 0;
        if call.flags & !checkpoint_flags::ALL != 0 || call.reserved {
            return Err(wrong(report, EINVAL, UNKNOWN));
        }
        let dry_run = has(checkpoint_flags::DRY_RUN);
        if dry_run && (has(checkpoint_flags::KILL) || has(checkpoint_flags::FROZEN)) {
            let what = "a dry run neither kills nor leaves frozen";
            return Err(wrong(report, EINVAL, what));
        }
        let kill_only = has(checkpoint_flags::KILL_ONLY);
        if kill_only {
            let others =
                checkpoint_flags::ALL & !(checkpoint_flags::KILL_ONLY | checkpoint_flags::SUBTREE);
            if call.flags & others != 0 || call.image_fd != -1 || call.pidfd == -1 {
                let what = "tasks are killed only without an image, by others and not themselves";
                return Err(wrong(report, EINVAL, what));
            }
        }
        if kill_only != (call.id != 0) {
            let what = "a checkpoint's id is given to kill what it has left frozen, and only then";
            return Err(wrong(report, EINVAL, what));
        }
        let image = if (dry_run || kill_only) && call.image_fd == -1 {
            None
        } else {
            let file = io::fget(call.image_fd)
                .and_then(|f| f.is_writable().then_some(f).ok_or(EBADF))
                .map_err(|e| wrong(report, e, "image_fd is not open for writing"))?;
            if !file.can_write() {
                let what = "image_fd is nothing that write(2) could write to";
                return Err(wrong(report, EINVAL, what));
            }
            check_image(report, &file, log)?;
            Some(file)
        };
        if call.timeout_ms > TIMEOUT_MAX_MS {
            let what = "the timeout is more than 10 minutes";
            return Err(wrong(report, EINVAL, what));
        }
        let root = match call.pidfd {
            -1 => Root::of_caller(),
            fd => Root::from_pidfd(fd),
        }
        .map_err(|e| wrong(report, e, "pidfd is of no task that could be the root"))?;
        let cgroup = cgroup_dir(call.cgroup_fd, report)?.map(|dir| dir.cgroup().clone());
        if kill_only && (call.external_count != 0 || call.rules.1 != 0 || call.ranges.1 != 0) {
            let what = "nothing is saved, so that nothing stays outside or is left out";
            return Err(wrong(report, EINVAL, what));
        }
        if kill_only && call.cpu.1 != 0 {
            let what = "nothing is saved, so that there is no CPU that the image is for";
            return Err(wrong(report, EINVAL, what));
        }
        let cpu = cpu(call, report)?;
        let external = Descriptor::read(call.external, call.external_count).map_err(|e| {
            let what = match e {
                E2BIG => "more than 4096 descriptors are to stay outside",
                EINVAL => "a descriptor that is to stay outside, or its process, is negative",
                _ => "the descriptors that are to stay outside can't be read",
            };
            wrong(report, e, what)
        })?;
        let rules = Rule::read(call.rules).map_err(|e| {
            let what = match e {
                E2BIG => "there are more than 256 rules, or a pattern has more than 4095 bytes",
                EINVAL => {
                    "a rule has an empty pattern, a negative number, an action that is not known, or \
                     both a pattern and a descriptor"
                }
                _ => "the rules can't be read",
            };
            wrong(report, e, what)
        })?;
        let left_out = LeftOut::read(call.ranges).map_err(|e| {
            let what = match e {
                E2BIG => "more than 256 ranges of memory are to be left out",
                EINVAL => {
                    "a range of memory is empty or not of whole pages, or its process negative"
                }
                _ => "the ranges of memory can't be read",
            };
            wrong(report, e, what)
        })?;
        let args = Self {
            rules,
            left_out,
            cpu,
            subtree: has(checkpoint_flags::SUBTREE),
            kill: has(checkpoint_flags::KILL) && !has(checkpoint_flags::FROZEN),
            to_be_killed: has(checkpoint_flags::KILL),
            leave_frozen: has(checkpoint_flags::FROZEN),
            dry_run,
            kill_only: kill_only.then_some(call.id),
            drop_keys: has(checkpoint_flags::DROP_KEYS),
            strict: has(checkpoint_flags::STRICT),
            net_outside: has(checkpoint_flags::NET_OUTSIDE),
            timeout_ms: match call.timeout_ms {
                0 => TIMEOUT_MS,
                ms => ms,
            },
            image,
            log,
            cgroup,
            external,
        };
        Ok((args, root))
    }
}

impl RestartArgs {
    /// Checks the arguments. Errors as [`CheckpointArgs::new`].
    ///
    /// EINVAL also: to be left frozen, the tasks need a cgroup of their own, not the root; a
    /// pattern of accepted paths is empty or has no end. EPERM, EACCES: the caller may not freeze
    /// it. E2BIG: there are too many patterns. EFAULT: they can't be read, or the pidfd has no
    /// place to go to; where there is one, it has -1 afterwards.
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
        let accept = Patterns::read(call.accept, call.accept_len).map_err(|e| {
            let what = match e {
                E2BIG => "the patterns of accepted paths take more than 64 KiB",
                EINVAL => "a pattern of accepted paths is empty, or the last one has no NUL",
                _ => "the patterns of accepted paths can't be read",
            };
            wrong(report, e, what)
        })?;
        let changes = Changes::read(call.rules).map_err(|e| {
            let what = match e {
                E2BIG => "there are more than 256 rules, or a pattern has more than 4095 bytes",
                EINVAL => "a rule has an empty pattern, or an action that is not known",
                EBADF => "a rule gives a descriptor that is not open here, or for its path only",
                _ => "the rules can't be read",
            };
            wrong(report, e, what)
        })?;
        let maps = Maps::read(call.maps).map_err(|e| {
            let what = match e {
                E2BIG => "more than 256 paths are others now, or one has more than 4095 bytes",
                EINVAL => {
                    "a path that is another one now does not begin with a slash, or the other"
                }
                _ => "the paths that are others now can't be read",
            };
            wrong(report, e, what)
        })?;
        let addresses = Addresses::read(call.addresses).map_err(|e| {
            let what = match e {
                E2BIG => "more than 256 addresses are others now",
                EINVAL => {
                    "an address that is another one now, or the other, is of a family that is not \
                     known, has bits beyond its prefix, is one that no socket can have, or is one of \
                     IPv4 in the form of IPv6"
                }
                _ => "the addresses that are others now can't be read",
            };
            wrong(report, e, what)
        })?;
        let given = Given::read(call.fds, call.fds_count).map_err(|e| {
            let what = match e {
                E2BIG => "more than 4096 descriptors are given",
                EINVAL => "a descriptor or process is negative, or a flag of one is not known",
                EBADF => "a descriptor that is given is not open, or for its path only",
                _ => "the descriptors that are given can't be read",
            };
            wrong(report, e, what)
        })?;
        let environment = uapi::args::environment(call.environment).map_err(|e| {
            let what = match e {
                E2BIG => "the environment takes more than 64 KiB",
                EINVAL => "a string of the environment is not NAME=VALUE, or the last has no NUL",
                _ => "the environment can't be read",
            };
            wrong(report, e, what)
        })?;
        let image = io::fget(call.image_fd)
            .and_then(|f| f.is_readable().then_some(f).ok_or(EBADF))
            .map_err(|e| wrong(report, e, "image_fd is not open for reading"))?;
        if !image.can_read() {
            let what = "image_fd is nothing that read(2) could read from";
            return Err(wrong(report, EINVAL, what));
        }
        check_image(report, &image, log)?;
        let cgroup = cgroup_dir(call.cgroup_fd, report)?;
        if let Some(dir) = cgroup.as_ref().filter(|_| leave_frozen) {
            if dir.cgroup().is_root() {
                let what = "the root cgroup can't be frozen: restart into a cgroup in it";
                return Err(wrong(report, EINVAL, what));
            }
            dir.cgroup().may_freeze().map_err(|e| {
                let what = match e {
                    ENODEV => "the cgroup was removed",
                    _ => {
                        "the caller may not freeze the cgroup: it must be able to write its \
                         cgroup.freeze"
                    }
                };
                wrong(report, e, what)
            })?;
        }
        UserSlice::new(UserPtr::from_addr(call.pidfd_out), size_of::<i32>())
            .writer()
            .write(&-1i32)
            .map_err(|e| wrong(report, e, "the arguments can't be written to"))?;
        Ok(Self {
            leave_frozen,
            flags: call.flags,
            sibling: call.flags & restart_flags::SIBLING != 0,
            caller_confinement: call.flags & restart_flags::CALLER_CONFINEMENT != 0,
            labels: match call.flags & (restart_flags::KEEP_LSM | restart_flags::CALLER_CONFINEMENT)
            {
                0 => Labels::Compare,
                restart_flags::CALLER_CONFINEMENT => Labels::Caller,
                _ => Labels::Keep,
            },
            wipes: call.flags & restart_flags::WIPE_ON_FORK != 0,
            strict: call.flags & restart_flags::STRICT != 0,
            accept,
            changes,
            maps,
            caller_uts: call.flags & restart_flags::CALLER_UTS != 0,
            caller_ipc: call.flags & restart_flags::CALLER_IPC != 0,
            caller_net: call.flags & restart_flags::CALLER_NET != 0,
            connections: match call.flags & (restart_flags::TCP_KEEP | restart_flags::TCP_CLOSE) {
                0 => Connections::Reset,
                restart_flags::TCP_KEEP => Connections::KeepKilled,
                restart_flags::TCP_CLOSE => Connections::Close,
                _ => Connections::Keep,
            },
            addresses,
            given,
            environment,
            image,
            cgroup,
            pidfd_out: call.pidfd_out,
        })
    }
}
