// SPDX-License-Identifier: GPL-2.0

//! Errors that say what failed, on which object, why, and what to do.

use std::{
    borrow::Cow,
    fmt,
    io, //
};

/// A failure of checkpoint(2), restart(2), or of what is done around them.
#[derive(Debug)]
pub struct Error {
    what: String,
    errno: Option<i32>,
    hints: Vec<Cow<'static, str>>,
    lines: Vec<String>,
}

impl Error {
    /// Tells that `what` failed because of `source`.
    pub fn new(what: impl fmt::Display, source: impl Into<io::Error>) -> Self {
        let source = source.into();
        Self {
            errno: source.raw_os_error(),
            ..Self::plain(format!("{what}: {}", describe(&source)))
        }
    }

    /// Tells what is wrong where no system call has failed.
    pub fn plain(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            errno: None,
            hints: Vec::new(),
            lines: Vec::new(),
        }
    }

    /// Adds what to do.
    pub fn hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Adds the kernel's messages.
    pub(crate) fn lines(mut self, lines: Vec<String>) -> Self {
        self.lines = lines;
        self
    }

    /// Returns the kernel's messages: one line for each reason.
    pub fn messages(&self) -> &[String] {
        &self.lines
    }

    /// Returns the error number; `None` if there is none.
    pub fn errno(&self) -> Option<i32> {
        self.errno
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        // The kernel's last line sums up what the others say, and others only tell names.
        let reasons = |line: &&String| !line.starts_with("failed: ") && !line.starts_with("has: ");
        for line in self.lines.iter().filter(reasons) {
            write!(f, "\n  {line}")?;
        }
        for hint in &self.hints {
            write!(f, "\n{hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

/// Returns what an error means, in words and without its number.
pub fn describe(error: &io::Error) -> Cow<'static, str> {
    match error.raw_os_error() {
        Some(n) => nix::errno::Errno::from_raw(n).desc().into(),
        None => error.to_string().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts() {
        let missing = io::Error::from_raw_os_error(libc::ENOENT);
        let error = Error::new("cannot open x", missing)
            .lines(vec!["error: y".into(), "failed: ENOENT, 0 refusals".into()])
            .hint("Bring it back.");
        assert_eq!(
            error.to_string(),
            "cannot open x: No such file or directory\n  error: y\nBring it back."
        );
        assert_eq!(error.errno(), Some(libc::ENOENT));
        assert_eq!(Error::plain("z").to_string(), "z");
    }
}
