// SPDX-License-Identifier: GPL-2.0

//! Trees of processes: who descends from whom.
//!
//! The kernel lists the children of each thread (`/proc/PID/task/TID/children`, CONFIG_PROC_CHILDREN), so
//! that it takes a look at the processes of a tree and not at all that there are. Nothing stands still
//! meanwhile, however:
//!
//! - New children, also those that a process inherits, come last in its list. The list goes on after the
//!   last child that was read, unless that is gone: then others may be left out.
//! - What exits gives its children away at the same moment: to another thread of its process, or to a
//!   process above it that takes in orphans, whose list may have been read before. Where none in the
//!   tree does, they leave the tree.
//!
//! So each child that is listed is looked at, and each thread again whose list was read: if one is gone,
//! or has exited, which it had not when the search began, the search begins again. What it finds when none
//! is lacks only what was forked since then, and what descends from that. Who wants to have these, too,
//! sees to it that what is forked is noticed: by moving the processes that were found into a cgroup, say,
//! and looking again. A look at all processes there are, by their parents, notices none of this.

use crate::{
    process::{
        all,
        is_missing,
        look,
        open_pidfd,
        stat,
        Process,
        Stat,
        PROC, //
    },
    small, //
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
        pidfd_send_signal,
        Signal, //
    }, //
};
use std::{
    collections::{
        HashMap,
        HashSet, //
    },
    fs,
    io,
    os::fd::OwnedFd,
    path::{
        Path,
        PathBuf, //
    },
    time::{
        Duration,
        Instant, //
    }, //
};

/// How often to begin again while processes exit, before all that there are are looked at.
const ROUNDS: usize = 4;

/// Returns the process `pid` and all that descend from it, parents first; none if it is not there.
pub fn subtree(pid: i32) -> io::Result<Vec<Process>> {
    subtree_in(Path::new(PROC), pid)
}

fn subtree_in(proc: &Path, pid: i32) -> io::Result<Vec<Process>> {
    let mut exited = HashSet::new();
    for _ in 0..ROUNDS {
        let mut search = Search {
            proc,
            exited: &mut exited,
            settled: true,
        };
        match search.tree(pid) {
            Some(tree) if search.settled => return Ok(tree),
            Some(_) => (),
            None => break,
        }
    }
    by_parents(proc, pid)
}

/// Does the same with a look at all processes that are here.
fn by_parents(proc: &Path, pid: i32) -> io::Result<Vec<Process>> {
    let mut children: HashMap<i32, Vec<Process>> = HashMap::new();
    let mut tree = Vec::new();
    for process in all(proc)? {
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

/// A search for the processes of a tree.
struct Search<'a> {
    /// Where they are shown.
    proc: &'a Path,
    /// Threads that had exited before it began, or were seen so, and when they began. They have no
    /// children any more.
    exited: &'a mut HashSet<(i32, u64)>,
    /// Nothing has happened meanwhile by which a process can have been missed.
    settled: bool,
}

impl Search<'_> {
    /// Returns the tree below `pid`. `None`: the kernel does not tell.
    fn tree(&mut self, pid: i32) -> Option<Vec<Process>> {
        let root = match stat(self.proc.join(format!("{pid}/stat"))) {
            Ok(root) => root,
            Err(e) if is_missing(&e) => return Some(Vec::new()),
            // Nobody may take it for one that has no processes.
            Err(_) => return None,
        };
        let mut found = vec![root];
        let mut next = 0;
        while let Some(parent) = found.get(next).copied() {
            if parent.process.is_zombie {
                self.has_exited(&parent);
            } else {
                found.append(&mut self.children(&parent)?);
            }
            next += 1;
        }
        Some(found.into_iter().map(|s| s.process).collect())
    }

    /// Notes that a thread has exited.
    fn has_exited(&mut self, thread: &Stat) {
        let id = (thread.process.pid, thread.start);
        self.settled &= !self.exited.insert(id);
    }

    /// Returns the children of a process. `None`: the kernel does not tell.
    fn children(&mut self, parent: &Stat) -> Option<Vec<Stat>> {
        let pid = parent.process.pid;
        let tasks = self.proc.join(format!("{pid}/task"));
        let threads = match parent.threads {
            1 => vec![pid],
            _ => self.threads(&tasks),
        };
        let mut found = Vec::new();
        for tid in &threads {
            let dir: PathBuf = tasks.join(tid.to_string());
            match small::text(dir.join("children")) {
                Ok(list) => found.extend(self.listed(&list, pid)),
                Err(_) if dir.is_dir() => return None,
                Err(_) => self.settled = false,
            }
        }
        for tid in &threads {
            match stat(tasks.join(format!("{tid}/stat"))) {
                Ok(now) if now.has_exited => self.has_exited(&now),
                // A process may have got the pid of one that is gone: as the child of another one, or
                // of the same, which has waited for it.
                Ok(now) => {
                    self.settled &= now.process.parent == parent.process.parent
                        && (*tid != pid || now.start == parent.start);
                }
                Err(_) => self.settled = false,
            }
        }
        Some(found)
    }

    fn threads(&mut self, tasks: &Path) -> Vec<i32> {
        let Ok(entries) = fs::read_dir(tasks) else {
            self.settled = false;
            return Vec::new();
        };
        let names = entries.flatten().map(|entry| entry.file_name());
        names
            .filter_map(|name| name.to_str()?.parse().ok())
            .collect()
    }

    /// Looks at the processes in a list of children of `parent`.
    fn listed(&mut self, list: &str, parent: i32) -> Vec<Stat> {
        let mut found = Vec::new();
        for child in list.split_whitespace() {
            match stat(self.proc.join(child).join("stat")) {
                Ok(child) if child.process.parent == parent => found.push(child),
                _ => self.settled = false,
            }
        }
        found
    }
}

/// Tells whether the process `pid` is `ancestor` or descends from it.
pub fn descends(pid: i32, ancestor: i32) -> io::Result<bool> {
    descends_in(Path::new(PROC), pid, ancestor)
}

fn descends_in(proc: &Path, pid: i32, ancestor: i32) -> io::Result<bool> {
    for _ in 0..ROUNDS {
        if let Some(found) = climb(proc, pid, ancestor) {
            return Ok(found);
        }
    }
    Ok(by_parents(proc, ancestor)?.iter().any(|p| p.pid == pid))
}

/// Goes up from `pid` to `ancestor`. `None`: one on the way has exited, and its children have another
/// parent now.
fn climb(proc: &Path, pid: i32, ancestor: i32) -> Option<bool> {
    let mut at = pid;
    while at != ancestor {
        // The first process of a pid namespace has a parent that is not shown.
        if at == 0 {
            return Some(false);
        }
        at = stat(proc.join(format!("{at}/stat"))).ok()?.process.parent;
    }
    Some(true)
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
            self.0
                .retain(|fd| !crate::process::ended(fd, PollFlags::empty()));
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

    /// A directory as /proc, with processes that the test makes up.
    struct Made(tempfile::TempDir);

    impl Made {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        /// Says that thread `tid` of process `pid` is there, in `state`, and has `children`.
        fn thread(
            &self,
            (pid, tid): (i32, i32),
            parent: i32,
            state: char,
            threads: i32,
            children: &str,
        ) {
            let text = |id| {
                format!("{id} (x) {state} {parent} 1 1 0 -1 4 0 0 0 0 0 0 0 0 20 0 {threads} 0 9")
            };
            let dir = self.0.path().join(format!("{pid}/task/{tid}"));
            fs::create_dir_all(&dir).unwrap();
            fs::write(dir.join("stat"), text(tid)).unwrap();
            fs::write(dir.join("children"), children).unwrap();
            if pid == tid {
                fs::write(self.0.path().join(format!("{pid}/stat")), text(pid)).unwrap();
            }
        }

        /// Says the same of a process with one thread that runs.
        fn process(&self, pid: i32, parent: i32, children: &str) {
            self.thread((pid, pid), parent, 'S', 1, children);
        }

        /// Returns the tree below process 10, and whether all processes had to be looked at for it:
        /// one of them is none of the lists' for that.
        fn tree(&self) -> (Vec<i32>, bool) {
            self.process(99, 10, "");
            let tree = subtree_in(self.0.path(), 10).unwrap();
            let mut pids: Vec<i32> = tree.iter().map(|p| p.pid).collect();
            let all = pids.contains(&99);
            pids.retain(|&pid| pid != 99);
            if all {
                // Those are in no order but for their parents.
                pids.sort_unstable();
            }
            (pids, all)
        }
    }

    #[test]
    fn by_lists_of_children() {
        let made = Made::new();
        made.process(1, 0, "10 20 ");
        made.process(10, 1, "12 11 ");
        made.process(11, 10, "");
        made.process(12, 10, "13 ");
        made.process(13, 12, "");
        made.process(20, 1, "21 ");
        made.process(21, 20, "");
        assert_eq!(made.tree(), (vec![10, 12, 11, 13], false));
        assert!(subtree_in(made.0.path(), 30).unwrap().is_empty());
    }

    #[test]
    fn children_of_all_threads() {
        let made = Made::new();
        made.thread((10, 10), 1, 'S', 2, "11 ");
        made.thread((10, 15), 1, 'S', 2, "12 ");
        made.process(11, 10, "");
        made.process(12, 10, "");
        let (mut pids, all) = made.tree();
        pids.sort_unstable();
        assert_eq!((pids, all), (vec![10, 11, 12], false));
        // The first thread has exited.
        made.thread((10, 10), 1, 'Z', 2, "");
        assert_eq!(made.tree(), (vec![10, 12], false));
    }

    /// One that nobody waits for does not make the search go on for ever.
    #[test]
    fn zombies() {
        let made = Made::new();
        made.process(10, 1, "11 12 ");
        made.thread((11, 11), 10, 'Z', 1, "");
        made.process(12, 10, "");
        assert_eq!(made.tree(), (vec![10, 11, 12], false));
        // It was the last in a list that may go on: so it is looked at again.
        let mut exited = HashSet::new();
        for settled in [false, true] {
            let mut search = Search {
                proc: made.0.path(),
                exited: &mut exited,
                settled: true,
            };
            assert_eq!(search.tree(10).unwrap().len(), 3);
            assert_eq!(search.settled, settled);
        }
    }

    /// Where lists of children and what processes say of their parents differ, somebody has exited.
    #[test]
    fn orphans() {
        // 13 was the child of 12, which is gone, and is that of 10 now.
        let made = Made::new();
        made.process(10, 1, "11 12 ");
        made.process(11, 10, "");
        made.process(13, 10, "");
        assert_eq!(made.tree(), (vec![10, 11, 13], true));
        // 12 is there, but is no child of 10 any more.
        let made = Made::new();
        made.process(10, 1, "12 ");
        made.process(12, 1, "13 ");
        made.process(13, 12, "");
        assert_eq!(made.tree(), (vec![10], true));
        // One thread of 10 has exited since they were counted.
        let made = Made::new();
        made.thread((10, 10), 1, 'S', 2, "11 ");
        made.process(11, 10, "");
        fs::create_dir_all(made.0.path().join("10/task/15")).unwrap();
        assert!(made.tree().1);
        // 11 has exited, and another child of 10 has its pid; 12 was a child of the first one.
        let made = Made::new();
        made.process(10, 1, "11 ");
        made.process(11, 10, "");
        let stat = made.0.path().join("11/stat");
        let text = fs::read_to_string(&stat).unwrap();
        fs::write(&stat, text.replace(" 0 9", " 0 8")).unwrap();
        made.process(12, 10, "");
        assert_eq!(made.tree(), (vec![10, 11, 12], true));
    }

    /// What can't be looked at is not taken for what is not there.
    #[test]
    fn errors() {
        let made = Made::new();
        made.process(10, 1, "");
        fs::write(made.0.path().join("10/stat"), "10 (x").unwrap();
        assert!(subtree_in(made.0.path(), 10).is_err());
    }

    #[test]
    fn kernel_that_does_not_tell() {
        let made = Made::new();
        made.process(10, 1, "");
        made.process(11, 10, "");
        made.process(12, 11, "");
        made.process(20, 1, "");
        for pid in [10, 11, 12, 20] {
            let list = format!("{pid}/task/{pid}/children");
            fs::remove_file(made.0.path().join(list)).unwrap();
        }
        assert_eq!(made.tree(), (vec![10, 11, 12], true));
    }

    #[test]
    fn upwards() {
        let made = Made::new();
        made.process(1, 0, "10 ");
        made.process(10, 1, "11 ");
        made.process(11, 10, "");
        let descends = |pid, ancestor| descends_in(made.0.path(), pid, ancestor).unwrap();
        assert!(descends(11, 11) && descends(11, 10) && descends(11, 1) && descends(10, 1));
        assert!(!descends(10, 11) && !descends(11, 12));
        // The parent can't be seen.
        made.process(21, 20, "");
        assert!(!descends(21, 1) && descends(21, 21));
        assert!(super::descends(own_pid(), 1).unwrap() || own_pid() == 1);
    }

    #[test]
    fn own_subtree() {
        let me = own_pid();
        let mut child = Command::new("sleep").arg("100").spawn().unwrap();
        let child_pid = child.id().cast_signed();
        let has_child = |tree: Vec<Process>| {
            assert_eq!(tree.first().map(|p| p.pid), Some(me));
            tree.iter().any(|p| p.pid == child_pid && p.parent == me)
        };
        assert!(has_child(subtree(me).unwrap()));
        assert!(has_child(by_parents(Path::new(PROC), me).unwrap()));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!has_child(subtree(me).unwrap()));
    }

    #[test]
    fn waits_until_reaped() {
        let mut child = Command::new("true").spawn().unwrap();
        let pidfd = open_pidfd(child.id().cast_signed()).unwrap();
        let processes = Processes(vec![pidfd.try_clone().unwrap()]);
        assert!(!processes.wait_reaped(Duration::ZERO));
        child.wait().unwrap();
        assert!(Processes(vec![pidfd]).wait_reaped(Duration::ZERO));
    }
}
