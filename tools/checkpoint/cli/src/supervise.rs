// SPDX-License-Identifier: GPL-2.0

//! Three processes, so that whatever ends a command, nothing is left undone: the one that the user
//! has started; one that does the work, in a session of its own; and one for each system call.
//!
//! Signals reach the first one, which passes them on, so that they arrive once. If it is killed the
//! second one is told, and ends what it does as after SIGTERM. The third one can be killed at any
//! moment: then the kernel undoes what it has begun.

use anyhow::{
    bail,
    Context, //
};
use libcheckpoint::{
    signals::{
        self,
        Ended,
        Signals,
        ENDING, //
    },
    Error,
    Outcome, //
};
use nix::sys::signal::{
    SigSet,
    Signal, //
};
use rustix::{
    process::{
        getppid,
        kill_process_group,
        set_child_subreaper,
        set_parent_process_death_signal,
        setpgid,
        setsid, //
    },
    stdio::dup2_stdout, //
};
use serde::{
    Deserialize,
    Serialize, //
};
use std::{
    fs::File,
    io::{
        self,
        Read,
        Seek,
        Write, //
    },
    os::{
        fd::AsFd,
        unix::process::CommandExt, //
    },
    process::Command, //
};

/// How the system call ended.
#[derive(Default, Serialize, Deserialize)]
pub struct Report {
    /// Id of the checkpoint.
    pub id: Option<u64>,
    /// What went wrong, with what to do about it.
    pub error: Option<String>,
    /// The kernel's messages.
    pub messages: Vec<String>,
    /// The signal that has interrupted it.
    pub interrupted: Option<i32>,
    /// Its process has ended and told nothing: the call may have had all of its effect.
    #[serde(skip)]
    pub lost: bool,
}

impl Report {
    /// Makes the report of a request.
    pub fn of(outcome: Result<Outcome, Error>) -> Self {
        match outcome {
            Ok(Outcome::Taken { id, messages }) => Self {
                id: Some(id),
                messages,
                ..Self::default()
            },
            Ok(Outcome::Restarted) => Self::default(),
            Err(e) => Self {
                error: Some(e.to_string()),
                messages: e.messages().to_vec(),
                ..Self::default()
            },
        }
    }
}

/// Returns the name of a signal.
pub fn name(number: i32) -> String {
    match Signal::try_from(number) {
        Ok(signal) => signal.as_str().to_owned(),
        Err(_) => format!("signal {number}"),
    }
}

/// Returns whether the process `parent` is gone, of which this one is a child. Asked after the
/// signal for that was asked for.
fn is_orphan(parent: rustix::process::Pid) -> bool {
    getppid() != Some(parent)
}

/// Does `work`, which a signal may end, in a process of its own, and returns the status with which
/// the command ends: whatever comes, the caller can undo what it did before. `signals` are those
/// that the caller has blocked, and are not in the process.
pub fn apart(signals: &Signals, work: impl FnOnce() -> u8) -> anyhow::Result<u8> {
    if let Some(arrived) = signals.next()? {
        bail!(
            "interrupted by {}; nothing was checkpointed",
            arrived.signal
        );
    }
    let me = rustix::process::getpid();
    // If that process is killed, what it has started ends here.
    let _ = set_child_subreaper(Some(me));
    let child = signals::fork(|| {
        let _ = set_parent_process_death_signal(Some(rustix::process::Signal::TERM));
        signals.restore();
        match is_orphan(me) {
            true => 1,
            false => i32::from(work()),
        }
    })?;
    while !signals.wait(child.pidfd.as_fd())? {
        while let Some(arrived) = signals.next()? {
            signals::forward(child.pid, &child.pidfd, arrived);
        }
    }
    let ended = signals::reap(Some(child.pid), true)?.map(|(_, ended)| ended);
    if let Some(Ended::Killed(n)) = ended {
        while let Ok(Some(_)) = signals::reap(None, true) {}
        let how = name(n);
        crate::tell::err(&format!("checkpoint: ended by {how} while at work"));
    }
    let _ = set_child_subreaper(None);
    Ok(ended.map_or(1, |e| u8::try_from(e.status()).unwrap_or(1)))
}

/// Does `work` in a process and session of its own, and returns the status with which the command
/// ends. `killed` is told if that process was killed: how.
pub fn shield(work: impl FnOnce(&Worker) -> u8, killed: impl FnOnce(Ended)) -> anyhow::Result<u8> {
    let me = rustix::process::getpid();
    let signals = Signals::block(ENDING).context("cannot block signals")?;
    // What that process has started comes here if it is killed.
    let _ = set_child_subreaper(Some(me));
    let child = signals::fork(|| {
        // Terminals send their signals to the command, which passes them on.
        let _ = setsid();
        let _ = set_parent_process_death_signal(Some(rustix::process::Signal::TERM));
        let worker = Worker {
            signals: &signals,
            orphan: is_orphan(me),
        };
        i32::from(work(&worker))
    })?;
    while !signals.wait(child.pidfd.as_fd())? {
        while let Some(arrived) = signals.next()? {
            signals::send(&child.pidfd, arrived.signal);
        }
    }
    match signals::reap(Some(child.pid), true)? {
        Some((_, Ended::Exited(status))) => Ok(u8::try_from(status).unwrap_or(u8::MAX)),
        Some((_, ended)) => {
            // A system call of its own ends with it, or does what it has begun.
            while let Ok(Some(_)) = signals::reap(None, true) {}
            killed(ended);
            Ok(1)
        }
        None => Ok(1),
    }
}

/// The process that does the work.
pub struct Worker<'a> {
    signals: &'a Signals,
    orphan: bool,
}

impl Worker<'_> {
    /// Returns the signal that has arrived since this was last asked; `None` if there is none.
    pub fn interrupted(&self) -> Option<i32> {
        if self.orphan {
            return Some(Signal::SIGTERM as i32);
        }
        let arrived = self.signals.next().ok().flatten();
        arrived.map(|a| a.signal as i32)
    }

    /// Runs a command in a process group of its own, with its output on standard error. A signal ends
    /// all of the group, as does the end of this process end the command. Returns how it ended, and
    /// the signal.
    pub fn run(&self, command: &mut Command) -> anyhow::Result<(Ended, Option<i32>)> {
        let me = rustix::process::getpid();
        let child = signals::fork(|| {
            let _ = set_parent_process_death_signal(Some(rustix::process::Signal::KILL));
            let ready = setpgid(None, None).is_ok()
                && dup2_stdout(io::stderr()).is_ok()
                && SigSet::empty().thread_set_mask().is_ok();
            if !ready || is_orphan(me) {
                return 126;
            }
            let error = command.exec();
            crate::tell::err(&format!("checkpoint: cannot run the command: {error}"));
            127
        })?;
        let group = rustix::process::Pid::from_raw(child.pid).context("an impossible pid")?;
        let mut interrupted = None;
        while !self.signals.wait(child.pidfd.as_fd())? {
            if let Some(number) = self.interrupted() {
                interrupted = Some(number);
                signals::send(&child.pidfd, Signal::SIGKILL);
                let _ = kill_process_group(group, rustix::process::Signal::KILL);
            }
        }
        let (_, ended) = signals::reap(Some(child.pid), true)?.context("the command is gone")?;
        Ok((ended, interrupted))
    }

    /// Does `f`, which is a system call, in a child process. With `cancel` a signal ends the child
    /// and with it the call, as does the end of this process.
    pub fn call(&self, cancel: bool, f: impl FnOnce() -> Report) -> anyhow::Result<Report> {
        let mut report = Report::default();
        if cancel {
            report.interrupted = self.interrupted();
            if report.interrupted.is_some() {
                return Ok(report);
            }
        }
        let mut answer: File = rustix::fs::memfd_create("report", rustix::fs::MemfdFlags::CLOEXEC)
            .context("cannot make memory for a report")?
            .into();
        let me = rustix::process::getpid();
        let child = signals::fork(|| {
            if cancel {
                let _ = set_parent_process_death_signal(Some(rustix::process::Signal::KILL));
                if is_orphan(me) {
                    return 1;
                }
            }
            let written = serde_json::to_vec(&f())
                .map_err(std::io::Error::from)
                .and_then(|bytes| (&answer).write_all(&bytes));
            i32::from(written.is_err())
        })?;
        if cancel {
            while !self.signals.wait(child.pidfd.as_fd())? {
                if let Some(number) = self.interrupted() {
                    report.interrupted = Some(number);
                    signals::send(&child.pidfd, Signal::SIGKILL);
                }
            }
        }
        let ended = signals::reap(Some(child.pid), true);
        let told: Option<Report> = match ended {
            // Not from_reader(), which makes a system call for each byte.
            Ok(Some((_, Ended::Exited(0)))) => {
                let mut bytes = Vec::new();
                let read = answer
                    .rewind()
                    .and_then(|()| answer.read_to_end(&mut bytes));
                read.ok().and_then(|_| serde_json::from_slice(&bytes).ok())
            }
            _ => None,
        };
        if let Some(told) = told {
            // A signal that came too late changes nothing of what was done.
            let interrupted = report.interrupted;
            return Ok(Report {
                interrupted,
                ..told
            });
        }
        report.lost = true;
        if report.interrupted.is_none() {
            report.error = Some(match ended {
                Ok(Some((_, Ended::Killed(n)))) => {
                    format!(
                        "the process that called checkpoint(2) was ended by {}, maybe for lack of \
                         memory: see dmesg",
                        name(n)
                    )
                }
                _ => "the process that called checkpoint(2) has ended without a word of how that \
                      went"
                    .to_owned(),
            });
        }
        Ok(report)
    }
}
