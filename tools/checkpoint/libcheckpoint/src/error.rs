// SPDX-License-Identifier: GPL-2.0

//! Errors that say what failed, where, and what to do.

use std::{
    fmt,
    io, //
};

/// A failure of checkpoint(2), restart(2), or of what is done around them.
#[derive(Debug)]
pub struct Error {
    what: String,
    source: io::Error,
    hint: Option<&'static str>,
    lines: Vec<String>,
}

impl Error {
    /// `what` failed because of `source`.
    pub fn new(what: impl Into<String>, source: impl Into<io::Error>) -> Self {
        Self {
            what: what.into(),
            source: source.into(),
            hint: None,
            lines: Vec::new(),
        }
    }

    /// Adds what to do.
    pub fn hint(mut self, hint: Option<&'static str>) -> Self {
        self.hint = hint;
        self
    }

    /// Adds the kernel's messages.
    pub fn lines(mut self, lines: Vec<String>) -> Self {
        self.lines = lines;
        self
    }

    /// The kernel's messages: one line for each reason.
    pub fn messages(&self) -> &[String] {
        &self.lines
    }

    /// The error number; `None` if there is none.
    pub fn errno(&self) -> Option<i32> {
        self.source.raw_os_error()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.source)?;
        for line in &self.lines {
            write!(f, "\n  {line}")?;
        }
        if let Some(hint) = self.hint {
            write!(f, "\n{hint}")?;
        }
        Ok(())
    }
}

// What `source` says is part of the text: it is not offered a second time.
impl std::error::Error for Error {}

/// What to do about an error of checkpoint(2).
pub(crate) fn checkpoint_hint(error: &io::Error) -> Option<&'static str> {
    Some(match error.raw_os_error()? {
        libc::ENOSYS => "This kernel has no checkpoint(2): boot one with CONFIG_CHECKPOINT=y.",
        libc::EPERM | libc::EACCES => {
            "You may not inspect all of the tasks: run as their owner, or with \
             CAP_CHECKPOINT_RESTORE and CAP_SYS_PTRACE."
        }
        libc::EBUSY => {
            "The cgroup is in use: it holds tasks outside of the target's tree, or another \
             checkpoint is running."
        }
        libc::EDEADLK => {
            "The caller, or the reader of its output, would be frozen too: run this command from \
             outside of the tree, and write to a file."
        }
        libc::ETIMEDOUT => {
            "Some task did not freeze in time: try a longer --timeout, or see what it waits for."
        }
        libc::ESRCH => "There is no such task, or it has exited.",
        libc::EOPNOTSUPP => {
            "What is named above cannot be saved: end it, or close it, and try again."
        }
        libc::ENOSPC => "The disk is full: the tasks run on, there is no image.",
        libc::ENOMEM => "Not enough memory: the tasks run on, there is no image.",
        _ => return None,
    })
}

/// What to do about an error of restart(2).
pub(crate) fn restart_hint(error: &io::Error) -> Option<&'static str> {
    Some(match error.raw_os_error()? {
        libc::ENOSYS => "This kernel has no restart(2): boot one with CONFIG_CHECKPOINT=y.",
        libc::EPERM | libc::EACCES => {
            "Choosing pids needs CAP_CHECKPOINT_RESTORE; files are opened with the privileges \
             that their owners had."
        }
        libc::EEXIST => "A pid of the image is in use here: try --pidns.",
        libc::EINVAL | libc::EBADMSG => "Try ckptinfo --verify on the image.",
        libc::ENOENT => "A file that the tasks had open is missing: bring it back and try again.",
        libc::ENOMEM => "Not enough memory to restart: nothing was left behind.",
        _ => return None,
    })
}
