// SPDX-License-Identifier: GPL-2.0

//! Requests to checkpoint and to restart.

use crate::{
    cpu::Cpu,
    hints,
    log::Log,
    moved::Moved,
    process::{
        self,
        Handle, //
    },
    sys,
    Error, //
};
use serde::Deserialize;
use std::{
    ffi::{
        CStr,
        CString, //
    },
    ops::Range,
    os::fd::{
        AsFd,
        AsRawFd,
        BorrowedFd,
        FromRawFd,
        OwnedFd, //
    },
    time::Duration, //
};

/// A request: what both kinds have, and `what` only one of them has.
#[derive(Default)]
pub struct Request<'a, What> {
    flags: u64,
    cgroup: Option<BorrowedFd<'a>>,
    log: Option<BorrowedFd<'a>>,
    what: What,
}

/// A request to checkpoint.
pub type Checkpoint<'a> = Request<'a, Target>;

/// A request to restart.
pub type Restart<'a> = Request<'a, FromImage>;

/// What to checkpoint.
#[derive(Default)]
pub struct Target {
    /// The root task; `None`: the caller.
    pidfd: Option<OwnedFd>,
    pid: i32,
    timeout: Duration,
    /// Descriptors whose open files stay outside.
    external: Vec<sys::CheckpointFd>,
    /// What becomes of descriptors, those that a rule names or that have a name it matches.
    rules: Vec<(Which, Action)>,
    /// Memory that is left out, by process.
    left_out: Vec<(i32, Range<u64>)>,
    /// The CPU on which the image must restart.
    cpu: Option<Cpu>,
}

/// What a rule is for.
enum Which {
    /// A descriptor of a process.
    One(i32, i32),
    /// Those whose names match.
    Named(CString),
}

/// What becomes of a descriptor at a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[repr(u32)]
pub enum Action {
    /// It is saved as it is without a rule.
    Keep = 1,
    /// The checkpoint is refused.
    Refuse = 2,
    /// It is left out: the restarted task does not have it.
    Close = 3,
    /// The open file behind it stays outside.
    #[serde(alias = "take")]
    External = 4,
    /// What lies at its path then is opened.
    Reopen = 5,
    /// Of a socket that is connected to one outside: it comes back as if that had been closed.
    Disconnect = 6,
    /// The contents of the regular file are saved, too.
    Contents = 7,
    /// Of a socket that is connected to one outside: it connects again to the address of that.
    Reconnect = 8,
    /// Of a network device (`netdev:eth0`): it is left to who restarts it.
    Move = 9,
}

/// What becomes of a file at a restart that differs from the one that was saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[repr(u32)]
pub enum Change {
    /// The restart is refused.
    Refuse = 1,
    /// It is taken as it is.
    Accept = 2,
    /// What was added at its end is cut off.
    Truncate = 3,
    /// Of the address of a Unix socket: one that can't be connected to it again comes back as if its
    /// other end had been closed.
    Disconnect = 5,
    /// Of the name of a device, a colon and a name (`netdev:eth0:veth9`): its other end, outside, gets
    /// that. It is refused if there is none: no rule of a policy, which is for many images.
    #[serde(skip_deserializing)]
    Rename = 6,
}

/// What becomes of TCP connections whose other end is not in the image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Connections {
    /// They come back as after a reset.
    #[default]
    Reset,
    /// They come back as if the other end had closed them.
    Close,
    /// They go on, if the processes were killed when they were saved.
    Keep,
    /// They go on, whatever has been sent since.
    Force,
}

/// What to restart: all that is in the image.
#[derive(Default)]
pub struct FromImage {
    /// Its name, for messages.
    name: Option<String>,
    /// Patterns of paths whose files may differ, each with its NUL.
    accept: Vec<u8>,
    /// What becomes of files that differ, by patterns of their paths.
    changes: Vec<(CString, Change)>,
    /// Paths of the image, and where that is now.
    maps: Vec<(CString, CString)>,
    /// What tasks are told that ask, each string with its NUL.
    environment: Vec<u8>,
    /// Addresses of sockets that are others now.
    addresses: Vec<Moved>,
    /// Files of the caller's in place of those of the image.
    fds: Vec<sys::RestartFd>,
    /// The same by the names of what was open.
    named: Vec<(CString, i32)>,
    /// Network devices in place of those that were left to the caller: the names of both, and the
    /// namespace that has it, or -1.
    devices: Vec<(CString, i32)>,
    /// What keeps them open.
    given: Vec<OwnedFd>,
}

/// What checkpoint(2) returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The image is written.
    Taken {
        /// Id of the checkpoint, unique since boot.
        id: u64,
        /// The kernel's messages, unless they went to a log of the caller's.
        messages: Vec<String>,
    },
    /// This is the task that checkpointed itself, coming back by restart(2).
    Restarted,
}

impl Target {
    /// Returns what to call it in messages.
    fn shown(&self) -> String {
        let name = process::name(self.pid).map(|name| format!(" ({name})"));
        match self.pidfd {
            Some(_) => format!("process {}{}", self.pid, name.unwrap_or_default()),
            None => "this process".to_owned(),
        }
    }
}

impl<'a, What> Request<'a, What> {
    fn flag(mut self, flag: u64, on: bool) -> Self {
        self.flags = if on {
            self.flags | flag
        } else {
            self.flags & !flag
        };
        self
    }

    /// Names the cgroup to freeze, or to restart into. Otherwise it is the root task's, or the
    /// caller's.
    pub fn cgroup(mut self, dir: BorrowedFd<'a>) -> Self {
        self.cgroup = Some(dir);
        self
    }

    /// Says where messages go; otherwise they come back with the result.
    pub fn log(mut self, log: BorrowedFd<'a>) -> Self {
        self.log = Some(log);
        self
    }

    fn cgroup_fd(&self) -> i32 {
        self.cgroup.map_or(-1, |fd| fd.as_raw_fd())
    }

    fn open_log(&self) -> Result<Log<'a>, Error> {
        Log::new(self.log).map_err(|e| Error::new("cannot make a log", e))
    }
}

impl Checkpoint<'_> {
    /// Makes one of the process `pid` and all that descend from it.
    pub fn of(pid: i32) -> Result<Self, Error> {
        Self::of_process(&Handle::open(pid)?)
    }

    /// Makes one of a process that was looked up before, and all that descend from it.
    pub fn of_process(process: &Handle) -> Result<Self, Error> {
        let pidfd = process.as_fd().try_clone_to_owned();
        let pidfd = pidfd.map_err(|e| Error::new("cannot take a handle on the process", e))?;
        Ok(Self {
            what: Target {
                pidfd: Some(pidfd),
                pid: process.pid(),
                ..Target::default()
            },
            ..Self::default()
        })
    }

    /// Makes one of the calling process and all that descend from it.
    pub fn of_self() -> Self {
        Self::default()
    }

    /// Takes a root task that need not be the init of a pid namespace.
    pub fn subtree(self, on: bool) -> Self {
        self.flag(sys::CHECKPOINT_SUBTREE, on)
    }

    /// Kills the tasks after success. The image need not have a name yet, and may lose it: with
    /// [`leave_frozen`](Self::leave_frozen) they are not killed yet, which [`end`](Self::end)
    /// does; that is the safe way.
    pub fn kill(self, on: bool) -> Self {
        self.flag(sys::CHECKPOINT_KILL, on)
    }

    /// Leaves the tasks frozen after success.
    pub fn leave_frozen(self, on: bool) -> Self {
        self.flag(sys::CHECKPOINT_FROZEN, on)
    }

    /// Refuses files that are shared with tasks outside, and does not only tell of them.
    pub fn strict(self, on: bool) -> Self {
        self.flag(sys::CHECKPOINT_STRICT, on)
    }

    /// Keyrings that threads and processes have of their own are left out, and only told.
    pub fn drop_keys(self, on: bool) -> Self {
        self.flag(sys::CHECKPOINT_DROP_KEYS, on)
    }

    /// Leaves out what is in the network namespace of the tasks: they are restarted in [another
    /// one](Restart::caller_net).
    pub fn net_outside(self, on: bool) -> Self {
        self.flag(sys::CHECKPOINT_NET_OUTSIDE, on)
    }

    /// Leaves the open file behind descriptor `fd` of process `pid` outside, whatever it is: only
    /// how it is open is saved, and a restart wants [another one](Restart::fd) in its place. 0 is
    /// the root's pid.
    pub fn external(mut self, pid: i32, fd: i32) -> Self {
        self.what.external.push(sys::CheckpointFd { pid, fd });
        self
    }

    /// Says what becomes of descriptor `fd` of process `pid`, 0 being the root's. Of all rules the
    /// first that is for a descriptor counts.
    pub fn rule_for(mut self, pid: i32, fd: i32, action: Action) -> Self {
        self.what.rules.push((Which::One(pid, fd), action));
        self
    }

    /// Says what becomes of descriptors whose open files have a name, as messages have it, that
    /// matches `pattern`. `*` and `?` match slashes, too.
    pub fn rule(mut self, pattern: &CStr, action: Action) -> Self {
        self.what
            .rules
            .push((Which::Named(pattern.to_owned()), action));
        self
    }

    /// Leaves out the contents of memory of process `pid`, 0 being the root's: it comes back as zeros.
    /// Only private anonymous memory, in whole pages.
    pub fn leave_out(mut self, pid: i32, range: Range<u64>) -> Self {
        self.what.left_out.push((pid, range));
        self
    }

    /// Refuses tasks that can have seen more of this CPU than the one on which the image must restart has.
    pub fn cpu(mut self, there: &Cpu) -> Self {
        self.what.cpu = Some(there.clone());
        self
    }

    /// Says how long to wait for the tasks to freeze; zero is the kernel's default.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.what.timeout = timeout;
        self
    }

    /// Writes the image to `image`, which need not be seekable.
    pub fn write(self, image: impl AsFd) -> Result<Outcome, Error> {
        let fd = image.as_fd().as_raw_fd();
        self.call(fd)
    }

    /// Finds out whether a checkpoint would succeed. Messages that begin with "has: " name what the tasks
    /// have open.
    pub fn dry_run(self) -> Result<Outcome, Error> {
        self.flag(sys::CHECKPOINT_DRY_RUN, true).call(-1)
    }

    /// Kills the tasks, which the checkpoint `id` has left frozen and none of which can have run
    /// since, as [`kill`](Self::kill) does. Returns when they are gone.
    pub fn end(mut self, id: u64) -> Result<Outcome, Error> {
        // Nothing is saved, so that there is nothing to be strict about, or that stays outside.
        self.what.external.clear();
        self.what.rules.clear();
        self.what.left_out.clear();
        self.what.cpu = None;
        self.strict(false)
            .drop_keys(false)
            .net_outside(false)
            .flag(sys::CHECKPOINT_KILL_ONLY, true)
            .call_with(-1, id)
    }

    fn call(self, image_fd: i32) -> Result<Outcome, Error> {
        self.call_with(image_fd, 0)
    }

    fn call_with(self, image_fd: i32, id: u64) -> Result<Outcome, Error> {
        let log = self.open_log()?;
        let rule = |(which, action): &(Which, Action)| {
            let (pattern, pid, fd) = match which {
                Which::One(pid, fd) => (0, *pid, *fd),
                Which::Named(pattern) => (address(pattern), 0, 0),
            };
            sys::CheckpointRule {
                pattern,
                pid,
                fd,
                action: *action as u32,
                reserved: 0,
            }
        };
        let rules: Vec<_> = self.what.rules.iter().map(rule).collect();
        let range = |(pid, range): &(i32, Range<u64>)| sys::CheckpointRange {
            pid: *pid,
            reserved: 0,
            start: range.start,
            end: range.end,
        };
        let ranges: Vec<_> = self.what.left_out.iter().map(range).collect();
        let cpu = self.what.cpu.as_ref();
        let words = cpu.map_or(&[][..], |cpu| &cpu.words);
        let args = sys::CheckpointArgs {
            flags: self.flags,
            pidfd: self.what.pidfd.as_ref().map_or(-1, |fd| fd.as_raw_fd()),
            cgroup_fd: self.cgroup_fd(),
            image_fd,
            log_fd: log.fd(),
            timeout_ms: u32::try_from(self.what.timeout.as_millis()).unwrap_or(u32::MAX),
            reserved: 0,
            id,
            external: self.what.external.as_ptr().addr() as u64,
            external_count: u32::try_from(self.what.external.len()).unwrap_or(u32::MAX),
            reserved2: 0,
            rules: rules.as_ptr().addr() as u64,
            ranges: ranges.as_ptr().addr() as u64,
            rules_count: u32::try_from(rules.len()).unwrap_or(u32::MAX),
            ranges_count: u32::try_from(ranges.len()).unwrap_or(u32::MAX),
            cpu: words.as_ptr().addr() as u64,
            cpu_words: u32::try_from(words.len()).unwrap_or(u32::MAX),
            cpu_arch: cpu.map_or(0, |cpu| cpu.machine),
        };
        match sys::checkpoint(&args) {
            // A dry run has no id.
            Ok(0) if self.flags & sys::CHECKPOINT_DRY_RUN == 0 => Ok(Outcome::Restarted),
            Ok(id) => Ok(Outcome::Taken {
                id,
                messages: log.lines(),
            }),
            Err(e) => {
                let lines = log.lines();
                let hints = hints::checkpoint(&e, &lines);
                let verb = match self.flags & sys::CHECKPOINT_KILL_ONLY {
                    0 => "save",
                    _ => "end",
                };
                let what = format!("cannot {verb} {}", self.what.shown());
                let error = Error::new(what, e).lines(lines);
                Err(hints.into_iter().fold(error, Error::hint))
            }
        }
    }
}

/// Returns the address of a string, for the kernel.
fn address(text: &CStr) -> u64 {
    text.as_ptr().addr() as u64
}

/// The root task of what was restarted.
#[derive(Debug)]
pub struct Root {
    /// Its pid, as the caller sees it.
    pub pid: i32,
    /// It, whatever its pid may become.
    pub pidfd: OwnedFd,
    /// The kernel's messages, unless they went to a log of the caller's.
    pub messages: Vec<String>,
}

impl Restart<'_> {
    /// Makes a restart into the caller's cgroup, as its child.
    pub fn new() -> Self {
        Self::default()
    }

    /// Says what messages call the image.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.what.name = Some(name.into());
        self
    }

    /// Leaves the tasks frozen.
    pub fn leave_frozen(self, on: bool) -> Self {
        self.flag(sys::RESTART_FROZEN, on)
    }

    /// Makes the root task a sibling of the caller instead of its child.
    pub fn sibling(self, on: bool) -> Self {
        self.flag(sys::RESTART_SIBLING, on)
    }

    /// Lets the tasks be confined as the caller is (security label, user namespace, seccomp, ...),
    /// whatever confined them before.
    pub fn caller_confinement(self, on: bool) -> Self {
        self.flag(sys::RESTART_CALLER_CONFINEMENT, on)
    }

    /// Gives the tasks, and what is made for them, the labels of security modules that they had,
    /// where these let the caller do that; else the restart is refused.
    pub fn keep_labels(self, on: bool) -> Self {
        self.flag(sys::RESTART_KEEP_LSM, on)
    }

    /// Gives memory back as zeros that fork(2) wipes (MADV_WIPEONFORK), so that generators of random
    /// numbers do not give the same ones at each restart of one image.
    pub fn wipe_on_fork(self, on: bool) -> Self {
        self.flag(sys::RESTART_WIPE_ON_FORK, on)
    }

    /// Takes files only that are the same in all that the image tells of them, also on another
    /// machine.
    pub fn strict(self, on: bool) -> Self {
        self.flag(sys::RESTART_STRICT, on)
    }

    /// Lets files whose paths match `pattern` differ from those that were saved. `*` and `?` match
    /// slashes, too.
    pub fn accept(mut self, pattern: &CStr) -> Self {
        self.what.accept.extend(pattern.to_bytes_with_nul());
        self
    }

    /// Says what becomes of files that differ and whose paths, as the image has them, match
    /// `pattern`: the first one that does counts, and all before [`accept`](Self::accept).
    pub fn change(mut self, pattern: &CStr, change: Change) -> Self {
        self.what.changes.push((pattern.to_owned(), change));
        self
    }

    /// Says that what had the path `from`, or one below, is at or below `to` now. The first such
    /// path counts.
    pub fn map(mut self, from: &CStr, to: &CStr) -> Self {
        self.what.maps.push((from.to_owned(), to.to_owned()));
        self
    }

    /// Says what tasks are told of the restart that ask for it: NAME=VALUE, one after the other.
    pub fn environment(mut self, variable: &CStr) -> Self {
        self.what.environment.extend(variable.to_bytes_with_nul());
        self
    }

    /// Sockets have other addresses than in the image. The first that fits an address counts.
    pub fn address(mut self, moved: Moved) -> Self {
        self.what.addresses.push(moved);
        self
    }

    /// Has the caller's uts namespace take the place of that of the root task.
    pub fn caller_uts(self, on: bool) -> Self {
        self.flag(sys::RESTART_CALLER_UTS, on)
    }

    /// Has the caller's ipc namespace take the place of that of the root task, in which there must
    /// be nothing.
    pub fn caller_ipc(self, on: bool) -> Self {
        self.flag(sys::RESTART_CALLER_IPC, on)
    }

    /// Has the caller's network namespace take the place of that of the tasks.
    pub fn caller_net(self, on: bool) -> Self {
        self.flag(sys::RESTART_CALLER_NET, on)
    }

    /// Says what becomes of TCP connections whose other end is not in the image.
    pub fn connections(self, what: Connections) -> Self {
        let (keep, close) = match what {
            Connections::Reset => (false, false),
            Connections::Close => (false, true),
            Connections::Keep => (true, false),
            Connections::Force => (true, true),
        };
        self.flag(sys::RESTART_TCP_KEEP, keep)
            .flag(sys::RESTART_TCP_CLOSE, close)
    }

    /// Puts `file` in place of the open file behind descriptor `fd` of process `pid` of the image;
    /// 0 is the root's pid. Whoever has the same open file gets `file`, too. `optional`: the image
    /// need not have such a descriptor.
    pub fn fd(mut self, pid: i32, fd: i32, file: OwnedFd, optional: bool) -> Self {
        self.what.fds.push(sys::RestartFd {
            pid,
            fd,
            own_fd: file.as_raw_fd(),
            flags: if optional {
                sys::RESTART_FD_OPTIONAL
            } else {
                0
            },
        });
        self.what.given.push(file);
        self
    }

    /// Says the same for all open files of the image that have a name that matches `pattern`:
    /// their path, or the name of what was left outside.
    pub fn fd_named(mut self, pattern: &CStr, file: OwnedFd) -> Self {
        self.what.named.push((pattern.to_owned(), file.as_raw_fd()));
        self.what.given.push(file);
        self
    }

    /// Moves a network device to where one was that was left to the caller: `names` are a pattern of names
    /// of the latter, a colon, and the name of the former (`netdev:eth0:enp3s0`), which is in the network
    /// namespace `netns`, or in the caller's.
    pub fn device(mut self, names: &CStr, netns: Option<OwnedFd>) -> Self {
        let own_fd = netns.as_ref().map_or(-1, AsRawFd::as_raw_fd);
        self.what.devices.push((names.to_owned(), own_fd));
        self.what.given.extend(netns);
        self
    }

    /// Reads the image from `image`, which need not be seekable, and brings back what is in it.
    pub fn read(self, image: impl AsFd) -> Result<Root, Error> {
        let log = self.open_log()?;
        let rule = |(pattern, change): &(CString, Change)| sys::RestartRule {
            pattern: address(pattern),
            action: *change as u32,
            own_fd: 0,
        };
        let give = |(pattern, own_fd): &(CString, i32)| sys::RestartRule {
            pattern: address(pattern),
            action: sys::RESTART_RULE_GIVE,
            own_fd: *own_fd,
        };
        let device = |(names, own_fd): &(CString, i32)| sys::RestartRule {
            pattern: address(names),
            action: sys::RESTART_RULE_MOVE,
            own_fd: *own_fd,
        };
        let changes = self.what.changes.iter().map(rule);
        let given = self.what.named.iter().map(give);
        let devices = self.what.devices.iter().map(device);
        let rules: Vec<_> = changes.chain(given).chain(devices).collect();
        let map = |(from, to): &(CString, CString)| sys::RestartMap {
            from: address(from),
            to: address(to),
        };
        let maps: Vec<_> = self.what.maps.iter().map(map).collect();
        let addresses: Vec<_> = self.what.addresses.iter().map(Moved::row).collect();
        let mut args = sys::RestartArgs {
            flags: self.flags,
            image_fd: image.as_fd().as_raw_fd(),
            log_fd: log.fd(),
            cgroup_fd: self.cgroup_fd(),
            pidfd: -1,
            accept: self.what.accept.as_ptr().addr() as u64,
            accept_len: u32::try_from(self.what.accept.len()).unwrap_or(u32::MAX),
            reserved: 0,
            fds: self.what.fds.as_ptr().addr() as u64,
            fds_count: u32::try_from(self.what.fds.len()).unwrap_or(u32::MAX),
            reserved2: 0,
            rules: rules.as_ptr().addr() as u64,
            maps: maps.as_ptr().addr() as u64,
            rules_count: u32::try_from(rules.len()).unwrap_or(u32::MAX),
            maps_count: u32::try_from(maps.len()).unwrap_or(u32::MAX),
            environment: self.what.environment.as_ptr().addr() as u64,
            addresses: addresses.as_ptr().addr() as u64,
            environment_len: u32::try_from(self.what.environment.len()).unwrap_or(u32::MAX),
            addresses_count: u32::try_from(addresses.len()).unwrap_or(u32::MAX),
        };
        match sys::restart(&mut args) {
            Ok(pid) if args.pidfd >= 0 => Ok(Root {
                pid,
                // SAFETY: the kernel has just made this descriptor for the caller, and nothing
                // else knows of it.
                pidfd: unsafe { OwnedFd::from_raw_fd(args.pidfd) },
                messages: log.lines(),
            }),
            Ok(_) => Err(Error::plain("restart(2) gave no pidfd")),
            Err(e) => {
                let lines = log.lines();
                let hints = hints::restart(&e, &lines);
                let name = self.what.name.as_deref().unwrap_or("the image");
                let error = Error::new(format!("cannot restart {name}"), e).lines(lines);
                Err(hints.into_iter().fold(error, Error::hint))
            }
        }
    }
}
