// SPDX-License-Identifier: GPL-2.0

//! Processes: handles on them, and what /proc says about them.

use crate::{
    small,
    Error, //
};
use rustix::{
    event::{
        poll,
        PollFd,
        PollFlags,
        Timespec, //
    },
    io::Errno,
    process::{
        pidfd_open,
        Pid,
        PidfdFlags, //
    }, //
};
use std::{
    fs,
    io::{
        self,
        Read, //
    },
    os::fd::{
        AsFd,
        BorrowedFd,
        OwnedFd, //
    },
    path::Path, //
};

/// A process, as /proc shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its pid.
    pub pid: i32,
    /// Its parent's.
    pub parent: i32,
    /// Number of its process group, that of a pid.
    pub group: i32,
    /// Number of its session, that of a pid.
    pub session: i32,
    /// Has it exited, with all of its threads?
    pub is_zombie: bool,
}

/// Where the kernel shows processes.
pub(crate) const PROC: &str = "/proc";

/// What a `stat` of /proc tells: of a process, or of one of its threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stat {
    /// The process; of a thread its pid is the thread's.
    pub(crate) process: Process,
    /// How many threads the process has; one that has exited may have 0.
    pub(crate) threads: i32,
    /// Has this thread exited, for a process the first one?
    pub(crate) has_exited: bool,
    /// When it began, in ticks since boot: another one that has got its pid did later.
    pub(crate) start: u64,
}

/// Parses /proc/PID/stat.
fn parse_stat(stat: &str) -> Option<Stat> {
    let pid = stat.split(' ').next()?.parse().ok()?;
    // The name may hold anything, also parentheses and newlines.
    let mut fields = stat.get(stat.rfind(')')? + 1..)?.split_whitespace();
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    let group = fields.next()?.parse().ok()?;
    let session = fields.next()?.parse().ok()?;
    let threads: i32 = fields.nth(13)?.parse().ok()?;
    let start = fields.nth(1)?.parse().ok()?;
    let has_exited = matches!(state, "Z" | "X");
    Some(Stat {
        process: Process {
            pid,
            parent,
            group,
            session,
            // The main thread may have exited before the others.
            is_zombie: has_exited && threads <= 1,
        },
        threads,
        has_exited,
        start,
    })
}

/// Bytes of /proc/PID/stat that have all fields that are looked at, and more.
const STAT_LEN: usize = 1024;

/// Returns what the file `path` says, which is a `stat` of /proc.
pub(crate) fn stat(path: impl AsRef<Path>) -> io::Result<Stat> {
    // The kernel gives all of it at once.
    let mut stat = [0; STAT_LEN];
    let len = fs::File::open(path)?.read(&mut stat)?;
    parse_stat(&String::from_utf8_lossy(
        stat.get(..len).unwrap_or_default(),
    ))
    .ok_or_else(|| io::Error::other("/proc/PID/stat has another form than is known"))
}

/// Returns what /proc says about the process `pid`.
pub fn look(pid: i32) -> io::Result<Process> {
    Ok(stat(format!("{PROC}/{pid}/stat"))?.process)
}

/// Returns the name of the process `pid`.
pub fn name(pid: i32) -> Option<String> {
    let name = small::read(format!("{PROC}/{pid}/comm")).ok()?;
    Some(String::from_utf8_lossy(name.trim_ascii_end()).into_owned())
}

/// Returns all processes that are shown in `proc`, a directory as /proc.
pub(crate) fn all(proc: &Path) -> io::Result<Vec<Process>> {
    let mut all = Vec::new();
    for entry in fs::read_dir(proc)? {
        let name = entry?.file_name();
        let Some(number) = name.to_str().and_then(|n| n.parse::<i32>().ok()) else {
            continue;
        };
        match stat(proc.join(format!("{number}/stat"))) {
            Ok(found) => all.push(found.process),
            Err(e) if is_missing(&e) => (),
            Err(e) => return Err(e),
        }
    }
    Ok(all)
}

/// Tells whether an error means that a process has exited, or is not shown to this user (`hidepid`).
/// Others, of lack of descriptors or memory, say nothing about it.
pub(crate) fn is_missing(e: &io::Error) -> bool {
    matches!(
        e.raw_os_error(),
        Some(libc::ENOENT | libc::ESRCH | libc::EACCES | libc::EPERM)
    )
}

/// Returns the processes whose group or session has the number `pid`: as long as there is one, no
/// process gets that pid, also when the one that had it is gone.
pub fn members(pid: i32) -> io::Result<Vec<Process>> {
    let mut found = all(Path::new(PROC))?;
    found.retain(|p| p.group == pid || p.session == pid);
    Ok(found)
}

/// Returns the pids of `pid` in all pid namespaces from this one inwards.
pub fn pids_by_namespace(pid: i32) -> io::Result<Vec<i32>> {
    let status = small::text(format!("{PROC}/{pid}/status"))?;
    let line = status
        .lines()
        .find_map(|l| l.strip_prefix("NSpid:"))
        .ok_or_else(|| io::Error::other("/proc/PID/status has no NSpid"))?;
    line.split_whitespace()
        .map(|n| n.parse().map_err(io::Error::other))
        .collect()
}

/// Tells whether `pid` is the init process of a pid namespace other than ours.
pub fn is_container_init(pid: i32) -> io::Result<bool> {
    let pids = pids_by_namespace(pid)?;
    Ok(pids.len() > 1 && pids.last() == Some(&1))
}

/// A process that was looked up once: whatever becomes of its pid, it stays this one.
#[derive(Debug)]
pub struct Handle {
    pid: i32,
    pidfd: OwnedFd,
}

impl Handle {
    /// Looks up the process `pid`, which must not have exited.
    pub fn open(pid: i32) -> Result<Self, Error> {
        let pidfd = match open_pidfd(pid) {
            Ok(pidfd) => pidfd,
            Err(Errno::SRCH | Errno::INVAL) => {
                return Err(Error::plain(format!(
                    "there is no process with the pid {pid}"
                )))
            }
            Err(Errno::NOENT) => {
                return Err(Error::plain(format!(
                    "{pid} is a thread, not the first of its process"
                ))
                .hint("Name the process: grep Tgid /proc/PID/status tells its pid."))
            }
            Err(e) => return Err(Error::new(format!("cannot look up process {pid}"), e)),
        };
        let handle = Self { pid, pidfd };
        if handle.has_exited() {
            return Err(Error::plain(format!(
                "process {pid} has exited, and its parent has not waited for it yet"
            )));
        }
        Ok(handle)
    }

    /// Returns its pid.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Tells whether it has exited, with all of its threads.
    pub fn has_exited(&self) -> bool {
        ended(&self.pidfd, PollFlags::IN)
    }

    /// Returns what `look` finds out about its pid, if it is still that of the same process.
    pub fn sure<T>(&self, look: impl FnOnce(i32) -> io::Result<T>) -> Result<T, Error> {
        let found = look(self.pid);
        // Until now nobody else could have the pid.
        if self.has_exited() {
            return Err(Error::plain(format!("process {} has exited", self.pid)));
        }
        found.map_err(|e| Error::new(format!("cannot look at process {}", self.pid), e))
    }
}

impl AsFd for Handle {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }
}

/// Returns a pidfd of the process `pid`.
pub(crate) fn open_pidfd(pid: i32) -> Result<OwnedFd, Errno> {
    let number = Pid::from_raw(pid).filter(|_| pid > 0).ok_or(Errno::INVAL)?;
    pidfd_open(number, PidfdFlags::empty())
}

/// Tells whether a pidfd shows any of `events` or has hung up: at once.
pub(crate) fn ended(pidfd: impl AsFd, events: PollFlags) -> bool {
    let mut fds = [PollFd::new(&pidfd, events)];
    poll(&mut fds, Some(&Timespec::default())).is_ok_and(|n| n > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    fn own_pid() -> i32 {
        i32::try_from(std::process::id()).unwrap()
    }

    #[test]
    fn stat_with_odd_name() {
        let threads = |n| format!("42 (a) S 7 (\n) Z 17 1 1 0 -1 4 0 0 0 0 0 0 0 0 20 0 {n} 0 9");
        let stat = parse_stat(&threads(1)).unwrap();
        assert!(stat.has_exited && stat.start == 9);
        assert_eq!(
            stat.process,
            Process {
                pid: 42,
                parent: 17,
                group: 1,
                session: 1,
                is_zombie: true,
            }
        );
        // Only its main thread has exited.
        let stat = parse_stat(&threads(2)).unwrap();
        assert!(stat.has_exited && !stat.process.is_zombie);
        assert_eq!(parse_stat(""), None);
        assert_eq!(parse_stat("1 (x"), None);
        assert_eq!(parse_stat("1 (x) S 0 1 1"), None);
    }

    #[test]
    fn handles() {
        let me = Handle::open(own_pid()).unwrap();
        assert!(!me.has_exited());
        assert_eq!(me.sure(Ok).unwrap(), own_pid());
        let none = Handle::open(4_194_304).unwrap_err();
        assert_eq!(none.to_string(), "there is no process with the pid 4194304");
        assert!(Handle::open(0).is_err());

        let mut child = Command::new("true").spawn().unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        let pidfd = open_pidfd(pid).unwrap();
        let mut fds = [PollFd::new(&pidfd, PollFlags::IN)];
        poll(&mut fds, None).unwrap();
        // It is a zombie now.
        let zombie = Handle::open(pid).unwrap_err();
        assert!(zombie.to_string().contains("has exited"), "{zombie}");
        child.wait().unwrap();
    }
}
