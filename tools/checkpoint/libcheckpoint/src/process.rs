// SPDX-License-Identifier: GPL-2.0

//! Processes: handles on them, and what /proc says about them.

use crate::Error;
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
        pidfd_send_signal,
        Pid,
        PidfdFlags,
        Signal, //
    }, //
};
use std::{
    collections::{
        HashMap,
        HashSet, //
    },
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
    time::{
        Duration,
        Instant, //
    }, //
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

/// Parses /proc/PID/stat.
fn parse_stat(stat: &str) -> Option<Process> {
    let pid = stat.split(' ').next()?.parse().ok()?;
    // The name may hold anything, also parentheses and newlines.
    let mut fields = stat.get(stat.rfind(')')? + 1..)?.split_whitespace();
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    let group = fields.next()?.parse().ok()?;
    let session = fields.next()?.parse().ok()?;
    // The main thread may have exited before the others.
    let threads: i32 = fields.nth(13).unwrap_or("1").parse().ok()?;
    Some(Process {
        pid,
        parent,
        group,
        session,
        is_zombie: matches!(state, "Z" | "X") && threads <= 1,
    })
}

/// Bytes of /proc/PID/stat that have all fields that are looked at, and more.
const STAT_LEN: usize = 1024;

/// Returns what /proc says about the process `pid`.
pub fn look(pid: i32) -> io::Result<Process> {
    // Of all processes there are: with one call of the kernel less for each than fs::read().
    let mut stat = [0; STAT_LEN];
    let len = fs::File::open(format!("/proc/{pid}/stat"))?.read(&mut stat)?;
    parse_stat(&String::from_utf8_lossy(
        stat.get(..len).unwrap_or_default(),
    ))
    .ok_or_else(|| io::Error::other("/proc/PID/stat has another form than is known"))
}

/// Returns the name of the process `pid`.
pub fn name(pid: i32) -> Option<String> {
    let name = fs::read(format!("/proc/{pid}/comm")).ok()?;
    Some(String::from_utf8_lossy(name.trim_ascii_end()).into_owned())
}

/// Returns all processes that are here.
fn all() -> io::Result<Vec<Process>> {
    let mut all = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(number) = name.to_str().and_then(|n| n.parse().ok()) else {
            continue;
        };
        // One that exits meanwhile is not missed.
        all.extend(look(number));
    }
    Ok(all)
}

/// Returns the processes whose group or session has the number `pid`: as long as there is one, no
/// process gets that pid, also when the one that had it is gone.
pub fn members(pid: i32) -> io::Result<Vec<Process>> {
    let mut found = all()?;
    found.retain(|p| p.group == pid || p.session == pid);
    Ok(found)
}

/// Returns the process `pid` and all that descend from it, parents first.
pub fn subtree(pid: i32) -> io::Result<Vec<Process>> {
    let mut children: HashMap<i32, Vec<Process>> = HashMap::new();
    let mut tree = Vec::new();
    for process in all()? {
        if process.pid == pid {
            tree.push(process);
        } else {
            children.entry(process.parent).or_default().push(process);
        }
    }
    let mut next = 0;
    while let Some(process) = tree.get(next).copied() {
        tree.append(&mut children.remove(&process.pid).unwrap_or_default());
        next += 1;
    }
    Ok(tree)
}

/// Returns the children of the process `pid`: those of each of its threads.
fn children(pid: i32) -> io::Result<Vec<i32>> {
    let mut found = Vec::new();
    for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
        let list = fs::read_to_string(thread?.path().join("children"))?;
        found.extend(
            list.split_whitespace()
                .filter_map(|n| n.parse::<i32>().ok()),
        );
    }
    Ok(found)
}

/// Returns most of what [`subtree`] does, without a look at all processes that there are: siblings of
/// one that is waited for in that moment may be missing. `None`: one has exited, or the kernel does
/// not tell (CONFIG_PROC_CHILDREN).
pub fn most_of_subtree(pid: i32) -> Option<Vec<Process>> {
    let mut tree = vec![look(pid).ok()?];
    let mut next = 0;
    while let Some(process) = tree.get(next).copied() {
        // One that has another parent now is not a child any more.
        let listed = children(process.pid).ok()?;
        // Else it may have exited, and they are those of another one, which has got its pid.
        if look(process.pid).ok()?.parent != process.parent {
            return None;
        }
        let here = listed.into_iter().filter_map(|child| look(child).ok());
        tree.extend(here.filter(|child| child.parent == process.pid));
        next += 1;
    }
    Some(tree)
}

/// Returns the pids of `pid` in all pid namespaces from this one inwards.
pub fn pids_by_namespace(pid: i32) -> io::Result<Vec<i32>> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
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

/// Sends a signal to a process, if its pid is still that of the one that was looked at.
fn send(process: &Process, signal: Signal) {
    let Ok(pidfd) = open_pidfd(process.pid) else {
        return;
    };
    if look(process.pid).ok() == Some(*process) {
        let _ = pidfd_send_signal(&pidfd, signal);
    }
}

/// Ends the process `pid` and all that descend from it. They are stopped first, so that none forks
/// and gets away. There may be more of them than this process may have descriptors.
pub fn end_tree(pid: i32) -> io::Result<()> {
    let mut stopped: HashSet<i32> = HashSet::new();
    loop {
        let before = stopped.len();
        let tree = subtree(pid)?;
        for process in tree.iter().filter(|p| !p.is_zombie) {
            if stopped.insert(process.pid) {
                send(process, Signal::STOP);
            }
        }
        if stopped.len() == before {
            // Children first: who has lost its parent would be taken for another one.
            for process in tree.iter().rev() {
                send(process, Signal::KILL);
            }
            return Ok(());
        }
    }
}

/// How many descriptors [`Processes::of`] leaves for others.
const SPARE: usize = 32;

/// The processes of a tree, to be waited for.
pub struct Processes(Vec<OwnedFd>);

impl Processes {
    /// Takes handles on the process `pid` and all that descend from it, as many as this process
    /// may have descriptors, less some that are needed for other things.
    pub fn of(pid: i32) -> io::Result<Self> {
        let mut handles = Vec::new();
        for process in subtree(pid)? {
            match open_pidfd(process.pid) {
                Ok(handle) => handles.push(handle),
                Err(Errno::MFILE | Errno::NFILE) => {
                    handles.truncate(handles.len().saturating_sub(SPARE));
                    break;
                }
                Err(_) => (),
            }
        }
        Ok(Self(handles))
    }

    /// Waits until all have been waited for by their parents, so that their pids are free, but
    /// for `longest` at most: a parent need not do it. Tells whether all are gone.
    pub fn wait_reaped(mut self, longest: Duration) -> bool {
        let end = Instant::now() + longest;
        loop {
            // Without events only POLLHUP is reported, which comes when the pid is given up.
            self.0.retain(|fd| !ended(fd, PollFlags::empty()));
            let Some(one) = self.0.first() else {
                return true;
            };
            let left = end.saturating_duration_since(Instant::now());
            let Ok(left) = Timespec::try_from(left) else {
                return false;
            };
            let mut fds = [PollFd::new(one, PollFlags::empty())];
            match poll(&mut fds, Some(&left)) {
                Ok(0) => return false,
                Ok(_) | Err(Errno::INTR) => (),
                Err(_) => return false,
            }
        }
    }
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
        let process = parse_stat(&threads(1)).unwrap();
        assert_eq!(
            process,
            Process {
                pid: 42,
                parent: 17,
                group: 1,
                session: 1,
                is_zombie: true,
            }
        );
        // Only its main thread has exited.
        assert!(!parse_stat(&threads(2)).unwrap().is_zombie);
        assert_eq!(parse_stat(""), None);
        assert_eq!(parse_stat("1 (x"), None);
    }

    #[test]
    fn own_subtree_quickly() {
        let me = std::process::id().cast_signed();
        let mut child = std::process::Command::new("sleep")
            .arg("100")
            .spawn()
            .unwrap();
        let child_pid = child.id().cast_signed();
        // A kernel that does not tell is one that is asked otherwise.
        if let Some(tree) = most_of_subtree(me) {
            assert_eq!(tree.first().map(|p| p.pid), Some(me));
            assert!(tree.iter().any(|p| p.pid == child_pid && p.parent == me));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!subtree(me).unwrap().iter().any(|p| p.pid == child_pid));
    }

    #[test]
    fn own_subtree() {
        let me = own_pid();
        let tree = subtree(me).unwrap();
        assert_eq!(tree.first().unwrap().pid, me);
        assert!(!is_container_init(me).unwrap() || pids_by_namespace(me).unwrap().len() > 1);
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
        let processes = Processes(vec![pidfd.try_clone().unwrap()]);
        assert!(!processes.wait_reaped(Duration::ZERO));
        child.wait().unwrap();
        assert!(Processes(vec![pidfd]).wait_reaped(Duration::ZERO));
    }
}
