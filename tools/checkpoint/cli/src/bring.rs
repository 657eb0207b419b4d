// SPDX-License-Identifier: GPL-2.0

//! Who calls restart(2), so that a signal at any moment ends the restart with nothing left, or
//! reaches what was restarted.
//!
//! Usually that is a child of the command, which may be killed; what it restarts becomes the command's
//! child. With `--detach` it is an orphan, so that the end of the command is not the end of a
//! parent. With `--pidns` it is the init process of the new namespace.

use crate::{
    namespace,
    options::{
        write_log,
        Descriptor, //
    }, //
};
use anyhow::{
    bail,
    Context, //
};
use libcheckpoint::{
    cgroup::{
        self,
        Dir,
        Freezer, //
    },
    policy::Policy,
    signals::{
        self,
        Arrived,
        Child,
        Ended,
        Signals, //
    },
    temporary::{
        self,
        Temporary, //
    },
    tree,
    Change,
    Connections,
    Moved,
    Restart, //
};
use nix::sys::signal::Signal;
use rustix::{
    event::{
        poll,
        PollFd,
        PollFlags, //
    },
    pipe::{
        pipe_with,
        PipeFlags, //
    },
    process::{
        set_child_subreaper,
        set_parent_process_death_signal,
        setsid, //
    },
    stdio::{
        dup2_stderr,
        dup2_stdin,
        dup2_stdout, //
    }, //
};
use serde::{
    Deserialize,
    Serialize, //
};
use std::{
    cell::Cell,
    ffi::CString,
    fs::{
        File,
        OpenOptions, //
    },
    io::{
        self,
        Read,
        Write, //
    },
    os::fd::{
        AsFd,
        BorrowedFd,
        OwnedFd, //
    },
    path::PathBuf, //
};

/// What is asked for.
pub struct Order {
    /// What messages call the image.
    pub name: String,
    /// In a new pid namespace.
    pub pidns: bool,
    /// In a new mount namespace with a /proc of its own.
    pub mount_proc: bool,
    /// The cgroup to restart into.
    pub cgroup: Option<Dir>,
    /// The processes are left frozen.
    pub leave_frozen: bool,
    /// They may get another confinement than they had.
    pub caller_confinement: bool,
    /// They get the security labels that they had.
    pub keep_labels: bool,
    /// Memory that fork(2) wipes is zero.
    pub wipe_on_fork: bool,
    /// Files must be the same in all that the image tells of them.
    pub strict: bool,
    /// What becomes of TCP connections with others.
    pub connections: Connections,
    /// Patterns of paths whose files may differ.
    pub accept: Vec<CString>,
    /// Patterns of paths whose files are cut off where they ended.
    pub truncate: Vec<CString>,
    /// Patterns of addresses from which Unix sockets are cut off that can't be connected to them again.
    pub disconnect: Vec<CString>,
    /// Paths of the image, and where that is now.
    pub maps: Vec<(CString, CString)>,
    /// What processes are told that ask.
    pub environment: Vec<CString>,
    /// Addresses of sockets that are others now.
    pub addresses: Vec<Moved>,
    /// Rules that count after those.
    pub policy: Option<Policy>,
    /// The directory that paths are resolved below.
    pub root: Option<namespace::Root>,
    /// The uts namespace that takes the place of the root task's.
    pub uts: Option<OwnedFd>,
    /// The same for the ipc namespace.
    pub ipc: Option<OwnedFd>,
    /// The same for the network namespace.
    pub net: Option<OwnedFd>,
    /// Files that are put in place of those of the image. Who makes the call takes them out: nobody
    /// keeps them open for longer than the call.
    pub given: Cell<Vec<Given>>,
    /// The names of devices, and what the other ends of these are called outside.
    pub renames: Vec<CString>,
    /// The same as `given` for what has a name.
    pub named: Cell<Vec<(CString, OwnedFd)>>,
    /// Network devices that are moved to where one was: the names of both, and where it is.
    pub devices: Cell<Vec<(CString, Option<OwnedFd>)>>,
    /// The command does not wait for them.
    pub detach: bool,
    /// Where messages go.
    pub log: Option<File>,
}

/// A file in place of one of the image.
pub struct Given {
    /// The descriptor of the image.
    pub of: Descriptor,
    /// The file.
    pub file: OwnedFd,
    /// The image need not have the descriptor.
    pub optional: bool,
}

/// How the call ended, as its process tells.
#[derive(Default, Serialize, Deserialize)]
struct Report {
    pid: Option<i32>,
    error: Option<String>,
    messages: Vec<String>,
}

/// What has been restarted.
pub struct Restarted {
    /// The pid of its root process, as seen from here.
    pub pid: i32,
    /// The process to wait for and to send signals to, a child of this one unless detached.
    pub child: Child,
    /// The kernel's messages.
    pub messages: Vec<String>,
}

/// Restarts. Signals that arrive meanwhile end it, and after that are left in `signals`.
pub fn restart(order: &Order, image: &File, signals: &Signals) -> anyhow::Result<Restarted> {
    if order.pidns {
        in_new_pidns(order, image, signals)
    } else if order.detach {
        detached(order, image, signals)
    } else {
        in_child(order, image, signals)
    }
}

/// What the command gets from the process that calls restart(2).
struct Answer {
    report: Option<Report>,
    interrupted: Option<Arrived>,
}

/// Waits for the report that comes out of `reader`; a signal makes it call `interrupt`.
fn answer(
    order: &Order,
    mut reader: File,
    signals: &Signals,
    interrupt: impl Fn(),
) -> anyhow::Result<Answer> {
    let mut bytes = Vec::new();
    let mut interrupted = None;
    loop {
        let mut fds = [
            PollFd::from_borrowed_fd(signals.as_fd(), PollFlags::IN),
            PollFd::from_borrowed_fd(reader.as_fd(), PollFlags::IN),
        ];
        poll(&mut fds, None).context("cannot wait for the restart")?;
        let [_, answers] = &fds;
        if !answers.revents().is_empty() {
            let mut part = [0; 4096];
            match reader.read(&mut part)? {
                0 => break,
                n => bytes.extend_from_slice(part.get(..n).unwrap_or_default()),
            }
            continue;
        }
        while let Some(arrived) = signals.next()? {
            if signals::ENDING.contains(&arrived.signal) {
                interrupted = Some(arrived);
                interrupt();
            }
        }
    }
    let report: Option<Report> = serde_json::from_slice(&bytes).ok();
    if let Some(report) = &report {
        write_log(order.log.as_ref(), &report.messages);
    }
    Ok(Answer {
        report,
        interrupted,
    })
}

impl Answer {
    /// Returns the pid of the root process, and the kernel's messages.
    fn result(self) -> anyhow::Result<(i32, Vec<String>)> {
        let report = match (self.report, self.interrupted) {
            (Some(report), _) => report,
            (None, Some(arrived)) => {
                bail!("interrupted by {}; nothing was restarted", arrived.signal)
            }
            (None, None) => bail!(
                "the process that called restart(2) was killed, maybe for lack of memory: see dmesg"
            ),
        };
        match (report.pid, report.error) {
            (Some(pid), _) => Ok((pid, report.messages)),
            (None, Some(error)) => bail!("{error}"),
            (None, None) => bail!(
                "the process that called restart(2) has ended without a word of how that went"
            ),
        }
    }
}

/// Tells the command what came of it; false if that is not there any more.
fn tell(mut to: &File, report: &Report) -> bool {
    serde_json::to_vec(report)
        .map_err(std::io::Error::from)
        .and_then(|bytes| to.write_all(&bytes))
        .is_ok()
}

/// Makes the call itself: in this process's cgroup, or in the one that was asked for.
fn call(order: &Order, image: &File, sibling: bool) -> Report {
    match call_in_place(order, image, sibling) {
        Ok(report) => report,
        Err(e) => Report {
            error: Some(crate::tell::cause(&e)),
            // A refusal's lines are part of what the error says; the log has them, too.
            messages: e
                .downcast_ref::<libcheckpoint::Error>()
                .map(|e| e.messages().to_vec())
                .unwrap_or_default(),
            ..Report::default()
        },
    }
}

fn call_in_place(order: &Order, image: &File, sibling: bool) -> anyhow::Result<Report> {
    if order.mount_proc {
        namespace::new_mounts()?;
        if order.pidns {
            namespace::mount_proc()?;
        }
    }
    // No task may run before /proc is what it should be: they are frozen meanwhile.
    let late_proc = order.mount_proc && !order.pidns;
    let own = if late_proc && !order.leave_frozen {
        let home = match &order.cgroup {
            Some(dir) => dir.path().to_owned(),
            None => own_cgroup()?,
        };
        let own = Temporary::make("restart", &home)?;
        Some((Dir::open(own.path(), false)?, own))
    } else {
        None
    };
    let mut request = Restart::new()
        .named(&order.name)
        .sibling(sibling)
        .leave_frozen(order.leave_frozen || own.is_some())
        .caller_confinement(order.caller_confinement)
        .keep_labels(order.keep_labels)
        .wipe_on_fork(order.wipe_on_fork)
        .strict(order.strict)
        .connections(order.connections);
    for pattern in &order.accept {
        request = request.accept(pattern);
    }
    for given in order.given.take() {
        request = request.fd(given.of.pid, given.of.fd, given.file, given.optional);
    }
    for (pattern, file) in order.named.take() {
        request = request.fd_named(&pattern, file);
    }
    for (names, netns) in order.devices.take() {
        request = request.device(&names, netns);
    }
    let dir = own.as_ref().map(|(dir, _)| dir).or(order.cgroup.as_ref());
    if let Some(dir) = dir {
        request = request.cgroup(dir.as_fd());
    }
    for pattern in &order.truncate {
        request = request.change(pattern, Change::Truncate);
    }
    for pattern in &order.disconnect {
        request = request.change(pattern, Change::Disconnect);
    }
    for rename in &order.renames {
        request = request.change(rename, Change::Rename);
    }
    for variable in &order.environment {
        request = request.environment(variable);
    }
    for (from, to) in &order.maps {
        request = request.map(from, to);
    }
    for &moved in &order.addresses {
        request = request.address(moved);
    }
    if let Some(policy) = &order.policy {
        request = policy.restart(request);
    }
    if let Some(uts) = &order.uts {
        namespace::enter_uts(uts.as_fd())?;
        request = request.caller_uts(true);
    }
    if let Some(ipc) = &order.ipc {
        namespace::enter_ipc(ipc.as_fd())?;
        request = request.caller_ipc(true);
    }
    if let Some(net) = &order.net {
        namespace::enter_net(net.as_fd())?;
        request = request.caller_net(true);
    }
    let root = match &order.root {
        // What comes after it looks at /proc and at cgroups.
        Some(root) => root.inside(|| request.read(image))?,
        None => request.read(image),
    }?;
    if late_proc {
        if let Err(e) = namespace::mount_proc_of(root.pidfd.as_fd()) {
            // Not as it was asked for: rather nothing. The image is still there.
            tree::end_tree(root.pid)?;
            return Err(e);
        }
    }
    if let Some((dir, own)) = own {
        let thawed = Freezer::open(dir.path()).and_then(|mut freezer| freezer.thaw());
        if let Err(e) = thawed.and_then(|()| own.give_back()) {
            tree::end_tree(root.pid)?;
            return Err(e.into());
        }
    }
    Ok(Report {
        pid: Some(root.pid),
        error: None,
        messages: root.messages,
    })
}

fn own_cgroup() -> anyhow::Result<PathBuf> {
    let me = i32::try_from(std::process::id()).context("an impossible pid")?;
    Ok(cgroup::of(me)?)
}

/// Removes the cgroup that a call which was killed has made.
fn sweep(order: &Order) {
    let home = order.cgroup.as_ref().map(|dir| dir.path().to_owned());
    let places = home.into_iter().chain(own_cgroup().ok());
    for place in places.chain(cgroup::mount_point().ok()) {
        temporary::sweep(&place);
    }
}

/// A pipe between this process and a child.
struct Pipe {
    reader: Cell<Option<File>>,
    writer: Cell<Option<File>>,
}

impl Pipe {
    fn new() -> anyhow::Result<Self> {
        let (reader, writer) = pipe_with(PipeFlags::CLOEXEC).context("cannot make a pipe")?;
        Ok(Self {
            reader: Cell::new(Some(reader.into())),
            writer: Cell::new(Some(writer.into())),
        })
    }

    /// Returns the end to read from; this process gives up the other one.
    fn reading(&self) -> anyhow::Result<File> {
        drop(self.writer.take());
        self.reader.take().context("the pipe is not there")
    }

    /// Returns the end to write to; this process gives up the other one.
    fn writing(&self) -> anyhow::Result<File> {
        drop(self.reader.take());
        self.writer.take().context("the pipe is not there")
    }
}

/// Restarts by a child, which may be killed; the root becomes this process's child.
fn in_child(order: &Order, image: &File, signals: &Signals) -> anyhow::Result<Restarted> {
    let pipe = Pipe::new()?;
    let me = rustix::process::getpid();
    let caller = signals::fork(|| {
        let _ = set_parent_process_death_signal(Some(rustix::process::Signal::KILL));
        if rustix::process::getppid() != Some(me) {
            return 1;
        }
        let Ok(to) = pipe.writing() else { return 1 };
        i32::from(!tell(&to, &call(order, image, true)))
    })?;
    let answer = answer(order, pipe.reading()?, signals, || {
        signals::send(&caller.pidfd, Signal::SIGKILL);
    })?;
    signals::reap(Some(caller.pid), true)?;
    if answer.report.is_none() {
        // It may have been killed just after the call, when the tasks were there already.
        end_children()?;
        sweep(order);
    }
    let interrupted = answer.interrupted;
    let (pid, messages) = answer.result()?;
    let child = Child::of(pid)?;
    if let Some(arrived) = interrupted {
        // It came too late for the restart: it is for what was restarted.
        signals::forward(pid, &child.pidfd, arrived);
    }
    Ok(Restarted {
        pid,
        child,
        messages,
    })
}

/// Ends all that descends from this process, which has no children but those of a restart.
fn end_children() -> anyhow::Result<()> {
    let me = rustix::process::getpid();
    set_child_subreaper(Some(me)).context("cannot take in orphans")?;
    let own = i32::try_from(std::process::id()).context("an impossible pid")?;
    loop {
        for child in tree::subtree(own)?.iter().filter(|p| p.parent == own) {
            tree::end_tree(child.pid)?;
        }
        // As long as there are children.
        if signals::reap(None, true).is_err() {
            break;
        }
    }
    let _ = set_child_subreaper(None);
    Ok(())
}

/// A process that passes on an image which has to be waited for. No signal that leaves its caller
/// alive interrupts restart(2), but the end of the image ends it. Dropped, it is ended.
struct Pump(Child);

impl Pump {
    /// Starts one, unless all of the image is there; returns what to read the image from then.
    fn start(image: &File) -> anyhow::Result<Option<(Self, File)>> {
        if image.metadata()?.is_file() {
            return Ok(None);
        }
        let pipe = Pipe::new()?;
        let me = rustix::process::getpid();
        let child = signals::fork(|| {
            let _ = set_parent_process_death_signal(Some(rustix::process::Signal::KILL));
            if rustix::process::getppid() != Some(me) {
                return 1;
            }
            let (mut from, Ok(mut to)) = (image, pipe.writing()) else {
                return 1;
            };
            i32::from(io::copy(&mut from, &mut to).is_err())
        })?;
        Ok(Some((Self(child), pipe.reading()?)))
    }

    /// Ends the image.
    fn stop(&self) {
        signals::send(&self.0.pidfd, Signal::SIGKILL);
    }
}

impl Drop for Pump {
    fn drop(&mut self) {
        self.stop();
        let _ = signals::reap(Some(self.0.pid), true);
    }
}

/// Does what an orphan is for: restarts, if the command says so, and ends it all again unless that
/// says that it has heard of it. Not to be killed: nobody would know of the tasks then.
fn orphan(order: &Order, image: &File, mut to: File, mut word: File) -> i32 {
    let mut byte = [0];
    let me = rustix::process::getpid().as_raw_nonzero().get();
    if to.write_all(&me.to_ne_bytes()).is_err() || word.read_exact(&mut byte).is_err() {
        return 1;
    }
    let report = call(order, image, true);
    let told = tell(&to, &report);
    drop(to);
    let heard = told && word.read_exact(&mut byte).is_ok();
    if let (Some(pid), false) = (report.pid, heard) {
        let _ = tree::end_tree(pid);
    }
    0
}

/// Restarts by an orphan; the root becomes a child of the process that takes in orphans.
fn detached(order: &Order, image: &File, signals: &Signals) -> anyhow::Result<Restarted> {
    let pump = Pump::start(image)?;
    let (pump, image) = match &pump {
        Some((pump, passed)) => (Some(pump), passed),
        None => (None, image),
    };
    let (answers, words) = (Pipe::new()?, Pipe::new()?);
    let parent = signals::fork(|| {
        let child = signals::fork(|| match (answers.writing(), words.reading()) {
            (Ok(to), Ok(word)) => orphan(order, image, to, word),
            _ => 1,
        });
        i32::from(child.is_err())
    })?;
    let (mut reader, mut word) = (answers.reading()?, words.writing()?);
    signals::reap(Some(parent.pid), true)?;
    let mut pid = [0; 4];
    reader
        .read_exact(&mut pid)
        .context("cannot start a process for the restart")?;
    // It waits for the first word, and can't have ended.
    let caller = Child::of(i32::from_ne_bytes(pid))?;
    word.write_all(b"1")
        .context("cannot tell the process to restart")?;
    let answer = answer(order, reader, signals, || {
        if let Some(pump) = pump {
            pump.stop();
        }
    })?;
    if let Some(arrived) = answer.interrupted {
        // What there is of it is ended by the orphan, which does not hear of this.
        drop(word);
        while !signals.wait(caller.pidfd.as_fd())? {
            while signals.next()?.is_some() {}
        }
        let done = answer.report.as_ref().is_some_and(|r| r.pid.is_some());
        let what = if done {
            "all was ended again"
        } else {
            "nothing was restarted"
        };
        bail!("interrupted by {}; {what}", arrived.signal);
    }
    let (pid, messages) = answer.result()?;
    let child = Child::of(pid);
    word.write_all(b"1")
        .context("cannot tell the process that all is well")?;
    Ok(Restarted {
        pid,
        child: child?,
        messages,
    })
}

/// Acts as the init process of a new pid namespace: restarts, and ends as the root does.
fn init(order: &Order, image: &File, to: File, signals: &Signals) -> i32 {
    let _ = set_parent_process_death_signal(Some(rustix::process::Signal::KILL));
    let report = call(order, image, false);
    // From now on it may outlive the command.
    let _ = set_parent_process_death_signal(None);
    let told = tell(&to, &report);
    drop(to);
    let (Some(pid), true) = (report.pid, told) else {
        return i32::from(crate::FAILED);
    };
    if order.detach {
        leave();
    }
    let ended = Child::of(pid)
        .context("the root process is gone")
        .and_then(|root| wait(root.pid, root.pidfd.as_fd(), signals));
    ended.map_or(i32::from(crate::FAILED), Ended::status)
}

/// Leaves the terminal and the standard descriptors to the command: who reads what it prints waits
/// until nobody has them any more.
fn leave() {
    let _ = setsid();
    let Ok(null) = OpenOptions::new().read(true).write(true).open("/dev/null") else {
        return;
    };
    let _ = dup2_stdin(&null);
    let _ = dup2_stdout(&null);
    let _ = dup2_stderr(&null);
}

/// Restarts by the init process of a new pid namespace, with which all in it ends.
fn in_new_pidns(order: &Order, image: &File, signals: &Signals) -> anyhow::Result<Restarted> {
    let pipe = Pipe::new()?;
    namespace::new_pids()?;
    let child = signals::fork(|| match pipe.writing() {
        Ok(to) => init(order, image, to, signals),
        Err(_) => i32::from(crate::FAILED),
    })?;
    let answer = answer(order, pipe.reading()?, signals, || {
        signals::send(&child.pidfd, Signal::SIGKILL);
    })?;
    if answer.report.as_ref().and_then(|r| r.pid).is_none() {
        signals::reap(Some(child.pid), true)?;
    }
    if let Some(arrived) = answer.interrupted {
        // With it all that it has restarted is gone.
        let _ = signals::reap(Some(child.pid), true);
        bail!("interrupted by {}; nothing was restarted", arrived.signal);
    }
    let (inner, messages) = answer.result()?;
    let pid = namespace::outer_pid(child.pid, inner).unwrap_or(child.pid);
    Ok(Restarted {
        pid,
        child,
        messages,
    })
}

/// Waits for the child `pid`, passing signals on to it; reaps all others that end.
pub fn wait(pid: i32, pidfd: BorrowedFd<'_>, signals: &Signals) -> anyhow::Result<Ended> {
    loop {
        let exited = signals.wait(pidfd)?;
        while let Some(arrived) = signals.next()? {
            if arrived.signal != Signal::SIGCHLD {
                signals::forward(pid, pidfd, arrived);
            }
        }
        if exited {
            let ended = signals::reap(Some(pid), true)?.context("the root process is gone")?;
            return Ok(ended.1);
        }
        while let Some((other, ended)) = signals::reap(None, false)? {
            if other == pid {
                return Ok(ended);
            }
        }
    }
}
