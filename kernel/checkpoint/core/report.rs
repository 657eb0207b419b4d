// SPDX-License-Identifier: GPL-2.0

//! Messages: which task, which object, what was wrong.
//!
//! Lines are gathered in memory and written to the log file descriptor at the end, or when no task is
//! frozen any more: its reader may be among them.

use kernel::{
    fmt,
    prelude::*, //
};

use crate::{
    image::Fault,
    kapi::fs::{
        file::FileRef,
        io, //
    }, //
};

/// Most bytes of messages of one system call; what comes after is counted only.
const LOG_MAX: usize = 1 << 20;

/// Bytes beyond that for the lines that end the messages: that the call has failed, why, and how
/// many lines are missing.
const LAST: usize = 1 << 10;

/// How lines begin that say why a call fails.
const REASONS: [&[u8]; 3] = [b"error: ", b"refused: ", b"image: "];

/// The messages of one system call.
pub(crate) struct Report {
    /// What the call is about, for audit.
    pub(crate) subject: Subject,
    lines: KVVec<u8>,
    dropped: usize,
    refusals: usize,
    first: Option<Error>,
    /// Some line says why the call fails.
    told: bool,
}

/// What a call is about; 0: not known.
#[derive(Clone, Copy, Default)]
pub(crate) struct Subject {
    /// The root task, as the initial pid namespace has it.
    pub(crate) pid: u32,
    /// The image, by the id of its checkpoint.
    pub(crate) image: u64,
}

/// A number of things, and the word for one of them: `1 task`, `2 tasks`.
pub(crate) struct Count(pub(crate) usize, pub(crate) &'static str);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let more = if self.0 == 1 { "" } else { "s" };
        write!(f, "{} {}{}", self.0, self.1, more)
    }
}

/// Adapter for `fmt`: appends to a vector, remembers that memory ran out.
struct Sink<'a>(&'a mut KVVec<u8>);

impl fmt::Write for Sink<'_> {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        self.0
            .extend_from_slice(s.as_bytes(), GFP_KERNEL_ACCOUNT)
            .map_err(|_| fmt::Error)
    }
}

impl Report {
    /// Makes one without messages.
    pub(crate) fn new() -> Self {
        Self {
            subject: Subject::default(),
            lines: KVVec::new(),
            dropped: 0,
            refusals: 0,
            first: None,
            told: false,
        }
    }

    /// Adds a line. May sleep.
    pub(crate) fn line(&mut self, args: fmt::Arguments<'_>) {
        if cfg!(CONFIG_CHECKPOINT_DEBUG) {
            pr_info!("{}\n", args);
        }
        self.add(args, LOG_MAX);
    }

    /// Adds a line, if all lines together are no more than `max` bytes then. May sleep.
    fn add(&mut self, args: fmt::Arguments<'_>, max: usize) {
        let start = self.lines.len();
        let mut sink = Sink(&mut self.lines);
        let ok = fmt::Write::write_fmt(&mut sink, args).is_ok()
            && fmt::Write::write_str(&mut sink, "\n").is_ok();
        if !ok || self.lines.len() > max {
            self.lines.truncate(start);
            self.dropped += 1;
            return;
        }
        let added = self.lines.get(start..).unwrap_or_default();
        self.told |= REASONS.iter().any(|r| added.starts_with(r));
    }

    /// Returns the lines so far.
    #[cfg(CONFIG_CHECKPOINT_KUNIT_TEST)]
    pub(crate) fn text(&self) -> &[u8] {
        &self.lines
    }

    /// Adds a line about an error, for the reason `why`, unless there is a line already that gives
    /// more; the error to return.
    pub(crate) fn unless_told(&mut self, errno: Error, why: &str) -> Error {
        if !self.told {
            self.line(fmt!("error: {} [{}]", why, Errno(errno)));
        }
        errno
    }

    /// Adds a refusal: `who` can't be saved or restored, for the reason `what`.
    ///
    /// The first refusal's `errno` becomes that of the system call.
    pub(crate) fn refuse(
        &mut self,
        errno: Error,
        who: &dyn fmt::Display,
        what: fmt::Arguments<'_>,
    ) {
        self.refusals += 1;
        self.first.get_or_insert(errno);
        self.line(fmt!("refused: {}: {} [{}]", who, what, Errno(errno)));
    }

    /// Adds a line about something that the reader should know, and that changes nothing.
    pub(crate) fn note(&mut self, who: &dyn fmt::Display, what: fmt::Arguments<'_>) {
        self.line(fmt!("note: {}: {}", who, what));
    }

    /// Adds a line about something that a task has: its name, for the caller's advice. Half of the
    /// room is left for errors and refusals.
    pub(crate) fn has(&mut self, who: &dyn fmt::Display, what: fmt::Arguments<'_>) {
        self.add(fmt!("has: {}: {}", who, what), LOG_MAX / 2);
    }

    /// Adds a line about a fault of the image; the error to return.
    pub(crate) fn fault(&mut self, fault: Fault) -> Error {
        self.line(fmt!(
            "image: {} record at offset {}: {} [EINVAL]",
            fault.kind_name(),
            fault.at,
            fault.why
        ));
        EINVAL
    }

    /// Returns the first refusal's errno as an error; `Ok` if there was none.
    pub(crate) fn verdict(&self) -> Result {
        match self.first {
            Some(errno) => Err(errno),
            None => Ok(()),
        }
    }

    /// Ends the system call: adds a line about its failure if none says why, and writes all
    /// lines to `log`. What the log does not take is lost; that does not change the result.
    pub(crate) fn finish(&mut self, result: &Result<u64>, log: Option<&FileRef>) {
        if let Err(e) = result {
            if !self.told {
                self.add(
                    fmt!("error: {} [{}]", reason(*e), Errno(*e)),
                    LOG_MAX + LAST,
                );
            }
            let refusals = self.refusals;
            self.add(
                fmt!("failed: {}, {} refusals", Errno(*e), refusals),
                LOG_MAX + LAST,
            );
        }
        if self.dropped > 0 {
            let dropped = Count(self.dropped, "message");
            self.add(fmt!("{} missing: too many", dropped), LOG_MAX + LAST);
        }
        self.write_out(log);
    }

    /// Writes the lines so far to `log`: for a wait in which the reader should have them. What the
    /// log does not take is lost.
    pub(crate) fn write_out(&mut self, log: Option<&FileRef>) {
        if let Some(log) = log {
            let mut pos = io::position(log);
            if io::write_all(log, &self.lines, &mut pos).is_ok() {
                io::set_position(log, pos);
            }
        }
        self.lines.clear();
    }
}

/// Returns why something failed that has said nothing else, in words.
pub(crate) fn reason(errno: Error) -> &'static str {
    match errno {
        EINTR => "the caller was killed, or a signal came while it waited",
        ESRCH => "a task that is needed was killed",
        ETIMEDOUT => "the tasks were not all frozen in time; try again",
        ENOMEM => "there is no memory",
        EFAULT => "memory of the caller, or of a task, can't be read or written",
        E2BIG => "there is more than an image can hold",
        EAGAIN => "something changes all the time; try again",
        EBUSY => "something is in use, or is about to change; try again",
        EOPNOTSUPP => "there is something that can't be saved",
        EPIPE => "nobody reads what is written any more",
        ENOSPC => "there is no space left to write to",
        EFBIG => "the file that is written to would be too large",
        EIO => "what was read or written is damaged, or its device is",
        _ => "it is not known why; please report it",
    }
}

/// An errno for messages: its name.
pub(crate) struct Errno(pub(crate) Error);

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}
