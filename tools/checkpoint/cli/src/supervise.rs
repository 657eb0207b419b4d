// SPDX-License-Identifier: GPL-2.0

//! The system call in a process of its own, so that whatever ends it, this one cleans up.

use anyhow::Context;
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
use serde::{
    Deserialize,
    Serialize, //
};
use std::{
    fs::File,
    io::{
        Seek,
        Write, //
    },
    os::fd::AsFd, //
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
}

impl Report {
    /// The report of a request.
    pub fn of(outcome: Result<Outcome, Error>) -> Self {
        match outcome {
            Ok(Outcome::Taken { id, messages }) => Self {
                id: Some(id),
                error: None,
                messages,
            },
            Ok(Outcome::Restarted) => Self::default(),
            Err(e) => Self {
                id: None,
                error: Some(e.to_string()),
                messages: e.messages().to_vec(),
            },
        }
    }

    /// Did it succeed?
    pub fn ok(&self) -> bool {
        self.error.is_none()
    }
}

/// Does `f` in a child process. A signal that would end this process ends the child instead.
pub fn run(f: impl FnOnce() -> Report) -> anyhow::Result<Report> {
    let mut answer: File = rustix::fs::memfd_create("report", rustix::fs::MemfdFlags::CLOEXEC)
        .context("cannot make memory for the report")?
        .into();
    let signals = Signals::block(ENDING).context("cannot block signals")?;
    let child = signals::fork(|| {
        signals.restore();
        let written = serde_json::to_vec(&f())
            .map_err(std::io::Error::from)
            .and_then(|bytes| (&answer).write_all(&bytes));
        i32::from(written.is_err())
    })
    .context("cannot start a process")?;
    let mut interrupted = None;
    while !signals.wait(child.pidfd.as_fd())? {
        while let Some(number) = signals.next()? {
            interrupted = Some(number);
            signals::send(&child.pidfd, libc::SIGKILL);
        }
    }
    let ended = signals::reap(child.pid, true)?.map(|(_, ended)| ended);
    if ended == Some(Ended::Exited(0)) {
        answer.rewind()?;
        return serde_json::from_reader(answer).context("cannot read the report");
    }
    let error = match (interrupted, ended) {
        (Some(number), _) => format!("interrupted by signal {number}; the processes run on"),
        (None, Some(Ended::Killed(n))) => format!("the system call was killed by signal {n}"),
        (None, _) => "the system call's process failed".to_owned(),
    };
    Ok(Report {
        error: Some(error),
        ..Report::default()
    })
}
