// SPDX-License-Identifier: GPL-2.0

//! What `checkpoint` does, step by step.
//!
//! With `--kill` and `--leave-frozen` the tasks are left frozen by the kernel; the image gets its
//! name and is brought to the disk; only then are the tasks ended, by a call of its own. Each
//! failure and each interruption until then thaws them.

use crate::{
    options::{
        is_same_file,
        log_is_image,
        open_log,
        write_log,
        Descriptor, //
    },
    supervise::{
        self,
        Report,
        Worker, //
    }, //
};
use anyhow::bail;
use libcheckpoint::{
    cgroup::{
        self,
        Dir,
        Freezer, //
    },
    cpu::Cpu,
    output::Output,
    policy::Policy,
    process::{
        self,
        Handle, //
    },
    signals::Ended,
    temporary::{
        Around,
        Temporary, //
    },
    tree::{
        self,
        Processes, //
    },
    Action,
    Checkpoint,
    Error, //
};
use std::{
    ffi::CString,
    fs::File,
    io,
    ops::Range,
    os::fd::AsFd,
    path::{
        Path,
        PathBuf, //
    },
    time::{
        Duration,
        Instant, //
    }, //
};

/// How long to wait for killed processes to be waited for by their parents, who need not do it.
const REAPED: Duration = Duration::from_secs(2);

/// How often to look for signals while killed processes end.
const LOOK: Duration = Duration::from_millis(200);

/// What is to become of the processes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// They run on.
    RunOn,
    /// They are ended.
    Kill,
    /// They stay frozen.
    LeaveFrozen,
    /// They run on, and no image is made.
    DryRun,
}

/// What is asked for.
pub struct Order<'a> {
    /// The root of the tree.
    pub pid: i32,
    /// Where the image goes.
    pub output: &'a Path,
    /// It must be a container.
    pub container: bool,
    /// What comes then.
    pub after: After,
    /// What is shared with others is refused.
    pub strict: bool,
    /// Keyrings of threads and processes are left out.
    pub drop_keys: bool,
    /// What is in their network namespace stays outside.
    pub net_outside: bool,
    /// The cgroup of the tree.
    pub cgroup: Option<&'a Path>,
    /// How long it may take to freeze them; zero: as the kernel has it.
    pub timeout: Duration,
    /// Where messages go.
    pub log: Option<&'a Path>,
    /// Descriptors whose open files stay outside.
    pub external: &'a [Descriptor],
    /// Descriptors that are left out.
    pub close: &'a [Descriptor],
    /// Descriptors in whose place what lies at their paths is opened.
    pub reopen: &'a [Descriptor],
    /// Descriptors of sockets whose connections to the outside are cut.
    pub disconnect: &'a [Descriptor],
    /// Descriptors of sockets that connect to the outside again.
    pub reconnect: &'a [Descriptor],
    /// Patterns of the other ends of sockets that do.
    pub reconnect_to: &'a [CString],
    /// Patterns of network devices that are left to who restarts the processes.
    pub devices: &'a [CString],
    /// Patterns of files whose contents are saved.
    pub contents: &'a [CString],
    /// Memory that is left out, by process.
    pub left_out: &'a [(i32, Range<u64>)],
    /// The CPU on which the image must restart.
    pub cpu: Option<&'a Cpu>,
    /// Rules that count after those.
    pub policy: &'a Policy,
    /// What to run when the image is written and the processes are frozen.
    pub snapshot_command: Option<&'a str>,
}

impl Order<'_> {
    /// Returns what messages call the place of the image.
    fn place(&self) -> String {
        match self.output.as_os_str() == "-" {
            true => "standard output".to_owned(),
            false => self.output.display().to_string(),
        }
    }
}

/// What was done.
#[derive(Default)]
pub struct Done {
    /// It is a container.
    pub container: bool,
    /// The id of the checkpoint.
    pub id: Option<u64>,
    /// There is a complete image.
    pub complete: bool,
    /// Its size, if it is a file.
    pub bytes: Option<u64>,
    /// The cgroup in which the processes were left frozen.
    pub cgroup: Option<PathBuf>,
    /// How long it took.
    pub time: Duration,
    /// What went wrong.
    pub error: Option<String>,
    /// The kernel's messages.
    pub messages: Vec<String>,
}

/// What the steps need, looked up before anything is touched: a signal ends the command at once.
struct Job<'a> {
    order: &'a Order<'a>,
    target: &'a Handle,
    container: bool,
    cgroup: Option<Dir>,
    log: Option<File>,
    output: Option<Output>,
}

/// The tree's cgroup.
struct Place {
    own: Option<Temporary>,
    dir: PathBuf,
}

impl Place {
    /// Moves the processes back to where they came from, unless they are there.
    fn give_back(&mut self) -> Result<(), Error> {
        self.own.take().map_or(Ok(()), Temporary::give_back)
    }
}

/// Does what is asked for; `finish` tells the user, and returns the status of the command. An
/// error is one of before anything was begun.
pub fn run(order: &Order<'_>, finish: impl FnOnce(Done) -> u8) -> anyhow::Result<u8> {
    let target = Handle::open(order.pid)?;
    let mut job = Job::new(order, &target)?;
    let mut around = Around::of(&target)?;
    // The process may be where a command that was killed has left it, alone in a cgroup.
    if around.sweep() {
        around = Around::of(&target)?;
    }
    let was_frozen = cgroup::is_frozen(around.home());
    let work = |worker: &Worker<'_>| {
        let start = Instant::now();
        let mut done = Done {
            container: job.container,
            ..Done::default()
        };
        if let Err(e) = job.steps(worker, &around, &mut done) {
            done.error = Some(crate::tell::cause(&e));
        }
        done.time = start.elapsed();
        write_log(job.log.as_ref(), &done.messages);
        finish(done)
    };
    supervise::shield(work, |ended| {
        around.sweep();
        // Where it has been moved to since the command began is another place.
        if let Ok(now) = Around::of(&target) {
            now.sweep();
        }
        if !was_frozen {
            if let Ok(mut freezer) = Freezer::open(around.home()) {
                let _ = freezer.thaw();
            }
        }
        killed(order, &target, ended);
    })
}

/// Tells how things are, the process that did the work having been killed.
fn killed(order: &Order<'_>, target: &Handle, ended: Ended) {
    let how = match ended {
        Ended::Killed(n) => format!("ended by {}", supervise::name(n)),
        Ended::Exited(n) => format!("ended with status {n}"),
    };
    let is_file =
        order.output.as_os_str() != "-" && (order.output.is_file() || !order.output.exists());
    let what = if !target.has_exited() && is_file && order.after != After::DryRun {
        format!(
            "process {} runs on; a part of its image may be left: {}.tmp.*",
            order.pid,
            order.place()
        )
    } else if !target.has_exited() {
        format!("process {} runs on", order.pid)
    } else {
        format!(
            "process {} is gone; if it was ended by this command, its image is complete: {}",
            order.pid,
            order.place()
        )
    };
    crate::tell::err(&format!("checkpoint: {how} while at work; {what}"));
}

impl<'a> Job<'a> {
    fn new(order: &'a Order<'a>, target: &'a Handle) -> anyhow::Result<Self> {
        let pid = order.pid;
        let me = i32::try_from(std::process::id()).unwrap_or(0);
        let (is_own, container) =
            target.sure(|pid| Ok((tree::descends(me, pid)?, process::is_container_init(pid)?)))?;
        if is_own {
            return Err(Error::plain(format!(
                "this command descends from process {pid} and would be frozen too"
            ))
            .hint("Run it from another shell, or with setsid --fork.")
            .into());
        }
        if order.container && !container {
            bail!(
                "process {pid} is not the init process of a pid namespace: leave --container away \
                 to save it as a subtree"
            );
        }
        let cgroup = order
            .cgroup
            .map(|path| Dir::open(path, false))
            .transpose()?;
        if let Some(dir) = &cgroup {
            if dir.is_root()? {
                return Err(Error::plain("the root cgroup can't be frozen")
                    .hint("Leave --cgroup away, or name the cgroup of the processes.")
                    .into());
            }
        }
        if let Some(log) = order.log {
            let output = match order.output.as_os_str() == "-" {
                true => File::from(io::stdout().as_fd().try_clone_to_owned()?)
                    .metadata()
                    .ok(),
                false => order.output.metadata().ok(),
            };
            let same = output.is_some_and(|meta| is_same_file(&meta, log));
            if order.after != After::DryRun && (same || log == order.output) {
                return Err(log_is_image(log).into());
            }
        }
        let log = order.log.map(open_log).transpose()?;
        let output = match order.after {
            After::DryRun => None,
            _ if order.output.as_os_str() == "-" => {
                let fd = io::stdout().as_fd().try_clone_to_owned()?;
                Some(Output::direct(fd.into(), "standard output")?)
            }
            // What waits, for the reader of a FIFO, does it here, where a signal ends it. A file that
            // may have to be removed belongs to the process that does the work.
            _ if order.output.metadata().is_ok_and(|meta| !meta.is_file()) => {
                Some(Output::open(order.output)?)
            }
            _ => None,
        };
        Ok(Self {
            order,
            target,
            container,
            cgroup,
            log,
            output,
        })
    }

    fn steps(
        &mut self,
        worker: &Worker<'_>,
        around: &Around,
        done: &mut Done,
    ) -> anyhow::Result<()> {
        if self.output.is_none() && self.order.after != After::DryRun {
            self.output = Some(Output::open(self.order.output)?);
        }
        let mut place = self.place(around)?;
        let result = self.in_place(worker, &mut place, done);
        if result.is_ok() && self.order.after == After::LeaveFrozen {
            if let Some(own) = place.own {
                own.keep();
            }
            done.cgroup = Some(place.dir);
            return Ok(());
        }
        // What went wrong before matters more.
        result.and(place.give_back().map_err(Into::into))
    }

    /// Returns the cgroup of the tree, which is moved into one of its own if need be.
    fn place(&self, around: &Around) -> Result<Place, Error> {
        let place = |dir: &Path| Place {
            own: None,
            dir: dir.to_owned(),
        };
        if let Some(dir) = &self.cgroup {
            return Ok(place(dir.path()));
        }
        // The processes may have been moved meanwhile, by their owner or back by another command.
        let moved = around.moved(self.target)?;
        let around = moved.as_ref().unwrap_or(around);
        if cgroup::owned_by(self.target, around.home())? {
            return Ok(place(around.home()));
        }
        let own = Temporary::around(self.target, around)?;
        let dir = own.path().to_owned();
        Ok(Place {
            own: Some(own),
            dir,
        })
    }

    fn request(&self) -> Result<Checkpoint<'_>, Error> {
        let mut request = Checkpoint::of_process(self.target)?
            .subtree(!self.container)
            .strict(self.order.strict)
            .drop_keys(self.order.drop_keys)
            .net_outside(self.order.net_outside)
            .timeout(self.order.timeout);
        for d in self.order.external {
            request = request.external(d.pid, d.fd);
        }
        for d in self.order.close {
            request = request.rule_for(d.pid, d.fd, Action::Close);
        }
        for d in self.order.reopen {
            request = request.rule_for(d.pid, d.fd, Action::Reopen);
        }
        for d in self.order.disconnect {
            request = request.rule_for(d.pid, d.fd, Action::Disconnect);
        }
        for d in self.order.reconnect {
            request = request.rule_for(d.pid, d.fd, Action::Reconnect);
        }
        for pattern in self.order.reconnect_to {
            request = request.rule(pattern, Action::Reconnect);
        }
        for pattern in self.order.devices {
            request = request.rule(pattern, Action::Move);
        }
        for pattern in self.order.contents {
            request = request.rule(pattern, Action::Contents);
        }
        for (pid, range) in self.order.left_out {
            request = request.leave_out(*pid, range.clone());
        }
        if let Some(cpu) = self.order.cpu {
            request = request.cpu(cpu);
        }
        request = self.order.policy.checkpoint(request);
        if let Some(dir) = &self.cgroup {
            request = request.cgroup(dir.as_fd());
        }
        Ok(request)
    }

    fn in_place(
        &mut self,
        worker: &Worker<'_>,
        place: &mut Place,
        done: &mut Done,
    ) -> anyhow::Result<()> {
        let stays = matches!(self.order.after, After::Kill | After::LeaveFrozen);
        let freezes = stays || self.order.snapshot_command.is_some();
        // Before the tasks are frozen: what thaws them must not fail.
        let mut freezer = freezes.then(|| Freezer::open(&place.dir)).transpose()?;
        let output = self.output.take();
        let report = worker.call(true, || {
            let ends = self.order.after == After::Kill;
            let request = self.request().map(|r| r.leave_frozen(freezes).kill(ends));
            Report::of(request.and_then(|request| match &output {
                Some(output) => request.write(output),
                None => request.dry_run(),
            }))
        })?;
        done.messages = report.messages;
        done.id = report.id;
        if report.id.is_none() {
            // There is no image. The kernel has thawed them, unless the call was over when its
            // process was ended.
            let thawed = match &mut freezer {
                Some(freezer) if report.lost => freezer.restore(),
                _ => Ok(()),
            };
            let error = match (report.interrupted, report.error) {
                (Some(n), _) => format!("interrupted by {}; there is no image", supervise::name(n)),
                (None, Some(error)) => error,
                (None, None) => "checkpoint(2) has told neither an id nor a reason".to_owned(),
            };
            match (thawed, report.interrupted) {
                (Err(e), _) => bail!("{error}\nThe processes are frozen: {e}"),
                (Ok(()), Some(_)) => bail!("{error}, the processes run on"),
                (Ok(()), None) => bail!("{error}"),
            }
        }
        let Some(output) = output else { return Ok(()) };
        // They run. To bring the image to the disk may take long, and is nothing to wait for in there. A
        // move waits for an RCU grace period, but not soon after another one, as the first was.
        let back = match freezes {
            true => Ok(()),
            false => place.give_back(),
        };
        let mut interrupted = report.interrupted;
        let copied = match self.order.snapshot_command {
            Some(command) if interrupted.is_none() => self.snapshot(worker, command, done),
            _ => Ok(()),
        };
        let mut stop = || {
            interrupted = interrupted.or_else(|| worker.interrupted());
            interrupted.is_some()
        };
        let read = match freezes {
            true => output.wait_read(&mut stop),
            false => Ok(()),
        };
        let committed = read
            .map_err(anyhow::Error::from)
            .and(copied)
            .and_then(|()| Ok(output.commit()?));
        let stopped = freezes && stop();
        let error = match committed {
            Ok(bytes) => {
                done.complete = true;
                done.bytes = bytes;
                stopped.then(|| {
                    format!(
                        "interrupted by {}; the image is complete: {}",
                        supervise::name(interrupted.unwrap_or(0)),
                        self.order.place()
                    )
                })
            }
            Err(e) => Some(crate::tell::cause(&e)),
        };
        if let Some(error) = error {
            // The kernel has saved them as ones that are killed.
            let hint = match done.complete && self.order.after == After::Kill {
                true => "\nWhat they send from now on is not in the image: don't restart it with --tcp keep.",
                false => "",
            };
            match freezer.as_mut().map(Freezer::restore) {
                Some(Err(e)) => bail!("{error}\nThe processes are frozen: {e}"),
                _ => bail!("{error}\nThe processes run on.{hint}"),
            }
        }
        if self.order.after == After::Kill {
            let ended = self.end(worker, place, done);
            let thawed = match &mut freezer {
                Some(freezer) if place.dir.exists() => freezer.restore(),
                _ => Ok(()),
            };
            // What went wrong before matters more.
            ended?;
            thawed?;
        } else if !stays {
            if let Some(freezer) = &mut freezer {
                freezer.restore()?;
            }
        }
        Ok(back?)
    }

    /// Runs the command that copies what the processes, which are frozen, work on.
    fn snapshot(&self, worker: &Worker<'_>, command: &str, done: &Done) -> anyhow::Result<()> {
        let mut shell = std::process::Command::new("/bin/sh");
        shell
            .args(["-c", command])
            .env("CHECKPOINT_PID", self.order.pid.to_string())
            .env("CHECKPOINT_ID", done.id.unwrap_or(0).to_string())
            .env("CHECKPOINT_IMAGE", self.order.output);
        match worker.run(&mut shell)? {
            (_, Some(n)) => bail!(
                "interrupted by {} during the snapshot command; there is no image",
                supervise::name(n)
            ),
            (Ended::Exited(0), None) => Ok(()),
            (Ended::Exited(n), None) => {
                bail!("the snapshot command has failed with status {n}; there is no image")
            }
            (Ended::Killed(n), None) => bail!(
                "the snapshot command was ended by {}; there is no image",
                supervise::name(n)
            ),
        }
    }

    /// Ends the tasks, whose image is safe. Nothing interrupts that.
    fn end(&self, worker: &Worker<'_>, place: &Place, done: &mut Done) -> anyhow::Result<()> {
        let processes = self.target.sure(Processes::of);
        let report = worker.call(false, || {
            Report::of(
                self.request()
                    .and_then(|request| request.end(done.id.unwrap_or(0))),
            )
        })?;
        done.messages.extend(report.messages);
        if let Some(error) = report.error {
            // Somebody else may have killed the root, or all of them.
            let gone = self.target.has_exited() && cgroup::wait_empty(&place.dir, REAPED)?;
            if !gone {
                bail!(
                    "the image is complete: {}, but the processes are not ended; those that are \
                     left run on, so don't restart it with --tcp keep: {error}",
                    self.order.place()
                );
            }
        }
        while !cgroup::wait_empty(&place.dir, LOOK)? {
            if let Some(n) = worker.interrupted() {
                bail!(
                    "interrupted by {}; the image is complete: {}, and the processes are killed, \
                     but not gone yet",
                    supervise::name(n),
                    self.order.place()
                );
            }
        }
        if let Ok(processes) = processes {
            processes.wait_reaped(REAPED);
        }
        Ok(())
    }
}
