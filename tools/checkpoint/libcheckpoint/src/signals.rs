// SPDX-License-Identifier: GPL-2.0

//! Signals as events, and processes that watch over others.

use crate::{
    process::open_pidfd,
    Error, //
};
use nix::sys::{
    signal::{
        SigHandler,
        SigSet,
        SigmaskHow,
        Signal, //
    },
    signalfd::{
        SfdFlags,
        SignalFd, //
    }, //
};
use rustix::{
    event::{
        poll,
        PollFd,
        PollFlags, //
    },
    io::Errno,
    process::{
        pidfd_send_signal,
        WaitOptions, //
    }, //
};
use std::{
    io,
    os::fd::{
        AsFd,
        BorrowedFd,
        OwnedFd, //
    }, //
};

/// Signals that a waiting command passes on.
pub const FORWARDED: &[Signal] = &[
    Signal::SIGINT,
    Signal::SIGTERM,
    Signal::SIGHUP,
    Signal::SIGQUIT,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGCONT,
];

/// Signals that end a command.
pub const ENDING: &[Signal] = &[
    Signal::SIGINT,
    Signal::SIGTERM,
    Signal::SIGHUP,
    Signal::SIGQUIT,
];

/// A signal that has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrived {
    /// Which one.
    pub signal: Signal,
    /// Did the kernel send it? A terminal's go to each process of a group.
    pub by_kernel: bool,
}

/// Blocked signals, to be read from a descriptor. Dropped, they are as before.
pub struct Signals {
    fd: SignalFd,
    before: SigSet,
}

impl Signals {
    /// Blocks `signals` in the calling thread, which should be the only one.
    pub fn block(signals: &[Signal]) -> io::Result<Self> {
        let set: SigSet = signals.iter().copied().collect();
        let before = set.thread_swap_mask(SigmaskHow::SIG_BLOCK)?;
        let fd = SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
        Ok(Self { fd, before })
    }

    /// Returns the next signal that has arrived; `None` if there is none.
    pub fn next(&self) -> io::Result<Option<Arrived>> {
        Ok(self.fd.read_signal()?.and_then(|info| {
            let number = i32::try_from(info.ssi_signo).ok()?;
            Some(Arrived {
                signal: Signal::try_from(number).ok()?,
                by_kernel: info.ssi_code == libc::SI_KERNEL,
            })
        }))
    }

    /// Gives the calling process, a child, the signals as they were before.
    pub fn restore(&self) {
        // It fails only for arguments that are none of these.
        let _ = self.before.thread_set_mask();
    }

    /// Waits until a signal arrives or the process `pidfd` exits; tells whether it has exited.
    pub fn wait(&self, pidfd: BorrowedFd<'_>) -> io::Result<bool> {
        let mut fds = [
            PollFd::new(&self.fd, PollFlags::IN),
            PollFd::from_borrowed_fd(pidfd, PollFlags::IN),
        ];
        match poll(&mut fds, None) {
            Ok(_) | Err(Errno::INTR) => (),
            Err(e) => return Err(e.into()),
        }
        let [_, process] = &fds;
        Ok(!process.revents().is_empty())
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        self.restore();
    }
}

/// Sends a signal to the process `pidfd`; one that has exited needs none.
pub fn send(pidfd: impl AsFd, signal: Signal) {
    if let Some(signal) = rustix::process::Signal::from_named_raw(signal as i32) {
        let _ = pidfd_send_signal(pidfd, signal);
    }
}

/// Passes a signal on to the child `pid`, unless the terminal has sent it to the child, too.
pub fn forward(pid: i32, pidfd: impl AsFd, arrived: Arrived) {
    let group = rustix::process::getpgid(rustix::process::Pid::from_raw(pid));
    let own = rustix::process::getpgid(None);
    if !(arrived.by_kernel && group == own) {
        send(pidfd, arrived.signal);
    }
}

/// A child process of [`fork`].
#[derive(Debug)]
pub struct Child {
    /// Its pid.
    pub pid: i32,
    /// It.
    pub pidfd: OwnedFd,
}

impl Child {
    /// Takes a handle on the child `pid`, which has not been waited for.
    pub fn of(pid: i32) -> io::Result<Self> {
        let pidfd = open_pidfd(pid)?;
        Ok(Self { pid, pidfd })
    }
}

/// Starts a process that does `f` and exits with its result. The caller must have one thread, and
/// has to wait for it.
pub fn fork(f: impl FnOnce() -> i32) -> Result<Child, Error> {
    start(f).map_err(|e| {
        let full = e.raw_os_error() == Some(libc::EAGAIN);
        let error = Error::new("cannot start a process to do the work", e);
        match full {
            true => {
                error.hint("Raise the limit (ulimit -u, or pids.max of the cgroup), and try again.")
            }
            false => error,
        }
    })
}

fn start(f: impl FnOnce() -> i32) -> io::Result<Child> {
    // Where SIGCHLD is ignored, nobody can wait for a child.
    // SAFETY: the default action runs no code of this program.
    unsafe { nix::sys::signal::signal(Signal::SIGCHLD, SigHandler::SigDfl) }?;
    // SAFETY: the caller has one thread only, so that the child may do all that a process may.
    match unsafe { nix::unistd::fork() }? {
        nix::unistd::ForkResult::Child => {
            let status = f();
            // SAFETY: ends the child without the parent's exit handlers.
            unsafe { libc::_exit(status) }
        }
        nix::unistd::ForkResult::Parent { child } => Child::of(child.as_raw()),
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
    /// Returns the status that a shell would show.
    pub fn status(self) -> i32 {
        match self {
            Self::Exited(n) => n,
            Self::Killed(n) => 128 + n,
        }
    }
}

/// Waits for the child `pid`, or with `None` for any; returns its pid and how it ended.
///
/// With `block` false, `None` if no child has ended.
pub fn reap(pid: Option<i32>, block: bool) -> io::Result<Option<(i32, Ended)>> {
    let pid = pid.and_then(rustix::process::Pid::from_raw);
    // Restarted processes may tell their parent by another signal than SIGCHLD.
    let mut options = WaitOptions::from_bits_retain(libc::__WALL.cast_unsigned());
    options.set(WaitOptions::NOHANG, !block);
    loop {
        let found = match pid {
            Some(_) => rustix::process::waitpid(pid, options),
            // waitpid() without a pid is for the caller's own process group only.
            None => rustix::process::wait(options),
        };
        let (found, status) = match found {
            Ok(Some(found)) => found,
            Ok(None) => return Ok(None),
            Err(Errno::INTR) => continue,
            Err(e) => return Err(e.into()),
        };
        let found = found.as_raw_nonzero().get();
        if let Some(status) = status.exit_status() {
            return Ok(Some((found, Ended::Exited(status))));
        }
        if let Some(signal) = status.terminating_signal() {
            return Ok(Some((found, Ended::Killed(signal))));
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

    #[test]
    fn who_sent_it() {
        let signals = Signals::block(&[Signal::SIGUSR1]).unwrap();
        assert_eq!(signals.next().unwrap(), None);
        nix::sys::signal::raise(Signal::SIGUSR1).unwrap();
        let arrived = signals.next().unwrap().unwrap();
        assert_eq!(
            (arrived.signal, arrived.by_kernel),
            (Signal::SIGUSR1, false)
        );
    }
}
