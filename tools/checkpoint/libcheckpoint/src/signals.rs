// SPDX-License-Identifier: GPL-2.0

//! Signals as events, and processes that watch over others.

use rustix::{
    event::{
        poll,
        PollFd,
        PollFlags, //
    },
    process::{
        pidfd_send_signal,
        Signal, //
    }, //
};
use std::{
    io,
    mem::MaybeUninit,
    os::fd::{
        AsFd,
        BorrowedFd,
        FromRawFd,
        OwnedFd, //
    },
    ptr, //
};

/// Signals that a waiting command passes on.
pub const FORWARDED: &[i32] = &[
    libc::SIGINT,
    libc::SIGTERM,
    libc::SIGHUP,
    libc::SIGQUIT,
    libc::SIGUSR1,
    libc::SIGUSR2,
    libc::SIGCONT,
];

/// Signals that end a command.
pub const ENDING: &[i32] = &[libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT];

/// Blocked signals, to be read from a descriptor. Dropped, they are as before.
pub struct Signals {
    fd: OwnedFd,
    before: libc::sigset_t,
}

impl Signals {
    /// Blocks `numbers` in the calling thread, which should be the only one.
    pub fn block(numbers: &[i32]) -> io::Result<Self> {
        let mut set = MaybeUninit::uninit();
        let mut before = MaybeUninit::uninit();
        // SAFETY: sigemptyset initializes `set`, and sigprocmask `before` if it succeeds; all
        // pointers are to live objects of the right type.
        let (fd, before) = unsafe {
            libc::sigemptyset(set.as_mut_ptr());
            for &n in numbers {
                libc::sigaddset(set.as_mut_ptr(), n);
            }
            let set = set.assume_init();
            if libc::sigprocmask(libc::SIG_BLOCK, &set, before.as_mut_ptr()) != 0 {
                return Err(io::Error::last_os_error());
            }
            let before = before.assume_init();
            let fd = libc::signalfd(-1, &set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK);
            (fd, before)
        };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(Self {
            // SAFETY: signalfd has just made this descriptor, and nothing else knows of it.
            fd: unsafe { OwnedFd::from_raw_fd(fd) },
            before,
        })
    }

    /// The next signal that has arrived; `None` if there is none.
    pub fn next(&self) -> io::Result<Option<i32>> {
        let mut bytes = [0; size_of::<libc::signalfd_siginfo>()];
        match rustix::io::read(&self.fd, &mut bytes) {
            Ok(n) if n == bytes.len() => {
                let [a, b, c, d, ..] = bytes;
                Ok(i32::try_from(u32::from_ne_bytes([a, b, c, d])).ok())
            }
            Ok(_) | Err(rustix::io::Errno::AGAIN) => Ok(None),
            Err(e) => Err(e.into()),
        }
    }

    /// Gives a child process the signals as they were before.
    pub fn restore(&self) {
        // SAFETY: `before` was initialized by sigprocmask.
        unsafe { libc::sigprocmask(libc::SIG_SETMASK, &self.before, ptr::null_mut()) };
    }

    /// Waits until a signal arrives or the process `pidfd` exits; tells whether it has exited.
    pub fn wait(&self, pidfd: BorrowedFd<'_>) -> io::Result<bool> {
        let mut fds = [
            PollFd::new(&self.fd, PollFlags::IN),
            PollFd::from_borrowed_fd(pidfd, PollFlags::IN),
        ];
        match poll(&mut fds, None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => (),
            Err(e) => return Err(e.into()),
        }
        let [_, process] = &fds;
        Ok(!process.revents().is_empty())
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        self.restore();
    }
}

/// Sends signal `number` to the process `pidfd`; one that has exited needs none.
pub fn send(pidfd: impl AsFd, number: i32) {
    if let Some(signal) = Signal::from_named_raw(number) {
        let _ = pidfd_send_signal(pidfd, signal);
    }
}

/// A child process of [`fork`].
pub struct Child {
    /// Its pid.
    pub pid: i32,
    /// It.
    pub pidfd: OwnedFd,
}

/// Starts a process that does `f` and exits with its result. The caller must have one thread.
pub fn fork(f: impl FnOnce() -> i32) -> io::Result<Child> {
    // SAFETY: the caller has one thread only, so that the child may do all that a process may.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => {
            let status = f();
            // SAFETY: ends the child without the parent's exit handlers.
            unsafe { libc::_exit(status) }
        }
        pid => {
            let number = rustix::process::Pid::from_raw(pid)
                .ok_or_else(|| io::Error::other("fork returned an impossible pid"))?;
            let pidfd = rustix::process::pidfd_open(number, rustix::process::PidfdFlags::empty())?;
            Ok(Child { pid, pidfd })
        }
    }
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// With a status.
    Exited(i32),
    /// By a signal.
    Killed(i32),
}

impl Ended {
    /// The status that a shell would show.
    pub fn status(self) -> i32 {
        match self {
            Self::Exited(n) => n,
            Self::Killed(n) => 128 + n,
        }
    }
}

/// Waits for the child `pid`, or with -1 for any; returns its pid and how it ended.
///
/// With `block` false, `None` if no child has ended.
pub fn reap(pid: i32, block: bool) -> io::Result<Option<(i32, Ended)>> {
    let mut status = 0;
    let options = libc::__WALL | if block { 0 } else { libc::WNOHANG };
    loop {
        // SAFETY: `status` is a live integer.
        let ret = unsafe { libc::waitpid(pid, &mut status, options) };
        match ret {
            0 => return Ok(None),
            -1 => {
                let e = io::Error::last_os_error();
                if e.kind() != io::ErrorKind::Interrupted {
                    return Err(e);
                }
            }
            found if libc::WIFEXITED(status) => {
                return Ok(Some((found, Ended::Exited(libc::WEXITSTATUS(status)))))
            }
            found if libc::WIFSIGNALED(status) => {
                return Ok(Some((found, Ended::Killed(libc::WTERMSIG(status)))))
            }
            _ => (),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses() {
        assert_eq!(Ended::Exited(3).status(), 3);
        assert_eq!(Ended::Killed(9).status(), 137);
    }
}
